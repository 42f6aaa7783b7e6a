"""Who is connected to whom, who could be, and why the others are not."""

from __future__ import annotations

from typing import Any, ClassVar

from p2plab.charts import bandwidth
from p2plab.errors import LabError
from p2plab.events import Event
from p2plab.text import plural
from p2plab_widgets.board import Board, Choice
from p2plab_widgets.board.cards import MAX_NAMES, Card, Cell, Kind, cell, facts, matrix, picture, table
from p2plab_widgets.protocols.reading import FEED, event_cell, numbers, until
from p2plab_widgets.text import shown

__all__ = ["ConnectionsView"]

KINDS: list[Kind] = [("connected", "full"), ("could be connected", "dot"), ("was tried in vain", "half"),
                     ("cannot be", "cross")]  # fmt: skip
CONNECTED, COULD, TRIED, CANNOT = range(4)
ASKED = 120  # nodes that are asked what their connections are made of
MANY = 50_000  # rows from which on the chart of bytes is drawn anew only when they are a tenth more
Stacks = dict[tuple[str, Any], str]  # by node and connection
AGAINST = ("connection.failed", "connection.refused", "connection.closed", "connection.trimmed")
FEEDS = (*AGAINST, "connection.opened", "network.partition", "network.heal", "admission.changed", "link.dropped")


class ConnectionsView(Board):
    """Connections at the cursor's moment: a matrix with reasons, the list with transports and bytes, limits and gates.

    A selected node shows its own connections alone.
    """

    TITLE: ClassVar[str] = "connections"

    _charted: tuple[int, Card] | None = None  # rows of which the bytes were last charted, and the chart

    def _node(self, at: float | None) -> str:
        """The node whose connections are listed; "" for all."""
        selection, nodes = self.cursor.selection or {}, self.state(at).nodes
        chosen = str(selection.get("id")) if selection.get("kind") == "node" else self.chosen.get("node", "")
        return chosen if chosen in nodes else ""

    def choices(self, at: float | None) -> list[Choice]:
        nodes = ["all nodes", *self.state(at).nodes[:200]]
        return [Choice("node", "connections of", tuple(nodes), self._node(at) or "all nodes")]

    # -- why

    def _against(self, at: float | None) -> dict[tuple[str, str], Event]:
        """By pair: the last thing that went against a connection of the two."""
        found: dict[tuple[str, str], Event] = {}
        for event in until(self.source.events, AGAINST, at):
            if event.node and event.peer:
                found[_pair(event.node, event.peer)] = event
        return found

    def _why(self, a: str, b: str, at: float | None, against: dict[tuple[str, str], Event]) -> tuple[int, str]:
        """How it stands with two that are not connected, and the words for it."""
        state = self.state(at)
        for name in (a, b):
            if name in state.down:
                return CANNOT, f"{name} is down"
        for groups in state.partitions:
            sides = [next((number for number, group in enumerate(groups) if name in group), -1) for name in (a, b)]
            if min(sides) >= 0 and sides[0] != sides[1]:
                return CANNOT, "a partition lies between them"
        event = against.get(_pair(a, b))
        if event is None:
            return COULD, "nobody has tried yet"
        said = f"{event.kind.partition('.')[2]} at {event.t:.2f} s: {event.reason or 'no reason given'}"
        return (TRIED if event.kind != "connection.closed" else COULD), said

    # -- what is seen

    def facts(self, at: float | None) -> list[str]:
        state = self.state(at)
        up = len(state.nodes) - len(state.down)
        possible = up * (up - 1) // 2
        return [f"{plural(len(state.nodes), 'node')}", f"{len(state.edges)} of {possible} possible connections"]

    def sentence(self, at: float | None) -> str:
        state, against = self.state(at), self._against(at)
        connected = set(state.edges)
        failed = [
            pair for pair, event in against.items() if pair not in connected and event.kind != "connection.closed"
        ]
        said = f"{len(connected)} pairs are connected"
        if state.partitions:
            cut = f"{len(state.partitions)} partitions keep" if len(state.partitions) > 1 else "a partition keeps"
            said += f"; {cut} nodes apart"
        if failed:
            a, b = failed[-1]
            said += f"; {a} and {b} are not: {against[a, b].reason}"
        return f"{said}."

    def cards(self, at: float | None) -> list[Card]:
        opened, stacks = self._opened(at), self._live_stacks()
        cards = [self._matrix(at), self._stacks(at, opened, stacks), self._list(at, opened, stacks)]
        node = self._node(at)
        lab = self.lab
        if node and at is None and lab is not None:
            cards.append(self._limits(lab[node]))
        cards += [self._bytes(at), self._feed(at)]
        return cards

    def _matrix(self, at: float | None) -> Card:
        state = self.state(at)
        names = state.nodes
        place = {name: number for number, name in enumerate(names)}
        marks: dict[tuple[int, int], int] = {}
        say: dict[tuple[int, int], str] = {}
        connected = set(state.edges)
        if len(names) > MAX_NAMES:
            for one, other in connected:
                if one in place and other in place:
                    marks[place[one], place[other]] = marks[place[other], place[one]] = CONNECTED
            return matrix("Who is connected", names, marks, KINDS, verb="and")
        against = self._against(at)
        for row, a in enumerate(names):
            for column, b in enumerate(names):
                if row == column:
                    continue
                if _pair(a, b) in connected:
                    marks[row, column] = CONNECTED
                elif len(names) <= 40 or _pair(a, b) in against:
                    marks[row, column], say[row, column] = self._why(a, b, at, against)
        return matrix("Who is connected", names, marks, KINDS, say=say, verb="and", empty="no node yet")

    def _opened(self, at: float | None) -> list[Event]:
        """The ends of connections that are open, by the log: opened, and not closed since."""
        ends: dict[tuple[str, str, Any], Event] = {}
        for event in until(self.source.events, ("connection.opened", "connection.closed", "node.crashed"), at):
            node = str(event.node)
            key = (node, str(event.peer), (event.data or {}).get("connection"))
            if event.kind == "connection.opened":
                ends[key] = event
            elif event.kind == "connection.closed":
                ends.pop(key, None)
            else:
                ends = {one: opened for one, opened in ends.items() if one[0] != node}
        return list(ends.values())

    def _list(self, at: float | None, opened: list[Event], stacks: Stacks) -> Card:
        node = self._node(at)
        opened = [event for event in opened if not node or event.node == node]
        if not node:
            opened = [event for event in opened if (event.data or {}).get("direction") == "outbound"]
        rows = [
            [
                event_cell(event), cell(event.node or "", "node", event.node),
                cell(event.peer or "", "node", event.peer), str((event.data or {}).get("direction", "–")),
                stacks.get((str(event.node), (event.data or {}).get("connection")), "–"), shown(event.reason or "–"),
            ]
            for event in opened
        ]  # fmt: skip
        columns = ["open since", "node", "peer", "direction", "transport, security, muxer", "because"]
        title = f"Connections of {node}" if node else "Connections, as their dialler sees them"
        return table(title, columns, rows, wide=True, empty="nobody is connected")

    def _live_stacks(self) -> Stacks:
        """What connections are made of, as the nodes say now; of very many nodes the first."""
        found: Stacks = {}
        lab = self.lab
        if lab is None or lab.closed:
            return found
        for node in lab.nodes[:ASKED]:
            try:
                for one in node.connections() if node.running else []:
                    parts = [one.transport, one.security, one.muxer]
                    kind = " over a relay" if one.relayed else ""
                    found[node.name, one.id] = "+".join(p for p in parts if p) + kind
            except LabError:
                continue  # it went away meanwhile
        return found

    def _stacks(self, at: float | None, opened: list[Event], stacks: Stacks) -> Card:
        counted: dict[str, int] = {}
        for event in opened:
            stack = stacks.get((str(event.node), (event.data or {}).get("connection")))
            if stack is not None:
                counted[stack] = counted.get(stack, 0) + 1
        rows: list[tuple[str, Cell]] = [(shown(stack), f"{count} ends") for stack, count in counted.items()]
        state = self.state(at)
        if stacks and len(state.nodes) > ASKED:
            rows.append(("asked", f"the first {ASKED} of {len(state.nodes):,} nodes"))
        rows.append(("nodes up", f"{len(state.nodes) - len(state.down)} of {len(state.nodes)}"))
        for number, groups in enumerate(state.partitions, start=1):
            sides = " | ".join(", ".join(shown(name, 12) for name in group[:6]) for group in groups)
            rows.append((f"partition {number}", shown(sides, 160)))
        return facts("What they are made of", rows)

    def _limits(self, node: Any) -> Card:
        rows: list[tuple[str, Cell]] = []
        try:
            rows.append(("gate", shown(str(node.gate) if node.gate is not None else "none: everybody may come", 160)))
            marks = node.watermarks
            rows.append(("watermarks", shown(str(marks) if marks is not None else "none", 120)))
            for one in node.usage()[:20]:
                limit = "no limit" if one.limit is None else f"of {one.limit:,}"
                rows.append((f"{one.scope} {one.name} {one.resource}".strip(), f"{one.used:,} {limit}"))
        except LabError as error:
            rows.append(("limits", shown(str(error), 160)))
        return facts(f"Limits and gate of {node.name}", rows)

    def _bytes(self, at: float | None) -> Card:
        rows, dropped = self.source.events.rows()
        count = len(rows) + dropped
        if self._charted is not None and at is None and MANY < count < 1.1 * self._charted[0]:
            return self._charted[1]  # a tenth more of very many events would hardly be seen
        chart = bandwidth(self.source.events, until=at)
        if chart.rows:
            card = picture("Bytes and rates", chart.svg(bare=True), chart.sentence, wide=True)
        else:
            card = facts("Bytes and rates", [("bytes", chart.sentence)])
        self._charted = (count, card) if at is None else None
        return card

    def _feed(self, at: float | None) -> Card:
        events = until(self.source.events, FEEDS, at)
        node = self._node(at)
        events = [event for event in events if not node or node in (event.node, event.peer)]
        rows = [
            [
                event_cell(event), cell(event.node or "lab", "node", event.node) if event.node else "lab",
                event.kind, cell(event.peer, "node", event.peer) if event.peer else "–", shown(event.reason or "–"),
                shown(numbers(event, 4), 100),
            ]
            for event in reversed(events[-FEED:])
        ]  # fmt: skip
        columns = ["when", "node", "what", "peer", "because", "more"]
        return table("What happened to connections", columns, rows, wide=True, empty="nothing yet")


def _pair(a: str, b: str) -> tuple[str, str]:
    return (a, b) if a < b else (b, a)
