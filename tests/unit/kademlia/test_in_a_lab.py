"""The DHT in a mock lab: what only shows with connections, identify and dials around it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from p2plab import Lab


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(seed=7) as lab:
        lab.start_nodes(60)
        lab.wire("random", degree=4)
        lab.dht.fill()
        yield lab


def test_a_newcomer_that_knows_one_node_is_found_by_the_others(lab: Lab) -> None:
    newcomer = lab.start_node("newcomer")
    newcomer.connect("n0")
    newcomer.dht.routing_table()  # the DHT is made when it is first used, and joins
    lab.run(30)
    found = lab["n33"].dht.find_peer("newcomer")
    assert found.peer is not None
    assert found.peer.name == "newcomer"
    knowing = [node for node in lab.nodes if newcomer.peer_id in list(node.dht.routing_table())]
    assert len(knowing) > 1, "those it asked on its way in learnt of it"


def test_a_value_outlives_the_crash_of_its_publisher(lab: Lab) -> None:
    lab["n3"].dht.put("/lab/x", b"v")
    lab["n3"].crash()
    assert lab["n20"].dht.get("/lab/x").value == b"v"
    held = lab.dht.holders("/lab/x")
    assert "n3" not in [peer.name for peer in held.holding]


def test_why_a_lookup_ended_goes_back_to_the_command(lab: Lab) -> None:
    lookup = lab["n3"].dht.closest_peers(b"somewhere")
    kinds = [event.kind for event in lab.why(lookup)]
    assert kinds[:2] == ["lab.command", "dht.lookup"]
    assert kinds[-1] == "dht.done"
