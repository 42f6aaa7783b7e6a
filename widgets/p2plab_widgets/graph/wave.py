"""One message's way through the network, from the event log: who had it from whom, when, in how many hops."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from p2plab.events import EventLog
from p2plab_widgets.graph.scene import Scene

MAX_MESSAGES: Final = 40  # offered to choose from
KEPT: Final = 8  # newest messages whose deliveries are kept at hand

Row = Any  # a log's row: tick, number, kind, node, peer, topic, message, ...


@dataclass(frozen=True)
class Wave:
    """``arrivals``: node's index -> (seconds after the publication, hops); ``sources``: node's index -> from whom."""

    ref: str
    topic: str
    publisher: int
    started: float
    arrivals: dict[int, tuple[float, int]] = field(default_factory=dict)
    sources: dict[int, int] = field(default_factory=dict)

    def take(self, node: int, source: int, t: float) -> None:
        """A node has it from another at a time; who had it before keeps its first."""
        if node != self.publisher and node not in self.arrivals:
            hops = self.arrivals[source][1] + 1 if source in self.arrivals else 1
            self.arrivals[node] = (t - self.started, hops)
            self.sources[node] = source

    def as_content(self, scene: Scene) -> dict[str, Any]:
        """For the browser: a number for each node of the scene, of whom it had it from (-1: it has none) and when."""
        count = range(len(scene.names))
        return {
            "number": scene.message_number(self.ref),
            "ref": self.ref[-8:],
            "topic": scene.topic_of(self.topic),
            "publisher": self.publisher,
            "from": [self.sources.get(i, -1) for i in count],
            "at": [round(self.arrivals.get(i, (0.0, 0))[0], 4) for i in count],
        }


def newest(log: EventLog, topic: str | None = None, until: float | None = None) -> str | None:
    """The id of the last message that was published, of a topic or of any."""
    published = log.filter(kind="pubsub.publish", topic=topic, until=until)
    return next((event.ref for event in reversed(published) if event.ref is not None), None)


def listed(log: EventLog, topic: str | None = None) -> list[tuple[str, str, float, str]]:
    """The newest messages, the last first: (id, topic, seconds, publisher)."""
    published = log.filter(kind="pubsub.publish", topic=topic)[-MAX_MESSAGES:]
    return [
        (event.ref, event.topic or "", event.t, event.node)
        for event in reversed(published)
        if event.ref is not None and event.node is not None
    ]


def _begun(log: EventLog, scene: Scene, ref: str, until: float | None = None) -> Wave | None:
    """The way of a message as it was published; None where the log does not know the message by then."""
    published = next(iter(log.filter(kind="pubsub.publish", ref=ref)), None)
    if published is None or published.node is None or (until is not None and published.t > until):
        return None
    publisher = scene.index(published.node)
    if publisher is None:
        return None
    wave = Wave(ref, published.topic or "", publisher, published.t)
    wave.arrivals[publisher] = (0.0, 0)
    return wave


def of_message(log: EventLog, scene: Scene, ref: str, until: float | None = None) -> Wave | None:
    """The way of a message as far as it is known by then; None where the log does not know the message."""
    wave = _begun(log, scene, ref, until)
    if wave is None:
        return None
    for event in log.filter(kind="pubsub.deliver", ref=ref, until=until):
        node = None if event.node is None else scene.index(event.node)
        source = None if event.peer is None else scene.index(event.peer)
        if node is not None and source is not None:
            wave.take(node, source, event.t)
    return wave


class MessageWaves:
    """What was published lately, and the way of the message that is looked at, read from a log as it grows: each row
    once, however often somebody looks."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._done = 0
        self._newest: dict[str | None, deque[tuple[str, str, float, str]]] = {}  # topic, None for all
        # Of the newest messages and the one that is looked at, the rows that tell of their deliveries.
        self._delivered: dict[str, list[Row]] = {}
        self._wave: Wave | None = None
        self._scene: Scene | None = None
        self._taken = 0  # rows of it that are in the wave

    def update(self) -> None:
        """Take in what has been recorded since."""
        rows, dropped = self._log.rows()
        start, end = max(self._done - dropped, 0), len(rows)
        since: dict[str, int] = {}  # message -> where it was published, among these rows
        for place, row in rows.of_kinds(("pubsub.publish",), start, end):
            if row[6] is not None and row[3] >= 0:
                self._publication(row)
                since[row[6]] = place
        delivered = self._delivered
        first = min((since.get(ref, start) for ref in delivered), default=end)  # of the rows before, none is asked for
        for place, row in rows.of_kinds(("pubsub.deliver",), first, end):
            ref = row[6] or ""
            way = delivered.get(ref)
            if way is not None and place >= since.get(ref, start):
                way.append(row)
        self._done = dropped + end
        if self._wave is not None:
            self._follow(self._wave)

    def _publication(self, row: Row) -> None:
        said = (row[6], row[5] or "", row[0] / self._log.resolution, self._log.name_of(row[3]))
        for topic in (row[5], None):
            self._newest.setdefault(topic, deque(maxlen=MAX_MESSAGES)).append(said)
        self._delivered[row[6]] = []
        looked_at = "" if self._wave is None else self._wave.ref
        for ref in [ref for ref in self._delivered if ref != looked_at][:-KEPT]:
            del self._delivered[ref]

    def _follow(self, wave: Wave) -> None:
        """Put into the wave what is known of it by now, up to a node that the scene does not know yet."""
        assert self._scene is not None
        rows, index, name_of = self._delivered[wave.ref], self._scene.index, self._log.name_of
        while self._taken < len(rows):
            row = rows[self._taken]
            if row[3] >= 0 and row[4] >= 0:  # else it is the publisher's own
                node, source = index(name_of(row[3])), index(name_of(row[4]))
                if node is None or source is None:
                    return
                wave.take(node, source, row[0] / self._log.resolution)
            self._taken += 1

    def newest(self, topic: str | None = None) -> str | None:
        """The id of the last message that was published, of a topic or of any."""
        known = self._newest.get(topic)
        return known[-1][0] if known else None

    def listed(self, topic: str | None = None) -> list[tuple[str, str, float, str]]:
        """The newest messages, the last first: (id, topic, seconds, publisher)."""
        return list(reversed(self._newest.get(topic, ())))

    def wave(self, scene: Scene, ref: str) -> Wave | None:
        """The way of a message as far as it is known; None where the log does not know the message."""
        if self._wave is None or self._wave.ref != ref or self._scene is not scene:
            self._scene, self._taken = scene, 0
            self._wave = _begun(self._log, scene, ref)
            if self._wave is not None:
                if ref not in self._delivered:
                    rows, dropped = self._log.rows()
                    before = rows.of_kinds(("pubsub.deliver",), 0, max(self._done - dropped, 0))
                    self._delivered[ref] = [row for _, row in before if row[6] == ref]
                self._follow(self._wave)
        return self._wave


def what_came(before: dict[str, Any], wave: dict[str, Any]) -> dict[str, Any] | None:
    """The nodes that a way has gained: ``more`` is a flat list of node, whence, when. None where it is another way, or
    the same. Both as ``Wave.as_content`` has them."""
    names = ("number", "ref", "topic", "publisher")
    if not before or any(before.get(name) != wave.get(name) for name in names):
        return None
    sources, others = wave["from"], before["from"]
    if len(sources) != len(others):
        return None
    came = [i for i, source in enumerate(sources) if source != others[i]]
    return {"number": wave["number"], "more": [value for i in came for value in (i, sources[i], wave["at"][i])]}
