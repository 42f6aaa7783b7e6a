"""What each row changes in the network, for those who follow it instead of asking for states: pictures that move."""

from __future__ import annotations

from typing import Any, Final

from p2plab.events.event import Row
from p2plab.events.state.fold import FOLDED, Fold

__all__ = ["Change", "Changes"]

Change = tuple[Any, ...]
"""One of ``("node", node, "running" | "down" | "attached" | "lost" | "outside")``, ``("edge", a, b, is_there)`` with
a < b, ``("topic", node, topic, subscribes)``, ``("mesh", node, peer, topic, is_in)``, ``("cuts", groups)``; nodes are
the log's indices."""

_NODES: Final = {
    "node.started": "running",
    "node.restarted": "running",
    "node.stopped": "down",
    "node.crashed": "down",
    "node.attached": "attached",
    "node.found": "attached",
    "node.detached": "outside",
    "node.lost": "lost",
}
_TOPICS: Final = ("pubsub.subscribe", "pubsub.unsubscribe")
_MESH: Final = ("pubsub.graft", "pubsub.prune")
_CUTS: Final = ("network.partition", "network.heal")


class Changes:
    """Takes rows in order into ``fold`` and answers with what each changed."""

    def __init__(self, fold: Fold | None = None) -> None:
        self.fold = Fold() if fold is None else fold

    def whole(self) -> list[Change]:
        """Everything that is there, as if it had just changed."""
        fold = self.fold
        looks = {**dict.fromkeys(fold.started, "running"), **dict.fromkeys(fold.down, "down")}
        looks |= {**dict.fromkeys(fold.attached, "attached"), **dict.fromkeys(fold.lost, "lost")}
        found: list[Change] = [("node", node, look) for node, look in looks.items()]
        pairs = {(min(node, peer), max(node, peer)): None for node in fold.ends for peer, _ in fold.ends.get(node)}
        found += [("edge", a, b, True) for a, b in pairs]
        found += [("topic", node, topic, True) for node in fold.topics for topic in fold.topics.get(node)]
        found += [("mesh", node, peer, topic, True) for node in fold.meshes for topic, peer in fold.meshes.get(node)]
        return [*found, ("cuts", fold.cuts)] if fold.cuts else found

    def apply(self, row: Row) -> list[Change]:
        """Take one row in; what it changed, in the order in which to draw it."""
        kind = row[2]
        if kind not in FOLDED:
            self.fold.apply(row)
            return []
        if kind in _NODES:
            return self._node(row)
        if kind.startswith("connection."):
            return self._edge(row)
        fold, node, peer, topic = self.fold, row[3], row[4], row[5]
        if kind in _TOPICS and topic is not None:
            before = topic in fold.topics.get(node)
            fold.apply(row)
            after = topic in fold.topics.get(node)
            return [("topic", node, topic, after)] if after is not before else []
        if kind in _MESH and topic is not None:
            before = (topic, peer) in fold.meshes.get(node)
            fold.apply(row)
            after = (topic, peer) in fold.meshes.get(node)
            return [("mesh", node, peer, topic, after)] if after is not before else []
        fold.apply(row)
        return [("cuts", fold.cuts)] if kind in _CUTS else []

    def _joined(self, a: int, b: int) -> bool:
        ends = self.fold.ends
        return any(peer == b for peer, _ in ends.get(a)) or any(peer == a for peer, _ in ends.get(b))

    def _edge(self, row: Row) -> list[Change]:
        a, b = min(row[3], row[4]), max(row[3], row[4])
        if a < 0 or a == b:
            self.fold.apply(row)
            return []
        before = self._joined(a, b)
        self.fold.apply(row)
        after = self._joined(a, b)
        return [("edge", a, b, after)] if after is not before else []

    def _node(self, row: Row) -> list[Change]:
        """A node that goes takes its edges, meshes and, where its state is lost, subscriptions along."""
        fold, node = self.fold, row[3]
        peers = dict.fromkeys(peer for peer, _ in fold.ends.get(node))
        meshes, topics = fold.meshes.get(node), fold.topics.get(node)
        fold.apply(row)
        found: list[Change] = [("node", node, _NODES[row[2]])]
        for peer in peers:
            if not self._joined(node, peer):
                found.append(("edge", min(node, peer), max(node, peer), False))
        if not fold.meshes.get(node):
            found += [("mesh", node, peer, topic, False) for topic, peer in meshes]
        if not fold.topics.get(node):
            found += [("topic", node, topic, False) for topic in topics]
        return found
