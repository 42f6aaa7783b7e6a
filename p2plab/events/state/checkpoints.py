"""Any moment of a log, from checkpoints: states of the fold that are kept on the way, so that a seek folds few rows.

A checkpoint is made after so many rows that change something as it has entries itself, so that all of them together
are not larger than the log; and after ``SKIPPED`` rows that change nothing, which only have to be passed over.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Sequence

from p2plab.events.event import Row
from p2plab.events.state.fold import FOLDED, Fold

__all__ = ["Checkpoints"]

CHANGES = 8_192  # rows that change something between two checkpoints, at least
SKIPPED = 131_072  # rows that change nothing


class Checkpoints:
    """The states of one log. Places are counted from the first row ever kept; ``first`` is that of ``rows[0]``."""

    def __init__(self, base: Fold | None = None) -> None:
        self._lock = threading.Lock()
        self._head = Fold() if base is None else base
        self._kept: list[Fold] = [self._head.copy()]
        self._places: list[int] = [self._head.place]
        self._changes = 0  # since the last checkpoint

    def at(self, place: int, rows: Sequence[Row], first: int) -> Fold:
        """The fold of the first ``place`` rows; the caller may keep it."""
        with self._lock:
            self._advance(place, rows, first)
            if self._head.place == place:
                return self._head.copy()
            fold = self._kept[bisect_right(self._places, place) - 1].copy()
        for row in rows[fold.place - first : place - first]:
            fold.apply(row)
        return fold

    def _advance(self, place: int, rows: Sequence[Row], first: int) -> None:
        head = self._head
        if place <= head.place:
            return
        apply, changes, since = head.apply, self._changes, self._places[-1]
        most = max(CHANGES, 2 * head.weight)
        for at in range(head.place - first, place - first):
            row = rows[at]
            if row[2] in FOLDED:
                apply(row)
                changes += 1
            else:
                head.place += 1
            if changes >= most or head.place - since >= SKIPPED:
                head.t, head.seq = row[0], row[1]
                self._kept.append(head.copy())
                self._places.append(head.place)
                changes, since, most = 0, head.place, max(CHANGES, 2 * head.weight)
        head.t, head.seq = rows[place - first - 1][0], rows[place - first - 1][1]
        self._changes = changes

    def forget(self, place: int, rows: Sequence[Row], first: int) -> None:
        """The rows before this place go: what they came to stays, as what everything after is folded onto."""
        base = self.at(place, rows, first)
        with self._lock:
            after = bisect_right(self._places, place)
            self._kept[:after] = [base]
            self._places[:after] = [place]
