"""``lab.check``: two runs are the same, or the first event at which they part is shown."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from p2plab import AsyncLab, Lab
from p2plab.errors import DivergenceError, NotInThisWorldError, ValidationError


def gossip(lab: Lab, nodes: int = 8) -> int:
    for node in lab.start_nodes(nodes):
        node.subscribe("news")
    lab.wire("ring")
    lab.run(2)
    lab["n0"].publish("news", "x")
    lab.run(2)
    return len(lab.events.filter(kind="pubsub.deliver"))


async def gossip_awaited(lab: AsyncLab) -> int:
    nodes = await lab.start_nodes(2)
    await nodes[0].connect(nodes[1])
    await lab.sleep(1)
    return len(lab.events)


def test_a_scenario_that_the_lab_alone_decides_agrees_with_itself() -> None:
    with Lab(seed=7, latency=0.03) as lab:
        agreement = lab.check(gossip, nodes=5)
        assert len(lab.nodes) == 0
        assert lab.now == 0
    with Lab(seed=7, latency=0.03, recording="all") as same:
        assert agreement.value == gossip(same, nodes=5) == 5
        assert (agreement.events, agreement.digest) == (len(same.events), same.events.digest())
    assert "gossip went the same way twice with seed 7" in repr(agreement)


def test_the_labs_settings_and_seed_are_used() -> None:
    with Lab(seed=7) as one, Lab(seed=8) as other, Lab(seed=7, latency=0.5) as slow:
        assert len({lab.check(gossip).digest for lab in (one, other, slow)}) == 3


@pytest.mark.parametrize("inside_a_loop", [False, True])
def test_an_async_scenario_is_given_an_async_lab(inside_a_loop: bool) -> None:
    import asyncio

    def check() -> Any:
        with Lab(seed=7) as lab:
            return lab.check(gossip_awaited).value

    async def main() -> Any:
        return check()

    assert (asyncio.run(main()) if inside_a_loop else check()) > 5


def test_the_first_event_that_differs_is_shown_with_its_causes() -> None:
    count = itertools.count()

    def drifting(lab: Lab) -> None:
        alice, bob = lab.start_nodes(2)
        bob.subscribe("news")
        alice.connect(bob)
        lab.run(1)
        lab.at(1.5, alice.publish, "news", b"x" * (1 + next(count)))
        lab.run(2)

    with (
        Lab(seed=7) as lab,
        pytest.raises(DivergenceError, match=r"the two runs with seed 7 part at event \d+") as caught,
    ):
        lab.check(drifting)
    first, second = caught.value.events
    assert first is not None
    assert second is not None
    assert first.seq == second.seq
    assert (first.kind, second.kind) == ("lab.command", "lab.command")
    assert f"first:   {first}" in str(caught.value)
    assert f"second:  {second}" in str(caught.value)


def test_what_led_to_the_first_difference_is_shown() -> None:
    size = itertools.count(1)

    def drifting(lab: Lab) -> None:
        alice, _ = lab.start_nodes(2)
        lab.at(1.0, lambda: alice.publish("news", b"x" * next(size)))
        lab.run(2)

    with Lab(seed=7) as lab, pytest.raises(DivergenceError) as caught:
        lab.check(drifting)
    first, _ = caught.value.events
    assert first is not None
    assert first.kind == "pubsub.publish"
    assert "what led to it:\n" in str(caught.value)
    assert "lab.action" in str(caught.value)


def test_a_run_that_goes_on_longer_is_found_out() -> None:
    runs = itertools.count(1)

    def growing(lab: Lab) -> None:
        lab.start_nodes(next(runs))
        lab.events.level = "decisions"

    def shrinking(lab: Lab, left: list[int]) -> None:
        lab.start_node("only")
        for _ in range(left.pop()):
            lab["only"].subscribe("news")

    with Lab() as lab:
        with pytest.raises(DivergenceError, match="part at event"):
            lab.check(growing)
        with pytest.raises(DivergenceError, match="second:  the run had ended") as caught:
            lab.check(shrinking, left=[0, 1])
        assert caught.value.events[1] is None
        with pytest.raises(DivergenceError, match="first:   the run had ended"):
            lab.check(shrinking, left=[1, 0])


def test_runs_that_end_otherwise_are_found_out() -> None:
    runs = itertools.count()

    def moody(lab: Lab) -> None:
        if next(runs):
            raise RuntimeError("not today")

    with (
        Lab(seed=7) as lab,
        pytest.raises(DivergenceError, match="the first returned and the second raised RuntimeError"),
    ):
        lab.check(moody)


def test_what_the_scenario_raises_both_times_is_raised() -> None:
    def failing(lab: Lab) -> None:
        lab.start_node("a")
        raise LookupError("always")

    with Lab() as lab, pytest.raises(LookupError, match="always"):
        lab.check(failing)


def test_a_log_that_drops_rows_is_compared_by_its_digest() -> None:
    lengths = itertools.count(40)  # drawn at random, two in four hundred would be the same, and so the digests

    def guessing(lab: Lab) -> None:
        gossip(lab)
        lab["n1"].publish("news", "x" * next(lengths))
        lab.run(3)

    with Lab(log_limit=60) as lab:
        assert lab.check(gossip).events > 60
        with pytest.raises(DivergenceError, match="raise log_limit to see it"):
            lab.check(guessing)


@pytest.mark.parametrize("scenario", [None, "gossip", 3])
def test_a_scenario_is_a_function(scenario: Any) -> None:
    with Lab() as lab, pytest.raises(ValidationError, match="a scenario is a function of a lab"):
        lab.check(scenario)


@pytest.mark.real
def test_two_real_runs_are_not_compared() -> None:
    scenario: Callable[[Lab], None] = lambda lab: None  # noqa: E731
    with Lab("real") as lab, pytest.raises(NotInThisWorldError, match="two real runs are never the same"):
        lab.check(scenario)
