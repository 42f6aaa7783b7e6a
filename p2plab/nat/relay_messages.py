"""The messages of Circuit Relay v2 (relay/circuit-v2.md, "Protobuf") and its vouchers ("Reservation Vouchers").

Every message has its length in front as an unsigned varint. What a peer sends is bounded and decoded strictly.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from p2plab.errors import AddressError, PeerIdError, ProtocolViolation
from p2plab.identity.address import address_from_bytes, parse_address
from p2plab.identity.envelope import Signer, open_envelope, sign_envelope
from p2plab.identity.keys import parse_peer_id, peer_id_bytes, peer_id_from_bytes
from p2plab.identity.protobuf import WireClasses
from p2plab.typing import PeerId

__all__ = [
    "HOP_ID",
    "MAX_RELAY_MESSAGE",
    "STOP_ID",
    "HopMessage",
    "HopType",
    "RelayLimit",
    "RelayStatus",
    "Reservation",
    "StopMessage",
    "StopType",
    "Voucher",
    "decode_hop",
    "decode_stop",
    "encode_hop",
    "encode_stop",
    "hop_class",
    "open_voucher",
    "sign_voucher",
    "stop_class",
]

HOP_ID: Final = "/libp2p/circuit/relay/0.2.0/hop"
STOP_ID: Final = "/libp2p/circuit/relay/0.2.0/stop"
MAX_RELAY_MESSAGE: Final = 4096  # bytes; go-libp2p's and rust-libp2p's bound
_MAX_ADDRESSES: Final = 64
_DOMAIN: Final = b"libp2p-relay-rsvp"
_VOUCHER_TYPE: Final = b"\x03\x02"  # the multicodec 0x0302 as go, js and rust write it: two bytes, and no varint


class HopType(IntEnum):
    RESERVE = 0
    CONNECT = 1
    STATUS = 2


class StopType(IntEnum):
    CONNECT = 0
    STATUS = 1


class RelayStatus(IntEnum):
    """circuit-v2.md, "Protobuf": enum Status."""

    UNUSED = 0
    OK = 100
    RESERVATION_REFUSED = 200
    RESOURCE_LIMIT_EXCEEDED = 201
    PERMISSION_DENIED = 202
    CONNECTION_FAILED = 203
    NO_RESERVATION = 204
    MALFORMED_MESSAGE = 400
    UNEXPECTED_MESSAGE = 401


@dataclass(frozen=True, slots=True)
class RelayLimit:
    """What a relayed connection may take: seconds, and bytes in each direction. 0: no limit."""

    duration: int = 0
    data: int = 0


@dataclass(frozen=True, slots=True)
class Reservation:
    """A slot at a relay. ``expire`` is unix time in seconds; ``addresses`` are the relay's, each ending in its
    ``/p2p/...``; ``voucher`` is the signed envelope that proves it, where there is one."""

    expire: int
    addresses: tuple[str, ...] = ()
    voucher: bytes | None = None


@dataclass(frozen=True, slots=True)
class HopMessage:
    """A message between a client and its relay."""

    type: HopType
    peer: PeerId | None = None
    reservation: Reservation | None = None
    limit: RelayLimit | None = None
    status: RelayStatus | None = None


@dataclass(frozen=True, slots=True)
class StopMessage:
    """A message between a relay and the target of a circuit."""

    type: StopType
    peer: PeerId | None = None
    limit: RelayLimit | None = None
    status: RelayStatus | None = None


@dataclass(frozen=True, slots=True)
class Voucher:
    """What a relay testifies: it serves ``peer`` until ``expiration`` (unix time in seconds)."""

    relay: PeerId
    peer: PeerId
    expiration: int


_WIRE: Final = WireClasses(
    "p2plab.relay",
    {
        "HopMessage": ("int32 type = 1; Peer peer = 2; Reservation reservation = 3; Limit limit = 4; int32 status = 5"),
        "StopMessage": "int32 type = 1; Peer peer = 2; Limit limit = 3; int32 status = 4",
        "Peer": "bytes id = 1; repeated bytes addrs = 2",
        "Reservation": "uint64 expire = 1; repeated bytes addrs = 2; bytes voucher = 3",
        "Limit": "uint32 duration = 1; uint64 data = 2",
        "Voucher": "bytes relay = 1; bytes peer = 2; uint64 expiration = 3",
    },
)


def hop_class() -> Any:
    """The protobuf class of a HopMessage, for who takes bytes apart."""
    return _WIRE["HopMessage"]


def stop_class() -> Any:
    """The protobuf class of a StopMessage, for who takes bytes apart."""
    return _WIRE["StopMessage"]


def encode_hop(message: HopMessage) -> bytes:
    """The protobuf, without a length in front."""
    whole = _WIRE["HopMessage"](type=int(message.type))
    _fill(whole, message)
    if message.reservation is not None:
        whole.reservation.expire = message.reservation.expire
        whole.reservation.addrs.extend(parse_address(text).to_bytes() for text in message.reservation.addresses)
        if message.reservation.voucher is not None:
            whole.reservation.voucher = message.reservation.voucher
    data: bytes = whole.SerializeToString()
    return data


def encode_stop(message: StopMessage) -> bytes:
    """The protobuf, without a length in front."""
    whole = _WIRE["StopMessage"](type=int(message.type))
    _fill(whole, message)
    data: bytes = whole.SerializeToString()
    return data


def _fill(whole: Any, message: HopMessage | StopMessage) -> None:
    if message.peer is not None:
        whole.peer.id = peer_id_bytes(parse_peer_id(message.peer))
    if message.limit is not None:
        whole.limit.duration, whole.limit.data = message.limit.duration, message.limit.data
    if message.status is not None:
        whole.status = int(message.status)


def decode_hop(data: bytes) -> HopMessage:
    """ProtocolViolation for bytes that are no HopMessage, or one without its type."""
    whole = _parse("HopMessage", data)
    reservation = None
    if whole.HasField("reservation"):
        given = whole.reservation
        reservation = Reservation(given.expire, _addresses(given.addrs), given.voucher or None)
    return HopMessage(
        _enum(HopType, whole, "type", "HopMessage"), _peer(whole), reservation, _limit(whole), _status(whole)
    )


def decode_stop(data: bytes) -> StopMessage:
    """ProtocolViolation for bytes that are no StopMessage, or one without its type."""
    whole = _parse("StopMessage", data)
    return StopMessage(_enum(StopType, whole, "type", "StopMessage"), _peer(whole), _limit(whole), _status(whole))


def _parse(kind: str, data: bytes) -> Any:
    if len(data) > MAX_RELAY_MESSAGE:
        raise ProtocolViolation(f"a {kind} of {len(data)} bytes is over the limit of {MAX_RELAY_MESSAGE}")
    return _WIRE.read(kind, data, kind)


def _enum(kind: Any, whole: Any, field: str, name: str) -> Any:
    if not whole.HasField(field):
        raise ProtocolViolation(f"a {name} without its {field}")
    try:
        return kind(getattr(whole, field))
    except ValueError as error:
        raise ProtocolViolation(f"a {name} of the unknown {field} {getattr(whole, field)}") from error


def _peer(whole: Any) -> PeerId | None:
    if not whole.HasField("peer"):
        return None
    try:
        return peer_id_from_bytes(whole.peer.id)
    except PeerIdError as error:
        raise ProtocolViolation(f"a relay message names a peer that is none: {error}") from error


def _limit(whole: Any) -> RelayLimit | None:
    return RelayLimit(whole.limit.duration, whole.limit.data) if whole.HasField("limit") else None


def _status(whole: Any) -> RelayStatus | None:
    """A status that is not known here stands for a refusal, never for OK."""
    if not whole.HasField("status"):
        return None
    try:
        return RelayStatus(whole.status)
    except ValueError:
        return RelayStatus.UNUSED


def _addresses(binary: Any) -> tuple[str, ...]:
    found = []
    for data in binary[:_MAX_ADDRESSES]:
        try:
            found.append(str(address_from_bytes(data)))
        except AddressError:
            continue  # of a kind not known here; the others may do
    return tuple(found)


def sign_voucher(relay: Signer, peer: PeerId, expiration: int) -> bytes:
    """The voucher that ``relay`` gives ``peer``: a signed envelope. ``expiration`` is unix time in seconds."""
    payload = _WIRE["Voucher"](
        relay=peer_id_bytes(relay.peer_id), peer=peer_id_bytes(peer), expiration=expiration
    ).SerializeToString()
    return sign_envelope(relay, _DOMAIN, _VOUCHER_TYPE, payload)


def open_voucher(data: bytes, relay: PeerId, peer: PeerId) -> Voucher:
    """The voucher in an envelope. ProtocolViolation where it is not ``relay``'s own word about ``peer``."""
    from google.protobuf.message import DecodeError

    signer, payload = open_envelope(data, _DOMAIN, _VOUCHER_TYPE, "reservation voucher")
    try:
        given = _WIRE["Voucher"].FromString(payload)
        voucher = Voucher(peer_id_from_bytes(given.relay), peer_id_from_bytes(given.peer), given.expiration)
    except (DecodeError, PeerIdError) as error:
        raise ProtocolViolation(f"an envelope with no reservation voucher in it: {error}") from error
    if signer != relay or voucher.relay != relay:
        raise ProtocolViolation(f"a voucher for {relay.short} that {signer.short} has signed for {voucher.relay.short}")
    if voucher.peer != peer:
        raise ProtocolViolation(f"a voucher about {voucher.peer.short}, not about {peer.short}")
    return voucher
