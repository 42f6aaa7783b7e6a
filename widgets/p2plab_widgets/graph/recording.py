"""A whole run of the graph for the HTML page: every change of the network and every copy, with its time, in records.

replay.js reads it. Nodes and topics are named once, at the beginning; a record is one of frames.py's, and ``times`` has
for each its tick after the record before. Of the traffic, where it is very much, duplicates are left out first.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Final

from p2plab.events import EventLog
from p2plab.events.state import FOLDED, Changes
from p2plab_widgets.graph.frames import CopyLook, FrameRecord, NodeLook, Tag
from p2plab_widgets.graph.scene import MAX_OUTSIDE, MAX_TOPICS, Scene

MOST_TRAFFIC: Final = 150_000  # copies and publications that are kept
_LOOKS: Final = {
    "running": NodeLook.RUNNING,
    "down": NodeLook.GONE,
    "attached": NodeLook.ATTACHED,
    "lost": NodeLook.GONE,
    "outside": NodeLook.OUTSIDE,
}
_COPIES: Final = {
    "pubsub.deliver": CopyLook.FIRST,
    "pubsub.duplicate": CopyLook.DUPLICATE,
    "pubsub.reject": CopyLook.REJECTED,
}


class Tape:
    """Writes the records of one log. ``scene`` gives numbers to names and topics, those it knows already first."""

    def __init__(self, log: EventLog, scene: Scene) -> None:
        self._log = log
        self._scene = scene
        self._numbers: dict[int, int] = {}  # the log's index -> the scene's
        self._strangers = 0
        self._records = bytearray()
        self._times: list[int] = []
        self._last = 0
        self.left_out = 0

    def node(self, index: int) -> int | None:
        """The scene's number for an index of the log; None where too many strangers were seen."""
        number = self._numbers.get(index)
        if number is None:
            name = self._log.name_of(index)
            if self._scene.index(name) is None:
                self._strangers += 1
                if self._strangers > MAX_OUTSIDE:
                    return None
                self._scene.know(name)
            number = self._numbers[index] = int(self._scene.index(name) or 0)
        return number

    def write(self, tick: int, record: FrameRecord) -> None:
        """One more record."""
        self._records += record.pack()
        self._times.append(max(0, tick - self._last))
        self._last = max(tick, self._last)

    def change(self, tick: int, change: Sequence[Any]) -> None:
        """A change of the network."""
        what = change[0]
        if what == "node":
            self._put(tick, Tag.NODE, _LOOKS[change[2]], change[1])
        elif what == "edge":
            a, b = self.node(change[1]), self.node(change[2])
            if a is not None and b is not None:
                self.write(tick, FrameRecord(Tag.EDGE, int(change[3]), a=min(a, b), b=max(a, b)))
        elif what == "topic":
            self._put(tick, Tag.TOPIC, int(change[3]), change[1], topic=self._topic(change[2]))
        elif what == "mesh":
            self._put(tick, Tag.MESH, int(change[4]), change[1], change[2], self._topic(change[3]))

    def _put(self, tick: int, tag: Tag, look: int, a: int, b: int | None = None, topic: int = 0) -> None:
        first, second = self.node(a), 0 if b is None else self.node(b)
        if first is not None and second is not None and (topic or tag is Tag.NODE):
            self.write(tick, FrameRecord(tag, look, topic, first, second))

    def _topic(self, topic: str) -> int:
        return self._scene.topic_of(topic) if len(self._scene.topics) < MAX_TOPICS else 0

    def traffic(self, row: Sequence[Any], keeps_duplicates: bool) -> None:
        """A publication or a copy."""
        tick, kind, node, peer, topic, ref = row[0], row[2], row[3], row[4], row[5], row[6]
        number = self._topic(topic) if topic is not None else 0
        message = self._scene.message_number(ref) if ref is not None else 0
        if kind == "pubsub.publish":
            where = self.node(node)
            if where is not None:
                self.write(tick, FrameRecord(Tag.PUBLISH, 0, number, where, message=message))
        elif peer >= 0 and peer != node:
            look = _COPIES[kind]
            a, b = self.node(peer), self.node(node)
            if a is None or b is None or (look is CopyLook.DUPLICATE and not keeps_duplicates):
                self.left_out += 1
            else:
                self.write(tick, FrameRecord(Tag.COPY, look, number, a, b, message))

    def whole(self) -> dict[str, Any]:
        """All of it."""
        scene = self._scene
        return {
            "nodes": [
                [label, scene.colours[i], *([key] if key != label else [])]
                for i, (label, key) in enumerate(scene.node_labels.pairs())
            ],
            "topics": [[label, *([key] if key != label else [])] for label, key in scene.topic_labels.pairs()],
            "resolution": self._log.resolution,
            "times": self._times,
            "records": base64.b64encode(bytes(self._records)).decode(),
            "left_out": self.left_out,
        }


def tape(log: EventLog, known: Sequence[str], topics: Sequence[str]) -> dict[str, Any]:
    """Every change and copy of the log. ``known`` nodes and ``topics`` keep the numbers that they have."""
    rows, first = log.rows()
    end = len(rows)
    scene = Scene({})
    for name in known:
        scene.know(name)
    for topic in topics:
        scene.topic_of(topic)
    writer = Tape(log, scene)
    changes = Changes()
    if first:
        changes = Changes(log.fold(first))
        for change in changes.whole():
            writer.change(rows[0][0] if end else 0, change)
    traffic = sum(kind in _COPIES for (kind,) in rows.scan("kind", stop=end))
    for _, row in rows.of_kinds({"pubsub.publish", *_COPIES, *FOLDED}, 0, end):
        if row[2] == "pubsub.publish" or row[2] in _COPIES:
            writer.traffic(row, keeps_duplicates=traffic <= MOST_TRAFFIC)
        else:
            for change in changes.apply(row):
                writer.change(row[0], change)
    return writer.whole()
