"""The exercises of lesson 07: what is accepted, and what each hint says."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from p2plab import Lab
from tests.unit.teaching.answers import accepted, each_right, each_wrong, rejected

SOLUTIONS = runpy.run_path(str(Path(__file__).parents[3] / "notebooks" / "solutions" / "07_reachability.py"))


def pair(alice: str | None = None, bob: str | None = None, **of_bob: Any) -> Lab:
    """Alice and Bob behind boxes of these kinds, in a lab with nobody else."""
    lab = Lab(seed=7)
    for name, kind, more in (("alice", alice, {}), ("bob", bob, of_bob)):
        lab.start_node(name)
        if kind:
            lab.network.add_nat(name, kind, **more)
    return lab


def town(alice: str | None, bob: str | None, *, known: bool = True, wait: float = 30, relay: bool = True) -> Lab:
    """The same with a relay and public nodes, which both know."""
    lab = Lab(seed=7)
    public = [lab.start_node("relay", role="relay")] if relay else []
    public += lab.start_nodes(4)
    for name, kind in (("alice", alice), ("bob", bob)):
        node = lab.start_node(name)
        if kind:
            lab.network.add_nat(name, kind)
        if known:
            for other in public:
                node.connect(other)
    lab.run(wait)
    return lab


def met(lab: Lab, a: str = "alice", b: str = "bob", wait: float = 0) -> Lab:
    lab[a].connect(b)
    lab.run(wait)
    return lab


def dialled_outside(kind: str) -> Lab:
    """Bob sends something out, and Alice dials the address that his box shows."""
    lab = Lab(seed=7)
    alice, bob, carol = (lab.start_node(name) for name in ("alice", "bob", "carol"))
    box = lab.network.add_nat(bob, kind)
    bob.connect(carol)
    alice.connect(f"/ip4/{box.address}/tcp/4001/p2p/{bob.peer_id}")
    return lab


def one_box() -> Lab:
    lab = Lab(seed=7)
    lab.network.add_nat([lab.start_node("alice"), lab.start_node("bob")], "symmetric")
    return met(lab)


def without_bobs_box() -> Lab:
    lab = Lab(seed=7)
    lab.start_node("alice")
    lab.start_node("bob")
    lab.network.add_nat("bob", "symmetric").remove()
    return met(lab)


def gone_again() -> Lab:
    lab = met(town("symmetric", "restricted"), wait=10)
    lab["alice"].disconnect("bob")
    return lab


def only_alice_has_a_slot() -> Lab:
    lab = pair("symmetric", "symmetric")
    lab.start_node("relay", role="relay")
    lab["alice"].connect("relay")
    lab.run(30)
    return lab


RIGHT: dict[str, list[Callable[[], Any]]] = {
    "07.1": [
        SOLUTIONS["answer_1"],
        lambda: met(pair(None, "port-restricted", upnp=True)),
        lambda: dialled_outside("full-cone"),
        lambda: met(town(None, "full-cone")),
        lambda: met(pair(None, "restricted", upnp=True, hairpinning=True)),
    ],
    "07.2": [
        SOLUTIONS["answer_2"],
        lambda: met(town("symmetric", "symmetric")),
        lambda: met(town("symmetric", "symmetric"), "bob", "alice"),
        lambda: met(town("symmetric", "symmetric", wait=10), wait=40),
        lambda: met(town("symmetric", "symmetric")).fork(),
    ],
    "07.3": [
        SOLUTIONS["answer_3"],
        lambda: "restricted",
        lambda: ("restricted",),
        lambda: {"restricted"},
        lambda: ["restricted", "restricted"],
    ],
    "07.4": [
        SOLUTIONS["answer_4"],
        lambda: met(town("symmetric", "restricted"), wait=5),
        lambda: met(town("symmetric", "restricted"), "bob", "alice", wait=10),
        lambda: met(town("symmetric", "restricted"), wait=60),
        lambda: met(town("symmetric", "restricted"), wait=10).fork(),
    ],
}
WRONG: dict[str, list[tuple[Callable[[], Any], str]]] = {
    "07.1": [
        (lambda: None, "give the lab itself"),
        (lambda: Lab(seed=1), "no alice and no bob"),
        (lambda: pair(None, "symmetric"), "no connection to bob yet. Of his box the lab says: no"),
        (lambda: met(pair()), "bob stands behind no box"),
        (without_bobs_box, "bob stands behind no box"),
        (lambda: met(pair(None, "symmetric"), "bob", "alice"), "because bob dialled alice"),
        (lambda: met(town(None, "symmetric")), "over a relay"),
        (one_box, "alice stands behind a box, too"),
    ],
    "07.2": [
        (lambda: pair("symmetric", "symmetric"), "no node of the lab relays for others"),
        (lambda: met(town("symmetric", "full-cone")), "bob's box has to stay, and to stay symmetric"),
        (lambda: met(town(None, "symmetric")), "alice's box has to stay"),
        (one_box, "behind the same box"),
        (lambda: town("symmetric", "symmetric", known=False), "neither alice nor bob has a slot"),
        (lambda: town("symmetric", "symmetric"), "one of the two has to connect to the other"),
        (only_alice_has_a_slot, "alice has a slot at a relay and bob has none, so bob has to be the one who connects"),
        (lambda: 7, "give the lab itself, not 7"),
    ],
    "07.3": [
        (lambda: None, "give a list of some of full-cone"),
        (lambda: ["full-cone", "restricted"], "full-cone: nothing has to be punched"),
        (lambda: ["restricted", "port-restricted"], "that of port-restricted lets in only known ones"),
        (lambda: ["symmetric"], "which neither can foresee"),
        (list, "one is missing"),
        (lambda: ["cone"], "'cone' is none of the kinds"),
        (lambda: 1, "give a list of some of full-cone, restricted, port-restricted, symmetric, not 1"),
    ],
    "07.4": [
        (lambda: town("symmetric", "symmetric"), "are not connected. What the lab expects when they do: relayed"),
        (lambda: met(town("symmetric", "symmetric"), wait=40), "they tried and failed"),
        (lambda: met(town("restricted", "restricted"), wait=10), "alice's box has to be there, and symmetric"),
        (lambda: met(town("symmetric", None), wait=10), "bob needs a box"),
        (lambda: met(town("symmetric", "full-cone"), wait=10), "nothing was punched"),
        (lambda: met(town("symmetric", "restricted")), "let some lab time pass"),
        (one_box, "behind the same box"),
        (gone_again, "not connected any more"),
    ],
}


@each_right(RIGHT)
def test_what_does_what_was_asked_is_accepted(name: str, answer: Callable[[], Any]) -> None:
    accepted(name, answer())


@each_wrong(WRONG)
def test_what_does_not_is_told_what_is_wrong(name: str, answer: Callable[[], Any], says: str) -> None:
    rejected(name, answer(), says)
