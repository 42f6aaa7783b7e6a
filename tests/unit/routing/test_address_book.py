"""The address book's core: how long what is known holds, whom a signature is believed, and its bounds."""

from __future__ import annotations

import pytest

from p2plab.errors import ProtocolViolation
from p2plab.identity.keys import Identity
from p2plab.identity.peer_record import sign_record
from p2plab.routing.address_book import DISCOVERED, MAX_ADDRESSES, MAX_PEERS, RECENTLY_CONNECTED, PeerAddresses

SECOND = 10_000
ALICE = Identity.derive(7, "alice")
MALLORY = Identity.derive(7, "mallory")
ID = str(ALICE.peer_id)
A, B, C = (f"/ip4/1.2.3.{number}/tcp/4001" for number in (1, 2, 3))


def test_an_address_ends_at_its_tick_and_the_longer_of_two_times_holds() -> None:
    book = PeerAddresses()
    book.add(ID, [A], now=0, by="dht")
    end = round(DISCOVERED * SECOND)
    assert book.addresses(ID, end - 1) == [A]
    assert book.addresses(ID, end) == []
    book.add(ID, [A], now=0, by="dht", ttl=10)
    assert book.addresses(ID, end - 1) == [A]
    assert book.purge(ID, end) == [A]
    assert len(book) == 0


def test_what_the_user_says_stays_and_what_a_peer_says_stays_while_it_is_connected_and_a_while_after() -> None:
    book = PeerAddresses()
    book.add(ID, [A], now=0)
    book.add(ID, [B], now=0, by="identify", told_by=ID)
    book.connected(ID)
    late = round(10 * RECENTLY_CONNECTED * SECOND)
    assert book.addresses(ID, late) == [A, B]
    assert [row.expires for row in book.rows(late)] == [None, None]
    book.disconnected(ID, late)
    end = late + round(RECENTLY_CONNECTED * SECOND)
    assert book.addresses(ID, end - 1) == [A, B]
    assert book.addresses(ID, end) == [A]
    assert [(row.by, row.told_by) for row in book.rows(late)] == [("user", None), ("identify", ID)]


def test_a_signed_record_is_believed_replaces_an_older_one_and_comes_first() -> None:
    book = PeerAddresses()
    book.add(ID, [A], now=0, by="dht")
    assert book.certify(sign_record(ALICE, [B], seq=2), 1, "rendezvous") is not None
    assert book.addresses(ID, 2) == [B, A]
    assert book.certify(sign_record(ALICE, [C], seq=1), 3, "rendezvous") is None
    assert book.addresses(ID, 4) == [B, A]
    newest = sign_record(ALICE, [C], seq=3)
    assert book.certify(newest, 5, "rendezvous") is not None
    assert book.addresses(ID, 6) == [C, A]
    assert book.record_of(ID) == newest
    assert [(row.address, row.certified) for row in book.rows(6)] == [(A, False), (C, True)]


def test_a_spoofed_record_is_refused_and_changes_nothing() -> None:
    book = PeerAddresses()
    good = bytearray(sign_record(ALICE, [A], seq=1))
    good[-1] ^= 1
    for bad in (bytes(good), b"", b"nonsense", sign_record(MALLORY, [B], seq=9)[:-3]):
        with pytest.raises(ProtocolViolation):
            book.certify(bad, 0, "peer exchange")
    assert len(book) == 0
    book.certify(sign_record(MALLORY, [B], seq=9), 0, "peer exchange")
    assert book.addresses(ID, 0) == []  # of mallory's own alone


def test_a_peer_has_so_many_addresses_and_those_of_others_go_before_the_users_and_the_signed() -> None:
    book = PeerAddresses()
    book.add(ID, [A], now=0)
    book.certify(sign_record(ALICE, [B], seq=1), 0, "identify")
    book.add(ID, [f"/ip4/9.9.{n // 250}.{n % 250}/tcp/1" for n in range(3 * MAX_ADDRESSES)], now=1, by="dht")
    known = book.addresses(ID, 2)
    assert len(known) == MAX_ADDRESSES
    assert {A, B} <= set(known)


def test_a_book_has_so_many_peers_and_the_connected_and_the_users_own_stay() -> None:
    book = PeerAddresses()
    book.add("first", [A], now=0)
    book.add("second", [A], now=0, by="identify")
    book.connected("second")
    for number in range(MAX_PEERS + 5):
        book.add(f"peer{number}", [B], now=1, by="dht")
    assert len(book) == MAX_PEERS
    assert list(book)[:3] == ["first", "second", "peer7"]
