"""Pinners keep, fetchers fetch: a scenario of roles, in both worlds."""

from __future__ import annotations

import pytest

from p2plab import Lab
from p2plab.errors import ContentError, ValidationError
from p2plab.stream import StreamError

TALE = b"once upon a time " * 5_000


def test_pinners_keep_what_its_author_takes_away_and_fetchers_fetch_it_and_give_none(lab: Lab) -> None:
    author = lab.start_node("author", role="master")
    pinners = lab.start_nodes(2, "pinner", role="worker")
    fetchers = lab.start_nodes(2, "fetcher", role="leecher")
    lab.wire("full", nodes=[author, *pinners])
    for fetcher in fetchers:
        fetcher.connect(pinners[0])
    cid = author.content.add(TALE)
    for pinner in pinners:
        kept = author.content.pin_at(pinner, cid)
        assert (kept.peer, kept.bytes > len(TALE) - 1) == (pinner.name, True)
    told = pinners[0].routing.find_providers(cid).providers
    assert {peer.name for peer in told} >= {"pinner0", "pinner1"}
    author.crash()
    fetched = fetchers[0].content.fetch(cid)
    assert fetched.bytes >= len(TALE)
    assert fetchers[0].content.cat(cid) == TALE
    assert {share.peer.name for share in fetched.by} <= {"pinner0", "pinner1"}
    assert "As a provider" in fetchers[0].why(pinners[0]).answer
    for pinner in pinners:
        pinner.stop()
    fetchers[1].connect(fetchers[0])
    with pytest.raises((ContentError, TimeoutError)):
        fetchers[1].content.fetch(cid, timeout=3)
    lab.roles.change("fetcher", refuses=("dht",), serves=("blocks",))
    assert fetchers[1].content.fetch(cid, timeout=20).bytes >= len(TALE)


def test_a_pinner_without_room_says_so_and_one_that_is_none_is_not_asked(lab: Lab) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob", role="pinner")
    lab.roles.change("pinner", stores=1_000)
    cid, small = alice.content.add(TALE), alice.content.add(b"small")
    with pytest.raises(ContentError, match=r"bob does not keep .* has room for 1000 bytes"):
        alice.content.pin_at(bob, cid)
    assert alice.content.pin_at(bob, small).bytes == 5
    (refused,) = lab.events.filter(kind="pin.refused", node="bob", peer="alice")
    assert refused.ref == str(cid)
    bob.set_role(None)
    with pytest.raises(StreamError, match="speaks none of"):
        alice.content.pin_at(bob, cid)
    with pytest.raises(ValidationError):
        alice.content.pin_at(bob, "no cid")


def test_what_is_no_request_to_pin_resets_its_stream_and_harms_nothing(lab: Lab) -> None:
    alice = lab.start_node("alice")
    bob = lab.start_node("bob", role="pinner")
    for nonsense in (b"", b"[]", b'{"cid": 5}', b'{"cid": "x"}', b"{" * 100, b"x" * 5_000):
        with pytest.raises(StreamError):
            alice.request(bob, "/p2plab/pin/1.0.0", nonsense)
    cid = alice.content.add(b"hello")
    assert alice.content.pin_at(bob, cid).blocks == 1


def test_pins_at_others_replay() -> None:
    with Lab(seed=7) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob", role="pinner")
        cid = alice.content.add(b"hello")
        alice.content.pin_at(bob, cid)
        with Lab.replay(lab.history()) as again:
            assert again.events.digest() == lab.events.digest()
            assert again["bob"].content.cat(cid) == b"hello"
