"""The timeline as a view: what is chosen, and what of it the browser has in sight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import traitlets

from p2plab.errors import ValidationError
from p2plab_widgets.graph.wave import listed
from p2plab_widgets.text import key_of, shown, unknown_topic
from p2plab_widgets.timeline.drawing import SIZE, draw
from p2plab_widgets.timeline.index import SUBJECTS, TimelineIndex
from p2plab_widgets.timeline.picture import MOST_EVENTS, ORDERS, Filter, TimelinePicture, Window, topics_of, whole
from p2plab_widgets.view import CSS, Drawing, Source, View, bundle, styles

_BROWSER = Path(__file__).parent / "browser"
RECORDED: Final = 40_000  # events that the HTML page shows one by one
MOST_LINES: Final = 400
MOST_LOOKUPS: Final = 40


class Timeline(View):
    """A space-time diagram: a line for each node, marks for events, an arrow from each cause at another node, bars for
    lookups, dials, streams, slots at relays, circuits and punches; where events are too many to be told apart, how many
    there are.

    ``topic``, ``message`` (a Message, a Lookup, or an id) and ``protocols`` (out of messages, mesh, connections,
    streams, dht, faults, lab, reachability) say what is shown, ``nodes`` is a part of names; ``order`` is start,
    receipt (of the chosen message) or name; ``since`` and ``until`` are seconds. All can be changed in the picture.
    Raises ValidationError.
    """

    TITLE = "timeline"
    SIZE = SIZE
    _esm = bundle(_BROWSER / "timeline.js")
    _css = styles(*CSS, _BROWSER / "timeline.css")

    topic = traitlets.Unicode().tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)
    order = traitlets.Unicode("start").tag(sync=True)
    nodes = traitlets.Unicode().tag(sync=True)
    protocols: Any = traitlets.List(list(SUBJECTS)).tag(sync=True)

    _ready = False

    def __init__(
        self,
        source: Source,
        topic: str = "",
        message: Any = "",
        protocols: Sequence[str] = SUBJECTS,
        nodes: str = "",
        order: str = "start",
        since: float | None = None,
        until: float | None = None,
        **options: Any,
    ) -> None:
        message = getattr(message, "id", getattr(message, "ref", message))
        for name, value in (("topic", topic), ("message", message), ("nodes", nodes)):
            if not isinstance(value, str):
                raise ValidationError(f"{name} must be a str, not {value!r}")
        _check_order(order)
        self._picture = TimelinePicture(source.events, TimelineIndex(source.events))
        self._picture.index.update()
        self._window: Window | None = None  # None: all of it, and as it grows
        self._page = Window(0.0, 1.0)
        if since is not None or until is not None:
            all_of_it = whole(source.events, self._picture.index, self._page)
            start = all_of_it.start if since is None else float(since)
            end = all_of_it.end if until is None else float(until)
            if not start < end:
                raise ValidationError(f"since ({start}) must come before until ({end})")
            self._window = Window(start, end)
        super().__init__(
            source, topic=topic, message=message, protocols=_checked(protocols), nodes=nodes, order=order, **options
        )
        self._ready = True

    def _filter(self) -> Filter:
        subjects = tuple(at for at, name in enumerate(SUBJECTS) if name in self.protocols)
        return Filter(subjects, self._topic_name(), self.message, self.nodes, self.order)

    def _topic_name(self) -> str:
        """The chosen topic's own name: the browser knows it by its key."""
        if not self.topic:
            return ""
        names = {event.topic for event in self.source.events.filter(kind="pubsub.subscribe")}
        return next((name for name in names if name is not None and key_of(name) == self.topic), self.topic)

    def _selected_event(self) -> int | None:
        selection = self.selection or {}
        found = selection.get("id") if selection.get("kind") == "event" else None
        return found if isinstance(found, int) else None

    def _now(self) -> Window:
        self._picture.index.update()
        if self._window is not None:
            return self._window
        return whole(self.source.events, self._picture.index, self._page, self.message)

    def content(self, at: float | None) -> dict[str, Any]:
        """What is in sight, and what can be chosen."""
        log = self.source.events
        content = self._picture.content(self._now(), self._filter(), self._selected_event())
        content["follows"] = self._window is None
        content["topics"] = topics_of(log)
        content["messages"] = [
            [ref, f"{shown(node, 20)}, {t:.2f} s, {shown(topic, 24)}, …{ref[-6:]}"]
            for ref, topic, t, node in listed(log, self._topic_name() or None)
        ]
        content["lookups"] = [
            [
                event.ref,
                f"{shown(event.node or '', 20)}, {event.t:.2f} s, {shown(str((event.data or {}).get('kind', '')), 20)}",
            ]
            for event in log.filter(kind="dht.lookup")[-MOST_LOOKUPS:][::-1]
            if event.ref
        ]
        return content

    def facts(self, at: float | None) -> list[str]:
        """Counts of lines and events."""
        rows, dropped = self.source.events.rows()
        facts = [f"{len(self._picture.index.nodes):,} nodes", f"{len(rows):,} events"]
        return [*facts, f"{dropped:,} forgotten"] if dropped else facts

    def sentence(self, at: float | None) -> str:
        """What is in sight; of a selected event, how many causes and consequences it has."""
        window, chosen = self._now(), self._filter()
        selected = self._selected_event()
        if selected is not None:
            said = self._picture.content(window, chosen, selected).get("lit", {}).get("said")
            if said:
                return f"{said}."
        content = self._picture.content(window, chosen)
        span = f"from {max(window.start, 0.0):.3g} to {window.end:.3g} s"
        if "density" in content:
            total = sum(sum(row) for row in content["density"]["rows"])
            return f"{total:,} events {span}, too many to be told apart: darker is more."
        shown_events = len(content["events"]["t"])
        arrows = sum(line >= 0 for line in content["events"]["from"])
        log = self.source.events
        told_whole = log.recorded != "counters" and not log.dropped
        unknown = unknown_topic(self._topic_name(), log.topics()) if self.topic and told_whole else ""
        said = f"{shown_events:,} events {span}, {arrows:,} of them caused by another node"
        if self.message and not log.filter(ref=self.message):
            unknown = f"nothing is recorded of {shown(self.message, 20)}"
        return f"{said}{f'; {unknown}' if unknown else ''}.{self._punched(window)}"

    def _punched(self, window: Window) -> str:
        """What came of the last hole punch in sight."""
        ended = [
            event for event in self.source.events.filter(kind="dcutr.ended") if window.start <= event.t <= window.end
        ]
        if not ended:
            return ""
        last, attempts = ended[-1], int((ended[-1].data or {}).get("attempts", 0))
        after = f" after {attempts} attempt{'' if attempts == 1 else 's'}" if attempts else ""
        pair = f"{shown(last.node or '', 24)} and {shown(last.peer or '', 24)}"
        return f" {pair}, a hole punch ended: {last.reason}{after}."

    def draw(self, at: float | None) -> Drawing:
        """The same picture for SVG."""
        return draw(self._picture.content(self._now(), self._filter(), self._selected_event()), at)

    def recording(self) -> dict[str, Any]:
        """The page has no kernel to ask: it gets the events one by one, as far as they are not too many."""
        self._picture.limit = RECORDED
        try:
            return super().recording()
        finally:
            self._picture.limit = MOST_EVENTS

    # -- what the browser says

    def heard(self, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        """Another window is in sight; or all of it, and as it grows."""
        asked = content.get("window")
        if not isinstance(asked, Mapping):
            return
        try:
            top, lines = max(int(asked["top"]), 0), min(max(int(asked["lines"]), 1), MOST_LINES)
            width = min(max(int(asked["width"]), 50), 4000)
            start, end = float(asked["start"]), float(asked["end"])
        except (KeyError, TypeError, ValueError):
            return
        self._page = Window(0.0, 1.0, top, lines, width)
        follows = asked.get("follows") is True or not start < end
        self._window = None if follows else Window(start, end, top, lines, width)
        self.refresh()

    @traitlets.validate("topic")
    def _as_key(self, proposal: dict[str, Any]) -> str:
        return key_of(proposal["value"])

    @traitlets.validate("order")
    def _as_order(self, proposal: dict[str, Any]) -> str:
        return _check_order(proposal["value"])

    @traitlets.validate("protocols")
    def _as_protocols(self, proposal: dict[str, Any]) -> list[str]:
        return _checked(proposal["value"])

    @traitlets.observe("topic", "message", "order", "nodes", "protocols", "selection")
    def _on_choice(self, change: Mapping[str, Any]) -> None:
        if not self._ready:
            return
        if change["name"] == "message":
            self._window = None  # what was chosen is to be seen
        self.refresh()


def _check_order(order: object) -> str:
    if order not in ORDERS:
        raise ValidationError(f"order must be one of {', '.join(ORDERS)}, not {order!r}")
    return str(order)


def _checked(protocols: object) -> list[str]:
    if isinstance(protocols, str) or not isinstance(protocols, Sequence):
        raise ValidationError(f"protocols must be a list out of {', '.join(SUBJECTS)}, not {protocols!r}")
    for name in protocols:
        if name not in SUBJECTS:
            raise ValidationError(f"there is no protocol {name!r} here: take {', '.join(SUBJECTS)}")
    return list(protocols)
