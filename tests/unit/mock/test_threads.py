"""Several threads and one lab: clicks while a cell runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from p2plab import Lab, Node
from p2plab.errors import ClosedError

PATIENCE = 120.0  # seconds of a machine that is busy; whoever waits longer hangs


@pytest.fixture
def busy(lab: Lab) -> Lab:
    """A lab with two connected nodes, in which something happens every 10 ms for ever."""
    lab.start_node("alice").connect(lab.start_node("bob"))
    lab.every(0.01, lambda: None)
    return lab


def click(lab: Lab, action: Callable[[], object]) -> list[Any]:
    """Have another thread do this in the midst of a run, which goes on until it is done; what came of it."""
    results: list[Any] = []

    def body() -> None:
        try:
            results.append(action())
        except Exception as error:  # noqa: BLE001  # whatever it is goes back to the test
            results.append(error)

    thread = threading.Thread(target=body)
    lab.at(lab.now + 0.5, thread.start)
    assert lab.run_until(lambda: results, timeout=1e6)
    thread.join(PATIENCE)
    assert not thread.is_alive()
    return results


CLICKS: dict[str, Callable[[Lab, Node], object]] = {
    "a look": lambda lab, alice: len(alice.peers()),
    "a command that takes no time": lambda lab, alice: alice.publish("news", b"x").id,
    "a command that takes time": lambda lab, alice: alice.ping("bob"),
    "starting nodes": lambda lab, alice: [str(node) for node in lab.start_nodes(3)],
    "letting time pass": lambda lab, alice: lab.run(0.1),
}


@pytest.mark.parametrize("action", CLICKS.values(), ids=CLICKS)
def test_a_click_is_done_while_a_cell_runs(busy: Lab, action: Callable[[Lab, Node], object]) -> None:
    (result,) = click(busy, lambda: action(busy, busy["alice"]))
    assert not isinstance(result, Exception), result


def test_a_click_that_fails_fails_for_the_clicker_alone(busy: Lab) -> None:
    (error,) = click(busy, lambda: busy["alice"].connect("nobody"))
    assert "'nobody'" in str(error)


def test_a_click_comes_between_two_events_and_is_written_down_with_its_time(busy: Lab) -> None:
    torn = []
    inside = False

    def long_event() -> None:
        nonlocal inside
        inside = True
        for _ in range(2_000):
            pass
        inside = False

    def check(message: object) -> bool:
        torn.append(inside)
        return True

    alice = busy["alice"]
    busy.every(0.001, long_event)
    alice.add_validator("news", check)
    alice.subscribe("news")
    (count,) = click(busy, lambda: len([alice.publish("news", b"x") for _ in range(50)]))
    assert (count, torn) == (50, [False] * 50)
    commands = [event for event in busy.events.filter(kind="lab.command") if (event.data or {})["verb"] == "publish"]
    assert len(commands) == 50
    assert [event.t for event in commands] == sorted(event.t for event in commands)
    assert all(event.node == "alice" for event in commands)


def test_threads_that_click_at_once_lose_nothing(busy: Lab) -> None:
    news = busy["bob"].subscribe("news")
    assert busy.run_until(lambda: busy["alice"].topic_peers("news"), timeout=10)
    done: list[int] = []
    barrier = threading.Barrier(4)

    def body(number: int) -> None:
        barrier.wait(PATIENCE)
        for count in range(25):
            busy["alice"].publish("news", b"%d/%d" % (number, count))
        done.append(number)

    threads = [threading.Thread(target=body, args=[number]) for number in range(4)]
    for thread in threads:
        busy.at(busy.now + 0.1, thread.start)
    assert busy.run_until(lambda: len(done) == 4 and len(news.messages) == 100, timeout=1e6)
    for thread in threads:
        thread.join(PATIENCE)
    sent = [message.data for message in news.messages]
    for number in range(4):
        own = [data for data in sent if data.startswith(b"%d/" % number)]
        assert own == [b"%d/%d" % (number, count) for count in range(25)]


@pytest.mark.dear
def test_two_cells_can_wait_at_once(busy: Lab) -> None:
    alice, bob = busy["alice"], busy["bob"]
    news, sport = bob.subscribe("news"), bob.subscribe("sport")
    assert busy.run_until(lambda: alice.topic_peers("news") and alice.topic_peers("sport"), timeout=10)
    got: list[bytes] = []
    thread = threading.Thread(target=lambda: got.append(sport.get(timeout=1e6).data))
    busy.at(busy.now + 1, thread.start)
    busy.at(busy.now + 500, alice.publish, "news", b"first")
    busy.at(busy.now + 1000, alice.publish, "sport", b"second")
    assert news.get(timeout=1e6).data == b"first"
    thread.join(PATIENCE)
    assert got == [b"second"]


def test_a_thread_drives_when_nobody_else_does(lab: Lab) -> None:
    nodes = lab.start_nodes(2)
    seconds: list[float] = []
    thread = threading.Thread(target=lambda: seconds.append(nodes[0].ping(nodes[1])))
    thread.start()
    thread.join(PATIENCE)
    assert seconds[0] > 0
    assert nodes[1].ping(nodes[0]) > 0


def test_closing_from_another_thread_ends_what_is_under_way(busy: Lab) -> None:
    thread = threading.Thread(target=busy.close)
    busy.at(busy.now + 1, thread.start)
    with pytest.raises(ClosedError, match="closed"):
        busy.run(1e8)
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert busy.closed
    with pytest.raises(ClosedError):
        busy.run(1)
