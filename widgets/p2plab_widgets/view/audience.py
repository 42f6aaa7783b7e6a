"""Whether a person may be looking: a widget that a program has executed shows nothing in the page it ends up in.

``nbconvert --execute`` and whatever else runs a notebook by itself keeps the widget's state, and its pages then ask a
server elsewhere for what draws it. Such a program says with every cell that nobody can be asked for input.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["for_its_audience"]

WIDGET: Final = "application/vnd.jupyter.widget-view+json"


def for_its_audience(faces: Mapping[str, Any]) -> dict[str, Any]:
    """The faces of a widget, a text or a picture among them, without the live one where nobody can look at it."""
    by_itself = _runs_by_itself()
    return {kind: face for kind, face in faces.items() if not by_itself or kind != WIDGET}


def _runs_by_itself() -> bool:
    """Whether a program executes the notebook; Voilà does as well, and shows its widgets to people."""
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    parent = getattr(shell, "parent_header", None) or {}
    asked = parent.get("content", {}) if isinstance(parent, dict) else {}
    return asked.get("allow_stdin") is False and "voila" not in os.environ.get("SERVER_SOFTWARE", "").lower()
