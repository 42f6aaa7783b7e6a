"""One event as a user sees it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from p2plab.text import rounded, says, shown, without_disguise

MAX_TEXT = 2_000  # characters of a reason or of data in one line
LONG_ID = re.compile(r"[0-9a-f]{40,}")
COLUMNS = ("t", "seq", "kind", "node", "peer", "topic", "ref", "size", "reason", "cause", "data")

# A row while recording: node and peer are indices into the log's names (-1: none), t is in the log's ticks.
Row = tuple[
    int, int, str, int, int, "str | None", "str | None", "int | None", "str | None", int, "dict[str, Any] | None"
]


@says
@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: ``kind`` says what (``events/KINDS.md``), ``node`` to whom (None: to the lab), ``peer``
    with whom, ``topic`` about what, ``reason`` why, ``data`` what else. ``t`` is in seconds of lab time, ``seq`` its
    place in the log, ``size`` in bytes, ``cause`` the ``seq`` of the event that led to this one, ``ref`` the message or
    lookup it is about."""

    t: float
    seq: int
    kind: str
    node: str | None = None
    peer: str | None = None
    topic: str | None = None
    ref: str | None = None
    size: int | None = None
    reason: str | None = None
    cause: int | None = None
    data: dict[str, Any] | None = None

    def __str__(self) -> str:
        parts = [f"{self.t:.4f}s", shown(self.node or "lab"), self.kind]
        if self.peer:
            parts.append(shown(self.peer))
        if self.topic:
            parts.append(f"topic={without_disguise(repr(self.topic))}")
        parts += _size(self)
        if self.reason:
            parts.append(f"because: {shown(self.reason, MAX_TEXT)}")
        parts += _data(self)
        return "  ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """The fields that are set, in the order of the columns."""
        pairs = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: value for name, value in pairs if value is not None}


class _Made:
    """An Event in the making: its fields are set as any others, at a quarter of what a frozen class's cost."""

    __slots__ = COLUMNS

    def __init__(
        self,
        t: float,
        seq: int,
        kind: str,
        node: str | None,
        peer: str | None,
        topic: str | None,
        ref: str | None,
        size: int | None,
        reason: str | None,
        cause: int | None,
        data: dict[str, Any] | None,
    ) -> None:
        self.t = t
        self.seq = seq
        self.kind = kind
        self.node = node
        self.peer = peer
        self.topic = topic
        self.ref = ref
        self.size = size
        self.reason = reason
        self.cause = cause
        self.data = data
        self.__class__ = Event  # type: ignore[assignment]  # of the same slots


def event_of(row: Row, names: Sequence[str], resolution: int) -> Event:
    """A row with its names, and seconds."""
    t, seq, kind, node, peer, topic, ref, size, reason, cause, data = row
    made: Any = _Made(
        t / resolution,
        seq,
        kind,
        names[node] if node >= 0 else None,
        names[peer] if peer >= 0 else None,
        topic,
        ref,
        size,
        reason,
        cause if cause >= 0 else None,
        data,
    )
    return made  # type: ignore[no-any-return]  # _Made turns into an Event


def events_of(columns: Iterable[Iterable[Any]], names: Sequence[str], resolution: int) -> Iterator[Event]:
    """The same of many rows, given as their columns."""
    t, seq, kind, node, peer, topic, ref, size, reason, cause, data = columns
    named = [*names, None]  # an index of -1 is none
    made: Any = map(
        _Made,
        [tick / resolution for tick in t],
        seq,
        kind,
        [named[index] for index in node],
        [named[index] for index in peer],
        topic,
        ref,
        size,
        reason,
        [None if one < 0 else one for one in cause],
        data,
    )
    return made  # type: ignore[no-any-return]  # _Made turns into an Event


def numbers(event: Event) -> str:
    """What else there is to an event: which message or lookup, bytes, and its data."""
    return "  ".join([*_size(event), *_data(event)])


def _size(event: Event) -> list[str]:
    ref = [f"ref=…{shown(event.ref[-8:])}"] if event.ref else []
    return ref if event.size is None else [*ref, f"{event.size} B"]


def _data(event: Event) -> list[str]:
    pairs = (event.data or {}).items()
    return [shown(", ".join(f"{key}={_value(value)}" for key, value in pairs), MAX_TEXT)] if pairs else []


def _value(value: Any) -> str:
    """As ``repr`` has it, but floats with the digits that count, and a message's id with its end alone, as ``ref``."""
    return f"…{value[-8:]}" if isinstance(value, str) and LONG_ID.fullmatch(value) else rounded(value)
