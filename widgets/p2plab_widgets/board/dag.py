"""A graph in levels, for a still: a row for each depth, a cell for each block or for several that follow each other."""

from __future__ import annotations

from typing import Any, Final

from p2plab_widgets.view.drawing import INK, LINE, MUTED, PAPER, Drawing, text_width

__all__ = ["LABELLED", "TONES", "painted_dag", "spread"]

TONES: Final = ("#0072b2", "#c44e00", "#00795a", "#a24a86", "#7f6000", "#2a7fb8", "#8c2d2d", "#3d3d3d")
WIDEST: Final = 118.0  # pixels of a cell
LABELLED: Final = 58.0  # pixels from which on a cell has room for words
HEAD, GAP = 17.0, 20.0  # pixels above a row, for its words, and below it, for links
HIGH, LOW = 42.0, 18.0  # pixels of a cell with words and of one without
BAND: Final = 6.0


def spread(count: int, width: float) -> tuple[float, float, float]:
    """Where a row of cells begins, how wide a cell is, and the room between two (dag.js does the same)."""
    gap = 6.0 if count <= 16 else 1.0
    side = min(WIDEST, (width - gap * (count - 1)) / max(1, count))
    return (width - count * side - gap * (count - 1)) / 2, side, gap


def painted_dag(drawing: Drawing, x: float, y: float, width: float, card: dict[str, Any]) -> float:
    """Draw the card; how high it is."""
    places: list[list[tuple[float, float, float, float]]] = []
    top = y
    for row in card["rows"]:
        start, side, gap = spread(len(row["cells"]), width)
        height = HIGH if side >= LABELLED else LOW
        places.append([(x + start + at * (side + gap), top + HEAD, side, height) for at in range(len(row["cells"]))])
        top += HEAD + height + GAP
    for a, i, b, j in card["edges"]:
        (ax, ay, aw, ah), (bx, by, bw, _) = places[a][i], places[b][j]
        drawing.add(_link(ax + aw / 2, ay + ah, bx + bw / 2, by))
    for row, boxes in zip(card["rows"], places, strict=True):
        if boxes:
            drawing.rect(x, boxes[0][1] - 15, text_width(row["said"], 9) + 4, 13, PAPER)
            drawing.text(x, boxes[0][1] - 5, row["said"], size=10, fill=MUTED)
        for cell, box in zip(row["cells"], boxes, strict=True):
            _cell(drawing, cell, box, card["kinds"])
    at = 0.0
    for meaning, look, tone, sign in card["kinds"]:
        room = text_width(meaning, 11) + 34
        if at + room > width and at:
            at, top = 0.0, top + 16
        _swatch(drawing, x + at, top, 14, 12, look, tone)
        drawing.text(x + at + 18, top + 10, f"{sign} {meaning}".strip(), fill=MUTED)
        at += room
    return top + 20 - y


def _link(ax: float, ay: float, bx: float, by: float) -> str:
    bend = (by - ay) / 2 if by > ay else 12.0
    way = f"M{ax:.1f} {ay:.1f}C{ax:.1f} {ay + bend:.1f} {bx:.1f} {by - bend:.1f} {bx:.1f} {by:.1f}"
    return f'<path class="link" d="{way}" fill="none" stroke="{LINE}" stroke-width="1"/>'


def _cell(drawing: Drawing, cell: list[Any], box: tuple[float, float, float, float], kinds: list[Any]) -> None:
    label, second, parts, _, _ = cell
    x, y, width, height = box
    drawing.add(f'<g class="cell" data-parts="{" ".join(f"{kind}:{share:g}" for kind, share in parts)}">')
    if width >= LABELLED:
        _, look, tone, sign = kinds[parts[0][0]]
        drawing.add(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="3" fill="{PAPER}" '
            f'stroke="{_ink(look, tone)}"{_dashes(look)}/>'
        )
        at = x
        for kind, share in parts:
            _, look, tone, _ = kinds[kind]
            if look in ("full", "grey"):
                drawing.rect(at, y, share * width, BAND, _ink(look, tone))
            at += share * width
        most = max(1, int((width - 12) / 6.4))
        drawing.text(x + 5, y + 20, label, most=most)
        drawing.text(x + 5, y + 34, second, size=10, fill=MUTED, most=most)
        if len(parts) == 1 and sign:
            drawing.text(x + width - 5, y + 34, sign, size=10, fill=INK, anchor="end", weight=600)
    else:
        at = y
        for kind, share in parts:
            _, look, tone, sign = kinds[kind]
            _swatch(drawing, x, at, width, share * height, look, tone)
            at += share * height
        sign = kinds[parts[0][0]][3]
        if len(parts) == 1 and sign and width >= 9 and kinds[parts[0][0]][1] == "full":
            drawing.text(x + width / 2, y + 13, sign, size=9, fill=PAPER, anchor="middle", weight=600)
    drawing.add("</g>")


def _ink(look: str, tone: int) -> str:
    return TONES[tone % len(TONES)] if look == "full" else MUTED if look in ("grey", "dots") else INK


def _dashes(look: str) -> str:
    return ' stroke-dasharray="2 2"' if look == "dots" else ""


def _swatch(drawing: Drawing, x: float, y: float, width: float, height: float, look: str, tone: int) -> None:
    """A filled box, an outline, a dashed one, or one that is crossed out."""
    ink = _ink(look, tone)
    if look in ("full", "grey"):
        drawing.rect(x, y, width, height, ink)
        return
    wide, high = max(width - 1, 0.5), max(height - 1, 0.5)
    drawing.add(
        f'<rect x="{x + 0.5:.1f}" y="{y + 0.5:.1f}" width="{wide:.1f}" height="{high:.1f}" fill="none" '
        f'stroke="{ink}"{_dashes(look)}/>'
    )
    if look == "cross":
        drawing.line(x, y, x + width, y + height, ink)
