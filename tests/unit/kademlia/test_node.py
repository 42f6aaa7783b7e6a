"""A node by itself and among others: whom it takes in and lets go, what it answers and refuses, how it keeps
healthy."""

from __future__ import annotations

import random
from typing import Any

import pytest

from p2plab.errors import LabError, ValidationError
from p2plab.identity.cid import multihash_of
from p2plab.kademlia import DhtParams, KademliaNode, PlainValidator, cid_of
from p2plab.kademlia.key import common_prefix_length, kademlia_key
from p2plab.kademlia.messages import (
    ADD_PROVIDER,
    FIND_NODE,
    GET_PROVIDERS,
    GET_VALUE,
    PING,
    PUT_VALUE,
    DhtMessage,
    DhtRecord,
)
from p2plab.kademlia.params import ticks
from p2plab.stream.errors import StreamError
from tests.unit.kademlia.harness import Network

OPEN = DhtParams(k=4, alpha=3, ip_limit_bucket=0, ip_limit_table=0)
HOUR = 3600.0
MULTIHASH = multihash_of(cid_of(b"content"))


@pytest.fixture
def network() -> Network:
    return Network(40, OPEN)


def kinds(network: Network, kind: str, **match: Any) -> list[Any]:
    return network.world.log.filter(kind=kind, **match)


# -- answering


@pytest.mark.parametrize("type", [FIND_NODE, GET_VALUE, GET_PROVIDERS])
def test_neither_the_asker_nor_the_node_is_named_and_the_next_closest_are_instead(network: Network, type: int) -> None:
    """ipfs/specs routing/kad-dht, "Server behavior"."""
    node = network.nodes[0]
    known = node.table.closest(b"/lab/somewhere", 5)
    reply = network.interfaces[0].receive(known[1], DhtMessage(type, b"/lab/somewhere"))
    assert reply is not None
    assert list(reply.closer) == [known[0], *known[2:]]
    stranger = next(peer for peer in range(1, 30) if peer not in known)
    other = network.interfaces[0].receive(stranger, DhtMessage(type, b"/lab/somewhere"))
    assert other is not None
    assert list(other.closer) == known[:4]


@pytest.mark.parametrize("own", [True, False])
def test_who_is_looked_for_is_named_beside_the_k_closest_be_it_the_asker_or_the_node(
    network: Network, own: bool
) -> None:
    node = network.nodes[0]
    asker = node.table.numbers()[0]
    sought = 0 if own else asker
    reply = network.interfaces[0].receive(asker, DhtMessage(FIND_NODE, network.space.binary(sought)))
    assert reply is not None
    others = [peer for peer in node.table.closest(network.space.keys[sought], 5) if peer != asker]
    assert list(reply.closer) == [sought, *others[:4]]


def test_ping_is_answered_and_never_sent(network: Network) -> None:
    assert network.interfaces[0].receive(1, DhtMessage(PING)) == DhtMessage(PING)
    for dht in network.dht[:5]:
        network.run(dht.closest_peers, b"anything")
    assert {(event.data or {})["type"] for event in kinds(network, "dht.query")} == {"FIND_NODE"}


def test_a_request_of_the_table_says_that_its_sender_lives(network: Network) -> None:
    node = network.nodes[0]
    peer = node.table.buckets[0].peers[0]
    network.world.tick = 500
    network.interfaces[0].receive(peer, DhtMessage(PING))
    assert node.table.silence(peer, 500) == 0
    assert node.table.buckets[0].peers[-1] == peer


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (DhtMessage(77, b"k"), "unknown message type"),
        (DhtMessage(-1, b"k"), "unknown message type"),
        (DhtMessage(FIND_NODE, b""), "bad key"),
        (DhtMessage(FIND_NODE, bytes(2_000)), "bad key"),
        (DhtMessage(PUT_VALUE, b"/lab/x"), "bad record"),
        (DhtMessage(PUT_VALUE, b"/lab/x", DhtRecord(b"/lab/y", b"v")), "bad record"),
        (DhtMessage(PUT_VALUE, b"/lab/x", DhtRecord(b"/lab/x", bytes(70_000))), "value too large"),
        (DhtMessage(PUT_VALUE, b"/no/x", DhtRecord(b"/no/x", b"v")), "unknown namespace"),
        (DhtMessage(PUT_VALUE, b"plain", DhtRecord(b"plain", b"v")), "unknown namespace"),
        (DhtMessage(PUT_VALUE, b"/pk/x", DhtRecord(b"/pk/x", b"v")), "invalid record"),
        (DhtMessage(PUT_VALUE, b"/ipns/x", DhtRecord(b"/ipns/x", b"v")), "invalid record"),
        (DhtMessage(ADD_PROVIDER, b"no multihash", providers=((5, ()),)), "bad key"),
        (DhtMessage(ADD_PROVIDER, MULTIHASH, providers=((6, ()),)), "not the provider"),
        (DhtMessage(ADD_PROVIDER, MULTIHASH), "not the provider"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_request_that_breaks_a_rule_gets_no_answer_and_a_reason(
    network: Network, message: DhtMessage, reason: str
) -> None:
    assert network.interfaces[0].receive(5, message) is None
    refused = kinds(network, "dht.refused", node="n0")
    assert [(event.peer, event.reason) for event in refused] == [("n5", reason)]
    assert len(network.nodes[0].store) == 0


def test_only_the_sender_is_recorded_as_a_provider(network: Network) -> None:
    at = ("/ip4/1.2.3.4/tcp/1",)
    reply = network.interfaces[0].receive(5, DhtMessage(ADD_PROVIDER, MULTIHASH, providers=((6, at), (5, at))))
    assert reply is None  # go-libp2p's client would take an answer for that to its next request
    answer = network.interfaces[0].receive(9, DhtMessage(GET_PROVIDERS, MULTIHASH))
    assert answer is not None
    assert list(answer.providers) == [(5, at)]
    assert len(answer.closer) == 4


def test_a_worse_record_is_refused_and_the_same_one_renews(network: Network) -> None:
    class Longest:
        def validate(self, key: bytes, value: bytes, now: float) -> None: ...

        def select(self, key: bytes, values: Any) -> int:
            return max(range(len(values)), key=lambda index: len(values[index]))

    node, receive = network.nodes[0], network.interfaces[0].receive
    node.validators["lab"] = Longest()

    def put(value: bytes) -> DhtMessage | None:
        return receive(5, DhtMessage(PUT_VALUE, b"/lab/x", DhtRecord(b"/lab/x", value)))

    assert put(b"long") is not None
    assert put(b"s") is None
    network.world.tick = 100
    assert put(b"long") is not None
    assert node.store.values(100)[b"/lab/x"].received == 100
    answer = receive(5, DhtMessage(GET_VALUE, b"/lab/x"))
    assert answer is not None
    assert answer.record == DhtRecord(b"/lab/x", b"long", "2023-11-14T22:13:20.010000000Z")


def test_a_client_answers_nothing_and_a_server_again_does(network: Network) -> None:
    modes: list[str] = []
    interface = network.interfaces[0]
    interface.on_mode = modes.append
    interface.set_mode("client")
    assert interface.receive(5, DhtMessage(PING)) is None
    interface.set_mode("client")
    interface.set_mode("server")
    assert interface.receive(5, DhtMessage(PING)) is not None
    assert modes == ["client", "server"]
    with pytest.raises(ValidationError, match="client"):
        interface.set_mode("both")


def test_mode_auto_follows_reachability() -> None:
    network = Network(5, DhtParams(mode="auto"))
    interface = network.interfaces[0]
    modes = [network.dht[0].mode()]
    for public in (True, None, False):
        interface.reachability(public)
        modes.append(network.dht[0].mode())
    assert modes == ["client", "server", "server", "client"]
    assert [event.reason for event in kinds(network, "dht.mode")] == ["reachable", "not reachable"]
    fixed = Network(5, OPEN)
    fixed.interfaces[0].reachability(False)
    assert fixed.dht[0].mode() == "server"


# -- whom it knows


def test_being_named_is_not_enough_but_an_answer_is() -> None:
    network = Network(30, OPEN, filled=False)
    for peer in range(1, 30):
        network.interfaces[0].peer_connected(peer, True)
    table = network.nodes[1].table
    network.interfaces[1].peer_connected(0, True)
    dead = network.nodes[0].table.closest(b"somewhere", 1)[0]
    network.down.add(dead)
    lookup = network.run(network.dht[1].closest_peers, b"somewhere")
    answered = {query.peer for query in lookup.path if not query.failed}
    named = {peer for query in lookup.path for peer in query.closer}
    assert set(table) == answered
    assert network.space.peer_id(dead) in named - answered


def test_clients_are_in_nobodys_table(network: Network) -> None:
    fresh = network.add()
    network.interfaces[0].peer_connected(fresh, False)
    assert fresh not in network.nodes[0].table
    network.interfaces[0].peer_connected(fresh, True)
    network.interfaces[0].peer_connected(fresh, False)
    assert fresh not in network.nodes[0].table
    assert "DHT client" in network.dht[0].why_not(network.space.peer_id(fresh))


def test_a_peer_that_fails_to_answer_leaves_and_one_that_waited_takes_its_place() -> None:
    network = Network(60, OPEN)
    node = network.nodes[0]
    mates = [peer for peer in range(1, 60) if common_prefix_length(node.table.key, network.space.keys[peer]) == 0]
    network.join(0, next(peer for peer in mates if peer not in node.table))
    first = node.table.buckets[0].peers[0]
    network.down.add(first)
    network.run(network.dht[0].closest_peers, network.space.binary(first))
    assert first not in node.table
    assert len(node.table.buckets[0].peers) == 4
    evicted = next(event for event in kinds(network, "dht.evicted", node="n0") if event.peer == f"n{first}")
    assert evicted.reason == "did not answer"
    taken = evicted.data["replaced_by"]
    assert taken in [peer.name for peer in node.table]
    inserted = kinds(network, "dht.inserted", node="n0", peer=taken)
    assert [(event.reason, event.t) for event in inserted] == [("replacement", evicted.t)]
    assert "did not answer" in network.dht[0].why_not(network.space.peer_id(first))
    stranger = network.add()
    assert "never had an answer" in network.dht[0].why_not(network.space.peer_id(stranger))


@pytest.mark.parametrize("alive", [True, False])
def test_a_newcomer_to_a_full_bucket_has_the_longest_silent_peer_checked(alive: bool) -> None:
    network = Network(60, OPEN)
    node = network.nodes[0]
    suspect = node.table.buckets[0].peers[0]
    newcomer = next(
        peer
        for peer in range(1, 60)
        if peer not in node.table and common_prefix_length(node.table.key, network.space.keys[peer]) == 0
    )
    if not alive:
        network.down.add(suspect)
    network.join(0, newcomer)
    network.world.run_for(11)
    assert kinds(network, "dht.check") == [], "it was heard of less than five minutes ago"
    network.world.run_for(400)
    network.interfaces[0].peer_connected(newcomer, True)
    network.world.run_for(11)
    assert [event.peer for event in kinds(network, "dht.check")] == [f"n{suspect}"]
    assert (suspect in node.table) == alive
    assert (newcomer in node.table) != alive
    assert node.table.buckets[0].checking == -1
    said = network.dht[0].why_not(network.space.peer_id(newcomer))
    assert ("wait for a place" in said) == alive


def test_a_node_that_lost_everybody_finds_back_through_whom_it_is_connected_to(network: Network) -> None:
    node = network.nodes[0]
    network.join(0, 7)
    network.down.update(range(1, 40))
    network.run(network.dht[0].closest_peers, b"x")
    network.run(network.dht[0].closest_peers, b"y")
    network.down.clear()
    node.table.clear()
    lookup = network.run(network.dht[0].closest_peers, b"x")
    assert [peer.name for peer in lookup.peers] == [f"n{peer}" for peer in network.truly_closest(
        lookup._target, 4, without=0)]  # fmt: skip
    network.interfaces[0].peer_disconnected(7)
    node.table.clear()
    assert network.run(network.dht[0].closest_peers, b"x").reason == "empty table"


@pytest.mark.parametrize("on", [True, False])
def test_peers_that_mostly_failed_are_asked_last_if_that_is_on(on: bool) -> None:
    params = DhtParams(k=8, alpha=2, success_rates=on, ip_limit_bucket=0, ip_limit_table=0)
    network = Network(9, params)  # small enough for everybody to be in every table
    key = b"somewhere"
    nearest = network.truly_closest(kademlia_key(key), 1, without=0)[0]
    network.down.add(nearest)
    network.run(network.dht[0].closest_peers, key)
    network.run(network.dht[0].find_peer, network.space.peer_id(nearest))
    network.down.clear()
    network.interfaces[0].peer_connected(nearest, True)  # one answer after two failures
    lookup = network.run(network.dht[0].closest_peers, key)
    order = [query.peer.name for query in lookup.path]
    assert order[-1 if on else 0] == f"n{nearest}"
    assert lookup.peers[0].name == f"n{nearest}", "the order of questions changes nothing about the result"


def test_what_is_known_to_be_gone_leaves_the_table(network: Network) -> None:
    peer = network.nodes[0].table.numbers()[0]
    network.interfaces[0].peer_gone(peer)
    assert peer not in network.nodes[0].table


# -- carrying messages


def test_a_broken_stream_is_tried_again_once_and_then_given_up(network: Network) -> None:
    first = network.nodes[0].table.closest(b"x", 1)[0]
    network.broken[first] = 1
    lookup = network.run(network.dht[0].closest_peers, b"x")
    assert not lookup.path[0].failed
    assert [event.peer for event in kinds(network, "dht.retry")] == [f"n{first}"]
    network.broken[first] = 2
    lookup = network.run(network.dht[0].closest_peers, b"x")
    assert lookup.path[0].answer == "stream broken"
    assert first not in network.nodes[0].table


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TimeoutError("late"), "timeout"),
        (StreamError("protocol not supported", "no such protocol"), "client"),
        (LabError("somebody said no"), "unreachable peer"),
        (OSError("no route"), "unreachable peer"),
        (None, "no answer given"),
        (DhtMessage(GET_VALUE), "bad answer"),
    ],
    ids=["late", "client", "lab", "os", "closed", "other type"],
)
def test_whatever_becomes_of_a_request_has_a_reason(network: Network, error: Any, reason: str) -> None:
    async def request(peer: int, message: DhtMessage, size: int, timeout: float, cause: int) -> DhtMessage | None:
        await network.world.sleep(0.1)
        if isinstance(error, Exception):
            raise error
        return error  # type: ignore[no-any-return]  # None or a Message

    network.interfaces[0]._request = request
    lookup = network.run(network.dht[0].closest_peers, b"x")
    assert {query.answer for query in lookup.path} == {reason}
    assert lookup.reason == "nobody left"
    assert len(network.nodes[0].table) == 0, "when its seeds fail a lookup turns to the rest of the table"
    assert network.world.errors == []


def test_a_bug_below_ends_the_query_and_is_told(network: Network) -> None:
    async def request(peer: int, message: DhtMessage, size: int, timeout: float, cause: int) -> DhtMessage | None:
        raise ZeroDivisionError("a bug")

    network.interfaces[0]._request = request
    assert network.run(network.dht[0].closest_peers, b"x").reason == "nobody left"
    assert {type(error) for error in network.world.errors} == {ZeroDivisionError}


def test_a_lookup_that_takes_too_long_ends_with_what_it_has() -> None:
    params = DhtParams(k=4, alpha=1, lookup_timeout=15.0, ip_limit_bucket=0, ip_limit_table=0)
    network = Network(40, params)
    network.down.update(network.nodes[0].table.closest(b"x", 3))
    lookup = network.run(network.dht[0].closest_peers, b"x")
    assert lookup.reason == "lookup timeout"
    assert lookup.duration == pytest.approx(15.0)
    network.world.run_for(60)
    assert not network.nodes[0].operations
    assert network.world.errors == []


def test_stopping_ends_what_is_under_way(network: Network) -> None:
    network.world.timer(0.05, network.interfaces[0].stop)
    lookup = network.run(network.dht[0].put, "/lab/x", b"v")
    assert lookup.reason == "stopped"
    network.world.run_for(30)
    assert not network.nodes[0].operations


@pytest.mark.parametrize("keep", [True, False])
def test_after_a_crash_what_was_known_is_there_or_not(network: Network, keep: bool) -> None:
    network.run(network.dht[0].put, "/lab/x", b"v")
    size = len(network.nodes[0].table)
    network.interfaces[0].restarted(keep)
    assert len(network.nodes[0].table) == (size if keep else 0)
    assert (len(network.nodes[0].store) > 0) == keep
    assert bool(network.nodes[0].store.published()) == keep


# -- upkeep

CALM = DhtParams(k=4, alpha=3, ip_limit_bucket=0, ip_limit_table=0, check_after=None)


def test_joining_by_bootstrap_makes_tables_by_which_everybody_is_found() -> None:
    network = Network(30, CALM, filled=False, identify=True)
    for peer in range(30):
        network.interfaces[peer].start()
        if peer:
            network.join(peer, 0)
        network.world.run_for(5)
    network.world.run_for(30)
    assert {event.reason for event in kinds(network, "dht.refresh")} == {"bootstrap"}
    draw = random.Random(1)
    for number in range(20):
        lookup = network.lookup(draw.randrange(30), b"key %d" % number)
        start = int(kinds(network, "dht.lookup", ref=lookup.ref)[0].node[1:])
        expected = [f"n{peer}" for peer in network.truly_closest(lookup._target, 4, without=start)]
        assert [peer.name for peer in lookup.peers] == expected
    assert network.world.errors == []


def test_stale_buckets_are_refreshed_every_ten_minutes_and_oneself_last() -> None:
    network = Network(60, CALM)
    network.interfaces[0].start()
    network.world.run_for(1_300)
    refreshes = [event for event in kinds(network, "dht.refresh", node="n0") if event.reason == "refresh"]
    assert len(refreshes) == 2
    assert 1 <= (refreshes[1].data or {})["buckets"] <= len(network.nodes[0].table.buckets)
    assert 500 <= refreshes[1].t - refreshes[0].t <= 600
    looked = kinds(network, "dht.lookup", node="n0", since=refreshes[1].t)
    assert len(looked) == (refreshes[1].data or {})["buckets"] + 1
    assert (looked[-1].data or {})["key"] == network.space.peer_id(0)
    done = [event.reason for event in kinds(network, "dht.done", node="n0")]
    assert set(done) <= {"closest answered", "nobody left"}


def test_a_refresh_finds_out_who_is_gone() -> None:
    params = DhtParams(k=4, alpha=3, ip_limit_bucket=0, ip_limit_table=0, check_after=300.0)
    network = Network(60, params)
    network.interfaces[0].start()
    gone = {peer for peer in network.nodes[0].table.numbers() if peer % 2}
    assert gone
    network.down.update(gone)
    network.world.run_for(700)
    assert not gone & set(network.nodes[0].table.numbers())
    assert len(network.nodes[0].table) > 0


def test_values_are_put_again_and_survive_the_crash_of_many() -> None:
    params = DhtParams(k=6, alpha=3, ip_limit_bucket=0, ip_limit_table=0, refresh_interval=900.0)
    network = Network(60, params, level="decisions")
    key = b"/lab/x"
    for interface in network.interfaces:
        interface.start()
    network.run(network.dht[0].put, "/lab/x", b"v")
    network.down.update(random.Random(3).sample(range(1, 60), 18))
    for peer in network.down:
        network.interfaces[peer].stop()
    assert network.run(network.dht[up(network)[0]].get, "/lab/x").value == b"v"

    def holding() -> list[bool]:
        closest = network.truly_closest(kademlia_key(key), 6)
        return [network.nodes[peer].store.get_value(key, network.world.tick) is not None for peer in closest]

    assert not all(holding())
    network.world.run_for(HOUR + 120)
    again = kinds(network, "dht.republish", node="n0")
    assert 1 <= len(again) <= 2
    assert HOUR / 2 <= again[0].t <= HOUR
    assert all(holding()), "after putting again, the k closest that are left hold it"


@pytest.mark.dear
@pytest.mark.parametrize("replicate", [None, HOUR])
def test_a_value_outlives_its_publisher_and_every_wave_of_crashes_only_if_holders_replicate(
    replicate: float | None,
) -> None:
    params = DhtParams(
        k=6,
        alpha=3,
        ip_limit_bucket=0,
        ip_limit_table=0,
        refresh_interval=900.0,
        query_timeout=1.0,
        replicate_interval=replicate,
    )
    network = Network(60, params, level="decisions")
    for interface in network.interfaces:
        interface.start()
    network.run(network.dht[0].put, "/lab/x", b"v")
    first = [peer for peer in up(network) if network.nodes[peer].own_value(b"/lab/x", network.world.tick)]
    draw = random.Random(3)
    for wave in range(3):  # each takes three nodes in ten, and two of the six that held it at first
        others = [peer for peer in up(network) if peer not in first]
        gone = [*first[2 * wave : 2 * wave + 2], *draw.sample(others, len(others) * 3 // 10)]
        for peer in [0, *gone] if wave == 0 else gone:
            network.down.add(peer)
            network.interfaces[peer].stop()
        network.world.run_for(HOUR * 1.2)
    holding = [peer for peer in up(network) if network.nodes[peer].own_value(b"/lab/x", network.world.tick)]
    found = network.run(network.dht[up(network)[0]].get, "/lab/x").value
    if replicate is None:
        assert (holding, found) == ([], None)
        assert kinds(network, "dht.republish") == []
    else:
        assert found == b"v"
        assert len(holding) >= params.k
        replicas = [event for event in kinds(network, "dht.republish") if (event.data or {})["kind"] == "replica"]
        assert 3 <= len(replicas) <= 3 * 6, "one holder, seldom two, does it for all"


def up(network: Network) -> list[int]:
    return [peer for peer in range(1, len(network.nodes)) if peer not in network.down]


def test_an_old_value_is_not_put_again_over_a_newer_one(network: Network) -> None:
    network.interfaces[0].start()
    network.run(network.dht[0].put, "/lab/x", b"old")
    network.run(network.dht[9].put, "/lab/x", b"new")
    network.world.run_for(2 * HOUR)
    assert network.run(network.dht[20].get, "/lab/x").value == b"new"
    assert network.nodes[0].store.published() == []


def test_what_is_provided_is_announced_again_within_its_interval() -> None:
    network = Network(40, DhtParams(k=4, ip_limit_bucket=0, ip_limit_table=0, refresh_interval=None))
    network.interfaces[0].start()
    for number in range(5):
        network.run(network.dht[0].provide, cid_of(b"block %d" % number))
    network.world.run_for(22 * HOUR + 60)
    times = [event.t for event in kinds(network, "dht.republish", node="n0")]
    assert len(times) == 5
    assert all(11 * HOUR <= time <= 22 * HOUR + 10 for time in times)
    assert max(times) - min(times) > HOUR, "spread out"
    network.world.run_for(30 * HOUR)
    found = network.run(network.dht[20].find_providers, cid_of(b"block 1"))
    assert [peer.name for peer in found.providers] == ["n0"], "52 hours on, and a record lasts 48"


def test_what_is_no_longer_provided_is_forgotten_after_two_days() -> None:
    network = Network(40, DhtParams(k=4, ip_limit_bucket=0, ip_limit_table=0, refresh_interval=None))
    for interface in network.interfaces:
        interface.start()
    network.run(network.dht[0].provide, cid_of(b"block"))
    assert network.dht[0].stop_providing(cid_of(b"block"))
    assert not network.dht[0].stop_providing(cid_of(b"block"))
    network.world.run_for(47 * HOUR)
    assert len(network.run(network.dht[20].find_providers, cid_of(b"block")).providers) == 1
    network.world.run_for(2 * HOUR)
    assert network.run(network.dht[20].find_providers, cid_of(b"block")).providers == []
    assert all(len(node.store) == 0 for node in network.nodes)
    assert sum((event.data or {})["providers"] for event in kinds(network, "dht.expired")) == 4


def test_upkeep_goes_on_after_a_restart_with_a_store_that_was_kept(network: Network) -> None:
    network.interfaces[0].start()
    network.run(network.dht[0].put, "/lab/x", b"v")
    network.interfaces[0].restarted(True)
    assert network.nodes[0].upkeep.due is None
    network.interfaces[0].start()
    network.world.run_for(HOUR + 60)
    assert kinds(network, "dht.republish", node="n0")


def test_a_value_that_is_no_longer_valid_is_not_put_again(network: Network) -> None:
    class Fading(PlainValidator):
        def validate(self, key: bytes, value: bytes, now: float) -> None:
            if now > 1.7e9 + 600:
                raise ValidationError("it has faded")

    network.interfaces[0].start()
    for node in network.nodes:
        node.validators["lab"] = Fading()
    network.run(network.dht[0].put, "/lab/x", b"v")
    network.world.run_for(HOUR + 60)
    refused = kinds(network, "dht.value_refused", node="n0")
    assert [(event.data or {})["text"] for event in refused] == ["it has faded"]
    assert network.nodes[0].store.published() == []
    assert network.run(network.dht[9].get, "/lab/x").value is None


def test_nothing_happens_by_itself_before_start_nor_after_stop(network: Network) -> None:
    network.join(0, 7)
    network.world.run_for(2 * HOUR)
    assert network.requests == 0
    network.interfaces[0].start()
    network.interfaces[0].stop()
    network.world.run_for(2 * HOUR)
    assert network.requests == 0


def test_times_are_parameters_of_a_node() -> None:
    node = KademliaNode(0, Network(1).space, DhtParams(value_ttl=5.0))
    node.store.put_value(b"/lab/x", b"v", 0)
    assert node.own_value(b"/lab/x", ticks(4.9)) == b"v"
    assert node.own_value(b"/lab/x", ticks(5.0)) is None
