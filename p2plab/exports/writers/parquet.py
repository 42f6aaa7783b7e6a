"""The log as a table in Parquet, a row for each event. It needs pyarrow."""

from __future__ import annotations

import json
from typing import IO, Any, Final

from p2plab.errors import MissingExtraError
from p2plab.events.event import COLUMNS
from p2plab.exports.writers.selection import Selection

__all__ = ["write_parquet"]

BATCH: Final = 50_000  # rows that are in memory at once
_TEXTS: Final = ("kind", "node", "peer", "topic", "ref", "reason", "data")


def write_parquet(selection: Selection, file: IO[bytes]) -> int:
    """Write the events with the columns of ``Event``, ``t`` in seconds and ``data`` as JSON; returns how many."""
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise MissingExtraError("a table in Parquet needs pyarrow: pip install 'p2plab[parquet]'") from error
    types = {name: pyarrow.string() if name in _TEXTS else pyarrow.int64() for name in COLUMNS}
    types["t"] = pyarrow.float64()
    schema = pyarrow.schema(list(types.items()))
    written = 0
    with parquet.ParquetWriter(file, schema) as writer:
        batch: list[dict[str, Any]] = []
        for row in selection.rows():
            batch.append(_plain(selection, row))
            if len(batch) >= BATCH:
                writer.write_table(pyarrow.Table.from_pylist(batch, schema=schema))
                written, batch = written + len(batch), []
        writer.write_table(pyarrow.Table.from_pylist(batch, schema=schema))
    return written + len(batch)


def _plain(selection: Selection, row: Any) -> dict[str, Any]:
    found = selection.log.event(row).to_dict()
    if "data" in found:
        found["data"] = json.dumps(found["data"], ensure_ascii=False)
    return {
        name: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        for name, value in found.items()
    }
