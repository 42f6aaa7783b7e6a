"""Who has what, who is known to provide it, and for how long; a large file among nodes that come and go."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest

from p2plab import Lab
from p2plab.content.dag_pb import PBLink, PBNode, encode_node
from p2plab.errors import ValidationError
from p2plab.identity.cid import cid_for
from p2plab.kademlia import DhtParams

HOUR = 3600.0


def some(size: int) -> bytes:
    return random.Random(size).randbytes(size)


class TestHolders:
    def test_they_say_who_has_all_who_a_part_and_what_nobody_has(self) -> None:
        with Lab(seed=7) as lab:
            a, b, _, d = lab.start_nodes(4)
            cid = a.content.add(some(1_000_000), profile="unixfs-v0-2015")
            links = a.content.blocks.links(cid)
            b.content.blocks.put(a.content.blocks[links[0]], codec="dag-pb")
            before = lab.events.digest()
            found = lab.holders(cid)
            assert (found.blocks, found.missing, found.whole) == (5, 0, ["n0"])
            assert [(one.name, one.blocks, one.whole, one.pinned) for one in found] == [
                ("n0", 5, True, True),
                ("n1", 1, False, False),
            ]
            assert found["n3"].blocks == 0
            assert "1 node with all of it, 1 with a part" in str(found)
            assert lab.events.digest() == before
            a.content.blocks.unpin(cid)
            a.content.blocks.delete(links[1])
            after = lab.holders(cid)
            assert (after.missing, after.whole, after["n0"].blocks) == (1, [], 4)
            assert len(lab.holders(cid_for(b"nowhere"))) == 0
            with pytest.raises(ValidationError):
                lab.holders("no cid")
            d.content.add(b"unrelated")
            assert lab.holders(cid)["n3"].blocks == 0

    @pytest.mark.real
    def test_in_a_real_lab_too(self) -> None:
        with Lab("real", seed=7) as lab:
            alice, bob = lab.start_node("alice"), lab.start_node("bob")
            cid = alice.content.add(b"hello")
            alice.connect(bob)
            bob.content.fetch(cid)
            assert lab.holders(cid).whole == ["alice", "bob"]


class TestProviding:
    def test_a_record_ends_after_48_hours_and_one_that_is_kept_up_does_not(self) -> None:
        with Lab(seed=7, router="floodsub", dht=DhtParams(refresh_interval=None, check_after=None)) as lab:
            nodes = lab.start_nodes(12)
            lab.wire("random", degree=4)
            lab.dht.fill()
            kept, left = nodes[0].content.add(b"kept up"), nodes[1].content.add(b"left to end")
            assert nodes[0].dht.provide(kept).found
            assert nodes[1].dht.provide(left).found
            nodes[1].crash()
            lab.run(47 * HOUR)
            assert nodes[5].dht.find_providers(left).found
            lab.run(2 * HOUR)
            assert not nodes[5].dht.find_providers(left).found
            assert [peer.name for peer in nodes[5].dht.find_providers(kept).providers] == ["n0"]
            again = [event for event in lab.events.filter(kind="dht.republish") if event.node == "n0"]
            assert len(again) >= 2
            gaps = [b.t - a.t for a, b in pairwise(again)]
            assert all(11 * HOUR <= gap <= 22.1 * HOUR for gap in gaps), "within 22 hours"

    def test_an_optimistic_provide_returns_when_fifteen_of_twenty_have_it_and_tells_the_rest(self) -> None:
        taken = {}
        for optimistic in (False, True):
            with Lab(seed=7, latency=0.02, dht=DhtParams(optimistic_provide=optimistic)) as lab:
                nodes = lab.start_nodes(60)
                lab.wire("random", degree=6)
                lab.dht.fill()
                lab.network.set_link(latency=0.3, jitter=0.3)
                cid = nodes[0].content.add(b"hello")
                provided = nodes[0].dht.provide(cid)
                taken[optimistic] = provided.duration
                sent = provided.messages
                assert sent["ADD_PROVIDER"] == 20, "all are told, whether or not their answers are waited for"
                assert sent["FIND_NODE"] >= 20
                assert len(provided.peers) == (15 if optimistic else 20)
                assert provided.reason == ("enough stored" if optimistic else "stored")
                lab.run(30)
                assert len(lab.dht.holders(cid).holding) == 21, "with the provider itself"
                assert len(lab.events.filter(kind="dht.done", ref=provided.ref)) == 1
        assert taken[True] < taken[False]

    @pytest.mark.real
    def test_with_a_home_what_was_provided_is_provided_again_by_the_next_lab(self, tmp_path: Path) -> None:
        settings = {"dht": DhtParams(), "home": tmp_path / "home"}
        with Lab("real", seed=7, **settings) as lab:
            alice, bob = lab.start_node("alice"), lab.start_node("bob")
            alice.connect(bob)
            cid = alice.content.add(b"hello")
            alice.dht.provide(cid)
        with Lab("real", seed=7, **settings) as lab:
            alice, bob, carol = (lab.start_node(name) for name in ("alice", "bob", "carol"))
            carol.connect(bob)
            assert [peer.name for peer in carol.dht.find_providers(cid).providers] == ["alice"]
            assert carol.content.cat(cid) == b"hello"


@pytest.mark.slow
def test_all_of_a_graph_is_counted_however_deep_and_blocks_within_a_cid_are_nobodys() -> None:
    with Lab(seed=7) as lab:
        alice, bob = lab.start_nodes(2)
        cid = alice.content.blocks.put(b"the bottom")
        for _ in range(1100):
            data = encode_node(PBNode((PBLink(cid, "", 1), PBLink(cid_for(b"in", hash="identity"), "", 1))))
            cid = alice.content.blocks.put(data, codec="dag-pb")
        bob.content.blocks.put(data, codec="dag-pb")
        found = lab.holders(cid)
        assert (found.blocks, found.missing, found.whole, found["n1"].blocks) == (1102, 0, ["n0"], 1)


@pytest.mark.dear
def test_a_hundred_megabytes_come_whole_from_ten_nodes_that_come_and_go() -> None:
    data = some(100_000_000)
    with Lab(seed=7, recording="decisions") as lab:
        nodes = lab.start_nodes(11)
        lab.wire("full")
        for node in nodes:
            lab.network.set_node(node, up=5e6, down=20e6)
        cid = nodes[0].content.add(data)
        for node in nodes[1:10]:
            node.content.add(data)
        lab.network.churn("exponential", nodes=nodes[:10], up=15.0, down=5.0)
        lab.run(10)
        fetched = nodes[10].content.fetch(cid)
        assert nodes[10].content.cat(cid) == data
        assert fetched.blocks == 97
        assert fetched.duplicates <= 0.05 * fetched.blocks
        assert any(step.answer == "gone" for step in fetched.path), "somebody who was asked did go"
        assert len(lab.holders(cid).whole) == 11
