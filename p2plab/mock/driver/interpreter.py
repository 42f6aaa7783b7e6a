"""What Python does while a mock lab runs: interrupts, and looking for garbage.

The first SIGINT takes effect between two calls of the clock, so that nothing is left half done; a second one, for user
code that never returns, at once.

Almost everything in a lab either lives as long as the lab or is freed by counting. At its usual threshold the collector
of cycles walks it all over and over: of ten thousand nodes' GossipSub, two fifths of the time (21.7 s CPU, and 13.7 s
with ``fewer_collections``).
"""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from p2plab.network import Clock

__all__ = ["Interrupts", "fewer_collections"]

YOUNG = 50_000  # objects made and not freed between two looks; Python's own threshold is 700 (2,000 from 3.12 on)


class Interrupts:
    """Whether one has come. When one does, the clock is made to return soon."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._came = False
        self._main_thread_waits = False  # so it can be raised where it is: nothing can be half done
        self.torn = -1  # the tick at which one was raised in the midst of the lab's code

    @contextmanager
    def expected(self) -> Iterator[None]:
        """Around a verb: turn the first into one that ``check`` raises."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        try:
            before = signal.getsignal(signal.SIGINT)
            if before in (None, signal.SIG_IGN):  # somebody else's, or meant to be ignored
                yield
                return
            signal.signal(signal.SIGINT, self._on_interrupt)
        except ValueError:  # an interpreter without signals (a browser kernel, a subinterpreter)
            yield
            return
        try:
            yield
            self.check()  # it came when all was done: a loop of short verbs can be interrupted too
        finally:
            signal.signal(signal.SIGINT, before)
            self._came = False

    def check(self) -> None:
        """KeyboardInterrupt, if one has come."""
        if self._came:
            raise KeyboardInterrupt

    @contextmanager
    def raised_at_once(self) -> Iterator[None]:
        """Around a wait for other threads: an interrupt need not wait."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._main_thread_waits = True
        try:
            self.check()
            yield
        finally:
            self._main_thread_waits = False

    def _on_interrupt(self, number: int, frame: object) -> None:
        again, self._came = self._came, True
        self._clock.stop()
        if self._main_thread_waits:
            raise KeyboardInterrupt
        if again:
            self.torn = self._clock.now if self.torn < 0 else self.torn
            raise KeyboardInterrupt


@contextmanager
def fewer_collections() -> Iterator[None]:
    """Look for garbage less often meanwhile. A collector that is switched off, or rarer still, stays as it is."""
    before = gc.get_threshold()
    if not 0 < before[0] < YOUNG:
        yield
        return
    gc.set_threshold(YOUNG, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
