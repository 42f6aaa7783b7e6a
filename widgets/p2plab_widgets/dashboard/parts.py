"""The parts that a dashboard can have, and the two that are its own: the feed and a chart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

from p2plab import charts
from p2plab.errors import LabError
from p2plab_widgets.board import Board, Choice
from p2plab_widgets.board.cards import Card, cell, note, picture, table
from p2plab_widgets.console import Console
from p2plab_widgets.graph import PeerGraph
from p2plab_widgets.inspector import Inspector
from p2plab_widgets.protocols import ConnectionsView, ContentView, DhtView, GossipView
from p2plab_widgets.protocols.reading import event_cell, latest, numbers
from p2plab_widgets.text import shown
from p2plab_widgets.timeline import Timeline

__all__ = ["CHARTS", "MAKERS", "ChartView", "Feed"]

LAST = 60
FAMILIES = ("everything", "decisions", "connection", "pubsub", "dht", "node", "network", "lab", "error")
CHARTS = ("latency", "throughput", "bandwidth", "mesh_sizes", "duplicates", "lookups", "transfers")
ROOM = (420, 240)  # pixels of a chart in a dashboard, until the page has said how many there are
DECISIONS = ("pubsub.graft", "pubsub.prune", "pubsub.graft_refused", "pubsub.score", "pubsub.penalty", "dht.done",
             "connection.failed", "connection.refused", "connection.trimmed", "network.partition", "network.heal",
             "node.crashed", "node.restarted", "error")  # fmt: skip


class Feed(Board):
    """The newest events at the cursor's moment, of all kinds or of one family; each can be selected."""

    TITLE: ClassVar[str] = "feed"

    def choices(self, at: float | None) -> list[Choice]:
        return [Choice("family", "show", FAMILIES, self.picked("family", FAMILIES, FAMILIES[0]))]

    def _events(self, at: float | None) -> list[Any]:
        family, log = self.picked("family", FAMILIES, FAMILIES[0]), self.source.events
        if family == "everything":
            return latest(log, at, LAST)
        kinds = DECISIONS if family == "decisions" else (family,)
        found = [event for kind in kinds for event in log.filter(kind=kind, until=at)[-LAST:]]
        return sorted(found, key=lambda event: event.seq)[-LAST:]

    def facts(self, at: float | None) -> list[str]:
        return [f"{len(self.source.events):,} events in the log"]

    def sentence(self, at: float | None) -> str:
        events = self._events(at)
        return str(events[-1]) if events else "Nothing has happened up to here."

    def cards(self, at: float | None) -> list[Card]:
        rows = [
            [
                event_cell(one), cell(one.node or "lab", "node", one.node) if one.node else "lab", shown(one.kind),
                cell(one.peer, "node", one.peer) if one.peer else "–", shown(one.reason or numbers(one, 3), 80),
            ]
            for one in reversed(self._events(at))
        ]  # fmt: skip
        return [table("The newest first", ["when", "node", "what", "peer", "because"], rows, wide=True)]


class ChartView(Board):
    """One of the charts up to the cursor's moment, looked at again twice a second at most."""

    TITLE: ClassVar[str] = "chart"

    _room: tuple[int, int] = ROOM
    _made: tuple[tuple[Any, ...], charts.Chart] | None = None

    def _chart(self, at: float | None) -> charts.Chart:
        """The chart of a moment; a look asks for it more than once, and a long log is long in the reading."""
        rows, dropped = self.source.events.rows()
        key = (self.picked("chart", CHARTS, CHARTS[0]), at, len(rows) + dropped)
        if self._made is None or self._made[0] != key:
            self._made = (key, getattr(charts, key[0])(self.source.events, until=at))
        return self._made[1]

    def choices(self, at: float | None) -> list[Choice]:
        return [Choice("chart", "", CHARTS, self.picked("chart", CHARTS, CHARTS[0]))]

    def facts(self, at: float | None) -> list[str]:
        return [self.picked("chart", CHARTS, CHARTS[0]).replace("_", " ")]

    def sentence(self, at: float | None) -> str:
        return self._chart(at).sentence

    def cards(self, at: float | None) -> list[Card]:
        try:
            chart = self._chart(at)
        except LabError as error:
            return [note("No chart", str(error), wide=True)]
        width, height = self._room
        svg = chart.svg(width=width, height=height, bare=True)
        return [picture(chart.description.title, svg, chart.sentence, wide=True)]

    def content(self, at: float | None) -> dict[str, Any]:
        return {**super().content(at), "fits": True}

    def heard(self, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        """The page says how much room there is: the picture is drawn for it, and its type is as large as all other."""
        room = content.get("room")
        if isinstance(room, list) and len(room) == 2 and all(type(each) is int for each in room):
            width, height = (min(max(each, least), 4000) for each, least in zip(room, (200, 100), strict=True))
            if (width, height) != self._room:
                self._room = (width, height)
                self.refresh()
        else:
            super().heard(content, buffers)


MAKERS: Final[dict[str, Callable[..., Any]]] = {
    "graph": PeerGraph, "timeline": Timeline, "inspector": Inspector, "console": Console, "feed": Feed,
    "chart": ChartView, "gossip": GossipView, "dht": DhtView, "connections": ConnectionsView,
    "content": ContentView,
}  # fmt: skip
"""What makes each part, given a lab or a log."""
