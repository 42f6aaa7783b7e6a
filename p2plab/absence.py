"""Why a message did not arrive somewhere, and why a peer is treated as it is: answers read from the event log.

Each looks for the nearest cause first: what the node itself did with the message, whether it was there and subscribed,
what happened to the copies sent to it, and only then whether its neighbours could have sent one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from p2plab.errors import ValidationError
from p2plab.events import Chain, Event, EventLog

__all__ = ["why_missing", "why_peer"]

MESH = ("pubsub.graft", "pubsub.graft_refused", "pubsub.prune")
JUDGED = ("pubsub.reject", "pubsub.ignore", "pubsub.drop")


def why_missing(log: EventLog, message: Any, node: str) -> Chain:
    """Why a message did not reach a node (or that it did): a sentence, and the chain of the event behind it.

    ValidationError for a message whose publication the log does not know.
    """
    ref = message if isinstance(message, str) else getattr(message, "id", None)
    published = log.filter(kind="pubsub.publish", ref=ref) if isinstance(ref, str) else []
    if not published:
        raise ValidationError(f"no publication of {message!r} is in the log, at level {log.level}")
    answer, event = _Inquiry(log, published[0]).at(node, frozenset())
    return replace(log.chain(event), answer=answer)


class _Inquiry:
    """One message, followed through the log."""

    def __init__(self, log: EventLog, published: Event) -> None:
        self.log = log
        self.published = published
        self.topic = str(published.topic)

    def at(self, node: str, asked: frozenset[str]) -> tuple[str, Event]:
        """The answer for a node, and the event that shows it."""
        for look in (self._handled, self._down, self._unsubscribed, self._lost, self._cut):
            found = look(node)
            if found is not None:
                return found
        return self._neighbours(node, asked | {node})

    def _handled(self, node: str) -> tuple[str, Event] | None:
        mine = self.log.filter(kind="pubsub", node=node, ref=self.published.ref)
        for event in mine:
            if event.kind == "pubsub.deliver":
                return f"{node} did get it, at {event.t:.4f} s from {event.peer or 'itself'}", event
        for event in mine:
            if event.kind in JUDGED and event.reason != "own message":
                return f"{node} received it and did not deliver it: {event.reason}", event
        return None

    def _down(self, node: str) -> tuple[str, Event] | None:
        last: Event | None = None
        for event in self.log.filter(kind="node", node=node):
            if event.kind in ("node.crashed", "node.stopped"):
                last = event
            elif event.kind == "node.restarted" and event.seq < self.published.seq:
                last = None
        if last is None:
            return None
        when = "had gone" if last.seq < self.published.seq else "went while the message was under way"
        return f"{node} {when}: {last.kind.split('.')[1]} at {last.t:.4f} s", last

    def _unsubscribed(self, node: str) -> tuple[str, Event] | None:
        last: Event | None = None
        for event in self.log.filter(kind="pubsub", node=node, topic=self.topic):
            if event.kind in ("pubsub.subscribe", "pubsub.unsubscribe") and event.seq < self.published.seq:
                last = event
        if last is None:
            return f"{node} did not subscribe to {self.topic!r} when it was published", self.published
        if last.kind == "pubsub.unsubscribe":
            return f"{node} had left {self.topic!r} at {last.t:.4f} s", last
        return None

    def _lost(self, node: str) -> tuple[str, Event] | None:
        for event in self.log.filter(kind="link.dropped", peer=node, since=self.published.t):
            if any(link.ref == self.published.ref for link in self.log.chain(event)):
                return f"a copy from {event.node} to {node} was lost on its way: {event.reason}", event
        return None

    def _cut(self, node: str) -> tuple[str, Event] | None:
        cuts: list[Event] = []
        for event in self.log.filter(kind="network"):
            if event.seq > self.published.seq:
                break
            if event.kind == "network.partition":
                cuts.append(event)
            elif event.kind == "network.heal":
                healed = (event.data or {}).get("groups")
                cuts = [cut for cut in cuts if healed is not None and (cut.data or {}).get("groups") != healed]
        for cut in cuts:
            groups: list[list[str]] = (cut.data or {}).get("groups", [])
            of = {name: at for at, group in enumerate(groups) for name in group}
            here, there = of.get(node), of.get(str(self.published.node))
            if here is not None and there is not None and here != there:
                return f"{node} was cut off from {self.published.node} by a partition since {cut.t:.4f} s", cut
        return None

    def _neighbours(self, node: str, asked: frozenset[str]) -> tuple[str, Event]:
        neighbours = self._connected(node)
        if not neighbours:
            return f"{node} had no connection when it was published", self._last(node, "connection") or self.published
        knew = [name for name in neighbours if self._delivered(name)]
        if knew:
            prune = self._last_decision(knew, node)
            if prune is None:
                return f"{', '.join(knew[:3])} had it and {node} in no mesh of theirs", self.published
            return (
                f"{prune.node} had it, and had pruned {node} from its mesh at {prune.t:.4f} s: {prune.reason}",
                prune,
            )
        for name in neighbours:
            if name not in asked and self._subscribes(name):
                answer, event = self.at(name, asked)
                return f"no neighbour of {node} got it; of {name}: {answer}", event
        return f"no neighbour of {node} that could have passed it on subscribes to {self.topic!r}", self.published

    def _connected(self, node: str) -> list[str]:
        peers: dict[str, int] = {}
        for event in self.log.filter(kind="connection", node=node):
            if event.seq > self.published.seq or event.peer is None:
                continue
            change = {"connection.opened": 1, "connection.closed": -1}.get(event.kind, 0)
            peers[event.peer] = peers.get(event.peer, 0) + change
        return [peer for peer, count in peers.items() if count > 0]

    def _delivered(self, node: str) -> bool:
        about = self.log.filter(kind="pubsub", node=node, ref=self.published.ref)
        return any(event.kind in ("pubsub.deliver", "pubsub.publish") for event in about)

    def _subscribes(self, node: str) -> bool:
        return bool(self.log.filter(kind="pubsub.subscribe", node=node, topic=self.topic))

    def _last_decision(self, nodes: list[str], peer: str) -> Event | None:
        prunes = [
            event
            for name in nodes
            for event in self.log.filter(kind="pubsub.prune", node=name, peer=peer, topic=self.topic)
            if event.seq < self.published.seq
        ]
        return max(prunes, key=lambda event: event.seq, default=None)

    def _last(self, node: str, kind: str) -> Event | None:
        events = self.log.filter(kind=kind, node=node)
        return events[-1] if events else None


def why_peer(
    log: EventLog, node: str, peer: str, topic: str | None, in_mesh: bool | None, score: Mapping[str, Any] | None
) -> Chain:
    """What ``node`` last decided about ``peer`` (in a topic), why, and how it stands now.

    ``in_mesh`` and ``score`` are how it stands: None where that is not known. ValidationError where the log has no
    decision about the peer.
    """
    about = log.filter(kind="pubsub", node=node, peer=peer, topic=topic)
    decided = [event for event in about if event.reason is not None and event.ref is None]
    mesh = [event for event in decided if event.kind in MESH]
    last = (mesh or decided or about or log.filter(kind="connection", node=node, peer=peer))[-1:]
    if not last:
        raise ValidationError(f"the log of this lab has nothing about {peer} at {node}")
    event = last[0]
    where = "" if topic is None else f" of {topic!r}"
    standing = "" if in_mesh is None else f"{peer} is {'' if in_mesh else 'not '}in {node}'s mesh{where}. "
    numbers = "".join(f", {key}={value}" for key, value in (event.data or {}).items())
    decision = (
        f"Last: {event.kind.split('.')[1]} at {event.t:.4f} s, because: {event.reason or 'no reason recorded'}{numbers}"
    )
    parts = ", ".join(f"{key} {value:.3g}" for key, value in (score or {}).items() if key != "score" and value)
    scored = f". Score {score.get('score', 0):.3g}{f' ({parts})' if parts else ''}" if score else ""
    return replace(log.chain(event), answer=f"{standing}{decision}{scored}")
