"""What is to be seen on a scrubber: the faults, publications and errors of a log, those close together as one."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

from p2plab.events.rows import Rows
from p2plab.text import says

__all__ = ["MARKED", "Mark", "Marks"]

MOST: Final = 300  # marks kept apart
MARKED: Final = {
    **dict.fromkeys(
        (
            "node.crashed",
            "node.stopped",
            "node.restarted",
            "node.lost",
            "network.partition",
            "network.heal",
            "network.hold",
            "network.release",
        ),
        "fault",
    ),
    "pubsub.publish": "publication",
    "error": "error",
    "lab.behind": "error",
}


@says
@dataclass(slots=True)
class Mark:
    """``what`` is ``fault``, ``publication`` or ``error``; ``count`` how many fell together, ``t`` (seconds), ``seq``
    and ``kind`` those of the first."""

    t: float
    what: str
    kind: str
    seq: int
    count: int

    def __str__(self) -> str:
        return f"{self.t:.4f}s  {self.what}  {self.kind}{f' and {self.count - 1} more' if self.count > 1 else ''}"


class Marks:
    """The marks of one log, brought up to date by what is new whenever somebody asks."""

    def __init__(self, resolution: int) -> None:
        self._lock = threading.Lock()
        self._resolution = resolution
        self._width = 1  # ticks in which events of a kind fall together
        self._found: dict[tuple[int, str], Mark] = {}
        self._place = 0

    def all(self, rows: Rows, first: int) -> list[Mark]:
        """In the order of time. ``first`` is the place of the first row."""
        with self._lock:
            end = len(rows)
            for _, row in rows.of_kinds(MARKED, max(0, self._place - first), end):
                self._put(Mark(row[0] / self._resolution, MARKED[row[2]], row[2], row[1], 1), row[0])
            self._place = first + end
            return sorted(self._found.values(), key=lambda mark: (mark.t, mark.seq))

    def _put(self, mark: Mark, tick: int) -> None:
        key = (tick // self._width, mark.what)
        before = self._found.get(key)
        if before is not None:
            before.count += mark.count
            return
        self._found[key] = mark
        while len(self._found) > MOST:
            self._width *= 2
            marks = list(self._found.values())
            self._found = {}
            for one in marks:
                key = (round(one.t * self._resolution) // self._width, one.what)
                known = self._found.setdefault(key, one)
                if known is not one:
                    known.count += one.count
