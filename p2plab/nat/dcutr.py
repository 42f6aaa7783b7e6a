"""DCUtR, direct connection upgrade through relay (relay/DCUtR.md): two nodes behind NATs that have a relayed connection
agree on a moment, and dial each other in it.

The end at which the relayed connection came in (B) begins. It first tries the other's public addresses by itself
(connection reversal). Else CONNECT, CONNECT (whose round trip it measures), SYNC: the other (A) dials when SYNC
arrives, B half a round trip after it has sent it. Over TCP both dial; over QUIC A dials and B sends datagrams that open
its NAT. Three attempts, each with an exchange of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from p2plab.errors import AddressError, ProtocolViolation
from p2plab.identity.address import address_from_bytes, parse_address
from p2plab.identity.protobuf import WireClasses
from p2plab.stream import NetStream
from p2plab.typing import Runtime

__all__ = [
    "ATTEMPTS",
    "DCUTR_ID",
    "HolePunch",
    "Outcome",
    "Rendezvous",
    "answer_connect",
    "decode_hole_punch",
    "encode_hole_punch",
    "exchange",
    "hole_punch_class",
]

DCUTR_ID: Final = "/libp2p/dcutr"
ATTEMPTS: Final = 3
MAX_MESSAGE: Final = 4096  # bytes; DCUtR.md, "RPC messages"
STREAM_SECONDS: Final = 15.0  # the punchr campaign's NO_STREAM: none within 15 s
MAX_ADDRESSES: Final = 32
PATIENCE: Final = 5.0  # seconds; go-libp2p's dialTimeout of a hole punch, and of AutoNAT's dial back
CONNECT: Final = 100
SYNC: Final = 300

Outcome = Literal["NO_CONNECTION", "NO_STREAM", "CONNECTION_REVERSED", "CANCELLED", "FAILED", "SUCCESS"]
"""What came of it, in the words of the punchr campaign (arXiv 2510.27500)."""


@dataclass(frozen=True, slots=True)
class HolePunch:
    """``kind`` is CONNECT (100) or SYNC (300); ``addresses`` are the sender's observed ones."""

    kind: int
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rendezvous:
    """What was agreed: the other's addresses, and the round trip (seconds) that was measured."""

    addresses: tuple[str, ...]
    round_trip: float


_WIRE: Final = WireClasses(
    "p2plab.dcutr",
    {
        "HolePunch": "int32 type = 1; repeated bytes ObsAddrs = 2",
    },
)


def hole_punch_class() -> Any:
    """The protobuf class of a HolePunch message, for who takes bytes apart."""
    return _WIRE["HolePunch"]


def encode_hole_punch(message: HolePunch) -> bytes:
    """The protobuf, without a length in front."""
    whole = _WIRE["HolePunch"](type=message.kind)
    whole.ObsAddrs.extend(parse_address(text).with_peer(None).to_bytes() for text in message.addresses)
    data: bytes = whole.SerializeToString()
    return data


def decode_hole_punch(data: bytes) -> HolePunch:
    """ProtocolViolation for bytes that are no HolePunch message, or of another type than the two there are."""
    whole = _WIRE.read("HolePunch", data, "HolePunch message")
    if not whole.HasField("type") or whole.type not in (CONNECT, SYNC):
        raise ProtocolViolation(f"a HolePunch message of the unknown type {whole.type}")
    found = []
    for binary in whole.ObsAddrs[:MAX_ADDRESSES]:
        try:
            address = address_from_bytes(binary)
        except AddressError:
            continue  # of a kind not known here
        if not address.relayed and address.ip is not None:
            found.append(address.base)
    return HolePunch(whole.type, tuple(found))


async def _receive(stream: NetStream, kind: int) -> HolePunch:
    data = await stream.read_message(MAX_MESSAGE)
    if data is None:
        raise ProtocolViolation(f"{stream.peer!r} closed the stream in the middle of a hole punch")
    message = decode_hole_punch(data)
    if message.kind != kind:
        raise ProtocolViolation(f"{stream.peer!r} sent a HolePunch message of type {message.kind} instead of {kind}")
    return message


async def exchange(stream: NetStream, runtime: Runtime, addresses: Sequence[str]) -> Rendezvous:
    """B's side, up to the SYNC: it is sent when this returns, and half a round trip later is the moment to act.

    Raises ProtocolViolation, StreamError.
    """
    began = runtime.now()
    await stream.write_message(encode_hole_punch(HolePunch(CONNECT, tuple(addresses))))
    theirs = await _receive(stream, CONNECT)
    round_trip = runtime.now() - began
    await stream.write_message(encode_hole_punch(HolePunch(SYNC)))
    return Rendezvous(theirs.addresses, round_trip)


async def answer_connect(stream: NetStream, addresses: Sequence[str]) -> tuple[str, ...]:
    """A's side, until the SYNC has come: the moment to dial B's addresses, which are returned.
    Raises ProtocolViolation."""
    theirs = await _receive(stream, CONNECT)
    await stream.write_message(encode_hole_punch(HolePunch(CONNECT, tuple(addresses))))
    await _receive(stream, SYNC)
    return theirs.addresses
