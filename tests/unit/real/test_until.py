"""Waiting for a condition: looked at when something happened, without a clock of its own."""

from __future__ import annotations

import pytest

from p2plab import Lab
from p2plab.errors import InsideLabError, InvariantError
from p2plab.stream import NetStream


def test_a_condition_that_holds_already_is_true_at_once(lab: Lab) -> None:
    assert lab.run_until(lambda: True, timeout=0)


def test_one_that_never_holds_is_false_in_the_end(lab: Lab) -> None:
    assert not lab.run_until(lambda: False, timeout=0.05)


def test_it_sees_what_a_handler_did_after_its_last_event(lab: Lab) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    seen: list[bytes] = []

    async def collect(stream: NetStream) -> None:
        while data := await stream.read():
            seen.append(data)

    bob.handle("/collect/1", collect)
    stream = alice.open_stream(bob, "/collect/1")
    for number in range(3):
        stream.write(b"%d" % number)
        assert lab.run_until(lambda: len(b"".join(seen)) > number, timeout=20)  # noqa: B023  # called at once
    stream.close()


def test_what_the_condition_raises_comes_out(lab: Lab) -> None:
    looked: list[int] = []

    def condition() -> bool:
        looked.append(1)
        if len(looked) > 1:
            raise LookupError("on the second look")
        return False

    with pytest.raises(LookupError, match="second look"):
        lab.run_until(condition, timeout=20)
    lab.run(0)


def test_a_condition_may_look_at_the_lab_but_not_wait_for_it(lab: Lab) -> None:
    lab.start_nodes(2)
    assert lab.run_until(lambda: len(lab.nodes) == 2 and lab.edges() == [], timeout=20)
    with pytest.raises(InsideLabError):
        lab.run_until(lambda: lab.run(1.0), timeout=20)


class TestInvariants:
    def test_one_that_is_violated_ends_the_verb_under_way_and_no_more(self, lab: Lab) -> None:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        news = bob.subscribe("news")
        invariant = lab.always("nothing arrives", lambda: not news.messages)
        alice.connect(bob)
        alice.publish("news", b"hello")
        with pytest.raises(InvariantError, match="nothing arrives"):
            lab.run(20)
        assert invariant.state == "violated"
        lab.run(0)
        assert alice.ping(bob) > 0

    def test_one_that_comes_true_in_time_is_fulfilled(self, lab: Lab) -> None:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        news = bob.subscribe("news")
        invariant = lab.eventually("something arrives", lambda: news.messages, within=20)
        alice.connect(bob)
        alice.publish("news", b"hello")
        assert lab.run_until(lambda: invariant.state == "fulfilled", timeout=20)

    def test_one_that_does_not_is_violated_at_its_deadline(self, lab: Lab) -> None:
        lab.eventually("something arrives", lambda: False, within=0.05)
        with pytest.raises(InvariantError, match="did not come to hold"):
            lab.run(20)
        lab.run(0)
