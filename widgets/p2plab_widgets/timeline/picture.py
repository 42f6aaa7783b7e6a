"""What of a log is to be seen in a window of the timeline, as plain JSON: events one by one where they can be told from
each other, else how many there are where."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from p2plab.events import Event, EventLog
from p2plab_widgets.graph.palette import colour_of
from p2plab_widgets.text import Labels, shown
from p2plab_widgets.timeline.index import REACHABILITY, SUBJECTS, TimelineIndex, subject_of

MOST_EVENTS: Final = 2_500  # shown one by one
MOST_BINS: Final = 400
MOST_LIT: Final = 400  # consequences followed
MOST_SEARCHED: Final = 50_000  # events looked through for consequences
ORDERS: Final = ("start", "receipt", "name")
BOX, RELAY = "⌂", "◇"  # what stands before the name of a node behind a NAT, and of a relay


@dataclass(frozen=True)
class Window:
    """What is in sight: seconds, lines, and how wide that is in pixels."""

    start: float
    end: float
    top: int = 0
    lines: int = 60
    width: int = 900


@dataclass(frozen=True)
class Filter:
    """What is to be seen at all. ``find`` is a part of a node's name; ``ref`` a message's or a lookup's id."""

    subjects: tuple[int, ...] = tuple(range(len(SUBJECTS)))
    topic: str = ""
    ref: str = ""
    find: str = ""
    order: str = "start"


@dataclass
class Lines:
    """The lines of the diagram: nodes by their indices in the log, from top to bottom."""

    nodes: list[int]
    place: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.place = {node: at for at, node in enumerate(self.nodes)}


def lines_of(log: EventLog, index: TimelineIndex, chosen: Filter) -> Lines:
    """The nodes in the chosen order, the ones looked for only."""
    names = index.nodes
    nodes = [node for node, name in names.items() if chosen.find.casefold() in name.casefold()]
    if chosen.order == "name":
        nodes.sort(key=lambda node: names[node])
    elif chosen.order == "receipt" and chosen.ref:
        at = {name: node for node, name in names.items()}
        first: dict[int, int] = {}
        for event in log.filter(ref=chosen.ref):
            if event.node in at:
                first.setdefault(at[event.node], event.seq)
        last = max(first.values(), default=0) + 1
        nodes.sort(key=lambda node: first.get(node, last))
    return Lines(nodes)


class TimelinePicture:
    """Builds the picture of a window. ``limit`` is how many events are shown one by one."""

    def __init__(self, log: EventLog, index: TimelineIndex) -> None:
        self.log = log
        self.index = index
        self.limit = MOST_EVENTS
        self._labels: dict[int, tuple[str, str, str]] = {}
        self._told = Labels()
        self._colours: dict[str, None] = {}
        self._key: tuple[Any, ...] | None = None  # of what the last content was made
        self._content: dict[str, Any] = {}

    def content(self, window: Window, chosen: Filter, selected: int | None = None) -> dict[str, Any]:
        """The lines in sight, and their events or densities; with the causes and consequences of the selected event,
        by its seq."""
        self.index.update()
        key = (window, chosen, selected, self.limit, self.log.rows()[1] + len(self.log))
        if key != self._key:
            self._key, self._content = key, self._built(window, chosen, selected)
        return dict(self._content)

    def _built(self, window: Window, chosen: Filter, selected: int | None) -> dict[str, Any]:
        lines = lines_of(self.log, self.index, chosen)
        seen = lines.nodes[window.top : window.top + window.lines]
        content: dict[str, Any] = {
            "window": [window.start, window.end],
            "whole": [self.index.first / self.log.resolution, self.index.last / self.log.resolution],
            "top": window.top,
            "total": len(lines.nodes),
            "lines": [self._label(node) for node in seen],
            "reaches": self.index.tells_of(REACHABILITY),
            "signs": signs_of(self.log, [self.index.nodes[node] for node in seen], window.end),
        }
        events = self._events(window, chosen, lines, seen)
        if events is None:
            content["density"] = self._density(window, chosen, seen)
        else:
            content["events"] = self._drawn(events, lines)
            content["bars"] = self._bars(events, lines, window)
        if selected is not None:
            content["lit"] = self._lit(selected, lines)
        return content

    def _label(self, node: int) -> list[str]:
        if node not in self._labels:
            name = self.index.nodes[node]
            colour = colour_of(name, self._colours)
            self._colours[colour] = None
            self._told.add(name)
            label, key = self._told.pairs(len(self._labels))[0]
            self._labels[node] = (label, colour, key)
        return list(self._labels[node])

    def _events(self, window: Window, chosen: Filter, lines: Lines, seen: Sequence[int]) -> list[Event] | None:
        """Those in the window, or None where they are too many to be told from each other."""
        start, end = (round(moment * self.log.resolution) for moment in (window.start, window.end))
        if chosen.ref:
            inside = set(seen)
            at = {name: node for node, name in self.index.nodes.items()}
            found = self.log.filter(ref=chosen.ref, since=window.start, until=window.end)
            kept = [e for e in found if at.get(e.node or "") in inside and subject_of(e.kind) in chosen.subjects]
            return kept if len(kept) <= 4 * self.limit else None
        if not chosen.topic and self.index.count(seen, chosen.subjects, start, end) > self.limit:
            return None
        rows, dropped = self.log.rows()
        numbers = self.index.numbers(seen, chosen.subjects, start, end)
        places = [number - dropped for number in numbers if number >= dropped]
        if chosen.topic:
            topics = zip(places, rows.column("topic", places), strict=True)
            places = [place for place, topic in topics if topic == chosen.topic]
            if len(places) > self.limit:
                return None
        return [self.log.event(row) for row in rows.at(places)]

    def _density(self, window: Window, chosen: Filter, seen: Sequence[int]) -> dict[str, Any]:
        count = max(10, min(MOST_BINS, window.width // 3))
        resolution = self.log.resolution
        start, span = window.start * resolution, (window.end - window.start) * resolution
        edges = [round(start + span * at / count) for at in range(count + 1)]
        found = [self.index.bins(node, chosen.subjects, edges) for node in seen]
        rows, subjects = [row for row, _ in found], [subjects for _, subjects in found]
        return {"bins": count, "rows": rows, "subjects": subjects, "most": max((max(row) for row in rows), default=0)}

    def _drawn(self, events: Sequence[Event], lines: Lines) -> dict[str, Any]:
        """Columns: time, line, subject, seq, kind, and for an arrow when and at which line it began (-1: none)."""
        place = self._places(lines)
        table: dict[str, list[Any]] = {name: [] for name in ("t", "line", "subject", "seq", "kind", "from_t", "from")}
        texts: list[str] = []
        kinds: dict[str, int] = {}
        words: list[int] = []
        said: dict[str, int] = {}
        for event in events:
            if event.node is None or event.node not in place:
                continue
            begun, line = self._origin(event, place)
            values = (
                *(round(event.t, 6), place[event.node], subject_of(event.kind), event.seq),
                *(kinds.setdefault(event.kind, len(kinds)), round(begun, 6), line),
            )
            for column, value in zip(table.values(), values, strict=True):
                column.append(value)
            text = _words(event)
            if text not in said:
                said[text] = len(texts)
                texts.append(text)
            words.append(said[text])
        return {**table, "kinds": list(kinds), "words": words, "texts": texts}

    def _places(self, lines: Lines) -> Mapping[str, int]:
        return {self.index.nodes[node]: at for node, at in lines.place.items()}

    def _origin(self, event: Event, place: Mapping[str, int]) -> tuple[float, int]:
        """Where the arrow to an event begins: at its cause, where that lies at another node."""
        if event.cause is None:
            return 0.0, -1
        cause = self.log.by_seq(event.cause)
        if cause is None or cause.node is None:
            return 0.0, -1
        if cause.node != event.node:
            return cause.t, place.get(cause.node, -1)
        if event.kind == "dht.answer" and event.peer is not None and event.peer in place:
            return (cause.t + event.t) / 2, place[event.peer]  # a question and its answer: the peer in the middle
        return 0.0, -1

    def _bars(self, events: Sequence[Event], lines: Lines, window: Window) -> list[list[Any]]:
        """What lasts: lookups, dials, streams, slots at relays, circuits, punches. [line, from, to, subject, seq]"""
        place = self._places(lines)
        open_bars: dict[tuple[Any, ...], Event] = {}
        bars: list[list[Any]] = []
        for event in events:
            if event.node is None or event.node not in place:
                continue
            begins, ends = _BEGINS.get(event.kind), _ENDS.get(event.kind)
            if begins is not None:
                open_bars[(begins, *_of_bar(begins, event))] = event
            if ends is not None:
                begun = open_bars.pop((ends, *_of_bar(ends, event)), None)
                if ends == "lookup" or (begun is not None and event.t > begun.t):
                    start = begun.t if begun else window.start
                    bars.append([place[event.node], start, event.t, subject_of(event.kind), event.seq])
        for begun in open_bars.values():
            if begun.node is not None:
                bars.append([place[begun.node], begun.t, window.end, subject_of(begun.kind), begun.seq])
        return bars

    def _lit(self, seq: int, lines: Lines) -> dict[str, Any]:
        """The event, its causes and its consequences, wherever they are."""
        event = self.log.by_seq(seq)
        if event is None:
            return {}
        causes = [link for link in self.log.chain(event) if link.seq != seq]
        after = self._consequences(seq)
        return {
            "seq": seq,
            "causes": [link.seq for link in causes],
            "events": self._drawn([*causes, event, *after], lines),
            "said": f"{_words(event)}: {len(causes)} causes, {len(after)} consequences",
        }

    def _consequences(self, seq: int) -> list[Event]:
        rows, _ = self.log.rows()
        low = bisect_right(rows.field("seq"), seq)
        high = min(len(rows), low + MOST_SEARCHED)
        reached, found = {seq}, []
        for place, (number, cause) in enumerate(rows.scan("seq", "cause", start=low, stop=high), low):
            if cause in reached:
                reached.add(number)
                found.append(place)
                if len(found) == MOST_LIT:
                    break
        return [self.log.event(row) for row in rows.at(found)]


# What begins a bar and what ends it: the bar's kind.
_BEGINS: Final = {
    "dht.lookup": "lookup",
    "connection.dialled": "dial",
    "stream.opened": "stream",
    "relay.reserved": "slot",
    "relay.circuit": "circuit",
    "dcutr.started": "punch",
}
_ENDS: Final = {
    "dht.done": "lookup",
    "connection.opened": "dial",
    "connection.failed": "dial",
    "stream.closed": "stream",
    "stream.reset": "stream",
    "relay.lost": "slot",
    "relay.ended": "circuit",
    "dcutr.ended": "punch",
}


def _of_bar(bar: str, event: Event) -> tuple[Any, ...]:
    """What tells a bar from the others of its kind."""
    if bar == "lookup":
        return event.node, event.ref
    which = (event.data or {}).get({"stream": "stream", "circuit": "circuit"}.get(bar, ""))
    return event.node, event.peer, which


def signs_of(log: EventLog, names: Sequence[str], until: float) -> dict[str, str]:
    """By name, what stands before the names of nodes that are relays, or behind a box, by then."""
    counts = log.counts
    if not counts.get("nat.box") and not counts.get("relay.served"):
        return {}
    signs = {event.node: RELAY for event in log.filter(kind="relay.served", until=until) if event.node is not None}
    boxes = [*log.filter(kind="nat.box", until=until), *log.filter(kind="nat.removed", until=until)]
    for event in sorted(boxes, key=lambda event: event.seq):
        for name in (event.data or {}).get("nodes", ()):
            if event.kind == "nat.box":
                signs[str(name)] = BOX
            elif signs.get(str(name)) == BOX:
                del signs[str(name)]
    return {name: signs[name] for name in names if name in signs}


def _words(event: Event) -> str:
    """An event in a line, for a tooltip."""
    parts = [event.kind, f"with {event.peer}" if event.peer else "", f"on {event.topic}" if event.topic else ""]
    parts += [f"because: {event.reason}" if event.reason else "", f"…{event.ref[-6:]}" if event.ref else ""]
    if subject_of(event.kind) == REACHABILITY:
        data = event.data or {}
        parts += [f"{name} {data[name]}" for name in ("box", "rule", "attempt", "address", "status") if data.get(name)]
    return shown(f"{event.node or 'lab'} " + " ".join(part for part in parts if part), 160)


def topics_of(log: EventLog) -> list[list[str]]:
    """[label, key] of the topics that somebody subscribed to."""
    labels = Labels()
    for topic in sorted({event.topic for event in log.filter(kind="pubsub.subscribe") if event.topic is not None}):
        labels.add(topic)
    return [list(pair) for pair in labels.pairs()]


def whole(log: EventLog, index: TimelineIndex, window: Window, ref: str = "") -> Window:
    """The window that shows all of the log, or of one message or lookup."""
    of_ref = [event.t for event in log.filter(ref=ref)] if ref else []
    start, end = (of_ref[0], of_ref[-1]) if of_ref else (index.first / log.resolution, index.last / log.resolution)
    edge = max((end - start) * 0.02, 0.001)
    return replace(window, start=start - edge, end=end + edge)
