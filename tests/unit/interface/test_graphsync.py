"""``content.sync``: part of a graph from one peer by GraphSync, in both worlds."""

from __future__ import annotations

import random

import pytest

from p2plab import Lab, Node
from p2plab.content.graphsync import everything
from p2plab.errors import ContentError, ValidationError
from p2plab.stream import StreamError


def _graphsync_streams(node: Node) -> list[str]:
    return [one.protocol for one in node.streams() if "graphsync" in one.protocol]


def test_a_file_comes_from_a_peer_that_serves_it_and_only_what_is_missing(lab: Lab) -> None:
    alice, bob, carol = lab.start_nodes(3)
    data = random.Random(5).randbytes(2_500_000)
    cid = alice.content.add(data, profile="unixfs-v0-2015")
    with pytest.raises(StreamError) as caught:
        bob.content.sync(alice, cid)
    assert caught.value.kind == "protocol not supported"
    alice.content.serve_graphsync()
    first = bob.content.sync(alice, cid, selector=everything(1))
    assert (first.blocks, first.local) == (1, 0)
    fetched = bob.content.sync(alice, cid, pin=True)
    assert (fetched.blocks, fetched.local, fetched.duplicates) == (10, 1, 0)
    assert fetched.bytes + first.bytes == alice.content.blocks.size == bob.content.blocks.size
    assert bob.content.cat(cid) == data
    assert lab.run_until(lambda: not _graphsync_streams(alice) and not _graphsync_streams(bob), timeout=20)
    assert "was asked for" in str(lab.why(fetched))
    assert lab.run_until(lambda: len(lab.events.filter(kind="graphsync.answered", node=alice.name)) == 2, timeout=20)
    assert [one.reason for one in lab.events.filter(kind="graphsync.answered")] == ["complete", "complete"]
    with pytest.raises(ContentError, match="30, rejected") as refused:
        carol.content.sync(bob, cid)
    assert lab.events[refused.value.event or 0].kind == "graphsync.failed"
    bob.content.serve_graphsync()
    carol.content.sync(bob, cid)
    assert carol.content.cat(cid, length=10) == data[:10]
    with pytest.raises(ValidationError, match="with a condition"):
        bob.content.sync(alice, cid, selector={"&": {}})
    assert lab.events.filter(kind="error") == []


def test_a_peer_that_goes_or_lacks_a_block_ends_a_fetch_with_what_came(lab: Lab) -> None:
    alice, bob = lab.start_nodes(2)
    cid = alice.content.add(random.Random(6).randbytes(900_000), profile="unixfs-v0-2015", pin=False)
    alice.content.serve_graphsync()
    missing = alice.content.blocks.links(cid)[-1]
    alice.content.blocks.delete(missing)
    with pytest.raises(ContentError, match=f"1 of the blocks, {missing}"):
        bob.content.sync(alice, cid)
    assert len(bob.content.blocks) == len(alice.content.blocks)
    with pytest.raises(ContentError, match="34, not found"):
        bob.content.sync(alice, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku")


def test_a_sync_takes_its_time_over_a_line_and_may_be_given_up() -> None:
    with Lab(seed=7) as lab:
        alice, bob = lab.start_nodes(2)
        lab.network.set_node(alice, up=1e6)
        cid = alice.content.add(random.Random(7).randbytes(8_000_000))
        alice.content.serve_graphsync()
        with pytest.raises(TimeoutError, match="within 3 s"):
            bob.content.sync(alice, cid, timeout=3)
        came = len(bob.content.blocks)
        assert 0 < came < 5
        lab.run(10)
        answered = lab.events.filter(kind="graphsync.answered")
        assert [one.reason for one in answered] == ["cancelled"]
        assert len(bob.content.blocks) == came, "what comes after it was given up is not kept"
        fetched = bob.content.sync(alice, cid)
        assert (fetched.local, fetched.blocks) == (came, 9 - came)
        assert 3 < fetched.duration < 10
