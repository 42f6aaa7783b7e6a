"""``always`` and ``eventually``: the run stops where they do not hold, and goes on as without them where they do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from p2plab import AsyncLab, Lab
from p2plab.errors import InvariantError, ValidationError


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(seed=5) as lab:
        lab.start_nodes(6)
        lab.wire("line")
        for node in lab.nodes:
            node.subscribe("news")
        lab.run(2)
        yield lab


def delivered(lab: Lab) -> int:
    return lab.events.counts.get("pubsub.deliver", 0)


def test_a_violation_stops_the_run_at_its_event_and_names_the_causes(lab: Lab) -> None:
    invariant = lab.always("two at most", lambda: delivered(lab) <= 2)
    lab["n0"].publish("news", "x")
    with pytest.raises(InvariantError, match=r"always .two at most. does not hold, at 2\.0400 s, after") as caught:
        lab.run(10)
    assert delivered(lab) == 3
    assert lab.now == pytest.approx(2.04)
    assert invariant.state == "violated"
    chain = caught.value.chain
    assert chain is not None
    assert (chain[-1].kind, chain[-1].node) == ("pubsub.deliver", "n2")
    assert [event.kind for event in chain if event.node == "n0"] == ["lab.command", "pubsub.publish", "pubsub.route"]
    assert str(chain) in str(caught.value)
    assert lab.why(caught.value).events == chain.events


def test_the_lab_can_be_examined_and_run_on_after_a_violation(lab: Lab) -> None:
    lab.always("two at most", lambda: delivered(lab) <= 2)
    lab["n0"].publish("news", "x")
    with pytest.raises(InvariantError):
        lab.run(10)
    assert len(lab["n2"].topics()) == 1
    lab.run(1)
    assert delivered(lab) == 6


def test_a_verb_that_takes_no_time_raises_too(lab: Lab) -> None:
    lab.always("nothing published", lambda lab: not lab.events.filter(kind="pubsub.publish"))
    with pytest.raises(InvariantError, match="always 'nothing published' does not hold"):
        lab["n0"].publish("news", "x")


def test_step_stops_where_the_invariant_does_not_hold(lab: Lab) -> None:
    lab["n0"].publish("news", "x")
    lab.always("two at most", lambda: delivered(lab) <= 2)
    with pytest.raises(InvariantError):
        lab.step(10_000)
    assert delivered(lab) == 3


def test_what_does_not_hold_to_begin_with_is_said_at_once(lab: Lab) -> None:
    with pytest.raises(InvariantError, match="always 'nobody' does not hold"):
        lab.always("nobody", lambda lab: len(lab) == 0)
    lab.run(1)


def test_a_predicate_that_raises_is_a_violation_with_its_cause(lab: Lab) -> None:
    lab.always("a number", lambda: 1 / (2 - delivered(lab)) or True)
    lab["n0"].publish("news", "x")
    with pytest.raises(InvariantError, match=r"could not be looked at \(ZeroDivisionError") as caught:
        lab.run(10)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_run_with_invariants_is_the_run_without(lab: Lab) -> None:
    with Lab(seed=5) as watched:
        watched.start_nodes(6)
        watched.always("few nodes", lambda lab: len(lab.nodes) < 100)
        watched.eventually("all there", lambda lab: len(lab) == 6, within=50)
        watched.eventually("late", lambda lab: lab.now > 2.03, within=1_000)
        watched.wire("line")
        for node in watched.nodes:
            node.subscribe("news")
        watched.run(2)
        for one in (lab, watched):
            one["n0"].publish("news", "x")
            one.run(3)
        assert watched.events.digest() == lab.events.digest()
        assert watched.world.history().step == lab.world.history().step


def test_eventually_is_fulfilled_by_the_first_event_that_makes_it_true(lab: Lab) -> None:
    invariant = lab.eventually("all delivered", lambda: delivered(lab) == 6, within=1)
    assert repr(invariant) == "<eventually 'all delivered', watched>"
    lab["n0"].publish("news", "x")
    lab.run(10)
    assert invariant.state == "fulfilled"


def test_eventually_stops_the_run_at_its_deadline(lab: Lab) -> None:
    lab.network.partition(["n0", "n1"], ["n2", "n3", "n4", "n5"])
    lab.eventually("all delivered", lambda: delivered(lab) == 6, within=0.5)
    lab["n0"].publish("news", "x")
    with pytest.raises(InvariantError, match=r"eventually .all delivered. did not come to hold within 0\.5 s, at 2\.5"):
        lab.run(10)
    assert lab.now == 2.5
    assert delivered(lab) == 2


def test_the_deadline_is_kept_where_nothing_happens() -> None:
    with Lab(seed=1) as lab:
        lab.start_node("alone")
        lab.eventually("company", lambda lab: len(lab) > 1, within=7)
        with pytest.raises(InvariantError, match=r"at 7\.0000 s"):
            lab.run(100)
        lab.eventually("company", lambda lab: len(lab) > 1, within=7)
        with pytest.raises(InvariantError, match=r"at 14\.0000 s"):
            lab.run_until(lambda: False)


def test_an_event_at_the_deadline_is_in_time(lab: Lab) -> None:
    lab.at(3.0, lab["n0"].publish, "news", b"x")
    invariant = lab.eventually("published", lambda lab: lab.events.counts.get("pubsub.publish"), within=1.0)
    lab.run(5)
    assert invariant.state == "fulfilled"


def test_a_cancelled_invariant_is_looked_at_no_more(lab: Lab) -> None:
    calls: list[float] = []
    invariants = [
        lab.always("counted", lambda: calls.append(lab.now) or True),  # type: ignore[func-returns-value]
        lab.eventually("never", lambda: False, within=1),
    ]
    for invariant in invariants:
        invariant.cancel()
        invariant.cancel()
    lab["n0"].publish("news", "x")
    lab.run(5)
    assert len(calls) == 1
    assert [invariant.state for invariant in invariants] == ["cancelled", "cancelled"]


def test_every_waiting_task_of_an_async_lab_is_told() -> None:
    async def main() -> list[BaseException | None]:
        async with AsyncLab(seed=5) as lab:
            nodes = await lab.start_nodes(2)
            lab.always("before four", lambda lab: lab.now < 4)
            lab.at(4.5, nodes[0].publish, "news", b"x")
            waits = (nodes[0].subscribe("other").get(timeout=60), lab.sleep(30), lab.run_until(lambda: False, 20))
            return await asyncio.gather(*waits, return_exceptions=True)  # type: ignore[return-value]

    outcomes = asyncio.run(main())
    assert [type(outcome) for outcome in outcomes] == [InvariantError] * 3


def test_a_violation_while_playing_stops_the_play_and_the_next_verb_raises() -> None:
    async def main() -> float:
        async with AsyncLab(seed=5) as lab:
            nodes = await lab.start_nodes(2)
            stopped = asyncio.Event()

            def early(lab: AsyncLab) -> bool:
                if lab.now >= 1:
                    asyncio.get_running_loop().call_soon(stopped.set)
                return lab.now < 1

            lab.always("early", early)
            lab.every(0.25, nodes[0].publish, "news", b"x")
            lab.play(speed=1_000)
            await stopped.wait()
            with pytest.raises(InvariantError, match=r"always .early. does not hold, at 1\.0000 s"):
                await nodes[0].connect(nodes[1])
            return lab.now

    assert asyncio.run(main()) == 1.0


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_name_is_text(lab: Lab, name: Any) -> None:
    with pytest.raises(ValidationError, match="an invariant needs a name"):
        lab.always(name, lambda: True)


async def a_coroutine() -> bool:
    return True


@pytest.mark.parametrize("predicate", [None, True, a_coroutine, lambda a, b: True])
def test_a_predicate_is_a_plain_function_of_nothing_or_the_lab(lab: Lab, predicate: Callable[..., object]) -> None:
    with pytest.raises(ValidationError, match="a predicate"):
        lab.always("it", predicate)


@pytest.mark.parametrize("within", [-1, float("nan"), "soon", True])
def test_a_deadline_is_a_number_of_seconds(lab: Lab, within: Any) -> None:
    with pytest.raises(ValidationError, match="within must be a number of seconds"):
        lab.eventually("it", lambda: True, within=within)
