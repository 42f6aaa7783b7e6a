"""Writing a view to a file, by the end of its name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from p2plab.errors import ConfigurationError, ValidationError
from p2plab.errors.checked import path_of
from p2plab.events.files.whole_file import replacing
from p2plab.views import png
from p2plab_widgets.view.player import page

if TYPE_CHECKING:
    from p2plab_widgets.view.base import View

__all__ = ["save"]


def save(view: View, path: object, at: float | None, scale: float) -> Path:
    """See ``View.save``."""
    target = path_of(path, "the path of a view")
    kind = target.suffix.lower()
    if kind == ".svg":
        data = view.svg(at).encode("utf-8", "replace")
    elif kind == ".png":
        data = png(view.svg(at), scale)
    elif kind in (".html", ".htm"):
        data = page(view, at).encode("utf-8", "replace")
    else:
        raise ValidationError(f"a view is saved as .svg, .png or .html, not as {kind or 'a file without an end'}")
    try:
        with replacing(target) as file:
            file.write(data)
    except OSError as error:
        raise ConfigurationError(f"{target} cannot be written: {error.strerror or error}") from error
    return target
