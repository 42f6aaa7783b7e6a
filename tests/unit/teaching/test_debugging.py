"""Lesson 10: which answers are right, and what the hints name."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import p2plab
from p2plab import Lab, teaching
from p2plab.errors import ValidationError
from p2plab.teaching.lessons.debugging import write_case

SOLUTIONS = runpy.run_path(str(Path(__file__).parents[3] / "notebooks" / "solutions" / "10_debugging.py"))
OTHERS = ["n0", "n1", "n2", "n3", "n4", "n5"]


@pytest.fixture
def case(tmp_path: Path) -> Callable[[int], Lab]:
    def opened(number: int) -> Lab:
        found: Lab = p2plab.open(write_case(number, tmp_path / f"case{number}.p2plab"))
        return found

    return opened


def last(lab: Lab) -> Any:
    return lab.events.filter(kind="pubsub.publish")[-1]


def network(count: int = 6, shape: str = "ring") -> Lab:
    lab = Lab(seed=5)
    lab.start_nodes(count)
    lab.wire(shape)
    for node in lab.nodes:
        node.subscribe("news")
    lab.run(2)
    return lab


def published(lab: Lab, seconds: float = 1.0) -> Lab:
    lab["n0"].publish("news", "hello")
    lab.run(seconds)
    return lab


@pytest.mark.parametrize(
    ("exercise", "solution"), [("10.1", "cause"), ("10.2", "node"), ("10.3", "mended"), ("10.4", "planted")]
)
def test_the_solution_is_accepted(exercise: str, solution: str) -> None:
    verdict = teaching.check(exercise, SOLUTIONS[solution]())
    assert verdict, verdict


def test_a_case_that_is_none_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="1, 2, 3, not 4"):
        write_case(4, tmp_path / "x.p2plab")


class TestTheCause:
    @pytest.mark.dear
    @pytest.mark.parametrize(
        "pick",
        [
            lambda lab: lab.why(last(lab).ref, at="n5")[0],
            lambda lab: lab.why(last(lab).ref, at="n5")[1],
            lambda lab: lab.events.filter(kind="admission.changed")[-1],
            lambda lab: lab.events.filter(kind="admission.changed")[-1].seq,
            lambda lab: lab.events.filter(kind="lab.command", node="n5")[-1],
        ],
        ids=["command", "refusal", "gate", "number", "filtered"],
    )
    def test_the_rule_that_n5_was_given_is_accepted(self, case: Any, pick: Callable[[Lab], Any]) -> None:
        assert teaching.check("10.1", pick(case(2)))

    @pytest.mark.dear
    @pytest.mark.parametrize(
        ("pick", "hint"),
        [
            (lambda lab: None, "no answer yet"),
            (lambda lab: "n5", "one event of the run"),
            (lambda lab: last(lab), "n0 did publish"),
            (lambda lab: lab.why(last(lab).ref, at="n5")[2], "why was the connection closed"),
            (lambda lab: lab.events.filter(kind="node.crashed")[-1], "n5 did get bulletin 1"),
            (lambda lab: 10_000_000, "or its number"),
        ],
    )
    def test_what_it_is_not_is_named(self, case: Any, pick: Callable[[Lab], Any], hint: str) -> None:
        verdict = teaching.check("10.1", pick(case(2)))
        assert not verdict
        assert hint in verdict.says

    def test_an_event_of_another_case_is_recognised(self, case: Any) -> None:
        verdict = teaching.check("10.1", case(1).events.filter(kind="network.partition")[0])
        assert not verdict
        assert "not of case 2" in verdict.says


class TestTheNode:
    @pytest.mark.parametrize(
        "pick",
        [
            lambda lab: "n3",
            lambda lab: " N3 ",
            lambda lab: lab["n3"],
            lambda lab: lab["n3"].peer_id,
            lambda lab: lab["n4"].peers()[0],
        ],
        ids=["name", "sloppy", "node", "id", "info"],
    )
    def test_n3_is_accepted_however_it_is_named(self, case: Any, pick: Callable[[Lab], Any]) -> None:
        assert teaching.check("10.2", pick(case(3)))

    @pytest.mark.parametrize(
        ("answer", "hint"),
        [
            (None, "no answer yet"),
            ("n5", "only complains"),
            ("n4", "a victim"),
            ("n0", "published"),
            ("n2", "passed it on"),
            ("n9", "no node of this run"),
        ],
    )
    def test_the_others_are_cleared_by_name(self, answer: Any, hint: str) -> None:
        verdict = teaching.check("10.2", answer)
        assert not verdict
        assert hint in verdict.says


def healed(lab: Lab, publisher: str = "n0") -> Lab:
    lab.network.heal()
    lab.run(5)
    lab[publisher].publish("news", "again")
    lab.run(1)
    return lab


def healed_by_command(lab: Lab) -> Lab:
    assert lab.execute_command("network_heal")["success"]
    lab.run(20)
    lab["n3"].publish("news", b"\x00")
    lab.run(0.5)
    return lab


def healed_with_more_edges(lab: Lab) -> Lab:
    lab.network.heal()
    lab["n7"].connect("n0")
    return healed(lab)


def healed_late(lab: Lab) -> Lab:
    lab.run(2)
    return healed(lab)


def healed_too_late(lab: Lab) -> Lab:
    lab.run(60)
    return healed(lab)


def only_healed(lab: Lab) -> Lab:
    lab.network.heal()
    return lab


def healed_and_waited(lab: Lab) -> Lab:
    lab.network.heal()
    lab.run(5)
    return lab


def healed_without_n7(lab: Lab) -> Lab:
    healed(lab)
    lab["n7"].crash()
    return lab


def closed(lab: Lab) -> Lab:
    healed(lab).close()
    return lab


class TestMending:
    @pytest.mark.parametrize(
        "mend", [healed, lambda lab: healed(lab, "n7"), healed_by_command, healed_with_more_edges, healed_late]
    )
    def test_a_network_that_works_again_is_accepted(self, case: Any, mend: Callable[[Lab], Lab]) -> None:
        verdict = teaching.check("10.3", mend(case(1)))
        assert verdict, verdict

    @pytest.mark.parametrize(
        ("mend", "hint"),
        [
            (lambda lab: None, "no answer yet"),
            (lambda lab: lab, "still cut in two"),
            (only_healed, "let some time pass"),
            (healed_too_late, "begin anew"),
            (healed_and_waited, "a new message"),
            (healed_without_n7, "n7 no longer runs"),
            (lambda lab: published(network(8)), "not the network of case 1"),
            (closed, "closed"),
            (lambda lab: "mended", "the lab itself"),
        ],
    )
    def test_what_is_left_to_do_is_named(self, case: Any, mend: Callable[[Lab], Any], hint: str) -> None:
        verdict = teaching.check("10.3", mend(case(1)))
        assert not verdict
        assert hint in verdict.says


def with_partition() -> Lab:
    lab = network(7, "full")
    lab.network.partition(["n4"], [name for name in (node.name for node in lab.nodes) if name != "n4"])
    return published(lab)


def with_gate() -> Lab:
    lab = network()
    lab["n2"].block("0.0.0.0/0")
    lab.run(1)
    return published(lab)


def with_broken_validator() -> Lab:
    lab = network()
    lab["n5"].add_validator("news", lambda message: 1 // 0)
    return published(lab)


def with_frames_held_back() -> Lab:
    lab = network()
    for neighbour in lab["n3"].peers():
        lab.network.hold("n3", neighbour.name)
    return published(lab)


def with_no_neighbours() -> Lab:
    lab = network()
    for neighbour in lab["n3"].peers():
        lab["n3"].disconnect(neighbour.name)
    return published(lab)


def with_a_crash() -> Lab:
    lab = network(7)
    lab["n3"].crash()
    return published(lab)


class TestPlanting:
    @pytest.mark.parametrize(
        "plant", [with_partition, with_gate, with_broken_validator, with_frames_held_back, with_no_neighbours]
    )
    def test_a_fault_that_hits_one_running_node_is_accepted(self, plant: Callable[[], Lab]) -> None:
        verdict = teaching.check("10.4", plant())
        assert verdict, verdict
        assert "the lab says" in verdict.says

    @pytest.mark.parametrize(
        ("plant", "hint"),
        [
            (lambda: None, "no answer yet"),
            (lambda: network(), "nothing was published"),
            (lambda: published(network()), "everybody got"),
            (lambda: published(network(4)), "it takes six"),
            (lambda: published(network(), 0.0), "nodes did not get it"),
            (with_a_crash, "n3 was switched off"),
        ],
    )
    def test_what_is_wrong_with_the_plant_is_named(self, plant: Callable[[], Any], hint: str) -> None:
        verdict = teaching.check("10.4", plant())
        assert not verdict
        assert hint in verdict.says
