"""The two maps of GossipSub's state (gossipsub-v1.0.md, "Router State"): meshes of the topics joined, and the fanout of
those only published to. Peers stand in the order they came, so that nothing follows a set's order."""

from __future__ import annotations

from typing import Any

from p2plab.effects import Note, note
from p2plab.pubsub.gossipsub.scoring.score import Scores

__all__ = ["Fanout", "Meshes"]


class Meshes(dict[str, dict[int, None]]):
    """By topic: the peers in its mesh. The scores are told who enters and leaves (P1, P3)."""

    __slots__ = ("_scores",)

    def __init__(self, scores: Scores) -> None:
        super().__init__()
        self._scores = scores

    def enter(self, topic: str, peer: int, now: int) -> None:
        """The peer is in the topic's mesh from now on."""
        self[topic][peer] = None
        self._scores.grafted(peer, topic, now)

    def leave(self, topic: str, peer: int) -> None:
        """The peer is no longer in the topic's mesh."""
        self[topic].pop(peer, None)
        self._scores.pruned(peer, topic)

    def grafted(self, peer: int, topic: str, reason: str, **numbers: Any) -> Note:
        """The event of a graft, with the numbers it was decided on."""
        return note("pubsub.graft", peer, topic, reason=reason, data={**numbers, "mesh": len(self[topic])})

    def pruned(self, peer: int, topic: str, reason: str, **numbers: Any) -> Note:
        """The event of a prune, with the numbers it was decided on."""
        return note("pubsub.prune", peer, topic, reason=reason, data={**numbers, "mesh": len(self[topic])})


class Fanout(dict[str, dict[int, None]]):
    """By topic: the peers that get what we publish there, and when we last did."""

    __slots__ = ("_published_at",)

    def __init__(self) -> None:
        super().__init__()
        self._published_at: dict[str, int] | None = None  # ticks, by topic; made with the first

    def published(self, topic: str, now: int) -> None:
        """We publish to a topic that we have not joined."""
        if self._published_at is None:
            self._published_at = {}
        self._published_at[topic] = now

    def unused_for(self, topic: str, now: int) -> int:
        """How many ticks ago we last published to it."""
        return now - (self._published_at or {})[topic]

    def end(self, topic: str) -> dict[int, None]:
        """Forget a topic's fanout; returns the peers that were in it."""
        if self._published_at is not None:
            self._published_at.pop(topic, None)
        return self.pop(topic, {})

    def drop(self, peer: int, topic: str, reason: str, **numbers: Any) -> list[Note]:
        """Take a peer out of a topic's fanout, if it is there; returns the event that says so."""
        peers = self.get(topic)
        if peers is None or peer not in peers:
            return []
        del peers[peer]
        return [note("pubsub.fanout", peer, topic, reason=reason, data={**numbers, "fanout": len(peers)})]
