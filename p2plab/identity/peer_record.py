"""Signed peer records: addresses of a peer, certified by itself (libp2p RFC 0002, signed envelopes, and RFC 0003,
routing records).

An envelope's signature covers the domain, the payload's type and the payload, each preceded by its length. What comes
from a peer is bounded and believed only where the signature is the named peer's own.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from p2plab.errors import AddressError, PeerIdError, ProtocolViolation
from p2plab.identity.envelope import MAX_ENVELOPE_SIZE, Signer, open_envelope, payload_type_of, sign_envelope
from p2plab.identity.protobuf import WireClasses
from p2plab.typing import PeerId

__all__ = ["MAX_RECORD_SIZE", "PeerRecord", "is_legacy", "read_record", "sign_record"]

MAX_RECORD_SIZE: Final = MAX_ENVELOPE_SIZE  # bytes
MAX_ADDRESSES: Final = 64
_DOMAIN: Final = b"libp2p-peer-record"
_PAYLOAD_TYPE: Final = b"\x03\x01"
# rust-libp2p (0.56) signs its records for a domain and a type of its own, and reads no others in rendezvous.
_LEGACY_DOMAIN: Final = b"libp2p-routing-state"
_LEGACY_TYPE: Final = b"/libp2p/routing-state-record"


@dataclass(frozen=True, slots=True)
class PeerRecord:
    """What a peer says of itself. ``addresses`` are multiaddrs without the ``/p2p/...``; a higher ``seq`` is newer."""

    peer_id: PeerId
    addresses: tuple[str, ...]
    seq: int


_WIRE: Final = WireClasses(
    "p2plab.record",
    {
        "PeerRecord": "bytes peer_id = 1; uint64 seq = 2; repeated AddressInfo addresses = 3",
        "AddressInfo": "bytes multiaddr = 1",
    },
)


def sign_record(identity: Signer, addresses: Sequence[str], seq: int, legacy: bool = False) -> bytes:
    """The envelope of a record of one's own; ``legacy``: as rust-libp2p signs it. AddressError for what is no
    multiaddr."""
    from p2plab.identity.address import parse_address
    from p2plab.identity.keys import peer_id_bytes
    from p2plab.identity.plain_multiaddr import encode

    record = _WIRE["PeerRecord"](peer_id=peer_id_bytes(identity.peer_id), seq=seq)
    for address in addresses:
        record.addresses.add(multiaddr=encode(parse_address(address).base))
    domain, kind = (_LEGACY_DOMAIN, _LEGACY_TYPE) if legacy else (_DOMAIN, _PAYLOAD_TYPE)
    return sign_envelope(identity, domain, kind, record.SerializeToString())


def is_legacy(data: bytes) -> bool:
    """Whether an envelope says that it holds a record as rust-libp2p signs it."""
    return payload_type_of(data) == _LEGACY_TYPE


@functools.lru_cache(maxsize=2048)  # the same record comes again and again, and a signature is checked once
def read_record(data: bytes, legacy: bool = False) -> PeerRecord:
    """The record in an envelope; ``legacy``: also one as rust-libp2p signs it. ProtocolViolation where it is malformed,
    too large, or not signed by the peer that it is about; addresses that are no multiaddrs are left out."""
    from google.protobuf.message import DecodeError

    from p2plab.identity.address import address_from_bytes
    from p2plab.identity.keys import peer_id_from_bytes

    domain, kind = (_LEGACY_DOMAIN, _LEGACY_TYPE) if legacy and is_legacy(data) else (_DOMAIN, _PAYLOAD_TYPE)
    signer, payload = open_envelope(data, domain, kind, "peer record")
    try:
        record = _WIRE["PeerRecord"].FromString(payload)
        claimed = peer_id_from_bytes(record.peer_id)
    except (DecodeError, PeerIdError) as error:
        raise ProtocolViolation(f"{data[:32].hex()} is no peer record: {error}") from error
    if signer != claimed:
        raise ProtocolViolation(f"a peer record about {claimed} is signed by {signer}")
    addresses = []
    for entry in record.addresses[:MAX_ADDRESSES]:
        try:
            addresses.append(address_from_bytes(entry.multiaddr).base)
        except AddressError:
            continue  # a transport we do not know; the others may do
    return PeerRecord(claimed, tuple(addresses), record.seq)
