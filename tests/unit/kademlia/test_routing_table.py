"""The routing table: what holds whatever is done to it, and what it decides."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from p2plab.errors import ValidationError
from p2plab.identity.keys import Identity
from p2plab.kademlia import DhtParams, KademliaRoutingTable, KeySpace
from p2plab.kademlia.key import common_prefix_length, kademlia_key
from p2plab.kademlia.table.diversity import ip_groups
from tests.unit.kademlia.harness import made_up_id

FREE = DhtParams(k=4, ip_limit_bucket=0, ip_limit_table=0, replacements=3)


def space_of(count: int, addresses: Sequence[str] = ()) -> KeySpace:
    space = KeySpace()
    for number in range(count):
        space.add(made_up_id(number), addresses[number : number + 1])
    return space


SPACE = space_of(120)


class TableMachine(RuleBasedStateMachine):
    """Peers come, are heard of, and go, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.table = KademliaRoutingTable(0, SPACE, FREE)
        self.now = 0
        self.model: dict[int, int] = {}  # who must be in the table, and when it was last heard of

    @rule(peer=st.integers(1, 119), wait=st.integers(0, 5))
    def add(self, peer: int, wait: int) -> None:
        self.now += wait
        before = set(self.table.numbers())
        verdict = self.table.add(peer, self.now)
        assert verdict.inserted == (peer in self.table)
        if peer in before:
            assert verdict.reason == "known"
        if verdict.inserted:
            self.model[peer] = self.now
        else:
            assert verdict.reason in ("bucket full", "waiting")
            assert verdict.suspect == self.table.buckets[verdict.bucket].peers[0]
            assert set(self.table.numbers()) == before  # seniority: nobody was displaced

    @rule(peer=st.integers(1, 119), wait=st.integers(0, 5))
    def hear(self, peer: int, wait: int) -> None:
        self.now += wait
        known = peer in self.table
        assert self.table.heard(peer, self.now) == known
        if known:
            self.model[peer] = self.now

    @rule(peer=st.integers(1, 119))
    def remove(self, peer: int) -> None:
        known = peer in self.table
        heard = self.model.pop(peer, 0)
        removed, replacement = self.table.remove(peer)
        assert removed == known
        assert peer not in self.table
        if replacement >= 0:
            assert replacement in self.table
            assert self.table.index_of(replacement) == self.table.index_of(peer)
            self.model[replacement] = heard

    @invariant()
    def every_peer_is_in_its_bucket_and_no_bucket_is_over_full(self) -> None:
        for index, bucket in enumerate(self.table.buckets):
            assert len(bucket.peers) == len(bucket.seen) <= FREE.k
            assert bucket.seen == sorted(bucket.seen), "the longest silent peer is first"
            assert len(set(bucket.peers)) == len(bucket.peers)
            waiting = bucket.replacements or []
            assert len(waiting) <= 3
            assert not set(waiting) & set(bucket.peers)
            for peer in [*bucket.peers, *waiting]:
                assert common_prefix_length(SPACE.keys[0], SPACE.keys[peer]) == index
        assert 0 not in self.table

    @invariant()
    def it_holds_exactly_who_it_took_in(self) -> None:
        seen = {
            peer: tick for bucket in self.table.buckets for peer, tick in zip(bucket.peers, bucket.seen, strict=True)
        }
        assert seen == self.model

    @invariant()
    def closest_is_what_sorting_everybody_gives(self) -> None:
        for key in (SPACE.keys[0], SPACE.keys[5], kademlia_key(b"somewhere")):
            everybody = sorted(self.table.numbers(), key=lambda peer: SPACE.keys[peer] ^ key)
            assert self.table.closest(key, 6) == everybody[:6]


TestTable = TableMachine.TestCase
TestTable.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)


@given(st.integers(0, (1 << 256) - 1), st.integers(0, 40), st.sets(st.integers(1, 119)))
@settings(deadline=None)
def test_closest_agrees_with_sorting_for_any_key_and_count(key: int, count: int, peers: set[int]) -> None:
    table = KademliaRoutingTable(0, SPACE, DhtParams(ip_limit_bucket=0, ip_limit_table=0))
    for peer in sorted(peers):
        table.add(peer)
    assert table.closest(key, count) == sorted(table.numbers(), key=lambda peer: SPACE.keys[peer] ^ key)[:count]


def bucket_mates(space: KeySpace, count: int) -> list[int]:
    """Peers of the farthest bucket of peer 0."""
    mates = [peer for peer in range(1, 120) if common_prefix_length(space.keys[0], space.keys[peer]) == 0]
    assert len(mates) >= count
    return mates[:count]


def test_a_full_bucket_keeps_newcomers_in_reserve_and_names_the_longest_silent() -> None:
    table = KademliaRoutingTable(0, SPACE, FREE)
    mates = bucket_mates(SPACE, 9)
    for tick, peer in enumerate(mates[:4]):
        table.add(peer, tick)
    table.heard(mates[0], 9)
    verdict = table.add(mates[4], 10)
    assert (verdict.inserted, verdict.reason, verdict.suspect) == (False, "bucket full", mates[1])
    assert table.add(mates[4], 11).reason == "waiting"
    for tick, peer in enumerate(mates[5:9], 12):
        table.add(peer, tick)
    assert table.buckets[0].replacements == mates[6:9], "the latest comers wait, at most so many"
    assert table.remove(mates[1]) == (True, mates[8])
    assert mates[8] in table


def test_while_a_peer_is_being_checked_no_other_of_its_bucket_is_suspected() -> None:
    table = KademliaRoutingTable(0, SPACE, FREE)
    mates = bucket_mates(SPACE, 6)
    for peer in mates[:4]:
        table.add(peer, 1)
    assert table.checking(mates[0], 1)
    assert table.add(mates[4], 2).suspect == -1
    table.checked(mates[0])
    assert table.add(mates[5], 3).suspect == mates[0]
    assert not table.checking(mates[5], 3), "a peer that is not in the table is not checked"


@pytest.mark.parametrize(
    ("addresses", "groups"),
    [
        (["/ip4/8.8.4.4/tcp/4001"], ("8.8.0.0/16",)),
        (["/ip4/17.5.6.7/udp/4001/quic-v1"], ("17.0.0.0/8",)),
        (["/ip6/2a00:1450:4001::1/tcp/4001"], ("2a00:1450::/32",)),
        (["/ip4/8.8.4.4/tcp/1", "/ip4/8.8.1.1/tcp/1", "/ip4/1.1.1.1/tcp/1"], ("8.8.0.0/16", "1.1.0.0/16")),
        (["/ip4/10.1.2.3/tcp/4001", "/ip4/127.0.0.1/tcp/1", "/ip6/::1/tcp/1", "/ip4/192.168.1.1/tcp/1"], ()),
        (["/dns4/example.com/tcp/443", "/ip4/8.8.8.8/tcp/1/p2p/Qm/p2p-circuit", "/ip4/none/tcp/1"], ()),
    ],
)
def test_ip_groups_are_networks_that_one_party_could_hold(addresses: list[str], groups: tuple[str, ...]) -> None:
    assert ip_groups(addresses) == groups


def test_a_bucket_and_the_table_take_only_so_many_peers_of_one_network() -> None:
    addresses = [f"/ip4/8.8.{number}.1/tcp/4001" for number in range(120)]
    space = space_of(120, addresses)
    table = KademliaRoutingTable(0, space, DhtParams(ip_limit_bucket=2, ip_limit_table=3))
    verdicts = [table.add(peer) for peer in range(1, 120)]
    assert len(table) == 3
    reasons = {verdict.reason for verdict in verdicts if not verdict.inserted}
    assert reasons == {"ip limit of the bucket", "ip limit of the table"}
    refused = next(verdict for verdict in verdicts if verdict.reason == "ip limit of the bucket")
    assert (refused.group, refused.members) == ("8.8.0.0/16", 2)
    open_table = KademliaRoutingTable(0, space, DhtParams(ip_limit_bucket=0, ip_limit_table=0))
    for peer in range(1, 120):
        open_table.add(peer)
    assert len(open_table) > 60


def test_a_replacement_must_also_fit_the_ip_limits() -> None:
    addresses = [f"/ip4/{7 + number}.9.0.1/tcp/4001" for number in range(120)]
    space = space_of(120, addresses)
    mates = bucket_mates(space, 5)
    table = KademliaRoutingTable(0, space, DhtParams(k=3))
    for peer in mates[:3]:
        table.add(peer, 1)
    table.add(mates[3], 2)
    table.add(mates[4], 3)
    for peer in (mates[0], mates[1], mates[4]):  # meanwhile the next in line moved to where two of the bucket are
        space.add(space.peer_id(peer), ["/ip4/99.99.0.1/tcp/4001"])
    assert table.remove(mates[2]) == (True, mates[3])


def test_a_table_can_be_used_alone_with_ids_as_text() -> None:
    ids = [Identity.derive(3, f"peer {number}").peer_id for number in range(40)]
    table = KademliaRoutingTable(ids[0])
    for peer_id in ids[1:]:
        table.add(peer_id)
    assert ids[7] in table
    assert ids[0] not in table
    nearest = table.space.peer_id(table.closest(ids[7], 1)[0])
    assert nearest == ids[7]
    assert set(table) <= set(ids[1:])
    table.remove(ids[7])
    assert ids[7] not in table
    with pytest.raises(ValidationError, match="owner"):
        table.index_of(ids[0])


def test_refreshing_is_due_where_nobody_looked_lately() -> None:
    table = KademliaRoutingTable(0, SPACE, FREE)
    for peer in range(1, 120):
        table.add(peer, 100)
    last = max(index for index, bucket in enumerate(table.buckets) if bucket.peers)
    assert table.stale_buckets(100, 50) == list(range(last + 1))
    table.touched(SPACE.keys[bucket_mates(SPACE, 1)[0]], 100)
    assert table.stale_buckets(120, 50) == list(range(1, last + 1))
    assert table.stale_buckets(150, 50) == list(range(last + 1))
    assert set(table.silent_peers(140, 40)) == set(table.numbers())
    table.heard(table.buckets[0].peers[0], 130)
    assert len(table.silent_peers(140, 40)) == len(table) - 1


def test_what_a_user_sees_names_the_peers_and_escapes_what_they_chose() -> None:
    space = KeySpace()
    owner = space.add(Identity.derive(1, "alice").peer_id)
    bad = Identity.derive(1, "<script>alert(1)</script>").peer_id
    space.add(bad)
    table = KademliaRoutingTable(owner, space)
    table.add(bad, 20_000)
    assert "routing table of alice" in repr(table)
    view = table.view(now=50_000)
    assert view[0].peers[0].peer_id == bad
    assert view[0].silent == [3.0]
    assert view[0].capacity == 20
    assert "<script>" not in table._repr_html_()
    assert "&lt;script&gt;" in table._repr_html_()


def test_the_order_of_arrival_decides_and_nothing_else() -> None:
    def build() -> list[int]:
        table = KademliaRoutingTable(0, SPACE, FREE)
        order = list(range(1, 120))
        random.Random(5).shuffle(order)
        for tick, peer in enumerate(order):
            table.add(peer, tick)
        return table.numbers()

    assert build() == build()
