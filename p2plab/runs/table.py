"""What a sweep gives: a run for each seed and each point of the grid, and their means."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

from p2plab.errors import ConfigurationError, MissingExtraError, ValidationError
from p2plab.errors.checked import path_of
from p2plab.errors.frames import faced
from p2plab.events.assumptions import together
from p2plab.events.files.whole_file import replacing
from p2plab.runs.scenario import Scenario, name_of, stopped_at_its_end
from p2plab.text import html_table, plural

if TYPE_CHECKING:
    import pandas

    from p2plab.api.blocking.lab import Lab

__all__ = ["CONFIDENCE", "Mean", "Origin", "Run", "SweepTable", "mean_of"]

CONFIDENCE = 0.95
SHOWN_FAILURES = 3


@dataclass(frozen=True)
class Run:
    """One run, with its ``seed`` and its point of the grid (``parameters``). ``values`` are the numbers that the
    scenario returned, by name; of a run that failed there are none, and ``error`` and ``traceback`` say why.
    ``seconds`` is how long it took on the wall clock; ``assumptions``: what its figures rest on."""

    seed: int
    parameters: Mapping[str, Any]
    values: Mapping[str, float]
    seconds: float
    error: str = ""
    traceback: str = ""
    assumptions: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether it came to nothing."""
        return bool(self.error)


@dataclass(frozen=True)
class Mean:
    """The mean of the number ``name`` over the seeds, at one point of the grid (``parameters``): of ``runs`` runs, with
    its confidence interval ``half_width`` to either side (Student's t; None where there are fewer than two runs)."""

    parameters: Mapping[str, Any]
    name: str
    mean: float
    half_width: float | None
    runs: int

    def __str__(self) -> str:
        if self.half_width is None:
            return f"{self.mean:.6g}"
        width = f"{self.half_width:.2g}"
        return f"{self.mean:.6g} ± {f'{float(width):.0f}' if 100 <= self.half_width < 1e6 else width}"


@dataclass(frozen=True)
class Origin:
    """What was run: the scenario, in labs of this backend and with these settings. ``to_lab`` are the parameters that
    are settings of the lab too."""

    scenario: Scenario
    backend: str
    settings: Mapping[str, Any]
    to_lab: frozenset[str]

    def divided(self, parameters: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The lab's settings, and the scenario's arguments."""
        to_lab = {name: value for name, value in parameters.items() if name in self.to_lab}
        return {**self.settings, **to_lab}, {name: value for name, value in parameters.items() if name not in to_lab}

    def line(self, seed: int, parameters: Mapping[str, Any]) -> str:
        """The line of Python that makes a run."""
        settings, arguments = (
            [f", {name}={_code(value)}" for name, value in some.items()] for some in self.divided(parameters)
        )
        lab, wait = ("AsyncLab", "await ") if inspect.iscoroutinefunction(self.scenario) else ("Lab", "")
        lab = f"{lab}({self.backend!r}, seed={seed}{''.join(settings)})"
        return f"{wait}{name_of(self.scenario)}({lab}{''.join(arguments)})"


class SweepTable:
    """The runs of a sweep, point by point in the order of the grid, and in it seed by seed.

    ``means()`` has the means over the seeds; ``failures`` the runs that failed, each with the seed and the parameters
    that make it happen again; ``missing`` the runs that an interrupt kept from being made, ``spared`` those that the
    rule for stopping made needless, both as (seed, parameters).
    """

    def __init__(
        self,
        origin: Origin,
        runs: Sequence[Run],
        missing: Sequence[tuple[int, Mapping[str, Any]]] = (),
        spared: Sequence[tuple[int, Mapping[str, Any]]] = (),
    ) -> None:
        self.runs = list(runs)
        self.missing = list(missing)
        self.spared = list(spared)
        self._origin = origin

    @property
    def failures(self) -> list[Run]:
        """The runs that failed."""
        return [run for run in self.runs if run.failed]

    @faced
    def reproduce(self, run: Run) -> str:
        """The line of Python that makes a run again, here and with a traceback."""
        return self._origin.line(run.seed, run.parameters)

    @faced
    def open(self, run: Run | int) -> Lab:
        """The lab of a run (or of the one at this place): the scenario played again, to its end or where it failed.

        Raises:
            ValidationError: no run of this table.
            NotInThisWorldError: of an async scenario in real labs.
        """
        if isinstance(run, int) and not isinstance(run, bool) and -len(self.runs) <= run < len(self.runs):
            run = self.runs[run]
        if not isinstance(run, Run):
            raise ValidationError(
                f"open takes a run of the table, or its place (0 to {len(self.runs) - 1}), not {run!r}"
            )
        settings, arguments = self._origin.divided(run.parameters)
        return stopped_at_its_end(self._origin.scenario, self._origin.backend, run.seed, settings, arguments)

    @faced
    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a row for each run: ``.csv``, or ``.parquet`` where pyarrow is installed. Returns the path.

        Raises:
            ValidationError: a name that ends otherwise.
            MissingExtraError: without pandas, or without pyarrow for Parquet.
        """
        target = path_of(path, "the path of a table")
        if target.suffix not in (".csv", ".parquet"):
            raise ValidationError(
                f"a table is saved as .csv or .parquet, not as {target.suffix or 'a file without an end'}"
            )
        table = self.to_pandas()
        for name in table.columns:
            if table[name].dtype == object:
                table[name] = [
                    value if isinstance(value, (int, float, str)) else _shown(value) for value in table[name]
                ]
        try:
            with replacing(target) as file:
                table.to_csv(file, index=False) if target.suffix == ".csv" else table.to_parquet(file, index=False)
        except ImportError as error:
            raise MissingExtraError("a table in Parquet needs pyarrow: pip install 'p2plab[parquet]'") from error
        except OSError as error:
            raise ConfigurationError(f"{target} cannot be written: {error.strerror or error}") from error
        return target

    @faced
    def means(self, confidence: float = CONFIDENCE) -> list[Mean]:
        """The mean of each number over the seeds, with its confidence interval, for each point of the grid."""
        found = []
        for point in self._points():
            values: dict[str, list[float]] = {}
            for run in point:
                for name, value in run.values.items():
                    values.setdefault(name, []).append(value)
            found += [mean_of(point[0].parameters, name, many, confidence) for name, many in values.items()]
        return found

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the figures rest on, of all runs, and whether there are enough seeds, as sentences."""
        made = [run for run in self.runs if not run.failed]
        return together((run.assumptions for run in made), len({run.seed for run in made}))

    def _points(self) -> list[list[Run]]:
        """The runs of each point of the grid. Parameters may be anything, so they are compared and not hashed."""
        points: list[list[Run]] = []
        for run in self.runs:
            if points and points[-1][0].parameters is run.parameters:
                points[-1].append(run)
            else:
                points.append([run])
        return points

    def __len__(self) -> int:
        return len(self.runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    def __getitem__(self, index: int) -> Run:
        return self.runs[index]

    def to_pandas(self) -> pandas.DataFrame:
        """A DataFrame with a row for each run: the seed, the parameters, the numbers, ``error`` and ``seconds``.
        MissingExtraError without pandas."""
        try:
            import pandas
        except ImportError as error:
            raise MissingExtraError("to_pandas needs pandas: pip install pandas") from error
        rows = [
            {"seed": run.seed, **run.parameters, **run.values, "error": run.error, "seconds": run.seconds}
            for run in self.runs
        ]
        return pandas.DataFrame(rows)

    # -- faces

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        """The head and the rows of the table of means."""
        parameters = list(dict.fromkeys(name for run in self.runs for name in run.parameters))
        names = list(dict.fromkeys(name for run in self.runs for name in run.values))
        means: dict[int, dict[str, Mean]] = {}
        for mean in self.means():
            means.setdefault(id(mean.parameters), {})[mean.name] = mean
        rows = []
        for point in self._points():
            here = means.get(id(point[0].parameters), {})
            rows.append(
                [_shown(point[0].parameters.get(name, "")) for name in parameters]
                + [str(sum(not run.failed for run in point))]
                + [str(here[name]) if name in here else "–" for name in names]
            )
        return [*parameters, "runs", *names], rows

    def _notes(self) -> list[str]:
        failures = self.failures
        made = len(self.runs) - len(failures)
        notes = [f"{name_of(self._origin.scenario)}: {plural(made, 'run')}, means with {CONFIDENCE:.0%} intervals"]
        if failures:
            notes.append(f"{plural(len(failures), 'run')} failed:")
            notes += [f"  {run.error.splitlines()[0]}   {self.reproduce(run)}" for run in failures[:SHOWN_FAILURES]]
            if len(failures) > SHOWN_FAILURES:
                notes.append(f"  … and {len(failures) - SHOWN_FAILURES} more in .failures")
        if self.missing:
            notes.append(f"interrupted: {plural(len(self.missing), 'run was', 'runs were')} not made")
        if self.spared:
            seeds = plural(len(self.spared), "run was", "runs were")
            notes.append(
                f"{seeds} not needed: the intervals were narrow enough; who stops there gets them a little too narrow"
            )
        return notes + list(self.assumptions)

    def __repr__(self) -> str:
        head, rows = self._cells()
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)]
        return "\n".join([*lines, *self._notes()])

    def _repr_html_(self) -> str:
        head, rows = self._cells()
        return html_table(head, rows, notes=self._notes())


def mean_of(parameters: Mapping[str, Any], name: str, values: list[float], confidence: float) -> Mean:
    """The mean of these values, with its interval."""
    from p2plab.runs.student import half_width

    count = len(values)
    mean = fsum(values) / count
    deviation = sqrt(fsum((value - mean) ** 2 for value in values) / (count - 1)) if count > 1 else 0.0
    return Mean(parameters, name, mean, half_width(deviation, count, confidence), count)


def _shown(value: Any) -> str:
    """A parameter in a table: a class or a function by its name."""
    return value.__name__ if isinstance(value, (type, FunctionType)) else str(value)


def _code(value: Any) -> str:
    """A parameter in a line of Python."""
    return value.__name__ if isinstance(value, (type, FunctionType)) else repr(value)
