"""Tables in Parquet: what Hermes (probe-lab) and Xatu (ethpandaops) record of a gossip network. They need pyarrow.

A table is told by its columns. Hermes' rows have ``timestamp`` (milliseconds), ``type``, ``producer_id`` and, by type,
``sub_type``, ``remote_peer_id``, ``topic``, ``msg_id`` and counts. Xatu's have ``event_date_time``,
``peer_id_unique_key`` (a hash, no peer id) and ``meta_client_name``; which family a file is of is told by its columns
and, where these do not tell, by its name (``libp2p_graft``...).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from p2plab.errors import EventLogError, MissingExtraError
from p2plab.events import EventLog
from p2plab.exports.readers.building import LogBuilder, reading

__all__ = ["fits_parquet", "read_tables"]

BATCH: Final = 20_000  # rows that are in memory at once
HERMES: Final = ("timestamp", "type", "producer_id")
XATU: Final = ("event_date_time", "meta_client_name")
_HERMES_KINDS: Final = {
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
_HERMES_RPCS: Final = {"in": "pubsub.rpc_received", "out": "pubsub.rpc_sent", "drop": "pubsub.drop"}
_COUNTS: Final = {"ihaves": "ihave", "iwants": "iwant", "idontwants": "idontwant", "sent_msgs": "messages"}
_XATU_KINDS: Final = {
    "add_peer": "connection.opened",
    "remove_peer": "connection.closed",
    "join": "pubsub.subscribe",
    "leave": "pubsub.unsubscribe",
    "graft": "pubsub.graft",
    "prune": "pubsub.prune",
    "deliver_message": "pubsub.deliver",
    "duplicate_message": "pubsub.duplicate",
    "reject_message": "pubsub.reject",
    "recv_rpc": "pubsub.rpc_received",
    "send_rpc": "pubsub.rpc_sent",
    "drop_rpc": "pubsub.drop",
}
HERMES_NOTES: Final = (
    "Hermes records what one node of its own sees: messages begin with their first arrival there, and nobody's "
    "deliveries but its own are known.",
    "Times are in whole milliseconds, and no causes are recorded.",
)
XATU_NOTES: Final = (
    "Xatu names peers by a hash: their ids are not known, and are no peer ids here.",
    "Xatu's tables are sampled by topic and message id: counts are no rates.",
    "Times are in whole milliseconds, and no causes are recorded.",
)


def fits_parquet(head: bytes) -> bool:
    """Whether a file that begins so is Parquet."""
    return head.startswith(b"PAR1")


def read_tables(path: Path) -> EventLog:
    """A table of Hermes or Xatu; of a folder, all its ``.parquet`` files together."""
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise MissingExtraError("tables in Parquet need pyarrow: pip install 'p2plab[parquet]'") from error
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    builder = LogBuilder()
    for file in files:
        try:
            table = parquet.ParquetFile(file)
            columns = set(table.schema_arrow.names)
            take = _Hermes(builder) if columns.issuperset(HERMES) else _xatu(builder, columns, file)
            done = [0]
            with reading(file, done):
                for rows in _batches(table):
                    for row in rows:
                        take(row)
                    done[0] += file.stat().st_size * len(rows) // max(table.metadata.num_rows, 1)
                    if builder.full:
                        break
        except (pyarrow.ArrowException, OSError) as error:
            raise EventLogError(f"{file} cannot be read as Parquet: {error}") from error
    return builder.log(path.name)


def _batches(table: Any) -> Iterator[list[dict[str, Any]]]:
    for batch in table.iter_batches(batch_size=BATCH):
        yield batch.to_pylist()


def _xatu(builder: LogBuilder, columns: set[str], file: Path) -> _Xatu:
    if not columns.issuperset(XATU):
        raise EventLogError(
            f"{file.name} is no table of Hermes ({', '.join(HERMES)}) and none of Xatu ({', '.join(XATU)}): it has the "
            f"columns {', '.join(sorted(columns))[:300]}"
        )
    names = {
        family
        for family in _XATU_KINDS
        if any(part.removeprefix("libp2p_") == family for part in (file.stem, file.parent.name))
        or f"libp2p_{family}" in str(file).replace("-", "_")
    }
    if not names:
        known = ", ".join(f"libp2p_{family}" for family in _XATU_KINDS)
        raise EventLogError(f"which table of Xatu {file.name} is, is told by its name or its folder's: {known}")
    return _Xatu(builder, max(names, key=len))


class _Hermes:
    """Takes rows of Hermes."""

    def __init__(self, builder: LogBuilder) -> None:
        self._builder = builder
        for note in HERMES_NOTES:
            builder.note(note)

    def __call__(self, row: dict[str, Any]) -> None:
        at = _whole(row.get("timestamp"))
        if at is None:
            return
        at *= 1_000_000
        text = {name: str(row.get(name) or "") for name in ("type", "sub_type", "producer_id", "remote_peer_id")}
        node, peer, sub_type = text["producer_id"], text["remote_peer_id"], text["sub_type"]
        topic, ref = str(row.get("topic") or ""), str(row.get("msg_id") or "")
        add = self._builder.add
        if text["type"] == "control_rpc":
            kind = _HERMES_RPCS.get(str(row.get("direction")))
            counts = {name: _whole(row.get(column)) for column, name in _COUNTS.items()}
            if kind is not None:
                add(at, kind, node, peer, data={name: count for name, count in counts.items() if count})
            return
        kind = _HERMES_KINDS.get(sub_type)
        if kind is None:
            if text["type"] not in ("ihave", "iwant", "idontwant", "sent_msg", "msg_arrival", "connect_disconnect"):
                self._builder.note("Rows of types that p2plab does not know were left out.")
            return  # parts of an RPC that its own row counts, steps before a delivery, and a second row of a connection
        size = _whole(row.get("msg_size"))
        if kind == "pubsub.deliver" and not row.get("local"):
            add(at, "pubsub.receive", node, peer, topic, ref, size)
        add(at, kind, node, "" if row.get("local") else peer, topic, ref, size)


class _Xatu:
    """Takes rows of one table of Xatu."""

    def __init__(self, builder: LogBuilder, family: str) -> None:
        self._builder = builder
        self._kind = _XATU_KINDS[family]
        for note in XATU_NOTES:
            builder.note(note)

    def __call__(self, row: dict[str, Any]) -> None:
        at = _moment(row.get("event_date_time"))
        if at is None:
            return
        peer = row.get("peer_id_unique_key")
        named = "" if peer is None else f"peer#{peer}"
        ref = str(row.get("message_id") or "")
        size = _whole(row.get("message_size"))
        node = str(row.get("meta_client_name") or "")
        add = self._builder.add
        if self._kind == "pubsub.deliver" and not row.get("local_delivery"):
            add(at, "pubsub.receive", node, named, _topic(row), ref, size)
        add(at, self._kind, node, named, _topic(row), ref, size)


def _topic(row: dict[str, Any]) -> str:
    """A topic as Ethereum writes it, of the parts that Xatu keeps it in."""
    parts = [row.get(f"topic_{part}") for part in ("layer", "fork_digest_value", "name", "encoding")]
    return "/" + "/".join(str(part).strip("/") for part in parts) if parts[2] else ""


def _moment(value: Any) -> int | None:
    """Nanoseconds since 1970 of a timestamp, or of a number of seconds, milliseconds, micro- or nanoseconds."""
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        since = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
        return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000
    number = _whole(value)
    if number is None:
        return None
    for unit, most in ((1_000_000_000, 10**11), (1_000_000, 10**14), (1_000, 10**17)):
        if abs(number) < most:
            return number * unit
    return number


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
