"""A node's own bandwidth: what leaves it, or reaches it, passes one byte after the other.

Time below a tick is kept in nanoseconds, so that a fast line takes many small frames within one tick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from p2plab.constants import TICKS_PER_SECOND
from p2plab.network.clock import Clock

if TYPE_CHECKING:
    from p2plab.network.frames import Piece

SECOND = 1_000_000_000  # ns
TICK = SECOND // TICKS_PER_SECOND  # ns


class Discipline(Protocol):
    """In which order waiting pieces are sent: first come first served, or by priority."""

    def push(self, piece: Piece) -> None: ...

    def pop(self) -> Piece: ...

    def __len__(self) -> int: ...


class Line:
    """One direction of a node's access line. ``rate`` is in bytes a second, a whole number, 0 for no limit;
    ``piece.passed(tick)`` is called with the tick in which its last byte has passed."""

    __slots__ = ("_busy_until", "_clock", "_queue", "_waiting", "rate")

    def __init__(self, clock: Clock, rate: int, queue: Discipline) -> None:
        self._clock = clock
        self._queue = queue
        self._busy_until = 0  # ns
        self._waiting = False  # being served, or a call of the clock is queued for when the line is free
        self.rate = rate

    def __len__(self) -> int:
        """Pieces that wait."""
        return len(self._queue)

    def put(self, piece: Piece) -> None:
        """A piece is to pass."""
        self._queue.push(piece)
        if not self._waiting:
            self._serve()

    def _serve(self, _: object = None, __: object = None) -> None:
        """Let pass what fits into this tick, and come back for the rest."""
        self._waiting = True  # a piece that passes may put the next one into the queue
        now = self._clock.now * TICK
        if self._busy_until < now:
            self._busy_until = now
        while len(self._queue) and self._busy_until < now + TICK:
            piece = self._queue.pop()
            if self.rate:
                self._busy_until += piece.on_the_line * SECOND // self.rate
            piece.passed(-(-self._busy_until // TICK))
        if len(self._queue):
            self._clock.at(self._busy_until // TICK, self._serve, None, None, -1)
        else:
            self._waiting = False
