"""Connections and streams as a user holds them: the events that record them, and how they stand."""

from __future__ import annotations

from typing import Any

from p2plab.events import Event, EventLog
from p2plab.explain.openings import why_opened
from p2plab.typing import Connection

__all__ = ["events_of", "is_link", "standing_of"]


def is_link(subject: Any) -> bool:
    """Whether it is a connection, or a stream of any face."""
    return isinstance(subject, Connection) or isinstance(getattr(subject, "connection", None), Connection)


def events_of(log: EventLog, link: Any) -> list[Event]:
    """What the log has of a connection or a stream at the end that is held, from its opening on."""
    connection: Connection = link if isinstance(link, Connection) else link.connection
    node = connection.local.name or str(connection.local)
    peer = connection.peer.name or str(connection.peer)
    kind = "connection" if link is connection else "stream"
    found = log.filter(kind=kind, node=node, peer=peer)
    number = connection.id if link is connection else _number(found, link)
    return [event for event in found if (event.data or {}).get(kind) == number]


def _number(events: list[Event], stream: Any) -> Any:
    """The number that the log gives a stream: that of the opening nearest to when this one was opened."""
    opened = [one for one in events if one.kind == "stream.opened" and (one.data or {})["protocol"] == stream.protocol]
    nearest = min(opened, key=lambda one: abs(one.t - stream.opened_at), default=None)
    return None if nearest is None or nearest.data is None else nearest.data["stream"]


def standing_of(log: EventLog, events: list[Event]) -> str:
    """How it stands, by its events: since when it is open and what for, or when and why it ended."""
    last = events[-1]
    first = next((event for event in events if event.kind.endswith(".opened")), last)
    what = f"{first.node}'s {first.kind.partition('.')[0]} with {first.peer}"
    if last.kind in ("connection.closed", "stream.closed", "stream.reset"):
        ended, because = last.kind.partition(".")[2], f": {last.reason}" if last.reason else ""
        return f"{what} was {ended} at {last.t:.4f} s{because}; it was open since {first.t:.4f} s"
    gone = [one for one in log.filter(kind="node", node=first.node) if one.kind in ("node.crashed", "node.stopped")]
    ended_with = next((one for one in gone if one.seq > first.seq), None)
    if ended_with is not None:
        return f"{what} went with the node, which {ended_with.kind.partition('.')[2]} at {ended_with.t:.4f} s"
    why = f": {why_opened(log, first)}" if first.kind == "connection.opened" else ""
    return f"{what} is open since {first.t:.4f} s{why}"
