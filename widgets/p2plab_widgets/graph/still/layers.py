"""The layers of the static face: traffic, streams, DHT neighbours, boxes and relays, attackers. overlays.js draws the
same."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

from p2plab_widgets.graph.paint import CATEGORIES
from p2plab_widgets.view.drawing import text_width

__all__ = ["around_nodes", "legend_of", "thorns", "under_nodes"]

INK, MUTED, LINE, PAPER = "#1f2933", "#5b6673", "#8f9ba8", "#ffffff"
STOPPED, MET = "#b3261e", "#0b7a55"  # a packet that was dropped; a punch that met
THICKEST: Final = (9.0, 6.0, 2.4)  # of an edge's traffic, by density
APART: Final = 3.4  # pixels between the streams of an edge
RIGHT, FOOT, WIDEST = 746, 412, 560  # where the legend ends, and how wide a line of it may be

Spot = tuple[float, float]


def under_nodes(over: Mapping[str, Any], spot_of: Mapping[int, Spot], level: int) -> list[str]:
    """What lies under the nodes: widths of edges, slots at relays, circuits, streams, neighbours, punches."""
    reach = over.get("reach") or {}
    parts = _traffic(over.get("traffic") or {}, spot_of, level)
    slots = [pair for pair in _groups(reach.get("slots", ()), 2) if _known(pair, spot_of)]
    if slots:
        parts.append(f'<g stroke="{INK}" stroke-width="1.4" stroke-dasharray="1.5 4" stroke-linecap="round">')
        parts += [*(_line(spot_of[a], spot_of[b]) for a, b in slots), "</g>"]
    circuits = [three for three in _groups(reach.get("circuits", ()), 3) if _known(three, spot_of)]
    if circuits:
        parts.append(f'<g stroke="{CATEGORIES[0]}" stroke-width="4" stroke-dasharray="9 5" fill="none">')
        for relay, a, b in circuits:
            (x1, y1), (x2, y2), (x3, y3) = spot_of[a], spot_of[relay], spot_of[b]
            parts.append(f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}L{x3:.1f} {y3:.1f}"/>')
        parts.append("</g>")
    parts += _streams(over.get("streams") or {}, spot_of, level)
    pairs = [pair for pair in _groups(over.get("neighbours") or (), 2) if _known(pair, spot_of)]
    if pairs:
        parts.append(f'<g stroke="{MUTED}" stroke-width="1.6" stroke-opacity="0.75" stroke-dasharray="2 4">')
        parts += [*(_line(spot_of[a], spot_of[b]) for a, b in pairs), "</g>"]
    for punch in reach.get("punches", ()):
        if _known(punch["pair"], spot_of):
            one, other = (spot_of[index] for index in punch["pair"])
            dash = "" if punch["met"] else ' stroke-dasharray="3 5"'
            parts.append(_line(one, other).replace("/>", f' stroke="{_outcome(punch)}" stroke-width="2.4"{dash}/>'))
    return parts


def around_nodes(over: Mapping[str, Any], spot_of: Mapping[int, Spot], radius: float, level: int) -> list[str]:
    """What stands around the nodes and between them: houses of boxes, diamonds of relays, punches and packets."""
    reach = over.get("reach") or {}
    if not reach:
        return []
    parts: list[str] = []
    behind: dict[int, int] = {}
    names: list[str] = []
    for box in reach["boxes"]:
        for index in box["nodes"]:
            if index in spot_of:
                behind[index] = behind.get(index, 0) + 1
                parts.append(_house(*spot_of[index], radius + 4 + 5 * behind[index]))
        first = next((index for index in box["nodes"] if index in spot_of), None)
        if level == 0 and first is not None:
            x, y = spot_of[first]
            roof = 1.3 * (radius + 4 + 5 * behind[first]) + 5
            names.append(_said(min(max(x, 70), 690), max(y - roof, 11), box["label"], MUTED))
    for index in reach["relays"]:
        if index in spot_of:
            x, y = spot_of[index]
            size = (radius + 4) * 1.42
            corners = f"M{x:.1f} {y - size:.1f}L{x + size:.1f} {y:.1f}L{x:.1f} {y + size:.1f}L{x - size:.1f} {y:.1f}Z"
            parts.append(f'<path d="{corners}" fill="none" stroke="{INK}" stroke-width="1.6"/>')
    for punch in reach["punches"]:
        parts += _punch(punch, spot_of, radius)
    for drop in reach["drops"]:
        if _known(drop["pair"], spot_of):
            parts += _packet(spot_of[drop["pair"][0]], spot_of[drop["pair"][1]], radius, dropped=True)
    return [*parts, *names]


def thorns(x: float, y: float, radius: float) -> str:
    """The outline of a node that attacks, to be drawn under it."""
    points = []
    for k in range(16):
        reach, turn = radius + (-1 if k % 2 else max(3.0, radius * 0.45)), k * math.pi / 8
        points.append(f"{x + reach * math.cos(turn):.1f},{y + reach * math.sin(turn):.1f}")
    return f'<polygon points="{" ".join(points)}" fill="{INK}"/>'


def legend_of(over: Mapping[str, Any], level: int) -> list[str]:
    """What the layers' lines and marks mean, at the right of the foot, in as many lines as they need."""
    words: list[tuple[str, str, str]] = []  # sign, its colour, text
    traffic = over.get("traffic") or {}
    amounts = traffic.get("values", ())[2::3]
    if amounts:
        words.append(("━", LINE, f"{min(amounts):,} to {max(amounts):,} {traffic['unit']}"))
    streams = over.get("streams") or {}
    if level < 2 and streams.get("values"):
        words += [("━", CATEGORIES[at], name) for at, name in enumerate(streams["protocols"])]
    reach = over.get("reach") or {}
    for sign, text, there in (
        ("⌂", "behind a box", reach.get("boxes")),
        ("◇", "relay", reach.get("relays")),
        ("┄", "slot at the relay", reach.get("slots")),
        ("╍", "relayed", reach.get("circuits")),
        ("×", "dropped", reach.get("drops") or any(punch["dropped"] for punch in reach.get("punches", ()))),
        ("✹", "attacks", over.get("attackers")),
    ):
        if there:
            words.append((sign, CATEGORIES[0] if text == "relayed" else STOPPED if text == "dropped" else INK, text))
    lines: list[list[str]] = [[]]
    wide = 0.0
    for sign, colour, text in words:
        entry = text_width(f"{sign} {text}  ", 11)
        if wide + entry > WIDEST:
            lines.append([])
            wide = 0.0
        wide += entry
        lines[-1].append(f'<tspan fill="{colour}">{sign}</tspan> {escape(text)}')
    look = f'fill="{MUTED}" font-size="11" text-anchor="end"'
    return [
        f'<text x="{RIGHT}" y="{FOOT - 14 * at}" {look}>{"  ".join(line)}</text>'
        for at, line in enumerate(reversed(lines))
        if line
    ]


def _traffic(traffic: Mapping[str, Any], spot_of: Mapping[int, Spot], level: int) -> list[str]:
    triples = [three for three in _groups(traffic.get("values", ()), 3) if _known(three[:2], spot_of)]
    if not triples:
        return []
    most = max(amount for _, _, amount in triples)
    parts = [f'<g stroke="{LINE}" stroke-linecap="round" stroke-opacity="{(0.9, 0.7, 0.45)[level]}">']
    for a, b, amount in triples:
        width = 1 + (THICKEST[level] - 1) * math.sqrt(amount / most)
        parts.append(_line(spot_of[a], spot_of[b]).replace("/>", f' stroke-width="{width:.1f}"/>'))
    return [*parts, "</g>"]


def _streams(streams: Mapping[str, Any], spot_of: Mapping[int, Spot], level: int) -> list[str]:
    if level >= 2:
        return []
    of_edge: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for a, b, protocol, count in _groups(streams.get("values", ()), 4):
        if _known((a, b), spot_of):
            of_edge.setdefault((a, b), []).append((protocol, count))
    parts = []
    for (a, b), lines in of_edge.items():
        (x1, y1), (x2, y2) = spot_of[a], spot_of[b]
        length = math.hypot(x2 - x1, y2 - y1) or 1.0
        across_x, across_y = -(y2 - y1) / length, (x2 - x1) / length
        for place, (protocol, count) in enumerate(lines):
            by = (place - (len(lines) - 1) / 2) * APART
            ends = ((x1 + across_x * by, y1 + across_y * by), (x2 + across_x * by, y2 + across_y * by))
            look = f' stroke="{CATEGORIES[protocol]}" stroke-width="{min(1.2 + 0.6 * count, 3):.1f}"/>'
            parts.append(_line(*ends).replace("/>", look))
    return parts


def _punch(punch: Mapping[str, Any], spot_of: Mapping[int, Spot], radius: float) -> list[str]:
    if not _known(punch["pair"], spot_of):
        return []
    (x1, y1), (x2, y2) = (spot_of[index] for index in punch["pair"])
    parts: list[str] = []
    if not punch["over"]:
        for a, b in _groups(punch["packets"], 2):
            parts += _packet(spot_of[a], spot_of[b], radius)
        for a, b in _groups(punch["dropped"], 2):
            parts += _packet(spot_of[a], spot_of[b], radius, dropped=True)
    return [*parts, _said((x1 + x2) / 2, (y1 + y2) / 2 - 18, punch["said"], _outcome(punch))]


def _outcome(punch: Mapping[str, Any]) -> str:
    return MET if punch["met"] else STOPPED if punch["over"] else INK


def _packet(one: Spot, other: Spot, radius: float, dropped: bool = False) -> list[str]:
    """A packet on its way, an arrow a third of it; or stopped at the other's box, a cross."""
    dx, dy = other[0] - one[0], other[1] - one[1]
    length = math.hypot(dx, dy) or 1.0
    part = max(0.5, 1 - (radius + 16) / length) if dropped else 0.36
    x, y = one[0] + dx * part, one[1] + dy * part
    if dropped:
        cross = f"M{x - 5:.1f} {y - 5:.1f}l10 10M{x + 5:.1f} {y - 5:.1f}l-10 10"
        return [f'<path d="{cross}" stroke="{STOPPED}" stroke-width="2.4"/>']
    turn = math.degrees(math.atan2(dy, dx))
    return [f'<path d="M-6 -5L6 0L-6 5Z" fill="{INK}" transform="translate({x:.1f} {y:.1f}) rotate({turn:.0f})"/>']


def _house(x: float, y: float, size: float) -> str:
    """The outline of a box around a node: a house with a roof."""
    wall, eave = size * 0.92, size * 0.55
    points = ((-wall, wall), (-wall, -eave), (0, -size * 1.3), (wall, -eave), (wall, wall))
    path = "L".join(f"{x + dx:.1f} {y + dy:.1f}" for dx, dy in points)
    return f'<path d="M{path}Z" fill="none" stroke="{INK}" stroke-width="1.6" stroke-linejoin="round"/>'


def _said(x: float, y: float, text: str, colour: str) -> str:
    look = f'fill="{colour}" font-size="11" font-weight="600" text-anchor="middle"'
    halo = f'paint-order="stroke" stroke="{PAPER}" stroke-width="3" stroke-linejoin="round"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {look} {halo}>{escape(str(text))}</text>'


def _line(one: Spot, other: Spot) -> str:
    return f'<line x1="{one[0]:.1f}" y1="{one[1]:.1f}" x2="{other[0]:.1f}" y2="{other[1]:.1f}"/>'


def _known(nodes: Sequence[int], spot_of: Mapping[int, Spot]) -> bool:
    return bool(nodes) and all(node in spot_of for node in nodes)


def _groups(flat: Sequence[int], size: int) -> Iterator[tuple[int, ...]]:
    return zip(*(flat[at::size] for at in range(size)), strict=True)
