"""Rows of Xatu's tables (ethpandaops/xatu, ``deploy/migrations/clickhouse``), a family each: ``libp2p_graft``...

All have ``event_date_time`` (milliseconds) and ``meta_client_name``, the node that recorded; a peer is a hash of its id
(``peer_id_unique_key``, ``remote_peer_id_unique_key``), which ``libp2p_peer`` names. A topic is in four columns.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from p2plab.errors import EventLogError
from p2plab.exports.readers.building import LogBuilder
from p2plab.exports.readers.cells import moment, text, whole
from p2plab.exports.readers.hermes import HERMES
from p2plab.exports.readers.pubsub_trace import REASONS

__all__ = ["XATU", "Xatu", "family_of"]

XATU: Final = ("event_date_time", "meta_client_name")
MOST_RPCS: Final = 1_000_000  # RPCs whose contents wait for the row of the RPC itself
_KINDS: Final = {
    "add_peer": "connection.opened",
    "remove_peer": "connection.closed",
    "connected": "connection.opened",
    "disconnected": "connection.closed",
    "join": "pubsub.subscribe",
    "leave": "pubsub.unsubscribe",
    "graft": "pubsub.graft",
    "prune": "pubsub.prune",
    "publish_message": "pubsub.publish",
    "deliver_message": "pubsub.deliver",
    "duplicate_message": "pubsub.duplicate",
    "reject_message": "pubsub.reject",
    "recv_rpc": "pubsub.rpc_received",
    "send_rpc": "pubsub.rpc_sent",
    "drop_rpc": "pubsub.drop",
    "gossipsub_aggregate_and_proof": "pubsub.deliver",
    "gossipsub_beacon_attestation": "pubsub.deliver",
    "gossipsub_beacon_block": "pubsub.deliver",
    "gossipsub_blob_sidecar": "pubsub.deliver",
    "gossipsub_data_column_sidecar": "pubsub.deliver",
}
_CONTENTS: Final = {
    "rpc_meta_message": "messages",
    "rpc_meta_subscription": "subscriptions",
    "rpc_meta_control_ihave": "ihave",
    "rpc_meta_control_iwant": "iwant",
    "rpc_meta_control_idontwant": "idontwant",
    "rpc_meta_control_graft": "graft",
    "rpc_meta_control_prune": "prune",
}
_OTHERS: Final = (  # families that are known, and tell nothing of how messages spread
    *("identify", "handle_metadata", "handle_status", "synthetic_heartbeat"),
    *("rpc_data_column_custody_probe", "gossipsub_message_payload"),
)
_FAMILIES: Final = (*_KINDS, *_CONTENTS, *_OTHERS, "peer")
SAMPLED: Final = "Xatu's tables are sampled by topic and message id: counts are no rates."
TIMES: Final = "Times are in whole milliseconds, and no causes are recorded."
HASHES: Final = "Xatu names peers by a hash: where no table libp2p_peer names them, they are no peer ids here."
HANDLED: Final = (
    "Rows of libp2p_gossipsub_* are messages that a node's handler was given: they are taken for deliveries there."
)


def family_of(file: Path, columns: set[str]) -> str:
    """Which table of Xatu a file is of, by its own name or a folder's, the nearest first. EventLogError for none."""
    if {"unique_key", "peer_id"} <= columns:
        return "peer"
    if not columns.issuperset(XATU):
        raise EventLogError(
            f"{file.name} is no table of Hermes ({', '.join(HERMES)}) and none of Xatu ({', '.join(XATU)}): it has the "
            f"columns {', '.join(sorted(columns))[:300]}"
        )
    for part in (file.stem, *(folder.name for folder in file.parents)):
        name = part.replace("-", "_").removesuffix("_local")
        found = [one for one in _FAMILIES if name in (one, f"libp2p_{one}") or f"libp2p_{one}" in name]
        if found:
            return max(found, key=len)
    known = ", ".join(f"libp2p_{family}" for family in _KINDS)
    raise EventLogError(f"which table of Xatu {file.name} is, is told by its name or its folder's: {known}")


class Xatu:
    """Takes rows of all families. Those that ``turn`` puts first must be read first."""

    def __init__(self, builder: LogBuilder, families: set[str]) -> None:
        self._builder = builder
        self._connections = bool(families & {"connected", "disconnected"})  # told better than by add_peer
        self._names: dict[int, str] = {}
        self._contents: dict[int, dict[str, int]] = {}
        self._delivered: set[tuple[str, str]] = set()

    def turn(self, family: str) -> int:
        """Peers' names first, then what is in RPCs, then everything else; what handlers got after deliveries."""
        return 1 if family == "peer" else 2 if family in _CONTENTS else 4 if family.startswith("gossipsub_") else 3

    def refusal(self, file: Path, family: str) -> str:
        """Why a file is not read."""
        return f"{file.name} is not read: libp2p_{family} tells nothing of how messages spread."

    def taker(self, family: str) -> Callable[[dict[str, Any]], None] | None:
        """What takes rows of a family; None for one that tells nothing of gossip."""
        if family == "peer":
            return self._named
        for note in (SAMPLED, HASHES, TIMES) if family in _KINDS else ():
            self._builder.note(note)
        if family in _CONTENTS:
            name = _CONTENTS[family]
            return lambda row: self._content(row, name)
        if family not in _KINDS:
            return None
        kind, handled = _KINDS[family], family.startswith("gossipsub_")
        if handled:
            self._builder.note(HANDLED)
        return lambda row: self._take(row, kind, handled)

    def _named(self, row: dict[str, Any]) -> None:
        key, peer = whole(row.get("unique_key")), text(row.get("peer_id"))
        if key is not None and peer and len(self._names) < MOST_RPCS:
            self._names[key] = self._builder.text(peer)

    def _content(self, row: dict[str, Any], name: str) -> None:
        key = whole(row.get("rpc_meta_unique_key"))
        if key is None or (key not in self._contents and len(self._contents) >= MOST_RPCS):
            return
        counts = self._contents.setdefault(key, {})
        counts[name] = counts.get(name, 0) + 1

    def _take(self, row: dict[str, Any], kind: str, handled: bool) -> None:
        at, node = moment(row.get("event_date_time")), text(row.get("meta_client_name"))
        if at is None or not node:
            return
        topic, ref, size = _topic(row), text(row.get("message_id")), whole(row.get("message_size"))
        peer = "" if kind in ("pubsub.subscribe", "pubsub.unsubscribe", "pubsub.publish") else self._peer(row)
        data, reason = None, ""
        if kind.startswith("connection."):
            if self._connections and "remote_peer_id_unique_key" not in row:
                return
            data = self._connection(row, peer)
        elif kind in ("pubsub.rpc_received", "pubsub.rpc_sent", "pubsub.drop"):
            data = self._contents.pop(whole(row.get("unique_key")) or 0, None)
            reason = "queue full" if kind == "pubsub.drop" else ""
        elif kind == "pubsub.reject":
            reason = text(row.get("reason"))
            reason = REASONS.get(reason, reason)
        elif kind == "pubsub.deliver":
            if handled and (node, ref) in self._delivered:
                return
            self._delivered.add((node, self._builder.text(ref)))
            if peer and not row.get("local_delivery"):
                self._builder.add(at, "pubsub.receive", node, peer, topic, ref, size)
        self._builder.add(at, kind, node, peer, topic, ref, size, reason, data)

    def _peer(self, row: dict[str, Any]) -> str:
        key = row.get("peer_id_unique_key", row.get("remote_peer_id_unique_key"))
        if key is None:
            return ""
        return self._names.get(key) or f"peer#{key}"

    def _connection(self, row: dict[str, Any], peer: str) -> dict[str, Any] | None:
        agent = "/".join(
            filter(None, (text(row.get(f"remote_agent_{name}")) for name in ("implementation", "version")))
        )
        if peer and agent:
            self._builder.agent_of(peer, agent, "")
        direction = text(row.get("direction")).lower()
        return {"direction": direction} if direction in ("inbound", "outbound") else None


def _topic(row: dict[str, Any]) -> str:
    """A topic as Ethereum writes it, of the parts that Xatu keeps it in."""
    parts = [text(row.get(f"topic_{part}")) for part in ("layer", "fork_digest_value", "name", "encoding")]
    return "/" + "/".join(part.strip("/") for part in parts) if parts[2] else ""
