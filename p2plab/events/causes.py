"""Causes: the ambient one while something happens, and the chains of them that ``lab.why`` returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from p2plab.events.event import Event
from p2plab.events.html import table


class HasCause(Protocol):
    """A log with an ambient cause."""

    cause: int


class Because:
    """``with log.because(seq):`` what is recorded, queued and sent within follows from that event; afterwards the cause
    is what it was before, whatever was raised."""

    __slots__ = ("_cause", "_log", "_outer")

    def __init__(self, log: HasCause, cause: int) -> None:
        self._log = log
        self._cause = cause
        self._outer = -1

    def __enter__(self) -> int:
        self._outer, self._log.cause = self._log.cause, self._cause
        return self._cause

    def __exit__(self, *raised: object) -> None:
        self._log.cause = self._outer


@dataclass(frozen=True, slots=True)
class Chain:
    """``events``, each the cause of the next. ``note`` says why the chain could not be followed further back,
    ``answer`` in a sentence what was asked, where a sentence can say it."""

    events: tuple[Event, ...]
    note: str = ""
    answer: str = ""

    def __len__(self) -> int:
        return len(self.events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def __getitem__(self, index: int) -> Event:
        return self.events[index]

    def __str__(self) -> str:
        lines = [f"{'  ' * depth}{'└ ' if depth else ''}{event}" for depth, event in enumerate(self.events)]
        head = [*([self.answer] if self.answer else []), *([f"({self.note})"] if self.note else [])]
        return "\n".join([*head, *lines])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(self.events, "; ".join(text for text in (self.answer, self.note) if text), tree=True)
