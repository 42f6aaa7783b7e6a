"""``Chart``: data, a description of how to draw it, and its faces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from p2plab.charts.description import Description
from p2plab.charts.painters.svg import paint
from p2plab.charts.painters.text import number, plain
from p2plab.errors import MissingExtraError, ValidationError
from p2plab.errors.frames import faced
from p2plab.text import aligned, svg_face

if TYPE_CHECKING:
    import pandas

    from p2plab.charts.live import LiveChart

__all__ = ["Chart"]

SHOWN = 12  # rows of the text face
Theme = Literal["auto", "light", "dark"]


class Chart:
    """A chart of what an event log, a sweep or a comparison says.

    ``columns`` and ``rows`` are its numbers (seconds, bytes), ``data`` the same as a DataFrame, ``figure`` the Bokeh
    figure (a grid of figures where the chart has several panels), ``description`` what both painters draw. Displayed,
    it is an SVG with a text beside it. A chart shows its source as it was when the chart was made; ``again()`` looks
    anew, and ``live()`` is a widget that does so by itself.
    """

    def __init__(
        self,
        description: Description,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        again: Callable[[], Chart] | None = None,
    ) -> None:
        self.description = description
        self.columns = list(columns)
        self.rows = [list(row) for row in rows]
        self._again = again
        self._figure: Any = None

    @property
    def sentence(self) -> str:
        """What is to be seen, in one sentence."""
        return self.description.sentence

    @property
    def notes(self) -> tuple[str, ...]:
        """The assumptions of the run, and what its log did not record."""
        return self.description.notes

    @property
    def data(self) -> pandas.DataFrame:
        """The rows as a DataFrame. MissingExtraError without pandas."""
        try:
            import pandas
        except ImportError as error:
            raise MissingExtraError("a chart's data needs pandas: pip install pandas; .rows needs nothing") from error
        return pandas.DataFrame(self.rows, columns=self.columns)

    @property
    def figure(self) -> Any:
        """The chart as a Bokeh figure, with hover, zoom and save; the same object each time.
        Raises MissingExtraError."""
        if self._figure is None:
            self._figure = self.bokeh()
        return self._figure

    def bokeh(self, theme: Theme = "light") -> Any:
        """A new Bokeh figure of the chart, ``light`` or ``dark``. MissingExtraError without Bokeh."""
        try:
            from p2plab.charts.painters.bokeh_figure import figure_of
        except ImportError as error:
            raise MissingExtraError(
                f"a Bokeh figure needs bokeh ({error}): pip install 'p2plab[lab]'; .save('x.svg') needs nothing"
            ) from error
        return figure_of(self.description, theme == "dark")

    def svg(
        self,
        theme: Theme = "auto",
        scale: float = 1.0,
        *,
        width: int = 640,
        height: int | None = None,
        bare: bool = False,
    ) -> str:
        """The chart as an SVG document: ``light``, ``dark``, or ``auto``, which follows the reader's system. It is
        ``width`` pixels wide, times ``scale``; ``height`` pixels are filled as well as its panels can; ``bare``
        leaves title, sentence and notes to what stands around it. ValidationError for a size that cannot be."""
        if theme not in ("auto", "light", "dark"):
            raise ValidationError(f"theme is 'auto', 'light' or 'dark', not {theme!r}")
        if isinstance(width, bool) or not isinstance(width, int) or not 200 <= width <= 4000:
            raise ValidationError(f"a chart cannot be {width!r} pixels wide; take 200 to 4000")
        if height is not None and (
            isinstance(height, bool) or not isinstance(height, int) or not 100 <= height <= 4000
        ):
            raise ValidationError(f"a chart cannot be {height!r} pixels high; take 100 to 4000")
        return paint(self.description, theme, scale, width, bare, height)

    @faced
    def save(self, path: str | Path, *, theme: Theme = "auto", scale: float = 2.0) -> Path:
        """Write the chart to a file and return its path. The name's end says how: ``.svg``, ``.png``, ``.pdf``, or
        ``.html`` (Bokeh, one file that needs no network). ``scale`` is pixels of a PNG for each of the picture's.
        ValidationError, MissingExtraError, ConfigurationError where the file cannot be written."""
        from p2plab.charts.saving import save

        return save(self, path, theme, scale)

    def again(self) -> Chart:
        """The same chart of its source as it is now."""
        return self if self._again is None else self._again()

    def live(self, seconds: float = 0.5) -> LiveChart:
        """A widget (jupyter_bokeh) that shows the chart and looks at its source again every ``seconds``, twice a
        second at most, until ``close()``. MissingExtraError without jupyter_bokeh."""
        try:
            from p2plab.charts.live import LiveChart
        except ImportError as error:
            raise MissingExtraError(f"a live chart needs jupyter_bokeh ({error}): pip install 'p2plab[lab]'") from error
        return LiveChart(self, seconds)

    # -- faces

    def text(self) -> str:
        """The chart in words: its sentence, the first rows, the notes."""
        head = [self.columns, *([_cell(value) for value in row] for row in self.rows[:SHOWN])]
        more = [f"… and {len(self.rows) - SHOWN:,} more rows"] if len(self.rows) > SHOWN else []
        return "\n".join([f"{self.description.title}: {self.sentence}", aligned(head), *more, *self.notes])

    def __repr__(self) -> str:
        return self.text()

    def __len__(self) -> int:
        return len(self.rows)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": self.text(), "image/svg+xml": svg_face(self.svg())}


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return number(value) if isinstance(value, float) else plain(value, 40)
