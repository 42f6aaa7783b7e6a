"""The console's log: lines of text of a few kinds, the newest last, and never more than a bound."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets

from p2plab_widgets.text import shown, with_text

_HERE = Path(__file__).parent
MAX_LINES: Final = 100
MAX_LENGTH: Final = 400  # characters of a line
KINDS: Final = ("python", "result", "message", "error", "note")


class Log(anywidget.AnyWidget):
    """Lines to be read and copied; every one is set as text in the browser. Any thread may add to it. ``repeat`` is
    called with a line of Python that somebody wants to have done again."""

    _esm = (_HERE / "log.js").read_text(encoding="utf-8")
    _css = (_HERE / "console.css").read_text(encoding="utf-8")

    lines: Any = traitlets.List().tag(sync=True)  # [kind, text], ...

    def __init__(self, repeat: Callable[[str], None] | None = None) -> None:
        self._kept: deque[list[str]] = deque(maxlen=MAX_LINES)
        self._lock = threading.Lock()
        self._repeat = repeat
        super().__init__()
        self.on_msg(self._heard)

    def add(self, *lines: tuple[str, str]) -> list[list[str]]:
        """Add lines (kind, text), a kind being one of KINDS; the oldest go where there are more than MAX_LINES. What is
        returned stands for them, for ``rewrite``."""
        added = [[kind, shown(text, MAX_LENGTH)] for kind, text in lines]
        with self._lock:
            self._kept.extend(added)
            self.lines = [list(line) for line in self._kept]
        return added

    def rewrite(self, line: list[str], text: str) -> bool:
        """Put another text in a line that was added; whether it was another one."""
        with self._lock:
            if line[1] == shown(text, MAX_LENGTH):
                return False
            line[1] = shown(text, MAX_LENGTH)
            self.lines = [list(each) for each in self._kept]
        return True

    def _heard(self, _widget: object, content: Mapping[str, Any], _buffers: object) -> None:
        line = content.get("repeat")
        if self._repeat is not None and isinstance(line, str):
            self._repeat(line)

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
        return with_text(super()._repr_mimebundle_(**kwargs), repr(self))
