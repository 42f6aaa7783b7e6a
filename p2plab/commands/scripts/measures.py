"""What an expectation can speak of: numbers and truths about a lab, each by its name.

They are read from the event log and from the nodes, as any user can read them. A measure that cannot be told, such as
the share of messages delivered before there was one, raises ValidationError, which is the reason the expectation fails.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from p2plab.errors import ValidationError
from p2plab.events.kinds import KINDS

if TYPE_CHECKING:
    from p2plab.api.faces.lab import LabFace

__all__ = ["MEASURES", "MeasuredLab", "ScenarioTraffic", "measure"]

_MAKES: Final = {"put": "get", "provide": "find_providers"}  # lookups that leave something for others to find
NEEDED: Final = ("messages", "all")  # recording levels that keep what delivery is measured by


@dataclass
class Sent:
    """A message: when it was published, who subscribed then, and when each of those got it (seconds)."""

    topic: str
    time: float
    wanted: frozenset[str]
    got: dict[str, float] = field(default_factory=dict)


class ScenarioTraffic:
    """What was published and delivered in a lab since this was made, or ``from_the_start``.

    Each look reads only what is new."""

    def __init__(self, lab: LabFace[Any], from_the_start: bool = False) -> None:
        self._lab = lab
        self._subscribers: dict[str, dict[str, None]] = {}
        self._read_until = -1
        self._time = 0.0
        self.sent: dict[str, Sent] = {}
        self.received: dict[tuple[str, str], int] = {}
        self.duplicates = 0
        if from_the_start:
            return
        for event in lab.events.filter(kind="pubsub"):
            self._note_subscription(event.kind, str(event.topic), str(event.node))
            self._read_until = event.seq

    def read(self) -> ScenarioTraffic:
        """Take in what has happened since the last look."""
        if self._lab.events.level not in NEEDED:
            raise ValidationError(
                f"deliveries are recorded at level 'messages'; this lab records {self._lab.events.level!r}"
            )
        for event in self._lab.events.filter(kind="pubsub", since=self._time):
            if event.seq <= self._read_until:
                continue
            self._read_until, self._time = event.seq, event.t
            topic, node, ref = str(event.topic), str(event.node), str(event.ref)
            if event.kind == "pubsub.publish":
                self.sent[ref] = Sent(topic, event.t, frozenset(self._subscribers.get(topic, ())))
            elif event.kind == "pubsub.deliver":
                self.received[node, topic] = self.received.get((node, topic), 0) + 1
                message = self.sent.get(ref)
                if message is not None and node in message.wanted:
                    message.got.setdefault(node, round(event.t - message.time, 9))
            elif event.kind == "pubsub.duplicate":
                self.duplicates += 1
            else:
                self._note_subscription(event.kind, topic, node)
        return self

    def _note_subscription(self, kind: str, topic: str, node: str) -> None:
        if kind == "pubsub.subscribe":
            self._subscribers.setdefault(topic, {})[node] = None
        elif kind == "pubsub.unsubscribe":
            self._subscribers.get(topic, {}).pop(node, None)

    def messages(self, topic: str | None) -> list[Sent]:
        """The messages to a topic, or to any. ValidationError where nobody was to get one."""
        found = [message for message in self.sent.values() if topic in (None, message.topic)]
        if not any(message.wanted for message in found):
            where = "" if topic is None else f" on {topic!r}"
            raise ValidationError(f"nothing was published{where} yet that anybody subscribed to")
        return found

    def latencies(self, topic: str | None) -> list[float]:
        """Seconds from each publication to each delivery at another node, sorted."""
        found = sorted(time for message in self.messages(topic) for time in message.got.values())
        if not found:
            raise ValidationError("nothing was delivered yet")
        return found


@dataclass
class MeasuredLab:
    """What measures are taken of: the lab, its traffic, the last command's envelope, and when the scenario began."""

    lab: LabFace[Any]
    traffic: ScenarioTraffic
    last: dict[str, Any] = field(default_factory=dict)
    start: float = 0.0


MEASURES: dict[str, Callable[..., Any]] = {}


def measure(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let expectations speak of ``function(view, *words)`` by its name, with dots for underscores."""
    MEASURES[function.__name__.rstrip("_").replace("_", ".")] = function
    return function


def take(name: str, view: MeasuredLab, words: list[str]) -> Any:
    """The value of a measure. ValidationError where there is none of that name, or the words do not fit."""
    function = MEASURES.get(name)
    if function is None:
        raise ValidationError(f"there is no measure {name[:80]!r}; there are {', '.join(sorted(MEASURES))}, result…")
    try:
        inspect.signature(function).bind(view, *words)
    except TypeError:
        raise ValidationError(f"{usage(name)} is what can be measured, not {name}({', '.join(words)})") from None
    return function(view, *words)


def usage(name: str) -> str:
    """How a measure is written: ``peers(node)``, ``delivered(topic?)``."""
    parameters = list(inspect.signature(MEASURES[name]).parameters.values())[1:]
    words = [parameter.name + ("" if parameter.default is parameter.empty else "?") for parameter in parameters]
    return f"{name}({', '.join(words)})" if words else name


@measure
def delivered(view: MeasuredLab, topic: str | None = None) -> float:
    """the share of deliveries made, of those wanted: each message at each node that subscribed when it was published"""
    messages = view.traffic.read().messages(topic)
    return sum(len(message.got) for message in messages) / sum(len(message.wanted) for message in messages)


@measure
def delivered_to(view: MeasuredLab, *nodes: str) -> float:
    """of what these nodes subscribed to when it was published, the share that reached them; ``all`` is every node"""
    names = [node.name for node in view.lab.nodes] if nodes in (("all",), ("everybody",)) else list(nodes)
    for name in names:
        _ = view.lab[name]
    wanted = got = 0
    for message in view.traffic.read().sent.values():
        here = [name for name in names if name in message.wanted]
        wanted += len(here)
        got += sum(name in message.got for name in here)
    if not wanted:
        raise ValidationError(f"nothing was published yet that {', '.join(names) or 'anybody'} subscribed to")
    return got / wanted


@measure
def recall(view: MeasuredLab) -> float:
    """of the values and providers in the DHT that lookups could have found, the share that they found"""
    there: dict[tuple[str, str], set[str]] = {}
    looks: dict[str, tuple[str, str]] = {}
    sought = found = 0
    for event in view.lab.events.filter(kind="dht", since=view.start):
        data, ref = event.data or {}, str(event.ref)
        if event.kind == "dht.lookup":
            looks[ref] = (str(data.get("kind")), str(data.get("key")))
        elif event.kind == "dht.done" and ref in looks:
            kind, key = looks.pop(ref)
            if kind in _MAKES:
                if data.get("stored"):
                    there.setdefault((_MAKES[kind], key), set()).add(str(event.node) if kind == "provide" else key)
                continue
            known = len(there.get((kind, key), ()))
            sought += known
            found += min(known, int(data.get("found", 0)))
    if not sought:
        raise ValidationError("nothing was looked for in the DHT yet that had been put or announced there")
    return found / sought


@measure
def published(view: MeasuredLab) -> int:
    """how many messages were published"""
    return len(view.traffic.read().sent)


@measure
def duplicates(view: MeasuredLab) -> int:
    """how many copies of messages arrived that were known already"""
    return view.traffic.read().duplicates


@measure
def received(view: MeasuredLab, node: str, topic: str) -> int:
    """how many messages a node received on a topic"""
    _ = view.lab[node]
    return view.traffic.read().received.get((node, topic), 0)


@measure
def latency_max(view: MeasuredLab, topic: str | None = None) -> float:
    """the longest time from a publication to a delivery, in seconds"""
    return view.traffic.read().latencies(topic)[-1]


@measure
def latency_mean(view: MeasuredLab, topic: str | None = None) -> float:
    """the mean time from a publication to a delivery, in seconds"""
    found = view.traffic.read().latencies(topic)
    return sum(found) / len(found)


def _quantile(view: MeasuredLab, topic: str | None, share: float) -> float:
    found = view.traffic.read().latencies(topic)
    return found[min(len(found) - 1, int(share * len(found)))]


@measure
def latency_p50(view: MeasuredLab, topic: str | None = None) -> float:
    """the time within which half of the deliveries were made, in seconds"""
    return _quantile(view, topic, 0.50)


@measure
def latency_p95(view: MeasuredLab, topic: str | None = None) -> float:
    """the time within which 95 in 100 deliveries were made, in seconds"""
    return _quantile(view, topic, 0.95)


@measure
def latency_p99(view: MeasuredLab, topic: str | None = None) -> float:
    """the time within which 99 in 100 deliveries were made, in seconds"""
    return _quantile(view, topic, 0.99)


@measure
def nodes(view: MeasuredLab) -> int:
    """how many nodes run"""
    return sum(node.running for node in view.lab.nodes)


@measure
def edges(view: MeasuredLab) -> int:
    """how many pairs of nodes are connected"""
    return len(view.lab.edges())


@measure
def connected(view: MeasuredLab, a: str, b: str) -> bool:
    """whether each of two nodes lists the other among its peers"""
    one, other = view.lab[a], view.lab[b]
    there = any(peer.peer_id == other.peer_id for peer in one.peers())
    return there and any(peer.peer_id == one.peer_id for peer in other.peers())


@measure
def peers(view: MeasuredLab, node: str) -> int:
    """how many peers a node is connected to"""
    return len(view.lab[node].peers())


@measure
def running(view: MeasuredLab, node: str) -> bool:
    """whether a node runs"""
    return bool(view.lab[node].running)


@measure
def mesh(view: MeasuredLab, node: str, topic: str) -> int:
    """how many peers are in a node's mesh of a topic"""
    return len(view.lab[node].mesh(topic))


@measure
def subscribers(view: MeasuredLab, node: str, topic: str) -> int:
    """how many connected peers a node knows to subscribe to a topic"""
    return len(view.lab[node].topic_peers(topic))


@measure
def events(view: MeasuredLab, kind: str) -> int:
    """how many events of a kind there were, or of a family of kinds, since the scenario began"""
    if kind not in KINDS and not any(name.startswith(f"{kind}.") for name in KINDS):
        raise ValidationError(f"no kind of event is called {kind!r}; the command event_kinds lists them")
    return len(view.lab.events.filter(kind=kind, since=view.start))


@measure
def errors(view: MeasuredLab) -> int:
    """how many handlers, validators or actions raised"""
    return len(view.lab.events.filter(kind="error", since=view.start))


@measure
def now(view: MeasuredLab) -> float:
    """seconds of lab time since the scenario began"""
    return round(view.lab.now - view.start, 9)


@measure
def success(view: MeasuredLab) -> bool:
    """whether the last command succeeded"""
    return bool(view.last.get("success"))


@measure
def error_(view: MeasuredLab) -> str:
    """the type of the last command's error, or nothing"""
    return str(view.last.get("error_type", ""))
