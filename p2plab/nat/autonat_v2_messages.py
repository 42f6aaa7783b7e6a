"""The messages of AutoNAT v2 (autonat/autonat-v2.md, "RPC Messages"): their bytes, strictly decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, TypeAlias

from p2plab.errors import AddressError, ProtocolViolation
from p2plab.identity.address import Address, address_from_bytes
from p2plab.identity.protobuf import WireClasses

__all__ = [
    "DIAL_BACK_ID",
    "DIAL_REQUEST_ID",
    "MAX_ADDRESSES",
    "MAX_CHUNK",
    "MAX_MESSAGE",
    "DialDataRequest",
    "DialDataResponse",
    "DialRequest",
    "DialResponse",
    "DialStatus",
    "Message",
    "ResponseStatus",
    "decode_dial_back",
    "decode_message",
    "encode_dial_back",
    "encode_dial_back_response",
    "encode_message",
]

DIAL_REQUEST_ID: Final = "/libp2p/autonat/2/dial-request"
DIAL_BACK_ID: Final = "/libp2p/autonat/2/dial-back"
MAX_MESSAGE: Final = 8192  # bytes
MAX_CHUNK: Final = 4096  # bytes of data in one DialDataResponse
MAX_ADDRESSES: Final = 50  # go-libp2p's maxPeerAddresses


class ResponseStatus(IntEnum):
    E_INTERNAL_ERROR = 0
    E_REQUEST_REJECTED = 100
    E_DIAL_REFUSED = 101
    OK = 200


class DialStatus(IntEnum):
    UNUSED = 0
    E_DIAL_ERROR = 100
    E_DIAL_BACK_ERROR = 101
    OK = 200


@dataclass(frozen=True, slots=True)
class DialRequest:
    """Dial the first of ``addresses`` that you are willing to, and say ``nonce`` there. An address of a kind that is
    not known here is None, so that indices stay right."""

    addresses: tuple[Address | None, ...]
    nonce: int


@dataclass(frozen=True, slots=True)
class DialResponse:
    """``index`` says which address was dialled, ``dial`` how that went."""

    status: ResponseStatus
    index: int = 0
    dial: DialStatus = DialStatus.UNUSED


@dataclass(frozen=True, slots=True)
class DialDataRequest:
    """Send ``size`` bytes first: the address at ``index`` is not where the server sees the client."""

    index: int
    size: int


@dataclass(frozen=True, slots=True)
class DialDataResponse:
    """Some of those bytes, at most 4,096."""

    data: bytes


Message: TypeAlias = DialRequest | DialResponse | DialDataRequest | DialDataResponse


_WIRE: Final = WireClasses(
    "p2plab.autonat2",
    {
        "Message": (
            "DialRequest dialRequest = 1; DialResponse dialResponse = 2; "
            "DialDataRequest dialDataRequest = 3; DialDataResponse dialDataResponse = 4"
        ),
        "DialRequest": "repeated bytes addrs = 1; fixed64 nonce = 2",
        "DialDataRequest": "uint32 addrIdx = 1; uint64 numBytes = 2",
        "DialResponse": "int32 status = 1; uint32 addrIdx = 2; int32 dialStatus = 3",
        "DialDataResponse": "bytes data = 1",
        "DialBack": "fixed64 nonce = 1",
        "DialBackResponse": "int32 status = 1",
    },
)


def encode_message(message: Message) -> bytes:
    """The protobuf of a ``Message`` with this in it, without a length in front."""
    whole = _WIRE["Message"]()
    if isinstance(message, DialRequest):
        whole.dialRequest.addrs.extend(
            address.with_peer(None).to_bytes() for address in message.addresses if address is not None
        )
        whole.dialRequest.nonce = message.nonce
    elif isinstance(message, DialResponse):
        whole.dialResponse.status = int(message.status)
        whole.dialResponse.addrIdx = message.index
        whole.dialResponse.dialStatus = int(message.dial)
    elif isinstance(message, DialDataRequest):
        whole.dialDataRequest.addrIdx, whole.dialDataRequest.numBytes = message.index, message.size
    else:
        whole.dialDataResponse.data = message.data
    data: bytes = whole.SerializeToString()
    return data


def decode_message(data: bytes) -> Message:
    """ProtocolViolation for bytes that are no message, one with none or several of the four in it, and codes that are
    not known (autonat-v2.md: responses with unknown codes are discarded)."""
    whole = _parse("Message", data)
    kinds = ("dialRequest", "dialResponse", "dialDataRequest", "dialDataResponse")
    given = [name for name in kinds if whole.HasField(name)]
    if len(given) != 1:
        raise ProtocolViolation(f"an AutoNAT message holds one of four things, and this one {given or 'none'}")
    if whole.HasField("dialRequest"):
        return _request(whole.dialRequest)
    if whole.HasField("dialResponse"):
        said = whole.dialResponse
        try:
            return DialResponse(ResponseStatus(said.status), said.addrIdx, DialStatus(said.dialStatus))
        except ValueError as error:
            raise ProtocolViolation(f"a dial response with a code that is not known: {error}") from error
    if whole.HasField("dialDataRequest"):
        return DialDataRequest(whole.dialDataRequest.addrIdx, whole.dialDataRequest.numBytes)
    return DialDataResponse(whole.dialDataResponse.data)


def _request(said: Any) -> DialRequest:
    if len(said.addrs) > MAX_ADDRESSES:
        raise ProtocolViolation(f"a dial request with {len(said.addrs)} addresses; at most {MAX_ADDRESSES} are taken")
    found: list[Address | None] = []
    for binary in said.addrs:
        try:
            found.append(address_from_bytes(binary))
        except AddressError:
            found.append(None)
    return DialRequest(tuple(found), said.nonce)


def encode_dial_back(nonce: int) -> bytes:
    """What the server says on the connection that it dialled."""
    data: bytes = _WIRE["DialBack"](nonce=nonce).SerializeToString()
    return data


def decode_dial_back(data: bytes) -> int:
    """The nonce. Raises ProtocolViolation."""
    return int(_parse("DialBack", data).nonce)


def encode_dial_back_response() -> bytes:
    """That it has come: OK, which is 0."""
    data: bytes = _WIRE["DialBackResponse"](status=0).SerializeToString()
    return data


def _parse(kind: str, data: bytes) -> Any:
    return _WIRE.read(kind, data, f"AutoNAT {kind}")


def indexed(addresses: Sequence[Address | None], index: int) -> Address:
    """The address that an answer is about. ProtocolViolation for an index that is none."""
    if not 0 <= index < len(addresses) or (found := addresses[index]) is None:
        raise ProtocolViolation(f"an answer about address {index} of {len(addresses)}")
    return found
