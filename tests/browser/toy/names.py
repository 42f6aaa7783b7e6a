"""The smallest view: what a view has to say, for tests of what all views have alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from p2plab_widgets.text import shown
from p2plab_widgets.view import CSS, Drawing, View, bundle, styles


class Names(View):
    """The names of the nodes."""

    _esm = bundle(Path(__file__).with_suffix(".js"))
    _css = styles(*CSS)
    TITLE = "names"

    def content(self, at: float | None) -> dict[str, Any]:
        state = self.state(at)
        return {"nodes": [shown(name) for name in state.nodes], "down": [shown(name) for name in state.down]}

    def sentence(self, at: float | None) -> str:
        state = self.state(at)
        return f"{len(state.nodes) - len(state.down)} of {len(state.nodes)} run."

    def draw(self, at: float | None) -> Drawing:
        drawing = super().draw(at)
        for row, name in enumerate(self.state(at).nodes):
            drawing.text(20, 20 + 16 * row, name, size=13)
        return drawing
