"""Signed peer records: addresses of a peer, certified by itself (libp2p RFC 0002, signed envelopes, and RFC 0003,
routing records).

An envelope's signature covers the domain, the payload's type and the payload, each preceded by its length. What comes
from a peer is bounded and believed only where the signature is the named peer's own.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from p2plab.errors import AddressError, PeerIdError, ProtocolViolation
from p2plab.typing import PeerId

__all__ = ["MAX_RECORD_SIZE", "PeerRecord", "read_record", "sign_record"]

MAX_RECORD_SIZE: Final = 8_192  # bytes
MAX_ADDRESSES: Final = 64
_DOMAIN: Final = b"libp2p-peer-record"
_PAYLOAD_TYPE: Final = b"\x03\x01"


@dataclass(frozen=True, slots=True)
class PeerRecord:
    """What a peer says of itself. ``addresses`` are multiaddrs without the ``/p2p/...``; a higher ``seq`` is newer."""

    peer_id: PeerId
    addresses: tuple[str, ...]
    seq: int


class _Signer(Protocol):
    @property
    def peer_id(self) -> PeerId: ...
    @property
    def public_key(self) -> bytes: ...
    def sign(self, data: bytes) -> bytes: ...


@functools.cache
def _classes() -> dict[str, Any]:
    from p2plab.identity.protobuf import message_classes

    return message_classes(
        "p2plab.record",
        {
            "Envelope": [
                ("optional", "PublicKey", "public_key", 1),
                ("optional", "bytes", "payload_type", 2),
                ("optional", "bytes", "payload", 3),
                ("optional", "bytes", "signature", 5),
            ],
            "PublicKey": [("optional", "int32", "Type", 1), ("optional", "bytes", "Data", 2)],
            "PeerRecord": [
                ("optional", "bytes", "peer_id", 1),
                ("optional", "uint64", "seq", 2),
                ("repeated", "AddressInfo", "addresses", 3),
            ],
            "AddressInfo": [("optional", "bytes", "multiaddr", 1)],
        },
    )


def _covered(payload: bytes) -> bytes:
    from p2plab.identity.varint import encode_varint

    return b"".join(encode_varint(len(part)) + part for part in (_DOMAIN, _PAYLOAD_TYPE, payload))


def sign_record(identity: _Signer, addresses: Sequence[str], seq: int) -> bytes:
    """The envelope of a record of one's own. AddressError for what is no multiaddr."""
    from p2plab.identity.address import parse_address
    from p2plab.identity.keys import peer_id_bytes, unmarshal_public_key
    from p2plab.identity.plain_multiaddr import encode

    classes = _classes()
    record = classes["PeerRecord"](peer_id=peer_id_bytes(identity.peer_id), seq=seq)
    for address in addresses:
        record.addresses.add(multiaddr=encode(parse_address(address).base))
    payload = record.SerializeToString()
    kind, key = unmarshal_public_key(identity.public_key)
    envelope = classes["Envelope"](
        public_key=classes["PublicKey"](Type=kind, Data=key),
        payload_type=_PAYLOAD_TYPE,
        payload=payload,
        signature=identity.sign(_covered(payload)),
    )
    return envelope.SerializeToString()  # type: ignore[no-any-return]


def read_record(data: bytes) -> PeerRecord:
    """The record in an envelope. ProtocolViolation where it is malformed, too large, or not signed by the peer that it
    is about; addresses that are no multiaddrs are left out."""
    from google.protobuf.message import DecodeError

    from p2plab.identity.address import address_from_bytes
    from p2plab.identity.keys import marshal_public_key, peer_id_from_bytes, peer_id_of, verify

    if len(data) > MAX_RECORD_SIZE:
        raise ProtocolViolation(f"a peer record of {len(data)} bytes is over the limit of {MAX_RECORD_SIZE}")
    classes = _classes()
    try:
        envelope = classes["Envelope"].FromString(data)
        record = classes["PeerRecord"].FromString(envelope.payload)
        claimed = peer_id_from_bytes(record.peer_id)
    except (DecodeError, PeerIdError) as error:
        raise ProtocolViolation(f"{data[:32].hex()} is no peer record: {error}") from error
    if envelope.payload_type != _PAYLOAD_TYPE:
        raise ProtocolViolation(f"an envelope of type {envelope.payload_type[:16].hex()} holds no peer record")
    if not 0 <= envelope.public_key.Type <= 3:
        raise ProtocolViolation(f"a peer record with a key of unknown type {envelope.public_key.Type}")
    key = marshal_public_key(envelope.public_key.Type, envelope.public_key.Data)
    if peer_id_of(key) != claimed:
        raise ProtocolViolation(f"a peer record about {claimed} is signed by {peer_id_of(key)}")
    if not verify(key, _covered(envelope.payload), envelope.signature):
        raise ProtocolViolation(f"the signature of a peer record about {claimed} is wrong")
    addresses = []
    for entry in record.addresses[:MAX_ADDRESSES]:
        try:
            addresses.append(address_from_bytes(entry.multiaddr).base)
        except AddressError:
            continue  # a transport we do not know; the others may do
    return PeerRecord(claimed, tuple(addresses), record.seq)
