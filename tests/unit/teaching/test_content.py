"""The exercises of lesson 08: what is accepted, and what each hint says."""

from __future__ import annotations

import random
import runpy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from p2plab import Lab, Node
from p2plab.errors import ContentError
from p2plab.identity import dag_cbor
from p2plab.identity.cid import cid_for
from p2plab.kademlia import DhtParams
from p2plab.teaching.exercises import find
from tests.unit.teaching.answers import accepted, rejected

SOLUTIONS = runpy.run_path(str(Path(__file__).parents[3] / "notebooks" / "solutions" / "08_content.py"))
make_liar: Callable[[Node], None] = SOLUTIONS["make_liar"]
TALE = random.Random(2).randbytes(3_000_000)


def full(count: int, seed: int = 1) -> tuple[Lab, list[Node]]:
    lab = Lab(seed=seed)
    nodes = lab.start_nodes(count)
    lab.wire("full")
    return lab, nodes


def shared(givers: int, profile: str = "unixfs-v0-2015", data: bytes = TALE, slow: Sequence[int] = ()) -> Lab:
    """A file that one node fetches from some others; the slow ones send little."""
    lab, nodes = full(givers + 1)
    for place in slow:
        lab.network.set_node(nodes[place], up=50_000)
    for node in nodes[:givers]:
        cid = node.content.add(data, profile=profile)
    nodes[givers].content.fetch(cid)
    return lab


def through_commands() -> Lab:
    lab, nodes = full(6)
    for node in nodes[:5]:
        added = lab.execute_command("content_add", node=node.name, data=TALE.hex())
    lab.execute_command("content_fetch", node="n5", cid=added["result"]["cid"])
    return lab


def a_folder(folder: Path) -> Lab:
    lab, nodes = full(6)
    for number in range(8):
        (folder / f"{number}.bin").write_bytes(TALE[number * 100_000 :][:100_000])
    for node in nodes[:5]:
        cid = node.content.add(folder)
    nodes[5].content.fetch(cid)
    return lab


def searched(count: int = 50, provide: str | None = "dht", connect: bool = False, fetch: bool = True) -> Lab:
    """Content of n1, which is provided, and fetched by another node."""
    lab = Lab(seed=2, dht=DhtParams(k=8))
    lab.start_nodes(count)
    lab.dht.fill()
    cid = lab["n1"].content.add(b"a song")
    seeker = lab[f"n{count // 2}"]
    if connect:
        seeker.connect("n1")
    if provide:
        (lab["n1"].dht if provide == "dht" else lab["n1"].routing).provide(cid)
    if fetch:
        seeker.content.fetch(cid)
    return lab


def too_early() -> Lab:
    lab = Lab(seed=2, dht=DhtParams(k=8))
    lab.start_nodes(50)
    lab.dht.fill()
    cid = lab["n1"].content.add(b"a song")
    with pytest.raises(ContentError):
        lab["n30"].content.fetch(cid)
    lab["n1"].dht.provide(cid)
    return lab


def read_by_cat() -> Lab:
    lab = too_early()
    lab["n30"].content.fetch(next(iter(lab["n1"].content.blocks)))
    return lab


def kept(
    pins: Sequence[int] = (0,), files: int = 2, collect: bool = True, by: str = "fetch", late: bool = False
) -> Lab:
    """n1 fetches some files and pins some of them."""
    lab, (alice, bob) = full(2)
    cids = [alice.content.add(b"file %d" % number) for number in range(files)]
    for number, cid in enumerate(cids):
        bob.content.fetch(cid, pin=by == "fetch" and not late and number in pins)
    if by == "pin" and not late:
        for number in pins:
            bob.content.blocks.pin(cids[number])
    if by == "unpin":
        for cid in cids:
            bob.content.blocks.pin(cid)
        for number in set(range(files)) - set(pins):
            bob.content.blocks.unpin(cids[number])
    if collect:
        bob.content.blocks.collect()
    if late:
        bob.content.fetch(cids[pins[0]], pin=True)
    return lab


def collected_by_the_giver() -> Lab:
    lab = kept(collect=False)
    lab["n0"].content.blocks.collect()
    return lab


def lied(liars: int, honest: int = 1, profile: str = "unixfs-v1-2025", fetch: bool = True, seed: int = 4) -> Lab:
    """A file of some nodes, which another one fetches, while some lie."""
    lab, nodes = full(liars + honest + 1, seed)
    for node in nodes[:liars]:
        make_liar(node)
    cid = cid_for(TALE[:1000])
    for node in nodes[liars : liars + honest]:
        cid = node.content.add(TALE, profile=profile)
    if fetch:
        try:
            nodes[-1].content.fetch(cid)
        except ContentError:
            assert not honest
    return lab


def had_before() -> Lab:
    lab, nodes = full(4, 4)
    nodes[3].content.fetch(nodes[0].content.add(TALE))
    for node in nodes[1:3]:
        make_liar(node)
    other = nodes[0].content.blocks.put(b"another")
    nodes[0].content.blocks.delete(other)
    with pytest.raises(ContentError):
        nodes[3].content.fetch(other)
    return lab


def blocks_of_five_mib() -> Any:
    alice = Lab(seed=1).start_node("alice")
    alice.content.add(random.Random(3).randbytes(5 * 2**20 + 1))
    return alice.content.blocks


def only_added() -> Lab:
    lab, nodes = full(3)
    nodes[0].content.add(TALE)
    return lab


def one_gives_nearly_all() -> Lab:
    """Many small blocks and one that is as large as all of them together."""
    lab, nodes = full(6)
    for node in nodes[:5]:
        parts = [node.content.blocks.put(part) for part in (TALE[:1_000_000], *(b"%d" % n * 500 for n in range(30)))]
        root = node.content.blocks.put(dag_cbor.encode(parts), codec="dag-cbor")
    nodes[5].content.fetch(root)
    return lab


def had_already() -> Lab:
    lab, nodes = full(3)
    nodes[0].content.fetch(nodes[0].content.add(TALE))
    return lab


def disconnected() -> Lab:
    lab = searched(fetch=False)
    lab["n25"].connect("n1")
    lab["n25"].disconnect("n1")
    lab["n25"].content.fetch(next(iter(lab["n1"].content.blocks)))
    return lab


def twice() -> Lab:
    lab = kept()
    lab["n1"].content.blocks.collect()
    return lab


RIGHT: list[tuple[str, str, Callable[[Path], Any]]] = [
    ("08.1", "the solution", lambda _: SOLUTIONS["blocks_of_a_file"]()),
    ("08.1", "a number", lambda _: 7),
    ("08.1", "text", lambda _: "7"),
    ("08.1", "by division", lambda _: -(-(5 * 2**20 + 1) // 2**20) + 1),
    ("08.1", "the blocks of a lab", lambda _: len(list(blocks_of_five_mib()))),
    ("08.2", "the solution", lambda _: SOLUTIONS["many_givers"]()),
    ("08.2", "four peers", lambda _: shared(4)),
    ("08.2", "large chunks of a larger file", lambda _: shared(5, "unixfs-v1-2025", TALE * 2)),
    ("08.2", "two of them slow", lambda _: shared(6, slow=(0, 1))),
    ("08.2", "a folder", a_folder),
    ("08.3", "the solution", lambda _: SOLUTIONS["found_by_search"]()),
    ("08.3", "through all routers", lambda _: searched(provide="routing")),
    ("08.3", "more nodes", lambda _: searched(count=80)),
    ("08.3", "looked for before, too", lambda _: read_by_cat()),
    ("08.3", "after a disconnect", lambda _: disconnected()),
    ("08.4", "the solution", lambda _: SOLUTIONS["one_is_kept"]()),
    ("08.4", "pinned afterwards", lambda _: kept(by="pin")),
    ("08.4", "one of three", lambda _: kept(files=3, pins=(2,))),
    ("08.4", "unpinned", lambda _: kept(by="unpin")),
    ("08.4", "collected twice", lambda _: twice()),
    ("08.5", "the solution", lambda _: SOLUTIONS["lied_to"]()),
    ("08.5", "small chunks", lambda _: lied(2, profile="unixfs-v0-2015")),
    ("08.5", "three liars", lambda _: lied(3)),
    ("08.5", "two honest ones", lambda _: lied(2, honest=2)),
    ("08.5", "another seed", lambda _: lied(2, seed=11)),
]

WRONG: list[tuple[str, str, Callable[[], Any]]] = [
    ("08.1", "there is no answer yet", lambda: None),
    ("08.1", "what says in which order", lambda: 6),
    ("08.1", "five chunks hold 5 MiB", lambda: 5),
    ("08.1", "the number of bytes", lambda: 5 * 2**20 + 1),
    ("08.1", "not 8: count the chunks first", lambda: 8),
    ("08.1", "give the number of blocks, not 'seven'", lambda: "seven"),
    ("08.2", "the answer is a lab", lambda: 4),
    ("08.2", "no node has any content", lambda: full(6)[0]),
    ("08.2", "nobody has fetched", only_added),
    ("08.2", "n0, n1 gave all of it", lambda: shared(2)),
    ("08.2", "% of the bytes: too much", one_gives_nearly_all),
    ("08.2", "had it already", had_already),
    ("08.3", "the answer is a lab", lambda: None),
    ("08.3", "has 20 nodes", lambda: searched(count=20)),
    ("08.3", "nobody has said that it has anything", lambda: searched(provide=None, fetch=False)),
    ("08.3", "n25 was connected with n1 already", lambda: searched(connect=True)),
    ("08.3", "before it was provided", too_early),
    ("08.3", "nobody has fetched", lambda: searched(fetch=False)),
    ("08.4", "the answer is a lab", lambda: "n1"),
    ("08.4", "nobody has fetched", only_added),
    ("08.4", "two different files", lambda: kept(files=1)),
    ("08.4", "no garbage was collected", lambda: kept(collect=False)),
    ("08.4", "had pinned all that it fetched", lambda: kept(pins=(0, 1))),
    ("08.4", "had pinned nothing", lambda: kept(pins=())),
    ("08.4", "pin first, then collect", lambda: kept(late=True)),
    ("08.4", "had fetched nothing by then", collected_by_the_giver),
    ("08.5", "the answer is a lab", lambda: 5),
    ("08.5", "nobody has sent wrong bytes", lambda: lied(0)),
    ("08.5", "only n0 sent wrong bytes to n2", lambda: lied(1)),
    ("08.5", "make_liar(node), before", lambda: lied(2, fetch=False)),
    ("08.5", "Somebody honest has to have it", lambda: lied(2, honest=0)),
    ("08.5", "before anybody lied", had_before),
]


@pytest.mark.parametrize(("name", "kind", "build"), RIGHT, ids=[f"{name}: {kind}" for name, kind, _ in RIGHT])
def test_an_answer_that_does_what_was_asked_is_accepted(
    name: str, kind: str, build: Callable[[Path], Any], tmp_path: Path
) -> None:
    accepted(name, build(tmp_path))


@pytest.mark.parametrize(("name", "hint", "build"), WRONG, ids=[f"{name}: {hint}" for name, hint, _ in WRONG])
def test_an_answer_that_does_not_is_told_what_is_wrong(name: str, hint: str, build: Callable[[], Any]) -> None:
    rejected(name, build(), hint)


def test_the_open_exercise_shows_a_score_and_a_best_one() -> None:
    even, uneven = find("08.2")(SOLUTIONS["many_givers"]()), find("08.2")(shared(2))
    assert (even.best, uneven.best) == (21, 21)
    assert even.score is not None
    assert uneven.score is not None
    assert 20 < even.score < 21 < uneven.score


def test_a_check_changes_nothing_in_the_lab() -> None:
    lab = kept()
    before = lab.events.digest()
    for place in (2, 3, 4, 5):
        find(f"08.{place}")(lab)
    assert lab.events.digest() == before
