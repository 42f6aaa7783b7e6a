"""The graph's static face: an SVG for places without widgets, such as GitHub and nbconvert. It follows the same rules
as the picture in the browser: places, density, colours and names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from html import escape
from typing import Any, Final

from p2plab_widgets.graph.frames import NodeLook
from p2plab_widgets.graph.layers.beside import USUAL
from p2plab_widgets.graph.paint import CATEGORIES, Paint, mixed
from p2plab_widgets.graph.scene import Scene
from p2plab_widgets.graph.still.clusters import draw_clusters
from p2plab_widgets.graph.still.labels import place_labels
from p2plab_widgets.graph.still.layers import around_nodes, legend_of, thorns, under_nodes
from p2plab_widgets.graph.still.layout import positions
from p2plab_widgets.graph.wave import Wave

WIDTH, HEIGHT, FOOT, MARGIN = 760, 420, 22, 16
MAX_EDGES: Final = 3000  # drawn; a caption says so where there are more
FEW, SOME, MANY = 50, 300, 2000  # nodes: see density.js
MOST_THROUGH: Final = 400  # lines up to which a name looks for a place that none runs through
INK, MUTED, LINE, PAPER, MESH = "#1f2933", "#66717e", "#8f9ba8", "#ffffff", "#c27c2a"
MOST_STRETCH: Final = 2.1

Spot = tuple[float, float]


def draw(
    scene: Scene,
    topic: int = 0,
    paint: Paint | None = None,
    wave: Wave | None = None,
    places: Sequence[Spot | None] | None = None,
    grounds: Sequence[Mapping[str, Any]] = (),
    layers: Collection[str] = USUAL,
    over: Mapping[str, Any] | None = None,
) -> list[str]:
    """SVG elements of the nodes and edges, WIDTH by HEIGHT; the subscribers of the topic of that number carry a ring.
    ``places`` stand in place of those by forces; ``over`` is what the ``layers`` show, as ``Beside`` gives it."""
    over = over or {}
    paint = paint or Paint()
    nodes = scene.shown_nodes()
    number = {index: at for at, index in enumerate(nodes)}
    edges = [(number[a], number[b]) for a, b in scene.edges() if a in number and b in number]
    radius = min(13.0, max(1.8, 0.105 * (WIDTH * (HEIGHT - FOOT) / max(len(nodes), 1)) ** 0.5))
    if places is None:
        found: list[Spot] = positions(len(nodes), edges)
    else:
        found = [places[i] or (0.0, 0.0) for i in nodes]
    spots = _fitted(found, radius, named=len(nodes) <= FEW)
    spot_of = {index: spots[at] for index, at in number.items()}
    level = next((at for at, most in enumerate((FEW, SOME, MANY)) if len(nodes) <= most), 3)
    parts = _grounds(grounds, spot_of, radius, scene.edges())
    if level == 3:
        return [*parts, *draw_clusters(spots, nodes, edges, paint, wave), *_legend(paint)]
    # Of many nodes only the message's way is drawn as lines, or a veil of the edges where there is no message.
    lines = edges if (level < 2 or wave is None) and "connections" in layers else []
    if len(lines) > MAX_EDGES:
        note = f"the first {MAX_EDGES:,} of {len(lines):,} edges are drawn"
        parts.append(
            f'<text x="{WIDTH - 14}" y="{HEIGHT - 8}" fill="{MUTED}" font-size="11" text-anchor="end">{note}</text>'
        )
    if lines:
        width, strength = ((1.5, 1.0), (0.8, 0.6), (0.4, 0.2))[level]
        parts.append(f'<g stroke="{LINE}" stroke-width="{width}" stroke-opacity="{strength}">')
        parts += [_line(spots[a], spots[b]) for a, b in lines[:MAX_EDGES]]
        parts.append("</g>")
    parts += _mesh(scene, topic, spot_of, level) if "mesh" in layers else []
    parts += under_nodes(over, spot_of, level)
    parts += _way(scene, paint, wave, spot_of, level) if "tree" in layers else []
    attackers = set(over.get("attackers", ()))
    subscribers = scene.subscribers.get(topic, {}) if topic else {}
    for index, (x, y) in spot_of.items():
        fill = scene.colours[index] if paint.kind == "identity" else paint.colour(index)
        if index in subscribers and level < 2:
            halo = f'stroke="{fill or INK}" stroke-width="{max(1.1, radius * 0.15):.1f}" stroke-opacity="0.85"'
            parts.append(_circle(x, y, radius + max(2.5, radius * 0.42), f'fill="none" {halo}'))
        if index in attackers:
            parts.append(thorns(x, y, radius))
        parts.append(_node(x, y, radius, fill, scene.looks[index]))
        if wave is not None and wave.publisher == index:
            size = radius + max(3.0, radius * 0.5)
            parts.append(
                f'<rect x="{x - size:.1f}" y="{y - size:.1f}" width="{2 * size:.1f}" height="{2 * size:.1f}" '
                f'fill="none" stroke="{INK}" stroke-width="1.6"/>'
            )
    parts += around_nodes(over, spot_of, radius, level)
    walls = 13.0 if over.get("reach") else 0.0  # names keep away from what stands around nodes
    return [
        *parts,
        *_names(scene, wave, spot_of, radius + walls, level, lines, subscribers),
        *_legend(paint),
        *legend_of(over, level),
    ]


def _fitted(found: Sequence[Spot], radius: float, named: bool) -> list[Spot]:
    """The places in pixels: they fill the frame, one direction stretched a little where that helps."""
    if not found:
        return []
    edge = MARGIN + radius + (9 if named else 3)
    xs, ys = [x for x, _ in found], [y for _, y in found]
    wide, high = max(xs) - min(xs), max(ys) - min(ys)
    across = (WIDTH - 2 * edge) / max(wide, 1e-9)
    down = (HEIGHT - FOOT - 2 * edge) / max(high, 1e-9)
    scale = min(across, down, 120.0)
    across, down = min(across, MOST_STRETCH * scale), min(down, MOST_STRETCH * scale)
    middle_x, middle_y = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2
    return [
        (
            round(WIDTH / 2 + (x - middle_x) * across, 1),
            round((HEIGHT - FOOT) / 2 + (y - middle_y) * down, 1),
        )
        for x, y in found
    ]


def _line(one: Spot, other: Spot) -> str:
    return f'<line x1="{one[0]}" y1="{one[1]}" x2="{other[0]}" y2="{other[1]}"/>'


def _circle(x: float, y: float, radius: float, look: str) -> str:
    return f'<circle cx="{x}" cy="{y}" r="{radius:.1f}" {look}/>'


def _node(x: float, y: float, radius: float, fill: str | None, look: NodeLook) -> str:
    if look is NodeLook.RUNNING and fill is not None:
        rim = f'stroke="{PAPER}" stroke-width="{min(2.0, radius * 0.2):.1f}"'
        return _circle(x, y, radius, f'fill="{fill}" {rim}')
    if look is NodeLook.GONE:
        arm = radius * 0.45
        ends = ((x - arm, y - arm, x + arm, y + arm), (x + arm, y - arm, x - arm, y + arm))
        cross = "".join(f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" for x1, y1, x2, y2 in ends)
        dash = ' stroke-dasharray="3 2"' if radius > 4 else ""
        ring = _circle(x, y, radius, f'fill="{PAPER}" stroke="{MUTED}" stroke-width="1.5"{dash}')
        return f'{ring}<path d="{cross}" stroke="{MUTED}" stroke-width="1.3"/>'
    width = max(1.0, radius * 0.24)
    return _circle(x, y, radius - width / 2, f'fill="{PAPER}" stroke="{fill or MUTED}" stroke-width="{width:.1f}"')


def _mesh(scene: Scene, topic: int, spot_of: Mapping[int, Spot], level: int) -> list[str]:
    if level >= 2 and not topic:
        return []
    meshes = [scene.meshes.get(topic, {})] if topic else list(scene.meshes.values())
    pairs: dict[tuple[int, int], int] = {}
    for mesh in meshes:
        for a, b in mesh:
            pair = (a, b) if a < b else (b, a)
            pairs[pair] = pairs.get(pair, 0) + 1
    links = [(pair, sides) for pair, sides in sorted(pairs.items()) if pair[0] in spot_of and pair[1] in spot_of]
    if not links:
        return []
    width, strength = ((3.0, 0.8), (1.4, 0.5), (0.6, 0.3))[level]
    parts = [f'<g stroke="{MESH}" stroke-width="{width}" stroke-opacity="{strength}">']
    for (a, b), sides in links[:MAX_EDGES]:
        line = _line(spot_of[a], spot_of[b])
        parts.append(line if sides > 1 else line.replace("/>", f' stroke-opacity="{strength * 0.45:.2f}"/>'))
    return [*parts, "</g>"]


def _way(scene: Scene, paint: Paint, wave: Wave | None, spot_of: Mapping[int, Spot], level: int) -> list[str]:
    if wave is None or not wave.sources:
        return []
    width = (2.4, 1.5, 0.8)[level]
    own = scene.colours[wave.publisher]
    parts = [f'<g stroke-width="{width}" stroke-opacity="{0.8 if level < 2 else 0.55}">']
    for node, source in sorted(wave.sources.items()):
        if node in spot_of and source in spot_of:
            colour = (paint.colour(node) if paint.by in ("delay", "hops") else None) or own
            parts.append(_line(spot_of[source], spot_of[node]).replace("/>", f' stroke="{colour}"/>'))
    return [*parts, "</g>"]


def _grounds(
    grounds: Sequence[Mapping[str, Any]], spot_of: Mapping[int, Spot], radius: float, pairs: Sequence[tuple[int, int]]
) -> list[str]:
    """A tinted ground under the nodes of each side and what connects them, and its name."""
    parts, names = [], []
    wide = max(2 * radius + 16, 24.0)
    for at, ground in enumerate(grounds):
        members = {i for i in ground["nodes"] if i in spot_of}
        if not members:
            continue
        tint = mixed(PAPER, CATEGORIES[at % len(CATEGORIES)], 0.22)
        width = wide if len(spot_of) <= FEW else wide / 2
        parts.append(f'<g stroke="{tint}" stroke-width="{width:.0f}" stroke-linecap="round">')
        parts += [_line(spot_of[a], spot_of[b]) for a, b in pairs if a in members and b in members]
        parts.append("</g>")
        parts += [_circle(*spot_of[i], wide / 2, f'fill="{tint}"') for i in sorted(members)]
        x, y = min((spot_of[i] for i in members), key=lambda spot: spot[1])
        label = f'<text x="{x}" y="{max(y - wide / 2 - 4, 12.0):.1f}" fill="{INK}" font-size="11" font-weight="600" '
        names.append(f'{label}text-anchor="middle">{escape(str(ground["label"]))}</text>')
    return [*parts, *names]


def _names(
    scene: Scene,
    wave: Wave | None,
    spot_of: Mapping[int, Spot],
    radius: float,
    level: int,
    lines: Sequence[tuple[int, int]],
    ringed: Collection[int],
) -> list[str]:
    spots = list(spot_of.values())
    run = [(spots[a], spots[b]) for a, b in lines] if level == 0 and len(lines) <= MOST_THROUGH else []
    wider = dict.fromkeys(ringed, max(2.5, radius * 0.42)) if level < 2 else {}
    if wave is not None:
        wider[wave.publisher] = max(3.0, radius * 0.5)
    most = (len(spot_of), max(26, 40 - len(spot_of) // 10), 8)[level]
    order = sorted(spot_of, key=lambda i: (wave is None or i != wave.publisher, -scene.degree(i), i))[:most]
    size = 13 if len(spot_of) <= 16 else 11
    wanted = [(i, scene.node_labels[i]) for i in order]
    box = (0.0, 0.0, float(WIDTH), float(HEIGHT - FOOT))
    placed = place_labels(wanted, spot_of, radius, float(size), box, wider, run)
    if not placed:
        return []
    parts = [
        f'<g fill="{INK}" font-size="{size}" font-weight="500" paint-order="stroke" stroke="{PAPER}" stroke-width="3" '
        'stroke-linejoin="round">'
    ]
    parts += [f'<text x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>' for text, x, y in placed]
    return [*parts, "</g>"]


def _legend(paint: Paint) -> list[str]:
    y = HEIGHT - 8
    if paint.kind in ("sequence", "diverging"):
        swatches = []
        for step in range(24):
            value = paint.low + (paint.high - paint.low) * step / 23
            colour = Paint(paint.by, paint.kind, low=paint.low, high=paint.high, values=(value,)).colour(0)
            swatches.append(f'<rect x="{14 + 4 * step}" y="{y - 9}" width="4.5" height="10" fill="{colour}"/>')
        unit = f" {paint.unit}" if paint.unit else ""
        words = f"{paint.label}: {paint.low:.3g} to {paint.high:.3g}{unit}; hollow: {paint.without}"
        return [*swatches, f'<text x="120" y="{y}" fill="{MUTED}" font-size="11">{escape(words)}</text>']
    parts, x = [], 14.0
    for at, name in enumerate(paint.categories):
        parts.append(_circle(x + 5, y - 4, 5, f'fill="{CATEGORIES[at % len(CATEGORIES)]}"'))
        parts.append(f'<text x="{x + 14:.0f}" y="{y}" fill="{MUTED}" font-size="11">{escape(name)}</text>')
        x += 26 + 6.4 * len(name)
    return parts
