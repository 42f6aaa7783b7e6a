"""GraphSync with go-graphsync, and CAR files with go-car: both ways."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from p2plab import Lab, Node
from p2plab.constants import LAB_KAD_ID
from p2plab.content.graphsync import EVERYTHING, everything
from p2plab.errors import ContentError
from p2plab.identity import dag_cbor
from tests.interop.outsider import Outsider, packed, unpacked
from tests.interop.provide import HERE, content_node, missing_go

pytestmark = pytest.mark.content

CBOR = 0x71


@dataclass(frozen=True, slots=True)
class Pair:
    """``theirs`` is the process with go-graphsync, ``alice`` a node of the lab that has dialled it."""

    lab: Lab
    theirs: Outsider
    alice: Node


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    missing = missing_go()
    if missing is not None:
        pytest.skip(missing)
    return content_node(tmp_path_factory.mktemp("content"))


@pytest.fixture
def pair(program: list[str]) -> Iterator[Pair]:
    theirs = Outsider(program, ["/ip4/127.0.0.1/tcp/0"], LAB_KAD_ID, HERE)
    try:
        with Lab("real", seed=7) as lab:
            alice = lab.start_node("alice")
            alice.connect(theirs.addresses[0])
            yield Pair(lab, theirs, alice)
    finally:
        theirs.end()


def some(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def fetched_by_go(pair: Pair, cid: Any, selector: Any = EVERYTHING, **more: Any) -> dict[str, Any]:
    """What go-graphsync got of alice, and what it says went wrong."""
    found: dict[str, Any] = pair.theirs.do(
        "fetch", peer=str(pair.alice.peer_id), cid=str(cid), selector=selector, **more
    )
    return found


@pytest.mark.parametrize("size", [5, 300_000, 5_000_000])
def test_what_go_graphsync_has_comes_and_is_verified(pair: Pair, size: int) -> None:
    cid = pair.theirs.do("add", data=packed(some(size)))
    fetched = pair.alice.content.sync(pair.theirs.peer_id, cid)
    assert pair.alice.content.cat(cid) == some(size)
    assert (fetched.blocks, fetched.duplicates, fetched.local) == (len(pair.alice.content.blocks), 0, 0)
    again = pair.alice.content.sync(pair.theirs.peer_id, cid)
    assert (again.blocks, again.bytes, again.local) == (0, 0, fetched.blocks), "it was told not to send them"
    assert pair.lab.events.filter(kind="error") == []


@pytest.mark.parametrize("size", [5, 300_000, 5_000_000])
def test_what_is_here_goes_to_go_graphsync(pair: Pair, size: int) -> None:
    cid = pair.alice.content.add(some(size), profile="unixfs-v0-2015")
    blocks = len(pair.alice.content.blocks)
    pair.alice.content.serve_graphsync()
    found = fetched_by_go(pair, cid)
    assert (found["errors"], found["blocks"], found["remote"]) == ([], blocks, blocks)
    assert unpacked(pair.theirs.do("cat", cid=str(cid))) == some(size)
    children = [str(child) for child in pair.alice.content.blocks.links(cid)]
    for child in children:
        pair.theirs.do("delete", cid=child)
    for child in children[:2]:
        assert pair.theirs.do("has", cid=child) is False
    without = fetched_by_go(pair, cid, cids=[str(cid)])
    assert (without["errors"], without["blocks"], without["remote"]) == ([], blocks, len(children))
    assert unpacked(pair.theirs.do("cat", cid=str(cid))) == some(size)
    assert pair.lab.events.filter(kind="error") == []


SELECTORS: dict[str, Any] = {
    "everything": EVERYTHING,
    "three levels": everything(3),
    "a field": {"f": {"f>": {"left": {".": {}}}}},
    "an index, then all": {"f": {"f>": {"list": {"i": {"i": 1, ">": everything(9)}}}}},
    "a range": {"f": {"f>": {"list": {"r": {"^": 1, "$": 3, ">": {".": {}}}}}}},
    "a union that says a field twice": {
        "|": [{"f": {"f>": {"left": {".": {}}}}}, {"f": {"f>": {"left": everything(5), "right": {".": {}}}}}]
    },
    "nested recursions": {
        "R": {
            "l": {"depth": 5},
            ":>": {"|": [{"f": {"f>": {"left": {"@": {}}}}}, {"f": {"f>": {"list": everything(3)}}}]},
        }
    },
    "along one field": {"R": {"l": {"depth": 50}, ":>": {"f": {"f>": {"left": {"@": {}}}}}}},
}


@pytest.mark.parametrize("name", SELECTORS)
def test_both_walk_a_selector_alike(pair: Pair, name: str) -> None:
    """Two graphs of the same shape, so that neither has the other's blocks: the same number of them crosses."""

    def graph(put: Any, salt: str) -> Any:
        leaves = [put(dag_cbor.encode({"leaf": number, "salt": salt})) for number in range(4)]
        inner = [put(dag_cbor.encode({"left": leaves[n], "list": leaves, "right": leaves[3 - n]})) for n in range(2)]
        node = put(dag_cbor.encode({"left": inner[0], "list": [leaves[2], inner[1], {"deep": [inner[0]]}, 5]}))
        return put(dag_cbor.encode({"left": node, "list": [inner[1], node, leaves[0]], "right": inner[1], "x": salt}))

    from p2plab.identity.cid import as_cid

    pair.alice.content.serve_graphsync()
    ours = graph(lambda data: pair.alice.content.blocks.put(data, codec="dag-cbor"), "ours")
    before = len(pair.alice.content.blocks)
    theirs = graph(lambda data: as_cid(pair.theirs.do("put", data=packed(data), codec=CBOR)), "theirs")
    fetched = pair.alice.content.sync(pair.theirs.peer_id, theirs, selector=SELECTORS[name])
    found = fetched_by_go(pair, ours, SELECTORS[name])
    assert found["errors"] == []
    assert found["remote"] == fetched.blocks == len(pair.alice.content.blocks) - before
    lines = [step.answer.partition(" ")[0] for step in fetched.path]
    assert lines == [str(found["blocks"])], "as many links, those that are walked twice among them"


def test_what_is_missing_or_not_selected_is_said_alike(pair: Pair) -> None:
    pair.alice.content.serve_graphsync()
    cid = pair.theirs.do("add", data=packed(some(900_000)))
    ours = pair.alice.content.add(some(900_001), profile="unixfs-v0-2015", pin=False)
    gone = pair.alice.content.blocks.links(ours)[-1]
    pair.alice.content.blocks.delete(gone)
    found = fetched_by_go(pair, ours)
    assert len(found["errors"]) == 1
    assert str(gone) in found["errors"][0]
    pair.theirs.do("delete", cid=_last_of(pair, cid))
    with pytest.raises(ContentError, match="it has not got 1 of the blocks"):
        pair.alice.content.sync(pair.theirs.peer_id, cid)
    with pytest.raises(ContentError, match="34, not found"):
        pair.alice.content.sync(pair.theirs.peer_id, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku")
    endless = {"R": {"l": {"none": {}}, ":>": {"a": {">": {"@": {}}}}}}
    with pytest.raises(ContentError, match="30, rejected"):
        pair.alice.content.sync(pair.theirs.peer_id, cid, selector=endless)
    nobody = fetched_by_go(pair, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku")
    assert len(nobody["errors"]) >= 1
    pair.alice.content.serve_graphsync(False)
    refused = fetched_by_go(pair, ours)
    assert len(refused["errors"]) >= 1


def _last_of(pair: Pair, cid: str) -> str:
    """The last chunk of a file of theirs, whose first block is fetched for that."""
    pair.alice.content.sync(pair.theirs.peer_id, cid, selector={".": {}})
    return str(pair.alice.content.blocks.links(cid)[-1])


def test_either_may_cancel(pair: Pair) -> None:
    pair.alice.content.serve_graphsync()
    ours = pair.alice.content.add(some(20_000_000), profile="unixfs-v0-2015")
    blocks = len(pair.alice.content.blocks)
    found = fetched_by_go(pair, ours, after=3)
    assert found["blocks"] < blocks
    assert pair.lab.run_until(
        lambda: [one.reason for one in pair.lab.events.filter(kind="graphsync.answered")] == ["cancelled"], timeout=10
    )
    theirs = pair.theirs.do("add", data=packed(some(10_000_000)))
    with pytest.raises(TimeoutError):
        pair.alice.content.sync(pair.theirs.peer_id, theirs, timeout=0.02)
    fetched = pair.alice.content.sync(pair.theirs.peer_id, theirs)
    assert pair.alice.content.cat(theirs) == some(10_000_000)
    assert fetched.blocks > 0


@pytest.mark.parametrize("version", [1, 2])
def test_a_car_of_go_cars_is_read_and_one_of_ours_by_go_car(pair: Pair, tmp_path: Path, version: int) -> None:
    cid = pair.theirs.do("add", data=packed(some(3_000_000)))
    written = pair.theirs.do("write_car", cid=cid, path=str(tmp_path / "theirs.car"), version=version)
    assert [str(root) for root in pair.alice.content.import_car(tmp_path / "theirs.car")] == [cid]
    assert len(pair.alice.content.blocks) == written
    assert pair.alice.content.cat(cid) == some(3_000_000)

    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.txt").write_text("hello\n")
    (folder / "big.bin").write_bytes(some(2_000_000))
    ours = pair.alice.content.add(folder)
    pair.alice.content.export(ours, tmp_path / "ours.car", version=version)
    found = pair.theirs.do("read_car", path=str(tmp_path / "ours.car"))
    assert (found["version"], found["roots"]) == (version, [str(ours)])
    assert found["indexed"] == (found["blocks"] if version == 2 else 0)
    entries = {entry.name: entry.cid for entry in pair.alice.content.ls(ours)}
    assert unpacked(pair.theirs.do("cat", cid=str(entries["big.bin"]))) == some(2_000_000)
    assert json.dumps(found["index"]) != '""'
