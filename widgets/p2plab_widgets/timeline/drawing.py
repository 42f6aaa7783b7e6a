"""The timeline as SVG: timeline.js draws the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from p2plab_widgets.graph.paint import mixed
from p2plab_widgets.timeline.index import SUBJECTS
from p2plab_widgets.timeline.picture import BOX, RELAY
from p2plab_widgets.view.drawing import INK, LINE, MUTED, PAPER, Drawing

SIZE: Final = (900, 440)
LEFT, TOP, RIGHT, BOTTOM = 96, 24, 10, 26
COLOURS: Final = (
    "#0072b2",
    "#9a6700",
    "#5b6673",
    "#6a5acd",
    "#007a5a",
    "#c8402e",
    "#6f747c",
    "#a0327e",
)  # 4.5 to 1 on white


def draw(content: Mapping[str, Any], at: float | None) -> Drawing:
    """The lines of a content, as Picture gives it; ``at`` is the cursor's moment."""
    drawing = Drawing(*SIZE)
    start, end = (float(moment) for moment in content["window"])
    lines, top = content["lines"], int(content["top"])
    wide, high = SIZE[0] - LEFT - RIGHT, SIZE[1] - TOP - BOTTOM
    step = min(48.0, high / max(len(lines), 1))

    def x_of(moment: float) -> float:
        return LEFT + (moment - start) / (end - start) * wide

    def y_of(line: float) -> float:
        return TOP + (line - top + 0.5) * step

    for moment in ticks(start, end, 8):
        x = x_of(moment)
        drawing.line(x, TOP, x, SIZE[1] - BOTTOM, "#e6eaee")
        drawing.text(x, 15, f"{moment:g} s", fill=MUTED, anchor="middle")
    every = max(1, math.ceil(13 / step))
    signs = content["signs"]
    for place, (label, _, key) in enumerate(lines):
        y = y_of(place + top)
        drawing.line(LEFT, y, SIZE[0] - RIGHT, y, LINE, 0.6)
        if place % every == 0:
            drawing.text(LEFT - 8, y + 4, f"{signs[key]} {label}" if key in signs else label, anchor="end", most=14)
    if "density" in content:
        _density(drawing, content, wide, step)
    else:
        _events(drawing, content, x_of, y_of)
    if at is not None and start <= at <= end:
        drawing.line(x_of(at), TOP, x_of(at), SIZE[1] - BOTTOM, INK, 1.5)
    x = float(LEFT)
    for name, colour in zip(SUBJECTS[: None if content["reaches"] else -1], COLOURS, strict=False):
        drawing.circle(x + 4, SIZE[1] - 9, 4, colour)
        drawing.text(x + 12, SIZE[1] - 5, name, fill=MUTED)
        x += 30 + 6.4 * len(name)
    if signs:
        drawing.text(x + 4, SIZE[1] - 5, f"{BOX} behind a box  {RELAY} relay", fill=MUTED)
    return drawing


def _density(drawing: Drawing, content: Mapping[str, Any], wide: float, step: float) -> None:
    density = content["density"]
    most = max(density["most"], 1)
    width = wide / density["bins"]
    for place, row in enumerate(density["rows"]):
        y = TOP + place * step
        for at, count in enumerate(row):
            if count:
                share = math.log1p(count) / math.log1p(most)
                shade = mixed(PAPER, COLOURS[density["subjects"][place][at]], 0.18 + 0.82 * share)
                drawing.rect(LEFT + at * width, y + 0.12 * step, width + 0.2, 0.76 * step, shade)


def _events(drawing: Drawing, content: Mapping[str, Any], x_of: Any, y_of: Any) -> None:
    for line, begun, ended, subject, _ in content["bars"]:
        x = max(x_of(begun), LEFT)
        drawing.rect(x, y_of(line) - 3, max(x_of(ended) - x, 1), 6, mixed(PAPER, COLOURS[subject], 0.35))
    events = content["events"]
    columns = ("t", "line", "subject", "from_t", "from")
    for moment, line, subject, begun, source in zip(*(events[name] for name in columns), strict=True):
        if source >= 0:
            drawing.line(x_of(begun), y_of(source), x_of(moment), y_of(line), mixed(PAPER, COLOURS[subject], 0.6), 0.9)
    for moment, line, subject in zip(*(events[name] for name in columns[:3]), strict=True):
        drawing.circle(x_of(moment), y_of(line), 2.2, COLOURS[subject])


def ticks(start: float, end: float, most: int) -> list[float]:
    """Round moments between two, at most so many."""
    raw = (end - start) / most
    power = 10.0 ** math.floor(math.log10(raw)) if raw > 0 else 1.0
    step = next(power * by for by in (1, 2, 5, 10) if power * by >= raw)
    first = math.ceil(start / step)
    return [round(number * step, 9) for number in range(first, math.floor(end / step) + 1)]
