"""The messages of the DHT: what travels, its size, and its bytes (kad-dht/README.md, "RPC messages").

- Inside a world a message names peers by index and is handed over as it is; nothing changes one after it was made.
- ``message_size`` reckons the size on the wire from lengths alone, so that a simulated link can charge for it without
  anything being encoded; it equals ``len(encode_message(...))``, which a property test holds.
- ``decode_message`` trusts nothing: sizes, the number of peers and of addresses are bounded, ids and addresses that are
  none are left out, and what is not a message at all is a ProtocolViolation.
- As proto3 does, fields that hold their default are not written.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from p2plab.errors import AddressError, PeerIdError, ProtocolViolation
from p2plab.identity.address import address_from_bytes, parse_address
from p2plab.identity.protobuf import WireClasses
from p2plab.identity.varint import field_size
from p2plab.kademlia.key import KeySpace
from p2plab.text import plural

__all__ = [
    "ADD_PROVIDER",
    "FIND_NODE",
    "GET_PROVIDERS",
    "GET_VALUE",
    "MAX_ADDRESSES",
    "MAX_CLOSER_PEERS",
    "PING",
    "PUT_VALUE",
    "SILENCE",
    "TYPE_NAMES",
    "DhtMessage",
    "DhtRecord",
    "Provider",
    "decode_message",
    "encode_message",
    "judged",
    "meaning",
    "message_class",
    "message_size",
    "type_name",
]

PUT_VALUE, GET_VALUE, ADD_PROVIDER, GET_PROVIDERS, FIND_NODE, PING = range(6)
TYPE_NAMES: Final = ("PUT_VALUE", "GET_VALUE", "ADD_PROVIDER", "GET_PROVIDERS", "FIND_NODE", "PING")

MAX_CLOSER_PEERS: Final = 40  # taken from one answer: k is 20, and a few implementations add the target itself
MAX_ADDRESSES: Final = 16  # taken of one peer
_MAX_SKIPPED: Final = 256  # entries looked at for those that are peers

Provider = tuple[int, tuple[str, ...]]
"""A peer that provides something and the addresses given with it."""


def type_name(number: int) -> str:
    """The name of a message type, or its number where the specification has none."""
    return TYPE_NAMES[number] if 0 <= number < len(TYPE_NAMES) else f"type {number}"


class DhtRecord:
    """A value under a key. ``received`` is the date at which the sender got it, as RFC 3339 text; empty: not said."""

    __slots__ = ("key", "received", "value")

    def __init__(self, key: bytes, value: bytes, received: str = "") -> None:
        self.key = key
        self.value = value
        self.received = received

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DhtRecord) and (self.key, self.value, self.received) == (
            other.key,
            other.value,
            other.received,
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Record {self.key!r}: {plural(len(self.value), 'byte')}>"


class DhtMessage:
    """A request or an answer. ``closer`` are peers nearer to the key, ``providers`` who provides it; ``addresses`` are
    those that came with ``closer`` from the wire (inside a world, the address book has them)."""

    __slots__ = ("addresses", "closer", "key", "providers", "record", "type")

    def __init__(
        self,
        type: int,
        key: bytes = b"",
        record: DhtRecord | None = None,
        closer: Sequence[int] = (),
        providers: Sequence[Provider] = (),
        addresses: Mapping[int, Sequence[str]] | None = None,
    ) -> None:
        self.type = type
        self.key = key
        self.record = record
        self.closer = closer
        self.providers = providers
        self.addresses = addresses

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DhtMessage) and (
            (self.type, self.key, self.record, list(self.closer), list(self.providers))
            == (other.type, other.key, other.record, list(other.closer), list(other.providers))
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        parts = [type_name(self.type)]
        if self.record is not None:
            parts.append(repr(self.record))
        if self.closer:
            parts.append(plural(len(self.closer), "peer"))
        if self.providers:
            parts.append(plural(len(self.providers), "provider"))
        return f"<{' '.join(parts)}>"


SILENCE: Final = DhtMessage(-1)
"""In an answer's place: the request was taken, nothing is said to it, and the stream stays open for the next one."""


# -- what an answer, or none, says


def judged(request: DhtMessage, reply: DhtMessage | None) -> tuple[DhtMessage | None, str]:
    """A reply as an operation takes it; or None, and why it is no answer to the request. Most servers say nothing to an
    ADD_PROVIDER: that is an answer."""
    if reply is None:
        return (
            (DhtMessage(ADD_PROVIDER, request.key), "") if request.type == ADD_PROVIDER else (None, "no answer given")
        )
    return (reply, "") if reply.type == request.type else (None, "bad answer")


def meaning(request: DhtMessage, why: str) -> str:
    """What the failure of a request says: servers do not answer, or reset the stream, to say that they do not take a
    record."""
    return "record refused" if request.type == PUT_VALUE and why in ("no answer given", "stream broken") else why


# -- sizes


def _peer_size(peer: int, addresses: Sequence[str], space: KeySpace) -> int:
    inside = field_size(len(space.binary(peer)))
    for address in addresses[:MAX_ADDRESSES]:
        inside += field_size(len(_address_bytes(address)))
    return field_size(inside)


def message_size(message: DhtMessage, space: KeySpace) -> int:
    """Bytes of the message on the wire, without the length in front of it."""
    size = 2 if message.type else 0
    if message.key:
        size += field_size(len(message.key))
    record = message.record
    if record is not None:
        inside = 0
        for part in (record.key, record.value, record.received.encode()):
            if part:
                inside += field_size(len(part))
        size += field_size(inside)
    known = space.wire_sizes
    for peer in message.closer:
        of_peer = known.get(peer)
        if of_peer is None:
            of_peer = known[peer] = _peer_size(peer, space.addresses(peer), space)
        size += of_peer
    for peer, addresses in message.providers:
        size += _peer_size(peer, addresses, space)
    return size


@functools.lru_cache(maxsize=65_536)
def _address_bytes(text: str) -> bytes:
    """A multiaddr in binary without the peer id at its end, which the message says beside it."""
    return parse_address(text).with_peer(None).to_bytes()


# -- bytes


_WIRE: Final = WireClasses(
    "p2plab.kad",
    {
        "Record": "bytes key = 1; bytes value = 2; bytes timeReceived = 5",
        "Peer": "bytes id = 1; repeated bytes addrs = 2; int32 connection = 3",
        "Message": (
            "int32 type = 1; bytes key = 2; Record record = 3; repeated Peer closerPeers = 8; "
            "repeated Peer providerPeers = 9; int32 clusterLevelRaw = 10"
        ),
    },
)


def message_class() -> Any:
    """The protobuf class of a message, for who takes bytes apart."""
    return _WIRE["Message"]


def encode_message(message: DhtMessage, space: KeySpace) -> bytes:
    """The message as bytes, without the length in front. Addresses of ``closer`` are those that ``space`` knows."""
    out = _WIRE["Message"]()
    if message.type:
        out.type = message.type
    if message.key:
        out.key = message.key
    if message.record is not None:
        out.record.SetInParent()
        if message.record.key:
            out.record.key = message.record.key
        if message.record.value:
            out.record.value = message.record.value
        if message.record.received:
            out.record.timeReceived = message.record.received.encode()
    for peer in message.closer:
        _write_peer(out.closerPeers.add(), peer, space.addresses(peer), space)
    for peer, addresses in message.providers:
        _write_peer(out.providerPeers.add(), peer, addresses, space)
    data: bytes = out.SerializeToString()
    return data


def _write_peer(out: Any, peer: int, addresses: Sequence[str], space: KeySpace) -> None:
    out.id = space.binary(peer)
    out.addrs.extend(_address_bytes(address) for address in addresses[:MAX_ADDRESSES])


class MessageLimits(Protocol):
    """What of a peer's message is too much; DhtParams has them."""

    @property
    def max_message_size(self) -> int: ...

    @property
    def max_key_size(self) -> int: ...

    @property
    def max_providers_per_key(self) -> int: ...


def decode_message(data: bytes, space: KeySpace, params: MessageLimits) -> DhtMessage:
    """The message in these bytes of a peer. ProtocolViolation for what is none, or over the limits of ``params``."""
    from google.protobuf.message import DecodeError

    limit = params.max_message_size
    if len(data) > limit:
        raise ProtocolViolation(f"a DHT message of {len(data)} bytes is over the limit of {limit} (max_message_size)")
    read = _WIRE["Message"]()
    try:
        read.ParseFromString(data)
    except DecodeError as error:
        raise ProtocolViolation(f"{data[:40].hex()} is not a DHT message: {error}") from error
    if len(read.key) > params.max_key_size:
        raise ProtocolViolation(f"a key of {len(read.key)} bytes is over the limit of {params.max_key_size}")
    record = None
    if read.HasField("record"):
        received = read.record.timeReceived[:64].decode("ascii", "replace")
        record = DhtRecord(read.record.key, read.record.value, received)
    closer = _read_peers(read.closerPeers, MAX_CLOSER_PEERS, space)
    providers = _read_peers(read.providerPeers, params.max_providers_per_key, space)
    return DhtMessage(read.type, read.key, record, tuple(closer), tuple(providers.items()), closer)


def _read_peers(entries: Any, limit: int, space: KeySpace) -> dict[int, tuple[str, ...]]:
    """The first ``limit`` entries that are peers, each once, with their addresses as text."""
    found: dict[int, tuple[str, ...]] = {}
    for entry in entries[: limit + _MAX_SKIPPED]:
        if len(found) >= limit:
            break
        try:
            peer = space.index(entry.id)
        except PeerIdError:
            continue
        if peer not in found:
            found[peer] = _read_addresses(entry.addrs[:MAX_ADDRESSES])
    return found


def _read_addresses(addresses: Sequence[bytes]) -> tuple[str, ...]:
    texts = []
    for data in addresses:
        try:
            texts.append(str(address_from_bytes(data)))
        except AddressError:
            continue
    return tuple(texts)
