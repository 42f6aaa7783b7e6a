"""Identify and identify/push (libp2p/specs identify/README.md): who a node is, asked for or told.

The messages carry their length in front, as go-libp2p, js-libp2p and rust-libp2p send them. A big one may come in
several parts, to be merged as protobuf merges.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from p2plab.errors import AddressError, ProtocolViolation, ValidationError
from p2plab.identity.address import Address, address_from_bytes, parse_address
from p2plab.identity.keys import peer_id_of, unmarshal_public_key
from p2plab.identity.protobuf import WireClasses
from p2plab.stream import NetStream
from p2plab.text import decoded
from p2plab.typing import PeerId

__all__ = [
    "Identify",
    "IdentifyHandler",
    "IdentifyPushHandler",
    "decode_identify",
    "encode_identify",
    "identify",
    "identify_class",
    "push_identify",
]

# Bounds on what a peer may send; go-libp2p takes ten parts of 8 KiB.
_WHOLE: Final = 1 << 16
_PARTS: Final = 10
_ITEMS: Final = 1000
_TEXT: Final = 256  # characters of a version or a protocol id, beyond which it is cut


@dataclass(frozen=True, slots=True)
class Identify:
    """What a node says of itself. A field that is None (or empty, for the lists) was not said, which in a push means
    that it has not changed. ``observed`` is the address at which the answering node sees the asking one."""

    protocol_version: str | None = None
    agent_version: str | None = None
    public_key: bytes | None = None
    addresses: tuple[str, ...] = ()
    observed: str | None = None
    protocols: tuple[str, ...] = ()
    signed_peer_record: bytes | None = None

    def merged(self, newer: Identify) -> Identify:
        """This, with whatever a push said put in its place."""
        said = {name: value for name in self.__slots__ if (value := getattr(newer, name)) not in (None, ())}
        return replace(self, **said)


_WIRE: Final = WireClasses(
    "p2plab.identify",
    {
        "Identify": (
            "bytes publicKey = 1; repeated bytes listenAddrs = 2; repeated string protocols = 3; "
            "bytes observedAddr = 4; string protocolVersion = 5; string agentVersion = 6; "
            "bytes signedPeerRecord = 8"
        ),
    },
)


def identify_class() -> Any:
    """The protobuf class of an Identify message, for who takes bytes apart."""
    return _WIRE["Identify"]


def encode_identify(said: Identify) -> bytes:
    """The protobuf, without a length in front."""
    message = _WIRE["Identify"]()
    if said.public_key is not None:
        message.publicKey = said.public_key
    message.listenAddrs.extend(parse_address(text).with_peer(None).to_bytes() for text in said.addresses)
    message.protocols.extend(said.protocols)
    if said.observed is not None:
        message.observedAddr = parse_address(said.observed).with_peer(None).to_bytes()
    if said.protocol_version is not None:
        message.protocolVersion = said.protocol_version
    if said.agent_version is not None:
        message.agentVersion = said.agent_version
    if said.signed_peer_record is not None:
        message.signedPeerRecord = said.signed_peer_record
    data: bytes = message.SerializeToString()
    return data


def decode_identify(data: bytes, peer: PeerId) -> Identify:
    """What ``peer`` said. Addresses it got wrong, or of kinds that are not known here, are left out.

    ProtocolViolation for bytes that are no Identify message, or a public key that is not the peer's own.
    """
    message = _WIRE.read("Identify", data, "Identify message", peer)
    if message.HasField("publicKey"):
        _check_key(message.publicKey, peer)
    observed = _addresses([message.observedAddr]) if message.HasField("observedAddr") else []
    return Identify(
        protocol_version=decoded(message.protocolVersion, _TEXT) if message.HasField("protocolVersion") else None,
        agent_version=decoded(message.agentVersion, _TEXT) if message.HasField("agentVersion") else None,
        public_key=message.publicKey if message.HasField("publicKey") else None,
        addresses=tuple(str(address) for address in _addresses(message.listenAddrs[:_ITEMS])),
        observed=str(observed[0]) if observed else None,
        protocols=tuple(decoded(text, _TEXT) for text in message.protocols[:_ITEMS]),
        signed_peer_record=message.signedPeerRecord if message.HasField("signedPeerRecord") else None,
    )


def _check_key(key: bytes, peer: PeerId) -> None:
    try:
        unmarshal_public_key(key)
    except ValidationError as error:
        raise ProtocolViolation(f"{peer!r} sent an Identify message with a bad key: {error}") from error
    if peer_id_of(key) != peer:
        raise ProtocolViolation(f"{peer!r} said in identify that it has the key of {peer_id_of(key).short}")


def _addresses(binary: list[bytes]) -> list[Address]:
    found = []
    for data in binary:
        try:
            found.append(address_from_bytes(data))
        except AddressError:
            continue  # a transport that is not known here; the rest of what the peer said still counts
    return found


async def identify(stream: NetStream) -> Identify:
    """Ask: the stream is fresh, and closed afterwards. Raises ProtocolViolation, StreamError."""
    async with stream:
        return await _receive(stream)


async def push_identify(stream: NetStream, said: Identify) -> None:
    """Tell: the stream is fresh, and closed afterwards. Raises StreamError."""
    async with stream:
        await stream.write_message(encode_identify(said))


class IdentifyHandler:
    """Answers ``/ipfs/id/1.0.0``. ``describe(stream)`` gives what the node says of itself to the stream's peer."""

    def __init__(self, describe: Callable[[NetStream], Identify]) -> None:
        self._describe = describe

    async def handle(self, stream: NetStream) -> None:
        await stream.write_message(encode_identify(self._describe(stream)))


class IdentifyPushHandler:
    """Takes ``/ipfs/id/push/1.0.0``. ``learnt(stream, said)`` is called with what the peer said: only what changed."""

    def __init__(self, learnt: Callable[[NetStream, Identify], Any]) -> None:
        self._learnt = learnt

    async def handle(self, stream: NetStream) -> None:
        self._learnt(stream, await _receive(stream))


async def _receive(stream: NetStream) -> Identify:
    whole = b""
    for count in range(_PARTS + 1):
        part = await stream.read_message(_WHOLE - len(whole)) if len(whole) < _WHOLE else b""
        if part is None:
            if count == 0:
                raise ProtocolViolation(f"{stream.peer!r} closed the stream without an Identify message")
            return decode_identify(whole, stream.peer)
        whole += part
    raise ProtocolViolation(f"{stream.peer!r} sent more of an Identify message than {_PARTS} parts or {_WHOLE} bytes")
