"""A trace as go-libp2p-pubsub's PBTracer writes it, for its tools: events of trace.proto, each behind its length."""

from __future__ import annotations

from typing import IO, Any, Final

import base58

from p2plab.events.event import Row
from p2plab.exports.trace_proto import PAYLOADS, TRACE
from p2plab.exports.writers.selection import Selection
from p2plab.identity.varint import encode_varint

__all__ = ["write_trace"]

# The type of an event of the trace, by the kind of ours.
_TYPES: Final = {
    "pubsub.publish": 0,
    "pubsub.reject": 1,
    "pubsub.ignore": 1,
    "pubsub.duplicate": 2,
    "pubsub.deliver": 3,
    "connection.opened": 4,
    "connection.closed": 5,
    "pubsub.rpc_received": 6,
    "pubsub.rpc_sent": 7,
    "pubsub.drop": 8,
    "pubsub.subscribe": 9,
    "pubsub.unsubscribe": 10,
    "pubsub.graft": 11,
    "pubsub.prune": 12,
}
_REASONS: Final = {  # as go writes them
    "validator said reject": "validation failed",
    "validator said ignore": "validation ignored",
    "validation queue full": "validation queue full",
    "missing signature": "missing signature",
    "bad signature": "invalid signature",
    "unexpected signature": "unexpected signature",
    "own message": "self originated message",
}


def write_trace(selection: Selection, file: IO[bytes]) -> int:
    """Write the events that trace.proto has; returns how many. Times are nanoseconds of lab time. A node whose peer id
    is not known stands under an id that is its name."""
    event_class = TRACE["TraceEvent"]
    ids: dict[str, bytes] = {}

    def peer_id(index: int) -> bytes:
        name = selection.name(index)
        found = ids.get(name)
        if found is None:
            found = ids[name] = _peer_id(selection.peer_ids.get(name, name))
        return found

    nanoseconds, written = 1_000_000_000 // selection.log.resolution, 0
    for row in selection.rows():
        kind = _TYPES.get(row[2])
        if kind is None or row[3] < 0 or (kind == 8 and row[4] < 0):
            continue
        event = event_class(type=kind, peerID=peer_id(row[3]), timestamp=row[0] * nanoseconds)
        payload = getattr(event, PAYLOADS[kind])
        payload.SetInParent()
        _fill(payload, kind, row, peer_id)
        data = event.SerializeToString()
        file.write(encode_varint(len(data)) + data)
        written += 1
    return written


def _fill(payload: Any, kind: int, row: Row, peer_id: Any) -> None:
    peer, topic, ref, reason = row[4], row[5], row[6], row[8]
    if kind <= 3:
        payload.messageID = _message_id(ref or "")
    if topic is not None and kind not in (4, 5, 6, 7, 8):
        if kind == 0:
            payload.topic.append(topic.encode("utf-8", "surrogatepass"))
        else:
            payload.topic = topic.encode("utf-8", "surrogatepass")
    if kind == 1 and reason:
        payload.reason = _REASONS.get(reason, reason).encode()
    if kind in (1, 2, 3):
        payload.receivedFrom = peer_id(peer if peer >= 0 else row[3])
    elif kind in (4, 5, 11, 12) and peer >= 0:
        payload.peerID = peer_id(peer)
    elif kind == 6 and peer >= 0:
        payload.receivedFrom = peer_id(peer)
    elif kind in (7, 8):
        payload.sendTo = peer_id(peer)


def _message_id(ref: str) -> bytes:
    try:
        return bytes.fromhex(ref)
    except ValueError:
        return ref.encode("utf-8", "surrogatepass")


def _peer_id(text: str) -> bytes:
    """The bytes of a peer id, or of a name: then the name itself, as the identity multihash."""
    if text.startswith(("12D3Koo", "16Uiu2", "Qm")):
        try:
            return base58.b58decode(text)
        except ValueError:
            pass
    name = text.encode("utf-8", "surrogatepass")[:120]
    return b"\x00" + encode_varint(len(name)) + name
