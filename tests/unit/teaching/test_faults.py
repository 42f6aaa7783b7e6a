"""Lesson 06: which answers are right, and what the hints name."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from p2plab import Lab, teaching
from p2plab.teaching.lessons.faults import long_cut, two_groups
from tests.unit.teaching.answers import accepted, rejected

SOLUTIONS = runpy.run_path(str(Path(__file__).parents[3] / "notebooks" / "solutions" / "06_faults.py"))


def network(count: int = 10, shape: Any = "line", degree: int | None = None, **settings: Any) -> Lab:
    lab = Lab(seed=5, **settings)
    lab.start_nodes(count)
    lab.wire(shape, degree=degree)
    for node in lab.nodes:
        node.subscribe("news")
    lab.run(2)
    return lab


def published(lab: Lab, seconds: float = 3.0, by: str | None = None) -> Lab:
    publisher = lab[by] if by else next(node for node in lab.nodes if node.running)
    publisher.publish("news", "hello")
    lab.run(seconds)
    return lab


@pytest.mark.parametrize(
    ("exercise", "solution"), [("06.1", "slowed"), ("06.2", "survives"), ("06.3", "joined"), ("06.4", "weak_point")]
)
def test_the_solution_is_accepted(exercise: str, solution: str) -> None:
    verdict = teaching.check(exercise, SOLUTIONS[solution]())
    assert verdict, verdict


def with_one_slow_link() -> Lab:
    lab = network()
    lab.network.set_link(between=("n4", "n5"), latency=0.78)
    return published(lab)


def slowed_later() -> Lab:
    lab = network()
    lab.network.set_link(latency=0.105)
    return published(lab)


def from_the_middle() -> Lab:
    lab = network(11)
    lab.network.set_link(latency=0.19)
    return published(lab, by="n5")


def in_a_star() -> Lab:
    return published(network(12, "star", latency=0.475), 5, by="n3")


class TestSlowed:
    @pytest.mark.parametrize(
        "make",
        [
            with_one_slow_link,
            slowed_later,
            from_the_middle,
            in_a_star,
            lambda: published(network(20, "ring", latency=0.095)),
        ],
    )
    def test_it_does_not_matter_what_is_slow(self, make: Callable[[], Lab]) -> None:
        accepted("06.1", make())

    @pytest.mark.parametrize(
        ("make", "hint"),
        [
            (lambda: None, "no answer yet"),
            (lambda: network(), "nothing was published"),
            (lambda: published(network()), "too quick"),
            (lambda: published(network(latency=0.2)), "too slow"),
            (lambda: published(network(5, latency=0.24)), "5 nodes"),
            (lambda: published(network(latency=0.105), 0.5), "let time pass"),
            (lambda: 0.105, "the lab itself"),
        ],
    )
    def test_what_is_wrong_is_named(self, make: Callable[[], Any], hint: str) -> None:
        rejected("06.1", make(), hint)


def busiest(lab: Lab, count: int = 3) -> list[str]:
    return [node.name for node in sorted(lab.nodes, key=lambda node: -len(node.peers()))[:count]]


def crashed(lab: Lab, names: list[str]) -> Lab:
    for name in names:
        lab[name].crash()
    lab.run(3)
    return published(lab)


def neighbours_of_a_ring() -> Lab:
    return crashed(network(20, "ring"), ["n3", "n4", "n5"])


def ladder(step: int) -> Lab:
    edges = [(f"n{a}", f"n{(a + b) % 20}") for a in range(20) for b in (1, step)]
    lab = Lab(seed=8)
    lab.start_nodes(20)
    for a, b in edges:
        lab[a].connect(b)
    for node in lab.nodes:
        node.subscribe("news")
    lab.run(2)
    return crashed(lab, ["n0", "n7", "n14"])


def told_before() -> Lab:
    lab = published(network(20, "random", 4))
    for name in busiest(lab):
        lab[name].crash()
    lab.run(1)
    return lab


class TestSurviving:
    @pytest.mark.parametrize(
        "make",
        [
            neighbours_of_a_ring,
            lambda: ladder(3),
            lambda: ladder(7),
            lambda: crashed(network(20, "random", 4), busiest(network(20, "random", 4))),
            lambda: crashed(network(20, "random", 4, router="floodsub"), busiest(network(20, "random", 4))),
        ],
        ids=["ring", "ladder3", "ladder7", "random", "floodsub"],
    )
    def test_a_network_without_a_middle_is_accepted(self, make: Callable[[], Lab]) -> None:
        accepted("06.2", make())

    @pytest.mark.parametrize(
        ("make", "hint"),
        [
            (lambda: None, "no answer yet"),
            (lambda: crashed(network(20, "star"), busiest(network(20, "star"))), "too much hung on"),
            (lambda: crashed(network(20, "full"), ["n0", "n1", "n2"]), "190 edges"),
            (lambda: crashed(network(20, "star"), ["n3", "n4", "n5"]), "more connections"),
            (lambda: published(network(20, "random", 4)), "0 have crashed"),
            (told_before, "publish after it"),
        ],
    )
    def test_what_is_wrong_is_named(self, make: Callable[[], Any], hint: str) -> None:
        rejected("06.2", make(), hint)


def dialled(lab: Lab, pairs: list[tuple[str, str]]) -> Lab:
    for a, b in pairs:
        lab[a].connect(b)
    lab.run(2)
    return lab


def wired_again() -> Lab:
    lab = long_cut()
    lab.wire("ring")
    lab.run(2)
    return published(lab, by="n13")


def pinged() -> Lab:
    lab = long_cut()
    assert lab["n3"].ping("n16") > 0
    lab.run(2)
    return published(lab)


def with_a_crash() -> Lab:
    lab = dialled(long_cut(), [("n1", "n12")])
    lab["n19"].crash()
    return published(lab)


class TestJoining:
    @pytest.mark.parametrize(
        "make",
        [
            lambda: published(dialled(long_cut(), [("n9", "n10")])),
            lambda: published(dialled(long_cut(), [("n19", "n0"), ("n1", "n12")]), by="n17"),
            lambda: published(dialled(long_cut(), [(f"n{k}", f"n{k + 10}") for k in range(10)])),
            wired_again,
            pinged,
        ],
        ids=["one", "other way", "many", "wired", "pinged"],
    )
    def test_any_new_connection_will_do(self, make: Callable[[], Lab]) -> None:
        accepted("06.3", make())

    @pytest.mark.parametrize(
        ("make", "hint"),
        [
            (lambda: None, "no answer yet"),
            (long_cut, "publish a new message"),
            (lambda: published(long_cut()), "somebody has to dial"),
            (lambda: published(dialled(long_cut(), [("n9", "n10")]), 0.0), "let time pass"),
            (with_a_crash, "n19 does not run"),
            (lambda: published(network(20, "full")), "begin with it"),
        ],
    )
    def test_what_is_wrong_is_named(self, make: Callable[[], Any], hint: str) -> None:
        rejected("06.3", make(), hint)


class TestTheWeakPoint:
    @pytest.mark.parametrize("how", ["name", "capitals", "node", "id", "info"])
    def test_it_is_accepted_however_it_is_named(self, how: str) -> None:
        lab = two_groups()
        node = lab["n14"]
        info = next(peer for peer in lab["n2"].peers() if peer.name == "n14")
        answers = {"name": "n14", "capitals": " N14", "node": node, "id": node.peer_id, "info": info}
        accepted("06.4", answers[how])

    @pytest.mark.parametrize(
        ("answer", "hint"),
        [
            (None, "no answer yet"),
            ("n0", "ways around"),
            ("n2", "ways around"),
            ("n9", "ways around"),
            ("n15", "no node of this network"),
            (14, "no node of this network"),
        ],
    )
    def test_another_node_is_shown_to_be_dispensable(self, answer: Any, hint: str) -> None:
        rejected("06.4", answer, hint)
