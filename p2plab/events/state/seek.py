"""From a moment or a row that somebody asks about to the state there, or to an error that says what is missing."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from p2plab.errors import EventLogError, ValidationError
from p2plab.events.rows import Rows
from p2plab.events.state.checkpoints import Checkpoints
from p2plab.events.state.fold import Fold
from p2plab.events.state.network import NetworkState
from p2plab.events.state.scores import recorded_scores

if TYPE_CHECKING:
    from p2plab.events.reading import LogReader

__all__ = ["Gap", "Scores", "States"]

Scores = Callable[[int, bool], "dict[str, dict[str, Any]] | None"]  # given a tick, and whether that is now
Gap = tuple[int, int, str]  # rows kept when the level went below ``decisions``, the tick, the level


class States:
    """The states of one log; ``gaps`` are the stretches in which too little was recorded."""

    def __init__(self, resolution: int, names: list[str], gaps: list[Gap]) -> None:
        self._resolution = resolution
        self._names = names
        self._checkpoints = Checkpoints()
        self._unknown = 0  # rows that were gone before this log was made
        self.gaps = gaps

    def begin_after(self, dropped: int, base: Fold | None) -> None:
        """The log begins after ``dropped`` rows, which came to ``base``, if that is known."""
        if base is None:
            self._unknown = dropped
            base = Fold()
            base.place = dropped
        self._checkpoints = Checkpoints(base)

    def forget(self, place: int, rows: Rows, first: int) -> None:
        """The rows before this place go."""
        self._checkpoints.forget(place, rows, first)

    def base(self, rows: Rows, first: int) -> Fold | None:
        """What the rows that went came to; None where that is not known."""
        return None if self._unknown else self._checkpoints.at(first, rows, first)

    def fold(self, place: int, rows: Rows, first: int, tick: float = math.inf) -> Fold:
        """The fold of the first ``place`` rows, as of a tick. EventLogError where they do not say what was."""
        if self._unknown:
            raise EventLogError(
                f"the state needs every row from the start, and the first {self._unknown} are not in this log"
            )
        for row, since, level in self.gaps:
            if row <= place and since <= tick:
                raise EventLogError(
                    f"the state needs the level 'decisions' from the start; from {since / self._resolution:.4f} s on "
                    f"this log was recorded at {level!r}: Lab(recording='decisions') or finer keeps what is needed"
                )
        return self._checkpoints.at(place, rows, first)

    def find(self, rows: Rows, end: int, first: int, at: float | None, seq: int | None, log: LogReader) -> NetworkState:
        """The state at ``at`` seconds, after the event ``seq``, or, without either, after the last of ``end`` rows."""
        if at is not None and seq is not None:
            raise ValidationError("state takes a time (at=) or an event (seq=), not both")
        if seq is not None:
            place = first + self._place_of(rows, end, seq)
        elif at is not None:
            place = first + bisect_right(
                rows.field("t"), self._checked(at), 0, end, key=lambda tick: tick / self._resolution
            )
            if place == first and first:
                raise EventLogError(f"the rows up to {at:g} s are gone: the log has forgotten its first {first}")
        else:
            place = first + end
        fold = self.fold(place, rows, first, math.inf if at is None else at * self._resolution)
        is_now = at is None and seq is None
        t = float(at) if at is not None else log.now if is_now else fold.t / self._resolution
        tick, exact = int(t * self._resolution), log.scores_at
        state = NetworkState(fold, self._names, t)
        state.scores_from(
            (lambda: exact(tick, is_now)) if exact else lambda: recorded_scores(log, state.seq, state.down)
        )
        return state

    def _checked(self, at: Any) -> float:
        if isinstance(at, bool) or not isinstance(at, (int, float)) or not 0 <= at < math.inf:
            raise ValidationError(f"at is a number of seconds of lab time from 0 up, not {at!r}")
        return float(at)

    def _place_of(self, rows: Rows, end: int, seq: Any) -> int:
        seq = getattr(seq, "seq", seq)
        if isinstance(seq, bool) or not isinstance(seq, int):
            raise ValidationError(f"seq is the number of an event (event.seq), not {seq!r}")
        place = rows.place_of(seq)
        if place is None or place >= end:
            there = f"it has {rows[0][1]} to {rows[end - 1][1]}" if end else "it has none"
            raise ValidationError(f"no event of this log has the number {seq}; {there}")
        return place + 1
