"""Why a message did not reach a node, or that it did.

What is looked at, nearest to the node first: what the node itself did with the message, whether it was there and
subscribed, what became of the copies sent to it; then its neighbours: why one that had the message did not get it
across, or what kept it from one that would have passed it on; then their neighbours, and so on towards the publisher.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from p2plab.errors import ValidationError
from p2plab.events import Chain, Event, EventLog
from p2plab.explain.hops import NEVER, Hops
from p2plab.explain.publications import about, dropped, publication_of

__all__ = ["why_missing"]

JUDGED = ("pubsub.reject", "pubsub.ignore", "pubsub.drop")
Answer = tuple[str, Event]


def why_missing(log: EventLog, message: Any, node: str) -> Chain:
    """Why a message did not reach a node (or that it did): a sentence, and the chain of the event behind it.

    ValidationError for a message whose publication the log does not know.
    """
    published = publication_of(log, message)
    if published is None:
        raise ValidationError(f"no publication of {message!r} is in the log, at level {log.level}")
    answer, event = _MissingMessage(log, published).at(node)
    return replace(log.chain(event), answer=answer)


class _MissingMessage:
    """One message, followed through the log."""

    def __init__(self, log: EventLog, published: Event) -> None:
        self.log = log
        self.published = published
        self.topic = str(published.topic)
        self.hops = Hops(log, published)

    def at(self, node: str) -> Answer:
        """The answer for a node, and the event that shows it."""
        ignored = dropped(self.log, self.published)
        if ignored is not None:
            before = self.log.filter(kind="pubsub.publish", ref=self.published.ref)
            sent = [one for one in before if one.seq < self.published.seq and dropped(self.log, one) is None]
            told = f", at {sent[-1].t:.4f} s on {sent[-1].topic!r}" if sent else ""
            return f"{self.published.node} did not send it: a message with its id was published before{told}", ignored
        looks: tuple[Callable[[str], Answer | None], ...] = (
            self._handled,
            self._down,
            self._unsubscribed,
            self._lost,
            self._cut,
        )
        for look in looks:
            found = look(node)
            if found is not None:
                return found
        return self._upstream(node)

    def _handled(self, node: str) -> Answer | None:
        if node == self.published.node:
            kept = self.hops.kept_back()
            return kept if kept is not None else (f"{node} published it, at {self.published.t:.4f} s", self.published)
        mine = [event for event in about(self.log, self.published, "pubsub") if event.node == node]
        lost = next((event for event in mine if event.reason == "queue full"), None)
        for event in mine:
            if event.kind == "pubsub.deliver":
                told = f"{node} did get it, at {event.t:.4f} s from {event.peer or 'itself'}"
                if lost is None:
                    return told, event
                return f"{told}; its subscription's queue was full, and lost it at {lost.t:.4f} s", lost
        for event in mine:
            if event.kind in JUDGED and event.reason != "own message":
                return f"{node} received it and did not deliver it: {self.hops.verdict(event)}", event
        for event in mine:
            if event.kind == "pubsub.receive":
                return f"{node} received it at {event.t:.4f} s, and its validators have not answered yet", event
        return None

    def _down(self, node: str) -> Answer | None:
        """Gone before it was published, and not back."""
        last = self._last_before(self.log.filter(kind="node", node=node))
        if last is None or last.kind not in ("node.crashed", "node.stopped"):
            return None
        return f"{node} had gone: {last.kind.split('.')[1]} at {last.t:.4f} s", last

    def _unsubscribed(self, node: str) -> Answer | None:
        events = self.log.filter(kind="pubsub", node=node, topic=self.topic)
        own = [event for event in events if event.kind in ("pubsub.subscribe", "pubsub.unsubscribe")]
        last = self._last_before(own)
        if last is None:
            return f"{node} did not subscribe to {self.topic!r} when it was published", own[
                0
            ] if own else self.published
        if last.kind == "pubsub.unsubscribe":
            return f"{node} had left {self.topic!r} at {last.t:.4f} s", last
        back = self._last_before(self.log.filter(kind="node.restarted", node=node))
        if back is not None and back.seq > last.seq and (back.data or {}).get("state") == "lost":
            return f"{node} had lost its subscriptions, with its state, when it came back at {back.t:.4f} s", back
        return None

    def _lost(self, node: str) -> Answer | None:
        for event in self.log.filter(kind="link.dropped", peer=node, since=self.published.t):
            if self.hops.carried(event):
                return f"a copy from {event.node} to {node} was lost on its way: {event.reason}", event
        return None

    def _cut(self, node: str) -> Answer | None:
        cut = self.hops.cut(str(self.published.node), node, self.published.seq)
        if cut is None:
            return None
        return f"{node} was cut off from {self.published.node} by a partition since {cut.t:.4f} s", cut

    def _last_before(self, events: list[Event]) -> Event | None:
        return max((event for event in events if event.seq < self.published.seq), key=lambda e: e.seq, default=None)

    # -- the neighbours, and theirs

    def _upstream(self, node: str) -> Answer:
        """The nearest hops that failed, or the nearest node that kept the message from those behind it."""
        asked, layer = {node: node}, [node]
        while layer:
            following: list[str] = []
            for one in layer:
                givers = self.hops.givers(one)
                if givers:
                    giver, had = givers[0]
                    return self._told(node, one, self.hops.why(giver, one, had))
                for other in self.hops.by_nearness(one, self.hops.neighbours(one)):
                    if other not in asked and self.hops.had(other) is None and self.hops.would_pass_on(other):
                        asked[other] = one
                        following.append(other)
            for one in following:
                for look in (self._handled, self._down, self._unsubscribed, self._lost):
                    found = look(one)
                    if found is not None:
                        return self._told(node, one, found)
            layer = following
        return self._nowhere(node, asked)

    def _told(self, node: str, one: str, answer: Answer) -> Answer:
        sentence, event = answer
        return (sentence, event) if one == node else (f"no neighbour of {node} got it; of {one}: {sentence}", event)

    def _apart(self, node: str) -> Answer | None:
        """The connections that had ended before it was published, over which it would have come: on the way from a
        node that has it with the fewest of them. The sentence names what ended each, the chain is of the last."""
        best: dict[str, tuple[int, str]] = {node: (0, "")}  # by node: how many had ended, and the next on the way back
        waiting = deque([node])
        while waiting:
            one = waiting.popleft()
            if one != node and self.hops.had(one) is not None:
                return self._ended_on_the_way(one, best)
            for other in self.hops.ever_connected(one):
                ended = self.hops.ended(one, other) is not None
                if not ended and other not in self.hops.neighbours(one):
                    continue
                cost = best[one][0] + ended
                if self.hops.would_pass_on(other) and cost < best.get(other, (NEVER, ""))[0]:
                    best[other] = cost, one
                    (waiting.append if ended else waiting.appendleft)(other)
        return None

    def _ended_on_the_way(self, giver: str, best: dict[str, tuple[int, str]]) -> Answer | None:
        found: dict[int, Answer] = {}  # by the event that all of it began with: a crash ends many connections
        one = giver
        while best[one][1]:
            one, other = best[one][1], one
            ended = self.hops.ended(one, other)
            if ended is not None:
                found.setdefault(self.log.chain(ended[1])[0].seq, ended)
        told = sorted(found.values(), key=lambda answer: answer[1].seq)
        return ("; ".join(sentence for sentence, _ in told), told[-1][1]) if told else None

    def _nowhere(self, node: str, asked: dict[str, str]) -> Answer:
        """No way for it to come: whom it could have come by does not subscribe, or is not connected."""
        apart = self._apart(node)
        if apart is not None:
            alone = not self.hops.neighbours(node, self.published.seq)
            no_way = f"there was no way from {self.published.node} to {node}"
            told = f"{node} had no connection when it was published" if alone else no_way
            return f"{told}: {apart[0]}", apart[1]
        for one in asked:
            for other in self.hops.neighbours(one):
                had = self.hops.had(other)
                if had is not None:
                    met = self.log.filter(kind="connection.opened", node=other, peer=one)[-1]
                    told = f"{other} had it at {had.t:.4f} s, before it was connected to {one}, at {met.t:.4f} s"
                    return self._told(node, one, (told, met))
        for one in asked:
            others = [other for other in self.hops.neighbours(one) if other not in asked]
            if others:
                left = self.log.filter(kind="pubsub.unsubscribe", node=others[0], topic=self.topic)
                who = f"{others[0]}, a neighbour of {one}, does not subscribe to {self.topic!r}"
                return (
                    f"no neighbour of {node} that could have passed it on subscribes to {self.topic!r}: {who}",
                    left[-1] if left else self.published,
                )
        if len(asked) == 1:
            gone = self.log.filter(kind="connection.closed", node=node)
            return f"{node} had no connection when it was published", gone[-1] if gone else self.published
        publisher = str(self.published.node)
        gone = self.log.filter(kind="connection.closed", node=publisher)
        return (
            f"there was no way from {publisher} to {node}: none of {', '.join(list(asked)[:4])} is connected to a node "
            f"that got it",
            gone[-1] if gone else self.published,
        )
