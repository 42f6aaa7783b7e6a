"""Waits from outside the lab, which leave no trace in it.

``lab.run(2.5)`` and ``lab.run_until(condition)`` look on while the lab goes its way. They are no calls of the clock:
otherwise the clock's steps, by which commands are put in their places, would count who watches, and a run would go
otherwise for being looked at.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from heapq import heappop, heappush

from p2plab.mock.driver.tasks import Signal
from p2plab.network import Clock


class Instant(Signal):
    """A signal whose waiters go on at once, between two calls of the clock, and not in one of their own."""

    __slots__ = ()

    def set(self) -> None:
        if not self.is_set:
            self.is_set = True
            tasks, self._tasks = self._tasks, []
            for task in tasks:
                task.resume(self)


class Wait:
    """Something to be done when a tick is over."""

    __slots__ = ("_action", "tick")

    def __init__(self, tick: int, action: Callable[[], None]) -> None:
        self.tick = tick
        self._action: Callable[[], None] | None = action

    @property
    def cancelled(self) -> bool:
        """Whether it is not to be done any more."""
        return self._action is None

    def cancel(self) -> None:
        """Make it not happen; harmless once it has."""
        self._action = None

    def pass_(self) -> None:
        """For Waits only."""
        action, self._action = self._action, None
        if action is not None:
            action()


class Waits:
    """What waits for ticks, earliest first; of the same tick, in the order asked for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[int, int, Wait]] = []
        self._count = 0

    def at(self, tick: int, action: Callable[[], None]) -> Wait:
        """Have ``action`` called when everything that happens up to and in this tick has happened."""
        wait = Wait(tick, action)
        self._count += 1
        heappush(self._heap, (tick, self._count, wait))
        return wait

    def next_tick(self) -> int | None:
        """The earliest tick that something waits for."""
        heap = self._heap
        while heap and heap[0][2].cancelled:
            heappop(heap)
        return heap[0][0] if heap else None

    def let_pass(self, until: int | None, limit: int | None) -> bool:
        """Let the clock run, and what waits for a tick go on when it is over; whether nothing was left to do."""
        clock, heap = self._clock, self._heap
        last = sys.maxsize if limit is None else clock.steps + limit
        while clock.steps < last:
            moment = self.next_tick()
            stop = until if moment is None or (until is not None and until < moment) else moment
            if not clock.run(stop, last - clock.steps):
                return False
            if moment is None or stop != moment:
                return True
            while heap and heap[0][0] <= moment:
                heappop(heap)[2].pass_()
            clock.look()
            if clock.stopped:
                break
        return False

    def watch(
        self, look: Callable[[], None], deadline: int | None, halt: Callable[[Exception], None]
    ) -> Callable[[], None]:
        """Call ``look`` after every event, and when a tick is over; ``halt`` is given what it raises. Returns what
        undoes it."""

        def guarded() -> None:
            try:
                look()
            except Exception as error:  # noqa: BLE001  handed to whoever waits for the lab
                unwatch()
                halt(error)

        def unwatch() -> None:
            self._clock.unwatch(guarded)
            if moment is not None:
                moment.cancel()

        moment = None if deadline is None else self.at(deadline, guarded)
        self._clock.watch(guarded)
        return unwatch
