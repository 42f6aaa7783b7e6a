"""Events as a table of HTML. Everything in them that a peer could have chosen is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable

from p2plab.events.event import Event

HEAD = "<tr><th>t (s)</th><th>node</th><th>what</th><th>peer</th><th>topic</th><th>because</th></tr>"


def table(events: Iterable[Event], note: str = "") -> str:
    """One row an event; ``note`` stands above."""
    rows = "".join(f"<tr><td>{event.t:.4f}</td>{_cells(event)}</tr>" for event in events)
    caption = f"<caption>{html.escape(note)}</caption>" if note else ""
    return f"<table>{caption}{HEAD}{rows}</table>"


def _cells(event: Event) -> str:
    cells = (event.node, event.kind, event.peer, event.topic, event.reason)
    return "".join(f"<td>{html.escape(str(cell)) if cell else ''}</td>" for cell in cells)
