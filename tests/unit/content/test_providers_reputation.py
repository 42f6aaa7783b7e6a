"""Fetches learn of their providers: who delivered, who broke the rules and is not asked again, who comes back."""

from __future__ import annotations

import pytest

from p2plab import Lab, Node
from p2plab.content.bitswap.messages import BitswapMessage, encode_message
from p2plab.errors import ContentError
from p2plab.identity.cid import cid_for

BITSWAP = "/ipfs/bitswap/1.2.0"
TALE = b"".join(number.to_bytes(4, "big") for number in range(1_000_000))  # four blocks, each its own


@pytest.fixture
def lab() -> Lab:
    return Lab(seed=7)


def flood(node: Node, victim: Node) -> None:
    """Send blocks that nobody asked for, until the other end has had enough."""
    blocks = [bytes([number]) * 100 for number in range(40)]
    message = encode_message(BitswapMessage(blocks=[(cid_for(block), block) for block in blocks]))
    stream = node.open_stream(victim, BITSWAP)
    stream.write(_framed(message))
    stream.close()


def _framed(message: bytes) -> bytes:
    from p2plab.identity.varint import encode_varint

    return encode_varint(len(message)) + message


def test_who_delivered_is_thought_better_of_and_the_faster_comes_first(lab: Lab) -> None:
    with lab:
        near, far, asker = lab.start_node("near"), lab.start_node("far"), lab.start_node("asker")
        lab.network.set_node(far, up=200_000)
        lab.wire([("asker", "near"), ("asker", "far")])
        cid = near.content.add(TALE)
        far.content.add(TALE)
        fetched = asker.content.fetch(cid)
        assert fetched.blocks > 3
        rows = {row.peer: row for row in asker.routing.reputation()}
        assert rows[near.peer_id].score > 0.5
        assert rows[near.peer_id].deliveries >= 1
        assert asker.routing.reputation()[0].peer == near.peer_id
        assert "reliability" in asker.why(near).answer


def test_who_breaks_the_rules_is_refused_until_that_is_forgotten(lab: Lab) -> None:
    with lab:
        mallory, bob = lab.start_node("mallory"), lab.start_node("bob")
        mallory.connect(bob)
        cid = mallory.content.add(b"a bait")
        bob.content.add(b"so that bob speaks Bitswap")
        lab.run(1)
        flood(mallory, bob)
        lab.run(1)
        assert lab.events.filter(kind="bitswap.cut_off", node="bob", peer="mallory")
        (row,) = bob.routing.reputation()
        assert (row.peer, row.refused) == (mallory.peer_id, True)
        assert "refused, since its bad blocks" in bob.why(mallory).answer
        with pytest.raises((ContentError, TimeoutError)):
            bob.content.fetch(cid, timeout=20)
        lab.run(1_800)  # half an hour: three bad blocks weigh less than one by then
        (row,) = bob.routing.reputation()
        assert not row.refused
        assert bob.content.fetch(cid, timeout=60).blocks == 1


def test_what_was_asked_for_and_did_not_come_counts_against_the_peer(lab: Lab) -> None:
    with lab:
        slow, bob = lab.start_node("slow"), lab.start_node("bob")
        slow.connect(bob)
        cid = slow.content.add(TALE)
        lab.run(1)
        lab.network.set_node(slow, up=1_000)
        with pytest.raises(TimeoutError):
            bob.content.fetch(cid, timeout=5)
        (row,) = bob.routing.reputation()
        assert row.failures > row.deliveries
        (failed,) = lab.events.filter(kind="reputation.failed", node="bob")
        assert "did not come" in (failed.data or {})["text"]


def test_the_command_that_finds_providers_gives_the_best_first(lab: Lab) -> None:
    with lab:
        alice, bob, carol = (lab.start_node(name) for name in ("alice", "bob", "carol"))
        lab.wire("full")
        cid = str(bob.content.add(b"hello"))
        for node in (bob, carol):
            node.routing.provide(cid)
        alice.routing.judge(bob, "failed")
        answer = lab.execute_command("libp2p_find_providers", node="alice", cid=cid)
        assert [peer["name"] for peer in answer["result"]["providers"]] == ["carol", "bob"]
