"""Simulated time: a queue of calls, and the loop that makes them.

Rules:
- Time is a whole number of ticks. In a tick frames come first, then timers, then tasks, each in the order they were
  queued, then heartbeats, by their node's number: a heartbeat's place does not depend on when it was queued. It is the
  order of a heap of (tick, class, number in the queue or of the node): after each call the least is next, so that a
  frame queued for the tick being run goes ahead of the timers that are left of it.
- A call is ``(function, a, b, cause)`` and is made as ``function(a, b)`` with ``log.cause`` set to ``cause``, so that
  whatever it records or queues is linked to what led to it.
- The queue is a bucket per tick and class, and a heap of these: cheaper than a heap of calls as soon as calls share
  ticks.
- ``run`` can stop after any call and go on later from exactly there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from itertools import islice
from operator import length_hint
from typing import Any, Final, Protocol

Call = tuple[Callable[[Any, Any], object], Any, Any, int]


class Ambient(Protocol):
    """Where the cause of the call being made is kept (the event log)."""

    cause: int


FRAMES: Final = 0
TIMERS: Final = 1
TASKS: Final = 2
HEARTBEATS: Final = 3
CLASSES: Final = 2  # bits
_NO_END: Final = sys.maxsize  # later than any key
_UNLIMITED: Final = sys.maxsize >> 1  # calls


class Clock:
    """``now`` is the current tick, ``steps`` the number of calls made so far."""

    __slots__ = (
        "_alert", "_beaten", "_beats", "_begun", "_count", "_dead", "_log", "_over", "_stop",
        "_watchers", "buckets", "keys", "now", "resting", "steps",
    )  # fmt: skip

    def __init__(self, log: Ambient) -> None:
        self.now = 0
        self.steps = 0
        self._log = log
        self.keys: list[int] = []  # a heap of ticks and classes: tick << 2 | class
        self.buckets: dict[int, list[Call]] = {}
        self._beats: dict[int, list[tuple[int, int, Call]]] = {}  # heaps of (node, number, call)
        self._dead: dict[int, int] = {}  # by key: calls that would do nothing
        self._begun: dict[int, Iterator[Call]] = {}  # where we are in the buckets that were begun
        self._count = 0  # heartbeats so far
        self._beaten = (-1, -1)  # the tick and node of the last one that came
        self._over = -1  # the last tick of which everything has happened
        self.resting = 0  # how many nodes' heartbeats are left out
        self._watchers: tuple[Callable[[], None], ...] = ()
        self._stop = False
        self._alert = False  # whether there is anything to look at between two calls: a stop or a watcher

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        """All but who looks on."""
        kept = {name: getattr(self, name) for name in self.__slots__}
        return None, {**kept, "_watchers": (), "_stop": False, "_alert": False}

    # -- queueing

    def at(self, tick: int, function: Callable[[Any, Any], object], a: Any, b: Any, cause: int) -> None:
        """Queue ``function(a, b)`` for a tick, which must not lie in the past, among its frames."""
        key = tick << CLASSES
        bucket = self.buckets.get(key)
        if bucket is not None:
            bucket.append((function, a, b, cause))
        else:
            self.buckets[key] = [(function, a, b, cause)]
            heappush(self.keys, key)

    def queue(self, place: int, tick: int, function: Callable[[Any, Any], object], a: Any, b: Any, cause: int) -> None:
        """The same among its timers or tasks."""
        key = tick << CLASSES | place
        bucket = self.buckets.get(key)
        if bucket is not None:
            bucket.append((function, a, b, cause))
        else:
            self.buckets[key] = [(function, a, b, cause)]
            heappush(self.keys, key)

    def soon(self, function: Callable[[Any, Any], object], a: Any = None, b: Any = None) -> None:
        """Queue a task for this tick, caused by what is happening now."""
        self.queue(TASKS, self.now, function, a, b, self._log.cause)

    def after(self, ticks: int, function: Callable[[Any, Any], object], a: Any = None, b: Any = None) -> None:
        """Queue a timer ``ticks`` from now, caused by what is happening now."""
        self.queue(TIMERS, self.now + ticks, function, a, b, self._log.cause)

    def beat(self, tick: int, node: int, function: Callable[[Any, Any], object]) -> None:
        """Queue a heartbeat of a node, which nothing causes."""
        key = tick << CLASSES | HEARTBEATS
        self._count += 1
        entry = (node, self._count, (function, None, None, -1))
        beats = self._beats.get(key)
        if beats is None:
            self._beats[key] = [entry]
            heappush(self.keys, key)
        else:
            heappush(beats, entry)

    def forget(self, tick: int, place: int = FRAMES) -> None:
        """A call queued for this tick and class would do nothing any more: time need not stop there for its sake."""
        key = tick << CLASSES | place
        bucket = self.buckets.get(key)
        if bucket is None or key in self._begun:
            return
        dead = self._dead.get(key, 0) + 1
        if dead == len(bucket):
            del self.buckets[key]  # its entry in the heap is passed over when it comes up
            self._dead.pop(key, None)
        else:
            self._dead[key] = dead

    def forget_beat(self, tick: int, node: int) -> None:
        """A node's heartbeat at this tick does not come."""
        key = tick << CLASSES | HEARTBEATS
        left = [entry for entry in self._beats.get(key, ()) if entry[0] != node]
        if left:
            heapify(left)
            self._beats[key] = left
        else:
            self._beats.pop(key, None)

    def beat_over(self, tick: int, node: int) -> bool:
        """Whether a node's heartbeat at this tick would have come by now."""
        if tick != self.now:
            return tick < self.now
        beaten, last = self._beaten
        return self._over == tick or (beaten == tick and node <= last)

    def next_tick(self) -> int | None:
        """The tick of the earliest queued call; None when nothing is queued."""
        keys = self.keys
        while keys and keys[0] not in self.buckets and keys[0] not in self._beats:
            heappop(keys)
        return keys[0] >> CLASSES if keys else None

    # -- running

    def run(self, until: int | None = None, limit: int = sys.maxsize) -> bool:
        """Make the queued calls in order, up to and including tick ``until``, at most ``limit`` of them.

        Returns True when nothing is left to do by then (``now`` is then moved on to ``until``), False when it was
        stopped or reached the limit.
        """
        keys, begun, log, steps = self.keys, self._begun, self._log, self.steps
        last = steps + limit
        end = _NO_END if until is None else until << CLASSES | HEARTBEATS
        stopped = False
        try:
            while keys and keys[0] <= end:
                key = keys[0]
                calls = begun.get(key)
                if calls is None:
                    bucket = self.buckets.get(key)
                    if bucket is None:
                        if key not in self._beats:
                            heappop(keys)
                            continue
                        bucket = [self._next_beat(key)]
                    self.now = key >> CLASSES
                    calls = begun[key] = iter(bucket)
                may_wait = key & HEARTBEATS != FRAMES  # nothing goes ahead of frames
                for function, a, b, log.cause in calls if last > _UNLIMITED else islice(calls, last - steps):
                    steps += 1
                    function(a, b)
                    if self._alert:
                        self.steps = steps
                        if self.look():
                            stopped = True
                            break
                    if may_wait and keys[0] < key:
                        break
                self.steps = steps
                if not length_hint(calls):  # stopped behind the last call is the same as not stopped
                    del begun[key]
                    self._dead.pop(key, None)
                    self.buckets.pop(key, None)
                    if keys[0] == key and key not in self._beats:
                        heappop(keys)
                if stopped or steps >= last:
                    return False
        finally:
            self.steps = steps
            log.cause = -1
        if until is not None and until > self.now:
            self.now = until
        self._over = self.now
        return True

    def _next_beat(self, key: int) -> Call:
        """Take the next heartbeat of a tick out of the queue."""
        beats = self._beats[key]
        node, _, call = heappop(beats)
        self._beaten = (key >> CLASSES, node)
        if not beats:
            del self._beats[key]
        return call

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
