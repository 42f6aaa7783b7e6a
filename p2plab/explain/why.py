"""``lab.why``: from a thing a user holds to the event that records it, and from there back to what caused it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from p2plab.errors import DialError, LabError, ValidationError
from p2plab.events import Chain, Event, EventLog
from p2plab.explain.faults import fault_between, refusal_of
from p2plab.explain.openings import why_opened
from p2plab.typing import PeerId

__all__ = ["is_caused", "is_message", "why", "why_in_table"]

_HEX: Final = re.compile(r"(?:[0-9a-f]{2})+")


def why(log: EventLog, subject: Any) -> Chain:
    """The causes of an event, a message (as delivered, or as published), a lookup or an error, oldest first. Of a
    lookup also, in a sentence, why it found what it found or missed."""
    chain = log.chain(_event_of(log, subject))
    if isinstance(subject, DialError) and subject.attempts:
        return replace(chain, answer=f"{_account(subject)}{_behind(log, chain)}")
    if hasattr(subject, "path"):
        return replace(chain, answer=subject.why())
    opened = isinstance(subject, Event) and subject.kind == "connection.opened"
    return replace(chain, answer=why_opened(log, subject)) if opened else chain


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
    return "" if fault is None else f"\nbehind it: {fault.reason}"


def is_caused(subject: Any) -> bool:
    """Whether it is an event, a lookup or an error, whose causes can be told."""
    return isinstance(subject, (Event, LabError)) or hasattr(subject, "path")


def is_message(log: EventLog, subject: Any) -> bool:
    """Whether it is a message, or the id of one: text in hex, or one that the log knows."""
    if isinstance(subject, str) and not isinstance(subject, PeerId):
        return _HEX.fullmatch(subject) is not None or bool(log.filter(kind="pubsub.publish", ref=subject))
    return isinstance(getattr(subject, "id", None), str) and hasattr(subject, "data")


def why_in_table(log: EventLog, owner: str, peer: Any, answer: str) -> Chain:
    """How the last decision about a peer and ``owner``'s routing table came about (no events where there was none),
    with the answer of the table itself."""
    from p2plab.kademlia.table.why_not import last_about

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
    ref = getattr(subject, "id", None)
    if isinstance(ref, str):
        found = _of_message(log, ref, getattr(subject, "received_from", None), getattr(subject, "received_at", 0.0))
        if found is not None:
            return found
    raise ValidationError(f"why takes an event, a message, a lookup or an error of this lab, not {subject!r}")


def _of_message(log: EventLog, ref: str, received_from: Any, received_at: float) -> Event | None:
    """The message's delivery from that peer, of several the one at that time; its publication, where it is the
    publisher's own copy."""
    about = [
        event for event in log.filter(kind="pubsub", ref=ref) if event.kind in ("pubsub.publish", "pubsub.deliver")
    ]
    name = getattr(received_from, "name", None)
    from_it = [event for event in about if event.kind == "pubsub.deliver" and name is not None and event.peer == name]
    if from_it:
        return min(from_it, key=lambda event: abs(event.t - received_at))
    return about[0] if about else None
