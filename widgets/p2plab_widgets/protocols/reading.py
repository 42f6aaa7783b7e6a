"""Events up to a moment, as the protocol views read them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

from p2plab.events import Event, EventLog
from p2plab.text import rounded
from p2plab_widgets.board.cards import Cell, cell

__all__ = ["event_cell", "latest", "numbers", "until"]

FEED = 40


def until(log: EventLog, kinds: Iterable[str], at: float | None, **given: Any) -> list[Event]:
    """The events of these kinds up to a moment, in order."""
    found = [event for kind in kinds for event in log.filter(kind=kind, until=at, **given)]
    return sorted(found, key=lambda event: event.seq)


def latest(log: EventLog, at: float | None, count: int) -> list[Event]:
    """The last events up to a moment, of all kinds, in order."""
    rows, _ = log.rows()
    end = len(rows) if at is None else bisect_right(rows.field("t"), at * log.resolution + 1e-6)
    return [log.event(row) for row in rows[max(0, end - count) : end]]


def event_cell(event: Event, text: str | None = None) -> Cell:
    """A cell that selects the event."""
    return cell(f"{event.t:.3f} s" if text is None else text, "event", event.seq)


def numbers(event: Event, most: int = 6) -> str:
    """The numbers that a decision was taken on, in words."""
    data = event.data or {}
    return ", ".join(f"{name} {_short(value)}" for name, value in list(data.items())[:most])


def _short(value: Any) -> str:
    if isinstance(value, (dict, list, tuple)):  # the names in it, of which one selects the event to see more
        value = ", ".join(map(str, value)) or "none"
    return value[:40] if isinstance(value, str) else rounded(value)[:40]
