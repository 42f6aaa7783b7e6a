"""The exercises of lesson 05: what is accepted, and what each hint says."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from p2plab import Lab
from p2plab.identity.cid import cid_for
from p2plab.kademlia import DhtParams
from p2plab.teaching.exercises import find
from tests.unit.teaching.answers import accepted, rejected

SOLUTIONS = runpy.run_path(str(Path(__file__).parents[3] / "notebooks" / "solutions" / "05_dht.py"))
SONG = str(cid_for(b"a song"))


def network(count: int = 50, k: int = 4, seed: int = 8) -> Lab:
    lab = Lab(seed=seed, dht=DhtParams(k=k))
    lab.start_nodes(count)
    lab.dht.fill()
    return lab


def willed(lab: Lab, crash: bool = True, get: str | None = "n30", first: bool = False, key: str = "/lab/will") -> Lab:
    """A value of n0, which then crashes, and which another node looks for, before or after that."""
    lab["n0"].dht.put("/lab/will", "to my heirs")
    if get and first:
        lab[get].dht.get(key)
    if crash:
        lab["n0"].crash()
    if get and not first:
        lab[get].dht.get(key)
    return lab


def through_commands() -> Lab:
    lab = network()
    lab.execute_command("dht_put", node="n0", key="/lab/will", value="to my heirs")
    lab.execute_command("crash", node="n0")
    lab.execute_command("dht_get", node="n9", key="/lab/will")
    return lab


def without_heirs() -> Lab:
    lab = willed(network(), get=None)
    for peer in lab.dht.holders("/lab/will").holding:
        if lab[peer.name].running:
            lab[peer.name].crash()
    seeker = next(node for node in lab.nodes if node.running)
    seeker.dht.get("/lab/will")
    return lab


def provided(by: Sequence[str], search: str | None = "n40", lab: Lab | None = None, early: bool = False) -> Lab:
    lab = network() if lab is None else lab
    for place, name in enumerate(by):
        if early and search and place == len(by) - 1:
            lab[search].dht.find_providers(SONG)
        lab[name].dht.provide(SONG)
    if search and not early:
        lab[search].dht.find_providers(SONG)
    return lab


def different_songs() -> Lab:
    lab = network()
    for name in ("n1", "n2", "n3"):
        lab[name].dht.provide(str(cid_for(name.encode())))
    lab["n40"].dht.find_providers(str(cid_for(b"n1")))
    return lab


def forgotten(lab: Lab, spared: int = 0, more: int = 0, look: bool = True) -> Lab:
    """A value whose holders crash, all but ``spared`` of them, and ``more`` nodes that do not hold it. Its publisher is
    as far from the key as can be, so that nobody asks it."""
    publisher = by_distance(lab)[-1]
    lab[publisher].dht.put("/lab/secret", "gone")
    holding = [peer.name for peer in lab.dht.holders("/lab/secret").holding if peer.name != publisher]
    others = [node.name for node in lab.nodes if node.name not in holding and node.name != publisher]
    for name in holding[spared:] + others[:more]:
        lab[name].crash()
    if look:
        lab[others[-1]].dht.get("/lab/secret")
    return lab


def by_distance(lab: Lab) -> list[str]:
    places = lab.dht.key_space("/lab/secret").places
    return [place.peer.name for place in sorted(places, key=lambda place: -(place.bits or 0))]


def with_publisher() -> Lab:
    lab = forgotten(network(), look=False)
    lab[by_distance(lab)[-1]].crash()
    next(node for node in lab.nodes if node.running).dht.get("/lab/secret")
    return lab


RIGHT: list[tuple[str, str, Callable[[], Any]]] = [
    ("05.1", "the solution", SOLUTIONS["in_order_of_distance"]),
    ("05.1", "a tuple", lambda: (4, 2, 14, 12, 9)),
    ("05.1", "sorted by XOR", lambda: sorted((14, 12, 9, 4, 2), key=lambda key: 6 ^ key)),
    ("05.1", "by leading bits", lambda: sorted((2, 4, 9, 12, 14), key=lambda key: f"{key ^ 6:04b}")),
    ("05.1", "one text", lambda: "4, 2, 14, 12, 9"),
    ("05.1", "texts", lambda: ["4", "2", "14", "12", "9"]),
    ("05.2", "the solution", SOLUTIONS["outlives_its_publisher"]),
    ("05.2", "another seed", lambda: willed(network(seed=1))),
    ("05.2", "a larger k", lambda: willed(network(count=80, k=20))),
    ("05.2", "looked for before, too", lambda: willed(willed(network(), crash=False))),
    ("05.2", "by commands", through_commands),
    ("05.3", "the solution", SOLUTIONS["several_providers"]),
    ("05.3", "more providers", lambda: provided(["n1", "n2", "n3", "n4", "n5"])),
    ("05.3", "a larger k", lambda: provided(["n1", "n2", "n3"], lab=network(k=20))),
    ("05.3", "one looks that provides", lambda: provided(["n1", "n2", "n3", "n4"], search="n1")),
    ("05.3", "looked for before, too", lambda: provided(["n9"], lab=provided(["n1", "n2", "n3"], early=True))),
    ("05.4", "the solution", SOLUTIONS["lost"]),
    ("05.4", "the publisher as well", with_publisher),
    ("05.4", "a larger k", lambda: forgotten(network(count=60, k=6))),
    ("05.4", "a crash too many", lambda: forgotten(network(), more=1)),
    ("05.4", "more nodes", lambda: forgotten(network(count=100))),
]

WRONG: list[tuple[str, str, Callable[[], Any]]] = [
    ("05.1", "there is no answer yet", lambda: None),
    ("05.1", "this answer cannot be looked at", lambda: [[4, 2], 14]),
    ("05.1", "give all 5 keys in a list", lambda: 4),
    ("05.1", "a set has no order", lambda: {4, 2, 14, 12, 9}),
    ("05.1", "these are the distances", lambda: [2, 4, 8, 10, 15]),
    ("05.1", "order of their differences", lambda: [4, 9, 2, 12, 14]),
    ("05.1", "farthest first", lambda: [9, 12, 14, 2, 4]),
    ("05.1", "14 is missing", lambda: [4, 2, 12, 9]),
    ("05.1", "12 stands too early: its distance is 12 ^ 6 = 10, and that of 14 is 8", lambda: [4, 2, 12, 14, 9]),
    ("05.2", "the answer is a lab", lambda: "n30"),
    ("05.2", "has 20 nodes", lambda: willed(network(count=20), get="n10")),
    ("05.2", "no value was stored", network),
    ("05.2", "the publisher, n0, is still running", lambda: willed(network(), crash=False)),
    ("05.2", "nobody looked for /lab/will", lambda: willed(network(), get=None)),
    ("05.2", "was looked for before n0 crashed", lambda: willed(network(), first=True)),
    ("05.2", "those that held it are gone too", without_heirs),
    ("05.3", "the answer is a lab", lambda: None),
    ("05.3", "has 30 nodes", lambda: provided(["n1", "n2", "n3"], search="n20", lab=network(count=30))),
    ("05.3", "nobody provides anything", network),
    ("05.3", "no content has more providers than n1, n2;", lambda: provided(["n1", "n2"])),
    ("05.3", "provide the same CID", different_songs),
    ("05.3", "nobody looked for that content", lambda: provided(["n1", "n2", "n3"], search=None)),
    ("05.3", "the best search found 2", lambda: provided(["n1", "n2", "n3"], early=True)),
    ("05.4", "the answer is a lab", lambda: 4),
    ("05.4", "has 40 nodes", lambda: forgotten(network(count=40))),
    ("05.4", "no value was stored", network),
    ("05.4", "only 2 nodes held it", lambda: forgotten(network(k=2))),
    ("05.4", "no node has crashed", lambda: forgotten(network(), spared=4)),
    ("05.4", "it was found all the same", lambda: forgotten(network(), spared=1)),
    ("05.4", "nobody has looked for", lambda: forgotten(network(), look=False)),
    ("05.4", "24 crashes are too many", lambda: forgotten(network(), more=20)),
]


@pytest.mark.parametrize(("name", "kind", "build"), RIGHT, ids=[f"{name}: {kind}" for name, kind, _ in RIGHT])
def test_an_answer_that_does_what_was_asked_is_accepted(name: str, kind: str, build: Callable[[], Any]) -> None:
    accepted(name, build())


@pytest.mark.parametrize(("name", "hint", "build"), WRONG, ids=[f"{name}: {hint}" for name, hint, _ in WRONG])
def test_an_answer_that_does_not_is_told_what_is_wrong(name: str, hint: str, build: Callable[[], Any]) -> None:
    rejected(name, build(), hint)


def test_the_open_exercise_shows_a_score_and_a_best_one() -> None:
    few, many = find("05.4")(SOLUTIONS["lost"]()), find("05.4")(forgotten(network(), more=2))
    assert few.score == few.best == 4
    assert many.score == 6
    assert "a good answer reaches" in str(many)


def test_a_check_changes_nothing_in_the_lab() -> None:
    lab = willed(network())
    before = lab.events.digest()
    for place in (2, 3, 4):
        find(f"05.{place}")(lab)
    assert lab.events.digest() == before
