"""The folder of a sweep that is kept: its results as they come, so that a sweep that was killed goes on.

    sweep.json     what was run: scenario and the hash of its source, backend, settings, parameters, versions
    results.csv, or results.parquet (``kept_tables``)
                   a row for each run: key, seed, parameters, numbers, seconds, error, traceback, assumptions

A run is known again by its key, which is made of its seed and parameters. A row is written when its run is done, and
is on the disk before the next; one that was cut is dropped, and its run is made again.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from enum import Enum
from types import FunctionType
from typing import Any, Final

from p2plab.constants import MODEL_VERSION, VERSION
from p2plab.errors import ConfigurationError, ValidationError
from p2plab.errors.checked import path_of
from p2plab.runs.kept_tables import table_in
from p2plab.runs.scenario import name_of
from p2plab.runs.table import Origin, Run

__all__ = ["Kept"]

ABOUT: Final = "sweep.json"
_SAME: Final = ("scenario", "source", "backend", "settings", "parameters", "model")  # or it is another sweep


class Kept:
    """A folder, made if it is missing. ``found`` has the runs that are in it, by their keys.

    ValidationError where it holds another sweep, ConfigurationError where it cannot be written.
    """

    def __init__(
        self, folder: str | os.PathLike[str], origin: Origin, parameters: Sequence[str], kind: str | None = None
    ) -> None:
        self.folder = path_of(folder, "keep=, the folder of a sweep,")
        self._parameters = list(parameters)
        about = _about(origin, self._parameters)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._check(about)
            self._table = table_in(self.folder, kind, self._parameters)
            self.found = self._table.read()
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
        texts = {name: _text(name, value) for name, value in run.parameters.items()}
        self._table.put(self.key(run.seed, run.parameters), run, texts)

    def close(self) -> None:
        """Nothing more comes."""
        self._table.close()

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
