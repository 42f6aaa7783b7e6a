"""Layouts other than by forces: a place for each node, about 1 apart, in the order in which nodes were first seen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from p2plab_widgets.graph.scene import Scene
from p2plab_widgets.graph.wave import Wave

LAYOUTS: Final = ("force", "circle", "line", "grid", "tree", "regions", "given")
WIDE: Final = 1.8  # pictures are so many times wider than high
MOST_IN_BOW: Final = 24

Place = tuple[float, float]


def places(
    kind: str,
    scene: Scene,
    wave: Wave | None = None,
    keys: Mapping[str, bytes] | None = None,
    groups: Mapping[str, str] | None = None,
    given: Mapping[str, Place] | None = None,
) -> list[Place | None]:
    """A place for each node of the scene; None for one that is not shown or has none. ``keys`` orders a circle, by
    name; ``groups`` are the nodes' regions; ``given`` their places. ``kind`` is one of LAYOUTS but force."""
    nodes = scene.shown_nodes()
    if kind == "circle":
        ordered = sorted(nodes, key=lambda i: (keys or {}).get(scene.names[i], b""))
        found = dict(zip(ordered, _circle(len(ordered)), strict=True))
    elif kind == "line":
        found = _line(nodes)
    elif kind == "tree" and wave is not None:
        found = _tree(nodes, wave)
    elif kind == "regions" and groups:
        found = _grouped(nodes, [groups.get(scene.names[i], "") for i in nodes])
    elif kind == "given" and given:
        found = {i: given[scene.names[i]] for i in nodes if scene.names[i] in given}
        rest = [i for i in nodes if i not in found]
        low = max((y for _, y in found.values()), default=0.0)
        found |= {i: (float(at), low + 1.5) for at, i in enumerate(rest)}
    else:
        found = _grid(nodes)
    return [found.get(i) for i in range(len(scene.names))]


def _circle(count: int) -> list[Place]:
    radius = max(count / (2 * math.pi), 1.0)
    return [
        (WIDE * radius * math.cos(turn), radius * math.sin(turn))
        for turn in (2 * math.pi * (at / max(count, 1) - 0.25) for at in range(count))
    ]


def _line(nodes: Sequence[int]) -> dict[int, Place]:
    """A bow, so that an edge between two that are not neighbours is not hidden by the nodes between them; where it is
    long, rows that go to and fro, so that neighbours stay neighbours."""
    if len(nodes) <= MOST_IN_BOW:
        last = max(len(nodes) - 1, 1)
        return {node: (float(at), -at * (last - at) / last) for at, node in enumerate(nodes)}
    wide = max(math.ceil(math.sqrt(WIDE * len(nodes))), 1)
    found: dict[int, Place] = {}
    for at, node in enumerate(nodes):
        row, column = divmod(at, wide)
        found[node] = (float(column if row % 2 == 0 else wide - 1 - column), 1.4 * row)
    return found


def _grid(nodes: Sequence[int]) -> dict[int, Place]:
    wide = max(math.ceil(math.sqrt(WIDE * len(nodes))), 1)
    return {node: (float(at % wide), float(at // wide)) for at, node in enumerate(nodes)}


def _tree(nodes: Sequence[int], wave: Wave) -> dict[int, Place]:
    """The publisher at the left, a column for each hop, children beside those they had the message from; who does not
    have it stands in a column of its own at the right."""
    children: dict[int, list[int]] = {}
    for node, source in sorted(wave.sources.items(), key=lambda pair: (wave.arrivals[pair[0]][0], pair[0])):
        children.setdefault(source, []).append(node)
    order: list[int] = []
    waiting = [wave.publisher]
    while waiting:
        node = waiting.pop()
        order.append(node)
        waiting.extend(reversed(children.get(node, [])))
    seen = set(order)
    order += [node for node in wave.arrivals if node not in seen]
    columns: dict[int, list[int]] = {}
    for node in order:
        columns.setdefault(wave.arrivals[node][1], []).append(node)
    last = max(columns, default=0) + 1
    without = [node for node in nodes if node not in wave.arrivals]
    if without:
        columns[last] = without
    high = max(len(column) for column in columns.values())
    # A column of many nodes is as many columns beside each other, so that the whole stays about as wide as high.
    rows = min(high, max(6, math.ceil(math.sqrt(len(nodes) / WIDE * 1.6))))
    found: dict[int, Place] = {}
    x = 0.0
    for hop in sorted(columns):
        column = columns[hop]
        wide = math.ceil(len(column) / rows)
        deep = math.ceil(len(column) / wide)
        for at, node in enumerate(column):
            found[node] = (x + (at // deep), (at % deep - (min(deep, len(column)) - 1) / 2) * max(rows / deep, 1.0))
        x += wide - 1 + max(2.5, rows / 6)
    return found


def _grouped(nodes: Sequence[int], groups: Sequence[str]) -> dict[int, Place]:
    """Each group a sunflower's seeds, the groups on a circle."""
    members: dict[str, list[int]] = {}
    for node, group in zip(nodes, groups, strict=True):
        members.setdefault(group, []).append(node)
    radii = {group: 0.62 * math.sqrt(len(those)) + 1.2 for group, those in members.items()}
    around = sum(radii.values()) / math.pi if len(members) > 1 else 0.0
    found: dict[int, Place] = {}
    passed = 0.0
    for group in sorted(members):
        turn = (passed + radii[group]) / max(sum(radii.values()), 1e-9) * math.pi
        passed += 2 * radii[group]
        x, y = 1.35 * around * math.cos(turn), around * math.sin(turn)
        for at, node in enumerate(members[group]):
            reach = 0.62 * math.sqrt(at + 0.5)
            found[node] = (x + reach * math.cos(2.399963 * at), y + reach * math.sin(2.399963 * at))
    return found
