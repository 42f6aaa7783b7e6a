"""The layers of publish-subscribe: the protocol, topics, signing, sizes, validators, what is known of subscriptions,
meshes, scores and backoffs.

It reads what the nodes' routers know and what the event log says became of messages; it asks nobody, and changes
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors.likely import likely
from p2plab.events import Event, EventLog
from p2plab.explain.diagnosis.answer import Diagnosis

__all__ = ["PubsubSide", "TopicLayers", "new_side", "outside_side"]

PUBSUB = ("/meshsub/", "/floodsub/")
JUDGED = ("pubsub.deliver", "pubsub.reject", "pubsub.ignore")
DECIDED = ("pubsub.graft", "pubsub.graft_refused", "pubsub.prune")
OF_BACKOFF = ("backoff", "explicit peer")
SIGNATURES = ("bad signature", "missing signature", "unexpected signature")


@dataclass(frozen=True, slots=True)
class PubsubSide:
    """One of the two nodes, as far as it can be looked into: a node outside the lab is known by what it announced.

    ``logged``: what the log calls it; ``outside``: it is no node of the lab. ``limit``: bytes of an RPC that it takes.
    ``heard(topic)``: whether it knows that the other one subscribes; None where nobody can tell.
    """

    name: str
    logged: str
    outside: bool
    topics: tuple[str, ...]
    policy: str | None
    limit: int | None
    heard: Callable[[str], bool | None]
    in_mesh: Callable[[str], bool | None]
    mesh_size: Callable[[str], int]
    backoff: Callable[[str], float]
    score: float
    thresholds: Any
    params: Any


def outside_side(log: EventLog, name: str, logged: str, hearer: str, limit: int | None) -> PubsubSide:
    """A node outside the lab, as far as ``hearer`` has been told. ``limit``: what its implementation takes at most,
    unless it was told otherwise."""
    topics = tuple(_announced(log, hearer, logged))
    return PubsubSide(
        name,
        logged,
        True,
        topics,
        None,
        limit,
        lambda _: None,
        lambda _: None,
        lambda _: 0,
        lambda _: 0.0,
        0.0,
        None,
        None,
    )


def new_side(host: Any, peer: int) -> PubsubSide:
    """What a node of the lab knows of the other one, which is ``peer`` in the log."""
    pubsub = host.node_pubsub
    manager = getattr(pubsub, "manager", None)
    router = getattr(manager, "router", None)
    backoff, scores = getattr(router, "backoff", None), getattr(router, "scores", None)

    def waits(topic: str) -> float:
        if backoff is None:
            return 0.0
        return float(max(0, backoff.end(topic, peer) - host.world.runtime.ticks()) / TICKS_PER_SECOND)

    has_meshes = hasattr(router, "meshes")
    return PubsubSide(
        host.name,
        host.name,
        False,
        tuple(host.topics()),
        getattr(manager, "policy", None),
        getattr(manager, "max_message_size", None),
        lambda topic: peer in pubsub.topic_peers(topic),
        (lambda topic: peer in pubsub.mesh(topic)) if has_meshes else (lambda _: None),
        lambda topic: len(pubsub.mesh(topic)),
        waits,
        float((pubsub.scores() if host.running else {}).get(peer, {}).get("score", 0.0)),
        getattr(scores, "params", None),
        getattr(router, "params", None) if has_meshes else None,
    )


def _subscribe(side: PubsubSide, topic: str) -> str:
    return f"have {side.name} subscribe to {topic!r}" if side.outside else f"{side.name}.subscribe({topic!r})"


def _announced(log: EventLog, hearer: str, speaker: str) -> dict[str, None]:
    """The topics of a node outside, by what it told."""
    topics: dict[str, None] = {}
    for event in log.filter(kind="pubsub", node=hearer, peer=speaker):
        if event.topic is not None and event.kind == "pubsub.peer_subscribed":
            topics[event.topic] = None
        elif event.topic is not None and event.kind == "pubsub.peer_unsubscribed":
            topics.pop(event.topic, None)
    return topics


class TopicLayers:
    """Two sides, a topic that was named or all that are in play, and the log."""

    def __init__(self, log: EventLog, a: PubsubSide, b: PubsubSide, topic: str | None) -> None:
        self.log = log
        self.a = a
        self.b = b
        self.topic = topic

    def _published(self, name: str) -> list[str]:
        events = self.log.filter(kind="pubsub.publish", node=name)
        return list(dict.fromkeys(event.topic for event in events if event.topic is not None))

    def in_play(self) -> bool:
        """Whether there is anything of publish-subscribe to look at."""
        return self.topic is not None or bool(self._wanted(self.a) and self._wanted(self.b))

    def _wanted(self, side: PubsubSide) -> list[str]:
        return list(dict.fromkeys((*side.topics, *self._published(side.logged))))

    def shared(self) -> list[str]:
        """The topics that messages could cross on: one publishes or subscribes, the other one subscribes."""
        if self.topic is not None:
            return [self.topic]
        a, b = self._wanted(self.a), self._wanted(self.b)
        return [topic for topic in a if topic in b and (topic in self.a.topics or topic in self.b.topics)]

    def layers(self, protocols: tuple[Sequence[str], Sequence[str]] | None) -> Iterator[Diagnosis | None]:
        """The layers in order; None for one in which nothing is wrong. ``protocols``: what either side answers."""
        if protocols is not None:
            yield self._protocol(*protocols)
        yield self._spelling()
        yield self._policy()
        yield self._verdict()
        yield self._sizes()
        yield self._cut_off()
        yield self._heard()
        yield self._score()
        yield self._mesh()

    def refuses(self) -> bool:
        """Whether something plainer than a subscription on its way keeps the two apart."""
        found = (self._spelling(), self._policy(), self._verdict(), self._sizes())
        return any(one is not None for one in found) or self._ignores(self.a) or self._ignores(self.b)

    @staticmethod
    def _ignores(side: PubsubSide) -> bool:
        """Whether it reads nothing of the other, subscriptions included: that one is below the graylist threshold."""
        return side.thresholds is not None and side.score < float(side.thresholds.graylist_threshold)

    def _protocol(self, mine: Sequence[str], theirs: Sequence[str]) -> Diagnosis | None:
        ours = [name for name in mine if name.startswith(PUBSUB)]
        others = [name for name in theirs if name.startswith(PUBSUB)]
        if not ours or set(ours) & set(others):
            return None
        said = ", ".join(others) or "no pubsub protocol at all"
        return Diagnosis(
            "pubsub protocol",
            f"{self.a.name} speaks {', '.join(ours)}, and {self.b.name} {said}: they have none in common",
            remedy="run the same router on both, or one that speaks an older version too",
        )

    def _spelling(self) -> Diagnosis | None:
        a, b = self.a, self.b
        if self.topic is not None:
            for side, other in ((b, a), (a, b)):
                if self.topic not in side.topics and (side is b or self.topic not in self._published(side.logged)):
                    return self._not_subscribed(side, other, self.topic)
            return None
        shared = self.shared()
        for one, other in ((a, b), (b, a)):
            for topic in self._wanted(one):
                if topic in shared or topic in other.topics:
                    continue
                near = likely(topic, [name for name in other.topics if name not in self._wanted(one)])
                if near is not None:
                    return self._not_subscribed(other, one, topic)
        if not shared:
            mine, theirs = ", ".join(map(repr, self._wanted(a)[:6])), ", ".join(map(repr, b.topics[:6])) or "no topic"
            reason = f"{a.name} is about {mine}, and {b.name} subscribes to {theirs}: no topic in common"
            return Diagnosis("topic", reason, remedy=_subscribe(b, self._wanted(a)[0]))
        return None

    def _not_subscribed(self, side: PubsubSide, other: PubsubSide, topic: str) -> Diagnosis:
        near = likely(topic, [name for name in side.topics if name != topic])
        if near is not None:
            reason = (
                f"{side.name} does not subscribe to {topic!r} but to {near!r}: two topics, since case and spaces count"
            )
            remedy = f"use one spelling on both: {near!r} or {topic!r}"
            return Diagnosis("topic", reason, remedy=remedy)
        known = ", ".join(map(repr, side.topics[:6])) or "no topic"
        reason = f"{side.name} does not subscribe to {topic!r}; it subscribes to {known}"
        return Diagnosis("topic", reason, remedy=_subscribe(side, topic))

    def _policy(self) -> Diagnosis | None:
        a, b = self.a, self.b
        if a.policy is None or b.policy is None or a.policy == b.policy:
            return None
        return Diagnosis(
            "signing policy",
            f"{a.name} goes by {a.policy} and {b.name} by {b.policy}: each refuses the other's messages",
            remedy="give both the same signing=: 'StrictSign' (the specs' default) or 'StrictNoSign'",
        )

    def _verdicts(self) -> Iterator[tuple[PubsubSide, PubsubSide, Event]]:
        """The last that was said of a message which came straight from the other one, by topic."""
        for giver, taker in ((self.a, self.b), (self.b, self.a)):
            for topic in self.shared():
                events = self.log.filter(kind="pubsub", node=taker.logged, peer=giver.logged, topic=topic)
                judged = [event for event in events if event.kind in JUDGED]
                if judged:
                    yield giver, taker, judged[-1]

    def _verdict(self) -> Diagnosis | None:
        for giver, taker, last in self._verdicts():
            reason, where = str(last.reason), f"{taker.name} refused the last message of {giver.name} on {last.topic!r}"
            if reason in SIGNATURES:
                return Diagnosis(
                    "signing policy",
                    f"{where}: {reason}",
                    (str(last),),
                    "give both the same signing=, and look whether the message is changed on its way",
                )
            if reason == "too large":
                return self._too_large(giver, taker, last.size, str(last))
            if reason.startswith("validator"):
                told = self._told(last)
                remedy = f"change the validator of {taker.name}, or what {giver.name} publishes"
                return Diagnosis("validator", f"{where}: {told}", (str(last),), remedy)
        return None

    def _told(self, last: Event) -> str:
        raised = None if last.cause is None else self.log.by_seq(last.cause)
        if last.reason == "validator raised" and raised is not None and raised.kind == "error":
            data = raised.data or {}
            return f"its validator raised {data.get('type')}: {data.get('text')}"
        return f"its {last.reason}"

    def _too_large(self, giver: PubsubSide, taker: PubsubSide, size: int | None, seen: str) -> Diagnosis:
        unless = " unless it was told otherwise" if taker.outside else ""
        limit = "" if taker.limit is None else f", and {taker.name} takes {taker.limit:,} at most{unless}"
        return Diagnosis(
            "message size",
            f"the last message of {giver.name} has {size or 0:,} bytes{limit}",
            (seen,),
            f"send less at once, or give {taker.name} a larger max_message_size",
        )

    def _sizes(self) -> Diagnosis | None:
        """A message that was sent, and is over the other's limit."""
        for giver, taker in ((self.a, self.b), (self.b, self.a)):
            if taker.limit is None:
                continue
            for topic in self.shared():
                published = self.log.filter(kind="pubsub.publish", node=giver.logged, topic=topic)
                if published and (published[-1].size or 0) > taker.limit:
                    return self._too_large(giver, taker, published[-1].size, str(published[-1]))
        return None

    def _cut_off(self) -> Diagnosis | None:
        """What one sent was over the other's limit, which broke the stream: no topic is on record for it."""
        for giver, taker in ((self.a, self.b), (self.b, self.a)):
            events = self.log.filter(kind="pubsub", node=taker.logged, peer=giver.logged)
            judged = [event for event in events if event.kind in JUDGED or event.kind == "pubsub.violation"]
            if judged and judged[-1].kind == "pubsub.violation" and judged[-1].reason == "too large":
                text = (judged[-1].data or {}).get("text", "")
                return Diagnosis(
                    "message size",
                    f"{taker.name} takes {taker.limit or 0:,} bytes at most, and {giver.name} sent more: {text}",
                    (str(judged[-1]),),
                    f"have {giver.name} send less at once, or give {taker.name} a larger max_message_size",
                )
        return None

    def _heard(self) -> Diagnosis | None:
        for hearer, speaker in ((self.a, self.b), (self.b, self.a)):
            for topic in self.shared():
                if topic in speaker.topics and hearer.heard(topic) is False and not self._ignores(hearer):
                    return self.unheard(hearer.name, speaker.name, topic)
        return None

    @staticmethod
    def unheard(hearer: str, speaker: str, topic: str) -> Diagnosis:
        """The layer of a subscription that has not been heard of."""
        return Diagnosis(
            "subscription",
            f"{hearer} has not heard yet that {speaker} subscribes to {topic!r}: what it publishes before goes nowhere",
            remedy=f"wait until {speaker} is in {hearer}.topic_peers({topic!r}), then publish",
        )

    def _score(self) -> Diagnosis | None:
        if not self.shared():
            return None
        for one, other in ((self.a, self.b), (self.b, self.a)):
            if one.score >= 0 or one.thresholds is None:
                continue
            below = [
                f"its {name.replace('_', ' ')} of {value:g}, so {effect}"
                for name, effect in (
                    ("graylist_threshold", "whatever it sends goes unread"),
                    ("publish_threshold", "it is sent no message of the node's own"),
                    ("gossip_threshold", "no gossip is exchanged with it"),
                )
                if one.score < (value := getattr(one.thresholds, name))
            ]
            where = f"below {below[0]}" if below else "below zero, so it is in no mesh"
            reason = f"{one.name} scores {other.name} at {one.score:.4g}, {where}"
            remedy = f"{one.name}.why({other.name}) says what brought the score there; mend that, and it decays"
            return Diagnosis("score", reason, remedy=remedy)
        return None

    def _mesh(self) -> Diagnosis | None:
        for one, other in ((self.a, self.b), (self.b, self.a)):
            for topic in self.shared():
                if topic not in one.topics or one.in_mesh(topic) is not False or one.heard(topic) is not True:
                    continue
                if one.params is None or one.mesh_size(topic) >= one.params.D_low:
                    continue
                refused = self._refusal(other, one, topic) or self._refusal(one, other, topic)
                if refused is not None:
                    return refused
                wait = one.backoff(topic)
                if wait > 0:
                    return Diagnosis(
                        "backoff",
                        f"{one.name} may not graft {other.name} on {topic!r} for another {wait:.1f} s, after a PRUNE",
                        self._last_of(one.logged, other.logged, topic),
                        f"wait {wait:.0f} s, or subscribe later after leaving; gossip still carries messages",
                    )
        return None

    def _refusal(self, one: PubsubSide, other: PubsubSide, topic: str) -> Diagnosis | None:
        """The GRAFT of the other's that the first did not follow, where that is the last it decided about it and not
        a backoff, which says for how long."""
        decided = [
            event
            for event in self.log.filter(kind="pubsub", node=one.logged, peer=other.logged, topic=topic)
            if event.kind in DECIDED
        ]
        if not decided or decided[-1].kind != "pubsub.graft_refused" or decided[-1].reason in OF_BACKOFF:
            return None
        last = decided[-1]
        numbers = "".join(f", {key} {value}" for key, value in (last.data or {}).items())
        return Diagnosis(
            "mesh",
            f"{one.name} did not take {other.name} into its mesh of {topic!r}: {last.reason}{numbers}",
            (str(last),),
            f"give {one.name} a higher D_high, or {other.name} more peers; gossip still carries messages",
        )

    def _last_of(self, name: str, peer: str, topic: str) -> tuple[str, ...]:
        events = self.log.filter(kind="pubsub", node=name, peer=peer, topic=topic)
        return tuple(str(event) for event in [event for event in events if event.kind in DECIDED][-1:])
