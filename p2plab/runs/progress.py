"""How far many runs have come: one line, written over."""

from __future__ import annotations

import time
from types import TracebackType

from p2plab.api.progress import ProgressLine
from p2plab.progress import bar


class Progress:
    """A line on stderr, which a terminal and a notebook show in place; gone when all is done."""

    def __init__(self, total: int, shown: bool) -> None:
        self._total = total
        self._done = 0
        self._failed = 0
        self._began = time.monotonic()
        self._line = ProgressLine(shown)

    def advance(self, failed: bool) -> None:
        """One more is done."""
        self._done += 1
        self._failed += failed
        if self._line.due():
            self._line.write(self.line(time.monotonic() - self._began))

    def line(self, seconds: float) -> str:
        """What it says when so many seconds have passed."""
        left = seconds / self._done * (self._total - self._done)
        failed = f", {self._failed} failed" if self._failed else ""
        return f"{bar(self._done, self._total)} {self._done}/{self._total} runs{failed}, {left:.0f} s left"

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.__exit__(kind, error, trace)
