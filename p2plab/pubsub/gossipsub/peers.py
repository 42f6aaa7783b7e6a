"""What GossipSub keeps of a connected peer, and which features go with the protocol it speaks.

/meshsub/1.0.0 and up have meshes, 1.1.0 and up PRUNE with backoff and peer exchange, 1.2.0 and up IDONTWANT, 1.3.0
extensions; /floodsub/1.0.0 none of these.
"""

from __future__ import annotations

from p2plab.constants import FLOODSUB_ID, TICKS_PER_SECOND
from p2plab.pubsub.gossipsub.params import ScoreParams
from p2plab.pubsub.rpc import RPC

__all__ = ["GRAYLISTED", "LEVELS", "STANDINGS", "V10", "V11", "V12", "V13", "Peer", "standing_of", "ticks"]

LEVELS = {FLOODSUB_ID: 0, "/meshsub/1.0.0": 10, "/meshsub/1.1.0": 11, "/meshsub/1.2.0": 12, "/meshsub/1.3.0": 13}
V10, V11, V12, V13 = 10, 11, 12, 13

# How low a score has fallen (gossipsub-v1.1.md, "Score Thresholds").
STANDINGS = ("good", "negative", "below gossip threshold", "below publish threshold", "graylisted")
GRAYLISTED = 4


class Peer:
    """A connected peer. ``level`` is its protocol's version without the dot; ``ihaves``, ``asked`` and ``idontwants``
    count within heartbeat ``beat``; ``standing`` indexes STANDINGS."""

    __slots__ = (
        "asked", "beat", "extensions", "heard", "idontwants", "ihaves", "index", "introduction", "ip", "level",
        "outbound", "protocol", "standing",
    )  # fmt: skip

    def __init__(self, index: int, protocol: str, outbound: bool, ip: str) -> None:
        self.index = index
        self.protocol = protocol
        self.level = LEVELS[protocol]
        self.outbound = outbound
        self.ip = ip
        self.extensions: tuple[str, ...] = ()
        self.introduction: RPC | None = None  # its first RPC, until the control part has been dealt with
        self.heard = False
        self.standing = 0
        self.beat = 0
        self.ihaves = 0
        self.asked = 0
        self.idontwants = 0

    def count_in(self, beat: int) -> None:
        """Start the counters of this heartbeat, if they still are another's."""
        if self.beat != beat:
            self.beat = beat
            self.ihaves = self.asked = self.idontwants = 0


def ticks(seconds: float) -> int:
    """Seconds as whole ticks."""
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
