"""Who is wired to whom: the shapes ``lab.wire`` knows, as pairs of names. The first of a pair dials."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from p2plab.errors import ValidationError
from p2plab.errors.likely import did_you_mean, likely
from p2plab.typing import Chance

__all__ = ["SHAPES", "draw_for", "pairs_of"]

Pair = tuple[str, str]
SHAPES = ("ring", "line", "star", "full", "random")
CHOICE = f"take one of {', '.join(SHAPES)}, a list of pairs of names, or a networkx graph"
DEGREE = 4  # neighbours a node has in a random graph, unless told otherwise
ROUNDS = 4  # of pairing up, at random, nodes that lack neighbours
TRIES = 8  # shuffles of a cycle, of which the one that repeats the fewest edges is taken


def draw_for(seed: int, edges: int) -> Chance:
    """What a random shape is drawn from in a lab that has so many edges already.

    Not one stream for all of a lab's calls: how far it had come would be state that no command tells a replay of.
    """
    from p2plab.chance import stream_of  # only those who wire need it

    return stream_of(seed, f"topology/{edges}")


def pairs_of(
    shape: Any, names: Sequence[str], degree: int | None, draw: Chance, existing: Iterable[Pair] = ()
) -> list[Pair]:
    """The edges of a shape over these nodes; connected, no edge twice, none from a node to itself.

    ``shape`` is one of ``SHAPES``, a list of pairs of names, or a networkx graph. All of its nodes are names (or lab
    nodes), or none is: then they stand for ``names`` in their order.
    ``degree`` is for ``random`` alone, which counts the ``existing`` edges: it gives those that are missing, so that
    wiring again changes nothing. ValidationError says what cannot be wired.
    """
    if len(set(names)) != len(names):
        raise ValidationError(f"a node is named twice in {list(names)}")
    if isinstance(shape, str) and shape not in SHAPES:
        raise ValidationError(f"cannot wire {shape!r}: {did_you_mean(shape, SHAPES)}{CHOICE}")
    if degree is not None and shape != "random":
        raise ValidationError(f"degree={degree} goes with wire('random'), not with {shape!r}")
    if isinstance(shape, (list, tuple)):
        return _of_pairs(shape, names)
    if not isinstance(shape, str):
        return _of_graph(shape, names)
    count = len(names)
    if shape == "line":
        return list(pairwise(names))
    if shape == "ring":
        return list(pairwise(names)) + ([(names[-1], names[0])] if count > 2 else [])
    if shape == "star":
        return [(name, names[0]) for name in names[1:]]
    if shape == "full":
        return [(a, b) for at, a in enumerate(names) for b in names[at + 1 :]]
    return _random(names, degree, draw, existing)


def _random(names: Sequence[str], degree: int | None, draw: Chance, existing: Iterable[Pair]) -> list[Pair]:
    """A union of random cycles (which makes it connected), filled up to the degree asked for.

    Where there are edges already, no cycles: they are filled up, and what is still apart is joined.
    """
    count = len(names)
    if degree is None:
        degree = min(DEGREE, max(count - 1, 1))
    elif isinstance(degree, bool) or not isinstance(degree, int) or degree < 1:
        raise ValidationError(f"degree must be a whole number from 1 up, not {degree!r}")
    elif degree >= count:
        raise ValidationError(f"degree {degree} needs at least {degree + 1} nodes; there are {count}")
    graph = _Growing(count, degree, draw)
    at = {name: index for index, name in enumerate(names)}
    for one, other in existing:
        if one in at and other in at:
            graph.add(at[one], at[other])
    known = len(graph.edges)
    for _ in range(0 if known else max(1, degree // 2)):
        graph.add_cycle(closed=degree > 1)
    graph.pair_up()
    graph.break_into_edges(known)
    if known:
        graph.lean_on_others()
    graph.join()
    return [(names[a], names[b]) for a, b in graph.edges[known:]]


class _Growing:
    """A random graph over the numbers from 0 to ``count`` that is being filled up to a degree."""

    def __init__(self, count: int, degree: int, draw: Chance) -> None:
        self.edges: list[tuple[int, int]] = []
        self._neighbours: list[set[int]] = [set() for _ in range(count)]
        self._degree = degree
        self._draw = draw

    def add(self, a: int, b: int) -> None:
        """An edge, unless it is there or would be a loop."""
        if a != b and b not in self._neighbours[a]:
            self._neighbours[a].add(b)
            self._neighbours[b].add(a)
            self.edges.append((a, b))

    def add_cycle(self, closed: bool) -> None:
        """A path or cycle through all nodes in a random order, with few edges that are there already."""
        best: list[tuple[int, int]] = []
        count = len(self._neighbours)
        fewest = count + 1
        for _ in range(TRIES):
            order = list(range(count))
            self._draw.shuffle(order)
            cycle = list(pairwise(order)) + ([(order[-1], order[0])] if closed and count > 2 else [])
            repeated = sum(b in self._neighbours[a] for a, b in cycle)
            if repeated < fewest:
                best, fewest = cycle, repeated
            if not repeated:
                break
        for a, b in best:
            self.add(a, b)

    def pair_up(self) -> None:
        """Edges between nodes that lack neighbours: at random, then wherever there can still be one."""
        for _ in range(ROUNDS):
            lacking = self._lacking()
            self._draw.shuffle(lacking)
            for a, b in zip(lacking[::2], lacking[1::2], strict=False):
                self.add(a, b)
        lacking = self._lacking()
        for index, a in enumerate(lacking):
            for b in lacking[index + 1 :]:
                if len(self._neighbours[a]) < self._degree and len(self._neighbours[b]) < self._degree:
                    self.add(a, b)

    def break_into_edges(self, first: int) -> None:
        """Nodes that lack neighbours and have each other already get between the two ends of another edge, of those
        from number ``first`` on."""
        ends = [node for node in self._lacking() for _ in range(self._degree - len(self._neighbours[node]))]
        for a, b in zip(ends[::2], ends[1::2], strict=False):
            if first == len(self.edges):
                return
            start = self._draw.randrange(first, len(self.edges))  # all of them, beginning anywhere
            for c, d in self.edges[start:] + self.edges[first:start]:
                if c not in self._neighbours[a] | {a, b} and d not in self._neighbours[b] | {a, b}:
                    self.edges.remove((c, d))
                    self._neighbours[c].remove(d)
                    self._neighbours[d].remove(c)
                    self.add(a, c)
                    self.add(b, d)
                    break

    def lean_on_others(self) -> None:
        """Nodes that came later, and lack two neighbours or more, get them from nodes that have enough. (One may be
        lacking in any graph: the degrees add up to an even number.)"""
        for node in self._lacking():
            if len(self._neighbours[node]) < self._degree - 1:
                others = [other for other in range(len(self._neighbours)) if other not in self._neighbours[node]]
                for other in self._draw.sample(others, min(self._degree - len(self._neighbours[node]), len(others))):
                    self.add(node, other)

    def join(self) -> None:
        """An edge from each group of connected nodes to the next."""
        for group, other_group in pairwise(self._groups()):
            self.add(self._draw.choice(group), self._draw.choice(other_group))

    def _lacking(self) -> list[int]:
        return [index for index, others in enumerate(self._neighbours) if len(others) < self._degree]

    def _groups(self) -> list[list[int]]:
        groups, seen = [], [False] * len(self._neighbours)
        for start in range(len(seen)):
            if not seen[start]:
                seen[start] = True
                group = [start]
                for node in group:  # grows while it is gone through
                    for other in sorted(self._neighbours[node]):
                        if not seen[other]:
                            seen[other] = True
                            group.append(other)
                groups.append(group)
        return groups


def _of_pairs(listed: Sequence[Any], names: Sequence[str]) -> list[Pair]:
    """The pairs as they are listed, each once."""
    known = set(names)
    pairs: dict[frozenset[str], Pair] = {}
    for pair in listed:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise ValidationError(f"cannot wire {pair!r}: a list of pairs has two nodes in each, as ('alice', 'bob')")
        a, b = pair
        for name in (a, b):
            if not isinstance(name, str) or name not in known:
                raise ValidationError(f"cannot wire {pair!r}: {name!r} is none of the nodes to be wired")
        if a == b:
            raise ValidationError(f"cannot wire {pair!r}: no node connects to itself")
        pairs.setdefault(frozenset((a, b)), (a, b))
    return list(pairs.values())


def _of_graph(graph: Any, names: Sequence[str]) -> list[Pair]:
    """The edges of a networkx graph; recognised by what is used of it, so that networkx need not be installed."""
    if not (hasattr(graph, "nodes") and hasattr(graph, "edges")):
        raise ValidationError(f"cannot wire {graph!r}: {CHOICE}")
    nodes = [getattr(node, "name", node) for node in graph.nodes]
    known = set(names)
    strangers = [node for node in nodes if node not in known]
    if not strangers:
        name_of = {node: node for node in nodes}
    elif len(strangers) < len(nodes):
        raise ValidationError(_some_match(len(nodes) - len(strangers), strangers, names))
    elif len(nodes) == len(names):
        name_of = dict(zip(nodes, names, strict=True))
    else:
        raise ValidationError(
            f"the graph has {len(nodes)} nodes and the lab {len(names)}: give the graph's nodes the names of lab "
            "nodes, or wire(graph, nodes=[...]) with as many nodes as the graph has"
        )
    pairs: dict[frozenset[str], Pair] = {}
    for edge in graph.edges:
        a, b = (name_of[getattr(end, "name", end)] for end in edge[:2])
        if a != b:
            pairs.setdefault(frozenset((a, b)), (a, b))
    return list(pairs.values())


def _some_match(matching: int, strangers: Sequence[Any], names: Sequence[str]) -> str:
    """What is wrong with a graph of which only some nodes are named like the lab's."""
    told = []
    for node in strangers[:5]:
        near = likely(str(node), names)
        told.append(f"{node!r} (did you mean {near!r}?)" if near is not None else repr(node))
    rest = f" and {len(strangers) - 5} more" if len(strangers) > 5 else ""
    return (
        f"{matching} of the graph's nodes have names of the nodes to be wired, and these have not: "
        f"{', '.join(told)}{rest}; name all of the graph's nodes like the lab's, or none of them"
    )
