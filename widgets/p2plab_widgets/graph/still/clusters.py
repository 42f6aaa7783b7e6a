"""The static face of thousands of nodes: discs with counts, one for the nodes of each cell of a grid. density.js and
painter.js do the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from p2plab_widgets.graph.paint import Paint
from p2plab_widgets.graph.wave import Wave

CELL: Final = 74.0  # pixels
MAX_LINES: Final = 600
INK, MUTED, LINE, PAPER = "#1f2933", "#66717e", "#8f9ba8", "#ffffff"

Spot = tuple[float, float]


def draw_clusters(
    spots: Sequence[Spot], nodes: Sequence[int], edges: Sequence[tuple[int, int]], paint: Paint, wave: Wave | None
) -> list[str]:
    """SVG elements. ``spots`` are where the nodes would stand, ``nodes`` their indices, ``edges`` pairs of places in
    these lists."""
    cells: dict[tuple[int, int], list[int]] = {}
    cell_of: list[tuple[int, int]] = []
    for at, (x, y) in enumerate(spots):
        cell = (math.floor(x / CELL), math.floor(y / CELL))
        cell_of.append(cell)
        cells.setdefault(cell, []).append(at)
    middle = {
        cell: (sum(spots[at][0] for at in those) / len(those), sum(spots[at][1] for at in those) / len(those))
        for cell, those in cells.items()
    }
    lines: dict[tuple[tuple[int, int], tuple[int, int]], int] = {}
    for a, b in edges:
        one, other = sorted((cell_of[a], cell_of[b]))
        if one != other:
            lines[one, other] = lines.get((one, other), 0) + 1
    parts = [f'<g stroke="{LINE}">']
    for (one, other), count in sorted(lines.items(), key=lambda line: (-line[1], line[0]))[:MAX_LINES]:
        (x1, y1), (x2, y2) = middle[one], middle[other]
        width, strength = min(6.0, 0.5 + 0.35 * math.sqrt(count)), min(0.7, 0.12 + 0.05 * count)
        parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke-width="{width:.1f}" '
            f'stroke-opacity="{strength:.2f}"/>'
        )
    parts.append("</g>")
    for cell, those in sorted(cells.items()):
        parts += _disc(*middle[cell], [nodes[at] for at in those], paint, wave)
    return parts


def _disc(x: float, y: float, nodes: Sequence[int], paint: Paint, wave: Wave | None) -> list[str]:
    radius = min(24.0, 6 + 2.1 * math.sqrt(len(nodes)))
    fill = None
    if paint.kind in ("sequence", "diverging"):
        known = [paint.values[i] for i in nodes if i < len(paint.values) and not math.isnan(paint.values[i])]
        if known:
            mean = sum(known) / len(known)
            fill = Paint(paint.by, paint.kind, low=paint.low, high=paint.high, values=(mean,)).colour(0)
    parts = [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{fill or MUTED}" stroke="{PAPER}" stroke-width="2"/>'
    ]
    if wave is not None:
        around = 2 * math.pi * (radius + 3)
        have = sum(i in wave.arrivals for i in nodes) / len(nodes)
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius + 3:.1f}" fill="none" stroke="{INK}" stroke-width="2" '
            f'stroke-dasharray="{around * have:.1f} {around:.1f}" transform="rotate(-90 {x:.1f} {y:.1f})"/>'
        )
    if len(nodes) > 1:
        parts.append(
            f'<text x="{x:.1f}" y="{y + 4:.1f}" fill="#ffffff" font-size="11" font-weight="600" text-anchor="middle">'
            f"{len(nodes)}</text>"
        )
    return parts
