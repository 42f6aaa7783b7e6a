"""Which publication a message is: ids may be made of the content alone, and the content be published again."""

from __future__ import annotations

from typing import Any

from p2plab.events import Event, EventLog

__all__ = ["dropped", "publication_of"]


def publication_of(log: EventLog, message: Any) -> Event | None:
    """The publication of a message, or of the message with this id; None where the log has none.

    Several may have one id: a message is of its own topic, and what ``publish`` returned is that very publication;
    one that was delivered is the first that was sent.
    """
    ref = message if isinstance(message, str) else getattr(message, "id", None)
    found = log.filter(kind="pubsub.publish", ref=ref) if isinstance(ref, str) else []
    topic, at = getattr(message, "topic", None), getattr(message, "received_at", None)
    found = [event for event in found if event.topic == topic] or found
    if len(found) > 1 and at is not None:
        source = getattr(message.received_from, "name", None)
        tick = 1 / log.resolution
        own = [event for event in found if event.node == source and abs(event.t - at) < tick / 2]
        if own:
            return own[-1]
    sent = [event for event in found if dropped(log, event) is None]
    return next(iter(sent or found), None)


def dropped(log: EventLog, published: Event) -> Event | None:
    """The event that says that a publication was not sent, since one with its id had been; None where it was."""
    ignored = log.filter(kind="pubsub.ignore", node=published.node, ref=published.ref, reason="already published")
    return next((event for event in ignored if event.cause == published.seq), None)
