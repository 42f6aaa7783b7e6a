"""What the graph shows, built from the event log: it is given events, and answers with the records of what changed.

Rules it lives by:
- Indices of nodes and numbers of topics are given once and never change.
- Applying an event twice is harmless, so the first look at the lab may overlap with the first events.
- An edge is there while at least one of its two ends holds the connection open.
- Nobody else's state is read here; who calls sees to it that one thread at a time does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from p2plab.events import Event, EventLog
from p2plab_widgets.graph.frames import RECORD, CopyLook, FrameRecord, NodeLook, Tag
from p2plab_widgets.graph.kinds import COPIES, MESH
from p2plab_widgets.graph.palette import colour_of
from p2plab_widgets.text import Labels

MAX_TOPICS: Final = 0xFFFF  # a topic's number has 16 bits
MAX_MESSAGES: Final = 4096  # message ids remembered, the oldest go first
MAX_OUTSIDE: Final = 1000  # peers shown that are not the lab's own

Row = Any  # a log's row: tick, number, kind, node, peer, topic, message, ...


class Scene:
    """The nodes, edges, topics and traffic of one picture. ``counts`` is the event log's."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        self._counts = counts
        self.names: list[str] = []
        self.colours: list[str] = []
        self.looks: list[NodeLook] = []
        self.topics: list[str] = []
        self.node_labels = Labels()
        self.topic_labels = Labels()
        self.subscribers: dict[int, dict[int, None]] = {}  # topic's number -> indices
        self.meshes: dict[int, dict[tuple[int, int], None]] = {}  # topic's number -> (whose, with whom)
        self.version = 0
        self.t: float | None = None
        self._index_of: dict[str, int] = {}
        self._numbers: dict[int, int] = {}  # a log's index -> ours
        self._topic_of: dict[str, int] = {}
        self._ends: dict[tuple[int, int], list[bool]] = {}  # (a, b) with a < b -> open at a, open at b
        self._links: list[dict[int, None]] = []  # index -> indices it has an edge with
        # Nodes that stopped or crashed: what a stack says while it ends makes nothing, as in events.state. GONE is also
        # the look of a node that was not heard of yet.
        self._gone: set[str] = set()
        self._outside = 0
        self._messages: dict[str, int] = {}
        self._next_message = 1
        self._changes = bytearray()
        self._traffic = bytearray()
        self._touched = False
        self._base = (0, 0, 0)  # version, nodes and topics at the last frame

    # -- what is there

    def edges(self) -> list[tuple[int, int]]:
        """Pairs of indices, sorted, the smaller first."""
        return sorted(self._ends)

    def index(self, name: str) -> int | None:
        return self._index_of.get(name)

    def shown_nodes(self) -> list[int]:
        """The indices of nodes that are drawn: those that run, and outsiders that are connected."""
        return [i for i, look in enumerate(self.looks) if look is not NodeLook.OUTSIDE or self._links[i]]

    def topic_number(self, key: str) -> int:
        """From 1 on; 0 for a topic that has not been seen. ``key`` is text.key_of of the topic."""
        at = self.topic_labels.index(key)
        return 0 if at is None else at + 1

    def node_with_key(self, key: str) -> int | None:
        """The index of the node whose name has this key."""
        return self.node_labels.index(key)

    def topic_of(self, topic: str) -> int:
        """The number of a topic that somebody spoke about."""
        return self._topic(topic)

    def message_number(self, ref: str) -> int:
        """The number that stands for a message id in the records."""
        return self._message(ref)

    @property
    def busy(self) -> bool:
        """Whether there is traffic that no frame has shown yet."""
        return bool(self._traffic)

    def touch(self) -> None:
        """Have the next frame be sent though neither structure nor traffic has changed."""
        self._touched = True

    @property
    def restructured(self) -> bool:
        """Whether the structure has changed since the last frame."""
        return bool(self._changes) or self._touched or len(self.topics) > self._base[2]

    def degree(self, index: int) -> int:
        """How many nodes it has an edge with."""
        return len(self._links[index])

    def neighbours(self, index: int) -> list[str]:
        """Names, in the order of their indices."""
        return [self.names[other] for other in sorted(self._links[index])]

    # -- the first look

    def begin(
        self,
        nodes: Iterable[tuple[str, bool]],
        edges: Iterable[tuple[str, str]],
        topics: Iterable[tuple[str, str]],
        attached: Iterable[tuple[str, bool]] = (),
    ) -> None:
        """Take over what a lab holds: (name, runs), (name, name), (node's name, topic); of what is attached to it,
        (name, answers)."""
        for name, answers in attached:
            self._set_node(self._node(name), NodeLook.ATTACHED if answers else NodeLook.GONE)
        for name, runs in nodes:
            self._set_node(self._node(name), NodeLook.RUNNING if runs else NodeLook.GONE)
            (self._gone.discard if runs else self._gone.add)(name)
        for a, b in edges:
            self._set_end(a, b, True)
            self._set_end(b, a, True)
        for name, topic in topics:
            self._set_topic(name, topic, True)

    def know(self, name: str) -> None:
        """Give a name its number; whoever has it is not shown until something else is said of it."""
        if name not in self._index_of:
            self._outside += 1
            self._add(name, NodeLook.OUTSIDE)

    def put_in_mesh(self, name: str, peer: str, topic: str) -> None:
        """Have ``peer`` in the mesh that ``name`` has for the topic."""
        self._set_mesh(name, peer, topic, True)

    # -- events

    def apply(self, event: Event) -> None:
        """Take into account an event of the kinds above; others, and rows without a node, change nothing."""
        if event.node is None:
            return
        self.t = event.t
        kind = event.kind
        if kind in COPIES:
            self._copy(event, COPIES[kind])
        elif kind == "pubsub.publish":
            self._publish(event)
        elif kind in ("node.started", "node.restarted"):
            self._gone.discard(event.node)
            self._set_node(self._node(event.node), NodeLook.RUNNING)
            if (event.data or {}).get("state") == "lost":
                for number in [number for number, them in self.subscribers.items() if self._node(event.node) in them]:
                    self._set_topic(event.node, self.topics[number - 1], False)
        elif kind in ("node.stopped", "node.crashed"):
            self._leave(event.node)
        elif kind == "node.attached":
            self._attach(event.node, str((event.data or {}).get("peer_id", "")))
        elif kind == "node.detached":
            self._set_node(self._node(event.node), NodeLook.OUTSIDE)
        elif kind == "node.found":
            self._set_node(self._node(event.node), NodeLook.ATTACHED)
        elif kind == "node.lost":
            self._set_node(self._node(event.node), NodeLook.GONE)
        elif kind in ("connection.opened", "connection.closed"):
            if event.peer is not None:
                self._set_end(event.node, event.peer, kind == "connection.opened" and event.node not in self._gone)
        elif kind in ("pubsub.subscribe", "pubsub.unsubscribe") and event.topic is not None:
            self._set_topic(event.node, event.topic, kind == "pubsub.subscribe")
        elif kind in MESH and event.topic is not None and event.peer is not None:
            is_in = kind == "pubsub.graft" and event.node not in self._gone
            self._set_mesh(event.node, event.peer, event.topic, is_in)

    def _node(self, name: str) -> int:
        index = self._index_of.get(name)
        return self._add(name, NodeLook.GONE) if index is None else index

    def _peer(self, name: str) -> int | None:
        """The index of somebody's peer; None where too many of them are not the lab's own."""
        index = self._index_of.get(name)
        if index is None and self._outside < MAX_OUTSIDE:
            self._outside += 1
            return self._add(name, NodeLook.OUTSIDE)
        return index

    def _add(self, name: str, look: NodeLook) -> int:
        index = self._index_of[name] = len(self.names)
        self.names.append(name)
        self.node_labels.add(name)
        self.colours.append(colour_of(name, self.colours))
        self.looks.append(look)
        self._links.append({})
        self._change(FrameRecord(Tag.NODE, look, a=index))
        return index

    def _set_node(self, index: int, look: NodeLook) -> None:
        if self.looks[index] is not look:
            self._outside += (look is NodeLook.OUTSIDE) - (self.looks[index] is NodeLook.OUTSIDE)
            self.looks[index] = look
            self._change(FrameRecord(Tag.NODE, look, a=index))

    def _attach(self, name: str, peer_id: str) -> None:
        """Somebody outside has a name now. What it had under its peer id is the same node's."""
        self._set_node(self._node(name), NodeLook.ATTACHED)
        nameless = self._index_of.get(peer_id)
        if nameless is None:
            return
        for other in list(self._links[nameless]):
            self._set_end(self.names[other], peer_id, False)
            self._set_end(self.names[other], name, True)
        for number, mesh in self.meshes.items():
            for whose in [pair[0] for pair in mesh if pair[1] == nameless]:
                self._set_mesh(self.names[whose], peer_id, self.topics[number - 1], False)
                self._set_mesh(self.names[whose], name, self.topics[number - 1], True)

    def _leave(self, name: str) -> None:
        index = self._node(name)
        self._gone.add(name)
        for other in list(self._links[index]):
            self._set_end(name, self.names[other], False)
        for number, mesh in self.meshes.items():
            for pair in [pair for pair in mesh if pair[0] == index]:
                self._set_mesh(name, self.names[pair[1]], self.topics[number - 1], False)
        self._set_node(index, NodeLook.GONE)

    def _set_end(self, name: str, peer: str, is_open: bool) -> None:
        index, other = self._node(name), self._peer(peer)
        if other is None or index == other:
            return
        pair = (index, other) if index < other else (other, index)
        ends = self._ends.get(pair)
        if ends is None:
            if not is_open:
                return
            ends = self._ends[pair] = [False, False]
            self._links[index][other] = self._links[other][index] = None
            self._change(FrameRecord(Tag.EDGE, 1, a=pair[0], b=pair[1]))
        ends[0 if index == pair[0] else 1] = is_open
        if not any(ends):
            del self._ends[pair], self._links[index][other], self._links[other][index]
            self._change(FrameRecord(Tag.EDGE, 0, a=pair[0], b=pair[1]))

    def _topic(self, topic: str) -> int:
        number = self._topic_of.get(topic)
        if number is None:
            if len(self.topics) == MAX_TOPICS:
                return 0
            self.topics.append(topic)
            self.topic_labels.add(topic)
            number = self._topic_of[topic] = len(self.topics)
        return number

    def _set_topic(self, name: str, topic: str, subscribes: bool) -> None:
        index, number = self._node(name), self._topic(topic)
        subscribers = self.subscribers.setdefault(number, {})
        if number and (index in subscribers) is not subscribes:
            if subscribes:
                subscribers[index] = None
            else:
                del subscribers[index]
            self._change(FrameRecord(Tag.TOPIC, int(subscribes), number, a=index))

    def _set_mesh(self, name: str, peer: str, topic: str, enters: bool) -> None:
        index, other, number = self._node(name), self._peer(peer), self._topic(topic)
        mesh = self.meshes.setdefault(number, {})
        if other is None or not number or ((index, other) in mesh) is enters:
            return
        if enters:
            mesh[index, other] = None
        else:
            del mesh[index, other]
        self._change(FrameRecord(Tag.MESH, int(enters), number, index, other))

    def speak(self, rows: Sequence[Row], log: EventLog) -> None:
        """Take into account a log's rows of traffic, in order: publications and copies. Of very many events these are
        most, and each becomes one record."""
        numbers, look_of, pack, traffic = self._numbers, COPIES.get, RECORD.pack, self._traffic
        for row in rows:
            kind, node, peer = row[2], row[3], row[4]
            look = look_of(kind)
            if look is None:
                self.apply(log.event(row))
            elif node >= 0 and peer >= 0 and peer != node:
                a, b = numbers.get(peer), numbers.get(node)
                if b is None:
                    b = numbers[node] = self._node(log.name_of(node))
                if a is None:
                    a = self._peer(log.name_of(peer))
                    if a is None:
                        continue
                    numbers[peer] = a
                topic = self._topic(row[5]) if row[5] is not None else 0
                traffic += pack(Tag.COPY, look, topic, a, b, self._message(row[6]))
        if rows:
            self.t = rows[-1][0] / log.resolution

    def _message(self, ref: str | None) -> int:
        if ref is None:
            return 0
        number = self._messages.get(ref)
        if number is None:
            number = self._messages[ref] = self._next_message
            self._next_message = self._next_message % 0xFFFFFFFF + 1
            if len(self._messages) > MAX_MESSAGES:
                del self._messages[next(iter(self._messages))]
        return number

    def _publish(self, event: Event) -> None:
        assert event.node is not None
        topic = self._topic(event.topic) if event.topic is not None else 0
        record = FrameRecord(Tag.PUBLISH, 0, topic, a=self._node(event.node), message=self._message(event.ref))
        self._traffic += record.pack()

    def _copy(self, event: Event, look: CopyLook) -> None:
        # A node's own publication reaches its own subscriptions without crossing an edge.
        if event.node is None or event.peer is None or event.peer == event.node:
            return
        topic = self._topic(event.topic) if event.topic is not None else 0
        a, b = self._peer(event.peer), self._node(event.node)
        if a is not None:
            self._traffic += FrameRecord(Tag.COPY, look, topic, a, b, self._message(event.ref)).pack()

    def _change(self, record: FrameRecord) -> None:
        self._changes += record.pack()

    # -- frames

    def delta(self) -> tuple[dict[str, Any], bytes] | None:
        """What has changed since the last frame, or None. See frames.py for the two parts."""
        version, nodes, topics = self._base
        if not (self.restructured or self._traffic):
            return None
        self.version += self.restructured
        content = self._content(version, nodes, topics)
        return content, self._take()

    def snapshot(self) -> tuple[dict[str, Any], bytes]:
        """A frame with all of the structure, and the traffic since the last frame."""
        self.version += self.restructured
        content = {**self._content(self._base[0], 0, 0), "snapshot": True}
        records = [FrameRecord(Tag.NODE, look, a=index) for index, look in enumerate(self.looks)]
        records += [FrameRecord(Tag.EDGE, 1, a=a, b=b) for a, b in self.edges()]
        records += [
            FrameRecord(Tag.TOPIC, 1, number, a=index)
            for number, indices in sorted(self.subscribers.items())
            for index in sorted(indices)
        ]
        records += [
            FrameRecord(Tag.MESH, 1, number, a, b)
            for number, pairs in sorted(self.meshes.items())
            for a, b in sorted(pairs)
        ]
        self._changes.clear()
        return content, b"".join(record.pack() for record in records) + self._take()

    def _content(self, base: int, nodes: int, topics: int) -> dict[str, Any]:
        return {
            "base": base,
            "version": self.version,
            "nodes": [
                [i, label, self.colours[i], *([key] if key != label else [])]
                for i, (label, key) in enumerate(self.node_labels.pairs(nodes), nodes)
            ],
            "topics": [[label, *([key] if key != label else [])] for label, key in self.topic_labels.pairs(topics)],
            "t": self.t,
            "published": self._counts.get("pubsub.publish", 0),
            "delivered": self._counts.get("pubsub.deliver", 0),
            "duplicates": self._counts.get("pubsub.duplicate", 0),
        }

    def _take(self) -> bytes:
        records = bytes(self._changes + self._traffic)
        self._changes.clear()
        self._traffic.clear()
        self._touched = False
        self._base = (self.version, len(self.names), len(self.topics))
        return records
