"""What GossipSub keeps of a connected peer, and which features go with the protocol it speaks.

/meshsub/1.0.0 and up have meshes, 1.1.0 and up PRUNE with backoff and peer exchange, 1.2.0 and up IDONTWANT, 1.3.0
extensions; /floodsub/1.0.0 none of these.
"""

from __future__ import annotations

import functools

from p2plab.constants import FLOODSUB_ID, TICKS_PER_SECOND
from p2plab.pubsub.gossipsub.scoring.params import ScoreParams
from p2plab.pubsub.rpc import RPC

__all__ = [
    "GRAYLISTED",
    "LEVELS",
    "STANDINGS",
    "V10",
    "V11",
    "V12",
    "V13",
    "HeartbeatCounts",
    "Peer",
    "standing_of",
    "ticks",
]

LEVELS = {FLOODSUB_ID: 0, "/meshsub/1.0.0": 10, "/meshsub/1.1.0": 11, "/meshsub/1.2.0": 12, "/meshsub/1.3.0": 13}
V10, V11, V12, V13 = 10, 11, 12, 13
_PROTOCOLS = {level: protocol for protocol, level in LEVELS.items()}

# How low a score has fallen (gossipsub-v1.1.md, "Score Thresholds").
STANDINGS = ("good", "negative", "below gossip threshold", "below publish threshold", "graylisted")
GRAYLISTED = 4


class HeartbeatCounts:
    """What a peer sent within heartbeat ``beat``: IHAVEs, IDONTWANTs, and the ids that it was ``asked`` for."""

    __slots__ = ("asked", "beat", "idontwants", "ihaves")

    def __init__(self, beat: int) -> None:
        self.beat = beat
        self.ihaves = self.asked = self.idontwants = 0


class Peer:
    """A connected peer. ``level`` is its protocol's version without the dot; ``standing`` indexes STANDINGS."""

    __slots__ = ("_counts", "index", "introduction", "ip", "level", "outbound", "standing")

    def __init__(self, index: int, protocol: str, outbound: bool, ip: str) -> None:
        self.index = index
        self.ip = ip
        self.level = LEVELS[protocol]
        self.outbound = outbound
        # False until its first RPC comes; this, until its extensions have been dealt with, if it tells any; then True.
        self.introduction: RPC | bool = False
        self.standing = 0
        self._counts: HeartbeatCounts | None = (
            None  # made when first needed: a network has many peers that are never heard
        )

    @property
    def protocol(self) -> str:
        """What it speaks."""
        return _PROTOCOLS[self.level]

    def counts(self, beat: int) -> HeartbeatCounts:
        """The counts of this heartbeat."""
        counts = self._counts
        if counts is None or counts.beat != beat:
            counts = self._counts = HeartbeatCounts(beat)
        return counts


@functools.lru_cache(maxsize=256)
def ticks(seconds: float) -> int:
    """Seconds as whole ticks; the same object for the same parameter of all nodes."""
    return round(seconds * TICKS_PER_SECOND)


def standing_of(score: float, params: ScoreParams) -> int:
    """Where a score stands, as an index of STANDINGS."""
    if score >= 0:
        return 0
    if score >= params.gossip_threshold:
        return 1
    if score >= params.publish_threshold:
        return 2
    return 3 if score >= params.graylist_threshold else GRAYLISTED
