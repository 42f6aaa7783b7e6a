"""Buttons for a lab's verbs: choose a node; connect, subscribe, publish; see what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import ipywidgets

from p2plab.commands import perform, subscription
from p2plab.counted import counted
from p2plab.errors import UnknownNodeError
from p2plab.events import Event
from p2plab_widgets.console.forms import Forms
from p2plab_widgets.console.log import Log
from p2plab_widgets.console.worker import Worker
from p2plab_widgets.publisher import Outcome, publisher
from p2plab_widgets.text import shown, shown_data

if TYPE_CHECKING:
    from p2plab import Lab
    from p2plab.events import Follower
    from p2plab.pubsub import Message, TopicQueue

FOLLOWED: Final = ("pubsub.deliver", "node.started")
MAX_EVENTS: Final = 2_000  # between two looks; of more, the newest are shown
PATIENCE: Final = 10  # looks after which a message that is in no history any more is shown without its payload


class Console(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no annotations
    """A console for a lab, mock or real: every click is a command of the table, and is shown as one line of Python.

    ``node`` chooses the node at first. What goes wrong is shown as text and harms nothing. ``journal`` holds the lines.
    """

    _follower: Follower | None = None  # none yet: ipywidgets closes also what was refused while it was made

    def __init__(self, lab: Lab, node: str = "") -> None:
        self._lab = lab
        self._worker = Worker()
        self._subscriptions: dict[tuple[str, str], TopicQueue] = {}
        self._arrivals: list[tuple[Event, int]] = []
        names = [str(each) for each in lab.nodes]
        if node and str(node) not in names:
            raise UnknownNodeError(f"this lab has no node {str(node)!r}; it has {', '.join(names[:8]) or 'none yet'}")
        self._follower = lab.events.follow(FOLLOWED, limit=MAX_EVENTS)
        self.journal = Log()
        self.node = ipywidgets.Dropdown(options=names, value=str(node) or (names[0] if names else None))
        self.peer = ipywidgets.Combobox(options=names, placeholder="a node, a peer id or a multiaddr")
        self.topic = ipywidgets.Text("news", placeholder="topic")
        self.message = ipywidgets.Text("hello", placeholder="message")
        for name in ("node", "peer", "topic", "message"):
            getattr(self, name).add_class(f"p2plab-{name}")
        rows = [
            _row("node", self.node, *(self._time_buttons() if lab.backend == "mock" else ())),
            _row("connect to", self.peer, self._button("connect", self._connect, "Connect", "dial it")),
            _row(
                "topic",
                self.topic,
                self._button("subscribe", self._subscribe, "Subscribe", "receive the topic's messages"),
            ),
            _row(
                "message",
                self.message,
                self._button("publish", self._publish, "Publish", "send it to the topic's subscribers"),
            ),
        ]
        self.forms = Forms(lab, self.journal, self._worker)
        every = ipywidgets.Accordion([self.forms], titles=("All commands",))
        every.add_class("p2plab-all-commands")
        super().__init__([*rows, every, self.journal])
        self.add_class("p2plab-console")
        self.journal.add(("note", f"{lab.backend} lab: " + _HINTS[lab.backend]))
        publisher.add(self)

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
        self._on_node("connect", _connected, peer=self.peer.value.strip())

    def _subscribe(self) -> None:
        def told(node: str, result: dict[str, Any]) -> str:
            key = (node, str(result["topic"]))
            again = key in self._subscriptions and not self._subscriptions[key].closed
            if not again:
                queue = subscription(self._lab.world, *key)
                assert queue is not None  # the command has just made it
                self._subscriptions[key] = queue
            return f"{node} subscribes to {key[1]}{' already' if again else ''}; its messages are shown here"

        self._on_node("subscribe", told, topic=self.topic.value)

    def _publish(self) -> None:
        self._on_node("publish", _published, topic=self.topic.value, message=self.message.value)

    # Playing needs the kernel's loop, which runs this callback; it takes no time.
    def _play(self) -> None:
        self._perform("play", lambda _: "time passes")

    def _pause(self) -> None:
        self._perform("pause", lambda _: "time stands still")

    def _run_a_second(self) -> None:
        def told(result: dict[str, Any]) -> str:
            return f"it is {result['now']:.2f} s now"

        self._worker.submit(lambda: self._perform("run", told, seconds=1.0))

    def _on_node(self, command: str, told: Callable[[str, dict[str, Any]], str], **arguments: Any) -> None:
        """Hand a command of the chosen node to the worker."""
        name = self.node.value
        if name is None:
            self.journal.add(("error", "there is no node yet: start one with lab.start_node('alice')"))
            return
        self._worker.submit(lambda: self._perform(command, lambda result: told(name, result), node=name, **arguments))

    def _perform(self, command: str, told: Callable[[dict[str, Any]], str], **arguments: Any) -> None:
        """Execute a command of the table; show the line of Python that does the same, and what came of it."""
        answer = perform(self._lab, command, arguments)
        python = [("python", answer.python)] if answer.python else []
        self.journal.add(*python, ("result", told(answer.result)) if answer.success else ("error", answer.error))

    # -- what the lab does meanwhile

    def publish(self) -> Outcome:
        """Show what has arrived since the last look. For the publisher, ten times a second at most."""
        assert self._follower is not None
        closed = self._lab.closed
        lines = []
        for event in self._follower.drain():
            if event.kind == "node.started" and event.node is not None:
                self._add_node(event.node)
            elif (event.node, event.topic) in self._subscriptions:
                self._arrivals.append((event, 0))
        if self._arrivals:
            lines += self._arrived()
        if closed:
            self._follower.close()
            lines.append(("note", "the lab is closed"))
        if lines:
            self.journal.add(*lines)
        if closed:
            return Outcome.ENDED
        return Outcome.SENT if lines else Outcome.NOTHING

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

    def failed(self, error: Exception) -> None:
        self.journal.add(("error", f"the log stands still: {type(error).__name__}: {error}"))

    def close(self) -> None:
        """Take the console away, and end the subscriptions it made."""
        publisher.remove(self)
        if self._follower is not None:
            self._follower.close()
        if not self._lab.closed:
            for (node, topic), queue in self._subscriptions.items():
                if not queue.closed:
                    perform(self._lab, "unsubscribe", {"node": node, "topic": topic})
        super().close()

    def __repr__(self) -> str:
        return f"<Console, {self._lab.backend}: {counted(len(self.node.options), 'node')}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        data = super()._repr_mimebundle_(**kwargs)
        return {**data, "text/plain": repr(self)} if data else data


def _connected(node: str, result: dict[str, Any]) -> str:
    arrow = "→" if result["direction"] == "outbound" else "←"
    stack = "+".join(part for part in (result["transport"], result["security"], result["muxer"]) if part)
    return f"connected: <Connection {node} {arrow} {result['peer']} (…{result['peer_id'][-6:]}) {stack}>"


def _published(node: str, result: dict[str, Any]) -> str:
    return f"published {counted(result['message_size'], 'byte')} to {result['topic']}"


_HINTS: Final = {
    "mock": "time stands still until you play, run a second, or use a verb that waits",
    "real": "its nodes run in the background all the time",
}


def _row(label: str, *widgets: Any) -> Any:
    name = ipywidgets.Label(label)
    name.add_class("p2plab-label")
    row = ipywidgets.HBox([name, *widgets])
    row.add_class("p2plab-row")
    return row
