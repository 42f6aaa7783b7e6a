"""How peers were found, as the log has it: by which way of discovery, in which namespace, when."""

from __future__ import annotations

from typing import Final

from p2plab.events import Event, EventLog

__all__ = ["how_found"]

FOUND: Final = "discovery.found"


def how_found(log: EventLog, node: str, peer: str) -> tuple[str, Event | None]:
    """In a sentence how one of two found the other, whichever did first; ("", None) where it was not discovery."""
    events = [*log.filter(kind=FOUND, node=node, peer=peer), *log.filter(kind=FOUND, node=peer, peer=node)]
    if not events:
        return "", None
    first = min(events, key=lambda event: event.seq)
    told = [_told(event) for event in sorted(events, key=lambda event: event.seq) if event.node == first.node]
    return f"{first.node} found {first.peer} {', '.join(told)}", first


def _told(event: Event) -> str:
    namespace = (event.data or {}).get("namespace")
    where = f" in {namespace!r}" if namespace else ""
    return f"{event.reason}{where} at {event.t:.4f} s"
