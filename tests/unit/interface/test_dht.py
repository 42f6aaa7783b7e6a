"""The DHT's verbs, in both worlds: what is stored is found by others, and a lookup tells every query."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from p2plab import AsyncLab, Lab, Node
from p2plab.constants import LAB_KAD_ID
from p2plab.errors import PeerIdError, ValidationError
from p2plab.kademlia import KademliaRoutingTable, cid_of
from p2plab.stream import NetStream

SIZE = 5


@pytest.fixture
def nodes(lab: Lab, wait: Callable[[Callable[[], object]], None]) -> list[Node]:
    """Nodes that have each other in their tables."""
    nodes = lab.start_nodes(SIZE)
    for node in nodes:
        node.dht  # noqa: B018  # which has it answer
    lab.wire("full")
    if lab.backend == "mock":
        lab.dht.fill()
    wait(lambda: all(len(node.dht.routing_table()) == SIZE - 1 for node in nodes))
    return nodes


def test_a_value_is_found_by_another(nodes: list[Node]) -> None:
    nodes[0].dht.put("/lab/greeting", b"hi")
    lookup = nodes[4].dht.get("/lab/greeting")
    assert lookup.value == b"hi"
    assert nodes[0].dht.get("/lab/greeting").value == b"hi"


def test_text_is_stored_as_utf_8(nodes: list[Node]) -> None:
    nodes[0].dht.put("/lab/greeting", "grüß")
    assert nodes[1].dht.get("/lab/greeting").value == "grüß".encode()


def test_a_key_that_nobody_has_is_not_found_and_says_why(lab: Lab, nodes: list[Node]) -> None:
    lookup = nodes[0].dht.get("/lab/nothing")
    assert lookup.value is None
    assert lab.why(lookup).answer


def test_providers_are_found(nodes: list[Node]) -> None:
    cid = cid_of(b"content")
    nodes[1].dht.provide(cid)
    found = nodes[3].dht.find_providers(cid).providers
    assert nodes[1].peer_id in [provider.peer_id for provider in found]


def test_a_peer_is_found_with_its_addresses(nodes: list[Node]) -> None:
    found = nodes[0].dht.find_peer(nodes[2].peer_id).peer
    assert found is not None
    assert found.peer_id == nodes[2].peer_id
    assert found.addresses


def test_the_closest_peers_are_those_that_there_are(nodes: list[Node]) -> None:
    peers = nodes[0].dht.closest_peers("/lab/anything").peers
    others = {node.peer_id for node in nodes[1:]}
    assert others <= {peer.peer_id for peer in peers}


def test_a_lookup_tells_whom_it_asked(lab: Lab, nodes: list[Node]) -> None:
    lookup = nodes[0].dht.closest_peers("/lab/anything")
    names = {node.name for node in nodes}
    assert lookup.path
    assert {str(query.peer.name) for query in lookup.path} <= names
    asked = lab.events.filter(kind="dht.query", node="n0")
    assert asked
    assert lab.why(lookup).events[0].kind == "lab.command"


def test_a_routing_table_has_the_peers(nodes: list[Node]) -> None:
    table = nodes[0].dht.routing_table()
    assert isinstance(table, KademliaRoutingTable)
    assert len(table) == SIZE - 1


@pytest.mark.parametrize("key", ["", "no-slash", 5, None])
def test_what_is_no_key_is_refused(lab: Lab, key: object) -> None:
    node = lab.start_node("alice")
    with pytest.raises((ValidationError, PeerIdError)):
        node.dht.get(key)  # type: ignore[arg-type]  # that is the point


def test_a_node_alone_keeps_its_values_itself(lab: Lab) -> None:
    node = lab.start_node("alice")
    node.dht.put("/lab/greeting", b"hi")
    assert node.dht.get("/lab/greeting").value == b"hi"


def test_the_same_verbs_can_be_awaited(backend: str) -> None:
    async def main() -> bytes | None:
        async with AsyncLab(backend, seed=7) as lab:
            alice, bob = await lab.start_nodes(2)
            bob.dht  # noqa: B018  # which has it answer
            await alice.connect(bob)
            assert await lab.run_until(lambda: len(alice.dht.routing_table()) == 1, timeout=20)
            await alice.dht.put("/lab/greeting", b"hi")
            return (await bob.dht.get("/lab/greeting")).value

    assert asyncio.run(main()) == b"hi"


def test_a_handler_of_a_user_s_for_the_dht_s_protocol_is_what_answers(lab: Lab, alice: Node, bob: Node) -> None:
    asked = []

    async def spoil(stream: NetStream) -> None:
        asked.append(await stream.read())
        await stream.write(b"\x03\xff\xff\xff")

    bob.handle(LAB_KAD_ID, spoil)
    alice.connect(bob)
    lookup = alice.dht.get("/lab/x")
    assert asked
    assert lookup.value is None
    assert lookup.path
    assert all(query.failed for query in lookup.path)
    assert alice.ping(bob) > 0
