"""What a user sees at a prompt: everything that a property or a verb gives shows itself in words."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from p2plab import Lab
from tests.unit.interface.test_every_argument import FACES

LEFT_OUT = {
    "close", "console", "crash", "dashboard", "graph", "heal", "play", "restart", "run", "step", "stop", "timeline",
    "wire", "world",
}  # fmt: skip
BARE = re.compile(r"object at 0x|0x[0-9a-f]{8,}")
RAW = re.compile(r"^\[?[A-Z]\w+\(\w+=.{120}", re.DOTALL)


@pytest.fixture(scope="module")
def lab() -> Lab:
    made = Lab(seed=1)
    relay, alice, bob = made.start_node("relay", role="relay"), made.start_node("alice"), made.start_node("bob")
    made.network.add_nat([bob], kind="symmetric")
    for node in (alice, bob):
        node.connect(relay)
        node.subscribe("news")
    made.run(5)
    alice.publish("news", b"x")
    cid = alice.content.add(b"hello")
    alice.connect(bob)
    bob.content.fetch(cid)
    made.run(5)
    return made


def given(held: Any) -> Iterator[tuple[str, Any]]:
    """What a face's properties are, and what its verbs give that need no argument."""
    for name in sorted(dir(type(held))):
        if name.startswith("_") or name in LEFT_OUT:
            continue
        one = inspect.getattr_static(type(held), name)
        if isinstance(one, property):
            yield name, getattr(held, name)
        elif inspect.isfunction(one):
            call = getattr(held, name)
            if all(p.default is not p.empty for p in inspect.signature(call).parameters.values()):
                try:
                    yield f"{name}()", call()
                except Exception as error:  # noqa: BLE001  # what a verb that finds nothing says is tested elsewhere
                    yield f"{name}()", str(error)


@pytest.mark.parametrize("face", FACES)
def test_whatever_a_face_gives_shows_itself_in_words(lab: Lab, face: str) -> None:
    shown = {name: repr(value) for name, value in given(FACES[face](lab))}
    wrong = [f"{name}: {text[:150]}" for name, text in shown.items() if BARE.search(text) or RAW.search(text)]
    assert not wrong, "\n".join(wrong)


MADE: dict[str, tuple[Callable[[Lab], Any], str]] = {
    "a belief": (lambda lab: lab["alice"].nat, "<NatBelief "),
    "a way": (lambda lab: lab.reachability()["alice", "bob"], "<Way "),
    "an address": (lambda lab: lab["alice"].reachability()[0], "<AddressStatus /ip4/"),
    "a query": (lambda lab: lab["alice"].dht.get("/lab/x").path[0], "<Query GET_VALUE to "),
    "a capability": (lambda lab: lab["alice"].capabilities("relay")[0], "<Capability /"),
    "a throughput": (lambda lab: lab["alice"].perf("relay", 10, 10), "<Throughput "),
    "an event": (lambda lab: next(iter(lab.events)), "<Event 0.0000s  lab  lab.command"),
    "a command": (lambda lab: lab.history()[0], "<Command 0.0000s  lab  start_nodes"),
}


@pytest.mark.parametrize("what", MADE)
def test_what_is_found_in_them_does_so_in_a_line(lab: Lab, what: str) -> None:
    make, begins = MADE[what]
    text = repr(make(lab))
    assert text.startswith(begins)
    assert "\n" not in text


def test_no_part_of_a_score_is_less_than_nothing_by_its_sign(lab: Lab) -> None:
    scores = lab["alice"].scores()
    assert scores
    assert "-0.0" not in repr(scores)
