"""Each remedy of py-libp2p's DHT turned off: the fault it is for is there. On, it is not (test_dht.py says)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from libp2p.peer.id import ID

from p2plab import Lab
from p2plab.constants import LAB_KAD_ID
from p2plab.identity.keys import Identity
from p2plab.kademlia import DhtParams, LibraryDhtParams, cid_of
from p2plab.kademlia.key import KeySpace
from p2plab.kademlia.messages import ADD_PROVIDER, FIND_NODE, GET_VALUE, DhtMessage, decode_message, encode_message
from p2plab.real.pylibp2p_dht.kad import LabKadDht
from p2plab.real.pylibp2p_dht.kad_table import LabRoutingTable
from tests.unit.real.without import without

WAIT = 20.0


@pytest.fixture
def pair_without() -> Iterator[Callable[..., Lab]]:
    """Makes a lab of alice, who has dialled bob, both without a remedy."""
    labs: list[Lab] = []

    def make(name: str, alice: str = "server") -> Lab:
        lab = Lab("real", seed=7, remedies={name: False})
        labs.append(lab)
        lab.start_node("alice", dht=LibraryDhtParams(mode=alice))  # type: ignore[arg-type]
        lab["alice"].connect(lab.start_node("bob"))
        return lab

    yield make
    for lab in labs:
        lab.close()


@without("tables filled on connect")
def test_a_table_stays_empty(pair_without: Callable[..., Lab]) -> None:
    lab = pair_without("tables filled on connect")
    assert len(lab["alice"].dht.routing_table()) == 0
    lab["alice"].disconnect("bob")
    lab["bob"].connect("alice")
    assert len(lab["alice"].dht.routing_table()) == 0


@without("clients in nobody's table")
def test_a_client_that_asks_is_taken_for_a_server(pair_without: Callable[..., Lab]) -> None:
    lab = pair_without("clients in nobody's table", alice="client")
    assert lab["alice"].dht.closest_peers(b"anything").peers
    assert list(lab["bob"].dht.routing_table()) == [lab["alice"].peer_id]


@without("nothing said to an announcement")
def test_an_announcement_comes_back(pair_without: Callable[..., Lab]) -> None:
    lab = pair_without("nothing said to an announcement")
    space = KeySpace()
    me = space.add(lab["alice"].peer_id, [])
    sent = DhtMessage(ADD_PROVIDER, b"\x12\x20" + bytes(32), providers=((me, ("/ip4/127.0.0.1/tcp/1",)),))
    said: list[bytes | None] = []

    async def announce() -> None:
        stream = await lab.aio["alice"].open_stream("bob", [LAB_KAD_ID])
        await stream.write_message(encode_message(sent, space))
        await stream.close_write()
        said.append(await stream.read_message(1 << 20))

    lab.world.run(announce)
    assert said[0] is not None
    assert decode_message(said[0], space, DhtParams()).type == ADD_PROVIDER


@without("values that can be put again")
def test_a_value_is_stored_once_and_never_again(pair_without: Callable[..., Lab]) -> None:
    lab = pair_without("values that can be put again")
    assert len(lab["alice"].dht.put("/lab/x", b"v").peers) == 1
    assert lab["alice"].dht.put("/lab/x", b"v").peers == []


def named_to_the_asker(lab: Lab) -> list[str]:
    """Whom bob names to alice, who asks for herself."""
    space = KeySpace()
    return closer_to(lab, space.binary(space.add(lab["alice"].peer_id, [])), FIND_NODE)


def closer_to(lab: Lab, key: bytes, kind: int) -> list[str]:
    """Whom bob names to alice, who asks him for what is close to a key."""
    space = KeySpace()
    said: list[bytes | None] = []

    async def ask() -> None:
        stream = await lab.aio["alice"].open_stream("bob", [LAB_KAD_ID])
        await stream.write_message(encode_message(DhtMessage(kind, key), space))
        said.append(await stream.read_message(1 << 20))

    lab.world.run(ask)
    assert said[0] is not None
    return [str(space.peer_id(peer)) for peer in decode_message(said[0], space, DhtParams()).closer]


@without("who asks is named, too")
def test_who_asks_for_itself_is_not_named(pair_without: Callable[..., Lab]) -> None:
    assert named_to_the_asker(pair_without("who asks is named, too")) == []
    with Lab("real", seed=7) as lab:
        lab.start_node("alice").connect(lab.start_node("bob"))
        assert named_to_the_asker(lab) == [lab["alice"].peer_id]


@pytest.mark.parametrize(("on", "named"), [(True, 20), (False, 19)])
def test_an_answer_names_twenty_beside_the_asker(monkeypatch: pytest.MonkeyPatch, on: bool, named: int) -> None:
    with Lab("real", seed=7, remedies={"who asks is named, too": on}) as lab:
        lab.start_node("alice").connect(lab.start_node("bob"))
        asker = lab["alice"].peer_id
        others = [ID.from_string(Identity.derive(1, f"n{number}").peer_id) for number in range(20)]
        known = [ID.from_string(asker), *others]  # alice is the closest of the 21 that bob knows
        monkeypatch.setattr(LabRoutingTable, "find_local_closest_peers", lambda self, key, count: known[:count])
        assert len(closer_to(lab, b"/lab/x", GET_VALUE)) == named


@without("lookups for any key")
def test_a_long_key_cannot_be_looked_for(pair_without: Callable[..., Lab]) -> None:
    lab = pair_without("lookups for any key")
    lookup = lab["alice"].dht.closest_peers(b"k" * 51)
    assert lookup.peers == []
    assert [query.failed for query in lookup.path] == [True]


@without("room for requests")
def test_the_eleventh_announcement_is_refused(
    pair_without: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = LabKadDht.__init__

    def slow_to_forget(kad: Any, *args: Any) -> None:
        usual(kad, *args)
        kad._provider_rate_window = 3600.0  # py-libp2p's are 10 s, in which a busy machine may not make eleven

    monkeypatch.setattr(LabKadDht, "__init__", slow_to_forget)
    lab = pair_without("room for requests")
    for number in range(11):
        lab["alice"].dht.provide(cid_of(bytes([number])))
    assert lab.run_until(lambda: lab.events.counts.get("stream.reset", 0) > 0, timeout=WAIT)
    assert lab.events.counts["dht.provider_added"] == 10
