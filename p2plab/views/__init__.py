"""Looking at a run: the pictures that a lab and a loaded log have alike, and what opens a file."""

from __future__ import annotations

from p2plab.views.faces import Viewed as Viewed
from p2plab.views.log_view import LogView as LogView
from p2plab.views.opening import open as open
from p2plab.views.raster import pdf as pdf
from p2plab.views.raster import png as png

__all__ = ["LogView", "Viewed", "open", "pdf", "png"]
