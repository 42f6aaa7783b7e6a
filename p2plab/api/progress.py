"""How far something has come that says so itself: one line, written over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TextIO

from p2plab.constants import PERF_ID
from p2plab.errors.checked import flag
from p2plab.progress import TerminalLine, bar, in_tested_kernel, is_seen, painter
from p2plab.protocols.perf import HEADER
from p2plab.worlds import Host, World

__all__ = ["Progress", "ProgressLine", "perf_progress", "reporting"]

EVERY = 0.2  # seconds between two writings, at least
Progress = Callable[[int, int], object]  # called with how much is done, and how much there is


class ProgressLine:
    """A line or, in a notebook, a bar, written over by who reports; gone at the end of the ``with``."""

    def __init__(self, shown: bool, stream: TextIO | None = None) -> None:
        self._shown = shown and not in_tested_kernel()
        self._painter = painter() if stream is None else TerminalLine(stream)
        self._written = time.monotonic()

    def due(self) -> bool:
        """Whether it is time to write again."""
        now = time.monotonic()
        if not self._shown or now - self._written < EVERY:
            return False
        self._written = now
        return True

    def write(self, text: str) -> None:
        """Put this in the line's place."""
        self._painter.show(text, None)

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._painter.clear()


@contextmanager
def reporting(world: World, how_far: Callable[[], int], total: int, progress: Progress | bool | None) -> Iterator[None]:
    """While something long runs: tell ``progress``, or show a line where it is True, or None and somebody looks.
    ``how_far`` is asked after every event of the lab, and only looks."""
    if not callable(progress) and progress is not None and not flag(progress, "progress, where it is no function,"):
        progress = False
    last = -1
    with ProgressLine(is_seen() if progress is None else progress is True) as line:

        def look() -> None:
            nonlocal last
            done = how_far()
            if done <= last:
                return
            last = done
            if callable(progress):
                progress(done, total)
            elif line.due():
                whole = f" of {total / 1e6:,.1f}" if total else ""
                line.write(f"{bar(done, total)} {done / 1e6:,.1f}{whole} MB")

        unwatch = world.watch(look) if progress is not False else None
        try:
            yield
            if unwatch is not None:
                look()  # what was done with the last event
        finally:
            if unwatch is not None:
                unwatch()


@contextmanager
def perf_progress(world: World, host: Host, total: int, progress: Progress | bool | None) -> Iterator[None]:
    """The same while a host measures; what is done is read from the stream itself."""
    before = {id(stream) for stream in world.read(host.streams)}

    def done() -> int:
        streams = (one for one in host.streams() if one.protocol == PERF_ID and one.direction == "outbound")
        stream = next((one for one in streams if id(one) not in before), None)
        return 0 if stream is None else max(0, stream.bytes_out + stream.bytes_in - HEADER)

    with reporting(world, done, total, progress):
        yield
