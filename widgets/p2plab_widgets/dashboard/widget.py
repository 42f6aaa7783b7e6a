"""The dashboard itself: a header, a bar for time, and between them the parts in columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import ipywidgets
import traitlets

from p2plab.errors import LabError
from p2plab_widgets.dashboard.arrangement import Column, Part, parsed, written
from p2plab_widgets.dashboard.parts import MAKERS
from p2plab_widgets.text import shown
from p2plab_widgets.view import CSS, Drawing, View, bundle, styles
from p2plab_widgets.view.base import Source
from p2plab_widgets.view.player import recorded
from p2plab_widgets.view.seen import Seen

__all__ = ["DEFAULT", "Dashboard"]

HERE = Path(__file__).parent
DEFAULT: Final = "3*graph:3/timeline:2 | 2*inspector:3/chart:2 | 2*console:3/feed:2"
FOR_A_LOG: Final = "3*graph:3/timeline:2 | 2*inspector:3/chart:2/feed:2"


class Dashboard(View):
    """Several views of a lab or a log in one arrangement; they share the cursor, whose bar stands below them all.

    ``arrangement`` is the layout as a text (``"3*graph:3/timeline:2 | 2*inspector/feed"``: columns, their parts from
    the top, and shares), a trait: set it, drag the borders, take parts away and add others, and it says what is there.
    ``line`` is the Python that brings it back. ``save("x.html")`` makes a page of all parts but the console. ``parts``
    has the views by name. ValidationError for a layout that cannot be.
    """

    TITLE: ClassVar[str] = "dashboard"
    SIZE: ClassVar[tuple[int, int]] = (1280, 560)
    _esm = bundle(HERE / "dashboard.js")
    _css = styles(*CSS, HERE / "dashboard.css")

    arrangement = traitlets.Unicode().tag(sync=True)
    kids = traitlets.Dict().tag(sync=True, **ipywidgets.widget_serialization)

    _recorded: tuple[str, list[str]] | None = None  # while a page is made: its arrangement, and the parts it has

    def __init__(self, source: Source, layout: str | None = None, *, height: int = 470, **options: Any) -> None:
        is_log = source.backend == "log"
        self.parts: dict[str, Any] = {}
        self._makers = {name: make for name, make in MAKERS.items() if not (is_log and name == "console")}
        text = (FOR_A_LOG if is_log else DEFAULT) if layout is None else layout
        columns = parsed(text, self._makers)
        super().__init__(source, height=height, **options)
        try:
            self._arrange(columns)
        except BaseException:
            self.close()
            raise

    @property
    def line(self) -> str:
        """The line of Python that brings this arrangement back."""
        return f"lab.dashboard({self.arrangement!r})"

    def close(self) -> None:
        """Close every part, and take the dashboard away."""
        for part in self.parts.values():
            part.close()
        self.parts = {}
        super().close()

    def expect(self) -> None:
        """This is about to be shown, and all its parts with it."""
        super().expect()
        for part in self.parts.values():
            _expect(part)

    # -- arranging

    @traitlets.validate("arrangement")
    def _as_it_is_written(self, proposal: Mapping[str, Any]) -> str:
        return written(parsed(proposal["value"], self._makers))

    @traitlets.observe("arrangement")
    def _on_arrangement(self, change: Mapping[str, Any]) -> None:
        self._arrange(parsed(change["new"], self._makers))

    @traitlets.observe("large")
    def _on_large(self, change: Mapping[str, Any]) -> None:
        """Larger type is for all parts."""
        for part in self.parts.values():
            _enlarge(part, change["new"])

    def _arrange(self, columns: Sequence[Column]) -> None:
        """Make the parts that are not there yet, and end those that are no longer."""
        wanted = [part.name for column in columns for part in column.parts]
        for name in [name for name in self.parts if name not in wanted]:
            self.parts.pop(name).close()
        for name in wanted:
            if name not in self.parts:
                self.parts[name] = self._makers[name](self.source)
                if self.large:
                    _enlarge(self.parts[name], True)
                if self.seen:
                    _expect(self.parts[name])
        self.kids = dict(self.parts)
        self.arrangement = written(columns)
        self.refresh()

    def heard(self, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        if "arrange" in content:
            try:
                self.arrangement = content["arrange"]
            except (LabError, traitlets.TraitError) as error:
                self.note = shown(str(error), 300)
                self.refresh()

    # -- what is seen

    def content(self, at: float | None) -> dict[str, Any]:
        text, names = self._recorded or (self.arrangement, list(self._makers))
        columns = [
            {"share": column.share, "parts": [{"name": part.name, "share": part.share} for part in column.parts]}
            for column in parsed(text, self._makers)
        ]
        return {"columns": columns, "all": names, "line": f"lab.dashboard({text!r})"}

    def facts(self, at: float | None) -> list[str]:
        """Of the graph, which has counted already, nodes and edges."""
        graph = self.parts.get("graph")
        return super().facts(at) if graph is None else list(graph.facts(at)[:2])

    def sentence(self, at: float | None) -> str:
        graph = self.parts.get("graph")
        return str(graph.sentence(at)) if graph is not None else super().sentence(at)

    def draw(self, at: float | None) -> Drawing:
        """The parts as they stand in their columns, each in its own picture."""
        width, height = self.SIZE
        drawing = Drawing(width, height)
        columns = parsed(self.arrangement, self._makers)
        x, whole = 0.0, sum(column.share for column in columns) or 1.0
        for column in columns:
            wide, y = width * column.share / whole, 0.0
            tall = sum(part.share for part in column.parts)
            for part in column.parts:
                high = height * part.share / tall
                self._place(drawing, part, at, x, y, wide, high)
                y += high
            x += wide
        return drawing

    def _place(
        self, drawing: Drawing, part: Part, at: float | None, x: float, y: float, wide: float, high: float
    ) -> None:
        view = self.parts.get(part.name)
        if isinstance(view, View):
            drawing.add(
                f'<svg x="{x + 4:.1f}" y="{y + 4:.1f}" width="{wide - 8:.1f}" height="{high - 8:.1f}" '
                f'viewBox="0 0 {wide - 8:.1f} {high - 8:.1f}">'
            )
            scale = min((wide - 8) / view.SIZE[0], 1.0)
            drawing.add(f'<g transform="scale({scale:.3f})">')
            drawing.add(view.svg(at))
            drawing.add("</g></svg>")
        else:
            drawing.text(x + 12, y + 24, f"{part.name}: buttons and forms, which a still does not have", size=13)

    def parts_of_page(self) -> dict[str, View]:
        """All parts but the console: a page has nothing to command."""
        return {name: part for name, part in self.parts.items() if isinstance(part, View)}

    def recording(self) -> dict[str, Any]:
        """The arrangement without what a page cannot have; the parts are recorded each by itself."""
        kept = list(self.parts_of_page())
        columns = [
            Column(parts, column.share)
            for column in parsed(self.arrangement, self._makers)
            if (parts := tuple(part for part in column.parts if part.name in kept))
        ]
        self._recorded = (written(columns), kept)
        try:
            looks = recorded(self)
        finally:
            self._recorded = None
        return {
            **looks,
            "traits": {"arrangement": written(columns), "kids": {name: f"IPY_MODEL_{name}" for name in kept}},
        }


def _enlarge(part: Any, large: bool) -> None:
    if isinstance(part, View):
        part.large = large


def _expect(part: Any) -> None:
    """Tell a view, or what a part that is none keeps of who sees it, that it is about to be shown."""
    if isinstance(part, View):
        part.expect()
    elif isinstance(getattr(part, "seen", None), Seen):
        part.seen.expect()
