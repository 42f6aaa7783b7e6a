"""What ``events.state`` returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, TypeVar

from p2plab.events.state.fold import Fold
from p2plab.text import plural

__all__ = ["ByName", "NetworkState"]

V = TypeVar("V")


class ByName(dict[str, V]):
    """A dict that answers with something empty for a name it does not have, and does not keep it."""

    def __init__(self, empty: Callable[[], V]) -> None:
        super().__init__()
        self._empty = empty

    def __missing__(self, name: str) -> V:
        return self._empty()


def _names() -> list[str]:
    return []


def _circles() -> ByName[list[str]]:
    return ByName(_names)


class NetworkState:
    """The network as it was after the event ``seq``, at ``t`` seconds of lab time. It never changes.

    All lists of names are in the order in which the nodes were started, those from outside the lab last. Two states
    are equal where the network was the same, whenever that was.
    """

    def __init__(self, fold: Fold, names: list[str], t: float) -> None:
        self._fold = fold
        self._names = names
        self._scores: Callable[[], dict[str, dict[str, Any]] | None] = lambda: None
        self.t = t
        self.seq = fold.seq

    @cached_property
    def _order(self) -> dict[int, int]:
        return {index: place for place, index in enumerate((*self._fold.started, *self._fold.attached))}

    def _listed(self, indices: Iterable[int]) -> list[str]:
        order, names, chosen = self._order, self._names, list(indices)
        try:
            chosen.sort(key=order.__getitem__)
        except KeyError:  # somebody outside the lab is among them
            last = len(order)
            chosen.sort(key=lambda index: (order.get(index, last), index))
        return [names[index] for index in chosen]

    @cached_property
    def nodes(self) -> list[str]:
        """The names of all nodes that were started so far, running or not."""
        return [self._names[index] for index in self._fold.started]

    @cached_property
    def down(self) -> list[str]:
        """The names of the nodes that had crashed or stopped, and had not come back."""
        return self._listed(self._fold.down)

    @cached_property
    def attached(self) -> list[str]:
        """The names of nodes outside the lab that were attached to it."""
        return [self._names[index] for index in self._fold.attached]

    @cached_property
    def lost(self) -> list[str]:
        """The names of the attached nodes that did not answer."""
        return self._listed(index for index in self._fold.lost if index in self._fold.attached)

    @cached_property
    def edges(self) -> list[tuple[str, str]]:
        """Who was connected to whom, as ``lab.edges()``: sorted pairs. An edge is there while either end holds it."""
        names, known, ends = self._names, self._order, self._fold.ends
        pairs = {
            (node, peer) if node < peer else (peer, node)
            for node in ends
            if node in known
            for peer, _ in ends.get(node)
            if peer in known
        }
        named = ((names[a], names[b]) for a, b in pairs)
        return sorted((a, b) if a < b else (b, a) for a, b in named)

    @cached_property
    def subscriptions(self) -> ByName[list[str]]:
        """By topic, sorted: the nodes that subscribed to it; a node that is down keeps what it subscribes to."""
        found: dict[str, list[int]] = {}
        for node in self._fold.topics:
            for topic in self._fold.topics.get(node):
                found.setdefault(topic, []).append(node)
        listed: ByName[list[str]] = ByName(_names)
        for topic in sorted(found):
            listed[topic] = self._listed(found[topic])
        return listed

    @cached_property
    def meshes(self) -> ByName[ByName[list[str]]]:
        """By topic and node: whom the node had in its mesh. A subscriber with an empty mesh is there."""
        by_topic = self._grouped(self._fold.meshes)
        for topic, nodes in self.subscriptions.items():
            for node in nodes:
                by_topic.setdefault(topic, _circles()).setdefault(node, [])
        return self._sorted(by_topic)

    @cached_property
    def fanout(self) -> ByName[ByName[list[str]]]:
        """By topic and node: whom the node sent to on a topic that it did not subscribe to."""
        return self._sorted(self._grouped(self._fold.fanouts))

    def _grouped(self, circles: Any) -> dict[str, ByName[list[str]]]:
        found: dict[str, dict[int, list[int]]] = {}
        for node in circles:
            for topic, peer in circles.get(node):
                found.setdefault(topic, {}).setdefault(node, []).append(peer)
        grouped = {}
        for topic, by_node in found.items():
            named = grouped[topic] = _circles()
            for node, peers in by_node.items():
                named[self._names[node]] = self._listed(peers)
        return grouped

    def _sorted(self, by_topic: dict[str, ByName[list[str]]]) -> ByName[ByName[list[str]]]:
        order = {name: place for place, name in enumerate((*self.nodes, *self.attached))}
        result: ByName[ByName[list[str]]] = ByName(_circles)
        for topic in sorted(by_topic):
            nodes = result[topic] = _circles()
            for node in sorted(by_topic[topic], key=lambda name: order.get(name, len(order))):
                nodes[node] = by_topic[topic][node]
        return result

    @cached_property
    def partitions(self) -> list[list[list[str]]]:
        """The cuts that held, oldest first; each a list of groups of names."""
        return [[list(group) for group in groups] for groups in self._fold.cuts]

    @cached_property
    def tables(self) -> ByName[list[str]] | None:
        """By node: the peers in its DHT's routing table. None, not recorded, once tables were filled at once."""
        if self._fold.filled:
            return None
        tables: ByName[list[str]] = ByName(_names)
        for node in sorted(self._fold.tables, key=lambda node: self._order.get(node, len(self._order))):
            tables[self._names[node]] = self._listed(self._fold.tables.get(node))
        return tables

    @cached_property
    def scores(self) -> dict[str, dict[str, Any]] | None:
        """By node that runs and peer, as ``node.scores()``. A mock lab does its run again to know those of the past,
        which takes as long as the run took; others have what heartbeats recorded at the level ``all``. None: not
        recorded."""
        return self._scores()

    def scores_from(self, source: Callable[[], dict[str, dict[str, Any]] | None]) -> None:
        """Have ``scores`` asked of this, when somebody wants them."""
        self._scores = source

    @property
    def connections(self) -> int:
        """How many edges there were."""
        return len(self.edges)

    def _same(self) -> tuple[Any, ...]:
        return (
            self.nodes,
            self.down,
            self.attached,
            self.lost,
            self.edges,
            self.subscriptions,
            self.meshes,
            self.fanout,
            self.partitions,
            self.tables,
        )

    def __eq__(self, other: object) -> bool:
        return self._same() == other._same() if isinstance(other, NetworkState) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        parts = [plural(len(self.nodes), "node"), plural(len(self.edges), "edge")]
        if self.down:
            parts.append(f"{len(self.down)} down")
        if self.subscriptions:
            parts.append(plural(len(self.subscriptions), "topic"))
        if self.partitions:
            parts.append(plural(len(self.partitions), "partition"))
        return f"<NetworkState at {self.t:.4f} s, event {self.seq}: {', '.join(parts)}>"
