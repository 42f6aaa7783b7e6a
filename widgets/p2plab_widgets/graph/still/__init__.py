"""The graph's static face: SVG by the same rules as the picture in the browser."""

from __future__ import annotations

from p2plab_widgets.graph.still.svg import HEIGHT as HEIGHT
from p2plab_widgets.graph.still.svg import WIDTH as WIDTH
from p2plab_widgets.graph.still.svg import draw as draw

__all__ = ["HEIGHT", "WIDTH", "draw"]
