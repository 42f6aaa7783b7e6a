"""A node's address book, in both worlds: what it knows, from whom, for how long; signed records; forgetting."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from p2plab import Lab, Node
from p2plab.errors import AddressError, DialError, ProtocolViolation, ValidationError
from p2plab.identity.keys import Identity
from p2plab.identity.peer_record import sign_record

STRANGER = Identity.derive(99, "stranger")
ID = str(STRANGER.peer_id)
HERE = "/ip4/127.0.0.1/tcp/1"

Wait = Callable[[Callable[[], object]], None]


def test_a_peer_that_was_met_stays_known_after_it_has_gone(alice: Node, bob: Node, wait: Wait) -> None:
    alice.connect(bob)
    wait(lambda: alice.address_book(bob))
    for row in alice.address_book("bob"):
        assert (row.by, row.told_by, row.expires) == ("identify", str(bob.peer_id), None)
    bob.stop()
    wait(lambda: not alice.peers())
    assert [peer.name for peer in alice.known_peers()] == ["bob"]
    assert all(row.expires is not None and row.expires > 80_000 for row in alice.address_book(bob))
    assert "bob" in repr(alice.address_book())


def test_addresses_end_when_their_time_is_over(lab: Lab, alice: Node, wait: Wait) -> None:
    alice.register_peer(ID, [f"{HERE}/p2p/{ID}"], ttl=0.2)
    (row,) = alice.address_book()
    assert (row.peer, row.address, row.by, row.certified) == (ID, HERE, "user", False)
    assert row.expires == pytest.approx(row.learnt + 0.2)
    lab.run(0.3)
    assert alice.address_book() == []
    assert alice.known_peers() == []
    with pytest.raises(DialError, match="no address of it is known"):
        alice.connect(ID)
    for wrong in (-1, "soon", float("nan")):
        with pytest.raises(ValidationError):
            alice.register_peer(ID, [HERE], ttl=wrong)  # type: ignore[arg-type]
    with pytest.raises(AddressError):
        alice.register_peer(ID, ["nowhere"])


def test_a_signed_record_is_taken_from_its_signer_alone(lab: Lab, alice: Node, bob: Node) -> None:
    info = alice.register_record(bob.signed_addresses())
    assert (info.name, info.addresses) == ("bob", bob.addresses)
    assert all(row.certified for row in alice.address_book(bob))
    assert alice.register_record(sign_record(STRANGER, [HERE], seq=5)).addresses == [f"{HERE}/p2p/{ID}"]
    assert alice.register_record(sign_record(STRANGER, ["/ip4/127.0.0.1/tcp/2"], seq=4)).addresses == [
        f"{HERE}/p2p/{ID}"
    ]
    forged = bytearray(sign_record(STRANGER, ["/ip4/127.0.0.1/tcp/3"], seq=6))
    forged[-1] ^= 1
    with pytest.raises(ProtocolViolation):
        alice.register_record(bytes(forged))
    with pytest.raises(ValidationError):
        alice.register_record("text")  # type: ignore[arg-type]
    assert [row.address for row in alice.address_book(ID)] == [HERE]


def test_a_peer_is_forgotten_when_asked(lab: Lab, alice: Node) -> None:
    alice.register_peer(ID, [HERE])
    told = lab.execute_command("address_book", node="alice")["result"]
    assert (told["count"], told["addresses"][0]["address"]) == (1, HERE)
    assert alice.forget_peer(ID)
    assert not alice.forget_peer(ID)
    assert alice.known_peers() == []


def test_looking_into_the_book_changes_nothing(lab: Lab, alice: Node, bob: Node) -> None:
    alice.register_peer(ID, [HERE])
    before = lab.events.digest()
    assert "certified" in repr(alice.address_book())
    assert "<table" in alice.address_book()._repr_html_()
    assert bob.signed_addresses() != b""
    assert lab.events.digest() == before


@pytest.mark.real
def test_the_book_is_in_the_labs_home_with_its_times_and_signatures(tmp_path: Path) -> None:
    with Lab("real", seed=7, home=tmp_path / "home") as lab:
        alice = lab.start_node("alice")
        alice.register_peer(ID, [HERE], ttl=1000)
        other = Identity.derive(98, "other")
        record = sign_record(other, ["/ip4/127.0.0.1/tcp/9"], seq=3)
        alice.register_record(record)
    with Lab("real", seed=7, home=tmp_path / "home") as lab:
        alice = lab.start_node("alice")
        rows = {row.peer: row for row in alice.address_book()}
        assert rows[ID].expires == pytest.approx(1000, abs=60)
        assert rows[str(other.peer_id)].certified
        older = sign_record(other, ["/ip4/127.0.0.1/tcp/8"], seq=2)
        assert alice.register_record(older).addresses == [f"/ip4/127.0.0.1/tcp/9/p2p/{other.peer_id}"]
        alice.forget_peer(ID)
    with Lab("real", seed=7, home=tmp_path / "home") as lab:
        assert [row.peer for row in lab.start_node("alice").address_book()] == [str(other.peer_id)]
