"""The console over a mock lab: each button is a line of Python, and what comes of it is shown."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from p2plab import Lab
from p2plab.commands.python import literal
from p2plab.errors import UnknownNodeError
from p2plab.widgets import Console
from p2plab_widgets.console.log import MAX_LENGTH, MAX_LINES, Log
from p2plab_widgets.console.worker import Worker
from tests.unit.widgets.conftest import WAIT


class Watched:
    """A console whose log can be waited for."""

    def __init__(self, console: Any) -> None:
        self.console = console
        self._changed = threading.Condition()
        console.output.observe(self._notify, "lines")

    def _notify(self, _: object) -> None:
        with self._changed:
            self._changed.notify_all()

    def click(self, name: str) -> None:
        rows = [widget for row in self.console.children[:-1] for widget in row.children]
        (button,) = [widget for widget in rows if f"p2plab-{name}" in widget._dom_classes]
        button.click()

    def lines(self, kind: str) -> list[str]:
        return [text for its_kind, text in self.console.output.lines if its_kind == kind]

    def wait_for(self, kind: str, count: int = 1) -> list[str]:
        """Until there are so many lines of the kind; all of them."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.lines(kind)) >= count, WAIT), self.console.output.lines
        return self.lines(kind)


@pytest.fixture
def watched(lab: Lab) -> Iterator[Watched]:
    console = lab.console()
    yield Watched(console)
    console.close()


def test_it_offers_the_lab_s_nodes_and_those_that_come_later(lab: Lab, watched: Watched) -> None:
    console = watched.console
    assert (list(console.node.options), console.node.value) == (["alice", "bob", "carol"], "alice")
    console.node.value = "bob"
    seen = threading.Event()
    console.peer.observe(lambda _: seen.set(), "options")
    lab.start_node("dave")
    assert seen.wait(WAIT)
    assert list(console.node.options) == ["alice", "bob", "carol", "dave"]
    assert list(console.peer.options) == ["alice", "bob", "carol", "dave"]


def test_connect_dials_and_shows_the_line_and_the_connection(lab: Lab, watched: Watched) -> None:
    lab.start_node("dave")
    watched.console.peer.value = "dave"
    watched.click("connect")
    assert watched.wait_for("python") == ['lab["alice"].connect("dave")']
    assert watched.lines("result")[0].startswith("connected: <Connection alice → dave")
    assert ("alice", "dave") in lab.edges()


def test_a_multiaddr_can_be_dialled_too(lab: Lab, watched: Watched) -> None:
    dave = lab.start_node("dave")
    watched.console.peer.value = dave.addresses[0]
    watched.click("connect")
    watched.wait_for("result")
    assert ("alice", "dave") in lab.edges()


def test_a_message_to_a_topic_subscribed_to_here_is_shown_with_its_text(lab: Lab, watched: Watched) -> None:
    console = watched.console
    console.node.value = "bob"
    watched.click("subscribe")
    watched.wait_for("result")
    lab.run(1)
    console.node.value = "alice"
    console.message.value = 'he said "hi"'
    watched.click("publish")
    watched.wait_for("result", 2)
    watched.click("run")
    (message,) = watched.wait_for("message")
    assert message.startswith('bob received “he said "hi"” from alice on news at ')
    assert watched.lines("python") == [
        'lab["bob"].subscribe("news")',
        'lab["alice"].publish("news", \'he said "hi"\')',
        "lab.run(1.0)",
    ]


def test_each_line_of_python_does_what_the_click_did(lab: Lab, watched: Watched) -> None:
    watched.console.peer.value, watched.console.topic.value = "bob", "läuft\n“so”"
    for button in ("connect", "subscribe", "publish", "run"):
        watched.click(button)
    for line in watched.wait_for("python", 4):
        exec(line, {"lab": lab})
    assert lab["alice"].topics() == ["läuft\n“so”"]


@pytest.mark.parametrize(
    ("button", "field", "value", "error"),
    [
        ("connect", "peer", "nobody", "UnknownNodeError: "),
        ("connect", "peer", "", "Error: "),
        ("connect", "peer", "/ip4/999.0.0.1/tcp/1", "AddressError: "),
        ("subscribe", "topic", "", "ValidationError: "),
        ("publish", "topic", "", "ValidationError: "),
    ],
)
def test_what_goes_wrong_is_shown_and_harms_nothing(
    lab: Lab, watched: Watched, button: str, field: str, value: str, error: str
) -> None:
    getattr(watched.console, field).value = value
    watched.click(button)
    (line,) = watched.wait_for("error")
    assert error in line
    assert watched.lines("python") == [
        f'lab["alice"].{button}("{value}"' + (', "hello")' if button == "publish" else ")")
    ]
    assert lab["alice"].ping("bob") > 0


def test_without_nodes_it_says_what_to_do() -> None:
    with Lab(seed=7) as lab:
        watched = Watched(lab.console())
        watched.click("publish")
        assert watched.wait_for("error") == ["there is no node yet: start one with lab.start_node('alice')"]
        lab.start_node("alice")
        watched.wait_for("note")
        watched.console.close()


def test_subscribing_twice_shows_each_message_once(lab: Lab, watched: Watched) -> None:
    watched.click("subscribe")
    watched.click("subscribe")
    assert watched.wait_for("result", 2)[1] == "alice subscribes to news already; its messages are shown here"
    watched.click("publish")
    watched.click("run")
    watched.wait_for("message")
    lab["alice"].publish("news", "again")
    watched.click("run")
    assert len(watched.wait_for("message", 2)) == 2


def test_a_first_node_that_does_not_exist_is_refused(lab: Lab) -> None:
    followers = len(lab.events._followers)
    with pytest.raises(UnknownNodeError, match="no node 'zoe'; it has alice, bob, carol"):
        lab.console(node="zoe")
    assert len(lab.events._followers) == followers


def test_it_says_when_the_lab_has_closed() -> None:
    lab = Lab(seed=7)
    watched = Watched(lab.console())
    lab.close()
    assert watched.wait_for("note", 2)[-1] == "the lab is closed"


def test_closing_it_ends_its_subscriptions(lab: Lab) -> None:
    watched = Watched(lab.console())
    watched.click("subscribe")
    watched.wait_for("result")
    assert lab["alice"].topics() == ["news"]
    watched.console.close()
    assert lab["alice"].topics() == []


def test_a_mock_lab_has_buttons_for_time(lab: Lab, watched: Watched) -> None:
    before = lab.now
    watched.click("run")
    watched.wait_for("result")
    assert lab.now == pytest.approx(before + 1)
    watched.click("pause")
    assert watched.wait_for("python", 2)[1] == "lab.pause()"


def test_its_text_says_what_it_is(watched: Watched) -> None:
    assert repr(watched.console) == "<Console, mock: 3 nodes>"
    assert watched.console._repr_mimebundle_()["text/plain"] == "<Console, mock: 3 nodes>"


def test_the_log_is_bounded() -> None:
    log = Log()
    log.add(*(("result", f"{number}" * 2000) for number in range(MAX_LINES + 20)))
    assert len(log.lines) == MAX_LINES
    assert log.texts()[0].startswith("20")
    assert max(map(len, log.texts("result"))) == MAX_LENGTH
    log.clear()
    assert log.texts() == log.lines == []


def test_work_is_done_in_order_away_from_who_asked() -> None:
    worker, done, finished = Worker(), [], threading.Event()

    def work(number: int) -> Callable[[], None]:
        return lambda: done.append((number, threading.current_thread().name))

    for number in range(50):
        worker.submit(work(number))
    worker.submit(finished.set)
    assert finished.wait(WAIT)
    assert [number for number, _ in done] == list(range(50))
    assert {name for _, name in done} == {"p2plab console"}


def test_without_threads_work_is_done_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    worker, done = Worker(), []
    for number in range(3):
        worker.submit(lambda number=number: done.append(number))  # type: ignore[misc]
    assert done == [0, 1, 2]


@pytest.mark.parametrize(
    "text", ["plain", 'in "quotes"', "back\\slash", "two\nlines", "\u202eright to left", "🌍", "\x00"]
)
def test_quoted_text_is_a_literal_of_python(text: str) -> None:
    assert eval(literal(text)) == text
    assert literal(text).isprintable()


def test_console_is_the_one_that_the_package_names() -> None:
    import p2plab_widgets

    assert Console is p2plab_widgets.Console
