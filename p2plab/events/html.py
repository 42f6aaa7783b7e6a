"""Events as a table of HTML, and chains of them with the tree and the numbers that their text has."""

from __future__ import annotations

from collections.abc import Iterable

from p2plab.events.event import Event, numbers
from p2plab.text import html_table

HEAD = ("t (s)", "node", "what", "peer", "topic", "because", "numbers")


def table(events: Iterable[Event], note: str = "", tree: bool = False) -> str:
    """One row an event; ``note`` stands above. ``tree``: each event is the cause of the next, and stands deeper."""
    rows = (
        (
            f"{event.t:.4f}",
            event.node or "lab",
            f"{'  ' * depth}└ {event.kind}" if tree and depth else event.kind,
            event.peer,
            event.topic,
            event.reason,
            numbers(event),
        )
        for depth, event in enumerate(events)
    )
    return html_table(HEAD, rows, note, spaces=tree)
