"""Looking at a run: the pictures that a lab and a loaded log have alike, and what opens a file."""

from __future__ import annotations

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from p2plab.views.faces import Viewed as Viewed

if _TYPE_CHECKING:
    from p2plab.views.log_view import LogView as LogView
    from p2plab.views.opening import open as open
    from p2plab.views.raster import pdf as pdf
    from p2plab.views.raster import png as png
else:  # every lab has views, and few programs open a file
    _WHERE = {"LogView": "log_view", "open": "opening", "pdf": "raster", "png": "raster"}

    def __getattr__(name: str) -> _Any:
        if name not in _WHERE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"p2plab.views.{_WHERE[name]}"), name)


__all__ = ["LogView", "Viewed", "open", "pdf", "png"]
