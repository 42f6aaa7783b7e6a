"""The DHT as a user sees it: the verbs, over many nodes in memory."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from p2plab.errors import ValidationError
from p2plab.identity.keys import Identity
from p2plab.kademlia import DhtParams, PlainValidator, cid_of
from p2plab.kademlia.lookups.survey import holders
from p2plab.kademlia.storage.ipns import make_ipns_record, read_ipns_record
from tests.unit.kademlia.harness import Network

OPEN = DhtParams(ip_limit_bucket=0, ip_limit_table=0)
SMALL = DhtParams(k=5, alpha=3, ip_limit_bucket=0, ip_limit_table=0)
CONTENT = cid_of(b"some content")


def names(peers: Any) -> list[str]:
    return [peer.name for peer in peers]


@pytest.fixture
def network() -> Network:
    return Network(60, SMALL)


def closest(network: Network, key: bytes, without: int = -1) -> list[str]:
    from p2plab.kademlia.key import kademlia_key

    return [f"n{peer}" for peer in network.truly_closest(kademlia_key(key), network.params.k, without)]


# -- values


def test_a_value_that_was_put_is_got_anywhere(network: Network) -> None:
    put = network.run(network.dht[3].put, "/lab/greeting", "hello")
    assert put.kind == "put"
    assert names(put.peers) == closest(network, b"/lab/greeting", without=3)
    assert put.found
    for start in (0, 17, 59):
        got = network.run(network.dht[start].get, "/lab/greeting")
        assert got.value == b"hello"
        assert got.found
    assert network.world.errors == []


def test_the_holders_are_the_closest_and_the_publisher(network: Network) -> None:
    network.run(network.dht[3].put, "/lab/greeting", b"hi")
    found = holders(network.nodes, b"/lab/greeting", network.world.tick)
    assert found.missing == []
    assert set(names(found.extra)) <= {"n3"}
    assert names(found.should) == closest(network, b"/lab/greeting")
    assert "5 of the 5 closest" in repr(found)


def test_a_value_put_again_replaces_the_old_one(network: Network) -> None:
    network.run(network.dht[3].put, "/lab/x", b"one")
    network.run(network.dht[9].put, "/lab/x", b"two")
    assert network.run(network.dht[20].get, "/lab/x").value == b"two"
    assert network.run(network.dht[3].get, "/lab/x").value == b"two", "the first publisher is outvoted"


def test_a_value_nobody_has_is_a_lookup_without_a_value_that_says_why(network: Network) -> None:
    got = network.run(network.dht[3].get, "/lab/nothing")
    assert got.value is None
    assert not got.found
    assert got.reason == "closest answered"
    assert "none of those who answered held a valid one" in got.why()


def test_a_quorum_of_one_is_content_with_the_first_value_and_with_ones_own(network: Network) -> None:
    network.run(network.dht[3].put, "/lab/x", b"one")
    own = network.run(network.dht[3].get, "/lab/x", 1)
    assert (own.value, own.reason, own.path) == (b"one", "held here", [])
    first = network.run(network.dht[40].get, "/lab/x", 1)
    everything = network.run(network.dht[40].get, "/lab/x", 0)
    assert first.value == everything.value == b"one"
    assert first.reason == "quorum reached"
    assert len(first.path) <= len(everything.path)


def test_a_get_corrects_those_who_hold_a_worse_value_or_none(network: Network) -> None:
    key = f"/ipns/{Identity.derive(1, 'n3').peer_id}"
    alice = Identity.derive(1, "n3")
    old = make_ipns_record(alice, "/ipfs/old", 1, 1.7e9)
    new = make_ipns_record(alice, "/ipfs/new", 2, 1.7e9)
    put = network.run(network.dht[3].put, key, old)
    stale, empty = put.peers[0].name, put.peers[1].name
    network.down.add(int(stale[1:]))
    network.run(network.dht[3].put, key, new)
    network.down.clear()
    network.nodes[int(empty[1:])].store.clear()

    got = network.run(network.dht[31].get, key, 0)
    assert got.value == new
    network.world.run_for(5)
    for name in (stale, empty):
        stored = network.nodes[int(name[1:])].store.get_value(put.key, network.world.tick)
        assert stored is not None
        assert read_ipns_record(put.key, stored.value).sequence == 2
    corrected = network.world.log.filter(kind="dht.corrected")
    assert {event.peer for event in corrected} >= {stale, empty}


def test_a_get_mends_what_the_node_itself_holds(network: Network) -> None:
    alice = Identity.derive(1, "n3")
    key = f"/ipns/{alice.peer_id}"
    network.run(network.dht[3].put, key, make_ipns_record(alice, "/ipfs/old", 1, 1.7e9))
    new = make_ipns_record(alice, "/ipfs/new", 2, 1.7e9)
    network.run(network.dht[7].put, key, new)
    put_by_3 = network.nodes[3].store.publication("value", network.nodes[3].store.published()[0].key)
    assert put_by_3 is not None
    assert network.run(network.dht[3].get, key, 0).value == new
    own = network.nodes[3].own_value(put_by_3.key, network.world.tick)
    assert own == new


def test_an_invalid_value_that_a_peer_gives_is_thrown_away_and_said(network: Network) -> None:
    alice = Identity.derive(1, "n3")
    good = make_ipns_record(alice, "/ipfs/good", 1, 1.7e9)
    put = network.run(network.dht[3].put, f"/ipns/{alice.peer_id}", good)
    liar = int(put.peers[0].name[1:])
    network.nodes[liar].store.put_value(put.key, b"forged", 0)
    network.nodes[liar].validators["ipns"] = PlainValidator()  # the liar does not mind
    got = network.run(network.dht[30].get, f"/ipns/{alice.peer_id}", 0)
    assert got.value == good
    refused = network.world.log.filter(kind="dht.value_refused")
    assert [event.peer for event in refused] == [f"n{liar}"]
    assert refused[0].reason == "invalid record"


def test_a_public_key_is_found_under_its_peer(network: Network) -> None:
    alice = Identity.derive(1, "n3")
    network.run(network.dht[3].put, f"/pk/{alice.peer_id}", alice.public_key)
    assert network.run(network.dht[30].get, f"/pk/{alice.peer_id}").value == alice.public_key


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("greeting", b"x", "namespace"),
        ("/lab", b"x", "namespace"),
        ("/elsewhere/x", b"x", "nobody here knows the namespace /elsewhere"),
        ("/lab/x", bytes(70_000), "over the limit of 65536"),
        ("/lab/" + "x" * 2_000, b"x", "key has 2005 bytes"),
        ("/lab/x", 5, "a value is bytes"),
        (None, b"x", "text or bytes"),
        (f"/pk/{Identity.derive(1, 'n3').peer_id}", b"no key", "public key|peer"),
        (f"/ipns/{Identity.derive(1, 'n3').peer_id}", b"no record", "IPNS"),
    ],
    ids=[
        "no slash",
        "nothing after",
        "unknown",
        "too large",
        "long key",
        "number",
        "no key",
        "no public key",
        "no ipns",
    ],
)
def test_what_cannot_be_put_is_refused_and_nothing_is_stored(
    network: Network, key: Any, value: Any, problem: str
) -> None:
    with pytest.raises(ValidationError, match=problem):
        network.run(network.dht[3].put, key, value)
    assert all(len(node.store) == 0 and not node.store.published() for node in network.nodes)
    assert network.requests == 0


def test_an_older_record_than_the_one_held_is_refused() -> None:
    network = Network(20, SMALL)
    alice = Identity.derive(1, "n3")
    key = f"/ipns/{alice.peer_id}"
    network.run(network.dht[3].put, key, make_ipns_record(alice, "/ipfs/b", 2, 1.7e9))
    with pytest.raises(ValidationError, match="better"):
        network.run(network.dht[3].put, key, make_ipns_record(alice, "/ipfs/a", 1, 1.7e9))


# -- providers


def test_providers_are_found_under_every_cid_of_the_same_content(network: Network) -> None:
    from p2plab.identity.cid import multihash_of

    provided = network.run(network.dht[3].provide, cid_of(b"block", 0))
    assert names(provided.peers) == closest(network, multihash_of(cid_of(b"block")), without=3)
    network.run(network.dht[8].provide, cid_of(b"block", 1))
    found = network.run(network.dht[40].find_providers, cid_of(b"block", 1))
    assert set(names(found.providers)) == {"n3", "n8"}
    assert all(provider.addresses[0].endswith(f"/p2p/{provider.peer_id}") for provider in found.providers)
    one = network.run(network.dht[40].find_providers, cid_of(b"block", 0), 1)
    assert one.reason == "providers found"


def test_nobody_provides_what_nobody_announced(network: Network) -> None:
    found = network.run(network.dht[40].find_providers, CONTENT)
    assert found.providers == []
    assert "none of those who answered knew one" in found.why()


@pytest.mark.parametrize("cid", ["hello", "", None, 7, b"raw"])
def test_what_is_no_cid_is_refused_before_anything_is_asked(network: Network, cid: Any) -> None:
    for verb in (network.dht[3].provide, network.dht[3].find_providers):
        with pytest.raises(ValidationError, match="CID"):
            network.run(verb, cid)
    assert network.requests == 0


@pytest.mark.parametrize("count", [-1, True, 1.5])
def test_a_number_of_answers_is_a_whole_number(network: Network, count: Any) -> None:
    with pytest.raises(ValidationError, match="whole number"):
        network.run(network.dht[3].find_providers, CONTENT, count)
    with pytest.raises(ValidationError, match="whole number"):
        network.run(network.dht[3].get, "/lab/x", count)


# -- peers


def test_a_peer_is_found_with_its_addresses(network: Network) -> None:
    wanted = network.space.peer_id(44)
    found = network.run(network.dht[3].find_peer, str(wanted))
    assert found.peer is not None
    assert found.peer.name == "n44"
    assert found.peer.addresses == [f"/ip4/10.0.0.44/tcp/4001/p2p/{wanted}"]
    assert found.reason == "peer found"
    assert found.path[-1].type == "FIND_NODE"


def test_a_crashed_peer_is_named_and_not_found(network: Network) -> None:
    network.down.add(44)
    found = network.run(network.dht[3].find_peer, network.space.peer_id(44))
    assert found.peer is None
    assert "not found" in found.why()


def test_a_client_is_found_through_those_it_is_connected_to(network: Network) -> None:
    client = network.add(params=DhtParams(k=5, alpha=3, mode="client"))
    network.clients.add(client)
    near = network.truly_closest(network.space.keys[client], 3, without=client)
    for peer in near:
        network.interfaces[peer].peer_connected(client, False)
    found = network.run(network.dht[3].find_peer, network.space.peer_id(client))
    assert found.peer is not None
    assert found.peer.name == f"n{client}"
    assert all(client not in node.table for node in network.nodes)


def test_a_connected_peer_need_not_be_looked_for(network: Network) -> None:
    network.join(3, 44)
    found = network.run(network.dht[3].find_peer, network.space.peer_id(44))
    assert (found.reason, found.path) == ("held here", [])
    assert found.peer is not None


def test_one_does_not_look_for_oneself_nor_for_nobody(network: Network) -> None:
    with pytest.raises(ValidationError, match="need not be looked for"):
        network.run(network.dht[3].find_peer, network.space.peer_id(3))
    with pytest.raises(ValidationError, match="peer id"):
        network.run(network.dht[3].find_peer, "nobody")


def test_the_closest_peers_of_a_path_a_peer_and_bytes(network: Network) -> None:
    assert names(network.run(network.dht[3].closest_peers, "/lab/x").peers) == closest(network, b"/lab/x", 3)
    assert names(network.run(network.dht[3].closest_peers, b"raw").peers) == closest(network, b"raw", 3)
    peer_id = network.space.peer_id(10)
    assert names(network.run(network.dht[3].closest_peers, peer_id).peers)[0] == "n10"
    with pytest.raises(ValidationError, match="empty"):
        network.run(network.dht[3].closest_peers, b"")


# -- what a lookup shows


def test_the_path_lists_every_query_with_its_distance_and_what_it_changed(network: Network) -> None:
    lookup = network.run(network.dht[3].closest_peers, b"somewhere")
    queries = network.world.log.filter(kind="dht.query", ref=lookup.ref)
    assert [query.peer.name for query in lookup.path] == [event.peer for event in queries]
    assert [query.time for query in lookup.path] == [event.t for event in queries]
    assert [query.distance for query in lookup.path] == [(event.data or {})["distance"] for event in queries]
    assert all(query.duration == pytest.approx(0.1) for query in lookup.path)
    assert all(len(query.closer) == 5 for query in lookup.path)
    shortlist = {f"n{peer}" for peer in network.nodes[3].table.closest(b"somewhere", 5)}
    for query in lookup.path:
        shortlist = (shortlist | {peer.name or "" for peer in query.entered}) - {peer.name for peer in query.left}
        assert len(query.entered) == len(query.left), "the shortlist keeps its length while nobody fails"
    assert shortlist == set(names(lookup.peers))
    assert 1 <= lookup.hops <= 4
    assert lookup.duration == pytest.approx(lookup.ended - lookup.started)


def test_it_prints_as_a_table_and_draws_as_a_picture_with_everything_escaped() -> None:
    network = Network(12, SMALL)
    evil = Identity.derive(1, "<script>alert(1)</script>").peer_id
    network.space._ids.update(dict.fromkeys(range(12), evil))  # peers whose name is markup
    lookup = network.run(network.dht[3].closest_peers, b"somewhere")
    text = str(lookup)
    assert "closest_peers" in text
    assert len(text.splitlines()) == len(lookup.path) + 2
    picture = lookup.picture()
    assert repr(picture) == text
    for rendered in (lookup._repr_html_(), picture._repr_svg_()):
        assert "<script>" not in rendered
        assert "&lt;script&gt;" in rendered
    from xml.etree import ElementTree

    circles = ElementTree.fromstring(lookup.to_svg()).findall(".//{http://www.w3.org/2000/svg}circle")
    assert len(circles) == 2 * len(lookup.path)


def test_a_lookup_can_be_pickled_with_its_path(network: Network) -> None:
    lookup = network.run(network.dht[3].put, "/lab/x", b"y")
    again = pickle.loads(pickle.dumps(lookup))
    assert str(again) == str(lookup)
    assert again.path == lookup.path
    assert again.to_svg() == lookup.to_svg()


def test_a_failure_is_seen_in_the_path(network: Network) -> None:
    first = network.nodes[3].table.closest(b"somewhere", 1)[0]
    network.down.add(first)
    lookup = network.run(network.dht[3].closest_peers, b"somewhere")
    query = lookup.path[0]
    assert query.peer.name == f"n{first}"
    assert (query.failed, query.answer) == (True, "timeout")
    assert query.duration == pytest.approx(10.0)
    assert query.peer in query.left
    assert "timeout" in lookup.why()
    assert "✗ timeout" in str(lookup)


# -- causes


def test_every_query_has_a_cause_that_leads_back_to_the_lookup(network: Network) -> None:
    lookup = network.run(network.dht[3].closest_peers, b"somewhere")
    log = network.world.log
    assert lookup.event is not None
    done = log.by_seq(lookup.event)
    assert done is not None
    assert (done.kind, done.reason) == ("dht.done", "closest answered")
    chain = [event.kind for event in log.chain(done)]
    assert chain[0] == "dht.lookup"
    assert chain[1:3] == ["dht.query", "dht.answer"]
    assert chain[-1] == "dht.done"


# -- parameters


def test_parameters_out_of_range_are_refused_and_the_parameter_is_named() -> None:
    out_of_range: list[tuple[str, dict[str, Any]]] = [
        ("k must be", {"k": 0}), ("k must be", {"k": 1.5}), ("alpha", {"alpha": True}), ("quorum", {"quorum": -1}),
        ("query_timeout", {"query_timeout": 0}), ("refresh_interval", {"refresh_interval": -1.0}),
        ("mode", {"mode": "both"}), ("protocol", {"protocol": "kad"}), ("resiliency", {"resiliency": 0}),
        ("namespace", {"validators": {"a/b": PlainValidator()}}), ("replacements", {"replacements": -1}),
        ("value_ttl", {"value_ttl": None}),
    ]  # fmt: skip
    for named, parameter in out_of_range:
        with pytest.raises(ValidationError, match=named):
            DhtParams(**parameter)


def test_a_namespace_of_ones_own_has_a_validator_of_ones_own() -> None:
    class Even:
        def validate(self, key: bytes, value: bytes, now: float) -> None:
            if len(value) % 2:
                raise ValidationError("the value has an odd number of bytes")

        def select(self, key: bytes, values: Any) -> int:
            return 0

    network = Network(20, DhtParams(k=5, ip_limit_bucket=0, ip_limit_table=0, validators={"even": Even()}))
    network.run(network.dht[0].put, "/even/a", b"four")
    assert network.run(network.dht[9].get, "/even/a").value == b"four"
    with pytest.raises(ValidationError, match="odd"):
        network.run(network.dht[0].put, "/even/a", b"odd")


def test_everything_works_through_bytes_as_well() -> None:
    network = Network(40, SMALL, wire=True)
    network.run(network.dht[3].put, "/lab/x", b"value")
    assert network.run(network.dht[30].get, "/lab/x").value == b"value"
    network.run(network.dht[4].provide, CONTENT)
    assert names(network.run(network.dht[31].find_providers, CONTENT).providers) == ["n4"]
    peer = network.run(network.dht[5].find_peer, network.space.peer_id(22)).peer
    assert peer is not None
    assert peer.name == "n22"
    assert network.bytes > 0
    assert network.world.errors == []


def test_the_same_seed_gives_the_same_log_through_bytes_or_without() -> None:
    def digest(wire: bool) -> str:
        network = Network(40, SMALL, wire=wire)
        network.run(network.dht[3].put, "/lab/x", b"value")
        network.run(network.dht[30].get, "/lab/x")
        return network.world.log.digest()

    assert digest(False) == digest(False) == digest(True)
