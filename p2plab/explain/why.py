"""``lab.why``: from a thing a user holds to the event that records it, and from there back to what caused it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from p2plab.errors import DialError, LabError, ValidationError
from p2plab.events import Chain, Event, EventLog
from p2plab.typing import PeerId

__all__ = ["peer_named", "why", "why_in_table"]


def why(log: EventLog, subject: Any) -> Chain:
    """The causes of an event, a message (as delivered, or as published), a lookup or an error, oldest first. Of a
    lookup also, in a sentence, why it found what it found or missed."""
    chain = log.chain(_event_of(log, subject))
    if isinstance(subject, DialError) and subject.attempts:
        return replace(chain, answer=_account(subject))
    return replace(chain, answer=subject.why()) if hasattr(subject, "path") else chain


def _account(error: DialError) -> str:
    """Every address tried, in order, how long, and why it came to nothing."""
    lines = ["what was tried, in order:"]
    for number, (address, seconds, why) in enumerate(error.attempts, start=1):
        lines.append(f"{number}. {address} ({seconds * 1e3:.1f} ms): {why}")
    return "\n".join(lines)


def peer_named(subject: Any) -> str | None:
    """The id of a peer given as a node, a PeerInfo or a PeerId; None for anything else."""
    named = subject if isinstance(subject, PeerId) else getattr(subject, "peer_id", None)
    return named if isinstance(named, str) else None


def why_in_table(log: EventLog, owner: str, peer: Any, answer: str) -> Chain:
    """How the last decision about a peer and ``owner``'s routing table came about (no events where there was none),
    with the answer of the table itself."""
    from p2plab.kademlia.table.absence import last_about

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
