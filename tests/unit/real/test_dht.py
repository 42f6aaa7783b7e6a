"""The DHT of real nodes: py-libp2p's own, p2plab's Kademlia, and both in one network."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from p2plab import Lab, Node
from p2plab.constants import KAD_ID, LAB_KAD_ID
from p2plab.errors import ClosedError, NotInThisWorldError, PeerIdError, UnknownNodeError, ValidationError
from p2plab.identity.keys import Identity
from p2plab.kademlia import DhtParams, LibraryDhtParams, Lookup, cid_of
from p2plab.stream import StreamError

WAIT = 20.0
KINDS = {
    "libp2p": ["libp2p"],
    "p2plab": ["p2plab"],
    "mixed": ["libp2p", "p2plab"],
}


@pytest.fixture(params=KINDS)
def kinds(request: pytest.FixtureRequest) -> list[str]:
    """What the nodes of a lab run, in turn."""
    return KINDS[request.param]


@pytest.fixture
def wired(lab: Lab, kinds: list[str], acquainted: Callable[[Lab], None]) -> Callable[[int], Lab]:
    """Starts so many nodes in a ring."""

    def start(count: int) -> Lab:
        for number in range(count):
            lab.start_node(f"n{number}", dht=kinds[number % len(kinds)])
        lab.wire("ring")
        acquainted(lab)
        return lab

    return start


def test_a_value_put_by_one_node_is_found_by_every_other(wired: Callable[[int], Lab]) -> None:
    lab = wired(6)
    stored = lab["n0"].dht.put("/lab/greeting", b"hi")
    assert [info.name for info in stored.peers if info.name == "n0"] == []
    assert len(stored.peers) == 5
    assert [node.dht.get("/lab/greeting").value for node in lab.nodes] == [b"hi"] * 6
    lab["n1"].dht.put("/lab/greeting", b"ho")
    assert [node.dht.get("/lab/greeting").value for node in lab.nodes] == [b"ho"] * 6


def test_a_lookup_shows_every_query_and_why_it_missed(wired: Callable[[int], Lab]) -> None:
    lab = wired(6)
    missed = lab["n0"].dht.get("/lab/nothing")
    assert missed.value is None
    assert {query.peer.name for query in missed.path} == {"n1", "n2", "n3", "n4", "n5"}
    assert max(query.hop for query in missed.path) > 1, "not all of them were known from the start"
    assert all(query.duration is not None and not query.failed for query in missed.path)
    assert any("peers" in query.answer for query in missed.path)
    assert "none of those who answered held a valid one" in lab.why(missed).answer
    assert [event.kind for event in lab.why(missed)][:2] == ["lab.command", "dht.lookup"]
    assert missed.to_svg().startswith("<svg")
    queries = lab.events.filter(kind="dht.query", node="n0")
    assert [event.peer for event in queries if event.ref == missed.ref] == [query.peer.name for query in missed.path]


def test_ones_own_value_counts_once_towards_the_quorum(wired: Callable[[int], Lab]) -> None:
    lab = wired(5)
    lab["n0"].dht.put("/lab/x", b"v")
    for node in (lab["n0"], lab["n1"]):
        alone = node.dht.get("/lab/x", quorum=1)
        assert (alone.value, alone.path, alone.reason) == (b"v", [], "held here")
        asked = node.dht.get("/lab/x", quorum=3)
        assert asked.value == b"v"
        assert asked.reason == "quorum reached"
        gave = [query for query in asked.path if "a value" in query.answer]
        assert 2 <= len(gave) <= 4, "its own is the third; others may answer at the same moment"
        whole = node.dht.get("/lab/x")
        assert (whole.value, len({query.peer for query in whole.path})) == (b"v", 4)
        missing = node.dht.get("/lab/nothing", quorum=1)
        assert missing.value is None


def test_providers_and_peers_are_found(wired: Callable[[int], Lab]) -> None:
    lab = wired(6)
    for number in (1, 2):
        cid = cid_of(b"content of %d" % number)
        assert len(lab[f"n{number}"].dht.provide(cid).peers) == 5
        for node in lab.nodes:
            found = node.dht.find_providers(cid).providers
            assert [info.name for info in found] == [f"n{number}"]
            assert found[0].addresses
    both = cid_of(b"content of two")
    lab["n1"].dht.provide(both)
    lab["n2"].dht.provide(both)
    assert {info.name for info in lab["n5"].dht.find_providers(both).providers} == {"n1", "n2"}
    for number in (2, 3):
        peer = lab["n5"].dht.find_peer(lab[f"n{number}"].peer_id).peer
        assert peer is not None
        assert (peer.name, peer.addresses) == (f"n{number}", lab[f"n{number}"].addresses)


def test_the_closest_peers_are_all_the_others(wired: Callable[[int], Lab]) -> None:
    lab = wired(6)
    for node, key in ((lab["n0"], b"anything"), (lab["n1"], b"k" * 51), (lab["n0"], b"k" * 51)):
        lookup = node.dht.closest_peers(key)
        assert {info.name for info in lookup.peers} == {other.name for other in lab.nodes} - {node.name}


def test_a_crash_loses_neither_the_value_nor_the_way_to_it(wired: Callable[[int], Lab]) -> None:
    lab = wired(6)
    lab["n0"].dht.put("/lab/greeting", b"hi")
    lab["n1"].crash()
    with pytest.raises(ClosedError, match="n1 is not running"):
        lab["n1"].dht.put("/lab/greeting", b"ho")
    for name in ("n4", "n5"):
        assert lab[name].dht.get("/lab/greeting").value == b"hi"
        path = lab[name].dht.closest_peers("n1").path
        assert all(query.failed for query in path if query.peer.name == "n1")
    lab["n1"].restart()
    assert lab.run_until(lambda: bool(lab["n1"].peers()), timeout=WAIT)
    assert lab["n1"].dht.get("/lab/greeting").value == b"hi"


def offers(node: Node) -> bool:
    return LAB_KAD_ID in node.protocols()


def test_a_client_offers_nothing_and_is_in_nobodys_table(wired: Callable[[int], Lab]) -> None:
    lab = wired(4)
    client, neighbour, across = lab["n0"], lab["n1"], lab["n2"]
    assert offers(client)
    assert neighbour.dht.find_peer("n0").found
    across.dht.closest_peers(b"n0 is heard of")
    tables = [node.dht.routing_table for node in (neighbour, across)]
    assert lab.run_until(lambda: all(client.peer_id in list(table()) for table in tables), timeout=WAIT)
    client.dht.set_mode("client")
    assert not offers(client)
    with pytest.raises(StreamError, match="speaks none of"):
        neighbour.open_stream(client, LAB_KAD_ID)
    told = lambda: all(LAB_KAD_ID not in info.protocols for info in neighbour.peers() if info.name == "n0")  # noqa: E731
    assert lab.run_until(told, timeout=WAIT), "nobody asked: the client pushed it"
    assert lab.run_until(lambda: client.peer_id not in list(neighbour.dht.routing_table()), timeout=WAIT)
    assert "client" in neighbour.dht.why_not(client)
    assert client.dht.put("/lab/from a client", b"v").found
    assert across.dht.get("/lab/from a client").value == b"v"
    across.dht.closest_peers(client.peer_id)
    assert all(client.peer_id not in list(table()) for table in tables), "though it asked, and was named"
    client.dht.set_mode("server")
    assert lab.run_until(lambda: client.peer_id in list(neighbour.dht.routing_table()), timeout=WAIT)


@pytest.mark.parametrize("make", [DhtParams, LibraryDhtParams])
def test_a_node_that_is_found_to_be_reachable_becomes_a_server(lab: Lab, make: type) -> None:
    alice, bob = lab.start_node("alice", dht=make(mode="auto")), lab.start_node("bob")
    alice.connect(bob)
    assert alice.dht.mode == "client"
    assert not offers(alice)
    alice.dht.reachability(True)
    assert alice.dht.mode == "server"
    assert lab.run_until(lambda: alice.peer_id in list(bob.dht.routing_table()), timeout=WAIT)
    alice.dht.reachability(None)
    assert offers(alice)
    alice.dht.reachability(False)
    assert lab.run_until(lambda: alice.peer_id not in list(bob.dht.routing_table()), timeout=WAIT)
    modes = lab.events.filter(kind="dht.mode", node="alice")
    assert [(event.data, event.reason) for event in modes] == [
        ({"mode": "server"}, "reachable"),
        ({"mode": "client"}, "not reachable"),
    ]
    with pytest.raises(ValidationError, match="True, False or None"):
        alice.dht.reachability("yes")  # type: ignore[arg-type]


def test_bad_input_is_refused_and_nothing_is_stored(wired: Callable[[int], Lab]) -> None:
    lab = wired(2)
    for node in lab.nodes:
        for key, value, said in (
            ("greeting", b"v", "is not the key of a record"),
            ("/unknown/x", b"v", "nobody here knows the namespace /unknown"),
            ("/lab/large", b"v" * 65_537, "65537 bytes, over the limit of 65536"),
            ("/lab/" + "x" * 1_100, b"v", "over the limit of"),
            ("/lab/number", 5, "a value is bytes, or text"),
        ):
            with pytest.raises(ValidationError, match=said):
                node.dht.put(key, value)  # type: ignore[arg-type]
        with pytest.raises(ValidationError):
            node.dht.provide("no cid")
        with pytest.raises(UnknownNodeError):
            node.dht.find_peer("nobody")
        with pytest.raises(PeerIdError):
            node.dht.find_peer("bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi")
        with pytest.raises(ValidationError, match="need not be looked for"):
            node.dht.find_peer(node.name)
        with pytest.raises(ValidationError, match="'client' or a 'server'"):
            node.dht.set_mode("boss")
    assert lab.events.filter(kind="dht.stored") == []
    looked = [event.data or {} for event in lab.events.filter(kind="dht.lookup")]
    assert {data["kind"] for data in looked} <= {"bootstrap"}


def test_records_of_pk_are_put_and_got(wired: Callable[[int], Lab]) -> None:
    lab = wired(4)
    identity = Identity.derive(lab.seed, "n0")
    key = f"/pk/{identity.peer_id}"
    assert len(lab["n0"].dht.put(key, identity.public_key).peers) == 3
    assert lab["n2"].dht.get(key).value == lab["n3"].dht.get(key).value == identity.public_key
    other = Identity.derive(lab.seed, "n1")
    with pytest.raises(ValidationError, match="not of the peer the key names"):
        lab["n0"].dht.put(key, other.public_key)


@pytest.mark.parametrize("dht", [DhtParams(protocol=KAD_ID), LibraryDhtParams(protocol=KAD_ID)])
def test_the_public_protocol_carries_no_lessons(lab: Lab, dht: DhtParams | LibraryDhtParams) -> None:
    alice, bob = lab.start_node("alice", dht=dht), lab.start_node("bob")
    alice.connect(bob)
    assert KAD_ID in alice.protocols()
    assert KAD_ID not in bob.protocols()
    with pytest.raises(ValidationError, match="nobody here knows the namespace /lab; known are /pk, /ipns"):
        alice.dht.put("/lab/x", b"v")
    assert bob.peer_id not in list(alice.dht.routing_table())


def test_garbage_is_answered_with_a_reset(lab: Lab, kinds: list[str]) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob", dht=kinds[-1])
    stream = alice.open_stream(bob, LAB_KAD_ID)
    stream.write(b"\x05garbage")
    with pytest.raises(ConnectionError):
        stream.read()
    refused = lab.events.filter(kind="dht.refused", node="bob")
    assert [event.reason for event in refused] == ["bad request"]
    assert alice.ping(bob) > 0


def test_what_the_setting_takes(lab: Lab) -> None:
    for wrong in ("kademlia", 5, None):
        with pytest.raises(ValidationError, match="take DhtParams"):
            lab.start_node("alice", dht=wrong)
    assert "KadDHT" in repr(lab.start_node("alice").dht)
    assert "KademliaNode" in repr(lab.start_node("bob", dht=DhtParams(k=8)).dht)
    with pytest.raises(NotInThisWorldError, match="on real nodes only"):
        Lab(dht="libp2p")
    with Lab(dht="p2plab") as mock, pytest.raises(NotInThisWorldError, match="on real nodes only"):
        mock.start_node("alice", dht=LibraryDhtParams())


def test_records_are_kept_in_a_folder_from_lab_to_lab(tmp_path: Path) -> None:
    params = DhtParams(store=tmp_path / "dht")
    cid = cid_of(b"content")
    with Lab("real", seed=7, dht=params) as lab:
        alice, bob = lab.start_nodes(2)
        alice.connect(bob)
        alice.dht.put("/lab/x", b"v")
        alice.dht.provide(cid)
        bob.crash()
        bob.restart()
        lab.run_until(lambda: bool(bob.peers()), timeout=WAIT)
        with Lab("real", seed=7, dht=params) as other, pytest.raises(ValidationError, match="in use by another node"):
            other.start_node("n1").dht.routing_table()
    with Lab("real", seed=7, dht=params) as lab:
        bob = lab.start_node("n1")
        assert bob.dht.get("/lab/x").value == b"v"
        assert [info.name or info.peer_id for info in bob.dht.find_providers(cid).providers]
    with pytest.raises(NotInThisWorldError, match="for real nodes"):
        Lab(dht=params)


@pytest.fixture
def closing() -> Iterator[None]:
    """Holds that no thread is left over."""
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def test_a_dht_that_is_busy_leaves_nothing_behind(closing: None, kinds: list[str]) -> None:
    with Lab("real", seed=7) as lab:
        for number in range(4):
            lab.start_node(f"n{number}", dht=kinds[number % len(kinds)])
        lab.wire("ring")
        lookups: list[Lookup] = []

        async def look() -> None:
            for key in range(50):
                lookups.append(await lab.aio["n0"].dht.closest_peers(bytes([key, 0])))

        lab["n1"].handle("/busy/1.0.0", lambda stream: look())
        lab["n0"].open_stream("n1", "/busy/1.0.0")
        assert lab.run_until(lambda: len(lookups) >= 2, timeout=WAIT)


def test_a_lone_node_that_finds_nothing_does_not_say_that_it_holds_it(lab: Lab) -> None:
    alice = lab.start_node("alice")
    cid = cid_of(b"content")
    stranger = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
    for lookup in (alice.dht.get("/lab/x"), alice.dht.find_providers(cid), alice.dht.find_peer(stranger)):
        assert lookup.reason == "empty table"
    alice.dht.put("/lab/x", b"v")
    assert (alice.dht.get("/lab/x").value, alice.dht.get("/lab/x").reason) == (b"v", "held here")
