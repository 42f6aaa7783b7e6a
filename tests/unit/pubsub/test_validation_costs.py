"""What validation and computing cost: validators that are data, and a node's processor."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

import p2plab
from p2plab import Lab
from p2plab.errors import ValidationError
from p2plab.pubsub import Batch, Delay, Ignore, Reject, TopicValidator
from p2plab.pubsub.validation import ACCEPT

LATENCY = 0.010


def line(count: int = 3, **settings: Any) -> Lab:
    lab = Lab(seed=4, latency=LATENCY, **settings)
    lab.start_nodes(count)
    lab.wire("line")
    for node in lab.nodes:
        node.subscribe("news")
    lab.run(3)
    return lab


def arrivals(lab: Lab, messages: int = 1, gap: float = 0.0) -> list[float]:
    """When the last node got each message, in seconds after it was published."""
    sent = []
    for _ in range(messages):
        message = lab.nodes[0].publish("news", b"x")
        sent.append((message, lab.now))
        if gap:
            lab.run(gap)
    lab.run(5)
    last = lab.nodes[-1].name
    found = []
    for message, at in sent:
        found += [event.t - at for event in lab.events.filter(kind="pubsub.deliver", node=last, ref=message.id)]
    return found


def test_a_delay_is_paid_at_every_hop() -> None:
    with line() as lab:
        for node in lab.nodes[1:]:
            node.add_validator("news", Delay(0.005))
        assert arrivals(lab) == [pytest.approx(2 * (LATENCY + 0.005))]


def test_a_delay_of_several_times_is_drawn_for_each_message_and_is_the_seed_s() -> None:
    def run() -> list[float]:
        with line(2) as lab:
            lab.nodes[1].add_validator("news", Delay([0.001, 0.002, 0.030]))
            return [round(one - LATENCY, 4) for one in arrivals(lab, 40, gap=0.1)]

    first = run()
    assert first == run()
    assert set(first) == {0.001, 0.002, 0.030}


def test_a_batch_is_validated_at_its_times_together() -> None:
    with line(2) as lab:
        lab.nodes[1].add_validator("news", Batch(every=0.050, seconds=0.003))
        lab.run(0.002)
        sent = lab.now
        arrivals(lab, 3, gap=0.005)
        times = [event.t for event in lab.events.filter(kind="pubsub.deliver", node="n1") if event.t > sent]
        assert len(times) == 3
        assert len(set(times)) == 1
        assert round((times[0] - 0.003) * 10_000) % 500 == 0


def test_messages_are_rejected_and_ignored_as_often_as_said() -> None:
    with line(2) as lab:
        lab.nodes[1].add_validator("news", Ignore(0.25))
        lab.nodes[1].add_validator("news", Reject(0.0))
        arrivals(lab, 400, gap=0.01)
        ignored = len(lab.events.filter(kind="pubsub.ignore", node="n1"))
        assert 70 <= ignored <= 130
        assert not lab.events.filter(kind="pubsub.reject")
    with line(2) as lab:
        lab.nodes[1].add_validator("news", Reject(1.0))
        assert arrivals(lab) == []
        assert [event.reason for event in lab.events.filter(kind="pubsub.reject")] == ["validator said reject"]


@pytest.mark.parametrize(
    "one", [Delay(0.005), Delay([0.001, 0.002]), Batch(0.05, 0.003), Reject(0.5), Ignore(0.5)], ids=repr
)
def test_a_validator_that_is_data_travels_and_says_what_it_is(one: TopicValidator) -> None:
    assert repr(pickle.loads(pickle.dumps(one))) == repr(one)
    assert repr(one).startswith(type(one).__name__)


def test_a_saved_run_with_them_opens_again(tmp_path: Path) -> None:
    with line(2, cpu=0.001) as lab:
        lab.nodes[1].add_validator("news", Delay([0.001, 0.004]))
        arrivals(lab, 3)
        digest = lab.events.digest()
        path = lab.save(tmp_path / "run.p2plab")
    with p2plab.open(path) as again:
        assert again.events.digest() == digest


WRONG: dict[str, Any] = {
    "a negative delay": lambda: Delay(-1),
    "no delay at all": lambda: Delay([]),
    "a word": lambda: Delay("soon"),  # type: ignore[arg-type]
    "batches without end": lambda: Batch(0),
    "over one": lambda: Reject(1.5),
    "no number": lambda: Ignore(True),
    "a negative processor": lambda: Lab(cpu=-1),
    "a fast processor": lambda: Lab(cpu="fast"),
}


@pytest.mark.parametrize("make", WRONG.values(), ids=WRONG)
def test_what_makes_no_sense_is_refused(make: Any) -> None:
    with pytest.raises(ValidationError, match=r"number|cpu|every"):
        make()


def test_a_processor_takes_messages_one_after_the_other() -> None:
    with line(2, cpu=0.020) as lab:
        assert [round(one - LATENCY, 4) for one in arrivals(lab, 4)] == [0.020, 0.040, 0.060, 0.080]
        assert "compute in no time" not in "".join(lab.events.assumptions)


def test_one_slow_node_is_slow_alone_and_off_is_as_before() -> None:
    with Lab(seed=4, latency=LATENCY) as lab:
        lab.start_node("n0")
        lab.start_node("n1", cpu=0.5)
        lab.start_node("n2")
        lab.wire("full")
        for node in lab.nodes:
            node.subscribe("news")
        lab.run(3)
        lab["n0"].publish("news", b"x")
        lab.run(2)
        first = {str(e.node): e.t - 3 for e in lab.events.filter(kind="pubsub.deliver") if e.peer is not None}
        assert first == {"n2": pytest.approx(LATENCY), "n1": pytest.approx(LATENCY + 0.5)}
    with line() as plain, line(cpu=0.0) as off:
        assert arrivals(plain) == arrivals(off)
        assert plain.events.digest("decisions") == off.events.digest("decisions")


def test_a_plain_validator_answers_as_it_is_called() -> None:
    assert TopicValidator(lambda message: ACCEPT).delay == 0.0


def test_starting_nodes_takes_time_in_proportion_to_their_number() -> None:
    """Faces are not looked up in a copy of all nodes, each."""
    with Lab(seed=1, recording="counters") as lab:
        world = lab.world
        asked = 0
        hosts = world.hosts

        def counting() -> Any:
            nonlocal asked
            asked += 1
            return hosts()

        world.hosts = counting  # type: ignore[method-assign]
        lab.start_nodes(200)
        assert asked <= 5
