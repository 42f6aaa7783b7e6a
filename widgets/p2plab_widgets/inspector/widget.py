"""The view of what is selected: its fields, causes and consequences, its bytes, and the Python that fetches it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, ClassVar

from p2plab.errors import LabError
from p2plab.events import Event
from p2plab.exports import Recorder, dissect
from p2plab.text import plural
from p2plab_widgets.board import Board, Choice
from p2plab_widgets.board.cards import Card, Cell, cell, code, facts, hexadecimal, note, steps, table
from p2plab_widgets.graph.details import ways_found
from p2plab_widgets.inspector.frames import frame_of
from p2plab_widgets.protocols.reading import event_cell, latest, numbers
from p2plab_widgets.publisher import SourceOutcome
from p2plab_widgets.text import shown
from p2plab_widgets.view import Source

__all__ = ["Inspector"]

LAST = 30  # events listed
BYTES = ("of what was recorded", "by doing the run again")


class Inspector(Board):
    """What is selected in any linked view: an event, a message, a node, an edge, a lookup or a stream.

    While it is shown, it records the frames of a live lab, the newest, and shows the bytes of what is selected with
    their fields. What was before, a mock lab can be asked for by doing its run again, in a lab of its own: that is
    done when the list in the header says so, and runs the handlers of the run again too.
    """

    TITLE: ClassVar[str] = "inspector"

    _recorder: Recorder | None = None

    def __init__(self, source: Source, **options: Any) -> None:
        self._again: tuple[float, Recorder] | None = None
        super().__init__(source, **options)
        if self.lab is not None and not source.closed:
            self._recorder = self.lab.record_frames()

    def close(self) -> None:
        """Stop recording, and take the view away."""
        if self._recorder is not None:
            self._recorder.close()
        super().close()

    def publish(self) -> SourceOutcome:
        """As every board; a lab that is closed, or gone, is recorded no longer."""
        if self._recorder is not None and (self.lab is None or self.source.closed):
            self._recorder.close()
        return super().publish()

    def choices(self, at: float | None) -> list[Choice]:
        options = BYTES if self.source.backend == "mock" and not self.source.closed else BYTES[:1]
        return [Choice("bytes", "bytes", options, self.picked("bytes", options, BYTES[0]))]

    # -- what is selected

    def _selected(self) -> tuple[str, Any]:
        selection = self.cursor.selection or {}
        return str(selection.get("kind", "")), selection.get("id")

    def facts(self, at: float | None) -> list[str]:
        kind, which = self._selected()
        return [f"{kind} {shown(_name(which), 40)}"] if kind else ["nothing is selected"]

    def sentence(self, at: float | None) -> str:
        kind, which = self._selected()
        if not kind:
            return "Select something in any view, or an event below."
        if kind == "event":
            event = self._event(which)
            return f"Event {which} is not in the log." if event is None else str(event)
        related = self._related(at)
        last = f"; the last, at {related[-1].t:.3f} s, was {related[-1].kind}" if related else ""
        return f"{len(related)} events are about {kind} {shown(_name(which), 40)}{last}."

    def cards(self, at: float | None) -> list[Card]:
        kind, which = self._selected()
        try:
            if kind == "event":
                return self._of_event(which, at)
            if kind == "message":
                return self._of_message(str(which), at)
            if kind == "node":
                return self._of_node(str(which), at)
            if kind == "edge":
                return self._of_edge([str(name) for name in which], at)
            if kind in ("lookup", "stream"):
                return self._of_ref(kind, which, at)
        except LabError as error:
            return [note("This cannot be shown", str(error), wide=True), self._latest(at)]
        return [self._latest(at)]

    def _event(self, which: Any) -> Event | None:
        return self.source.events.by_seq(int(which)) if str(which).isdigit() else None

    def _related(self, at: float | None) -> list[Event]:
        """The events that are about what is selected."""
        kind, which = self._selected()
        log = self.source.events
        if kind == "event":
            event = self._event(which)
            return [] if event is None else [event]
        if kind in ("message", "lookup"):
            return log.filter(ref=str(which), until=at)
        if kind == "node":
            return log.filter(node=str(which), until=at)
        if kind == "edge":
            a, b = (str(name) for name in which)
            both = [*log.filter(node=a, peer=b, until=at), *log.filter(node=b, peer=a, until=at)]
            return sorted(both, key=lambda event: event.seq)
        if kind == "stream":
            streams = log.filter(kind="stream", until=at)
            return [event for event in streams if str((event.data or {}).get("stream")) == str(which)]
        return []

    # -- an event

    def _of_event(self, which: Any, at: float | None) -> list[Card]:
        event = self._event(which)
        if event is None:
            return [
                note("Gone", f"event {which} is not in the log; older rows may have been dropped"),
                self._latest(at),
            ]
        rows: list[tuple[str, Cell]] = [("kind", shown(event.kind)), ("time", f"{event.t:.4f} s")]
        rows += [("node", cell(event.node, "node", event.node))] if event.node else []
        rows += [("peer", cell(event.peer, "node", event.peer))] if event.peer else []
        rows += [("topic", shown(event.topic, 80))] if event.topic is not None else []
        if event.ref:
            kind = "lookup" if event.kind.startswith("dht.") else "message"
            rows.append((kind, cell(f"…{event.ref[-20:]}", kind, event.ref)))
        rows += [("size", f"{event.size:,} bytes")] if event.size is not None else []
        rows += [("because", shown(event.reason, 120))] if event.reason else []
        chain = self.source.events.chain(event).events
        if len(chain) > 1:
            rows.append(("after its cause", f"{event.t - chain[-2].t:.4f} s"))
            rows.append(("after the first cause", f"{event.t - chain[0].t:.4f} s"))
        rows += [(str(name), shown(str(value), 160)) for name, value in (event.data or {}).items()]
        return [
            facts(event.kind, rows),
            self._causes(chain),
            self._consequences(event),
            code("In Python", [f"event = lab.events.by_seq({event.seq})", "lab.why(event)"]),
            self._bytes(event),
        ]

    def _causes(self, chain: Sequence[Event]) -> Card:
        rows = [(depth, event_cell(one, f"{one.t:.4f} s {one.node or 'lab'} {one.kind}"), _about(one))
                for depth, one in enumerate(chain)]  # fmt: skip
        return steps("Why: its causes, the oldest first", rows, empty="it has no cause in the log")

    def _consequences(self, event: Event) -> Card:
        rows, dropped = self.source.events.rows()
        start = max(0, event.seq + 1 - dropped)
        causes = rows.scan("cause", start=start, stop=min(len(rows), start + 200_000))
        places = islice((place for place, (cause,) in enumerate(causes, start) if cause == event.seq), LAST)
        found = [self.source.events.event(row) for row in rows.at(list(places))]
        lines = [(0, event_cell(one, f"{one.t:.4f} s {one.node or 'lab'} {one.kind}"), _about(one)) for one in found]
        return steps("What followed from it", lines, empty="nothing in the log has it as its cause")

    # -- bytes

    def _bytes(self, event: Event) -> Card:
        lab = self.lab
        again = self.picked("bytes", BYTES, BYTES[0]) == BYTES[1] and lab is not None and lab.backend == "mock"
        recorder = self._done_again(lab, event) if again else self._recorder
        frame = None if recorder is None else frame_of(event, recorder.frames(event.node))
        if frame is None:
            return hexadecimal("The bytes", b"", (), empty=self._why_no_bytes(event, again))
        fields = dissect(frame.data, frame.protocol)
        way = f"{frame.sender} to {frame.receiver} at {frame.t:.4f} s, {frame.protocol or 'unknown protocol'}"
        return hexadecimal(f"The bytes: a frame from {way}", frame.data, fields)

    def _done_again(self, lab: Any, event: Event) -> Recorder:
        """The frames of a replay up to the event. One is kept, for the next events at or before that time."""
        if self._again is None or self._again[0] < event.t:
            recorders: list[Recorder] = []

            def record(again: Any) -> None:
                if not recorders:
                    recorders.append(again.record_frames(max_frames=100_000, max_bytes=64 * 1024 * 1024))

            until = min(lab.now, event.t + 1.0)
            type(lab).replay(lab.history(), until=until, watch=record, every=0.001).close()
            self._again = (until, recorders[0])
        return self._again[1]

    def _why_no_bytes(self, event: Event, again: bool) -> str:
        if event.node is None or event.kind.startswith(("lab.", "node.", "network.", "error")):
            return f"{event.kind} sends nothing"
        if again:
            return "no frame of the run done again carried this: it was decided without sending anything"
        if self._recorder is None:
            return "a log holds no bytes: a live lab's inspector records them"
        if event.t < self._recorder.begun:
            more = "; choose “by doing the run again” in the header" if self.source.backend == "mock" else ""
            return f"this was before the inspector was there, which records since {self._recorder.begun:.3f} s{more}"
        return "no recorded frame carried this: it was decided without sending anything, or the frame is no longer kept"

    # -- the others

    def _of_message(self, which: str, at: float | None) -> list[Card]:
        spread = self.source.propagation(which)  # type: ignore[attr-defined]  # both sources have it
        related = self._related(at)
        first = next((event for event in related if event.kind == "pubsub.publish"), None)
        rows: list[tuple[str, Cell]] = [
            ("id", shown(which, 90)),
            ("topic", shown(spread.topic, 80)),
            ("publisher", cell(spread.publisher, "node", spread.publisher)),
            ("published", f"{spread.published_at:.4f} s"),
            (
                "reached",
                f"{len(spread)} of {len(spread) + len(spread.missing)} subscribers, {100 * spread.reached:.0f} %"
                if spread.subscribers_known
                else f"{plural(len(spread), 'node')}; the log does not tell who subscribed",
            ),
            ("took", f"{spread.duration:.4f} s, {spread.hops} hops"),
            ("duplicates", str(spread.duplicates)),
        ]
        if first is not None and first.size is not None:
            rows.append(("payload", f"{first.size:,} bytes"))
        arrived = [
            [
                cell(one.node, "node", one.node), f"{one.after:.4f} s", shown(one.received_from or "–"),
                str(one.hops), str(one.duplicates),
            ]
            for one in spread
        ]  # fmt: skip
        cards = [
            facts("Message", rows),
            code("In Python", [f"lab.propagation({which!r})", f"lab.why({which!r})"]),
            table("Who got it", ["node", "after", "from", "hops", "duplicates"], arrived),
            self._events("Events about it", related),
        ]
        return [*cards, self._bytes(first)] if first is not None else cards

    def _of_node(self, name: str, at: float | None) -> list[Card]:
        state = self.state(at)
        topics = [topic for topic, nodes in state.subscriptions.items() if name in nodes]
        neighbours = [b if a == name else a for a, b in state.edges if name in (a, b)]
        rows: list[tuple[str, Cell]] = [
            (
                "state",
                "down" if name in state.down else "runs" if name in state.nodes else "outside the lab, or unknown",
            ),
            ("connected to", shown(", ".join(neighbours) or "nobody", 200)),
        ]
        rows += [
            (f"mesh of {shown(topic, 40)}", shown(", ".join(state.meshes[topic][name]) or "empty", 200))
            for topic in topics
        ]
        found = ways_found(self.source.events, name, at)
        rows += [("found", shown("; ".join(found), 200))] if found else []
        rows += self._asked(name) if at is None else []
        related = self._related(at)
        return [
            facts(name, rows),
            code("In Python", [f"node = lab[{name!r}]", f"lab.events.filter(node={name!r})"]),
            self._events("Its last events", related),
        ]

    def _asked(self, name: str) -> list[tuple[str, Cell]]:
        """What the node says of itself now."""
        lab = self.lab
        if lab is None or lab.closed or name not in map(str, lab.nodes):
            return []
        node = lab[name]
        rows: list[tuple[str, Cell]] = [("peer id", shown(str(node.peer_id), 60))]
        if node.running:
            rows.append(("addresses", shown(", ".join(node.addresses), 240)))
            rows.append(("protocols", shown(", ".join(node.protocols()), 300)))
            rows.append(("streams", str(len(node.streams()))))
        return rows

    def _of_edge(self, names: Sequence[str], at: float | None) -> list[Card]:
        a, b = names
        related = self._related(at)
        rows: list[tuple[str, Cell]] = [
            ("between", cell(a, "node", a)), ("and", cell(b, "node", b)),
            ("connected", "yes" if tuple(sorted(names)) in self.state(at).edges else "no"),
        ]  # fmt: skip
        lab = self.lab
        if lab is not None and at is None and a in map(str, lab.nodes) and lab[a].running:
            for one in lab[a].connections():
                if one.peer.name == b:
                    stack = "+".join(part for part in (one.transport, one.security, one.muxer) if part)
                    rows.append((f"connection {one.id}", f"{one.direction}, {stack}, since {one.opened_at:.3f} s"))
        python = [f"lab[{a!r}].why({b!r})", f"lab.events.filter(node={a!r}, peer={b!r})"]
        return [facts(f"{a} and {b}", rows), code("In Python", python), self._events("Between the two", related)]

    def _of_ref(self, kind: str, which: Any, at: float | None) -> list[Card]:
        related = self._related(at)
        if not related:
            return [note(f"No such {kind}", f"the log has no events of {kind} {which} up to here"), self._latest(at)]
        first, last = related[0], related[-1]
        rows: list[tuple[str, Cell]] = [
            ("node", cell(first.node or "lab", "node", first.node)), ("began", f"{first.t:.4f} s"),
            ("last event", f"{last.t:.4f} s, after {last.t - first.t:.4f} s: {last.kind}"),
        ]  # fmt: skip
        rows += [(str(name), shown(str(value), 160)) for name, value in (first.data or {}).items()]
        rows += [
            (f"{name} at the end", shown(str(value), 160)) for name, value in (last.data or {}).items() if last != first
        ]
        python = (
            [f"lab.events.filter(ref={str(which)!r})"] if kind == "lookup" else ["lab.events.filter(kind='stream')"]
        )
        return [
            facts(f"{kind} {_name(which)}", rows), code("In Python", python), self._events("Its events", related),
            self._bytes(next((event for event in related if event.peer), first)),
        ]  # fmt: skip

    def _latest(self, at: float | None) -> Card:
        return self._events("The latest events", latest(self.source.events, at, LAST))

    def _events(self, title: str, events: Sequence[Event], newest_first: bool = True) -> Card:
        kept = list(reversed(events[-LAST:])) if newest_first else list(events)
        rows = [
            [
                event_cell(one), cell(one.node or "lab", "node", one.node) if one.node else "lab", shown(one.kind),
                cell(one.peer, "node", one.peer) if one.peer else "–", _about(one),
            ]
            for one in kept
        ]  # fmt: skip
        return table(title, ["when", "node", "what", "peer", "about"], rows, wide=True, empty="nothing up to here")


def _about(event: Event) -> str:
    parts = [f"topic {event.topic}"] if event.topic is not None else []
    parts += [f"because: {event.reason}"] if event.reason else []
    parts += [f"{event.size} bytes"] if event.size is not None else []
    parts += [numbers(event, 4)] if event.data else []
    return shown(", ".join(parts), 140)


def _name(which: Any) -> str:
    if isinstance(which, (list, tuple)):
        return " and ".join(str(one) for one in which)
    text = str(which)
    return text if len(text) <= 24 else f"…{text[-20:]}"
