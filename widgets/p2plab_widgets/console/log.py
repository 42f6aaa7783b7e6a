"""The console's log: lines of text of a few kinds, the newest last, and never more than a bound."""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets

from p2plab_widgets.text import shown

_HERE = Path(__file__).parent
MAX_LINES: Final = 100
MAX_LENGTH: Final = 400  # characters of a line
KINDS: Final = ("python", "result", "message", "error", "note")


class Log(anywidget.AnyWidget):
    """Lines to be read and copied; every one is set as text in the browser. Any thread may add to it."""

    _esm = (_HERE / "log.js").read_text(encoding="utf-8")
    _css = (_HERE / "console.css").read_text(encoding="utf-8")

    lines: Any = traitlets.List().tag(sync=True)  # [kind, text], ...

    def __init__(self) -> None:
        self._kept: deque[list[str]] = deque(maxlen=MAX_LINES)
        self._lock = threading.Lock()
        super().__init__()

    def add(self, *lines: tuple[str, str]) -> None:
        """Add lines (kind, text), a kind being one of KINDS; the oldest go where there are more than MAX_LINES."""
        with self._lock:
            self._kept.extend([kind, shown(text, MAX_LENGTH)] for kind, text in lines)
            self.lines = list(self._kept)

    def clear(self) -> None:
        """Take all lines away."""
        with self._lock:
            self._kept.clear()
            self.lines = []

    def __repr__(self) -> str:
        return f"<Log of {len(self._kept)} lines>"

    def texts(self, kind: str | None = None) -> list[str]:
        """The lines that are there, or those of one kind."""
        with self._lock:
            return [text for its_kind, text in self._kept if kind in (None, its_kind)]

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, "text/plain": repr(self)}, metadata
