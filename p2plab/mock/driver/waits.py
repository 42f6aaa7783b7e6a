"""Waits from outside the lab, which leave no trace in it.

``lab.run(2.5)`` and ``lab.run_until(condition)`` look on while the lab goes its way. They are no calls of the clock:
otherwise the clock's steps, by which commands are put in their places, would count who watches, and a run would go
otherwise for being looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

from p2plab.mock.driver.tasks import Signal


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

    def __init__(self) -> None:
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

    def pass_(self, tick: int) -> None:
        """This tick is over."""
        heap = self._heap
        while heap and heap[0][0] <= tick:
            heappop(heap)[2].pass_()
