"""Bitswap with boxo, which kubo is made of, and with helia: both ways, and what either end says of it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from p2plab import Lab, Node
from p2plab.constants import LAB_KAD_ID
from tests.interop.outsider import Outsider, packed, unpacked
from tests.interop.provide import HERE, boxo_node, helia_node, missing_go

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Pair:
    """``theirs`` is the process with boxo, ``alice`` a node of the lab that has dialled it."""

    lab: Lab
    theirs: Outsider
    alice: Node


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    missing = missing_go()
    if missing is not None:
        pytest.skip(missing)
    return boxo_node(tmp_path_factory.mktemp("boxo"))


@contextmanager
def ended(theirs: Outsider) -> Iterator[Outsider]:
    """A process that ends with the block."""
    try:
        yield theirs
    finally:
        theirs.end()


@pytest.fixture
def helia() -> Iterator[Pair]:
    with (
        ended(Outsider(helia_node(), ["/ip4/127.0.0.1/tcp/0"], LAB_KAD_ID, HERE)) as theirs,
        Lab("real", seed=7) as lab,
    ):
        alice = lab.start_node("alice")
        alice.content.blocks.put(b"alice speaks Bitswap from the start")
        alice.connect(theirs.addresses[0])
        yield Pair(lab, theirs, alice)


@pytest.fixture
def pair(program: list[str]) -> Iterator[Pair]:
    with ExitStack() as stack:
        theirs = Outsider(program, ["/ip4/127.0.0.1/tcp/0"], LAB_KAD_ID, HERE)
        stack.callback(theirs.end)
        lab = stack.enter_context(Lab("real", seed=7))
        alice = lab.start_node("alice")
        alice.content.blocks.put(b"alice speaks Bitswap from the start")
        alice.connect(theirs.addresses[0])
        yield Pair(lab, theirs, alice)


def some(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.mark.parametrize("size", [5, 300_000, 5_000_000])
def test_a_file_of_boxos_comes_and_is_the_right_one(pair: Pair, size: int) -> None:
    cid = pair.theirs.do("add", data=packed(some(size)))
    fetched = pair.alice.content.fetch(cid)
    assert pair.alice.content.cat(cid) == some(size)
    assert fetched.duplicates == 0
    assert fetched.blocks == len(pair.alice.content.blocks) - 1
    assert pair.theirs.do("stat")["sent"] == fetched.blocks
    assert pair.lab.events.filter(kind="error") == []


@pytest.mark.parametrize("profile", ["unixfs-v1-2025", "unixfs-v0-2015"])
def test_a_file_of_ours_goes_to_boxo_whole(pair: Pair, profile: str) -> None:
    cid = pair.alice.content.add(some(3_000_000), profile=profile)
    answer = pair.theirs.do("cat", cid=str(cid))
    assert unpacked(answer["data"]) == some(3_000_000)
    stat = pair.theirs.do("stat")
    assert (stat["received"], stat["duplicates"]) == (len(pair.alice.content.blocks) - 1, 0)
    assert pair.lab.run_until(
        lambda: sum(one.size or 0 for one in pair.lab.events.filter(kind="bitswap.sent")) >= 3_000_000, timeout=5
    )
    assert pair.lab.events.filter(kind="error") == []


@pytest.mark.parametrize("size", [5, 300_000, 5_000_000])
def test_both_cut_a_file_alike(pair: Pair, size: int) -> None:
    ours = pair.alice.content.add(some(size), profile="unixfs-v0-2015")
    assert pair.theirs.do("add", data=packed(some(size))) == str(ours)


def test_what_boxo_has_not_got_it_says_at_once(pair: Pair) -> None:
    from p2plab.errors import ContentError
    from p2plab.identity.cid import cid_for

    with pytest.raises(ContentError, match="the one peer asked does not have it"):
        pair.alice.content.fetch(cid_for(b"nowhere at all"))
    step = pair.lab.events.filter(kind="bitswap.dont_have")[0]
    assert step.reason is None, "it said so, and was not silent"


def test_a_block_that_we_get_later_goes_to_boxo_which_waits_for_it(pair: Pair) -> None:
    from threading import Thread

    from p2plab.identity.cid import cid_for

    answers = []
    waiting = Thread(target=lambda: answers.append(pair.theirs.do("cat", cid=str(cid_for(b"later")))))
    waiting.start()
    asked = pair.lab.run_until(lambda: pair.theirs.do("stat")["wantlist"] == 1, timeout=10)
    assert asked
    pair.lab.run(0.5)
    pair.alice.content.add(b"later")
    waiting.join(20)
    assert [unpacked(answer["data"]) for answer in answers] == [b"later"]


def test_py_libp2ps_bitswap_gets_a_file_of_boxos(pair: Pair) -> None:
    """The other way there is none: boxo waits in vain, since what answers it has to open a stream."""
    bob = pair.lab.start_node("bob", bitswap="libp2p")
    bob.content.blocks.put(b"bob speaks Bitswap from the start")
    bob.connect(pair.theirs.addresses[0])
    cid = pair.theirs.do("add", data=packed(some(600_000)))
    assert bob.content.fetch(cid).blocks == len(bob.content.blocks) - 1
    assert bob.content.cat(cid) == some(600_000)


def test_throughput_is_measured_both_ways(
    pair: Pair, program: list[str], record_testsuite_property: Callable[[str, object], None]
) -> None:
    """Stated in the report, not asserted: machines differ."""
    data = some(20_000_000)
    cid = pair.theirs.do("add", data=packed(data))
    began = time.perf_counter()
    pair.alice.content.fetch(cid)
    took = time.perf_counter() - began
    ours = pair.alice.content.add(some(20_000_001))
    to_boxo = pair.theirs.do("cat", cid=str(ours))["seconds"]
    with ended(Outsider(program, ["/ip4/127.0.0.1/tcp/0"], LAB_KAD_ID, HERE)) as other:
        other.do("connect", address=pair.theirs.addresses[0])
        record_testsuite_property("megabytes a second between two of boxo's", 20 / other.do("cat", cid=cid)["seconds"])
    record_testsuite_property("megabytes a second from boxo", 20 / took)
    record_testsuite_property("megabytes a second to boxo", 20 / to_boxo)
    assert pair.alice.content.cat(cid) == data


@pytest.mark.parametrize("size", [5, 5_000, 1_000_000])
def test_a_block_of_helias_comes_at_once_where_it_is_small_and_when_asked_for_where_it_is_not(
    helia: Pair, size: int
) -> None:
    cid = helia.theirs.do("put", data=packed(some(size)))
    fetched = helia.alice.content.fetch(cid)
    assert helia.alice.content.cat(cid) == some(size)
    assert (fetched.blocks, fetched.duplicates) == (1, 0)
    assert fetched.path[0].answer == ("block" if size <= 1024 else "have")
    assert helia.lab.events.filter(kind="error") == []


@pytest.mark.parametrize("size", [5, 1_000_000])
def test_a_block_of_ours_goes_to_helia(helia: Pair, size: int) -> None:
    cid = helia.alice.content.add(some(size))
    assert unpacked(helia.theirs.do("get", cid=str(cid))) == some(size)
    assert helia.theirs.do("wantlist") == 0
    assert helia.lab.events.filter(kind="error") == []


@pytest.mark.parametrize("size", [300_000, 5_000_000])
def test_files_go_both_ways_with_helia(helia: Pair, size: int) -> None:
    theirs = helia.theirs.do("add", data=packed(some(size)))
    fetched = helia.alice.content.fetch(theirs)
    assert helia.alice.content.cat(theirs) == some(size)
    assert (fetched.blocks, fetched.duplicates) == (len(helia.alice.content.blocks) - 1, 0)
    for profile in ("unixfs-v1-2025", "unixfs-v0-2015"):
        ours = helia.alice.content.add(some(size + 1), profile=profile)
        assert unpacked(helia.theirs.do("cat", cid=str(ours))) == some(size + 1)
    assert helia.theirs.do("wantlist") == 0
    assert helia.lab.events.filter(kind="error") == []
