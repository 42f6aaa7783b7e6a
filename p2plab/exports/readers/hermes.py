"""Rows of Hermes' tables (probe-lab/hermes, ``host/parquet_traces.go``): what one node of its own sees of a network.

Every row has ``timestamp`` (milliseconds), ``type`` and ``producer_id``. Tables have ``sub_type`` (add_peer, graft,
deliver_msg...), ``remote_peer_id``, ``topic``, ``msg_id``; of RPCs a row (``control_rpc``) counts what was in them.
What has no table of its own is in ``generic``, with a JSON text as ``payload``: publications, validations, scores.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, Final

from p2plab.exports.readers.building import LogBuilder
from p2plab.exports.readers.cells import text, whole

__all__ = ["HERMES", "Hermes"]

HERMES: Final = ("timestamp", "type", "producer_id")
MOST_PAYLOAD: Final = 1 << 20
_KINDS: Final = {
    "add_peer": "connection.opened",
    "remove_peer": "connection.closed",
    "graft": "pubsub.graft",
    "prune": "pubsub.prune",
    "deliver_msg": "pubsub.deliver",
    "duplicated_msg": "pubsub.duplicate",
    "reject_msg": "pubsub.reject",
    "join_topic": "pubsub.subscribe",
    "leave_topic": "pubsub.unsubscribe",
}
_RPCS: Final = {"in": "pubsub.rpc_received", "out": "pubsub.rpc_sent", "drop": "pubsub.drop"}
_COUNTS: Final = {"ihaves": "ihave", "iwants": "iwant", "idontwants": "idontwant", "sent_msgs": "messages"}
# Parts of an RPC that its own row counts, and steps before and after a delivery.
_PARTS: Final = ("ihave", "iwant", "idontwant", "sent_msg", "peer_exchange")
_STEPS: Final = ("HANDLE_MESSAGE", "UNDELIVERABLE_MESSAGE", "THROTTLE_PEER")
NOTES: Final = (
    "Hermes records what one node of its own sees: a message of others begins with its first arrival there, and "
    "nobody's deliveries but its own are known.",
    "Times are in whole milliseconds, and no causes are recorded; sizes are of whole encoded messages.",
    "An RPC's row counts its IHAVEs, IWANTs and IDONTWANTs, not the ids in them, and of what came in no messages.",
)


class Hermes:
    """Takes rows. ``columns``: those of all tables: connections are told with who dialled where there is a table of
    them, and else by when gossip began with the peer."""

    def __init__(self, builder: LogBuilder, columns: set[str]) -> None:
        self._builder = builder
        self._connections = "remote_peer_maddrs" in columns
        self._noted = False

    def take(self, row: dict[str, Any]) -> None:
        """One row."""
        if not self._noted:
            self._noted = True
            for note in NOTES:
                self._builder.note(note)
        at, kind, node = whole(row.get("timestamp")), text(row.get("type")), text(row.get("producer_id"))
        if at is None or not node:
            return
        at *= 1_000_000
        if kind == "control_rpc":
            self._rpc(at, node, row)
        elif kind == "connect_disconnect":
            self._connection(at, node, row)
        elif "payload" in row:
            self._generic(at, kind, node, row)
        elif text(row.get("sub_type")) in _KINDS:
            self._told(at, node, row)
        elif kind not in _PARTS and text(row.get("sub_type")) not in ("handle_msg", "validate_msg"):
            self._builder.note("Rows of types that p2plab does not know were left out.")

    def _rpc(self, at: int, node: str, row: dict[str, Any]) -> None:
        kind = _RPCS.get(text(row.get("direction")))
        counts = {name: whole(row.get(column)) for column, name in _COUNTS.items()}
        if kind is not None:
            data = {name: count for name, count in counts.items() if count}
            reason = "queue full" if kind == "pubsub.drop" else ""
            self._builder.add(at, kind, node, text(row.get("remote_peer_id")), reason=reason, data=data)

    def _connection(self, at: int, node: str, row: dict[str, Any]) -> None:
        peer, opened = text(row.get("remote_peer_id")), text(row.get("sub_type")) == "connect_peer"
        if not opened and text(row.get("sub_type")) != "disconnect_peer":
            return
        self._builder.agent_of(peer, text(row.get("agent_version")), text(row.get("remote_peer_maddrs")))
        direction = text(row.get("direction")).lower()
        data = {"direction": direction} if opened and direction in ("inbound", "outbound") else None
        self._builder.add(at, "connection.opened" if opened else "connection.closed", node, peer, data=data)

    def _told(self, at: int, node: str, row: dict[str, Any]) -> None:
        kind, peer = _KINDS[text(row.get("sub_type"))], text(row.get("remote_peer_id"))
        if self._connections and kind.startswith("connection."):
            return
        topic, ref, size = text(row.get("topic")), text(row.get("msg_id")), whole(row.get("msg_size"))
        peer = "" if peer == node else peer
        if kind == "pubsub.deliver" and peer:
            self._builder.add(at, "pubsub.receive", node, peer, topic, ref, size)
        self._builder.add(at, kind, node, peer, topic, ref, size)

    def _generic(self, at: int, kind: str, node: str, row: dict[str, Any]) -> None:
        said = _payload(row.get("payload"))
        ref, topic = _string(said.get("MsgID")), _string(said.get("Topic"))
        peer = _string(said.get("PeerID"))
        if kind == "PUBLISH_MESSAGE":
            ref = _unpacked(ref)
            self._builder.topic_of(ref, topic)
            self._builder.add(at, "pubsub.publish", node, topic=topic, ref=ref)
        elif kind == "VALIDATE_MESSAGE" and peer != node:
            self._builder.add(at, "pubsub.receive", node, peer, topic, ref, whole(said.get("MsgSize")))
        elif kind == "PEERSCORE" and peer:
            score = said.get("Score")
            if isinstance(score, (int, float)) and not isinstance(score, bool) and abs(score) < 1e15:
                self._builder.score(at, node, peer, float(score))
        elif kind not in (*_STEPS, "VALIDATE_MESSAGE"):
            self._builder.note("Rows of types that p2plab does not know were left out.")


def _payload(value: Any) -> dict[str, Any]:
    raw = text(value)
    if len(raw) > MOST_PAYLOAD:
        return {}
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _unpacked(ref: str) -> str:
    """The id of a publication, which alone is in base64, as the others are written."""
    try:
        return base64.b64decode(ref, validate=True).hex()
    except (binascii.Error, ValueError):
        return ref
