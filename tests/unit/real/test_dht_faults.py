"""The DHT of real nodes where something is wrong: peers that lie, validators that break, crashes in the middle."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from p2plab import Lab
from p2plab.constants import LAB_KAD_ID
from p2plab.errors import ValidationError
from p2plab.identity.keys import Identity, peer_id_bytes
from p2plab.identity.varint import encode_varint
from p2plab.kademlia import DhtParams, LibraryDhtParams, PlainValidator, cid_of
from p2plab.stream import NetStream

WAIT = 20.0


@pytest.mark.parametrize("dht", [LibraryDhtParams(), DhtParams(bootstrap=False)], ids=["libp2p", "p2plab"])
def test_a_crash_in_the_middle_of_a_lookup_ends_it_and_says_nothing_of_the_peers(
    lab: Lab, dht: DhtParams | LibraryDhtParams, acquainted: Callable[[Lab], None]
) -> None:
    nodes = [lab.start_node(f"n{number}", dht=dht) for number in range(6)]
    lab.wire("ring")
    acquainted(lab)
    assert set(nodes[0].dht.routing_table()) == {nodes[1].peer_id, nodes[5].peer_id}

    async def crash(stream: NetStream) -> None:
        if not lab.events.filter(kind="node.crashed"):
            nodes[0].crash()
        await stream.close()

    nodes[1].handle(LAB_KAD_ID, crash)  # instead of an answer
    with ThreadPoolExecutor(1) as pool:
        lookup = pool.submit(nodes[0].dht.closest_peers, b"somewhere").result(WAIT)
    assert lookup.reason == "stopped"
    assert nodes[1].peer_id in list(nodes[0].dht.routing_table())
    nodes[0].restart()
    again = nodes[0].dht.closest_peers(b"somewhere")
    assert again.reason != "stopped", "a verb waits for a node that is coming up"
    assert lab.events.filter(kind="error") == []


class Fragile(PlainValidator):
    """A validator with a fault."""

    def validate(self, key: bytes, value: bytes, now: float) -> None:
        raise RuntimeError("the validator broke")


@pytest.mark.parametrize("make", [DhtParams, LibraryDhtParams])
def test_a_namespace_of_ones_own_and_a_validator_that_breaks(lab: Lab, make: type) -> None:
    for name, validator in (("alice", PlainValidator()), ("bob", PlainValidator()), ("carol", Fragile())):
        lab.start_node(name, dht=make(validators={"app": validator}))
    lab.wire("full")
    stored = lab["alice"].dht.put("/app/x", b"v")
    assert [info.name for info in stored.peers] == ["bob"]
    assert lab["bob"].dht.get("/app/x", quorum=1).value == b"v"
    errors = lab.events.filter(kind="error")
    assert {event.node for event in errors} == {"carol"}
    assert all("the validator broke" in str(event.data) for event in errors)
    with pytest.raises(ValidationError, match="its validator Fragile raised RuntimeError: the validator broke"):
        lab["carol"].dht.put("/app/x", b"v")
    assert lab["carol"].ping("bob") > 0


@pytest.mark.parametrize("dht", ["libp2p", "p2plab"])
def test_an_invalid_value_that_a_peer_gives_is_thrown_away_and_mended(
    lab: Lab, dht: str, acquainted: Callable[[Lab], None]
) -> None:
    alice, bob, carol = (lab.start_node(name, dht=dht) for name in ("alice", "bob", "carol"))
    key = f"/pk/{alice.peer_id}"
    record = Identity.derive(lab.seed, "alice").public_key
    alice.connect(bob)
    alice.connect(carol)
    acquainted(lab)
    assert len(carol.dht.put(key, record).peers) == 2
    place = b"/pk/" + peer_id_bytes(alice.peer_id)
    put: list[bytes] = []

    async def lie(stream: NetStream) -> None:
        while request := await stream.read_message():
            put.extend([request] * (request[:1] != b"\x08"))  # PUT_VALUE is type 0, which is not written
            inside = b"\x0a" + bytes([len(place)]) + place + b"\x12\x04junk"
            record = b"\x1a" + bytes([len(inside)]) + inside
            await stream.write_message(request[:2] + b"\x12" + bytes([len(place)]) + place + record)

    bob.handle(LAB_KAD_ID, lie)
    assert alice.dht.get(key).value == record
    refused = lab.events.filter(kind="dht.value_refused", node="alice")
    assert [(event.peer, event.reason) for event in refused] == [("bob", "invalid record")]
    assert lab.run_until(lambda: bool(put), timeout=WAIT), "the liar is sent the right one"
    assert record in put[0]


@pytest.mark.parametrize("dht", ["libp2p", "p2plab"])
def test_an_answer_without_end_is_bounded(lab: Lab, dht: str) -> None:
    alice, bob = lab.start_node("alice", dht=dht), lab.start_node("bob")
    address = b"\x04\x7f\x00\x00\x01\x06\x00\x01"  # /ip4/127.0.0.1/tcp/1: nobody listens there

    def entry(field: bytes, peer: bytes, addresses: int = 1) -> bytes:
        inside = b"\x0a" + bytes([len(peer)]) + peer + (b"\x12\x08" + address) * addresses
        return field + encode_varint(len(inside)) + inside

    made_up = [Identity.derive(1, f"made up {number}").peer_id for number in range(60)]
    named = [peer_id_bytes(peer) for peer in made_up]
    answer = b"".join(entry(b"\x42", b"no peer id") for _ in range(20))
    answer += b"".join(entry(b"\x42", peer, 30) for peer in named) + entry(b"\x42", b"no peer id") * 5_000
    answer += entry(b"\x4a", b"no peer id") * 300 + entry(b"\x4a", named[0]) * 300

    async def lie(stream: NetStream) -> None:
        while request := await stream.read_message():
            await stream.write_message(request[:2] + answer)

    bob.handle(LAB_KAD_ID, lie)
    alice.connect(bob)
    lookup = alice.dht.closest_peers(b"anything")
    answered = next(query for query in lookup.path if not query.failed)
    assert answered.peer == bob.peer_id
    assert 0 < len(answered.closer) <= 40
    assert len(lookup.path) <= 41
    found = alice.dht.find_providers(cid_of(b"x"))
    assert [info.peer_id for info in found.providers] in ([], [made_up[0]])
    assert len(alice.dht.routing_table()) <= 41
    assert lab.events.filter(kind="error") == []
