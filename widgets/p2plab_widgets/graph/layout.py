"""Positions for the graph's static picture. The same input gives the same numbers on every machine and Python: plain
arithmetic in a fixed order, after sines and cosines that are rounded first."""

from __future__ import annotations

import math
from collections.abc import Sequence

SMALL = 40  # nodes up to which forces are simulated; more stand on a circle
STEPS = 150


def positions(count: int, edges: Sequence[tuple[int, int]]) -> list[tuple[float, float]]:
    """A position in the unit square for each of ``count`` nodes; ``edges`` are pairs of their numbers."""
    turns = [2 * math.pi * (i / count - 0.25) for i in range(count)]
    circle = [(round(math.cos(turn), 4), round(math.sin(turn), 4)) for turn in turns]
    return _fitted(_by_forces(circle, edges) if 2 < count <= SMALL else circle)


def _by_forces(start: list[tuple[float, float]], edges: Sequence[tuple[int, int]]) -> list[tuple[float, float]]:
    """Fruchterman and Reingold, "Graph drawing by force-directed placement" (1991), with a linear cooling."""
    x, y = [p[0] for p in start], [p[1] for p in start]
    count = len(start)
    ideal = 1.6 / math.sqrt(count)
    for step in range(STEPS):
        dx, dy = [0.0] * count, [0.0] * count
        for i in range(count):
            for j in range(i):
                vx, vy = x[i] - x[j], y[i] - y[j]
                force = ideal * ideal / max(vx * vx + vy * vy, 1e-4)
                dx[i] += vx * force
                dy[i] += vy * force
                dx[j] -= vx * force
                dy[j] -= vy * force
        for a, b in edges:
            vx, vy = x[a] - x[b], y[a] - y[b]
            force = math.sqrt(vx * vx + vy * vy) / ideal
            dx[a] -= vx * force
            dy[a] -= vy * force
            dx[b] += vx * force
            dy[b] += vy * force
        heat = 0.12 * (1 - step / STEPS)
        for i in range(count):
            # A slight pull to the middle keeps parts that are not connected in sight.
            dx[i] -= 0.3 * x[i]
            dy[i] -= 0.3 * y[i]
            length = math.sqrt(dx[i] * dx[i] + dy[i] * dy[i])
            scale = min(length, heat) / length if length else 0.0
            x[i] += dx[i] * scale
            y[i] += dy[i] * scale
    return list(zip(x, y, strict=True))


def _fitted(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    if not points:
        return []
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    left, top = min(xs), min(ys)
    wide, high = max(xs) - left, max(ys) - top
    return [((x - left) / wide if wide else 0.5, (y - top) / high if high else 0.5) for x, y in points]
