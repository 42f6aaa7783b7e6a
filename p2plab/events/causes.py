"""Chains of causes, as ``lab.why`` returns them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from p2plab.events.event import Event
from p2plab.events.html import table


@dataclass(frozen=True, slots=True)
class Chain:
    """Events, each the cause of the next. ``note`` says why the chain could not be followed further back, ``answer``
    in a sentence what was asked, where a sentence can say it."""

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
        return table(self.events, "; ".join(text for text in (self.answer, self.note) if text))
