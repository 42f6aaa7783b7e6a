"""Why a peer is treated as it is: what a node last decided about it, on which numbers, and what led to that.

A decision on a score is told together with what brought the score there: the chain begins with the event that took the
score over the threshold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from p2plab.errors.likely import unheard
from p2plab.events import Chain, Event, EventLog
from p2plab.explain.faults import fault_between, refusal_of
from p2plab.explain.found import how_found
from p2plab.explain.nats import why_relayed, why_unreachable
from p2plab.text import rounded

__all__ = ["why_peer"]

MESH = ("pubsub.graft", "pubsub.graft_refused", "pubsub.prune")
ON_SCORES = ("negative score", "score below gossip threshold", "score below publish threshold", "graylisted")


def why_peer(
    log: EventLog, node: str, peer: str, topic: str | None, in_mesh: bool | None, score: Mapping[str, Any] | None
) -> Chain:
    """What ``node`` last decided about ``peer`` (in a topic), why, and how it stands now.

    The connection comes first, then what was decided about publish-subscribe. ``in_mesh`` and ``score`` are how it
    stands: None where that is not known.
    """
    about = log.filter(kind="pubsub", node=node, peer=peer, topic=topic)
    decided = [event for event in about if event.reason is not None and event.ref is None]
    mesh = [event for event in decided if event.kind in MESH]
    last = (mesh or decided or about)[-1:]
    where = "" if topic is None else f" of {topic!r}"
    standing = "" if in_mesh is None else f"{peer} is {'' if in_mesh else 'not '}in {node}'s mesh{where}. "
    met, of_connection = _connection(log, node, peer)
    found, _ = how_found(log, node, peer)
    met = f"{met}. {found}" if found else met
    if not last:
        nothing = "" if topic is None else f". Nothing has been decided about {peer} in {topic!r}"
        known = [] if topic is None else log.topics()
        if topic is not None and topic not in known:
            nothing = f"; {unheard(topic, known)}"
        chain = Chain(()) if of_connection is None else log.chain(of_connection)
        return replace(chain, answer=f"{standing}{met}{nothing}")
    event = last[0]
    numbers = "".join(
        f", {key}={value if isinstance(value, str) else rounded(value)}" for key, value in (event.data or {}).items()
    )
    because = "" if event.reason is None else f", because: {event.reason}"
    decision = f"Last: {event.kind.split('.')[1]} at {event.t:.4f} s{because}{numbers}"
    scored = _scored(log, node, peer, _numbers(score, topic)) if score else ""
    return replace(_with_score(log, event), answer=f"{standing}{met}. {decision}{scored}")


def _connection(log: EventLog, node: str, peer: str) -> tuple[str, Event | None]:
    """How the connection of the two stands, in words, and the event that shows it."""
    kinds = ("connection.opened", "connection.closed", "connection.failed", "connection.refused", "connection.trimmed")
    own = [event for event in log.filter(kind="connection", node=node, peer=peer) if event.kind in kinds]
    theirs = [event for event in log.filter(kind="connection", node=peer, peer=node) if event.kind in kinds[2:4]]
    events = sorted([*own, *theirs], key=lambda event: event.seq)
    fault = fault_between(log, node, peer)
    if not events:
        standing = "" if fault is None else f"; {fault.reason}"
        told = f"{node} and {peer} have never dialled each other{standing}"
        return f"{told}: {node}.connect({peer}), or {node}.diagnose({peer})", None if fault is None else fault.event
    ends = [event for event in log.filter(kind="node", node=node) if event.kind in ("node.crashed", "node.stopped")]
    opened = _still_open(sorted([*own, *ends], key=lambda event: event.seq))
    last = opened or events[-1]
    if last.kind == "connection.opened" and opened is None:
        ended = next(event for event in ends if event.seq > last.seq)
        told = f"{node} and {peer} are not connected"
        if fault is not None and fault.event.seq == ended.seq:
            return f"{told}: {fault.reason}", ended
        told, last = f"{told}: {node} {ended.kind.partition('.')[2]} at {ended.t:.4f} s", ended
    elif last.kind == "connection.opened":
        dialler = node if (last.data or {}).get("direction") != "inbound" else peer
        told = f"{node} and {peer} are connected since {last.t:.4f} s: {dialler} dialled"
        relayed = why_relayed(log, last)
        told = f"{told}, {relayed}" if relayed else told
    elif last.kind == "connection.closed":
        told = f"{node} and {peer} are not connected: closed at {last.t:.4f} s, {last.reason or 'with its node'}"
    else:
        behind = refusal_of(log, last) or fault_between(log, node, peer, last.seq)
        why = behind.reason if behind is not None else str(last.reason or "the dial came to nothing")
        dialled = peer if last.node == node else node
        between = "" if behind is not None else why_unreachable(log, str(last.node), dialled, last.seq)
        told = f"{node} and {peer} are not connected: {last.node} failed at {last.t:.4f} s, {why}"
        return (f"{told}; {between}" if between else told), last
    return (told, last) if fault is None else (f"{told}; {fault.reason}", fault.event)


def _still_open(own: list[Event]) -> Event | None:
    """When the oldest connection opened that has not closed, nor gone with its node: two nodes may have several."""
    now: dict[int, Event] = {}
    for event in own:
        number = (event.data or {}).get("connection", -1)
        if event.kind == "connection.opened":
            now[number] = event
        elif event.kind in ("node.crashed", "node.stopped"):
            now.clear()
        elif event.kind == "connection.closed":
            now.pop(number, None)
            if number < 0:  # another tool's log, which tells connections of a pair not apart
                now.clear()
    return next(iter(now.values()), None)


def _with_score(log: EventLog, event: Event) -> Chain:
    """The causes of a decision; of one on a score, behind those of the event that took the score there."""
    chain = log.chain(event)
    if event.reason not in ON_SCORES:
        return chain
    scores = log.filter(kind="pubsub.score", node=event.node, peer=event.peer)
    before = [score for score in scores if score.seq < event.seq and score.reason != "good"]
    known = {link.seq for link in chain}
    if not before or before[-1].seq in known:
        return chain
    led = log.chain(before[-1])
    return replace(chain, events=(*led.events, *chain.events), note=led.note or chain.note)


def _numbers(score: Mapping[str, Any], topic: str | None) -> dict[str, float]:
    """The score and what it is made of; py-libp2p's router tells its counters by topic."""
    of_topic = score.get("topics", {}).get(topic, {})
    return {key: value for key, value in {**score, **of_topic}.items() if isinstance(value, (int, float))}


def _scored(log: EventLog, node: str, peer: str, score: Mapping[str, float]) -> str:
    """The score, its components, and for those that count misdeeds, which."""
    told = {key: value for key, value in score.items() if value and key != "score"}
    parts = [f"{key} {rounded(value)}{_deeds(log, node, peer, key)}" for key, value in told.items()]
    made_of = f" ({', '.join(parts)})" if parts else ""
    return f". Score {rounded(score.get('score', 0))}{made_of}"


def _deeds(log: EventLog, node: str, peer: str, component: str) -> str:
    kind = {"P4": "pubsub.reject", "P7": "pubsub.penalty"}.get(component)
    found = Counter(event.reason for event in log.filter(kind=kind, node=node, peer=peer)) if kind else Counter()
    return "".join(f"{', ' if at else ': '}{count} x {reason}" for at, (reason, count) in enumerate(found.items()))
