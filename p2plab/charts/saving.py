"""Writing a chart to a file: SVG by ourselves, PNG and PDF through vl-convert, HTML through Bokeh."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from p2plab.errors import ConfigurationError, ValidationError
from p2plab.errors.checked import path_of
from p2plab.events.files.whole_file import replacing

if TYPE_CHECKING:
    from p2plab.charts.chart import Chart, Theme

__all__ = ["save"]

WIDEST = 900  # pixels of a figure in a page
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
{resources}
<style>
body {{ margin: 16px; background: {paper}; color: {ink}; font: 13px/1.5 system-ui, sans-serif; max-width: 960px; }}
h1 {{ font-size: 16px; margin: 0; }}
p, li {{ margin: 4px 0; }}
ul {{ padding: 0; list-style: none; color: {muted}; font-size: 11px; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{sentence}</p>
{figure}
<ul>
{notes}
</ul>
{script}
</body>
</html>
"""


def save(chart: Chart, path: str | Path, theme: Theme, scale: float) -> Path:
    """What ``Chart.save`` says."""
    if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0.1 <= scale <= 10:
        raise ValidationError(f"scale is a number from 0.1 to 10, not {scale!r}")
    target = path_of(path, "the path of a chart")
    end = target.suffix.lower()
    if end == ".svg":
        content = chart.svg(theme).encode()
    elif end in (".png", ".pdf"):
        content = _rastered(chart.svg("dark" if theme == "dark" else "light"), end, float(scale))
    elif end == ".html":
        content = page(chart, theme).encode()
    else:
        raise ValidationError(
            f"a chart is saved as .svg, .png, .pdf or .html, and {target.name!r} ends in none of them"
        )
    try:
        with replacing(target) as file:
            file.write(content)
    except OSError as error:
        raise ConfigurationError(
            f"the chart cannot be written to {str(target)!r}: {error.strerror or error}"
        ) from error
    return target


def _rastered(svg: str, end: str, scale: float) -> bytes:
    from p2plab.views import pdf, png

    return png(svg, scale) if end == ".png" else pdf(svg)


def page(chart: Chart, theme: Theme) -> str:
    """One HTML file with Bokeh's scripts in it."""
    figure = chart.bokeh("dark" if theme == "dark" else "light")
    from bokeh.embed import components
    from bokeh.models import Plot
    from bokeh.resources import INLINE

    # As wide as the page, up to what it is anywhere else.
    for one in [figure, *figure.select({"type": Plot})]:
        one.sizing_mode, one.max_width = "stretch_width", WIDEST
    script, div = components(figure)
    dark = theme == "dark"
    return PAGE.format(
        title=escape(chart.description.title),
        sentence=escape(chart.sentence),
        notes="\n".join(f"<li>{escape(note)}</li>" for note in chart.notes),
        resources=INLINE.render(),
        script=script,
        figure=div,
        paper="#111418" if dark else "#ffffff",
        ink="#e6e9ec" if dark else "#1f2933",
        muted="#a9b3bd" if dark else "#55606b",
    )
