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
from p2plab.exports.readers.hermes import HERMES, Hermes
from p2plab.exports.readers.xatu import Xatu, family_of

__all__ = ["fits_parquet", "read_tables"]

BATCH: Final = 20_000  # rows that are in memory at once


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
        for file, take in _takers(builder, tables, alone=not path.is_dir()):
            with parquet.ParquetFile(file) as table:
                _read(builder, file, table, take)
            if builder.full:
                break
    except (pyarrow.ArrowException, OSError) as error:
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
    done = [0]
    with reading(file, done):
        for batch in table.iter_batches(batch_size=BATCH):
            for row in batch.to_pylist():
                take(row)
            done[0] += file.stat().st_size * len(batch) // max(table.metadata.num_rows, 1)
            if builder.full:
                return
