"""``p2plab.sweep``: one scenario over many seeds and parameters, on as many processes or machines as there are."""

from __future__ import annotations

import inspect
import os
import pickle
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from itertools import product
from typing import Any

from p2plab.api.backends import settings_of, without_secrets
from p2plab.errors import ValidationError
from p2plab.errors.frames import faced
from p2plab.runs.keeping import Kept
from p2plab.runs.pools import pool
from p2plab.runs.progress import Progress
from p2plab.runs.scenario import Scenario, check_scenario, numbers, perform
from p2plab.runs.table import CONFIDENCE, Origin, Run, SweepTable, mean_of
from p2plab.settings import refuse_unknown

__all__ = ["sweep"]

Point = tuple[int, dict[str, Any]]
"""A seed and the parameters."""
Outcome = tuple[dict[str, float], float, str, str, tuple[str, ...]]
"""The numbers, the seconds it took, the error and its traceback, and what the numbers rest on."""
ROUND = 5  # seeds between two looks at the rule for stopping
DIED = "its process ended before it was done ({error})"


@faced
def sweep(
    scenario: Scenario,
    seeds: Iterable[int] = range(10),
    grid: Mapping[str, Iterable[Any]] | None = None,
    *,
    executor: Executor | None = None,
    backend: str = "mock",
    progress: bool = True,
    keep: str | os.PathLike[str] | None = None,
    keep_as: str | None = None,
    half_width: Mapping[str, float] | None = None,
    **settings: Any,
) -> SweepTable:
    """Run ``scenario(lab, **parameters)`` in a fresh lab for each seed at each point of the grid, and collect the
    number or the dict of numbers that each run returns.

    Args:
        scenario: a function ``scenario(lab, **parameters)``, plain or async
        seeds: different whole numbers
        grid: a list of values for each parameter. One that the scenario takes goes to it, any other must be a setting
            of the lab (``latency``, ``gossipsub``, ...)
        executor: any of ``concurrent.futures``, or a ``Client`` of ``dask.distributed`` as it is; left out, there is a
            process for each core
        backend: the labs' world
        progress: whether a line says how far it is
        keep: a folder to which results are written as they come; the same sweep with the same folder goes on where it
            was killed
        keep_as: ``"csv"`` (``results.csv``) or ``"parquet"`` (``results.parquet``; the extra parquet); left out, what
            the folder has, and CSV in a new one
        half_width: a rule for stopping, such as ``{"delivered": 0.01}``: at each point of the grid seeds are run in
            rounds of five, until the intervals of all these numbers are at most so wide to either side
        settings: the same in every lab

    Returns:
        A SweepTable. A run that fails is in it with its seed and parameters; an interrupt keeps what is finished; a
        private network's key is in it by its fingerprint. ``table.open(run)`` gives the lab of a run.

    Raises:
        ValidationError: what cannot be run at all; a folder that holds another sweep.
        ConfigurationError: the folder cannot be written.
        MissingExtraError: Parquet without pyarrow.

    Example:
        >>> from p2plab.runs import InThisProcess
        >>> def scenario(lab, nodes):
        ...     lab.start_nodes(nodes)
        ...     return {"edges": len(lab.wire("ring"))}
        >>> table = p2plab.sweep(scenario, range(2), {"nodes": [3, 5]}, executor=InThisProcess(), progress=False)
        >>> table
        nodes  runs  edges
            3     2  3 ± 0
            5     2  5 ± 0
        ...
    """
    scenario, settings = check_scenario(scenario), without_secrets(backend, settings)
    if grid is not None and not isinstance(grid, Mapping):
        raise ValidationError(f"the grid is a dict of lists of values, such as {{'degree': [4, 8]}}, not {grid!r}")
    to_lab = _for_the_lab(scenario, backend, grid or {}, settings)
    points = _points(seeds, grid or {}, backend)
    _check_rule(half_width)
    if keep_as is not None and keep is None:
        raise ValidationError(f"keep_as={keep_as!r} says how results are kept: name a folder with keep=")
    origin = Origin(scenario, backend, settings, to_lab)
    kept = None if keep is None else Kept(keep, origin, list(grid or {}), keep_as)
    with pool(executor, len(points)) as (workers, kill), Progress(len(points), progress) as line:
        runs = _Runs(points, line, kept)
        try:
            task = _packed(origin)
            for places in _rounds(runs, half_width):
                runs.submit(workers, task, places)
                runs.collect()
        except KeyboardInterrupt:
            runs.give_up()
            kill()
        finally:
            if kept is not None:
                kept.close()
    made = [run for run in runs.made if run is not None]
    return SweepTable(origin, made, runs.missing(), runs.spared)


def _check_rule(half_width: Any) -> None:
    if half_width is None:
        return
    ok = isinstance(half_width, Mapping) and half_width
    if not ok or not all(
        isinstance(name, str) and isinstance(most, (int, float)) and not isinstance(most, bool) and most > 0
        for name, most in half_width.items()
    ):
        raise ValidationError(
            f"half_width={half_width!r}: how wide intervals may be, by name, as in {{'delivered': 0.01}}"
        )


def _rounds(runs: _Runs, half_width: Mapping[str, float] | None) -> Iterator[list[int]]:
    """The places of the points to run, round by round; which those are never depends on who is faster."""
    if half_width is None:
        yield list(range(len(runs.points)))
        return
    groups: list[list[int]] = []
    for place, (_, parameters) in enumerate(runs.points):
        if groups and runs.points[groups[-1][0]][1] is parameters:
            groups[-1].append(place)
        else:
            groups.append([place])
    done = 0
    while groups:
        yield [place for group in groups for place in group[done : done + ROUND]]
        done += ROUND
        going = []
        for group in groups:
            if len(group) <= done:
                continue
            if _is_narrow([runs.made[place] for place in group[:done]], half_width):
                runs.spare(group[done:])
            else:
                going.append(group)
        groups = going


def _is_narrow(made: Sequence[Run | None], half_width: Mapping[str, float]) -> bool:
    for name, most in half_width.items():
        values = [run.values[name] for run in made if run is not None and name in run.values]
        width = mean_of({}, name, values, CONFIDENCE).half_width if values else None
        if width is None or width > most:
            return False
    return True


class _Runs:
    """The runs on their way; ``made`` has each in its place as soon as it is done."""

    def __init__(self, points: Sequence[Point], line: Progress, kept: Kept | None = None) -> None:
        self.made: list[Run | None] = [None] * len(points)
        self.points = points
        self.spared: list[Point] = []
        self._spared: set[int] = set()
        self._line = line
        self._kept = kept
        self._places: dict[Future[Outcome], int] = {}

    def submit(self, workers: Executor, task: bytes, places: Sequence[int]) -> None:
        for place in places:
            point = self.points[place]
            before = None if self._kept is None else self._kept.run(*point)
            if before is not None:
                self.made[place] = before
                self._line.advance(before.failed)
                continue
            future = workers.submit(run_one, task, _packed(point))
            self._places[future] = place
            if future.done():  # made here and now, so that an interrupt keeps it
                self._take(future)

    def collect(self) -> None:
        for future in as_completed([one for one, place in self._places.items() if self.made[place] is None]):
            self._take(future)

    def spare(self, places: Sequence[int]) -> None:
        """Leave points out: the rule for stopping is fulfilled without them."""
        self._spared.update(places)
        self.spared += [self.points[place] for place in places]

    def give_up(self) -> None:
        """Keep what is done; let nothing more begin."""
        for future in self._places:
            if not future.cancel() and future.done():
                self._take(future)

    def _take(self, future: Future[Outcome]) -> None:
        place = self._places[future]
        if self.made[place] is not None:
            return
        seed, parameters = self.points[place]
        died = False
        try:
            values, seconds, error, trace, assumed = future.result()
        except Exception as lost:  # noqa: BLE001  whatever an executor does when a worker of its is gone
            values, seconds, trace, assumed = {}, 0.0, "", ()
            error, died = DIED.format(error=f"{type(lost).__name__}: {lost}"), True
        run = self.made[place] = Run(seed, parameters, values, seconds, error, trace, assumed)
        if self._kept is not None and not died:  # one whose process died is made again when the sweep goes on
            self._kept.put(run)
        self._line.advance(bool(error))

    def missing(self) -> list[Point]:
        pairs = zip(self.points, self.made, strict=True)
        return [point for place, (point, run) in enumerate(pairs) if run is None and place not in self._spared]


def run_one(task: bytes, point: bytes) -> Outcome:
    """For whoever works for a sweep: make one run, which was packed with cloudpickle."""
    origin: Origin = pickle.loads(task)
    seed, parameters = pickle.loads(point)
    settings, arguments = origin.divided(parameters)
    began = time.perf_counter()
    try:
        run = perform(origin.scenario, origin.backend, seed, settings, arguments)
        if run.error is not None:
            raise run.error
        return numbers(run.value), time.perf_counter() - began, "", "", run.events.assumptions
    except Exception as error:  # noqa: BLE001  the table tells of it
        said = f"{type(error).__name__}: {error}"
        return {}, time.perf_counter() - began, said, traceback.format_exc(), ()


def _packed(what: object) -> bytes:
    import cloudpickle

    try:
        return bytes(cloudpickle.dumps(what))
    except Exception as error:
        raise ValidationError(
            f"a scenario and its parameters must be able to travel to another process: {type(error).__name__}: {error}"
        ) from error


def _points(seeds: Iterable[int], grid: Mapping[str, Iterable[Any]], backend: str) -> list[Point]:
    if isinstance(seeds, (str, bytes)) or not isinstance(seeds, Iterable):
        meant = f"; range({seeds}) is that many" if isinstance(seeds, int) and seeds > 0 else ""
        raise ValidationError(f"seeds are different whole numbers, such as range(30), not {seeds!r}{meant}")
    listed = list(seeds)
    wrong = [seed for seed in listed if isinstance(seed, bool) or not isinstance(seed, int)]
    if wrong or not listed or len(set(listed)) < len(listed):
        raise ValidationError(f"seeds are different whole numbers, at least one, such as range(30); not {listed[:10]}")
    values = {}
    for name, given in grid.items():
        if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
            raise ValidationError(f"the grid has a list of values for each parameter, and for {name!r} {given!r}")
        values[name] = list(given)
        if not values[name]:
            raise ValidationError(f"the grid has no values for {name!r}")
    combinations = [
        without_secrets(backend, dict(zip(values, chosen, strict=True))) for chosen in product(*values.values())
    ]
    return [(seed, parameters) for parameters in combinations for seed in listed]


def _for_the_lab(
    scenario: Scenario, backend: str, grid: Mapping[str, Any], settings: Mapping[str, Any]
) -> frozenset[str]:
    """Which of the grid's parameters are settings of the lab. ValidationError for what is nobody's."""
    known = settings_of(backend)
    refuse_unknown(settings, known, f"Lab({backend!r})", "seeds, grid, executor and ")
    twice = sorted(settings.keys() & grid.keys())
    if twice:
        raise ValidationError(f"{twice[0]} is in the grid, and is {settings[twice[0]]!r} too")
    try:
        taken = list(inspect.signature(scenario).parameters.values())[1:]
    except ValueError as error:  # of int, for instance
        raise ValidationError(f"{scenario!r} is no scenario: one is a function of a lab") from error
    named = [one for one in taken if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    lacking = [one.name for one in named if one.default is one.empty and one.name not in grid]
    if lacking:
        raise ValidationError(f"the scenario needs {', '.join(lacking)}: give the grid a list of values, or a default")
    to_scenario = {one.name for one in named}
    takes_any = any(one.kind is one.VAR_KEYWORD for one in taken)
    for name in grid:
        if name not in to_scenario and name not in known and not takes_any:
            raise ValidationError(
                f"{name!r} is neither a parameter of the scenario nor a setting of the lab ({', '.join(sorted(known))})"
            )
    return frozenset(grid.keys() & known.keys() - to_scenario)
