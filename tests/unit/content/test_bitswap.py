"""Bitswap's core: messages as the specification has them, sessions, serving, and peers that break the rules."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2plab.content.bitswap import Bitswap, BitswapParams
from p2plab.content.bitswap.effects import Search
from p2plab.content.bitswap.messages import BitswapMessage, WantEntry, decode_message, encode_message
from p2plab.content.bitswap.serving import Serving
from p2plab.content.bitswap.session import Session
from p2plab.content.effects import CutOff, Ready
from p2plab.content.store import BlockStore
from p2plab.effects import Note, WakeAt
from p2plab.errors import ConfigurationError, ProtocolViolation
from p2plab.identity.cid import DAG_PB, RAW, Cid, cid_for

SECOND = 10_000


def raw(data: bytes) -> Cid:
    return cid_for(data, RAW)


class TestMessages:
    def test_a_want_is_the_bytes_of_the_specification(self) -> None:
        cid = raw(b"hello")
        entry = b"\x0a\x24" + cid.to_bytes() + b"\x10\x01" + b"\x20\x01" + b"\x28\x01"
        wantlist = b"\x0a" + bytes([len(entry)]) + entry + b"\x10\x00"
        wanted = BitswapMessage((WantEntry(cid, 1, False, False, True),))
        assert encode_message(wanted) == b"\x0a" + bytes([len(wantlist)]) + wantlist
        assert decode_message(encode_message(wanted)) == wanted

    def test_a_block_is_its_prefix_and_its_bytes(self) -> None:
        """Version 1, codec 0x55, hash 0x12, 32 bytes of digest."""
        message = encode_message(BitswapMessage(blocks=[(raw(b"hello"), b"hello")]))
        assert message.endswith(b"\x1a\x0d" + b"\x0a\x04\x01\x55\x12\x20" + b"\x12\x05hello")
        assert decode_message(message).blocks == ((raw(b"hello"), b"hello"),)

    def test_who_has_what_and_what_is_to_follow_are_said(self) -> None:
        message = BitswapMessage(haves=(raw(b"a"),), dont_haves=(raw(b"b"),), pending=7)
        assert decode_message(encode_message(message)) == message

    def test_older_versions_are_spoken_without_what_they_do_not_know(self) -> None:
        block = b"\x0a\x02\x08\x01"
        old = cid_for(block, DAG_PB, version=0)
        message = BitswapMessage([WantEntry(old, 1, False, False, True)], blocks=[(old, block)], haves=[old])
        first = decode_message(encode_message(message, 0))
        assert (first.blocks, first.haves) == (((old, block),), ())
        assert first.wants == (WantEntry(old, 1, False, True, False),)
        assert encode_message(BitswapMessage(blocks=[(old, block)]), 0).endswith(b"\x12\x04" + block)
        assert decode_message(encode_message(message, 1)).blocks == ((old, block),)

    @pytest.mark.parametrize(
        "data",
        [
            b"\xff",
            b"\x0a\x05\x0a\x03\x0a\x01\x00",  # an entry with what is no CID
            b"\x1a\x08\x0a\x04\x01\x55\x7f\x20\x12\x00",  # a block by a hash that is not known
            b"\x1a\x08\x0a\x04\x01\x55\x12\x21\x12\x00",  # a digest of 33 bytes
            b"\x1a\x04\x0a\x00\x12\x00",  # no prefix
            b"\x22\x04\x0a\x02\x01\x55",  # half a CID
        ],
    )
    def test_what_is_no_message_is_refused(self, data: bytes) -> None:
        with pytest.raises(ProtocolViolation):
            decode_message(data)

    def test_a_giant_cid_and_too_many_lines_are_refused(self) -> None:
        giant = b"\x01\x55\x00\xff\x01" + bytes(255)
        entry = b"\x0a\x84\x02" + giant
        wantlist = b"\x0a\x87\x02" + entry
        with pytest.raises(ProtocolViolation, match="limit of 128"):
            decode_message(b"\x0a\x8a\x02" + wantlist)
        many = encode_message(BitswapMessage([WantEntry(raw(bytes([n]))) for n in range(9)]))
        with pytest.raises(ProtocolViolation, match="9 lines"):
            decode_message(many, max_entries=8)
        with pytest.raises(ProtocolViolation, match="at most 4194304"):
            decode_message(bytes((4 << 20) + 1))

    @settings(max_examples=300, deadline=None)
    @given(st.binary(max_size=200))
    def test_any_bytes_are_a_message_or_are_refused(self, data: bytes) -> None:
        try:
            message = decode_message(data)
        except ProtocolViolation:
            return
        assert all(cid.verify(block) for cid, block in message.blocks)


class Net:
    """Cores that hear each other at once, in turns; no time passes but what a test lets pass."""

    def __init__(self, count: int, params: BitswapParams | None = None) -> None:
        self.now = 0
        self.cores = [Bitswap(BlockStore(), params) for _ in range(count)]
        self.notes: list[tuple[int, Note]] = []
        self.searches: list[tuple[int, Search]] = []
        self.cut: list[tuple[int, int]] = []
        self.silent: set[int] = set()
        self.wakes: dict[int, int] = {}
        self._ready: list[tuple[int, int]] = []

    def connect(self, a: int, b: int) -> None:
        self.run(a, self.cores[a].peer_ready(b, 2, self.now))
        self.run(b, self.cores[b].peer_ready(a, 2, self.now))

    def run(self, me: int, effects: list[Any]) -> None:
        for effect in effects:
            if isinstance(effect, Note):
                self.notes.append((me, effect))
            elif isinstance(effect, Ready):
                self._ready.append((me, effect.peer))
            elif isinstance(effect, Search):
                self.searches.append((me, effect))
            elif isinstance(effect, CutOff):
                self.cut.append((me, effect.peer))
            elif isinstance(effect, WakeAt):
                self.wakes[me] = effect.tick

    def settle(self) -> None:
        """Every message that there is to send arrives."""
        while self._ready:
            me, peer = self._ready.pop(0)
            while me not in self.silent and (message := self.cores[me].outgoing(peer)) is not None:
                self.run(me, self.cores[me].sent(peer, message))
                if peer not in self.silent:
                    self.run(peer, self.cores[peer].received(me, decode_message(encode_message(message)), self.now))

    def pass_time(self, seconds: float) -> None:
        until = self.now + round(seconds * SECOND)
        while due := [(tick, me) for me, tick in self.wakes.items() if tick <= until]:
            self.now, me = min(due)
            del self.wakes[me]
            self.run(me, self.cores[me].wake(self.now))
            self.settle()
        self.now = until

    def put(self, me: int, data: bytes) -> Cid:
        cid = raw(data)
        self.cores[me].store.put(cid, data)
        self.run(me, self.cores[me].stored(cid))
        return cid

    def fetch(self, me: int, *cids: Cid) -> Session:
        session, effects = self.cores[me].open(cids[0], self.now)
        self.run(me, effects)
        self.run(me, self.cores[me].want(session, cids, self.now))
        return session

    def kinds(self, me: int, kind: str) -> list[Note]:
        return [note for who, note in self.notes if who == me and note.kind == kind]


def star(count: int, params: BitswapParams | None = None) -> Net:
    """Node 0 is connected to all others."""
    net = Net(count + 1, params)
    for peer in range(1, count + 1):
        net.connect(0, peer)
    return net


class TestSessions:
    def test_blocks_come_from_all_that_have_them_and_none_comes_twice(self) -> None:
        net = star(5)
        cids = [net.put(peer, bytes([n]) * 3000) for n in range(100) for peer in range(1, 6)][::5]
        session = net.fetch(0, cids[0])
        net.settle()
        net.run(0, net.cores[0].want(session, cids[1:], net.now))
        net.settle()
        assert (session.blocks, session.duplicates, session.wants) == (100, 0, {})
        assert all(cid in net.cores[0].store for cid in cids)
        assert sorted(about.blocks for about in session.peers.values())[0] >= 10

    def test_nobody_is_left_with_a_want_when_all_is_here(self) -> None:
        net = star(3)
        cid = net.put(1, b"x" * 2000)
        net.put(2, b"x" * 2000)
        session = net.fetch(0, cid)
        net.settle()
        net.run(0, net.cores[0].close(session, net.now, "done"))
        net.settle()
        assert [net.cores[peer].serving.ledger(0).wants for peer in (1, 2, 3)] == [{}, {}, {}]
        assert all(net.cores[0].is_idle(peer) for peer in (1, 2, 3))

    def test_who_has_not_got_it_says_so_and_another_is_asked(self) -> None:
        net = star(2)
        cids = [net.put(1, b"first"), net.put(2, b"second")]
        session = net.fetch(0, *cids)
        net.settle()
        assert session.blocks == 2
        assert {(note.peer, note.ref) for note in net.kinds(0, "bitswap.dont_have")} <= {
            (2, str(cids[0])),
            (1, str(cids[1])),
        }
        assert net.searches == []

    def test_providers_are_sought_at_once_when_all_have_said_no_and_after_a_second_when_one_is_silent(self) -> None:
        net = star(2)
        net.fetch(0, raw(b"nowhere"))
        net.settle()
        assert [search.cids for _, search in net.searches] == [[raw(b"nowhere")]]
        net = star(2)
        net.silent.add(2)
        net.fetch(0, raw(b"nowhere"))
        net.settle()
        assert net.searches == []
        net.pass_time(2.5)
        assert len(net.searches) == 1

    def test_it_fails_when_nobody_has_it_and_no_provider_was_found(self) -> None:
        net = star(2)
        session = net.fetch(0, raw(b"nowhere"))
        net.settle()
        net.run(0, net.cores[0].searched(session.number, raw(b"nowhere"), 0, 0, net.now))
        assert session.failure == "none of the 2 peers asked has it, and no provider was found"

    def test_a_peer_that_connects_meanwhile_is_asked(self) -> None:
        net = Net(3)
        net.connect(0, 1)
        cid = net.put(2, b"late")
        session = net.fetch(0, cid)
        net.settle()
        assert session.blocks == 0
        net.connect(0, 2)
        net.settle()
        assert session.blocks == 1

    def test_a_block_that_comes_to_a_peer_later_is_sent_to_who_asked_for_it(self) -> None:
        net = star(1)
        session = net.fetch(0, raw(b"later"))
        net.settle()
        net.put(1, b"later")
        net.settle()
        assert session.blocks == 1

    def test_what_a_peer_was_asked_for_is_asked_of_others_when_it_goes_or_is_silent(self) -> None:
        for goes in (True, False):
            net = star(2)
            cids = [net.put(peer, b"y" * 2000) for peer in (1, 2)]
            session = net.fetch(0, cids[0])
            net.run(0, net.cores[0].received(1, BitswapMessage(haves=[cids[0]]), net.now))
            net.silent.add(1)
            net._ready = [one for one in net._ready if one != (0, 1)]
            assert list(next(iter(session.wants.values())).asked) == [1]
            if goes:
                net.run(0, net.cores[0].peer_gone(1, net.now))
            else:
                net.pass_time(7)
            net.settle()
            assert session.blocks == 1, goes
            assert session.peers[2].blocks == 1

    def test_a_slow_peer_near_the_end_costs_one_block_in_twenty_five_at_most_or_one_of_fewer(self) -> None:
        net = star(2)
        session = net.fetch(0, raw(b"last"))
        for peer, pace in ((1, 100), (2, 10_000)):
            about = session.peer(peer)
            about.joined, about.pace, about.blocks = True, pace, 5
        session.queue.clear()
        want = session.wants[raw(b"last").multihash]
        want.asked[2] = 0
        session.peer(2).live = 1
        assert session.straggler(1) is want
        session.hedges = 1
        for blocks in (0, 25, 49):
            session.blocks = blocks
            assert session.straggler(1) is None
        session.blocks = 50
        assert session.straggler(1) is want

    def test_two_fetches_of_one_block_ask_for_it_once_and_one_may_end_before_it_came(self) -> None:
        net = star(1)
        first, second = net.fetch(0, raw(b"shared")), net.fetch(0, raw(b"shared"))
        assert len(net.kinds(0, "bitswap.want")) == 1
        net.run(0, net.cores[0].close(first, net.now, "cancelled"))
        net.put(1, b"shared")
        net.settle()
        assert (first.blocks, second.blocks) == (0, 1)

    def test_nothing_for_thirty_seconds_ends_it(self) -> None:
        net = star(1)
        session = net.fetch(0, raw(b"nowhere"))
        net.silent.add(1)
        net.pass_time(40)
        assert session.failure is not None
        assert "nothing came for 30 s" in session.failure

    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 1 << 32))
    def test_whatever_peers_come_and_go_all_that_somebody_has_arrives(self, seed: int) -> None:
        draw = random.Random(seed)
        net = Net(6)
        datas = [draw.randbytes(draw.randrange(1, 5000)) for _ in range(20)]
        for data in datas:
            for peer in draw.sample(range(1, 6), draw.randrange(1, 4)):
                net.put(peer, data)
        session = net.fetch(0, *map(raw, datas))
        connected: set[int] = set()
        for _ in range(40):
            peer = draw.randrange(1, 6)
            if peer in connected:
                connected.remove(peer)
                net.run(0, net.cores[0].peer_gone(peer, net.now))
                net.run(peer, net.cores[peer].peer_gone(0, net.now))
            else:
                connected.add(peer)
                net.connect(0, peer)
            if draw.random() < 0.5:
                net.settle()
            net._ready = [(me, other) for me, other in net._ready if {me, other} - {0} <= connected]
        for peer in range(1, 6):
            if peer not in connected:
                net.connect(0, peer)
        net.settle()
        for search in net.searches[-1:]:
            net.run(0, net.cores[0].searched(session.number, search[1].cids[-1], 1, 1, net.now))
        net.pass_time(12)
        assert session.blocks == len(set(datas))
        assert all(about.live == 0 for about in session.peers.values())


class TestServing:
    def serving(self, sizes: dict[bytes, int], **params: Any) -> tuple[Serving, list[Cid]]:
        store = BlockStore()
        cids = []
        for name, size in sizes.items():
            data = name * size
            store.put(raw(data), data)
            cids.append(raw(data))
        return Serving(store, BitswapParams(**params)), cids

    def test_peers_have_their_turns_by_what_they_got_and_gave(self) -> None:
        serving, cids = self.serving({bytes([n]): 20_000 for n in range(60)}, at_once=1)
        serving.ledger(2).received = 10_000_000
        order: list[int] = []
        for peer in (1, 2, 3):
            serving.wanted(peer, [WantEntry(cid) for cid in cids], False)
        ready = [1, 2, 3]
        while len(order) < 60:
            peer = ready.pop(0)
            message = serving.next_message(peer)
            if message is not None:
                order.append(peer)
                ready += serving.sent(peer, list(message.blocks))
        assert order.count(2) == pytest.approx(30, abs=3), "who gave as much as it got is given twice as much"
        assert order.count(1) == pytest.approx(order.count(3), abs=2)

    def test_small_blocks_go_together_and_the_most_wanted_first(self) -> None:
        serving, cids = self.serving({bytes([n]): 4096 for n in range(8)})
        serving.wanted(1, [WantEntry(cid, priority) for priority, cid in enumerate(cids)], False)
        message = serving.next_message(1)
        assert message is not None
        assert [cid for cid, _ in message.blocks] == cids[::-1][:4]

    def test_a_have_is_a_block_where_the_block_is_small_enough(self) -> None:
        for limit, gives in ((0, "have"), (1024, "block")):
            serving, cids = self.serving({b"s": 100}, have_as_block=limit)
            serving.wanted(1, [WantEntry(cids[0], block=False, send_dont_have=True)], False)
            message = serving.next_message(1)
            assert message is not None
            assert bool(message.blocks) == (gives == "block")
            assert bool(message.haves) == (gives == "have")

    def test_a_wantlist_has_a_bound_and_a_full_one_stands_in_place_of_the_last(self) -> None:
        serving, _ = self.serving({}, max_wants=10)
        wants = [WantEntry(raw(bytes([n]))) for n in range(15)]
        assert serving.wanted(1, wants, False) == 5
        assert len(serving.ledger(1).wants) == 10
        assert serving.wanted(1, wants[:3], True) == 0
        assert len(serving.ledger(1).wants) == 3
        assert serving.wanted(1, [WantEntry(wants[0].cid, cancel=True)], False) == 0
        assert len(serving.ledger(1).wants) == 2
        serving.gone(1)
        assert serving.ledger(1).wants == {}
        assert serving.stored(wants[1].cid) == []


class TestHostilePeers:
    def test_what_nobody_asked_for_is_not_kept_and_cuts_its_sender_off(self) -> None:
        net = star(2)
        for number in range(17):
            data = bytes([number]) * 10
            net.run(0, net.cores[0].received(1, BitswapMessage(blocks=[(raw(data), data)]), net.now))
        assert len(net.cores[0].store) == 0
        assert net.cut == [(0, 1)]
        assert net.cores[0].is_cut_off(1, net.now + 599 * SECOND)
        assert not net.cores[0].is_cut_off(1, net.now + 601 * SECOND)
        assert net.cores[0].peer_ready(1, 2, net.now + SECOND) == []
        assert net.cores[0].peers == [2]

    def test_what_was_on_its_way_when_a_fetch_was_given_up_costs_its_sender_nothing(self) -> None:
        net = star(1)
        cids = [net.put(1, bytes([n]) * 2000) for n in range(40)]
        session = net.fetch(0, *cids)
        net.run(0, net.cores[0].close(session, net.now, "timeout"))
        late = [(cid, bytes([n]) * 2000) for n, cid in enumerate(cids)]
        net.run(0, net.cores[0].received(1, BitswapMessage(blocks=late), net.now))
        assert (net.cut, len(net.cores[0].store)) == ([], 0)
        assert {note.reason for note in net.kinds(0, "bitswap.duplicate")} == {"wanted no more"}

    def test_wrong_bytes_for_a_want_are_what_nobody_asked_for_and_the_right_ones_still_come(self) -> None:
        net = star(2)
        right = net.put(2, b"right" * 500)
        session = net.fetch(0, right)
        net.run(0, net.cores[0].received(1, BitswapMessage(haves=[right]), net.now))
        wrong = b"wrong" * 500
        net.run(0, net.cores[0].received(1, BitswapMessage(blocks=[(raw(wrong), wrong)]), net.now))
        net.silent.add(1)
        net.settle()
        net.pass_time(8)
        assert (session.blocks, len(net.cores[0].store)) == (1, 1)

    def test_a_flood_of_wants_takes_bounded_room_and_cuts_its_sender_off(self) -> None:
        net = star(1)
        for number in range(12):
            wants = [WantEntry(raw(b"%d %d" % (number, n)), send_dont_have=True) for n in range(1000)]
            net.run(0, net.cores[0].received(1, BitswapMessage(wants), net.now))
            assert len(net.cores[0].serving.ledger(1).wants) <= 1024
        assert net.cut == [(0, 1)]
        assert net.cores[0].serving.ledger(1).wants == {}
        assert net.cores[0].serving._wanting == {}

    def test_a_peer_that_says_it_has_and_gives_nothing_is_not_waited_for(self) -> None:
        net = star(2)
        cid = net.put(2, b"z" * 2000)
        session = net.fetch(0, cid)
        net.run(0, net.cores[0].received(1, BitswapMessage(haves=[cid]), net.now))
        net.silent.add(1)
        net.settle()
        net.pass_time(8)
        assert session.blocks == 1

    def test_news_of_what_nobody_asked_about_changes_nothing(self) -> None:
        net = star(1)
        message = BitswapMessage(haves=[raw(b"a")], dont_haves=[raw(b"b")])
        before = len(net.notes)
        net.run(0, net.cores[0].received(1, message, net.now))
        assert len(net.notes) == before


def test_a_disk_that_is_full_ends_the_fetch_with_what_it_said() -> None:
    net = Net(2)
    net.connect(0, 1)
    cid = raw(b"hello")
    net.cores[1].store.put(cid, b"hello")

    def full(cid: Cid, data: bytes) -> bool:
        raise ConfigurationError("database or disk is full")

    net.cores[0].store.put = full  # type: ignore[method-assign]
    session, effects = net.cores[0].open(cid, net.now)
    net.run(0, [*effects, *net.cores[0].want(session, [cid], net.now)])
    net.settle()
    assert session.failure == "database or disk is full"
    net.run(0, net.cores[0].close(session, net.now, "failed"))
    net.settle()
    assert (net.cores[0].wantlist, net.cut, net.cores[1].serving.ledgers[0].wants) == ([], [], {})
