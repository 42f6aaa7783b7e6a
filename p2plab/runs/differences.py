"""How two runs differ: the first event at which they part, and their figures side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest

from p2plab.events import Event, EventLog
from p2plab.runs.measured import measured
from p2plab.text import aligned, html_table

__all__ = ["Differences", "differences", "first_difference"]


@dataclass(frozen=True)
class Differences:
    """Two runs. ``first`` is the event at which they part, as it is in each (None: that run had ended), or None where
    they are the same; ``measured`` has the figures by name, of this run and of the other (None: it has none)."""

    first: tuple[Event | None, Event | None] | None
    measured: Mapping[str, tuple[float | None, float | None]]

    @property
    def same(self) -> bool:
        """Whether the two are the same, event for event."""
        return self.first is None

    def _cells(self) -> list[list[str]]:
        rows = [["", "this", "other", "other / this"]]
        for name, (one, other) in self.measured.items():
            ratio = f"{other / one:.3g}" if one and other is not None else "–"
            rows.append([name, _shown(one), _shown(other), ratio])
        return rows

    def _notes(self) -> list[str]:
        if self.first is None:
            return ["the two runs are the same, event for event"]
        one, other = self.first
        at = one if one is not None else other
        assert at is not None
        return [
            f"the runs part at {at.t:.4f} s, event {at.seq}:",
            f"  this:  {one or 'the run had ended'}",
            f"  other: {other or 'the run had ended'}",
        ]

    def __repr__(self) -> str:
        return "\n".join([*self._notes(), aligned(self._cells())])

    def _repr_html_(self) -> str:
        head, *rows = self._cells()
        return html_table(head, rows, notes=self._notes())


def differences(one: EventLog, other: EventLog) -> Differences:
    """Compare two logs."""
    figures, others = measured(one), measured(other)
    names = list(dict.fromkeys([*figures, *others]))
    return Differences(first_difference(one, other), {name: (figures.get(name), others.get(name)) for name in names})


def first_difference(one: EventLog, other: EventLog) -> tuple[Event | None, Event | None] | None:
    """The first event at which two logs differ, as it is in each (None: that log had ended); None where they agree."""
    for a, b in zip_longest(one.rows()[0], other.rows()[0]):
        if a is None or b is None or one.line(a) != other.line(b):
            return (None if a is None else one.event(a)), (None if b is None else other.event(b))
    return None


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.6g}"
