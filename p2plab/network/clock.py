"""Simulated time: a queue of calls, and the loop that makes them.

Rules:
- Time is a whole number of ticks. Calls of one tick are made in the order they were queued; a call queued for the
  tick being run is made in that same tick, after those before it.
- A call is ``(function, a, b, cause)`` and is made as ``function(a, b)`` with ``log.cause`` set to ``cause``, so that
  whatever it records or queues is linked to what led to it.
- The queue is a bucket per tick and a heap of ticks: cheaper than a heap of calls as soon as calls share ticks.
- ``run`` can stop after any call and go on later from exactly there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import islice
from operator import length_hint
from typing import Any, Protocol

Call = tuple[Callable[[Any, Any], object], Any, Any, int]


class Ambient(Protocol):
    """Where the cause of the call being made is kept (the event log)."""

    cause: int


class Clock:
    """``now`` is the current tick, ``steps`` the number of calls made so far."""

    __slots__ = ("_alert", "_buckets", "_current", "_dead", "_log", "_stop", "_ticks", "_watchers", "now", "steps")

    def __init__(self, log: Ambient) -> None:
        self.now = 0
        self.steps = 0
        self._log = log
        self._ticks: list[int] = []
        self._buckets: dict[int, list[Call]] = {}
        self._dead: dict[int, int] = {}  # calls of a tick that would do nothing
        self._current: Iterator[Call] | None = None  # where in the earliest bucket we are; None: not begun
        self._watchers: tuple[Callable[[], None], ...] = ()
        self._stop = False
        self._alert = False  # whether there is anything to look at between two calls: a stop or a watcher

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        """All but who looks on."""
        kept = {name: getattr(self, name) for name in self.__slots__}
        return None, {**kept, "_watchers": (), "_stop": False, "_alert": False}

    # -- queueing

    def at(self, tick: int, function: Callable[[Any, Any], object], a: Any, b: Any, cause: int) -> None:
        """Queue ``function(a, b)`` for a tick, which must not lie in the past."""
        bucket = self._buckets.get(tick)
        if bucket is not None:
            bucket.append((function, a, b, cause))
        else:
            self._buckets[tick] = [(function, a, b, cause)]
            heappush(self._ticks, tick)

    def soon(self, function: Callable[[Any, Any], object], a: Any = None, b: Any = None) -> None:
        """Queue a call for this tick, caused by what is happening now."""
        self.at(self.now, function, a, b, self._log.cause)

    def after(self, ticks: int, function: Callable[[Any, Any], object], a: Any = None, b: Any = None) -> None:
        """Queue a call ``ticks`` from now, caused by what is happening now."""
        self.at(self.now + ticks, function, a, b, self._log.cause)

    def forget(self, tick: int) -> None:
        """A call queued for this tick would do nothing any more: time need not stop there for its sake."""
        bucket = self._buckets.get(tick)
        if bucket is None or (tick == self.now and self._current is not None):
            return
        dead = self._dead.get(tick, 0) + 1
        if dead == len(bucket):
            del self._buckets[tick]  # its entry in the heap is passed over when it comes up
            self._dead.pop(tick, None)
        else:
            self._dead[tick] = dead

    def next_tick(self) -> int | None:
        """The tick of the earliest queued call; None when nothing is queued."""
        ticks = self._ticks
        while ticks and ticks[0] not in self._buckets:
            heappop(ticks)
        return ticks[0] if ticks else None

    # -- running

    def run(self, until: int | None = None, limit: int = sys.maxsize) -> bool:
        """Make the queued calls in order, up to and including tick ``until``, at most ``limit`` of them.

        Returns True when nothing is left to do by then (``now`` is then moved on to ``until``), False when it was
        stopped or reached the limit.
        """
        ticks, last = self._ticks, self.steps + limit
        while ticks and (until is None or ticks[0] <= until):
            if self._current is None:
                bucket = self._buckets.get(ticks[0])
                if bucket is None:
                    heappop(ticks)
                    continue
                self.now = ticks[0]
                self._current = iter(bucket)
            whole = self._run_bucket(self._current, last)
            if not length_hint(self._current):  # stopped behind the last call is the same as not stopped
                self._current = None
                self._dead.pop(ticks[0], None)
                del self._buckets[heappop(ticks)]
            if not whole:
                return False
        if until is not None and until > self.now:
            self.now = until
        return True

    def _run_bucket(self, calls: Iterator[Call], last: int) -> bool:
        """Make the calls of one bucket; whether it came to its end."""
        log, steps = self._log, self.steps
        try:
            for function, a, b, cause in islice(calls, last - steps):
                steps += 1
                log.cause = cause
                function(a, b)
                if self._alert:
                    self.steps = steps
                    if self.look():
                        return False
        finally:
            self.steps = steps
            log.cause = -1
        return steps < last

    def look(self) -> bool:
        """Call the watchers; whether to stop. Also for whoever changes something between two calls."""
        for watcher in self._watchers:
            watcher()
        return self._stop

    # -- what happens between two calls

    def stop(self) -> None:
        """Make ``run`` return after the call it is making. May be called from any thread."""
        self._stop = self._alert = True

    @property
    def stopped(self) -> bool:
        """Whether ``stop`` was called since the last ``resume``."""
        return self._stop

    def resume(self) -> None:
        """Forget an earlier ``stop``."""
        self._stop = False
        self._alert = bool(self._watchers)

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call ``watcher`` after every call from now on."""
        self._watchers = (*self._watchers, watcher)
        self._alert = True

    def unwatch(self, watcher: Callable[[], None]) -> None:
        """Undo ``watch``."""
        self._watchers = tuple(other for other in self._watchers if other != watcher)
