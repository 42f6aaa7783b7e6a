"""Any moment of a log, from checkpoints: states of the fold that are kept on the way, so that a seek folds few rows.

Where the rows stand that change anything is noted once, so that a seek reads no others. A checkpoint is made after as
many of them as it has entries itself, so that all checkpoints together are not larger than the log.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from p2plab.errors import EventLogError
from p2plab.events.event import Row
from p2plab.events.state.fold import FOLDED, Fold

__all__ = ["Checkpoints"]

CHANGES = 2_048  # rows that change something between two checkpoints, at least


class Checkpoints:
    """The states of one log. Places are counted from the first row ever kept; ``first`` is that of ``rows[0]``."""

    def __init__(self, base: Fold | None = None) -> None:
        self._lock = threading.Lock()
        self._head = Fold() if base is None else base
        self._kept: list[Fold] = [self._head.copy()]
        self._places: list[int] = [self._head.place]
        self._changing = array("q")  # the places of the rows that change something
        self._since = 0  # of those, how many there were at the last checkpoint

    def at(self, place: int, rows: Sequence[Row], first: int) -> Fold:
        """The fold of the first ``place`` rows; the caller may keep it. EventLogError where those rows are gone."""
        with self._lock:
            if place < self._places[0]:
                raise EventLogError(f"the rows up to number {place} are gone: the log has forgotten them")
            self._advance(place, rows, first)
            if self._head.place == place:
                return self._head.copy()
            fold = self._kept[bisect_right(self._places, place) - 1].copy()
            start, end = (bisect_left(self._changing, one) for one in (fold.place, place))
            between = self._changing[start:end]
        for at in between:
            fold.apply(rows[at - first])
        if place > first:
            fold.place, fold.t, fold.seq = place, rows[place - first - 1][0], rows[place - first - 1][1]
        return fold

    def _advance(self, place: int, rows: Sequence[Row], first: int) -> None:
        head, changing = self._head, self._changing
        if place <= head.place:
            return
        apply, count, start = head.apply, len(changing), head.place
        due = self._since + max(CHANGES, head.weight)
        for at in range(start, place):
            row = rows[at - first]
            if row[2] in FOLDED:
                apply(row)
                changing.append(at)
                count += 1
                if count >= due:
                    head.place = at + 1
                    self._kept.append(head.copy())
                    self._places.append(at + 1)
                    self._since, due = count, count + max(CHANGES, head.weight)
        head.place, head.t, head.seq = place, rows[place - first - 1][0], rows[place - first - 1][1]

    def forget(self, place: int, rows: Sequence[Row], first: int) -> None:
        """The rows before this place go: what they came to stays, as what everything after is folded onto."""
        base = self.at(place, rows, first)
        with self._lock:
            after = bisect_right(self._places, place)
            self._kept[:after] = [base]
            self._places[:after] = [place]
            gone = bisect_left(self._changing, place)
            del self._changing[:gone]
            self._since = max(0, self._since - gone)
