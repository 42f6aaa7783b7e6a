"""Lesson 04: which answers are right, and what the hints name."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from p2plab import Lab, teaching
from p2plab.errors import ValidationError
from p2plab.pubsub import GossipSubParams
from p2plab.teaching.lessons.scores import besieged, no_spam, spammed
from tests.unit.teaching.answers import accepted, rejected

SOLUTIONS = runpy.run_path(str(Path(__file__).parents[3] / "notebooks" / "solutions" / "04_scores.py"))


@pytest.mark.parametrize(("exercise", "solution"), [("04.1", "how_many"), ("04.2", "fallen"), ("04.3", "unseen")])
def test_the_solution_is_accepted(exercise: str, solution: str) -> None:
    verdict = teaching.check(exercise, SOLUTIONS[solution]())
    assert verdict, verdict


@pytest.mark.parametrize("make", [lambda: spammed(-1), lambda: besieged(sybils=1000), lambda: besieged(addresses=0)],
                         ids=["spam", "sybils", "addresses"])  # fmt: skip
def test_a_network_out_of_bounds_is_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(ValidationError, match="a whole number from"):
        make()


class TestHowMany:
    @pytest.mark.parametrize("kind", [int, float, str, Fraction, Decimal])
    def test_the_number_is_accepted_in_any_kind(self, kind: Callable[[Any], Any]) -> None:
        accepted("04.1", kind(SOLUTIONS["how_many"]()))

    @pytest.mark.parametrize(
        ("answer", "hint"),
        [
            (None, "no answer yet"),
            (1, "not below the graylist threshold yet"),
            (3, "not below the graylist threshold yet"),
            (15, "too many"),
            (500, "out of the question"),
            (2.5, "a whole number"),
            ("many", "give a whole number of messages, not 'many'"),
            ([6], "give a whole number of messages, not [6]"),
        ],
    )
    def test_what_is_wrong_is_named(self, answer: Any, hint: str) -> None:
        rejected("04.1", answer, hint)


def network(count: int = 8, shape: str = "ring", bad: tuple[str, ...] = ("n3",), **settings: Any) -> Lab:
    lab = Lab(seed=5, **settings)
    lab.start_nodes(count)
    lab.wire(shape)
    for node in lab.nodes:
        node.subscribe("news")
        if node.name not in bad:
            node.add_validator("news", no_spam)
    lab.run(2)
    return lab


def spam(lab: Lab, count: int = 5, by: str = "n3") -> Lab:
    for number in range(count):
        lab[by].publish("news", f"spam {number}")
        lab.run(1)
    return lab


def from_one_address() -> Lab:
    lab = network()
    for number in range(12):
        crowd = lab.start_node(f"crowd{number}", ip="66.6.6.6")
        for neighbour in ("n0", "n1"):
            crowd.connect(neighbour)
    lab.run(2)
    return lab


def with_picky_neighbours() -> Lab:
    """Nobody sends spam: two neighbours reject everything, which is hard on those who pass it on."""
    lab = network(9)
    for name in ("n2", "n4"):
        lab[name].add_validator("news", lambda message: False)
    for number in range(5):
        lab["n3"].publish("news", f"fine {number}")
        lab.run(1)
    return lab


def seen_by_one() -> Lab:
    lab = Lab(seed=5)
    lab.start_nodes(9)
    lab.wire("ring")
    for node in lab.nodes:
        node.subscribe("news")
    lab["n2"].add_validator("news", no_spam)
    lab.run(2)
    lab["n3"].disconnect("n4")
    return spam(lab)


class TestFallen:
    @pytest.mark.parametrize(
        "make",
        [
            lambda: spammed(6),
            lambda: spam(network()),
            lambda: spam(network(12, "full", ("n7",)), by="n7"),
            from_one_address,
            with_picky_neighbours,
        ],
        ids=["given", "ring", "full", "colocated", "picky"],
    )
    def test_any_misbehaviour_will_do(self, make: Callable[[], Lab]) -> None:
        accepted("04.2", make())

    @pytest.mark.parametrize(
        ("make", "hint"),
        [
            (lambda: None, "no answer yet"),
            (lambda: spammed(0), "below zero"),
            (lambda: spam(network(), 2), "more misbehaviour"),
            (lambda: spam(network(5)), "it takes eight"),
            (lambda: spam(network(gossipsub=GossipSubParams.spec(score=None))), "nobody keeps a score"),
            (seen_by_one, "at one neighbour only"),
        ],
    )
    def test_what_is_wrong_is_named(self, make: Callable[[], Any], hint: str) -> None:
        rejected("04.2", make(), hint)


class TestUnseen:
    @pytest.mark.parametrize(("sybils", "addresses"), [(20, 20), (20, 10), (40, 40), (25, 5), (60, 30)])
    def test_addresses_enough_are_accepted(self, sybils: int, addresses: int) -> None:
        accepted("04.3", besieged(sybils=sybils, addresses=addresses))

    @pytest.mark.parametrize(
        ("make", "hint"),
        [
            (lambda: None, "no answer yet"),
            (lambda: besieged(), "they share an address"),
            (lambda: besieged(addresses=2), "20 of them"),
            (lambda: besieged(scoring=False), "keeps no scores"),
            (lambda: besieged(sybils=3, addresses=3), "there are 3 sybils"),
            (lambda: network(), "there are 0 sybils"),
        ],
    )
    def test_what_is_wrong_is_named(self, make: Callable[[], Any], hint: str) -> None:
        rejected("04.3", make(), hint)
