"""Where the nodes stand by forces: the same numbers on every machine, and in the browser (layout.js).

Multilevel, after Hu, "Efficient, High-Quality Force-Directed Graph Drawing" (2005): the graph is shrunk by merging
neighbours, the smallest one is laid out, and each larger one starts from it. Plain arithmetic in a fixed order, after
sines and cosines that are rounded first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

Edges = Sequence[tuple[int, int]]

ALL_PAIRS: Final = 72  # nodes up to which every two push each other; beyond it only those within REACH
REACH: Final = 2.6
COARSEST: Final = 24
STRENGTH: Final = 0.55  # of an edge
GRAVITY: Final = 0.018
LONE: Final = (
    0.2  # the same for a node without edges: nothing else keeps it near, and it would shrink the others' picture
)
FLATTEN: Final = 1.9  # times stronger up and down: pictures are wider than high
GOLDEN: Final = 2.399963

_TURNS: Final = [(round(math.cos(GOLDEN * i), 4), round(math.sin(GOLDEN * i), 4)) for i in range(1024)]


def positions(count: int, edges: Edges) -> list[tuple[float, float]]:
    """A place for each of ``count`` nodes, about 1 apart, around (0, 0); ``edges`` are pairs of their numbers. The last
    few networks are remembered: stills of several moments are mostly of one structure."""
    return list(_positions(count, tuple(edges)))


@lru_cache(maxsize=4)
def _positions(count: int, edges: tuple[tuple[int, int], ...]) -> list[tuple[float, float]]:
    if count == 0:
        return []
    levels = [(count, list(edges))]
    parents: list[list[int]] = []
    while levels[-1][0] > COARSEST:
        parent, size = _merged(*levels[-1])
        if size > 0.9 * levels[-1][0]:
            break
        parents.append(parent)
        levels.append((size, _between(parent, levels[-1][1])))
    x, y = _seeds(levels[-1][0])
    _relax(x, y, levels[-1][1], _steps(len(x), len(levels) == 1))
    for at in range(len(parents) - 1, -1, -1):
        size, links = levels[at]
        grow = math.sqrt(size / len(x))
        parent = parents[at]
        x, y = (
            [x[parent[i]] * grow + 0.3 * _TURNS[i % 1024][0] for i in range(size)],
            [y[parent[i]] * grow + 0.3 * _TURNS[i % 1024][1] for i in range(size)],
        )
        _relax(x, y, links, _steps(size, at == 0))
    return list(zip(x, y, strict=True))


def _steps(count: int, finest: bool) -> int:
    if count <= COARSEST:
        return 160
    if count <= ALL_PAIRS:
        return 120
    return (36 if finest else 26) if count <= 600 else 14 if count <= 1500 else 7 if count <= 3000 else 3


def _seeds(count: int) -> tuple[list[float], list[float]]:
    """A sunflower's seeds: evenly spread, whatever the number."""
    radii = [0.62 * math.sqrt(i + 0.5) for i in range(count)]
    return (
        [1.3 * radii[i] * _TURNS[i % 1024][0] for i in range(count)],
        [0.77 * radii[i] * _TURNS[i % 1024][1] for i in range(count)],
    )


def _merged(count: int, edges: Edges) -> tuple[list[int], int]:
    """The number that each node has in the graph of half the size, and that graph's size."""
    near: list[list[int]] = [[] for _ in range(count)]
    for a, b in edges:
        near[a].append(b)
        near[b].append(a)
    parent = [-1] * count
    weight: list[int] = []
    for i in range(count):
        if parent[i] >= 0:
            continue
        free = [j for j in near[i] if parent[j] < 0 and j != i]
        if free:
            mate = free[0]
            for j in free:
                if len(near[j]) < len(near[mate]):
                    mate = j
            parent[i] = parent[mate] = len(weight)
            weight.append(2)
        elif near[i]:
            mate = near[i][0]
            for j in near[i]:
                if weight[parent[j]] < weight[parent[mate]]:
                    mate = j
            parent[i] = parent[mate]
            weight[parent[i]] += 1
        else:
            parent[i] = len(weight)
            weight.append(1)
    return parent, len(weight)


def _between(parent: list[int], edges: Edges) -> list[tuple[int, int]]:
    found: dict[tuple[int, int], None] = {}
    for a, b in edges:
        one, other = parent[a], parent[b]
        if one != other:
            found[(one, other) if one < other else (other, one)] = None
    return list(found)


def _relax(x: list[float], y: list[float], edges: Edges, steps: int) -> None:
    degree = [0] * len(x)
    for a, b in edges:
        degree[a] += 1
        degree[b] += 1
    for step in range(steps):
        _step(x, y, edges, degree, 1.0 - step / steps)


def _step(x: list[float], y: list[float], edges: Edges, degree: list[int], heat: float) -> None:
    """One step; no node moves further than ``heat``."""
    count = len(x)
    fx, fy = [0.0] * count, [0.0] * count
    if count <= ALL_PAIRS:
        _push_all(x, y, fx, fy)
    else:
        _push_near(x, y, fx, fy)
    for a, b in edges:
        dx, dy = x[b] - x[a], y[b] - y[a]
        length = math.sqrt(dx * dx + dy * dy) or 1.0
        least = degree[a] if degree[a] < degree[b] else degree[b]
        pull = STRENGTH * (length - 1.0) / length * (2.0 / (least + 1.0))
        share = degree[b] / (degree[a] + degree[b])
        fx[a] += dx * pull * share
        fy[a] += dy * pull * share
        fx[b] -= dx * pull * (1.0 - share)
        fy[b] -= dy * pull * (1.0 - share)
    lone = LONE if count <= ALL_PAIRS else GRAVITY  # beyond REACH nobody pushes it away either
    for i in range(count):
        gravity = GRAVITY if degree[i] else lone
        dx, dy = fx[i] - x[i] * gravity, fy[i] - y[i] * gravity * FLATTEN
        length = math.sqrt(dx * dx + dy * dy)
        scale = heat / length if length > heat else 1.0
        x[i] += dx * scale
        y[i] += dy * scale


def _push_all(x: list[float], y: list[float], fx: list[float], fy: list[float]) -> None:
    """Every two of them. Written out in one loop: a call for each pair costs more than the arithmetic."""
    for i in range(1, len(x)):
        xi, yi, gx, gy = x[i], y[i], fx[i], fy[i]
        for j in range(i):
            dx, dy = xi - x[j], yi - y[j]
            square = dx * dx + dy * dy
            force = 0.22 / (square if square > 0.05 else 0.05)
            px, py = dx * force, dy * force
            gx += px
            gy += py
            fx[j] -= px
            fy[j] -= py
        fx[i], fy[i] = gx, gy


def _push_near(x: list[float], y: list[float], fx: list[float], fy: list[float]) -> None:
    """Those within REACH of each other, found through a grid."""
    cells: dict[tuple[int, int], list[int]] = {}
    for i in range(len(x)):
        cells.setdefault((math.floor(x[i] / REACH), math.floor(y[i] / REACH)), []).append(i)
    reach = REACH * REACH
    for (column, row), here in cells.items():
        for at, i in enumerate(here):
            xi, yi = x[i], y[i]
            beside = here[:at]
            for cell in ((column + 1, row), (column - 1, row + 1), (column, row + 1), (column + 1, row + 1)):
                other = cells.get(cell)
                if other:
                    beside = beside + other
            gx = gy = 0.0
            for j in beside:
                dx, dy = xi - x[j], yi - y[j]
                square = dx * dx + dy * dy
                if square < reach:
                    force = 0.3 / (square if square > 0.05 else 0.05) - 0.3 / reach
                    px, py = dx * force, dy * force
                    gx += px
                    gy += py
                    fx[j] -= px
                    fy[j] -= py
            fx[i] += gx
            fy[i] += gy
