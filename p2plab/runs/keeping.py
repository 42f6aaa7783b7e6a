"""The folder of a sweep that is kept: its results as they come, so that a sweep that was killed goes on.

    sweep.json     what was run: scenario and the hash of its source, backend, settings, parameters, versions
    results.csv    a line for each run: key, seed, parameters, numbers, seconds, error, traceback, assumptions

A run is known again by its key, which is made of its seed and parameters. A line is written when its run is done, and
is on the disk before the next; one that was cut is dropped, and its run is made again.
"""

from __future__ import annotations

import csv
import hashlib
import inspect
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from enum import Enum
from pathlib import Path
from types import FunctionType
from typing import Any, Final

from p2plab.constants import MODEL_VERSION, VERSION
from p2plab.errors import ConfigurationError, ValidationError
from p2plab.runs.scenario import name_of
from p2plab.runs.table import Origin, Run

__all__ = ["Kept"]

ABOUT, RESULTS = "sweep.json", "results.csv"
_FIRST: Final = ("key", "seed")
_LAST: Final = ("seconds", "error", "traceback", "assumptions")
_VALUE: Final = "value."  # in front of a number that is called as another column
_SAME: Final = ("scenario", "source", "backend", "settings", "parameters", "model")  # or it is another sweep


class Kept:
    """A folder, made if it is missing. ``found`` has the runs that are in it, by their keys.

    ValidationError where it holds another sweep, ConfigurationError where it cannot be written.
    """

    def __init__(self, folder: str | os.PathLike[str], origin: Origin, parameters: Sequence[str]) -> None:
        if not isinstance(folder, (str, os.PathLike)) or not str(folder):
            raise ValidationError(f"keep={folder!r}: the path of a folder")
        self.folder = Path(os.fsdecode(folder))
        self._parameters = list(parameters)
        self._values: list[str] = []
        about = _about(origin, self._parameters)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._check(about)
            self.found = self._read()
        except OSError as error:
            raise ConfigurationError(f"the sweep cannot be kept in {self.folder}: {error.strerror or error}") from error

    def key(self, seed: int, parameters: Mapping[str, Any]) -> str:
        """By what a run is known again. ValidationError for a parameter that says nothing of what it is."""
        said = [repr(seed), *(f"{name}={_text(name, value)}" for name, value in sorted(parameters.items()))]
        return hashlib.sha256("\n".join(said).encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def run(self, seed: int, parameters: Mapping[str, Any]) -> Run | None:
        """The run that is kept of these, with the parameters that were given now; None where there is none."""
        row = self.found.get(self.key(seed, parameters))
        if row is None:
            return None
        values, seconds, error, trace, assumed = row
        return Run(seed, parameters, values, seconds, error, trace, assumed)

    def put(self, run: Run) -> None:
        """Write a run, and have it on the disk."""
        new = [name for name in run.values if name not in self._values]
        path = self.folder / RESULTS
        if new or not path.exists():
            self._values += new
            self._rewrite(path)
        with path.open("ab") as file:
            file.write(self._line(run).encode("utf-8", "surrogatepass"))
            file.flush()
            os.fsync(file.fileno())

    # -- the files

    def _check(self, about: dict[str, Any]) -> None:
        path = self.folder / ABOUT
        if not path.exists():
            path.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
            return
        try:
            there = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValidationError(f"{path} is no description of a sweep: {error}") from error
        for name in _SAME:
            if not isinstance(there, dict) or there.get(name) != about[name]:
                was = there.get(name) if isinstance(there, dict) else None
                raise ValidationError(
                    f"{self.folder} holds another sweep: its {name} was {was!r}, and here it is {about[name]!r}; "
                    "keep this one in another folder"
                )

    def _read(self) -> dict[str, tuple[dict[str, float], float, str, str, tuple[str, ...]]]:
        path = self.folder / RESULTS
        if not path.exists():
            return {}
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        rows = list(csv.reader(io.StringIO(whole.decode("utf-8", "surrogatepass"), newline="")))
        if not rows:
            return {}
        head, begin = rows[0], len(_FIRST) + len(self._parameters)
        if head[:begin] != [*_FIRST, *self._parameters] or tuple(head[-len(_LAST) :]) != _LAST:
            raise ValidationError(f"{path} is no table of this sweep: it has the columns {', '.join(head)[:300]}")
        self._values = [self._name(column) for column in head[begin : -len(_LAST)]]
        found = {}
        for row in rows[1:]:
            try:
                found[row[0]] = self._of(row, begin)
            except (ValueError, IndexError):
                raise ValidationError(f"{path} has a line that makes no sense: {','.join(row)[:200]}") from None
        if len(whole) < len(data):
            path.write_bytes(whole)
        return found

    def _column(self, name: str) -> str:
        """The column of a number, which may be called as another column is."""
        return f"{_VALUE}{name}" if name in (*_FIRST, *self._parameters, *_LAST) else name

    def _name(self, column: str) -> str:
        name = column.removeprefix(_VALUE)
        return name if self._column(name) == column else column

    def _of(self, row: list[str], begin: int) -> tuple[dict[str, float], float, str, str, tuple[str, ...]]:
        cells = zip(self._values, row[begin : begin + len(self._values)], strict=True)
        values = {name: _number(cell) for name, cell in cells if cell}
        seconds, error, trace, assumed = row[begin + len(self._values) :]
        return values, float(seconds), json.loads(error), json.loads(trace), tuple(json.loads(assumed))

    def _rewrite(self, path: Path) -> None:
        """The same lines with the columns there are now."""
        before = list(csv.reader(io.StringIO(path.read_text("utf-8"), newline="")))[1:] if path.exists() else []
        new = path.with_suffix(".new")
        with new.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*_FIRST, *self._parameters, *map(self._column, self._values), *_LAST])
            for row in before:
                missing = len(_FIRST) + len(self._parameters) + len(self._values) + len(_LAST) - len(row)
                writer.writerow([*row[: -len(_LAST)], *[""] * missing, *row[-len(_LAST) :]])
        new.replace(path)

    def _line(self, run: Run) -> str:
        line = io.StringIO(newline="")
        values = [repr(run.values[name]) if name in run.values else "" for name in self._values]
        parameters = [_text(name, run.parameters[name]) if name in run.parameters else "" for name in self._parameters]
        texts = [json.dumps(run.error), json.dumps(run.traceback), json.dumps(list(run.assumptions))]
        csv.writer(line, lineterminator="\n").writerow(
            [self.key(run.seed, run.parameters), run.seed, *parameters, *values, repr(run.seconds), *texts]
        )
        return line.getvalue()


def _about(origin: Origin, parameters: Sequence[str]) -> dict[str, Any]:
    try:
        source = inspect.getsource(origin.scenario)
    except (OSError, TypeError):
        source = ""
    return {
        "scenario": name_of(origin.scenario),
        "source": hashlib.sha256(source.encode()).hexdigest() if source else "",
        "backend": origin.backend,
        "settings": {name: _text(name, value) for name, value in sorted(origin.settings.items())},
        "parameters": list(parameters),
        "p2plab": VERSION,
        "model": MODEL_VERSION,
    }


def _text(name: str, value: Any) -> str:
    """What a parameter is, the same in every process."""
    if isinstance(value, (type, FunctionType)):
        return f"{value.__module__}:{value.__qualname__}"
    text = repr(value)
    if " at 0x" in text and not (is_dataclass(value) or isinstance(value, Enum)):
        raise ValidationError(f"{name}={text[:100]} cannot be kept: nothing tells it from another; give it a repr")
    return text


def _number(cell: str) -> float:
    try:
        return int(cell)
    except ValueError:
        return float(cell)
