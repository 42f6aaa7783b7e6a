"""What GossipSub decides, to be overridden by who tries an idea: whom a message goes to, who is grafted, kept, told and
recommended. ``automaton.py`` says when each is asked."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any, ClassVar, Final, Literal, TypeAlias, get_args

from p2plab.errors.overrides import takes
from p2plab.pubsub.gossipsub.backoff import Backoff
from p2plab.pubsub.gossipsub.meshes import Meshes
from p2plab.pubsub.gossipsub.params import GossipSubParams
from p2plab.pubsub.gossipsub.peers import V10, Peer, ticks
from p2plab.pubsub.gossipsub.scoring.score import Scores
from p2plab.pubsub.message import Publication
from p2plab.pubsub.router import Router

__all__ = ["PURPOSES", "Decisions", "Purpose"]

Purpose: TypeAlias = Literal["graft", "outbound", "opportunistic", "gossip", "fanout", "exchange"]
PURPOSES: Final[tuple[Purpose, ...]] = get_args(Purpose)


class Decisions(Router):
    """The part of ``GossipSub`` that decides; the state it looks at is GossipSub's."""

    __slots__ = ()

    _params: GossipSubParams
    backoff: Backoff
    explicit: dict[int, str]
    flooders: dict[int, None]
    meshes: Meshes
    scores: Scores
    _tells_purpose: ClassVar[bool] = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._tells_purpose = takes(cls.choose, 4)

    @property
    def slack(self) -> int:
        """How long after a backoff's end we wait before we graft, in ticks."""
        return ticks(self._params.backoff_slack * self._params.heartbeat_interval)

    def recipients(self, publication: Publication, sender: int) -> list[int]:
        """Whom a message from ``sender`` is passed on to: the mesh, the explicit peers and the FloodSub peers of its
        topic, but neither the sender nor the author. ``sender`` is the index of the peer it came from; so are all
        peers here."""
        topic, origin = publication.topic, publication.origin
        chosen = list(self.meshes.get(topic, ()))
        for peer in (sender, origin):
            if peer in chosen:
                chosen.remove(peer)
        if self.explicit or self.flooders:
            chosen += [peer for peer in self._outside_meshes(topic) if peer != sender and peer != origin]
        return chosen

    def _outside_meshes(self, topic: str) -> list[int]:
        members = self.topics.get(topic, {})
        threshold = self.scores.params.publish_threshold
        return [peer for peer in self.explicit if peer in members] + [
            peer
            for peer in self.flooders
            if peer in members and peer not in self.explicit and not self.scores.below(peer, threshold)
        ]

    def candidates(self, topic: str, exclude: Container[int], now: int) -> list[int]:
        """The peers that may be grafted: they subscribe, have meshes, are not explicit, are not backed off, and do not
        score below zero."""
        members = self.topics.get(topic)
        if not members:
            return []
        if self._params.backoff_sweep > 1:
            held = self.backoff.kept(topic)
        else:
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

    def choose(self, candidates: list[int], count: int, purpose: Purpose = "graft") -> list[int]:
        """Up to ``count`` of the candidates, at random; a new list. Override it to prefer some.

        ``purpose``: ``graft`` (into a mesh, on joining or below D_low), ``outbound`` (for D_out), ``opportunistic``,
        ``gossip`` (an IHAVE), ``fanout``, ``exchange`` (to recommend in a PRUNE). An override may leave it out.
        ``self.rtt(peer)``, ``self.score(peer)`` and ``self.peers[peer]`` tell one candidate from another.
        """
        if count >= len(candidates):
            chosen = list(candidates)
            self.rng.shuffle(chosen)
            return chosen
        return self.rng.sample(candidates, count) if count > 0 else []

    def pick(self, candidates: list[int], count: int, purpose: Purpose) -> list[int]:
        """Call ``choose``, which in a subclass may take two arguments."""
        return self.choose(candidates, count, purpose) if self._tells_purpose else self.choose(candidates, count)

    def survivors(self, mesh: dict[int, None]) -> list[int]:
        """The D peers to keep in a mesh of more than D_high: the D_score best, the rest at random, and among all of
        them at least D_out outbound ones where there are so many (v1.1 "Outbound Mesh Quotas"). ``mesh`` has the
        peers as its keys, in the order in which they came."""
        params, peers = self._params, self.peers
        ranked = list(mesh)
        self.rng.shuffle(ranked)  # so that equal scores are in no particular order
        ranked.sort(key=self.score, reverse=True)
        rest = ranked[params.D_score :]
        self.rng.shuffle(rest)
        keep = ranked[: params.D_score] + rest[: params.D - params.D_score]
        spare = [peer for peer in rest[params.D - params.D_score :] if peers[peer].outbound]
        missing = params.D_out - self.count_outbound(keep)
        for place in range(len(keep) - 1, -1, -1):
            if missing <= 0 or not spare:
                break
            if not peers[keep[place]].outbound:
                keep[place] = spare.pop(0)
                missing -= 1
        return keep

    def gossip_targets(self, candidates: list[int]) -> list[int]:
        """The peers that one heartbeat's IHAVE of a topic goes to: ``gossip_factor`` of the candidates, at least
        D_lazy (v1.1 "Adaptive Gossip Dissemination"). ``candidates``: who subscribes to the topic, is in no
        mesh or fanout of it, and scores high enough."""
        share = int(self._params.gossip_factor * len(candidates))
        return self.pick(candidates, max(share, self._params.D_lazy), "gossip")

    def refuse_graft(self, entry: Peer, topic: str, now: int) -> str | None:
        """Why a GRAFT of a peer for a topic is answered with a PRUNE, in words for the log; None where it is accepted.
        ``now`` is in ticks."""
        if entry.index in self.explicit:
            return "explicit peer"
        if self.backoff.end(topic, entry.index) > now:
            return "backing off"
        if self.scores.below_zero(entry.index):
            return "negative score"
        if len(self.meshes[topic]) >= self._params.D_high and not entry.outbound:
            return "mesh full"
        return None

    def peers_to_exchange(self, topic: str, pruned: int) -> list[int]:
        """Whom to recommend to the peer ``pruned`` from the topic's mesh: up to ``prune_peers`` others in the topic
        that do not score below zero (v1.1 "PRUNE Backoff and Peer Exchange")."""
        others = [
            peer
            for peer in self.topics.get(topic, ())
            if peer != pruned and self.peers[peer].level >= V10 and not self.scores.below_zero(peer)
        ]
        return self.pick(others, self._params.prune_peers, "exchange")

    def accepts_exchange(self, entry: Peer) -> bool:
        """Whether peers recommended by this one are dialled."""
        score = self.score(entry.index)
        return score >= 0 and score >= self.scores.params.accept_px_threshold

    def score(self, peer: int) -> float:
        """The peer's score now."""
        return self.scores.score(peer)

    def count_outbound(self, peers: Iterable[int]) -> int:
        """How many of these peers we dialled."""
        known = self.peers
        count = 0
        for peer in peers:
            if known[peer].outbound:
                count += 1
        return count
