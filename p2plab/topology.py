"""Who is wired to whom: the shapes ``lab.wire`` knows, as pairs of names. The first of a pair dials."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from p2plab.errors import ValidationError

__all__ = ["SHAPES", "pairs_of"]

Pair = tuple[str, str]
SHAPES = ("ring", "line", "star", "full", "random")
DEGREE = 4  # neighbours a node has in a random graph, unless told otherwise
ROUNDS = 4  # of pairing up, at random, nodes that lack neighbours
TRIES = 8  # shuffles of a cycle, of which the one that repeats the fewest edges is taken


def pairs_of(
    shape: Any, names: Sequence[str], degree: int | None, draw: random.Random, existing: Iterable[Pair] = ()
) -> list[Pair]:
    """The edges of a shape over these nodes; connected, no edge twice, none from a node to itself.

    ``shape`` is one of ``SHAPES`` or a networkx graph, whose nodes are names or stand for ``names`` in their order.
    ``degree`` is for ``random`` alone, which counts the ``existing`` edges: it gives those that are missing, so that
    wiring again changes nothing. ValidationError says what cannot be wired.
    """
    if len(set(names)) != len(names):
        raise ValidationError(f"a node is named twice in {list(names)}")
    if degree is not None and shape != "random":
        raise ValidationError(f"degree={degree} goes with wire('random'), not with {shape!r}")
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
    if shape == "random":
        return _random(names, degree, draw, existing)
    raise ValidationError(f"cannot wire {shape!r}: take one of {', '.join(SHAPES)}, or a networkx graph")


def _random(names: Sequence[str], degree: int | None, draw: random.Random, existing: Iterable[Pair]) -> list[Pair]:
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
    neighbours: list[set[int]] = [set() for _ in names]
    edges: list[tuple[int, int]] = []

    def add(a: int, b: int) -> None:
        if a != b and b not in neighbours[a]:
            neighbours[a].add(b)
            neighbours[b].add(a)
            edges.append((a, b))

    at = {name: index for index, name in enumerate(names)}
    for one, other in existing:
        if one in at and other in at:
            add(at[one], at[other])
    known = len(edges)
    for _ in range(0 if known else max(1, degree // 2)):
        for a, b in _cycle(count, neighbours, draw, closed=degree > 1):
            add(a, b)
    for _ in range(ROUNDS):
        lacking = _lacking(neighbours, degree)
        draw.shuffle(lacking)
        for a, b in zip(lacking[::2], lacking[1::2], strict=False):
            add(a, b)
    lacking = _lacking(neighbours, degree)
    for index, a in enumerate(lacking):
        for b in lacking[index + 1 :]:
            if len(neighbours[a]) < degree and len(neighbours[b]) < degree:
                add(a, b)
    for group, other_group in pairwise(_groups(neighbours)):
        add(draw.choice(group), draw.choice(other_group))
    return [(names[a], names[b]) for a, b in edges[known:]]


def _groups(neighbours: list[set[int]]) -> list[list[int]]:
    """The nodes that are connected with each other, group by group."""
    groups, seen = [], [False] * len(neighbours)
    for start in range(len(neighbours)):
        if not seen[start]:
            seen[start] = True
            group = [start]
            for node in group:  # grows while it is gone through
                for other in sorted(neighbours[node]):
                    if not seen[other]:
                        seen[other] = True
                        group.append(other)
            groups.append(group)
    return groups


def _lacking(neighbours: list[set[int]], degree: int) -> list[int]:
    return [index for index, others in enumerate(neighbours) if len(others) < degree]


def _cycle(count: int, neighbours: list[set[int]], draw: random.Random, closed: bool) -> list[tuple[int, int]]:
    """A path or cycle through all nodes in a random order, with few edges that are there already."""
    best: list[tuple[int, int]] = []
    fewest = count + 1
    for _ in range(TRIES):
        order = list(range(count))
        draw.shuffle(order)
        cycle = list(pairwise(order)) + ([(order[-1], order[0])] if closed and count > 2 else [])
        repeated = sum(b in neighbours[a] for a, b in cycle)
        if repeated < fewest:
            best, fewest = cycle, repeated
        if not repeated:
            break
    return best


def _of_graph(graph: Any, names: Sequence[str]) -> list[Pair]:
    """The edges of a networkx graph; recognised by what is used of it, so that networkx need not be installed."""
    if not (hasattr(graph, "nodes") and hasattr(graph, "edges")):
        raise ValidationError(f"cannot wire {graph!r}: take one of {', '.join(SHAPES)}, or a networkx graph")
    nodes = [getattr(node, "name", node) for node in graph.nodes]
    known = set(names)
    if all(node in known for node in nodes):
        name_of = {node: node for node in nodes}
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
