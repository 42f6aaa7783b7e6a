"""The graph's static face: an SVG for places without widgets, such as GitHub and nbconvert."""

from __future__ import annotations

from html import escape

from p2plab_widgets.graph.frames import NodeLook
from p2plab_widgets.graph.layout import positions
from p2plab_widgets.graph.scene import Scene
from p2plab_widgets.text import shown

WIDTH, HEIGHT, MARGIN = 640, 400, 46
MAX_EDGES = 3000  # drawn; a caption says so where there are more
MAX_LABELS = 60  # nodes up to which names are written
INK, MUTED, LINE, PAPER = "#1f2933", "#7b8794", "#b8c2cc", "#ffffff"


def draw(scene: Scene, title: str, topic: int = 0) -> str:
    """An SVG document of the nodes and edges; the subscribers of the topic of that number carry a ring."""
    nodes = scene.shown_nodes()
    place = {index: at for at, index in enumerate(nodes)}
    edges = [(place[a], place[b]) for a, b in scene.edges()]
    spots = [
        (round(MARGIN + x * (WIDTH - 2 * MARGIN), 1), round(MARGIN + y * (HEIGHT - 2 * MARGIN), 1))
        for x, y in positions(len(nodes), edges)
    ]
    radius = 9 if len(nodes) <= 40 else 5 if len(nodes) <= 200 else 2.5
    subscribers = scene.subscribers.get(topic, {}) if topic else {}
    caption = title if len(edges) <= MAX_EDGES else f"{title} (the first {MAX_EDGES:,} edges are drawn)"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="system-ui, sans-serif" font-size="12">',
        f"<title>{escape(caption)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="10" fill="{PAPER}"/>',
        f'<text x="14" y="22" fill="{MUTED}" font-size="11">{escape(caption)}</text>',
        f'<g stroke="{LINE}" stroke-width="{1.4 if len(edges) <= 300 else 0.5}">',
    ]
    for a, b in edges[:MAX_EDGES]:
        (x1, y1), (x2, y2) = spots[a], spots[b]
        parts.append(f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>')
    parts.append("</g>")
    for (x, y), index in zip(spots, nodes, strict=True):
        if index in subscribers:
            halo = f'stroke="{scene.colours[index]}" stroke-width="2" stroke-opacity="0.55"'
            parts.append(f'<circle cx="{x}" cy="{y}" r="{radius + 4}" fill="none" {halo}/>')
        fill = f'fill="{scene.colours[index]}" stroke="{PAPER}" stroke-width="2"'
        if scene.looks[index] is not NodeLook.RUNNING:
            fill = f'fill="{PAPER}" stroke="{MUTED}" stroke-width="1.5" stroke-dasharray="3 2"'
        parts.append(f'<circle cx="{x}" cy="{y}" r="{radius}" {fill}/>')
    if len(nodes) <= MAX_LABELS:
        parts.append(f'<g fill="{INK}" text-anchor="middle" paint-order="stroke" stroke="{PAPER}" stroke-width="3">')
        for (x, y), index in zip(spots, nodes, strict=True):
            parts.append(f'<text x="{x}" y="{round(y + radius + 15, 1)}">{escape(shown(scene.names[index]))}</text>')
        parts.append("</g>")
    return "\n".join([*parts, "</svg>"])
