"""``lab.why``: from a thing a user holds to the event that records it, and from there back to what caused it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from p2plab.errors import DialError, LabError, ValidationError
from p2plab.events import Chain, Event, EventLog
from p2plab.explain.faults import fault_between, refusal_of
from p2plab.explain.links import events_of, is_link, standing_of
from p2plab.explain.messages import why_missing
from p2plab.explain.nats import why_ended, why_relayed, why_unreachable
from p2plab.explain.openings import why_opened
from p2plab.explain.publications import dropped, publication_of
from p2plab.typing import PeerId

__all__ = ["is_caused", "is_message", "why", "why_in_table"]

_HEX: Final = re.compile(r"(?:[0-9a-f]{2})+")


def why(log: EventLog, subject: Any) -> Chain:
    """The causes of an event, a message (as delivered, or as published), a lookup, a connection, a stream or an error,
    oldest first. Of all but most events also a sentence: why it found what it found or missed, how it stands, what went
    wrong."""
    chain = log.chain(_event_of(log, subject))
    if isinstance(subject, DialError) and subject.attempts:
        return replace(chain, answer=f"{_account(subject)}{_behind(log, chain)}")
    if hasattr(subject, "path"):
        return replace(chain, answer=f"{subject.why()}{_raised_for(log, subject)}")
    if getattr(subject, "dropped", None) is not None and is_message(log, subject):
        return why_missing(log, subject, str(chain[-1].node))
    if is_link(subject):
        return replace(chain, answer=_with(standing_of(log, events_of(log, subject)), _raised(chain)))
    if isinstance(subject, LabError):
        return replace(chain, answer=_raised(chain) or f"{str(subject).partition(chr(10))[0]}{_behind(log, chain)}")
    if isinstance(subject, Event) and subject.kind == "connection.opened":
        relayed, opened = why_relayed(log, subject), why_opened(log, subject)
        return replace(chain, answer=f"{opened}; {relayed}" if relayed else opened)
    if isinstance(subject, Event) and subject.kind == "dcutr.ended":
        return replace(chain, answer=why_ended(log, subject))
    return replace(chain, answer=_raised(chain))


def _with(sentence: str, raised: str) -> str:
    return f"{sentence}; {raised}" if raised else sentence


def _account(error: DialError) -> str:
    """Every address tried, in order, how long, and why it came to nothing."""
    lines = ["what was tried, in order:"]
    for number, (address, seconds, why) in enumerate(error.attempts, start=1):
        lines.append(f"{number}. {address} ({seconds * 1e3:.1f} ms): {why}")
    return "\n".join(lines)


def _behind(log: EventLog, chain: Chain) -> str:
    """The fault behind a dial that failed: who refused it, or what stood between the two at the time."""
    last = chain[-1]
    if last.node is None:
        return ""
    fault = refusal_of(log, last)
    if fault is None and last.peer is not None:
        fault = fault_between(log, last.node, last.peer, last.seq)
    if fault is None and last.peer is not None and last.kind == "connection.failed":
        between = why_unreachable(log, last.node, last.peer, last.seq)
        return f"\nbehind it: {between}" if between else ""
    return "" if fault is None else f"\nbehind it: {fault.reason}"


def _raised(events: Iterable[Event]) -> str:
    """What code of a user's raised, of the last of these events that says so."""
    for event in reversed(list(events)):
        if event.kind == "error" and event.data is not None:
            where = f" of {event.node}" if event.node is not None and event.node not in event.data["what"] else ""
            return f"{event.data['what']}{where} raised {event.data['type']}: {event.data['text']}"
    return ""


def _raised_for(log: EventLog, lookup: Any) -> str:
    """What validators raised in its course, here and at those that were asked."""
    errors = [event for event in log.filter(kind="error", since=lookup.started) if event.t <= lookup.ended]
    mine = (_raised([event]) for event in errors if any(cause.ref == lookup.ref for cause in log.chain(event)))
    return "".join(f"; {raised}" for raised in dict.fromkeys(mine))


def is_caused(subject: Any) -> bool:
    """Whether it is an event, a lookup, a connection, a stream or an error, whose causes can be told."""
    return isinstance(subject, (Event, LabError)) or hasattr(subject, "path") or is_link(subject)


def is_message(log: EventLog, subject: Any) -> bool:
    """Whether it is a message, or the id of one: text in hex, or one that the log knows."""
    if isinstance(subject, str) and not isinstance(subject, PeerId):
        return _HEX.fullmatch(subject) is not None or bool(log.filter(kind="pubsub.publish", ref=subject))
    return isinstance(getattr(subject, "id", None), str) and hasattr(subject, "data")


def why_in_table(log: EventLog, owner: str, peer: Any, answer: str) -> Chain:
    """How the last decision about a peer and ``owner``'s routing table came about (no events where there was none),
    with the answer of the table itself."""
    from p2plab.kademlia.shell.why_not import last_about

    named: Any = peer if isinstance(peer, PeerId) else getattr(peer, "peer_id", peer)
    last = last_about(log, owner, getattr(named, "name", None) or str(named))
    return replace(log.chain(last), answer=answer) if last is not None else Chain((), answer=answer)


def _event_of(log: EventLog, subject: Any) -> Event:
    if isinstance(subject, Event):
        return subject
    if isinstance(subject, LabError) or hasattr(subject, "path"):  # an error, or a Lookup
        event = None if subject.event is None else log.by_seq(subject.event)
        if event is None:
            raise ValidationError(f"no event of this lab records this: {str(subject)[:200]}")
        return event
    if is_link(subject):
        events = events_of(log, subject)
        if events:
            return events[-1]
        raise ValidationError(f"no event of this lab, at level {log.level}, records {subject!r}")
    if isinstance(getattr(subject, "id", None), str):
        found = _of_message(log, subject)
        if found is not None:
            return found
    raise ValidationError(
        "why takes an event, a message, a lookup, a connection, a stream or an error of this lab, and with node= a "
        f"peer, not {subject!r}"
    )


def _of_message(log: EventLog, message: Any) -> Event | None:
    """The message's delivery from the peer it came from, of several the first since it came; its publication, where it
    is the publisher's own copy, which is there before the event, and what dropped it, where it was not sent."""
    published, at = publication_of(log, message), getattr(message, "received_at", 0.0)
    if published is not None and getattr(message, "dropped", None) is not None:
        return dropped(log, published) or published
    name, topic = getattr(getattr(message, "received_from", None), "name", None), getattr(message, "topic", None)
    found = log.filter(kind="pubsub.deliver", ref=message.id, topic=topic)
    found = [event for event in found if name is not None and event.peer == name]
    if published is not None and published.node == name and at <= published.t:
        return published
    since = [event for event in found if event.t >= at]
    return min(since or found, key=lambda event: abs(event.t - at), default=published)
