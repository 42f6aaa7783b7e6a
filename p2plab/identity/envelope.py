"""Signed envelopes (libp2p RFC 0002): a payload, its type, and a signature that covers both and the domain.

The signature covers domain, type and payload, each with its length in front, so that what was signed for one purpose is
never taken for another. What comes from a peer is bounded, and believed only where the signature holds.
"""

from __future__ import annotations

from typing import Final, Protocol

from p2plab.errors import ProtocolViolation
from p2plab.identity.protobuf import WireClasses
from p2plab.typing import PeerId

__all__ = ["MAX_ENVELOPE_SIZE", "Signer", "open_envelope", "payload_type_of", "sign_envelope"]

MAX_ENVELOPE_SIZE: Final = 8_192  # bytes


class Signer(Protocol):
    """Who signs; ``p2plab.identity.Identity`` is one."""

    @property
    def peer_id(self) -> PeerId: ...
    @property
    def public_key(self) -> bytes: ...
    def sign(self, data: bytes) -> bytes: ...


_WIRE: Final = WireClasses(
    "p2plab.envelope",
    {
        "Envelope": "PublicKey public_key = 1; bytes payload_type = 2; bytes payload = 3; bytes signature = 5",
        "PublicKey": "int32 Type = 1; bytes Data = 2",
    },
)


def _covered(domain: bytes, payload_type: bytes, payload: bytes) -> bytes:
    from p2plab.identity.varint import encode_varint

    return b"".join(encode_varint(len(part)) + part for part in (domain, payload_type, payload))


def sign_envelope(identity: Signer, domain: bytes, payload_type: bytes, payload: bytes) -> bytes:
    """The envelope's bytes. ``payload_type`` is a multicodec."""
    from p2plab.identity.keys import unmarshal_public_key

    kind, key = unmarshal_public_key(identity.public_key)
    envelope = _WIRE["Envelope"](
        public_key=_WIRE["PublicKey"](Type=kind, Data=key),
        payload_type=payload_type,
        payload=payload,
        signature=identity.sign(_covered(domain, payload_type, payload)),
    )
    return envelope.SerializeToString()  # type: ignore[no-any-return]


def payload_type_of(data: bytes) -> bytes:
    """What an envelope says that it holds, unchecked; b"" where it is none."""
    from google.protobuf.message import DecodeError

    try:
        said: bytes = _WIRE["Envelope"].FromString(data[:MAX_ENVELOPE_SIZE]).payload_type
    except DecodeError:
        return b""
    return said


def open_envelope(data: bytes, domain: bytes, payload_type: bytes, what: str) -> tuple[PeerId, bytes]:
    """Who signed it, and the payload. ``what`` names the thing in errors, as in "peer record".

    ProtocolViolation where it is malformed, too large, of another type, or its signature is wrong.
    """
    from google.protobuf.message import DecodeError

    from p2plab.identity.keys import marshal_public_key, peer_id_of, verify

    if len(data) > MAX_ENVELOPE_SIZE:
        raise ProtocolViolation(f"a {what} of {len(data)} bytes is over the limit of {MAX_ENVELOPE_SIZE}")
    try:
        envelope = _WIRE["Envelope"].FromString(data)
    except DecodeError as error:
        raise ProtocolViolation(f"{data[:32].hex()} is no {what}: {error}") from error
    if envelope.payload_type != payload_type:
        raise ProtocolViolation(f"an envelope of type {envelope.payload_type[:16].hex()} holds no {what}")
    if not 0 <= envelope.public_key.Type <= 3:
        raise ProtocolViolation(f"a {what} with a key of unknown type {envelope.public_key.Type}")
    key = marshal_public_key(envelope.public_key.Type, envelope.public_key.Data)
    signer = peer_id_of(key)
    if not verify(key, _covered(domain, payload_type, envelope.payload), envelope.signature):
        raise ProtocolViolation(f"the signature of a {what} by {signer.short} is wrong")
    payload: bytes = envelope.payload
    return signer, payload
