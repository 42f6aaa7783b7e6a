"""Our own painter: a description as an SVG document, in pure Python.

It needs nothing but this file's neighbours, so it works in browser kernels, for GitHub, nbval and papers. All text is
escaped, and there is neither a script nor a link in the document. Colours are attributes, which every renderer reads;
with the theme ``auto`` a style sheet replaces them where the reader's system is dark. Each panel carries its scales as
``data-`` attributes, so that its numbers can be read back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from math import isfinite

from p2plab.charts.description import Description, Panel, Series
from p2plab.charts.painters.colours import DARK, DASHES, LIGHT, SIGNS, Palette
from p2plab.charts.painters.scale import Scale, scale_of, values_on
from p2plab.charts.painters.text import MOST, number, plain

__all__ = ["paint"]

WIDTH = 640
PANEL_HEIGHT = 300  # of a panel alone; one of several is lower
MARGIN = 16
LOWEST = 110.0  # of a panel with its axis
EM = 0.56  # width of a letter of the fonts named below, in their size
FONTS = "system-ui, 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"


def paint(
    description: Description,
    theme: str,
    scale: float = 1.0,
    whole: int = WIDTH,
    bare: bool = False,
    high: int | None = None,
) -> str:
    """The description as an SVG document, ``whole`` pixels wide and, if its panels can be, ``high`` pixels high."""
    palette = DARK if theme == "dark" else LIGHT
    parts: list[str] = []
    y = 0.0
    if not bare:
        y = 24.0
        parts.append(_text(MARGIN, y, description.title, palette, size=16, weight="600"))
        for line in _wrapped(description.sentence, whole - 2 * MARGIN, 13):
            y += 18
            parts.append(_text(MARGIN, y, line, palette, size=13))
        y += 10
    panels, below = _panels(description, y, whole, palette)
    if high is not None:
        rows = -(-len(description.panels) // _columns(description))
        panels, below = _panels(
            description, y, whole, palette, more=(high - (4 if bare else MARGIN) - below) / max(rows, 1)
        )
    parts += panels
    y = below
    for note in () if bare else description.notes:
        for line in _wrapped(note, whole - 2 * MARGIN, 11):
            y += 15
            parts.append(_text(MARGIN, y, line, palette, size=11, role="muted"))
    height = round(y + (4 if bare else MARGIN))
    words = f"{description.sentence} {' '.join(description.notes)}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {height}" width="{_n(whole * scale)}" '
            f'height="{_n(height * scale)}" font-family="{FONTS}" role="img" '
            'style="font-variant-numeric: tabular-nums">',
            f"<title>{_escaped(description.title)}</title>",
            f"<desc>{_escaped(words)}</desc>",
            *([_dark_style()] if theme == "auto" else []),
            f'<rect class="paper" width="{whole}" height="{height}" fill="{palette.paper}"/>',
            *parts,
            "</svg>",
        ]
    )


def _dark_style() -> str:
    rules = [f".paper{{fill:{DARK.paper}}}", f".ink{{fill:{DARK.ink}}}", f".muted{{fill:{DARK.muted}}}"]
    rules += [f".axis{{stroke:{DARK.line}}}", f".grid{{stroke:{DARK.grid}}}", f".mark{{stroke:{DARK.muted}}}"]
    rules += [f".over{{stroke:{DARK.paper}}}"]
    for at, colour in enumerate(DARK.series):
        rules += [f".s{at}{{stroke:{colour}}}", f".f{at}{{fill:{colour}}}"]
    return f"<style>@media (prefers-color-scheme: dark){{{''.join(rules)}}}</style>"


def _columns(description: Description) -> int:
    return 2 if len(description.panels) > 3 else 1


def _panels(
    description: Description, y: float, whole: int, palette: Palette, more: float = 0.0
) -> tuple[list[str], float]:
    """The elements of all panels from ``y`` on, and where they end. Each is ``more`` higher than it would be."""
    parts: list[str] = []
    several, columns = len(description.panels) > 1, _columns(description)
    width = whole / columns
    heights = [
        _height(panel, several) if panel.y.names else max(min(_height(panel, several), 0.6 * whole) + more, LOWEST)
        for panel in description.panels
    ]
    # A label that is longer than its axis stands over it, and so do then those of the other panels.
    above = any(
        len(panel.y.text) * 11 * EM > height - 60 for panel, height in zip(description.panels, heights, strict=True)
    )
    for row in range(0, len(description.panels), columns):
        tallest = 0.0
        for column, panel in enumerate(description.panels[row : row + columns]):
            drawn, used = _panel(panel, column * width, y, width, heights[row + column], above, palette)
            parts += drawn
            tallest = max(tallest, used)
        y += tallest
    return parts, y


def _height(panel: Panel, several: bool) -> float:
    if panel.y.names:
        return 90.0 + 22 * len(panel.y.names)
    return 220.0 if several else float(PANEL_HEIGHT)


def _panel(
    panel: Panel, left: float, top: float, width: float, height: float, above: bool, palette: Palette
) -> tuple[list[str], float]:
    """The elements of a panel, and the height that it takes with its title and legend."""
    parts: list[str] = []
    y = top
    if panel.title:
        y += 18
        parts.append(_text(left + MARGIN, y, panel.title, palette, size=13, weight="600"))
    legend, y = _legend(panel, left + MARGIN, y, width - 2 * MARGIN, palette)
    parts += legend
    ticks_y = scale_of(panel.y, values_on(panel, "y"), 1, 0, padded=True)
    widest = max((len(text) for _, text in _named(ticks_y)), default=1)
    y0, y1 = y + height - 46, y + (24 if above else 14)
    x0 = left + MARGIN + (0 if above else 18) + widest * 11 * EM + 6
    x1 = left + width - MARGIN - (_room_at_end(panel) if any(mark.axis == "y" for mark in panel.marks) else 4)
    edge = 8 if any(one.draw == "points" for one in panel.series) else 0  # a point on the axis would be half a point
    across = scale_of(panel.x, values_on(panel, "x"), x0 + edge, x1 - edge, padded=panel.x.high is None)
    up = scale_of(panel.y, values_on(panel, "y"), y0, y1, padded=True)
    parts.append(
        f'<g class="panel" data-title="{_escaped(panel.title)}" data-x="{_escaped(panel.x.text)}" '
        f'data-y="{_escaped(panel.y.text)}" data-x-scale="{_scale_words(across)}" data-y-scale="{_scale_words(up)}">'
    )
    parts += _axes(panel, across, up, (x0, x1), palette, above)
    if any(one.x for one in panel.series):
        for at, one in enumerate(panel.series):
            parts += _series(one, _tone(one, at) % len(palette.series), across, up, palette)
        parts += _marks(panel, across, up, (x0, x1), palette)
    else:
        parts.append(_text((x0 + x1) / 2, (y0 + y1) / 2, panel.empty, palette, size=13, anchor="middle", role="muted"))
    parts.append("</g>")
    bottom = y0 + 42
    if panel.interval:
        for line in _wrapped(panel.interval, width - 2 * MARGIN, 11):
            bottom += 14
            parts.append(_text(left + MARGIN, bottom, line, palette, size=11, role="muted"))
    return parts, bottom + 6 - top


def _room_at_end(panel: Panel) -> float:
    return 10 + max(len(plain(mark.label)) for mark in panel.marks if mark.axis == "y") * 11 * EM


def _named(scale: Scale) -> list[tuple[float, str]]:
    return [(value, plain(text, 34)) for value, text in scale.ticks()]


def _scale_words(scale: Scale) -> str:
    kind = "log" if scale.log else "names" if scale.names else "linear"
    return f"{kind} {scale.low!r} {scale.high!r} {scale.start!r} {scale.end!r}"


def _legend(panel: Panel, left: float, top: float, width: float, palette: Palette) -> tuple[list[str], float]:
    most = min(MOST, max(4, int((width - 28) / (11 * EM))))
    named = [(at, plain(one.name, most)) for at, one in enumerate(panel.series) if one.name and one.x]
    if len(named) < 2 and not (named and len(panel.series) > 1):
        return [], top
    parts, x, y = [], left, top + 16
    for at, name in named:
        room = 28 + len(name) * 11 * EM + 14
        if x + room > left + width and x > left:
            x, y = left, y + 16
        one = panel.series[at]
        at = _tone(one, at)
        colour = at % len(palette.series)
        if one.draw in ("line", "step"):
            parts.append(
                f'<path class="s{colour}" d="M{_n(x)} {_n(y - 4)}h22" fill="none" stroke="{palette.series[colour]}" '
                f'stroke-width="2"{_dash(at)}/>'
            )
        else:
            parts.append(_sign(x + 11, y - 4, at, colour, palette, "legend"))
        parts.append(_text(x + 28, y, name, palette, size=11))
        x += room
    return parts, y + 2


def _axes(
    panel: Panel, across: Scale, up: Scale, ends: tuple[float, float], palette: Palette, above: bool
) -> list[str]:
    parts = []
    left, right = ends
    for value, text in _named(up):
        y = _n(up.at(value))
        parts.append(f'<path class="grid" d="M{_n(left)} {y}H{_n(right)}" stroke="{palette.grid}" fill="none"/>')
        parts.append(_text(left - 6, up.at(value) + 4, text, palette, size=11, anchor="end"))
    room = (across.end - across.start) / max(1, len(across.names)) if across.names else 0.0
    last = float("-inf")
    for value, text in _named(across):
        x = across.at(value)
        if across.names and len(text) * 11 * EM > room * 0.95:
            text = plain(text, max(2, int(room * 0.95 / (11 * EM))))
        half = len(text) * 11 * EM / 2
        parts.append(f'<path class="axis" d="M{_n(x)} {_n(up.start)}v4" stroke="{palette.line}" fill="none"/>')
        if x - half > last + 4:
            parts.append(_text(x, up.start + 16, text, palette, size=11, anchor="middle"))
            last = x + half
    parts.append(
        f'<path class="axis" d="M{_n(left)} {_n(up.end)}V{_n(up.start)}H{_n(right)}" '
        f'stroke="{palette.line}" fill="none"/>'
    )
    middle_x, middle_y = (across.start + across.end) / 2, (up.start + up.end) / 2
    parts.append(_text(middle_x, up.start + 34, panel.x.text, palette, size=11, anchor="middle"))
    if panel.y.label:
        x = left - 12 - max((len(text) for _, text in _named(up)), default=1) * 11 * EM
        parts.append(
            _text(x + 6, up.end - 10, panel.y.text, palette, size=11)
            if above
            else f'<text class="ink" transform="translate({_n(x)} {_n(middle_y)}) rotate(-90)" text-anchor="middle" '
            f'font-size="11" fill="{palette.ink}">{_escaped(panel.y.text)}</text>'
        )
    return parts


def _tone(one: Series, place: int) -> int:
    return place if one.tone is None else one.tone


def _series(one: Series, at: int, across: Scale, up: Scale, palette: Palette) -> list[str]:
    colour = palette.series[at]
    points = [(x, y) for x, y in zip(one.x, one.y, strict=True) if isfinite(x) and isfinite(y)]
    parts = [f'<g class="series" data-name="{_escaped(plain(one.name))}" data-draw="{one.draw}">']
    if one.low and one.draw in ("line", "step"):
        parts.append(
            f'<path class="f{at} band" d="{_band(one, across, up)}" fill="{colour}" fill-opacity="0.18" stroke="none"/>'
        )
    if one.draw in ("line", "step"):
        way = _way([(across.at(x), up.at(y)) for x, y in points], one.draw == "step")
        parts.append(
            f'<path class="s{at} curve" d="{way}" fill="none" stroke="{colour}" stroke-width="2" '
            f'stroke-linejoin="round"{_dash(at)}/>'
        )
        if len(points) == 1:
            parts.append(_sign(across.at(points[0][0]), up.at(points[0][1]), at, at, palette, "point"))
        parts.append("</g>")
        return parts
    if one.draw == "spans":
        return [*parts, *_spans(one, at, across, up, palette), "</g>"]
    for place, (x, y) in enumerate(zip(one.x, one.y, strict=True)):
        label = one.labels[place] if one.labels else ""
        said = f"{label + ': ' if label else ''}{number(x)}, {number(y)}"
        if one.low:
            said += f" ({number(one.low[place])} to {number(one.high[place])})"
        px, py = across.at(x), up.at(y)
        parts.append(f"<g><title>{_escaped(plain(said, 120))}</title>")
        if one.draw == "bars":
            base = up.at(0.0)
            wide = (across.end - across.start) / max(1, len(across.names) or len(one.x)) * 0.6
            parts.append(
                f'<rect class="f{at} bar" x="{_n(px - wide / 2)}" y="{_n(min(py, base))}" width="{_n(wide)}" '
                f'height="{_n(abs(base - py))}" fill="{colour}"/>'
            )
        if one.low and isfinite(one.low[place]) and isfinite(one.high[place]):
            low, high = up.at(one.low[place]), up.at(one.high[place])
            parts.append(
                f'<path class="s{at} whisker" d="M{_n(px)} {_n(low)}V{_n(high)}M{_n(px - 3)} {_n(low)}h6'
                f'M{_n(px - 3)} {_n(high)}h6" stroke="{colour}" stroke-width="1.2" fill="none"/>'
            )
        if one.draw == "points":
            parts.append(_sign(px, py, at, at, palette, "point"))
        parts.append("</g>")
    parts.append("</g>")
    return parts


def _spans(one: Series, at: int, across: Scale, up: Scale, palette: Palette) -> Iterator[str]:
    """Lines along x; where there is room, each with the sign of its series at its end."""
    room = abs(up.at(1.0) - up.at(0.0))
    thick = min(8.0, max(1.0, 0.6 * room)) / (1 if one.tone is None else 2)
    for place, y in enumerate(one.y):
        low, high, py = across.at(one.low[place]), across.at(one.high[place]), up.at(y)
        said = f"{one.labels[place] + ': ' if one.labels else ''}{number(one.low[place])} to {number(one.high[place])}"
        yield (
            f"<g><title>{_escaped(plain(said, 120))}</title>"
            f'<path class="s{at} span" d="M{_n(low)} {_n(py)}H{_n(max(high, low + 1))}" stroke="{palette.series[at]}" '
            f'stroke-opacity="{0.55 if room >= 7 else 1}" stroke-width="{_n(thick)}" fill="none"/>'
        )
        yield (_sign(high, py, at, at, palette, "end") if room >= 7 else "") + "</g>"


def _marks(panel: Panel, across: Scale, up: Scale, ends: tuple[float, float], palette: Palette) -> Iterator[str]:
    taken: list[float] = []
    for at, mark in enumerate(panel.marks):
        if mark.axis == "y":
            y = up.at(mark.value)
            label_y = y + 4
            while any(abs(label_y - other) < 12 for other in taken):
                label_y -= 12
            taken.append(label_y)
            way = f"M{_n(ends[0])} {_n(y)}H{_n(ends[1])}"
            text = _text(ends[1] + 6, label_y, mark.label, palette, size=11, role="muted", over=True)
        else:
            x = across.at(mark.value)
            way = f"M{_n(x)} {_n(up.start)}V{_n(up.end)}"
            late = x + len(plain(mark.label)) * 11 * EM + 8 > ends[1]
            text = _text(
                x + (-4 if late else 4), up.start - 8 - 14 * (at % 6), mark.label, palette,
                size=11, anchor="end" if late else "start", role="muted", over=True,
            )  # fmt: skip
        yield (
            f'<path class="mark" data-axis="{mark.axis}" data-value="{mark.value!r}" d="{way}" '
            f'stroke="{palette.muted}" stroke-dasharray="4 3" fill="none"/>'
        )
        yield text


def _sign(x: float, y: float, at: int, colour: int, palette: Palette, role: str) -> str:
    look = f'class="f{colour} {role}" fill="{palette.series[colour]}"'
    shape = SIGNS[at % len(SIGNS)]
    if shape == "circle":
        return f'<circle {look} cx="{_n(x)}" cy="{_n(y)}" r="3.5"/>'
    ways = {"square": "m-3 -3h6v6h-6z", "triangle": "m0 -4.5l4 7h-8z", "diamond": "m0 -4.5l4.5 4.5l-4.5 4.5l-4.5 -4.5z"}
    return f'<path {look} d="M{_n(x)} {_n(y)}{ways[shape]}"/>'


def _way(points: Sequence[tuple[float, float]], stepped: bool) -> str:
    if not points:
        return ""
    parts = [f"M{_n(points[0][0])} {_n(points[0][1])}"]
    for x, y in points[1:]:
        parts.append(f"H{_n(x)}V{_n(y)}" if stepped else f"L{_n(x)} {_n(y)}")
    return "".join(parts)


def _band(one: Series, across: Scale, up: Scale) -> str:
    stepped = one.draw == "step"
    upper = [(across.at(x), up.at(y)) for x, y in zip(one.x, one.high, strict=True)]
    lower = [(across.at(x), up.at(y)) for x, y in zip(one.x, one.low, strict=True)]
    if stepped:  # the way back has its corners at the other side of each step
        lower = [corner for a, b in pairwise(lower) for corner in (a, (b[0], a[1]))] + lower[-1:]
    back = "".join(f"L{_n(x)} {_n(y)}" for x, y in reversed(lower))
    return f"{_way(upper, stepped)}{back}Z"


def _dash(at: int) -> str:
    dash = DASHES[at % len(DASHES)]
    return f' stroke-dasharray="{dash}"' if dash else ""


def _text(
    x: float, y: float, text: str, palette: Palette, *, size: int, anchor: str = "start", weight: str = "",
    role: str = "ink", over: bool = False,
) -> str:  # fmt: skip
    """A text; one that lies ``over`` curves has an edge of the ground's colour, so that it can be read."""
    fill = palette.ink if role == "ink" else palette.muted
    edge = f' stroke="{palette.paper}" stroke-width="3" stroke-linejoin="round" paint-order="stroke"' if over else ""
    role = f"{role} over" if over else role
    more = (
        edge
        + (f' text-anchor="{anchor}"' if anchor != "start" else "")
        + (f' font-weight="{weight}"' if weight else "")
    )
    return (
        f'<text class="{role}" x="{_n(x)}" y="{_n(y)}" font-size="{size}" fill="{fill}"{more}>{_escaped(text)}</text>'
    )


def _wrapped(text: str, width: float, size: int) -> list[str]:
    """The text in lines of that many pixels; a word that is longer has a line of its own."""
    most = int(width / (size * EM * 0.92))
    lines = [""]
    for word in plain(text, 1000).split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()[:most]
    return lines


def _escaped(text: str) -> str:
    return escape(plain(text, 2000), quote=True)


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
