"""GossipSub at work: meshes, a message's way, duplicates, scores, and what was decided and why."""

from __future__ import annotations

from typing import Any, ClassVar

from p2plab.charts import Chart
from p2plab.charts.description import Axis, Description, Panel, ReferenceLine, Series
from p2plab.errors import LabError, ValidationError
from p2plab.events import Event
from p2plab.text import plural
from p2plab_widgets.board import Board, Choice
from p2plab_widgets.board.cards import Card, Cell, Kind, cell, facts, matrix, note, picture, steps, table
from p2plab_widgets.protocols.reading import FEED, event_cell, numbers, until
from p2plab_widgets.protocols.scores import COMPONENTS, ScoreKeeper
from p2plab_widgets.publisher import SourceOutcome
from p2plab_widgets.text import counted, shown, unknown_topic
from p2plab_widgets.view import Source

__all__ = ["GossipView"]

DECISIONS = (
    "graft", "graft_refused", "prune", "fanout", "score", "penalty", "reject", "ignore", "drop", "peer_exchange",
    "reconnect", "ihave_ignored", "idontwant_ignored",
)  # fmt: skip
MESH: list[Kind] = [("in each other's mesh", "full"), ("in the row's mesh alone", "half"), ("in its fanout", "ring")]
MESSAGES = 20  # that can be chosen
LATEST = "the latest"


class GossipView(Board):
    """What GossipSub does in one topic, at the cursor's moment.

    ``topic``: its name; left out, the first that anybody subscribed to. A selected message shows its way, a selected
    node the scores that it gives. While the view is shown it keeps the scores of that node, by looking, which changes
    nothing in the lab.
    """

    TITLE: ClassVar[str] = "GossipSub"

    def __init__(self, source: Source, topic: str | None = None, **options: Any) -> None:
        if topic is not None and not isinstance(topic, str):
            raise ValidationError(f"the GossipSub view takes the name of a topic (str), not {topic!r}")
        self.topic = topic
        self._scores = ScoreKeeper()
        self._known: tuple[tuple[Any, ...], dict[str, Any]] | None = None  # of which message and moment, and its spread
        super().__init__(source, **options)

    # -- what is chosen

    def _topic(self, at: float | None) -> str:
        topics = self._topics(at)
        return self.picked("topic", topics, self.topic or (topics[0] if topics else ""))

    def _topics(self, at: float | None) -> list[str]:
        subscribed = list(self.state(at).subscriptions)
        return subscribed if self.topic is None or self.topic in subscribed else [self.topic, *subscribed]

    def _messages(self, at: float | None) -> list[Event]:
        return self.source.events.filter(kind="pubsub.publish", topic=self._topic(at), until=at)

    def _message(self, at: float | None) -> str | None:
        """The message shown: the selected one, else the one chosen in the header, else the latest."""
        selection = self.cursor.selection or {}
        messages = self._messages(at)
        known = {str(event.ref) for event in messages}
        if selection.get("kind") == "message" and selection.get("id") in known:
            return str(selection["id"])
        if selection.get("kind") == "event":
            event = self.source.events.by_seq(int(selection["id"]))
            if event is not None and event.ref in known:
                return event.ref
        labels = {_label(event): str(event.ref) for event in messages[-MESSAGES:]}
        return labels.get(self.chosen.get("message", "")) or (str(messages[-1].ref) if messages else None)

    def _node(self, at: float | None) -> str:
        selection, state = self.cursor.selection or {}, self.state(at)
        chosen = str(selection.get("id")) if selection.get("kind") == "node" else self.chosen.get("node", "")
        first = self.state(at).subscriptions[self._topic(at)] or state.nodes
        return chosen if chosen in state.nodes else (first[0] if first else "")

    def choices(self, at: float | None) -> list[Choice]:
        topics = self._topics(at) or [""]
        messages = [LATEST, *reversed([_label(event) for event in self._messages(at)[-MESSAGES:]])]
        nodes = self.state(at).nodes[:200] or [""]
        return [
            Choice("topic", "topic", tuple(topics), self._topic(at)),
            Choice("message", "message", tuple(messages), self.picked("message", messages, LATEST)),
            Choice("node", "scores of", tuple(nodes), self._node(at)),
        ]

    # -- what is seen

    def facts(self, at: float | None) -> list[str]:
        topic = self._topic(at)
        meshes = self.state(at).meshes[topic]
        sizes = sorted(len(mesh) for mesh in meshes.values())
        middle = sizes[len(sizes) // 2] if sizes else 0
        said = [counted(len(meshes), "subscriber"), f"median mesh {middle}"]
        return [f"topic {shown(topic, 30)}", *said] if topic else ["no topic yet"]

    def sentence(self, at: float | None) -> str:
        message = self._message(at)
        if message is None:
            topic = self._topic(at)
            if not topic:
                return "No node has subscribed to a topic yet."
            unknown = unknown_topic(topic, [*self.source.events.topics(), *self.state(at).subscriptions])
            return f"N{unknown[1:]}." if unknown else f"Nothing was published to {topic} yet."
        spread = self._spread(message, at)
        total = len(spread["got"]) + len(spread["missing"])
        missing = spread["missing"]
        who = f"; {', '.join(missing[:4])}{' and others' if len(missing) > 4 else ''} wait" if missing else ""
        return f"{len(spread['got'])} of {total} have the message of {spread['publisher']}{who}."

    def cards(self, at: float | None) -> list[Card]:
        topic = self._topic(at)
        cards = [self._matrix(topic, at)]
        message = self._message(at)
        if message is not None:
            spread = self._spread(message, at)
            cards += [self._about(message, spread), self._tree(spread), self._curve(spread)]
        cards += [self._standing(at), self._over_time(at), self._feed(topic, at)]
        return cards

    def _matrix(self, topic: str, at: float | None) -> Card:
        state = self.state(at)
        meshes, fanouts = state.meshes[topic], state.fanout[topic]
        names = list(dict.fromkeys([*meshes, *fanouts]))
        place = {name: number for number, name in enumerate(names)}
        marks: dict[tuple[int, int], int] = {}
        for name, peers in fanouts.items():
            marks.update({(place[name], place[peer]): 2 for peer in peers if peer in place})
        for name, peers in meshes.items():
            for peer in peers:
                if peer in place:
                    marks[place[name], place[peer]] = 0 if name in meshes[peer] else 1
        return matrix(
            f"Meshes of {topic}" if topic else "Meshes", names, marks, MESH, verb="has", empty="nobody subscribes yet"
        )

    def _spread(self, message: str, at: float | None) -> dict[str, Any]:
        """How the message had spread by a moment; asked for once in a look, however many cards show it."""
        rows, dropped = self.source.events.rows()
        key = (message, at, len(rows) + dropped, self.cursor.end)
        if self._known is None or self._known[0] != key:
            self._known = (key, self._spread_by(message, at))
        return self._known[1]

    def _spread_by(self, message: str, at: float | None) -> dict[str, Any]:
        """The same, from the log's answer."""
        whole = self.source.propagation(message)  # type: ignore[attr-defined]  # both sources have it
        now = self.cursor.end if at is None else at
        got = [one for one in whole if whole.published_at + one.after <= now + 1e-9]
        late = [one.node for one in whole if whole.published_at + one.after > now + 1e-9]
        copies: dict[str, int] = {}
        for event in self.source.events.filter(kind="pubsub.duplicate", ref=message, until=at):
            copies[str(event.node)] = copies.get(str(event.node), 0) + 1
        return {
            "publisher": whole.publisher, "topic": whole.topic, "at": whole.published_at, "got": got,
            "missing": [*late, *whole.missing], "never": list(whole.missing), "copies": copies,
        }  # fmt: skip

    def _about(self, message: str, spread: dict[str, Any]) -> Card:
        got, missing = spread["got"], spread["missing"]
        copies = sum(spread["copies"].values())
        rows: list[tuple[str, Cell]] = [
            ("message", cell(f"…{message[-16:]}", "message", message)),
            ("published", f"{spread['at']:.3f} s by {shown(spread['publisher'])}"),
            ("has it", f"{len(got)} of {len(got) + len(missing)} subscribers"),
            ("longest way", f"{plural(max((one.hops for one in got), default=0), 'hop')}, "
                            f"{max((one.after for one in got), default=0.0):.3f} s"),
            ("duplicates", f"{copies}, {copies / max(1, len(got)):.2f} a node"),
            ("does not have it", ", ".join(shown(name, 20) for name in missing[:8]) or "nobody"),
        ]  # fmt: skip
        if spread["never"]:
            rows.append(("why not", shown(self._why_not(message, spread["never"][0]), 200)))
        return facts("The message", rows)

    def _why_not(self, message: str, node: str) -> str:
        try:
            chain = self.source.why(message, at=node)  # type: ignore[attr-defined]  # both sources have it
        except LabError as error:
            return str(error)
        return f"{node}: {str(chain).splitlines()[0]}"

    def _tree(self, spread: dict[str, Any]) -> Card:
        children: dict[str, list[Any]] = {}
        for one in spread["got"]:
            if one.received_from is not None:
                children.setdefault(one.received_from, []).append(one)
        rows: list[tuple[int, Cell, str]] = [(0, cell(spread["publisher"], "node", spread["publisher"]), "0 s")]
        waiting = [(1, one) for one in reversed(children.get(spread["publisher"], []))]
        while waiting:
            depth, one = waiting.pop()
            copies = spread["copies"].get(one.node, 0)
            said = f"{one.after:.3f} s" + (f", {copies} duplicate{'s' if copies > 1 else ''}" if copies else "")
            rows.append((depth, cell(one.node, "node", one.node), said))
            waiting += [(depth + 1, child) for child in reversed(children.pop(one.node, []))]
        return steps("Its way", rows)

    def _curve(self, spread: dict[str, Any]) -> Card:
        got = sorted(one.after for one in spread["got"])
        total = len(got) + len(spread["missing"])
        points = [(after, count / total) for count, after in enumerate(got, start=1)]
        panel = Panel(
            Axis("time since publication", "s", low=0.0), Axis("share that has it", low=0.0, high=1.0),
            (Series("subscribers", "step", tuple(x for x, _ in points), tuple(y for _, y in points)),),
        )  # fmt: skip
        said = f"{len(got)} of {total} subscribers within {got[-1] if got else 0:.3f} s"
        chart = Chart(Description("Propagation", said, (panel,)), ("seconds", "share"), points)
        return picture("How fast", chart.svg(width=340, bare=True), said)

    # -- scores

    def publish(self) -> SourceOutcome:
        """Keep the scores, ten times a second, then as every board."""
        self._keep_scores()
        return super().publish()

    def _keep_scores(self) -> None:
        lab = self.lab  # once: it may be gone a moment later
        if lab is not None and not lab.closed:
            node = self._node(None)
            if node:
                self._scores.look(lab, node)

    def _standing(self, at: float | None) -> Card:
        if at is None:
            self._keep_scores()  # a still has those of now, whether or not the publisher came by
        node = self._node(at)
        scores = self._scores.at(node, self.cursor.end if at is None else at)
        rows = [
            [cell(peer, "node", peer), *(f"{parts.get(name, 0.0) + 0.0:.3f}" for name in ("score", *COMPONENTS))]
            for peer, parts in sorted(scores.items(), key=lambda pair: pair[1].get("score", 0.0))
        ]
        empty = "no scores are known for this moment: they are kept from when this view is shown"
        return table(f"Scores that {node} gives", ["peer", "score", *COMPONENTS], rows, wide=True, empty=empty)

    def _over_time(self, at: float | None) -> Card:
        node = self._node(at)
        end = self.cursor.end if at is None else at
        curves = {peer: points for peer, points in self._scores.curves(node, end).items() if len(points) > 1}
        series = tuple(
            Series(shown(peer, 24), "line", tuple(t for t, _ in points), tuple(value for _, value in points))
            for peer, points in sorted(curves.items(), key=lambda pair: pair[1][-1][1])[:8]
        )
        if not series:
            return note(f"Scores over time at {node}", "The curves begin when this view is shown.", wide=True)
        lowest = min((value for points in curves.values() for _, value in points), default=0.0)
        marks = tuple(
            ReferenceLine("y", value, name)
            for name, value in self._scores.thresholds.items()
            if value >= 2 * min(lowest, -1.0)
        )
        panel = Panel(Axis("lab time", "s"), Axis("score", "points"), series, marks)
        said = f"scores of {len(curves)} peers at {shown(node, 24)}"
        chart = Chart(Description(f"Scores over time at {shown(node, 24)}", said, (panel,)), (), ())
        return picture(f"Scores over time at {node}", chart.svg(bare=True), said, wide=True)

    # -- decisions

    def _feed(self, topic: str, at: float | None) -> Card:
        kinds = [f"pubsub.{name}" for name in DECISIONS]
        events = [event for event in until(self.source.events, kinds, at) if event.topic in (topic, None)]
        rows = [
            [
                event_cell(event), cell(event.node or "lab", "node", event.node), event.kind.partition(".")[2],
                cell(event.peer or "–", "node", event.peer) if event.peer else "–", shown(event.reason or "–"),
                shown(numbers(event), 100),
            ]
            for event in reversed(events[-FEED:])
        ]  # fmt: skip
        columns = ["when", "node", "decision", "peer", "because", "numbers"]
        return table("What was decided, and why", columns, rows, wide=True, empty="nothing was decided yet")


def _label(event: Event) -> str:
    return f"{event.t:.2f} s {shown(event.node or '', 20)} …{str(event.ref)[-6:]}"
