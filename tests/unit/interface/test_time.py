"""``now``, ``run`` and ``run_until``."""

from __future__ import annotations

import pytest

from p2plab import Lab, Node
from p2plab.errors import ValidationError


def test_time_passes_in_seconds(lab: Lab) -> None:
    began = lab.now
    assert isinstance(began, float)
    lab.run(0.05)
    assert lab.now >= began + 0.05
    lab.run(0)
    assert lab.now >= began + 0.05


def test_run_until_ends_when_the_condition_holds(lab: Lab, alice: Node, bob: Node) -> None:
    alice.connect(bob)
    news = bob.subscribe("news")
    assert lab.run_until(lambda: alice.topic_peers("news"), timeout=10) is True
    alice.publish("news", b"x")
    assert lab.run_until(lambda: len(news.messages) == 1, timeout=10) is True


def test_run_until_says_when_the_time_ran_out(lab: Lab) -> None:
    began = lab.now
    assert lab.run_until(lambda: False, timeout=0.05) is False
    assert lab.now >= began + 0.05


def test_a_condition_that_holds_already_takes_no_time(lab: Lab) -> None:
    began = lab.now
    assert lab.run_until(lambda: True) is True
    assert lab.backend == "real" or lab.now == began


def test_run_until_does_not_take_a_coroutine_function_for_a_condition_that_holds(lab: Lab) -> None:
    async def never() -> bool:
        return False

    with pytest.raises(ValidationError, match="a plain function, which answers at once"):
        lab.run_until(never, timeout=1)


def test_run_until_takes_a_moment_too(lab: Lab) -> None:
    moment = lab.now + 0.05
    assert lab.run_until(moment) is True
    assert lab.now >= moment
    assert lab.run_until(moment) is True
    assert lab.run_until(lab.now + 100, timeout=0.01) is False


def test_what_the_condition_raises_comes_out_and_the_lab_goes_on(lab: Lab, alice: Node, bob: Node) -> None:
    def fail() -> bool:
        return bool(lab.events.filter(kind="connection.opened")) and 1 / 0 > 0

    with pytest.raises(ZeroDivisionError):
        lab.run_until(lambda: 1 / 0)
    lab.events.filter(kind="error")
    alice.connect(bob)
    with pytest.raises(ZeroDivisionError):
        lab.run_until(fail, timeout=1)
    assert alice.ping(bob) > 0
