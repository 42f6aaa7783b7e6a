"""A chart that follows its source: Bokeh through jupyter_bokeh, looked at again twice a second at most."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from jupyter_bokeh import BokehModel

from p2plab.charts.description import Description
from p2plab.charts.painters.bokeh_figure import columns_of, label
from p2plab.charts.painters.scale import scale_of, values_on
from p2plab.errors import LabError, ValidationError

if TYPE_CHECKING:
    from p2plab.charts.chart import Chart

__all__ = ["LiveChart"]

LEAST = 0.5  # seconds between two looks

_logger = logging.getLogger("p2plab.charts")


class LiveChart(BokehModel):  # type: ignore[misc]  # jupyter_bokeh has no types
    """A widget of a chart. ``chart`` is the newest one; ``close()`` ends it, and so does the lab's end.

    A thread looks at the source and changes the figure only where numbers changed. Without ``output_notebook`` in an
    earlier cell, Bokeh's scripts are missing in the page; ``bokeh.io.output_notebook(resources=INLINE)`` needs no
    network.
    """

    _ended: threading.Event | None = None  # not begun: ipywidgets closes also what was refused while it was made

    def __init__(self, chart: Chart, seconds: float = LEAST) -> None:
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not LEAST <= seconds <= 3600:
            raise ValidationError(f"a live chart looks every 0.5 to 3600 seconds, not {seconds!r}")
        self.chart = chart
        self._drawn = chart.bokeh()
        self._seconds = float(seconds)
        self._ended = threading.Event()
        super().__init__(self._drawn)
        threading.Thread(target=self._follow, args=(self._ended,), name="p2plab chart", daemon=True).start()

    def refresh(self) -> bool:
        """Look at the source now; returns whether anything changed."""
        new = self.chart.again()
        if new.rows == self.chart.rows and new.description == self.chart.description:
            return False
        before, self.chart = self.chart, new
        if not _same_shape(before.description, new.description):
            self._drawn = new.bokeh()
            self.update_from_model(self._drawn)
        else:
            _update(self._drawn, new.description)
        return True

    def close(self) -> None:
        """Follow no longer, and take the chart away."""
        if self._ended is not None and not self._ended.is_set():  # ipywidgets closes again what is collected
            self._ended.set()
            super().close()

    def _follow(self, ended: threading.Event) -> None:
        while not ended.wait(self._seconds):
            try:
                self.refresh()
            except LabError:
                _logger.exception("a live chart stands still")
                return

    def __repr__(self) -> str:
        return f"<LiveChart {self.chart.description.title}: {self.chart.sentence}>"


def _same_shape(one: Description, other: Description) -> bool:
    return _shape(one) == _shape(other)


def _shape(description: Description) -> list[Any]:
    """What a figure cannot change in place: panels, axes, series, marks."""
    return [
        (panel.title, panel.x.text, panel.x.names, panel.y.text, panel.y.names, panel.marks)
        for panel in description.panels
    ] + [
        (series.name, series.draw, bool(series.low), bool(series.x))
        for panel in description.panels
        for series in panel.series
    ]


def _update(drawn: Any, description: Description) -> None:
    """New numbers for the sources of a figure, and ends for its axes."""
    figures = [drawn] if len(description.panels) == 1 else [child for child, *_ in drawn.children]
    for made, panel in zip(figures, description.panels, strict=True):
        for one in panel.series:
            for renderer in made.renderers:
                if getattr(renderer, "name", None) == label(one.name):
                    renderer.data_source.data = columns_of(one)
        across = scale_of(panel.x, values_on(panel, "x"), 0, 1, padded=panel.x.high is None)
        up = scale_of(panel.y, values_on(panel, "y"), 0, 1, padded=True)
        made.x_range.update(start=across.low, end=across.high)
        made.y_range.update(start=up.low, end=up.high)
