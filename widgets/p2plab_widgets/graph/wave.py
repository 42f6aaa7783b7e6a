"""One message's way through the network, from the event log: who had it from whom, when, in how many hops."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from p2plab.events import EventLog
from p2plab_widgets.graph.scene import Scene

MAX_MESSAGES: Final = 40  # offered to choose from


@dataclass(frozen=True)
class Wave:
    """``arrivals``: node's index -> (seconds after the publication, hops); ``sources``: node's index -> from whom."""

    ref: str
    topic: str
    publisher: int
    started: float
    arrivals: dict[int, tuple[float, int]] = field(default_factory=dict)
    sources: dict[int, int] = field(default_factory=dict)

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


def of_message(log: EventLog, scene: Scene, ref: str, until: float | None = None) -> Wave | None:
    """The way of a message as far as it is known by then; None where the log does not know the message."""
    published = next(iter(log.filter(kind="pubsub.publish", ref=ref)), None)
    if published is None or published.node is None or (until is not None and published.t > until):
        return None
    publisher = scene.index(published.node)
    if publisher is None:
        return None
    wave = Wave(ref, published.topic or "", publisher, published.t)
    wave.arrivals[publisher] = (0.0, 0)
    for event in log.filter(kind="pubsub.deliver", ref=ref, until=until):
        node = None if event.node is None else scene.index(event.node)
        source = None if event.peer is None else scene.index(event.peer)
        if node is None or source is None or node == publisher or node in wave.arrivals:
            continue
        hops = wave.arrivals[source][1] + 1 if source in wave.arrivals else 1
        wave.arrivals[node] = (event.t - published.t, hops)
        wave.sources[node] = source
    return wave
