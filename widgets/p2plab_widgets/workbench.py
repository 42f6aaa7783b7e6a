"""The graph and the console beside each other: what is done at the right is seen at the left."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import ipywidgets

from p2plab.errors import ValidationError
from p2plab_widgets.console import Console
from p2plab_widgets.graph import PeerGraph
from p2plab_widgets.text import svg_face
from p2plab_widgets.view.audience import for_its_audience

if TYPE_CHECKING:
    from p2plab import Lab


HEIGHT: Final = 380  # pixels of the picture: with its bars and the cell above, it fits a laptop's screen


class Workbench(ipywidgets.Box):  # type: ignore[misc]  # ipywidgets has no annotations
    """``graph`` and ``console`` of a lab; options are the graph's. ValidationError for a log, which nothing can be done
    to. ``at``, ``live``, ``save`` and ``svg`` are the graph's."""

    def __init__(self, lab: Lab, **options: Any) -> None:
        if getattr(lab, "backend", "log") == "log":
            raise ValidationError("a log has no lab to do anything to: leave console= out")
        self.graph = PeerGraph(lab, **{"height": HEIGHT, **options})
        self.console = Console(lab)
        super().__init__([self.graph, self.console])
        self.add_class("p2plab-workbench")

    def at(self, moment: float) -> None:
        """Show a moment, in seconds of lab time."""
        self.graph.at(moment)

    def live(self) -> None:
        """Follow the end again."""
        self.graph.live()

    def svg(self, at: float | None = None) -> str:
        """The graph as an SVG document."""
        return self.graph.svg(at)

    def save(self, path: str | PathLike[str], at: float | None = None, scale: float = 1.0) -> Path:
        """Write the graph to a file, as its own ``save`` does."""
        return self.graph.save(path, at=at, scale=scale)

    def close(self) -> None:
        """Take both away."""
        for part in self.children:  # none where it was refused while it was made
            part.close()
        super().close()

    def __repr__(self) -> str:
        return f"<Workbench of {self.graph!r} and {self.console!r}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        self.graph.expect()
        data = super()._repr_mimebundle_(**kwargs)
        faces = {"text/plain": repr(self), "image/svg+xml": svg_face(self.svg())}
        return for_its_audience({**data, **faces}) if data else data
