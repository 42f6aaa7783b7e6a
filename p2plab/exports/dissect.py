"""A frame taken apart: which of its bytes are which field, by the wire formats that the cores speak.

- Outermost is the muxer's frame (yamux/README.md); in its body the messages of the stream's protocol: pubsub RPCs, DHT
  messages, identify, relay v2, DCUtR, Bitswap, and lines of multistream-select. What is none of these is left as data.
- It trusts nothing: what cannot be read ends the field that holds it, and nothing is raised. Depth and number of
  fields are bounded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from p2plab.constants import FLOODSUB_ID, IDENTIFY_ID, IDENTIFY_PUSH_ID
from p2plab.stream.framing.yamux import HEADER_SIZE, parse_header

__all__ = ["MAX_FIELDS", "ByteField", "dissect"]

MAX_FIELDS: Final = 400
MAX_DEPTH: Final = 8
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SHOWN: Final = 48  # bytes of a value that are told


class ByteField(NamedTuple):
    """Bytes ``start`` up to ``end`` of a frame: what they are called, and what they say. Fields of a larger ``depth``
    lie in the field before them."""

    start: int
    end: int
    depth: int
    name: str
    value: str


def dissect(data: bytes, protocol: str = "") -> list[ByteField]:
    """The fields of a Yamux frame whose stream speaks ``protocol`` ("" where that is not known), outer fields first.

    >>> [field.name for field in dissect(frame, "/meshsub/1.1.0")][:5]
    ['version', 'type', 'flags', 'stream', 'length']
    """
    header = parse_header(data)
    if header is None:
        return [ByteField(0, len(data), 0, "data", _text(data))] if data else []
    flags = " ".join(header.flags) or "none"
    fields = [
        ByteField(0, 1, 0, "version", str(data[0])),
        ByteField(1, 2, 0, "type", header.type),
        ByteField(2, 4, 0, "flags", flags),
        ByteField(4, 8, 0, "stream", str(header.stream)),
        ByteField(8, 12, 0, "length", str(header.length)),
    ]
    if HEADER_SIZE < len(data):
        _stream(fields, data, HEADER_SIZE, protocol)
    return fields[:MAX_FIELDS]


def _stream(fields: list[ByteField], data: bytes, start: int, protocol: str) -> None:
    """The messages in a stream's bytes, each after its length; the last may be cut off."""
    class_of = _class_for(protocol)
    at = start
    while at < len(data) and len(fields) < MAX_FIELDS:
        length, body = _varint(data, at, len(data))
        if length is None or not length or body + length > len(data):
            break
        if data[body + length - 1 : body + length] == b"\n" and data[body : body + 1] in (b"/", b"n", b"l"):
            fields.append(ByteField(at, body, 0, "length", str(length)))
            fields.append(
                ByteField(body, body + length, 0, "multistream-select", _text(data[body : body + length - 1]))
            )
        elif class_of is not None:
            descriptor = class_of().DESCRIPTOR
            fields.append(ByteField(at, body, 0, "length", str(length)))
            fields.append(ByteField(body, body + length, 0, descriptor.name, f"{length} bytes"))
            _message(fields, data, body, body + length, descriptor, 1)
        else:
            break
        at = body + length
    if at < len(data):
        known = class_of is not None
        fields.append(ByteField(at, len(data), 0, "part of a message" if known else "data", _text(data[at:])))


def _message(fields: list[ByteField], data: bytes, at: int, end: int, descriptor: Any, depth: int) -> None:
    """The fields of a protobuf message, with the names that its schema gives them."""
    while at < end and len(fields) < MAX_FIELDS:
        tag, after = _varint(data, at, end)
        if tag is None:
            fields.append(ByteField(at, end, depth, "unreadable", _text(data[at:end])))
            return
        number, kind = tag >> 3, tag & 7
        field = descriptor.fields_by_number.get(number) if descriptor is not None else None
        name = f"field {number}" if field is None else str(field.name)
        inner = None if field is None else field.message_type
        start, stop, said = _value(data, after, end, kind, inner is not None)
        if stop is None:
            fields.append(ByteField(at, end, depth, name, "cut off or unreadable"))
            return
        fields.append(ByteField(at, stop, depth, name, said))
        if inner is not None and kind == _BYTES and depth < MAX_DEPTH:
            _message(fields, data, start, stop, inner, depth + 1)
        at = stop


def _value(data: bytes, at: int, end: int, kind: int, is_message: bool) -> tuple[int, int | None, str]:
    """Where a value begins and ends, and what it says; no end where it cannot be read."""
    if kind == _VARINT:
        value, stop = _varint(data, at, end)
        return at, None if value is None else stop, str(value)
    if kind in (_FIXED64, _FIXED32):
        stop = at + (8 if kind == _FIXED64 else 4)
        return at, stop if stop <= end else None, str(int.from_bytes(data[at:stop], "little"))
    if kind == _BYTES:
        length, start = _varint(data, at, end)
        if length is None or start + length > end:
            return start, None, ""
        return start, start + length, f"{length} bytes" if is_message else _text(data[start : start + length])
    return at, None, ""


def _varint(data: bytes, at: int, end: int) -> tuple[int | None, int]:
    """An unsigned varint of at most ten bytes, and where what follows begins; None where there is none."""
    value = 0
    for place in range(at, min(at + 10, end)):
        value |= (data[place] & 0x7F) << (7 * (place - at))
        if data[place] < 0x80:
            return value, place + 1
    return None, at


def _text(value: bytes) -> str:
    """Bytes as text where they are printable, else in hex; bounded."""
    kept = value[:_SHOWN]
    more = f" … {len(value)} bytes" if len(value) > _SHOWN else ""
    try:
        text = kept.decode("utf-8", "strict")
    except UnicodeDecodeError:
        text = ""
    if text and text.isprintable():
        return f"“{text}”{more}"
    return f"{kept.hex()}{more}" if value else "empty"


def _class_for(protocol: str) -> Callable[[], Any] | None:
    """The root of the messages that a protocol's streams carry; None where it is not known here."""
    if protocol.startswith("/meshsub/") or protocol == FLOODSUB_ID:
        from p2plab.pubsub.rpc import rpc_class

        return rpc_class
    if protocol.endswith(("/kad/1.0.0", "/kad/2.0.0")):
        from p2plab.kademlia.messages import message_class

        return message_class
    if protocol in (IDENTIFY_ID, IDENTIFY_PUSH_ID):
        from p2plab.protocols.identify import identify_class

        return identify_class
    if protocol.startswith("/libp2p/circuit/relay/0.2.0/"):
        from p2plab.nat.relay_messages import hop_class, stop_class

        return stop_class if protocol.endswith("/stop") else hop_class
    if protocol == "/libp2p/dcutr":
        from p2plab.nat.dcutr import hole_punch_class

        return hole_punch_class
    if protocol.startswith("/ipfs/bitswap"):
        from p2plab.content.bitswap.messages import bitswap_class

        return bitswap_class
    return None
