"""Buttons for a lab's verbs: choose a node; connect, subscribe, publish; see what came of it."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import ipywidgets

from p2plab.commands import perform, subscription
from p2plab.errors import UnknownNodeError
from p2plab.events import Event
from p2plab.text import plural
from p2plab_widgets.console.field import held, problem, say
from p2plab_widgets.console.forms import Forms
from p2plab_widgets.console.log import MAX_LENGTH, MAX_LINES, Log
from p2plab_widgets.console.sentences import reach_of, sentence_of
from p2plab_widgets.console.status import StatusLine
from p2plab_widgets.console.worker import Worker
from p2plab_widgets.publisher import SourceOutcome, publisher
from p2plab_widgets.text import shown, shown_data
from p2plab_widgets.view.audience import for_its_audience

if TYPE_CHECKING:
    from p2plab import Lab
    from p2plab.events import Follower
    from p2plab.pubsub import Message, TopicQueue

FOLLOWED: Final = ("pubsub.deliver", "pubsub.subscribe", "node.started")
MOST_ON_THEIR_WAY: Final = 5  # messages whose recipients are counted
MOST_TOPICS: Final = 50  # offered
TOLD: Final = 0.25  # seconds between two looks at the lab's time
MAX_EVENTS: Final = 2_000  # between two looks; of more, the newest are shown
PATIENCE: Final = 10  # looks after which a message that is in no history any more is shown without its payload


class Console(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no annotations
    """A console for a lab, mock or real: every click is a command of the table, and is shown as one line of Python.

    ``node`` chooses the node at first. What goes wrong is shown as text and harms nothing. ``output`` holds the lines.
    """

    _follower: Follower | None = None  # none yet: ipywidgets closes also what was refused while it was made

    def __init__(self, lab: Lab, node: str = "") -> None:
        self._lab_of = weakref.ref(lab)  # a lab that nobody else holds can be collected though it is shown
        self._worker = Worker()
        self._subscriptions: dict[tuple[str, str], TopicQueue] = {}
        self._arrivals: list[tuple[Event, int]] = []
        names = [str(each) for each in lab.nodes]
        if node and str(node) not in names:
            raise UnknownNodeError(f"this lab has no node {str(node)!r}; it has {', '.join(names[:8]) or 'none yet'}")
        self._follower = lab.events.follow(FOLLOWED, limit=MAX_EVENTS)
        self._done: dict[str, tuple[str, dict[str, Any]]] = {}  # line of Python -> the command that it does
        self._on_their_way: dict[
            str, tuple[list[str], str]
        ] = {}  # message id -> its line in the log, what it began with
        self._looked = 0.0
        self.output = Log(self.repeat)
        self.status = StatusLine(lab)
        self.node = ipywidgets.Dropdown(
            options=names, value=str(node) or (names[0] if names else None), description="node"
        )
        self.peer = ipywidgets.Combobox(options=names, placeholder="a node, peer id or multiaddr", description="peer")
        self.topic = ipywidgets.Combobox(value="news", placeholder="topic", description="topic")
        self.message = ipywidgets.Text("hello", placeholder="message", description="message")
        for name in ("node", "peer", "topic", "message"):
            getattr(self, name).add_class(f"p2plab-{name}")
        self.problems = {name: problem() for name in ("connect", "subscribe", "publish")}
        rows = [
            _row(self.node, *(self._time_buttons() if lab.backend == "mock" else ())),
            _row(self.peer, self._button("connect", self._connect, "Connect", "dial it"), self.problems["connect"]),
            _row(
                self.topic,
                self._button("subscribe", self._subscribe, "Subscribe", "receive the topic's messages"),
                self.problems["subscribe"],
            ),
            _row(
                self.message,
                self._button("publish", self._publish, "Publish", "send it to the topic's subscribers"),
                self.problems["publish"],
            ),
        ]
        self.forms = Forms(lab, self.output, self._worker, self._remember)
        every = ipywidgets.Accordion([self.forms], titles=("All commands, by subject",))
        every.add_class("p2plab-all-commands")
        super().__init__([_row(self.status), *rows, every, self.output])
        self.add_class("p2plab-console")
        self.output.add(("note", f"{lab.backend} lab: " + _HINTS[lab.backend]))
        publisher.add(self)

    @property
    def _lab(self) -> Lab:
        return held(self._lab_of)

    # -- the buttons

    def _button(self, name: str, action: Callable[[], None], text: str, hint: str, icon: str = "") -> Any:
        button = ipywidgets.Button(description=text, tooltip=hint, icon=icon)
        button.add_class(f"p2plab-{name}")
        button.on_click(lambda _: action())
        return button

    def _time_buttons(self) -> list[Any]:
        return [
            self._button("play", self._play, "", "let time pass by itself: lab.play()", "play"),
            self._button("pause", self._pause, "", "stop time: lab.pause()", "pause"),
            self._button("run", self._run_a_second, "+1 s", "let a second pass: lab.run(1)"),
        ]

    def _connect(self) -> None:
        self._on_node("connect", peer=self.peer.value.strip())

    def _subscribe(self) -> None:
        self._on_node("subscribe", topic=self.topic.value)

    def _publish(self) -> None:
        self._on_node("publish", topic=self.topic.value, message=self.message.value)

    # Playing needs the kernel's loop, which runs this callback; it takes no time.
    def _play(self) -> None:
        self._perform("play", {})

    def _pause(self) -> None:
        self._perform("pause", {})

    def _run_a_second(self) -> None:
        self._worker.submit(lambda: self._perform("run", {"seconds": 1.0}))

    def _on_node(self, command: str, **arguments: Any) -> None:
        """Hand a command of the chosen node to the worker."""
        if self.node.value is None:
            self.output.add(("error", "there is no node yet: start one with lab.start_node('alice')"))
            return
        given = {"node": self.node.value, **arguments}
        self._worker.submit(lambda: self._perform(command, given))

    def repeat(self, line: str) -> None:
        """Do once more what a line of Python in the log stands for; what is no such line does nothing."""
        if line not in self._done:
            return
        command, arguments = self._done[line]
        if command in ("play", "pause"):
            self._perform(command, arguments)
        else:
            self._worker.submit(lambda: self._perform(command, arguments))

    def _remember(self, line: str, command: str, arguments: Mapping[str, Any]) -> None:
        self._done[shown(line, MAX_LENGTH)] = (command, dict(arguments))
        while len(self._done) > MAX_LINES:
            del self._done[next(iter(self._done))]

    def _perform(self, command: str, arguments: Mapping[str, Any]) -> None:
        """Execute a command of the table; show what came of it, and the line of Python that does the same."""
        known = self._is_subscribed(arguments) if command == "subscribe" else False
        lab = self._lab_of()
        if lab is None:
            self.output.add(("error", "the lab is gone: nothing but this console held it"))
            return
        answer = perform(lab, command, dict(arguments))
        if command in self.problems:
            say(self.problems[command], "" if answer.success else answer.error.partition(": ")[2] or answer.error)
        python = [("python", answer.python)] if answer.python else []
        self._remember(answer.python, command, arguments)
        if not answer.success:
            self.output.add(*python, ("error", answer.error))
            return
        said = sentence_of(command, arguments, answer.result)
        if command == "subscribe":
            self._keep_subscription(str(arguments["node"]), str(answer.result["topic"]))
            said = said.replace("; its", " already; its") if known else said
        line = self.output.add(*python, ("result", said))[-1]
        if command == "publish":
            sent = self._lab.events.filter(kind="pubsub.publish", node=arguments["node"], topic=arguments["topic"])
            if sent and sent[-1].ref is not None:
                self._on_their_way[sent[-1].ref] = (line, said)
                while len(self._on_their_way) > MOST_ON_THEIR_WAY:
                    del self._on_their_way[next(iter(self._on_their_way))]
                self.output.rewrite(line, reach_of(self._lab, sent[-1].ref, said))

    def _is_subscribed(self, arguments: Mapping[str, Any]) -> bool:
        queue = self._subscriptions.get((str(arguments.get("node")), str(arguments.get("topic"))))
        return queue is not None and not queue.closed

    def _keep_subscription(self, node: str, topic: str) -> None:
        if not self._is_subscribed({"node": node, "topic": topic}):
            queue = subscription(self._lab.world, node, topic)
            assert queue is not None  # the command has just made it
            self._subscriptions[node, topic] = queue

    # -- what the lab does meanwhile

    def publish(self) -> SourceOutcome:
        """Show what has arrived since the last look. For the publisher, ten times a second at most."""
        assert self._follower is not None
        if self._lab_of() is None:
            self._follower.close()
            self.output.add(("note", "the lab is gone: nothing but this console held it"))
            return SourceOutcome.ENDED
        closed = self._lab.closed
        lines = []
        moved: dict[str, None] = {}
        now = time.monotonic()
        told = closed or now - self._looked >= TOLD
        if told:
            self._looked = now
            told = self.status.look(self._lab)
        for event in self._follower.drain():
            if event.kind == "node.started" and event.node is not None:
                self._add_node(event.node)
                continue
            if event.kind == "pubsub.subscribe":
                self._add_topic(event.topic or "")
                continue
            if event.ref in self._on_their_way:
                moved[event.ref] = None
            if (event.node, event.topic) in self._subscriptions:
                self._arrivals.append((event, 0))
        if self._arrivals:
            lines += self._arrived()
        if closed:
            self._follower.close()
            lines.append(("note", "the lab is closed"))
        for ref in moved:
            line, said = self._on_their_way[ref]
            told = self.output.rewrite(line, reach_of(self._lab, ref, said)) or told
        if lines:
            self.output.add(*lines)
        if closed:
            return SourceOutcome.ENDED
        return SourceOutcome.SENT if lines or told else SourceOutcome.NOTHING

    def _arrived(self) -> list[tuple[str, str]]:
        """Lines for the deliveries whose messages are in the subscriptions' histories by now."""
        lines, waiting = [], []
        histories: dict[tuple[str, str], dict[str, Message]] = {}
        for event, looks in self._arrivals[-MAX_EVENTS:]:
            assert event.node is not None
            assert event.topic is not None
            key = (event.node, event.topic)
            if key not in histories:
                histories[key] = {message.id: message for message in self._subscriptions[key].messages}
            message = histories[key].get(event.ref or "")
            if message is None and looks < PATIENCE:
                waiting.append((event, looks + 1))
                continue
            what = "a message" if message is None else shown_data(message.data)
            if message is not None and message.sender is not None:
                what += f" from {message.sender.name or message.sender.short}"
            lines.append(("message", f"{event.node} received {what} on {shown(event.topic)} at {event.t:.3f} s"))
        self._arrivals = waiting
        return lines

    def _add_node(self, name: str) -> None:
        names = list(self.node.options)
        if name not in names:
            chosen = self.node.value
            self.node.options = self.peer.options = [*names, name]
            self.node.value = chosen or name
            self._worker.submit(self.forms.refresh)

    def _add_topic(self, topic: str) -> None:
        if topic not in self.topic.options and len(self.topic.options) < MOST_TOPICS and shown(topic) == topic:
            self.topic.options = [*self.topic.options, topic]

    def failed(self, error: Exception) -> None:
        self.output.add(("error", f"the log stands still: {type(error).__name__}: {error}"))

    def close(self) -> None:
        """Take the console away, and end the subscriptions it made."""
        publisher.remove(self)
        if self._follower is not None:
            self._follower.close()
        lab = self._lab_of()
        if lab is not None and not lab.closed:
            for (node, topic), queue in self._subscriptions.items():
                if not queue.closed:
                    perform(lab, "unsubscribe", {"node": node, "topic": topic})
        super().close()

    def __repr__(self) -> str:
        return f"<Console, {self.status.said['world']}: {plural(len(self.node.options), 'node')}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        data = super()._repr_mimebundle_(**kwargs)
        return for_its_audience({**data, "text/plain": repr(self)}) if data else data


_HINTS: Final = {
    "mock": "time passes while it plays, by +1 s, and while a verb waits; else it stands still",
    "real": "its nodes run in the background all the time",
}


def _row(*widgets: Any) -> Any:
    row = ipywidgets.HBox(list(widgets))
    row.add_class("p2plab-row")
    return row
