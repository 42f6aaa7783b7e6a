"""Tables in Parquet: what Hermes (probe-lab) and Xatu (ethpandaops) record of a gossip network. They need pyarrow.

A table is told by its columns. Hermes' rows have ``timestamp`` (milliseconds), ``type``, ``producer_id`` and, by type,
more (``hermes``). Xatu's have ``event_date_time``, ``meta_client_name`` and, by family, more (``xatu``); of which
family a file is, is told by its name or its folder's (``libp2p_graft``...).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from p2plab.errors import EventLogError, MissingExtraError
from p2plab.events import EventLog
from p2plab.exports.readers.building import LogBuilder, reading
from p2plab.exports.readers.cells import text
from p2plab.exports.readers.hermes import HERMES, Hermes
from p2plab.exports.readers.xatu import XATU, Xatu, family_of

__all__ = ["fits_parquet", "read_tables"]

BATCH: Final = 20_000  # rows that are in memory at once
MOST_BYTES: Final = 1 << 30  # of a column in a group of rows, unpacked
WORDS: Final = {"PLAIN", "PLAIN_DICTIONARY", "RLE", "RLE_DICTIONARY", "BIT_PACKED"}  # encodings
COLUMNS: Final = frozenset(  # what is read of a table; the others are many, and what RPCs listed is long
    (
        *(*HERMES, "sub_type", "remote_peer_id", "topic", "msg_id", "msg_size", "direction", "payload"),
        *("ihaves", "iwants", "idontwants", "sent_msgs", "remote_peer_maddrs", "agent_version"),
        *(*XATU, "unique_key", "peer_id", "rpc_meta_unique_key", "message_id", "message_size", "reason"),
        *("local_delivery", "peer_id_unique_key", "remote_peer_id_unique_key"),
        *("remote_agent_implementation", "remote_agent_version"),
        *("topic_layer", "topic_fork_digest_value", "topic_name", "topic_encoding"),
    )
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
    builder = LogBuilder()
    try:
        tables = []
        for file in sorted(path.rglob("*.parquet")) if path.is_dir() else [path]:
            with parquet.ParquetFile(file) as table:
                tables.append((file, set(table.schema_arrow.names)))
                _check_sizes(file, table.metadata)
        for file, take in _takers(builder, tables, alone=not path.is_dir()):
            with parquet.ParquetFile(file) as table:
                words = _with_words(table.metadata)
            with parquet.ParquetFile(file, read_dictionary=words) as table:
                _read(builder, file, table, take)
            if builder.full:
                break
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError, OverflowError) as error:
        raise EventLogError(f"{path} cannot be read as Parquet: {error}") from error
    return builder.log(path.name)


def _takers(
    builder: LogBuilder, tables: list[tuple[Path, set[str]]], alone: bool
) -> Iterator[tuple[Path, Callable[[dict[str, Any]], None]]]:
    """Each file with what takes its rows, those first whose rows other files' need. EventLogError for a stranger."""
    hermes = Hermes(builder, {name for _, columns in tables for name in columns})
    families = [None if columns.issuperset(HERMES) else family_of(file, columns) for file, columns in tables]
    xatu = Xatu(builder, {family for family in families if family is not None})
    known: list[tuple[int, Path, Callable[[dict[str, Any]], None]]] = []
    for (file, _), family in zip(tables, families, strict=True):
        if family is None:
            known.append((0, file, hermes.take))
            continue
        taker = xatu.taker(family)
        if taker is None:
            if alone:
                raise EventLogError(xatu.refusal(file, family))
            builder.note(xatu.refusal(file, family))
            continue
        known.append((xatu.turn(family), file, taker))
    for _, file, take in sorted(known, key=lambda one: one[:2]):
        yield file, take


def _read(builder: LogBuilder, file: Path, table: Any, take: Callable[[dict[str, Any]], None]) -> None:
    done, names = [0], [name for name in table.schema_arrow.names if name in COLUMNS]
    with reading(file, done):
        for batch in table.iter_batches(batch_size=BATCH, columns=names):
            columns = [_cells(column) for column in batch.columns]
            for row in zip(*columns, strict=True):
                take(dict(zip(names, row, strict=True)))
            done[0] += file.stat().st_size * len(batch) // max(table.metadata.num_rows, 1)
            if builder.full:
                return


def _cells(column: Any) -> list[Any]:
    """A column's values; of one with words of its own, each word is there once, and text that is no UTF-8 is mended."""
    import pyarrow

    if pyarrow.types.is_dictionary(column.type):
        words = _cells(column.dictionary)
        return [None if index is None else words[index] for index in column.indices.to_pylist()]
    if pyarrow.types.is_string(column.type):
        column = column.view(pyarrow.binary())
    return [text(cell) if isinstance(cell, bytes) else cell for cell in column.to_pylist()]


def _with_words(metadata: Any) -> list[str]:
    """The columns of text that are written as words and their numbers. Read as such, a word that stands in every row
    takes the room of one."""
    plain: dict[str, bool] = {}
    for group in range(metadata.num_row_groups):
        for place in range(metadata.num_columns):
            column = metadata.row_group(group).column(place)
            fits = column.physical_type == "BYTE_ARRAY" and set(column.encodings) <= WORDS
            name = column.path_in_schema
            plain[name] = plain.get(name, True) and fits and name in COLUMNS
    return [name for name, fits in plain.items() if fits]


def _check_sizes(file: Path, metadata: Any) -> None:
    """EventLogError for a table that unpacks to more than memory should take."""
    for group in range(metadata.num_row_groups):
        for place in range(metadata.num_columns):
            column = metadata.row_group(group).column(place)
            if column.path_in_schema in COLUMNS and column.total_uncompressed_size > MOST_BYTES:
                raise EventLogError(
                    f"{file.name} has {column.total_uncompressed_size:,} bytes of {column.path_in_schema} in one group "
                    f"of rows, and {MOST_BYTES:,} are read at most: write it with smaller groups"
                )
