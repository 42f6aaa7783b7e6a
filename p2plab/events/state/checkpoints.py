"""Any moment of a log, from checkpoints: states of the fold that are kept on the way, so that a seek folds few rows.

Where the rows stand that change anything is noted once, so that a seek reads no others. A checkpoint is made after as
many of them as it has entries itself, so that all checkpoints together are not larger than the log.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left, bisect_right

from p2plab.errors import EventLogError
from p2plab.events.event import Row
from p2plab.events.rows import Rows
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
        self._near: tuple[int, list[Row]] = (-1, [])  # the rows after a checkpoint's place, as far as they were read
        self._since = 0  # of those, how many there were at the last checkpoint

    def at(self, place: int, rows: Rows, first: int) -> Fold:
        """The fold of the first ``place`` rows; the caller may keep it. EventLogError where those rows are gone."""
        with self._lock:
            if place < self._places[0]:
                raise EventLogError(f"the rows up to number {place} are gone: the log has forgotten them")
            self._advance(place, rows, first)
            if self._head.place == place:
                return self._head.copy()
            fold = self._kept[bisect_right(self._places, place) - 1].copy()
            between = self._after(fold.place, place, rows, first)
        for row in between:
            fold.apply(row)
        if place > first:
            _count(fold, place, rows, first)
        return fold

    def _after(self, start: int, place: int, rows: Rows, first: int) -> list[Row]:
        """The rows from a checkpoint up to a place that change something. They are kept until another checkpoint's are
        asked for: who moves through time asks again and again for nearly the same."""
        if self._near[0] != start:
            self._near = (start, [])
        known = self._near[1]
        begin, end = (bisect_left(self._changing, one) for one in (start, place))
        known += rows.at([at - first for at in self._changing[begin + len(known) : end]])
        return known[: end - begin]

    def _advance(self, place: int, rows: Rows, first: int) -> None:
        head, changing = self._head, self._changing
        if place <= head.place:
            return
        apply, count, start = head.apply, len(changing), head.place
        due = self._since + max(CHANGES, head.weight)
        for at, row in rows.of_kinds(FOLDED, start - first, place - first):
            apply(row)
            changing.append(first + at)
            count += 1
            if count >= due:
                head.place = first + at + 1
                self._kept.append(head.copy())
                self._places.append(head.place)
                self._since, due = count, count + max(CHANGES, head.weight)
        _count(head, place, rows, first)

    def forget(self, place: int, rows: Rows, first: int) -> None:
        """The rows before this place go: what they came to stays, as what everything after is folded onto."""
        base = self.at(place, rows, first)
        with self._lock:
            after = bisect_right(self._places, place)
            self._kept[:after] = [base]
            self._places[:after] = [place]
            gone = bisect_left(self._changing, place)
            del self._changing[:gone]
            self._since = max(0, self._since - gone)
            self._near = (-1, [])


def _count(fold: Fold, place: int, rows: Rows, first: int) -> None:
    """The fold has taken in the first ``place`` rows, of which the last may have changed nothing."""
    last = place - first - 1
    fold.place, fold.t, fold.seq = place, rows.field("t")[last], rows.field("seq")[last]
