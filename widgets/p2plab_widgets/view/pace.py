"""How fast a lab's time really passes, as somebody who looks now and then can tell."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Reached"]

WINDOW = 3.0  # seconds over which the speed is told


class Reached:
    """Told the lab's time now and then while it plays at ``pace``, it says how fast that was and how far it lags."""

    def __init__(self, wall: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._pace: float | None = None
        self._seen: list[tuple[float, float]] = []  # wall and lab seconds
        self.speed: float | None = None  # lab seconds a second, lately
        self.behind = 0.0  # lab seconds between where it is and where it should be

    def see(self, pace: float | None, now: float) -> None:
        """It is ``now`` in the lab, which plays at ``pace``, or is held (None)."""
        wall = self._wall()
        if pace != self._pace or pace is None:
            self._pace = pace
            self._seen = [(wall, now)]
            self.speed, self.behind = None, 0.0
            self._began = (wall, now)
            return
        self._seen.append((wall, now))
        while len(self._seen) > 2 and wall - self._seen[1][0] > WINDOW:
            del self._seen[0]
        before, then = self._seen[0]
        if wall - before > 0.3:
            self.speed = (now - then) / (wall - before)
            began, at = self._began
            self.behind = max(0.0, (wall - began) * pace - (now - at))
