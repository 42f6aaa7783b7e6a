"""Time in a mock lab: it moves exactly as far as it is told to, and by itself never."""

from __future__ import annotations

import threading

import pytest

import p2plab
from p2plab import Lab
from p2plab.errors import LabError, ValidationError
from p2plab.stream import NetStream


def test_time_moves_exactly_as_far_as_it_is_told_to(lab: Lab) -> None:
    assert lab.now == 0
    lab.run(2.5)
    assert lab.now == 2.5
    lab.run(0.0001)
    assert lab.now == 2.5001
    assert lab.run_until(10.0) is True
    assert lab.now == 10.0
    assert lab.run_until(lambda: False, timeout=1) is False
    assert lab.now == 11.0


@pytest.mark.dear
def test_time_is_a_whole_number_of_ticks(lab: Lab) -> None:
    for _ in range(10_000):
        lab.run(0.0001)
    assert lab.now == 1.0
    lab.run(0.00001)
    assert lab.now == 1.0


def test_a_verb_of_another_labs_node_is_no_action_of_this_one(lab: Lab) -> None:
    lab.start_node("n0")
    with Lab() as other:
        for name in ("n0", "stranger"):
            node = other.start_node(name)
            with pytest.raises(ValidationError, match=f"{name} is a node of another lab"):
                lab.at(1.0, node.publish, "news", "hi")
    lab.at(1.0, lab["n0"].crash)


def test_looking_takes_no_time(lab: Lab) -> None:
    alice, bob = lab.start_nodes(2)
    lab.wire("line")
    now = lab.now
    alice.peers()
    bob.connections()
    lab.edges()
    alice.subscribe("news")
    alice.publish("news", b"x")
    assert lab.now == now


def test_a_blocking_verb_moves_time_just_far_enough(lab: Lab) -> None:
    alice, bob = lab.start_nodes(2)
    lab.wire("line")
    lab.every(0.001, lambda: None)
    began = lab.now
    assert alice.ping(bob) == pytest.approx(0.040)
    assert lab.now - began == pytest.approx(4 * 0.020)  # a round trip to agree on the protocol, one for the ping


def test_a_condition_is_looked_at_after_every_event(lab: Lab) -> None:
    happened: list[int] = []
    for number in range(3):
        lab.at(1.0, happened.append, number)
    assert lab.run_until(lambda: len(happened) == 2, timeout=10) is True
    assert (happened, lab.now) == ([0, 1], 1.0)
    lab.run(0)
    assert happened == [0, 1, 2]


def test_a_condition_sees_what_a_command_did(lab: Lab) -> None:
    """Nothing is queued but the end of the wait: only the click can make the condition true."""
    (alice,) = lab.start_nodes(1)
    times: list[float] = []
    click = threading.Thread(target=lambda: times.append(alice.publish("news", b"x").received_at))

    def published() -> bool:
        if not times and not click.is_alive() and click.ident is None:
            click.start()
        return bool(lab.events.filter(kind="pubsub.publish"))

    lab.every(0.001, lambda: None)
    assert lab.run_until(published, timeout=1e6) is True
    click.join(20)
    assert times == [lab.now]


def test_step_makes_one_event_happen_at_a_time(lab: Lab) -> None:
    happened: list[int] = []
    for number in range(3):
        lab.at(1.0 + number, happened.append, number)
    while not happened:
        assert lab.step() == 1
    assert (happened, lab.now) == ([0], 1.0)
    lab.step(100)
    assert (happened, lab.now) == ([0, 1, 2], 3.0)
    assert lab.step() == 0


@pytest.mark.parametrize("count", [0, -1, 1.5, "1", None, True])
def test_what_is_no_number_of_steps_is_refused(lab: Lab, count: int) -> None:
    with pytest.raises(ValidationError, match="a whole number from 1 up"):
        lab.step(count)


def test_a_lab_without_heartbeats_says_that_nothing_is_left_to_happen(lab: Lab) -> None:
    with pytest.raises(LabError, match=r"nothing is left to happen in the lab, so .* would wait for ever"):
        lab.run_until(lambda: False)
    lab.run(1)
    assert lab.now == 1.0


def test_a_read_that_nobody_will_answer_leaves_the_stream_usable(lab: Lab) -> None:
    alice, bob = lab.start_nodes(2)

    async def answer(stream: NetStream) -> None:
        await stream.write(b"to " + await stream.read())
        await stream.read()

    bob.handle("/answer/1.0.0", answer)
    stream = alice.open_stream(bob, "/answer/1.0.0")
    stream.set_deadline(5)
    with pytest.raises(ConnectionError, match="deadline"):
        stream.read()
    stream.set_deadline(None)
    stream.write(b"that")
    assert stream.read() == b"to that"


def test_sleep_in_a_handler_is_lab_time(lab: Lab) -> None:
    alice, bob = lab.start_nodes(2)
    times: list[float] = []

    async def nap(stream: NetStream) -> None:
        times.append(lab.now)
        await p2plab.sleep(3600)
        times.append(lab.now)

    bob.handle("/nap/1.0.0", nap)
    alice.open_stream(bob, "/nap/1.0.0").read()
    assert times[1] - times[0] == pytest.approx(3600)
