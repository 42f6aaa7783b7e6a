"""GossipSub's view of its peers: what they speak, how they score, whom it may turn to.

The first floor of the router; ``Mesh`` stands on it, and ``Gossip`` on that. Features follow the negotiated protocol:
/meshsub/1.0.0 and up have meshes, 1.1.0 and up PRUNE with backoff and peer exchange, 1.2.0 and up IDONTWANT, 1.3.0
extensions; /floodsub/1.0.0 none of these.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Iterable
from typing import Any

from p2plab.constants import FLOODSUB_ID, TICKS_PER_SECOND
from p2plab.pubsub.gossipsub.backoff import Backoff
from p2plab.pubsub.gossipsub.deliveries import Deliveries
from p2plab.pubsub.gossipsub.params import GossipSubParams, ScoreParams
from p2plab.pubsub.gossipsub.score import Scores
from p2plab.pubsub.router import NOTHING, RECONNECT, Effect, Effects, Router, note
from p2plab.pubsub.rpc import RPC

LEVELS = {FLOODSUB_ID: 0, "/meshsub/1.0.0": 10, "/meshsub/1.1.0": 11, "/meshsub/1.2.0": 12, "/meshsub/1.3.0": 13}
V10, V11, V12, V13 = 10, 11, 12, 13

_UNSCORED = ScoreParams(opportunistic_graft_threshold=0.0)  # every weight 0: all scores are 0

# How low a score has fallen, and what that means.
STANDINGS = ("good", "negative", "below gossip threshold", "below publish threshold", "graylisted")
_GRAYLISTED = 4


class Peer:
    """A connected peer. ``level`` is its protocol's version without the dot; the three counters are of heartbeat
    ``beat``, and ``standing`` indexes STANDINGS."""

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


def ticks(seconds: float) -> int:
    """Seconds as whole ticks."""
    return round(seconds * TICKS_PER_SECOND)


class Peering(Router):
    """Peers, scores, backoff, and the choice among peers."""

    # Slots: a thousand routers take turns, and every object less that a copy touches is a cache miss less.
    __slots__ = (
        "_params", "arrival_size", "backoff", "beats", "deliveries", "explicit", "flooders", "heartbeat_interval",
        "protocols", "scores", "watches_duplicates",
    )  # fmt: skip

    def __init__(self, params: GossipSubParams | None = None) -> None:
        super().__init__()
        self.peers: dict[int, Peer] = {}
        self.explicit: dict[int, str] = {}  # connected explicit peers, and how the parameters name them
        self.flooders: dict[int, None] = {}  # connected peers that speak FloodSub only
        self.backoff = Backoff()
        self.beats = 0
        self._params = params if params is not None else GossipSubParams.spec()
        self.scores = Scores(self._params.score or _UNSCORED)
        self.deliveries = Deliveries(self.scores, ticks(self._params.seen_ttl))
        self._configure()

    @property
    def params(self) -> GossipSubParams:
        """The parameters; setting them takes effect at once, without disturbing any state."""
        return self._params

    @params.setter
    def params(self, params: GossipSubParams) -> None:
        self._params = params
        self.scores.configure(params.score or _UNSCORED)
        self._configure()
        for peer in self.peers:
            self._recognise(peer)

    def _configure(self) -> None:
        params = self._params
        self.protocols = params.protocols
        self.heartbeat_interval = params.heartbeat_interval
        self.seen.ttl = max(1, ticks(params.seen_ttl))
        self.arrival_size = params.idontwant_message_threshold
        self.watches_duplicates = self.scores.rates_deliveries or bool(self.deliveries)

    @property
    def slack(self) -> int:
        """How long after a backoff's end we wait before we graft, in ticks."""
        return ticks(self._params.backoff_slack * self._params.heartbeat_interval)

    # -- peers

    def add_peer(self, peer: int, protocol: str, outbound: bool, ip: str, now: int) -> Effects:
        entry = self.peers[peer] = Peer(peer, protocol, outbound, ip)
        if entry.level < V10:
            self.flooders[peer] = None
        if entry.level >= V13:
            self.watched[peer] = None  # until its first RPC
        self.scores.add_peer(peer, ip)
        self._recognise(peer)
        effects = self._review(entry)
        if protocol != self.protocols[0]:
            data = {"protocol": protocol, "newest": self.protocols[0]}
            effects = [note("pubsub.protocol", peer, reason="the peer speaks no newer one", data=data), *effects]
        return effects

    def _recognise(self, peer: int) -> None:
        """See whether the parameters speak of this peer: as an explicit one, or with a score of its own."""
        self.explicit.pop(peer, None)
        app_specific = self.scores.params.app_specific
        if self._params.explicit_peers or app_specific:
            for name in self.directory.names(peer) if self.directory is not None else ():
                if name in self._params.explicit_peers:
                    self.explicit[peer] = name
                if name in app_specific:
                    self.scores.set_app(peer, app_specific[name])

    def reconnections(self) -> list[Effect]:
        """Dial the explicit peers that are not connected (gossipsub-v1.1.md, "Explicit Peering Agreements")."""
        connected = list(self.explicit.values())
        effects: list[Effect] = []
        for name in self._params.explicit_peers:
            if name not in connected:
                effects.append(note("pubsub.reconnect", reason="explicit peer", data={"peer": name}))
                effects.append((RECONNECT, name))
        return effects

    def remove_peer(self, peer: int, now: int) -> Effects:
        super().remove_peer(peer, now)
        for group in (self.flooders, self.watched, self.explicit):
            group.pop(peer, None)
        self.scores.remove_peer(peer, now)
        return NOTHING

    def set_app_score(self, peer: int, value: float) -> Effects:
        """Set the application-specific score (P5) of a connected peer."""
        self.scores.set_app(peer, value)
        entry = self.peers.get(peer)
        return NOTHING if entry is None else self._review(entry)

    # -- scores

    def score(self, peer: int) -> float:
        """The peer's score now."""
        return self.scores.score(peer)

    def penalise(self, entry: Peer, count: int, reason: str, topic: str | None = None, **data: Any) -> list[Effect]:
        """Count misbehaviour (P7), and say what came of it."""
        self.scores.penalise(entry.index, count)
        data = {"count": count, **data, "score": self.score(entry.index)}
        return [note("pubsub.penalty", entry.index, topic, reason=reason, data=data), *self._review(entry, True)]

    def _review(self, entry: Peer, chained: bool = False) -> Effects:
        """Note where a peer stands, if that has changed, and whether its RPCs are still read."""
        score = self.scores.score(entry.index) if entry.index in self.scores.suspects else 0.0
        params = self.scores.params
        if score >= 0:
            standing = 0
        elif score >= params.gossip_threshold:
            standing = 1
        elif score >= params.publish_threshold:
            standing = 2
        elif score >= params.graylist_threshold:
            standing = 3
        else:
            standing = _GRAYLISTED
        if standing == entry.standing:
            return NOTHING
        before, entry.standing = entry.standing, standing
        if standing == _GRAYLISTED:
            self.watched[entry.index] = None
        data = {"before": STANDINGS[before], **self.scores.components(entry.index)}
        return (note("pubsub.score", entry.index, reason=STANDINGS[standing], data=data, chained=chained),)

    def _review_suspects(self) -> list[Effect]:
        effects: list[Effect] = []
        for index in list(self.scores.suspects):
            entry = self.peers.get(index)
            if entry is not None:
                effects.extend(self._review(entry))
                self.scores.below_zero(index)  # clears a peer that has no penalty left
        return effects

    def admits(self, peer: int, rpc: RPC, now: int) -> Effects | None:
        entry = self.peers.get(peer)
        if entry is None:
            return NOTHING
        if peer not in self.explicit and self.scores.below(peer, self.scores.params.graylist_threshold):
            return None
        effects = NOTHING
        if entry.level >= V13 and not entry.heard:
            effects = self.opened(entry, rpc)
        entry.heard = True
        if entry.standing != _GRAYLISTED:
            del self.watched[peer]
        return effects

    def opened(self, entry: Peer, rpc: RPC) -> Effects:
        """The first RPC of a peer that speaks v1.3 or newer; it is read after this."""
        return NOTHING

    # -- choosing

    def candidates(self, topic: str, exclude: Container[int], now: int) -> list[int]:
        """The peers that may be grafted: they subscribe, have meshes, are not explicit, are not backed off, and do not
        score below zero."""
        members = self.topics.get(topic)
        if not members:
            return []
        held = self.backoff.held(topic, now, self.slack)
        peers, explicit, suspects = self.peers, self.explicit, self.scores.suspects
        return [
            peer
            for peer in members
            if peer not in exclude
            and peer not in held
            and peer not in explicit
            and peers[peer].level >= V10
            and not (peer in suspects and self.scores.below_zero(peer))
        ]

    def choose(self, candidates: list[int], count: int) -> list[int]:
        """Up to ``count`` of the candidates, at random. Override it to prefer some."""
        if count >= len(candidates):
            self.rng.shuffle(candidates)
            return candidates
        return self.rng.sample(candidates, count) if count > 0 else []

    def count_outbound(self, peers: Iterable[int]) -> int:
        """How many of these peers we dialled."""
        known = self.peers
        count = 0
        for peer in peers:
            if known[peer].outbound:
                count += 1
        return count

    # -- explaining

    def score_of(self, peer: int) -> dict[str, Any]:
        return self.scores.components(peer)

    def explain_peer(self, peer: int, topic: str | None, now: int) -> dict[str, Any]:
        """What decides about a peer now: its score with components, thresholds, standing, and the backoff left (s)."""
        entry = self.peers.get(peer)
        params = self.scores.params
        told: dict[str, Any] = {
            "connected": entry is not None,
            "protocol": entry.protocol if entry else None,
            "outbound": entry.outbound if entry else None,
            "explicit": peer in self.explicit,
            "standing": STANDINGS[entry.standing] if entry else None,
            **self.scores.components(peer),
            "thresholds": {
                entry.name: getattr(params, entry.name)
                for entry in dataclasses.fields(params)
                if entry.name.endswith("_threshold") and entry.name.split("_")[0] not in ("ip", "behaviour")
            },
        }
        if topic is not None:
            told["subscribes"] = peer in self.topics.get(topic, ())
            told["backoff_left"] = max(0, self.backoff.end(topic, peer) - now) / TICKS_PER_SECOND
        return told
