"""One event as a user sees it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

COLUMNS = ("t", "seq", "kind", "node", "peer", "topic", "ref", "size", "reason", "cause", "data")

# A row while recording: node and peer are indices into the log's names (-1: none), t is in the log's ticks.
Row = tuple[
    int, int, str, int, int, "str | None", "str | None", "int | None", "str | None", int, "dict[str, Any] | None"
]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. ``t`` is in seconds of lab time, ``size`` in bytes, ``cause`` the ``seq`` of the event
    that led to this one, ``ref`` the message or lookup it is about."""

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
        parts = [f"{self.t:.4f}s", self.node or "lab", self.kind]
        if self.peer:
            parts.append(self.peer)
        if self.topic:
            parts.append(f"topic={self.topic!r}")
        if self.ref:
            parts.append(f"ref=…{self.ref[-8:]}")
        if self.size is not None:
            parts.append(f"{self.size} B")
        if self.reason:
            parts.append(f"because: {self.reason}")
        if self.data:
            parts.append(", ".join(f"{key}={value!r}" for key, value in self.data.items()))
        return "  ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """The fields that are set, in the order of the columns."""
        pairs = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: value for name, value in pairs if value is not None}
