"""Cards as a Drawing, for SVG, PNG and the static face: two columns, wide cards over both."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import cos, pi, sin
from typing import Final

from p2plab_widgets.board.cards import Card
from p2plab_widgets.board.dag import painted_dag
from p2plab_widgets.board.words import text_of
from p2plab_widgets.graph.palette import colour_of
from p2plab_widgets.view.drawing import INK, LINE, MUTED, PAPER, Drawing, text_width

__all__ = ["FIELD_COLOURS", "painted"]

GAP: Final = 16
LINE_HEIGHT: Final = 16
FIELD_COLOURS: Final = ("#0072b2", "#c44e00", "#00795a", "#a24a86", "#7f6000", "#8c2d2d")
MARK: Final = "#6650c8"
SHOWN_ROWS: Final = 24
BYTES_A_LINE: Final = 16
NUMBERED: Final = 30  # arrows of a ring, at most, that have numbers
ALONG: Final = (0.72, 0.82, 0.62, 0.9, 0.54, 0.46, 0.38, 0.3)  # where on its arrow a number may stand, the best first


class _Pen:
    """A drawing, and where the next line of a card comes."""

    def __init__(self, drawing: Drawing, x: float, y: float, width: float) -> None:
        self.drawing, self.x, self.y, self.width = drawing, x, y, width

    def line(self, text: str, x: float = 0.0, fill: str = INK, weight: int = 400, size: float = 11) -> None:
        """A line of text, as much of it as there is room for."""
        most = max(1, int((self.width - x) / (0.6 * size)))
        self.drawing.text(self.x + x, self.y + 12, text, size=size, fill=fill, weight=weight, most=most)
        self.y += LINE_HEIGHT

    def wrapped(self, text: str, fill: str = INK) -> None:
        most, line = max(8, int(self.width / 6.4)), ""
        for word in text.split():
            if line and len(line) + 1 + len(word) > most:
                self.line(line, fill=fill)
                line = word
            else:
                line = f"{line} {word}".strip()
        if line:
            self.line(line, fill=fill)


def painted(cards: Sequence[Card], width: int) -> Drawing:
    """The cards one after the other; the drawing is as high as they need."""
    parts: list[str] = []
    columns = [8.0, 8.0]
    half = (width - 3 * GAP) / 2
    for card in cards:
        drawing = Drawing(width, 0)
        if card.get("wide"):
            pen = _Pen(drawing, GAP, max(columns), width - 2 * GAP)
        else:
            column = 0 if columns[0] <= columns[1] else 1
            pen = _Pen(drawing, GAP + column * (half + GAP), columns[column], half)
        pen.line(card["title"], fill=INK, weight=600, size=12)
        pen.y += 2
        _PAINTERS[card["kind"]](pen, card)
        bottom = pen.y + GAP
        columns = [bottom, bottom] if card.get("wide") else [
            bottom if at == column else old for at, old in enumerate(columns)
        ]  # fmt: skip
        parts += drawing.parts
    return Drawing(width, round(max(columns)), parts)


def _facts(pen: _Pen, card: Card) -> None:
    widest = max((text_width(name, 11) for name, _ in card["rows"]), default=0.0)
    room = min(widest + 8, pen.width * 0.5)
    for name, value in card["rows"]:
        pen.drawing.text(pen.x, pen.y + 12, name, fill=MUTED, most=int(room / 6.4))
        pen.line(text_of(value), x=room)


def _table(pen: _Pen, card: Card) -> None:
    if not card["rows"]:
        pen.wrapped(card["empty"], fill=MUTED)
        return
    rows = [card["columns"], *([text_of(one) for one in row] for row in card["rows"][:SHOWN_ROWS])]
    wants = [max(text_width(row[at], 11) for row in rows if at < len(row)) + 12 for at in range(len(card["columns"]))]
    scale = min(1.0, pen.width / sum(wants))
    for number, row in enumerate(rows):
        x = 0.0
        for at, text in enumerate(row):
            most = max(1, int((wants[at] * scale - 6) / 6.2))
            fill = MUTED if number == 0 else INK
            pen.drawing.text(pen.x + x, pen.y + 12, text, fill=fill, most=most, weight=600 if number == 0 else 400)
            x += wants[at] * scale
        pen.y += LINE_HEIGHT
    _rest(pen, card, SHOWN_ROWS)


def _steps(pen: _Pen, card: Card) -> None:
    if not card["rows"]:
        pen.wrapped(card["empty"], fill=MUTED)
        return
    for depth, one, remark in card["rows"][:SHOWN_ROWS]:
        x = min(12.0 * depth, pen.width / 2)
        if depth:
            pen.drawing.add(
                f'<path d="M{pen.x + x - 8:.1f} {pen.y:.1f}v8h6" fill="none" stroke="{LINE}" stroke-width="1"/>'
            )
        text = text_of(one)
        if remark:
            end = x + text_width(text, 11) + 8
            room = int((pen.width - end) / 6.2)
            if room > 4:
                pen.drawing.text(pen.x + end, pen.y + 12, remark, fill=MUTED, most=room)
        pen.line(text, x=x)
    _rest(pen, card, SHOWN_ROWS)


def _rest(pen: _Pen, card: Card, drawn: int) -> None:
    more = card["more"] + max(0, len(card["rows"]) - drawn)
    if more > 0:
        pen.line(f"… and {more:,} more", fill=MUTED)


def _matrix(pen: _Pen, card: Card) -> None:
    names = card["names"]
    if not names:
        pen.wrapped(card["empty"], fill=MUTED)
        return
    longest = min(90.0, max(text_width(name, 10) for name in names) + 6)
    side = min(18.0, (pen.width - longest) / len(names))
    left, top = pen.x + longest, pen.y + (longest if side >= 8 else 4)
    labelled = side >= 8
    for at, name in enumerate(names):
        if labelled:
            y = top + side * at + side / 2 + 3.5
            pen.drawing.text(left - 4, y, name, size=10, anchor="end", most=int(longest / 5.8))
            x = left + side * at + side / 2 + 3.5
            inner = Drawing(0, 0)
            inner.text(0, 0, name, size=10, most=int(longest / 5.8))
            pen.drawing.add(f'<g transform="translate({x:.1f} {top - 4:.1f}) rotate(-90)">{inner.parts[0]}</g>')
    size = side * len(names)
    for at in range(len(names) + 1):
        pen.drawing.line(left, top + at * side, left + size, top + at * side, width=0.4)
        pen.drawing.line(left + at * side, top, left + at * side, top + size, width=0.4)
    for row, column, of in card["marks"]:
        _mark(pen.drawing, card["kinds"][of][1], left + (column + 0.5) * side, top + (row + 0.5) * side, side * 0.36)
    pen.y = top + size + 6
    x = 0.0
    for meaning, look in card["kinds"]:
        if x + text_width(meaning, 11) + 30 > pen.width and x:
            x = 0.0
            pen.y += LINE_HEIGHT
        _mark(pen.drawing, look, pen.x + x + 6, pen.y + 8, 5)
        pen.drawing.text(pen.x + x + 16, pen.y + 12, meaning, fill=MUTED)
        x += text_width(meaning, 11) + 30
    pen.y += LINE_HEIGHT
    if card.get("grouped"):
        pen.wrapped(card["grouped"], fill=MUTED)


def _mark(drawing: Drawing, look: str, x: float, y: float, r: float) -> None:
    """One of the looks that the browser's half draws too."""
    if look.startswith("shade"):
        share = (0.3, 0.55, 0.78, 1.0)[int(look[5:])]
        width = 2.7 * r
        drawing.add(
            f'<rect x="{x - width / 2:.1f}" y="{y - width / 2:.1f}" width="{width:.1f}" height="{width:.1f}" '
            f'fill="{MARK}" fill-opacity="{share}"/>'
        )
    elif look == "full":
        drawing.rect(x - r, y - r, 2 * r, 2 * r, MARK)
    elif look == "half":
        drawing.add(f'<path d="M{x - r:.1f} {y + r:.1f}v{-2 * r:.1f}h{2 * r:.1f}z" fill="#c44e00"/>')
    elif look == "ring":
        drawing.circle(x, y, r * 0.8, "none", "#00795a", 1.5)
    elif look == "cross":
        drawing.line(x - r * 0.7, y - r * 0.7, x + r * 0.7, y + r * 0.7, "#b3261e", 1.5)
        drawing.line(x - r * 0.7, y + r * 0.7, x + r * 0.7, y - r * 0.7, "#b3261e", 1.5)
    else:
        drawing.circle(x, y, max(1.0, r * 0.3), MUTED)


def _hex(pen: _Pen, card: Card) -> None:
    data = bytes.fromhex(card["data"])
    if not data:
        pen.wrapped(card["empty"], fill=MUTED)
        return
    field_of: dict[int, int] = {}
    leaves = [at for at, field in enumerate(card["fields"]) if not _is_outer(card["fields"], at)]
    for colour, at in enumerate(leaves):
        start, end, *_ = card["fields"][at]
        field_of.update(dict.fromkeys(range(start, end), colour))
    lines = min(len(data), 16 * BYTES_A_LINE)
    for start in range(0, lines, BYTES_A_LINE):
        pen.drawing.text(pen.x, pen.y + 12, f"{start:04x}", fill=MUTED)
        for at in range(start, min(start + BYTES_A_LINE, len(data))):
            fill = FIELD_COLOURS[field_of[at] % len(FIELD_COLOURS)] if at in field_of else INK
            pen.drawing.text(pen.x + 44 + 20 * (at - start), pen.y + 12, f"{data[at]:02x}", fill=fill)
        said = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in data[start : start + BYTES_A_LINE])
        pen.drawing.text(pen.x + 44 + 20 * BYTES_A_LINE + 12, pen.y + 12, said, fill=MUTED)
        pen.y += LINE_HEIGHT
    if card["size"] > lines:
        pen.line(f"… {card['size'] - lines:,} more bytes", fill=MUTED)
    pen.y += 4
    for number, (start, end, depth, name, value) in enumerate(card["fields"][:SHOWN_ROWS]):
        fill = FIELD_COLOURS[leaves.index(number) % len(FIELD_COLOURS)] if number in leaves else INK
        pen.drawing.text(pen.x, pen.y + 12, f"{start}-{end - 1}", fill=MUTED)
        pen.line(f"{name}: {value}", x=70 + 12 * depth, fill=fill)


def _is_outer(fields: Sequence[Sequence[object]], at: int) -> bool:
    return at + 1 < len(fields) and int(str(fields[at + 1][2])) > int(str(fields[at][2]))


def _apart(spot: tuple[float, float], other: tuple[float, float]) -> bool:
    return abs(spot[0] - other[0]) > 12 or abs(spot[1] - other[1]) > 11


def _ring(pen: _Pen, card: Card) -> None:
    if not card["points"]:
        pen.wrapped(card["empty"], fill=MUTED)
        return
    radius = min(pen.width, 340) / 2 - 46
    x0, y0 = pen.x + pen.width / 2, pen.y + radius + 30
    pen.drawing.circle(x0, y0, radius, "none", LINE)

    def place(share: float, more: float = 0.0) -> tuple[float, float]:
        turn = 2 * pi * share - pi / 2
        return x0 + (radius + more) * cos(turn), y0 + (radius + more) * sin(turn)

    points = card["points"]
    numbers: list[tuple[float, float]] = []  # where the number of a step stands, as in ring.js
    for a, b, _ in card["arrows"]:
        (ax, ay), (bx, by) = place(points[a][0]), place(points[b][0])
        pen.drawing.add(
            f'<path d="M{ax:.1f} {ay:.1f}Q{x0:.1f} {y0:.1f} {bx:.1f} {by:.1f}" fill="none" stroke="{MARK}" '
            'stroke-width="1.2" stroke-opacity="0.7"/>'
        )
        if len(card["arrows"]) <= NUMBERED:
            spots = [
                (
                    (1 - t) ** 2 * ax + 2 * t * (1 - t) * x0 + t * t * bx,
                    (1 - t) ** 2 * ay + 2 * t * (1 - t) * y0 + t * t * by,
                )
                for t in ALONG
            ]
            numbers.append(next((spot for spot in spots if all(_apart(spot, other) for other in numbers)), spots[0]))
    for at, (x, y) in enumerate(numbers, 1):
        pen.drawing.text(x, y + 3, str(at), size=10, fill=MARK, anchor="middle", weight=600, halo=True)
    taken: list[tuple[float, float]] = []  # where a name stands: another one beside it would lie over it
    for share, one, role in points:
        x, y = place(share)
        fill = {"plain": colour_of(text_of(one)), "far": LINE}.get(role, "#c44e00")
        pen.drawing.circle(x, y, 5 if role != "far" else 3, fill, INK if role == "target" else PAPER, 1.5)
        lx, ly = place(share, 12)
        free = all(abs(ly - y) > 10 or abs(lx - x) > 40 for x, y in taken)
        if free and (len(points) <= 60 or role not in ("plain", "far")):
            taken.append((lx, ly))
            pen.drawing.text(lx, ly + 4, text_of(one), size=10, anchor="start" if lx >= x0 else "end", most=12)
    if card["target"] is not None:
        (ax, ay), (bx, by) = place(card["target"], -10), place(card["target"], 10)
        pen.drawing.line(ax, ay, bx, by, "#b3261e", 2)
    pen.y = y0 + radius + 34
    if card["kinds"]:
        pen.wrapped("; ".join(f"{role}: {meaning}" for role, meaning in card["kinds"].items()), fill=MUTED)


def _dag(pen: _Pen, card: Card) -> None:
    if not card["rows"]:
        pen.wrapped(card["empty"], fill=MUTED)
        return
    pen.y += painted_dag(pen.drawing, pen.x, pen.y, pen.width, card)
    if card["note"]:
        pen.wrapped(card["note"], fill=MUTED)


def _picture(pen: _Pen, card: Card) -> None:
    found = re.match(r'<svg[^>]*viewBox="0 0 (\d+) (\d+)"', card["svg"])
    width, height = (float(found[1]), float(found[2])) if found else (640.0, 300.0)
    scale = pen.width / width
    inner = re.sub(
        r'^<svg([^>]*?) width="[^"]*"\s+height="[^"]*"',
        rf'<svg\1 x="{pen.x:.1f}" y="{pen.y:.1f}" width="{pen.width:.1f}" height="{height * scale:.1f}"',
        re.sub(r"<style>.*?</style>", "", card["svg"]),
    )
    pen.drawing.add(inner)
    pen.y += height * scale


def _code(pen: _Pen, card: Card) -> None:
    for line in card["lines"]:
        pen.wrapped(line, fill=MUTED)


def _note(pen: _Pen, card: Card) -> None:
    pen.wrapped(card["text"])


_PAINTERS: Final[dict[str, Callable[[_Pen, Card], None]]] = {
    "facts": _facts, "table": _table, "steps": _steps, "matrix": _matrix, "hex": _hex, "ring": _ring,
    "dag": _dag, "picture": _picture, "note": _note, "code": _code,
}  # fmt: skip
