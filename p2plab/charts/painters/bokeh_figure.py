"""The other painter: a description as Bokeh figures, with hover, zoom and save.

Names that a peer chose reach the page as data of columns (hover shows ``@field``, which Bokeh sets as text) or as
labels whose TeX is broken: Bokeh would typeset what stands between ``$$``, and a formula may hold a link.
"""

from __future__ import annotations

from typing import Any

from bokeh.layouts import gridplot
from bokeh.models import ColumnDataSource, FixedTicker, HoverTool, NumeralTickFormatter, Range1d
from bokeh.models.annotations import Label, Span
from bokeh.plotting import figure

from p2plab.charts.description import Axis, Description, Panel, Series
from p2plab.charts.painters.colours import DARK, DASHES, LIGHT, SIGNS, Palette
from p2plab.charts.painters.scale import scale_of, values_on
from p2plab.charts.painters.text import plain

__all__ = ["columns_of", "figure_of"]

WIDTH, HEIGHT = 640, 320
LEGEND_COLUMNS, LEGEND_ROW = 3, 22
TEX = ("$$", "\\(", "\\[")


def figure_of(description: Description, dark: bool = False) -> Any:
    """A Bokeh figure, or a grid of them where there are several panels."""
    palette = DARK if dark else LIGHT
    titles = [description.title, *("" for _ in description.panels)]  # said once
    figures = [_figure(panel, title, palette) for panel, title in zip(description.panels, titles, strict=False)]
    if len(figures) == 1:
        return figures[0]
    return gridplot(figures, ncols=2 if len(figures) > 3 else 1, merge_tools=False)


def label(text: str) -> str:
    """A text as Bokeh may have it: plain, and without what Bokeh takes for TeX."""
    clean = plain(text, 200)
    for mark in TEX:
        clean = clean.replace(mark, f"{mark[0]} {mark[1]}")
    return clean


def columns_of(one: Series) -> dict[str, list[Any]]:
    """The columns of a series' data source: x, y, low, high, label."""
    low, high = one.low or one.y, one.high or one.y
    labels = one.labels or (one.name,) * len(one.x)
    columns: dict[str, list[Any]] = {"x": list(one.x), "y": list(one.y), "low": list(low), "high": list(high)}
    columns["label"] = [label(text) for text in labels]
    if one.draw == "step" and one.low:  # a band's corners: each value holds until the next x
        columns = {name: [value for value in values for _ in (0, 1)][:-1] for name, values in columns.items()}
        columns["x"] = [value for value in one.x for _ in (0, 1)][1:]
    return columns


def _figure(panel: Panel, title: str, palette: Palette) -> Any:
    across = scale_of(panel.x, values_on(panel, "x"), 0, 1, padded=panel.x.high is None)
    up = scale_of(panel.y, values_on(panel, "y"), 0, 1, padded=True)
    made = figure(
        title=label(panel.title or title), width=WIDTH, height=max(HEIGHT, 110 + 22 * len(panel.y.names)),
        x_axis_label=label(panel.x.text), y_axis_label=label(panel.y.text),
        x_axis_type="log" if panel.x.log else "linear", y_axis_type="log" if panel.y.log else "linear",
        x_range=Range1d(start=across.low, end=across.high), y_range=Range1d(start=up.low, end=up.high),
        tools="pan,box_zoom,wheel_zoom,reset,save", active_scroll=None, toolbar_location="right",
    )  # fmt: skip
    made.toolbar.logo = None
    for axis, drawn in ((panel.x, made.xaxis), (panel.y, made.yaxis)):
        _name_ticks(axis, drawn)
    for at, one in enumerate(panel.series):
        if one.x:
            _draw(made, one, at if one.tone is None else one.tone, palette, panel)
    for mark in panel.marks:
        made.add_layout(
            Span(
                location=mark.value,
                dimension="height" if mark.axis == "x" else "width",
                line_dash=[4, 3],
                line_color=palette.muted,
                name=label(mark.label),
            )
        )
        made.add_layout(
            Label(
                x=mark.value if mark.axis == "x" else 4,
                y=mark.value if mark.axis == "y" else 4,
                x_units="data" if mark.axis == "x" else "screen",
                y_units="data" if mark.axis == "y" else "screen",
                text=label(mark.label),
                text_font_size="11px",
                text_color=palette.muted,
                x_offset=2,
                y_offset=2,
            )
        )
    if len([one for one in panel.series if one.name and one.x]) > 1:
        made.add_layout(made.legend[0], "above")  # inside, it would lie over curves
        made.legend.orientation, made.legend.ncols = "horizontal", LEGEND_COLUMNS
        named = len([one for one in panel.series if one.name and one.x])
        made.height = (made.height or HEIGHT) + LEGEND_ROW * (1 - -named // LEGEND_COLUMNS)
        made.legend.click_policy = "hide"
        made.legend.label_text_color = palette.ink
        made.legend.background_fill_color = palette.paper
        made.legend.background_fill_alpha = 0.8
        made.legend.label_text_font_size = "11px"
    elif made.legend:
        made.legend.visible = False
    _dress(made, palette)
    return made


def _name_ticks(axis: Axis, drawn: Any) -> None:
    if axis.names:
        drawn.ticker = FixedTicker(ticks=list(range(len(axis.names))))
        drawn.major_label_overrides = {at: label(name) for at, name in enumerate(axis.names)}
    elif not axis.log:
        drawn.formatter = NumeralTickFormatter(format="0,0.[0000]")


def _draw(made: Any, one: Series, at: int, palette: Palette, panel: Panel) -> None:
    colour = palette.series[at % len(palette.series)]
    source = ColumnDataSource(columns_of(one), name=label(one.name))
    named: dict[str, Any] = {"source": source, "legend_label": label(one.name) or "values", "name": label(one.name)}
    dash = [int(part) for part in DASHES[at % len(DASHES)].split()]
    renderers = []
    if one.draw in ("line", "step"):
        if one.low:
            made.varea("x", "low", "high", fill_color=colour, fill_alpha=0.18, **named)
        if one.draw == "step" and not one.low:
            renderers.append(made.step("x", "y", mode="after", color=colour, line_width=2, line_dash=dash, **named))
        else:
            renderers.append(made.line("x", "y", color=colour, line_width=2, line_dash=dash, **named))
    elif one.draw == "spans":
        made.segment("low", "y", "high", "y", line_width=4, line_alpha=0.55, color=colour, **named)
        sign = SIGNS[at % len(SIGNS)]
        renderers.append(made.scatter("high", "y", size=6, marker=sign, color=colour, **named))
    else:
        if one.draw == "bars":
            renderers.append(made.vbar("x", 0.6, "y", color=colour, **named))
        else:
            sign = SIGNS[at % len(SIGNS)]
            renderers.append(made.scatter("x", "y", size=7, marker=sign, color=colour, **named))
        if one.low:
            made.segment("x", "low", "x", "high", color=colour, **named)
    tips = [(label(panel.x.text), "@x{0,0.[0000]}"), (label(panel.y.text), "@y{0,0.[0000]}")]
    if one.low:
        tips.append(("interval", "@low{0,0.[0000]} to @high{0,0.[0000]}"))
    made.add_tools(HoverTool(renderers=renderers, tooltips=[("", "@label"), *tips]))


def _dress(made: Any, palette: Palette) -> None:
    made.background_fill_color = made.border_fill_color = palette.paper
    made.outline_line_color = None
    made.title.text_color = palette.ink
    for axis in made.axis:
        axis.axis_label_text_color = axis.major_label_text_color = palette.ink
        axis.axis_line_color = axis.major_tick_line_color = palette.line
        axis.minor_tick_line_color = None
    made.grid.grid_line_color = palette.grid
    made.xgrid.grid_line_color = None
