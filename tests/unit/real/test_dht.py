"""The DHT of real nodes: p2plab's Kademlia on py-libp2p's streams."""

from __future__ import annotations

import pytest

from p2plab import Lab
from p2plab.errors import UnknownNodeError
from p2plab.kademlia import cid_of

WAIT = 20.0


def wired(lab: Lab, count: int) -> None:
    lab.start_nodes(count)
    lab.wire("ring")
    for node in lab.nodes:
        node.dht.routing_table()  # a node's DHT is made when it is first used


def test_a_value_put_by_one_node_is_found_by_another(lab: Lab) -> None:
    wired(lab, 6)
    stored = lab["n0"].dht.put("/lab/greeting", b"hi")
    assert stored.path
    found = lab["n3"].dht.get("/lab/greeting")
    assert found.value == b"hi"
    assert lab.why(found)


def test_providers_and_peers_are_found(lab: Lab) -> None:
    wired(lab, 6)
    cid = cid_of(b"some content")
    lab["n1"].dht.provide(cid)
    assert [info.name for info in lab["n4"].dht.find_providers(cid).providers] == ["n1"]
    found = lab["n5"].dht.find_peer(lab["n2"].peer_id).peer
    assert found is not None
    assert found.name == "n2"
    assert found.addresses == lab["n2"].addresses


def test_the_closest_peers_are_those_of_the_lab(lab: Lab) -> None:
    wired(lab, 5)
    peers = lab["n0"].dht.closest_peers(b"anything").peers
    assert {info.name for info in peers} <= {node.name for node in lab.nodes}
    assert len(peers) >= 3


def test_it_survives_a_crash_of_a_node_that_holds_the_value(lab: Lab) -> None:
    wired(lab, 6)
    lab["n0"].dht.put("/lab/greeting", b"hi")
    lab["n1"].crash()
    assert lab["n4"].dht.get("/lab/greeting").value == b"hi"
    lab["n1"].restart()
    assert lab.run_until(lambda: bool(lab["n1"].peers()), timeout=WAIT)
    assert lab["n1"].dht.get("/lab/greeting").value == b"hi"


def test_nodes_speak_its_protocol_and_answer_garbage_with_a_reset(lab: Lab) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    assert "/p2plab/kad/1.0.0" in bob.protocols()
    stream = alice.open_stream(bob, "/p2plab/kad/1.0.0")
    stream.write(b"\x05garbage")
    with pytest.raises(ConnectionError):
        stream.read()
    assert alice.ping(bob) > 0


def test_whom_nobody_knows_cannot_be_looked_for(lab: Lab) -> None:
    with pytest.raises(UnknownNodeError):
        lab.start_node("alice").dht.find_peer("nobody")
