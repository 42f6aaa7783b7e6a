"""A node's own bandwidth: what leaves it, or reaches it, passes one byte after the other.

Time below a tick is kept in nanoseconds, so that a fast line takes many small frames within one tick.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Protocol

from p2plab.constants import TICKS_PER_SECOND
from p2plab.network.clock import Clock

if TYPE_CHECKING:
    from p2plab.network.pipe import Frame, Pipe

SECOND = 1_000_000_000  # ns
TICK = SECOND // TICKS_PER_SECOND  # ns


class Discipline(Protocol):
    """In which order waiting frames are sent: first come first served, or by priority."""

    def push(self, frame: Frame) -> None: ...

    def pop(self) -> Frame: ...

    def refit(self, flow: Hashable, size_of: Callable[[Frame], int | None]) -> None: ...

    def __len__(self) -> int: ...


class Line:
    """One direction of a node's access line. ``rate`` is in bytes a second; ``forward(frame, tick)`` is called with
    the tick in which the frame's last byte has passed."""

    __slots__ = ("_busy_until", "_clock", "_queue", "_waiting", "rate")

    def __init__(self, clock: Clock, rate: float, queue: Discipline) -> None:
        self._clock = clock
        self._queue = queue
        self._busy_until = 0  # ns
        self._waiting = False  # a call of the clock is queued for when the line is free
        self.rate = rate

    def __len__(self) -> int:
        """Frames that wait."""
        return len(self._queue)

    def put(self, frame: Frame) -> None:
        """A frame is to pass."""
        self._queue.push(frame)
        if not self._waiting:
            self._serve()

    def refit(self, flow: tuple[Pipe, int], size_of: Callable[[Frame], int | None]) -> None:
        """Ask the size anew of what waits of a flow of a pipe; what has none (None) any more does not pass."""
        self._queue.refit(flow, size_of)

    def _serve(self, _: object = None, __: object = None) -> None:
        """Let pass what fits into this tick, and come back for the rest."""
        self._waiting = False
        now = self._clock.now * TICK
        if self._busy_until < now:
            self._busy_until = now
        while len(self._queue) and self._busy_until < now + TICK:
            frame = self._queue.pop()
            self._busy_until += int(frame.size * SECOND / self.rate)
            frame.passed(-(-self._busy_until // TICK))
        if len(self._queue):
            self._waiting = True
            self._clock.at(self._busy_until // TICK, self._serve, None, None, -1)
