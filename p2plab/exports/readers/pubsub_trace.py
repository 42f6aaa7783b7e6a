"""Traces of go-libp2p-pubsub: what its PBTracer and its JSONTracer write, in both generations of trace.proto.

A protobuf trace is events (or batches of them), each behind its length as a varint; a JSON trace is the same events,
one a line, with bytes in base64. Both may be compressed by gzip.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final, cast

import base58

from p2plab.errors import EventLogError
from p2plab.events import EventLog
from p2plab.exports.readers.building import LogBuilder, reading
from p2plab.exports.trace_proto import PAYLOADS, RENAMED, TRACE, TYPES

__all__ = ["fits_json", "fits_protobuf", "read_json", "read_protobuf"]

_REPEATED: Final = {
    (message, name) for message, fields in TRACE.fields.items() for label, _, name, _ in fields if label == "repeated"
}
MOST_RECORD: Final = 16 << 20  # bytes of one event or batch
_IGNORED: Final = ("validation ignored", "validation throttled", "validation queue full")
REASONS: Final = {
    "validation failed": "validator said reject",
    "validation ignored": "validator said ignore",
    "validation queue full": "validation queue full",
    "missing signature": "missing signature",
    "invalid signature": "bad signature",
    "unexpected signature": "unexpected signature",
    "self originated message": "own message",
}
NO_CAUSES: Final = "The trace names no causes: what led to an event is told only where a receipt led to a delivery."
NO_SIZES: Final = "The trace has no sizes of messages."
NOREASONS: Final = "The trace does not say why a peer was grafted or pruned."
NO_DIRECTION: Final = "A connection is there from when a peer is added until it is removed; who dialled is not told."


def fits_protobuf(head: bytes) -> bool:
    """Whether a file that begins so is a protobuf trace: its first record is an event with a type and a timestamp."""
    try:
        size, at = _varint(head, 0)
        if not 4 <= size <= MOST_RECORD:
            return False
        record = head[at : at + size]
        if record[:1] == b"\x0a":  # a batch: its first event
            size, begin = _varint(record, 1)
            record = record[begin : begin + size]
        if record[:1] != b"\x08" or record[1] >= len(TYPES) or record[2:3] != b"\x12":
            return False
        size, begin = _varint(record, 3)
        return record[begin + size : begin + size + 1] == b"\x18"
    except IndexError:
        return False


def fits_json(head: bytes) -> bool:
    """Whether a file that begins so is a JSON trace."""
    line = head.lstrip().split(b"\n", 1)[0]
    return (
        line.startswith(b"{")
        and b'"timestamp"' in line
        and any(f'"{name}"'.encode() in line for name in (*PAYLOADS, *RENAMED))
    )


def read_protobuf(path: Path) -> EventLog:
    """A trace as PBTracer writes it. One that is cut gives what there is, with a warning."""
    return _read(path, _records)


def read_json(path: Path) -> EventLog:
    """A trace as JSONTracer writes it."""
    return _read(path, _lines)


def _read(path: Path, records: Callable[[IO[bytes], list[str]], Iterator[Any]]) -> EventLog:
    builder, stopped, done = LogBuilder(), [""], [0]
    translation = _Translation(builder)
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        with reading(path, done):
            try:
                file: IO[bytes] = cast("IO[bytes]", gzip.open(raw)) if packed else raw
                for event in records(file, stopped):
                    translation.take(event)
                    done[0] = raw.tell()
                    if builder.full:
                        break
            except (EOFError, OSError, zlib.error) as error:
                stopped[0] = f"the compressed data ends ({error})"
    for note in (NO_CAUSES, NO_SIZES, NOREASONS, NO_DIRECTION):
        builder.note(note)
    if not translation.says_senders:
        builder.note(
            "Deliveries do not say from whom: it is the first RPC that brought the message, where RPCs are traced."
        )
    if not len(builder) and stopped[0]:
        raise EventLogError(f"{path} cannot be read: {stopped[0]}")
    log = builder.log(path.name)
    if stopped[0]:
        warnings.warn(f"{path} stops short: {stopped[0]}; the {len(log)} events before it were loaded", stacklevel=5)
    return log


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise IndexError("no varint")


def _records(file: IO[bytes], stopped: list[str]) -> Iterator[Any]:
    from google.protobuf.message import DecodeError

    classes = TRACE
    event_class, batch_class = classes["TraceEvent"], classes["TraceEventBatch"]
    number = 0
    while True:
        size = shift = 0
        while True:
            byte = file.read(1)
            if not byte:
                if shift:
                    stopped[0] = f"the length of record {number} is cut"
                return
            size |= (byte[0] & 0x7F) << shift
            shift += 7
            if byte[0] < 0x80:
                break
            if shift > 35:
                stopped[0] = f"record {number} has no length"
                return
        if size > MOST_RECORD:
            stopped[0] = f"record {number} would have {size} bytes"
            return
        data = file.read(size)
        if len(data) < size:
            stopped[0] = f"record {number} is cut"
            return
        try:
            if data[:1] == b"\x0a":
                yield from batch_class.FromString(data).batch
            else:
                yield event_class.FromString(data)
        except DecodeError as error:
            stopped[0] = f"record {number} cannot be decoded ({error})"
            return
        number += 1


def _lines(file: IO[bytes], stopped: list[str]) -> Iterator[Any]:
    event_class = TRACE["TraceEvent"]
    for number, line in enumerate(iter(lambda: file.readline(MOST_RECORD), b""), start=1):
        if not line.strip():
            continue
        try:
            said = {RENAMED.get(name, name): value for name, value in json.loads(line).items()}
            yield _filled(event_class(), said)
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError, binascii.Error) as error:
            stopped[0] = f"line {number} is no event ({error})"
            return


def _filled(message: Any, said: dict[str, Any]) -> Any:
    """A message of what JSON says, as Go writes it: bytes in base64, texts as they are, fields with or without s."""
    for field in message.DESCRIPTOR.fields:
        value = said.get(field.name, said.get(f"{field.name}s"))
        if value is None:
            continue
        repeats = (message.DESCRIPTOR.name, field.name) in _REPEATED
        for one in value if isinstance(value, list) else [value]:
            if field.message_type is not None:
                into = getattr(message, field.name)
                _filled(into.add() if repeats else into, one)
                continue
            if field.name == "type":
                one = TYPES.index(RENAMED.get(one, one)) if isinstance(one, str) else one
            elif field.type == field.TYPE_BYTES:
                is_text = field.name in ("topic", "reason", "proto")
                one = one.encode("utf-8", "surrogatepass") if is_text else base64.b64decode(one, validate=True)
            if repeats:
                getattr(message, field.name).append(one)
            else:
                setattr(message, field.name, one)
        if field.message_type is not None and not repeats:
            getattr(message, field.name).SetInParent()
    return message


class _Translation:
    """Events of the trace as events of ours."""

    def __init__(self, builder: LogBuilder) -> None:
        self._builder = builder
        self._peers: dict[bytes, str] = {}
        self._seen: set[tuple[bytes, bytes]] = set()  # node and message, of RPCs that brought it first
        self.says_senders = False

    def _peer(self, raw: bytes) -> str:
        name = self._peers.get(raw)
        if name is None:
            name = self._peers[raw] = base58.b58encode(raw[:128]).decode()
        return name

    def take(self, event: Any) -> None:
        kind = event.type
        if not 0 <= kind < len(TYPES) or not event.HasField(PAYLOADS[kind]):
            self._builder.note("Events of kinds that p2plab does not know were left out.")
            return
        node = self._peer(event.peerID)
        _TAKERS[kind](self, event.timestamp, node, event.peerID, getattr(event, PAYLOADS[kind]))

    def _published(self, at: int, node: str, raw: bytes, said: Any) -> None:
        topic, ref = _text(said.topic[0]) if said.topic else "", said.messageID.hex()
        self._builder.topic_of(ref, topic)
        self._builder.add(at, "pubsub.publish", node, topic=topic, ref=ref)

    def _rejected(self, at: int, node: str, raw: bytes, said: Any) -> None:
        reason = _text(said.reason)
        kind = "pubsub.ignore" if reason in _IGNORED else "pubsub.reject"
        self._about(at, kind, node, raw, said, REASONS.get(reason, reason))

    def _duplicate(self, at: int, node: str, raw: bytes, said: Any) -> None:
        self._about(at, "pubsub.duplicate", node, raw, said)

    def _delivered(self, at: int, node: str, raw: bytes, said: Any) -> None:
        sender = said.receivedFrom
        self.says_senders = self.says_senders or bool(sender)
        if sender and sender != raw and (raw, said.messageID) not in self._seen:
            self._seen.add((raw, said.messageID))
            self._about(at, "pubsub.receive", node, raw, said)
        self._about(at, "pubsub.deliver", node, raw, said)

    def _about(self, at: int, kind: str, node: str, raw: bytes, said: Any, reason: str = "") -> None:
        topic, ref, sender = _text(said.topic), said.messageID.hex(), said.receivedFrom
        self._builder.topic_of(ref, topic)
        peer = self._peer(sender) if sender and sender != raw else ""
        self._builder.add(at, kind, node, peer, topic, ref, reason=reason)

    def _added(self, at: int, node: str, raw: bytes, said: Any) -> None:
        data = {"protocol": _text(said.proto)} if said.proto else None
        self._builder.add(at, "connection.opened", node, self._peer(said.peerID), data=data)

    def _removed(self, at: int, node: str, raw: bytes, said: Any) -> None:
        self._builder.add(at, "connection.closed", node, self._peer(said.peerID))

    def _received(self, at: int, node: str, raw: bytes, said: Any) -> None:
        peer = self._peer(said.receivedFrom)
        self._builder.add(at, "pubsub.rpc_received", node, peer, data=_contents(said.meta))
        for message in said.meta.messages:
            topic, ref = _text(message.topic[0]) if message.topic else "", message.messageID.hex()
            self._builder.topic_of(ref, topic)
            if (raw, message.messageID) not in self._seen:
                self._seen.add((raw, message.messageID))
                self._builder.add(at, "pubsub.receive", node, peer, topic, ref)

    def _sent(self, at: int, node: str, raw: bytes, said: Any) -> None:
        self._builder.add(at, "pubsub.rpc_sent", node, self._peer(said.sendTo), data=_contents(said.meta))

    def _dropped(self, at: int, node: str, raw: bytes, said: Any) -> None:
        self._builder.add(
            at, "pubsub.drop", node, self._peer(said.sendTo), reason="queue full", data=_contents(said.meta)
        )

    def _joined(self, at: int, node: str, raw: bytes, said: Any) -> None:
        self._builder.add(at, "pubsub.subscribe", node, topic=_text(said.topic))

    def _left(self, at: int, node: str, raw: bytes, said: Any) -> None:
        self._builder.add(at, "pubsub.unsubscribe", node, topic=_text(said.topic))

    def _completed(self, at: int, node: str, raw: bytes, said: Any) -> None:
        """An RPC was written; that it was sent is an event before it, or in the newest versions none."""

    def _grafted(self, at: int, node: str, raw: bytes, said: Any) -> None:
        self._builder.add(at, "pubsub.graft", node, self._peer(said.peerID), _text(said.topic))

    def _pruned(self, at: int, node: str, raw: bytes, said: Any) -> None:
        self._builder.add(at, "pubsub.prune", node, self._peer(said.peerID), _text(said.topic))


_TAKERS: Final = (
    *(_Translation._published, _Translation._rejected, _Translation._duplicate, _Translation._delivered),
    *(_Translation._added, _Translation._removed, _Translation._received, _Translation._sent, _Translation._dropped),
    *(_Translation._joined, _Translation._left, _Translation._grafted, _Translation._pruned, _Translation._completed),
)


def _contents(meta: Any) -> dict[str, Any]:
    """How many of each an RPC has."""
    control = meta.control
    counts = {
        "messages": len(meta.messages),
        "subscriptions": len(meta.subscription),
        "ihave": sum(len(one.messageIDs) for one in control.ihave),
        "iwant": sum(len(one.messageIDs) for one in control.iwant),
        "graft": len(control.graft),
        "prune": len(control.prune),
        "idontwant": sum(len(one.messageIDs) for one in control.idontwant),
    }
    return {name: count for name, count in counts.items() if count}


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
