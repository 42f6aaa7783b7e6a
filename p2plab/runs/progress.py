"""How far many runs have come: one line, written over."""

from __future__ import annotations

import sys
import time
from types import TracebackType

EVERY = 0.2  # seconds between two writings, at least


class Progress:
    """A line on stderr, which a terminal and a notebook show in place; gone when all is done."""

    def __init__(self, total: int, shown: bool) -> None:
        self._total = total
        self._shown = shown
        self._done = 0
        self._failed = 0
        self._began = self._written = time.monotonic()
        self._width = 0

    def advance(self, failed: bool) -> None:
        """One more is done."""
        self._done += 1
        self._failed += failed
        now = time.monotonic()
        if now - self._written >= EVERY:
            self._written = now
            self._write(self.line(now - self._began))

    def line(self, seconds: float) -> str:
        """What it says when so many seconds have passed."""
        left = seconds / self._done * (self._total - self._done)
        filled = 20 * self._done // self._total
        failed = f", {self._failed} failed" if self._failed else ""
        return f"{'█' * filled}{'░' * (20 - filled)} {self._done}/{self._total} runs{failed}, {left:.0f} s left"

    def _write(self, text: str) -> None:
        if self._shown:
            sys.stderr.write("\r" + text.ljust(self._width) + ("" if text else "\r"))
            sys.stderr.flush()
            self._width = len(text)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._width:
            self._write("")
