"""Chains of causes, as ``lab.why`` returns them."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass

from p2plab.events.event import Event


@dataclass(frozen=True, slots=True)
class Chain:
    """Events, each the cause of the next. ``note`` says where the chain could not be followed further back."""

    events: tuple[Event, ...]
    note: str = ""

    def __len__(self) -> int:
        return len(self.events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def __getitem__(self, index: int) -> Event:
        return self.events[index]

    def __str__(self) -> str:
        lines = [f"{'  ' * depth}{'└ ' if depth else ''}{event}" for depth, event in enumerate(self.events)]
        return "\n".join([f"({self.note})", *lines] if self.note else lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{event.t:.4f}</td>"
            + "".join(
                f"<td>{html.escape(str(cell))}</td>"
                for cell in (event.node or "", event.kind, event.peer or "", event.topic or "", event.reason or "")
            )
            + "</tr>"
            for event in self.events
        )
        note = f"<caption>{html.escape(self.note)}</caption>" if self.note else ""
        head = "<tr><th>t (s)</th><th>node</th><th>what</th><th>peer</th><th>topic</th><th>because</th></tr>"
        return f"<table>{note}{head}{rows}</table>"
