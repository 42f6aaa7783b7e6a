"""Which publication a message is: ids may be made of the content alone, and the content be published again."""

from __future__ import annotations

import sys
from typing import Any, Final

from p2plab.events import Event, EventLog

__all__ = ["about", "dropped", "publication_of"]

SOON: Final = 0.001  # seconds between a message's time and its event's, at most


def publication_of(log: EventLog, message: Any) -> Event | None:
    """The publication of a message, or of the message with this id; None where the log has none.

    Several may have one id: a message is of its own topic, what ``publish`` returned without sending it is of those
    that were not sent, and any other is the last that had been sent when it came (or the first, of an id alone).
    """
    ref = message if isinstance(message, str) else getattr(message, "id", None)
    found = log.filter(kind="pubsub.publish", ref=ref) if isinstance(ref, str) else []
    topic, at = getattr(message, "topic", None), getattr(message, "received_at", None)
    found = [event for event in found if event.topic == topic] or found
    unsent = getattr(message, "dropped", None) is not None
    found = [event for event in found if (dropped(log, event) is not None) == unsent] or found
    if at is None:
        return next(iter(found), None)
    source = getattr(message.received_from, "name", None)
    if own := [event for event in found if event.node == source and abs(event.t - at) <= SOON]:
        return own[-1]  # what publish returned; others may publish the same at that time
    if unsent:
        return min(found, key=lambda event: abs(event.t - at), default=None)
    return next((event for event in reversed(found) if event.t <= at + SOON), None) or next(iter(found), None)


def about(log: EventLog, published: Event, kind: str) -> list[Event]:
    """The events of a kind that are about this publication, and not about another of the same id and topic that was
    sent when the first was forgotten."""
    found = log.filter(kind=kind, ref=published.ref, topic=published.topic)
    begins = _floods(log, published)
    begin = max((seq for seq in begins if seq <= published.seq), default=-1)
    end = min((seq for seq in begins if seq > published.seq), default=sys.maxsize)
    return [event for event in found if (begin <= event.seq or begin == begins[0]) and event.seq < end]


def _floods(log: EventLog, published: Event) -> list[int]:
    """The publications of this id and topic that began a flood: the first; those of a node that had got or published it
    in the flood before, and forgot; and those after which it came again to one that had it. Any other joins the flood
    that is under way."""
    of_it = log.filter(kind="pubsub.publish", ref=published.ref, topic=published.topic)
    sent = [event for event in of_it if dropped(log, event) is None]
    came = log.filter(kind="pubsub.deliver", ref=published.ref, topic=published.topic) if len(sent) > 1 else []
    begins: list[int] = []
    for place, event in enumerate(sent):
        following = sent[place + 1].seq if place + 1 < len(sent) else sys.maxsize
        got = {one.node for one in came if begins and begins[-1] <= one.seq < event.seq}
        gave = {one.node for one in sent if begins and begins[-1] <= one.seq < event.seq}
        again = any(event.seq < one.seq < following and one.node in got for one in came)
        if not begins or again or event.node in got | gave:
            begins.append(event.seq)
    return begins or [published.seq]


def dropped(log: EventLog, published: Event) -> Event | None:
    """The event that says that a publication was not sent, since one with its id had been; None where it was."""
    ignored = log.filter(kind="pubsub.ignore", node=published.node, ref=published.ref, reason="already published")
    return next((event for event in ignored if event.cause == published.seq), None)
