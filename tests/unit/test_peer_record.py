from __future__ import annotations

import pytest

from p2plab.errors import AddressError, ProtocolViolation
from p2plab.identity.keys import Identity
from p2plab.identity.peer_record import MAX_RECORD_SIZE, PeerRecord, read_record, sign_record

ALICE = Identity.derive(1, "alice")
EVE = Identity.derive(1, "eve")
ADDRESSES = ["/ip4/10.0.0.1/tcp/4001", "/ip4/10.0.0.1/udp/4001/quic-v1"]


def test_what_is_signed_is_read() -> None:
    data = sign_record(ALICE, [f"{ADDRESSES[0]}/p2p/{ALICE.peer_id}", ADDRESSES[1]], seq=7)
    assert read_record(data) == PeerRecord(ALICE.peer_id, tuple(ADDRESSES), 7)


def test_a_record_with_any_byte_changed_is_refused_or_says_the_same() -> None:
    data = sign_record(ALICE, ADDRESSES, seq=7)
    true = read_record(data)
    refused = 0
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 0x01
        try:
            assert read_record(bytes(changed)) == true  # a byte of a field that nobody reads
        except ProtocolViolation:
            refused += 1
    assert refused > 0.9 * len(data)


def test_a_record_about_somebody_else_is_refused() -> None:
    class Impostor:
        peer_id = ALICE.peer_id
        public_key = EVE.public_key
        sign = EVE.sign

    with pytest.raises(ProtocolViolation, match=f"about {ALICE.peer_id} is signed by {EVE.peer_id}"):
        read_record(sign_record(Impostor(), ADDRESSES, seq=1))


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x12\x02\x03\x01", bytes(MAX_RECORD_SIZE + 1)])
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        read_record(data)


def test_an_address_that_is_none_cannot_be_signed() -> None:
    with pytest.raises(AddressError):
        sign_record(ALICE, ["nowhere"], seq=1)


@pytest.mark.real
def test_py_libp2p_reads_ours_and_we_read_its() -> None:
    envelopes = pytest.importorskip("libp2p.peer.envelope", reason="py-libp2p is not installed")
    from libp2p.crypto.ed25519 import create_new_key_pair
    from libp2p.peer.id import ID
    from libp2p.peer.peer_record import PeerRecord as TheirRecord
    from multiaddr import Multiaddr

    ours = sign_record(ALICE, ADDRESSES, seq=7)
    _, record = envelopes.consume_envelope(ours, "libp2p-peer-record")
    assert (str(record.peer_id), record.seq) == (str(ALICE.peer_id), 7)
    assert [str(address) for address in record.addrs] == ADDRESSES
    pair = create_new_key_pair(ALICE.seed)
    theirs = TheirRecord(ID.from_pubkey(pair.public_key), [Multiaddr(address) for address in ADDRESSES], 9)
    sealed = envelopes.seal_record(theirs, pair.private_key).marshal_envelope()
    assert read_record(sealed) == PeerRecord(ALICE.peer_id, tuple(ADDRESSES), 9)
