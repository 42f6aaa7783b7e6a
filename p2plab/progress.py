"""How far something long has come, and when it will be done: a bar in a notebook, a line in a terminal, else nothing.

Nothing reports: a thread looks every now and then at how far it is, so what is watched runs no slower and no otherwise.
It says nothing in the first second, and nothing in a test (pytest, nbval), where output is compared.
"""

from __future__ import annotations

import contextvars
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from typing import Any, Protocol, TextIO

__all__ = [
    "NotebookBar",
    "Painter",
    "TerminalLine",
    "Watched",
    "bar",
    "in_notebook",
    "in_tested_kernel",
    "is_seen",
    "painter",
    "watched",
]

PATIENCE = 1.0  # seconds before anything is shown
EVERY = 0.25  # seconds between two looks
SURE = 2.0  # seconds before it is said what is left: a lab's first ones, before messages are under way, are others
ALIKE = 1.25  # two paces that differ by more are said as a range


def _in_kernel() -> bool:
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return type(shell).__name__ == "ZMQInteractiveShell"


def in_notebook() -> bool:
    """Whether this is a kernel whose output somebody sees."""
    return _in_kernel() and "PYTEST_VERSION" not in os.environ


def in_tested_kernel() -> bool:
    """Whether this is a kernel that a test runs (pytest, nbval), whose output is compared."""
    return _in_kernel() and "PYTEST_VERSION" in os.environ


def is_seen() -> bool:
    """Whether somebody looks: at a notebook, or at a terminal."""
    return in_notebook() or sys.stderr.isatty()


def bar(done: float, total: float, width: int = 20) -> str:
    """A bar of characters."""
    filled = int(width * min(done, total) / total) if total > 0 else 0
    return "█" * filled + "░" * (width - filled)


class Painter(Protocol):
    """Shows one text in one place."""

    def show(self, text: str, share: float | None) -> None:
        """Show this; ``share`` is how much is done, 0 to 1, None where that is not known."""

    def clear(self) -> None:
        """Take it away."""


class TerminalLine:
    """A line that is written over; a bar is part of it."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._width = 0

    def show(self, text: str, share: float | None) -> None:
        self.write(text if share is None else f"{bar(share, 1.0)} {text}")

    def write(self, text: str) -> None:
        """Put this text in the line's place."""
        stream = self._stream or sys.stderr
        stream.write("\r" + text.ljust(self._width) + ("" if text else "\r"))
        stream.flush()
        self._width = len(text)

    def clear(self) -> None:
        if self._width:
            self.write("")


class NotebookBar:
    """A bar in the output of the cell that runs: plain HTML, no widget, never on stderr."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, text: str, share: float | None) -> None:
        value = "" if share is None else f' value="{share:.4f}"'
        page = (
            '<div style="display:flex;gap:8px;align-items:center;font:13px var(--jp-ui-font-family,system-ui);'
            f'color:var(--jp-content-font-color1,inherit)"><progress max="1"{value}></progress>{escape(text)}</div>'
        )
        self._put({"text/plain": text if share is None else f"{bar(share, 1.0)} {text}", "text/html": page})

    def clear(self) -> None:
        if self._handle is not None:
            self._put({"text/plain": "", "text/html": ""})

    def _put(self, data: dict[str, str]) -> None:
        if self._handle is None:
            import IPython.display

            display: Any = IPython.display.display
            self._handle = display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)


def painter() -> Painter:
    """What shows something here."""
    return NotebookBar() if in_notebook() else TerminalLine()


@dataclass(eq=False)
class Watched:
    """Something under way. ``how_far`` says how much of ``total`` is done; without a total, only that it goes on."""

    what: str
    total: float | None
    how_far: Callable[[], float]
    unit: str = ""
    began: float = field(default_factory=time.monotonic)
    _looks: list[tuple[float, float]] = field(default_factory=list)  # when, and how much was done

    def said(self, now: float) -> tuple[str, float | None]:
        """What to show, and the share that is done."""
        spent = now - self.began
        if not self.total or self.total <= 0:
            return f"{self.what}, {_duration(spent)} so far", None
        done = self.look(now)
        share, left = done / self.total, ""
        if spent >= SURE and 0.005 < share < 1:
            seconds = sorted((self.total - done) / pace for pace in self._paces() if pace > 0)
            if seconds and seconds[-1] > ALIKE * seconds[0]:
                left = f", {_between(seconds[0], seconds[-1])} left"
            elif seconds:
                left = f", {_duration(seconds[-1])} left"
        return f"{self.what}: {_amount(done)} of {_amount(self.total)}{self.unit}{left}", share

    def look(self, now: float) -> float:
        """How much is done, which is kept for as long as paces are reckoned from it."""
        if not self.total:
            return 0.0
        done = min(max(self.how_far(), 0.0), self.total)
        looks = self._looks = self._looks or [(self.began, 0.0)]
        looks.append((now, done))
        while len(looks) > 2 and looks[1][0] <= (self.began + now) / 2:
            del looks[0]
        return done

    def _paces(self) -> list[float]:
        """How much is done a second, over the second half of the time so far and over its last quarter: a lab whose
        nodes have just begun to talk goes slower than before."""
        (now, done), found = self._looks[-1], []
        for since in (self._looks[0][0], now - (now - self.began) / 4):
            then, before = [look for look in self._looks[:-1] if look[0] <= since][-1]
            found.append((done - before) / (now - then) if now > then else 0.0)
        return found


@contextmanager
def watched(
    what: str, total: float | None, how_far: Callable[[], float], unit: str = "", shown: bool | None = None
) -> Iterator[None]:
    """While the block runs, and once it has run for a second, show how far it is. ``how_far`` is called from another
    thread and must only look. Of blocks within each other the outermost is shown. ``shown`` overrides whether somebody
    looks."""
    if not (is_seen() if shown is None else shown):
        yield
        return
    one = Watched(what, total, how_far, unit)
    _ticker.add(one)
    try:
        yield
    finally:
        _ticker.remove(one)


class _Ticker:
    """The thread that looks; it waits while nothing is under way."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._under_way: list[tuple[Watched, contextvars.Context]] = []
        self._painter: Painter | None = None
        self._painting = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, one: Watched) -> None:
        with self._changed:
            self._under_way.append((one, contextvars.copy_context()))
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="p2plab progress", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # no threads here: nothing is shown
                    return
                self._thread = thread
            self._changed.notify()

    def remove(self, one: Watched) -> None:
        with self._changed:
            was_first = bool(self._under_way) and self._under_way[0][0] is one
            self._under_way = [entry for entry in self._under_way if entry[0] is not one]
        if was_first:
            with self._painting:
                if self._painter is not None:
                    self._painter.clear()
                self._painter = None

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._under_way:
                    self._changed.wait()
                first = self._under_way[0] if self._under_way else None
            if first is not None and time.monotonic() - first[0].began >= PATIENCE:
                self._paint(*first)
            elif first is not None:
                first[0].look(time.monotonic())
            time.sleep(EVERY)

    def _paint(self, one: Watched, context: contextvars.Context) -> None:
        text, share = one.said(time.monotonic())
        with self._painting:
            if not any(one is entry[0] for entry in self._under_way):
                return
            if self._painter is None:
                self._painter = painter()
            context.copy().run(self._painter.show, text, share)


_ticker = _Ticker()


def _amount(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 or number == int(number) else f"{number:,.1f}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _between(least: float, most: float) -> str:
    """A range: "8 to 11 s", "80 s to 2 min"."""
    low, high = _duration(least), _duration(most)
    number, _, unit = low.rpartition(" ")
    return high if low == high else f"{number if high.endswith(' ' + unit) else low} to {high}"
