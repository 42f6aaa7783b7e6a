"""The tables of a kept sweep: a line of CSV for each run, or Parquet.

Both are written run by run, so that nothing that is done is lost, and are read by anybody: ``results.csv``, and
``results.parquet`` with, while the sweep goes on, ``part-KEY.parquet`` for each run since.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from p2plab.errors import MissingExtraError, ValidationError
from p2plab.runs.table import Run

__all__ = ["KINDS", "KeptTable", "Row", "table_in"]

KINDS: Final = ("csv", "parquet")
Row = tuple[dict[str, float], float, str, str, tuple[str, ...]]
"""The numbers of a run, the seconds it took, its error and traceback, and what the numbers rest on."""
CSV, PARQUET, PART = "results.csv", "results.parquet", "part-"
MOST_PARTS: Final = 500  # files of single runs, before they are put into one
_FIRST: Final = ("key", "seed")
_LAST: Final = ("seconds", "error", "traceback", "assumptions")
_VALUE: Final = "value."  # in front of a number that is called as another column


class KeptTable(Protocol):
    """Where results are kept; what is read is by the runs' keys."""

    def read(self) -> dict[str, Row]: ...
    def put(self, key: str, run: Run, parameters: Mapping[str, str]) -> None: ...
    def close(self) -> None: ...


def table_in(folder: Path, kind: str | None, parameters: Sequence[str]) -> KeptTable:
    """The table that is in a folder, or a new one: CSV unless another kind is asked for. ValidationError where the
    folder has the other kind, MissingExtraError for Parquet without pyarrow."""
    if kind is not None and kind not in KINDS:
        raise ValidationError(f"keep_as={kind!r}: one of {', '.join(KINDS)}")
    parquet = (folder / PARQUET).exists() or next(folder.glob(f"{PART}*.parquet"), None) is not None
    there = "parquet" if parquet else "csv" if (folder / CSV).exists() else None
    if kind is not None and there is not None and kind != there:
        raise ValidationError(f"{folder} has its results as {there}; go on with keep_as={there!r}, or keep in another")
    return ParquetTable(folder, parameters) if (kind or there) == "parquet" else CsvTable(folder, parameters)


class _Columns:
    """What the columns are called: those of a run, of its parameters, and of its numbers."""

    def __init__(self, folder: Path, parameters: Sequence[str]) -> None:
        self.folder = folder
        self.parameters = list(parameters)
        self.values: list[str] = []

    def column(self, name: str) -> str:
        """The column of a number, which may be called as another column is."""
        return f"{_VALUE}{name}" if name in (*_FIRST, *self.parameters, *_LAST) else name

    def name(self, column: str) -> str:
        """The number that a column is of."""
        name = column.removeprefix(_VALUE)
        return name if self.column(name) == column else column

    def check(self, path: Path, head: Sequence[str]) -> list[str]:
        """The numbers that a table with these columns has. ValidationError for another sweep's."""
        begin = len(_FIRST) + len(self.parameters)
        if list(head[:begin]) != [*_FIRST, *self.parameters] or tuple(head[-len(_LAST) :]) != _LAST:
            raise ValidationError(f"{path} is no table of this sweep: it has the columns {', '.join(head)[:300]}")
        return [self.name(column) for column in head[begin : -len(_LAST)]]


class CsvTable(_Columns):
    """``results.csv``. A line that was cut is dropped."""

    def read(self) -> dict[str, Row]:
        """The runs that are in it."""
        path = self.folder / CSV
        if not path.exists():
            return {}
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        try:
            rows = list(csv.reader(io.StringIO(whole.decode("utf-8", "surrogatepass"), newline="")))
        except (ValueError, csv.Error) as error:
            raise ValidationError(f"{path} is damaged: {error}; put a good copy in its place") from error
        if not rows:
            return {}
        begin = len(_FIRST) + len(self.parameters)
        self.values = self.check(path, rows[0])
        found = {}
        for row in rows[1:]:
            try:
                found[row[0]] = self._of(row, begin)
            except (ValueError, IndexError):
                raise ValidationError(f"{path} has a line that makes no sense: {','.join(row)[:200]}") from None
        if len(whole) < len(data):
            path.write_bytes(whole)
        return found

    def put(self, key: str, run: Run, parameters: Mapping[str, str]) -> None:
        """Write a run, and have it on the disk."""
        new = [name for name in run.values if name not in self.values]
        path = self.folder / CSV
        if new or not path.exists():
            self.values += new
            self._rewrite(path)
        line = io.StringIO(newline="")
        values = [repr(run.values[name]) if name in run.values else "" for name in self.values]
        texts = [json.dumps(run.error), json.dumps(run.traceback), json.dumps(list(run.assumptions))]
        csv.writer(line, lineterminator="\n").writerow(
            [key, run.seed, *(parameters.get(name, "") for name in self.parameters), *values, repr(run.seconds), *texts]
        )
        with path.open("ab") as file:
            file.write(line.getvalue().encode("utf-8", "surrogatepass"))
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> None:
        """Nothing is left to be written."""

    def _of(self, row: list[str], begin: int) -> Row:
        cells = zip(self.values, row[begin : begin + len(self.values)], strict=True)
        values = {name: _number(cell) for name, cell in cells if cell}
        seconds, error, trace, assumed = row[begin + len(self.values) :]
        return values, float(seconds), json.loads(error), json.loads(trace), tuple(json.loads(assumed))

    def _rewrite(self, path: Path) -> None:
        """The same lines with the columns there are now."""
        before = list(csv.reader(io.StringIO(path.read_text("utf-8"), newline="")))[1:] if path.exists() else []
        new = path.with_suffix(".new")
        with new.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*_FIRST, *self.parameters, *map(self.column, self.values), *_LAST])
            for row in before:
                missing = len(_FIRST) + len(self.parameters) + len(self.values) + len(_LAST) - len(row)
                writer.writerow([*row[: -len(_LAST)], *[""] * missing, *row[-len(_LAST) :]])
        new.replace(path)


def _number(cell: str) -> float:
    try:
        return int(cell)
    except ValueError:
        return float(cell)


class ParquetTable(_Columns):
    """``results.parquet``, and a file for each run since it was written. A file that was cut is dropped.

    Parameters are texts, as in CSV. A number that is whole in every run has a column of whole numbers.
    """

    def __init__(self, folder: Path, parameters: Sequence[str]) -> None:
        super().__init__(folder, parameters)
        try:
            import pyarrow.parquet
        except ImportError as error:
            raise MissingExtraError("keep_as='parquet' needs pyarrow: pip install 'p2plab[parquet]'") from error
        self._arrow: Any = pyarrow
        self._rows: dict[str, dict[str, Any]] = {}
        self._parts = 0

    def read(self) -> dict[str, Row]:
        """The runs that are in it."""
        parts = sorted(self.folder.glob(f"{PART}*.parquet"))
        for path in [self.folder / PARQUET, *parts]:
            if path.exists():
                for row in self._read(path):
                    self._rows[row["key"]] = row
        if parts:
            self._gather()
        return {key: self._of(row) for key, row in self._rows.items()}

    def put(self, key: str, run: Run, parameters: Mapping[str, str]) -> None:
        """Write a run, and have it on the disk."""
        row: dict[str, Any] = {"key": key, "seed": run.seed, **{name: parameters.get(name) for name in self.parameters}}
        row |= {self.column(name): _plain(value) for name, value in run.values.items()}
        row |= {"seconds": run.seconds, "error": run.error, "traceback": run.traceback}
        self._rows[key] = row | {"assumptions": json.dumps(list(run.assumptions))}
        self._write(self.folder / f"{PART}{key}.parquet", [self._rows[key]])
        self._parts += 1
        if self._parts >= MOST_PARTS:
            self._gather()

    def close(self) -> None:
        """Put all runs into one file."""
        if self._parts:
            self._gather()

    def _gather(self) -> None:
        """One file of everything; the files of single runs go when it is there."""
        if self._rows:
            self._write(self.folder / PARQUET, list(self._rows.values()))
            for path in self.folder.glob(f"{PART}*.parquet"):
                path.unlink()
        self._parts = 0

    def _write(self, path: Path, rows: list[dict[str, Any]]) -> None:
        columns = dict.fromkeys(column for row in rows for column in row)
        head = [*_FIRST, *self.parameters]
        names = [*head, *(one for one in columns if one not in (*head, *_LAST)), *_LAST]
        pa = self._arrow
        texts = ("key", *self.parameters, "error", "traceback", "assumptions")
        arrays = {}
        for name in names:
            cells = [row.get(name) for row in rows]
            whole = name not in _LAST and all(cell is None or _fits(cell) for cell in cells)
            if name == "seed" and not whole:
                cells, texts = [str(cell) for cell in cells], (*texts, name)
            kind = pa.string() if name in texts else pa.int64() if whole else pa.float64()
            arrays[name] = pa.array(cells, kind)
        new = path.with_suffix(".new")
        pa.parquet.write_table(pa.table(arrays), new)
        with new.open("rb+") as file:
            os.fsync(file.fileno())
        new.replace(path)

    def _read(self, path: Path) -> list[dict[str, Any]]:
        try:
            table = self._arrow.parquet.read_table(path)
        except (self._arrow.ArrowException, OSError) as error:
            if path.name == PARQUET:
                raise ValidationError(f"{path} cannot be read as Parquet: {error}") from error
            return []  # it was cut when the sweep was killed, and its run is made again
        self.check(path, table.column_names)
        rows: list[dict[str, Any]] = table.to_pylist()
        return [{name: cell for name, cell in row.items() if cell is not None} for row in rows]

    def _of(self, row: dict[str, Any]) -> Row:
        apart = (*_FIRST, *self.parameters, *_LAST)
        values = {self.name(column): cell for column, cell in row.items() if column not in apart}
        assumed = tuple(json.loads(row["assumptions"]))
        return values, float(row["seconds"]), row["error"], row["traceback"], assumed


def _plain(value: float) -> float:
    """A whole number that Parquet's are large enough for, or a float."""
    return int(value) if _fits(value) else float(value)


def _fits(value: object) -> bool:
    return isinstance(value, int) and -(2**63) <= value < 2**63
