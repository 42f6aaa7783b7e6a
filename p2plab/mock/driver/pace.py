"""Lab time against the wall clock, for ``play``."""

from __future__ import annotations

import time
from collections.abc import Callable

from p2plab.constants import TICKS_PER_SECOND


class Pace:
    """Says which tick is due now when a lab second takes ``1 / speed`` wall seconds.

    It is anchored once, so that it does not drift; where the lab cannot keep up by more than ``slack`` wall seconds,
    the anchor is moved and ``behind`` tells by how much in all. ``wall`` gives wall seconds.
    """

    def __init__(
        self, speed: float, tick: int, slack: float = 0.25, wall: Callable[[], float] = time.perf_counter
    ) -> None:
        self.speed = speed
        self.behind = 0.0  # wall seconds by which the lab could not keep up, so far
        self._slack = slack
        self._tick = tick
        self._now = wall
        self._wall = wall()

    def due(self) -> int:
        """The tick that lab time should have reached by now."""
        return self._tick + int((self._now() - self._wall) * self.speed * TICKS_PER_SECOND)

    def seconds_until(self, tick: int) -> float:
        """Wall seconds from now until a tick is due; 0 if it is already."""
        due = self._wall + (tick - self._tick) / (self.speed * TICKS_PER_SECOND)
        return max(0.0, due - self._now())

    def give_in(self, tick: int) -> float:
        """Called with the tick reached: if it lags by more than the slack, start anew from it; returns the lag."""
        lag = (self._now() - self._wall) - (tick - self._tick) / (self.speed * TICKS_PER_SECOND)
        if lag <= self._slack:
            return 0.0
        self.behind += lag
        self._tick, self._wall = tick, self._now()
        return lag
