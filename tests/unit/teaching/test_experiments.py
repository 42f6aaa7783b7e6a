"""The exercises of lesson 11: what is accepted, and what each hint says."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import cache, wraps
from pathlib import Path
from typing import Any

import pytest

import p2plab
from p2plab import Lab
from p2plab.runs import SweepTable
from tests.unit.teaching.answers import accepted, each_right, each_wrong, rejected

SOLUTIONS = runpy.run_path(str(Path(__file__).parents[3] / "notebooks" / "solutions" / "11_experiments.py"))
spread = SOLUTIONS["spread"]


@cache
def remembering(**settings: Any) -> Callable[..., dict[str, float]]:
    """The lesson's scenario in labs with these settings, run once for each seed and degree: tables share their runs."""
    known: dict[tuple[int, int], dict[str, float]] = {}

    @wraps(spread)
    def remembered(lab: Lab, degree: int = 3) -> dict[str, float]:
        if (lab.seed, degree) not in known:
            known[lab.seed, degree] = spread(lab, degree)
        return dict(known[lab.seed, degree])

    return remembered


def swept(count: int, degrees: tuple[int, ...] = (), scenario: Any = None, **settings: Any) -> SweepTable:
    table: SweepTable = SOLUTIONS["swept"](count, degrees, scenario or remembering(**settings), **settings)
    return table


@cache
def slow_seed() -> int:
    """A seed in which the last node waits long."""
    return next(int(run.seed) for run in swept(64) if run.values["last_ms"] >= 290)


def fails_sometimes(lab: Lab, degree: int = 3) -> dict[str, float]:
    if lab.seed == 3:
        raise TimeoutError("too late")
    found: dict[str, float] = spread(lab, degree)
    return found


def counted(lab: Lab) -> int:
    return len(lab.nodes)


def run(seed: int | None = None, degree: int = 3, **settings: Any) -> Lab:
    lab = Lab(seed=slow_seed() if seed is None else seed, **{"latency": 0.050, "jitter": 0.020, **settings})
    spread(lab, degree)
    return lab


def unfinished(publish: bool) -> Lab:
    """Nothing published, or no time to get it."""
    lab = Lab(seed=slow_seed(), latency=0.050, jitter=0.020)
    nodes = lab.start_nodes(25)
    lab.wire("random", degree=3)
    for node in nodes:
        node.subscribe("news")
    lab.run(3)
    if publish:
        nodes[0].publish("news", "hello")
    return lab


def longer() -> Lab:
    lab = run()
    lab.run(20)
    return lab


def figure(folder: Path, table: SweepTable, name: str = "figure.svg", **options: Any) -> tuple[Path, SweepTable]:
    return p2plab.charts.sweep(table, **options).save(folder / name), table


def of_another(folder: Path) -> tuple[Path, SweepTable]:
    path, _ = figure(folder, swept(5, (3, 4, 6, 8)))
    return path, swept(5, (3, 4, 6))


def no_picture(folder: Path) -> tuple[Path, SweepTable]:
    path = folder / "figure.svg"
    path.write_text("last_ms is 240", encoding="utf-8")
    return path, swept(5, (3, 4, 6))


RIGHT: dict[str, list[Callable[[Path], Any]]] = {
    "11.1": [
        lambda folder: SOLUTIONS["answer_1"](),
        lambda folder: swept(50),
        lambda folder: swept(64, (3,)),
        lambda folder: swept(48, (4, 3)),
        lambda folder: swept(80),
    ],
    "11.2": [
        lambda folder: SOLUTIONS["answer_2"](),
        lambda folder: run(),
        lambda folder: longer(),
        lambda folder: p2plab.open(run().save(folder / "run.p2plab")),
        lambda folder: run().fork(),
    ],
    "11.3": [
        lambda folder: SOLUTIONS["answer_3"](),
        lambda folder: 8,
        lambda folder: 8.0,
        *(lambda folder, kind=kind: kind(8) for kind in (Fraction, Decimal)),
    ],
    "11.4": [
        lambda folder: SOLUTIONS["answer_4"](folder),
        lambda folder: figure(folder, swept(6, (3, 4, 6)), topic="last_ms"),
        lambda folder: figure(folder, swept(5, (3, 4, 8))),
        lambda folder: figure(folder, swept(7, (12, 6, 3)), "another-name.svg"),
        lambda folder: [str(part) if at == 0 else part for at, part in enumerate(figure(folder, swept(5, (4, 6, 8))))],
    ],
}
WRONG: dict[str, list[tuple[Callable[[Path], Any], str]]] = {
    "11.1": [
        (lambda folder: None, "give the table that p2plab.sweep returned"),
        (lambda folder: swept(4), "half as wide needs four times as many"),
        (lambda folder: swept(1), "a single run says nothing"),
        (lambda folder: swept(20, (4, 6)), "no point with degree 3"),
        (lambda folder: swept(64, jitter=0.0), "take the lesson's scenario, latency and jitter"),
        (lambda folder: swept(5, scenario=fails_sometimes), "1 run failed, the first with: TimeoutError: too late"),
        (lambda folder: swept(5, scenario=counted), "returned no last_ms"),
    ],
    "11.2": [
        (lambda folder: None, "give the lab itself"),
        (lambda folder: Lab(seed=1), "25 nodes subscribe"),
        (lambda folder: run(2), "the last node waits 243 ms only"),
        (lambda folder: run(degree=2), "with degree 3 there are 37 or 38 connections, and here are 25"),
        (lambda folder: run(1, latency=0.2), "these links are slower than 50 ms"),
        (lambda folder: unfinished(publish=False), "nothing was published"),
        (lambda folder: unfinished(publish=True), "did not get the message at all"),
    ],
    "11.3": [
        (lambda folder: None, "give one of 3, 4, 6, 8, 12"),
        (lambda folder: 5, "give one of 3, 4, 6, 8, 12"),
        (lambda folder: 3, "not surely below 130"),
        (lambda folder: 6, "not surely below 130"),
        (lambda folder: 12, "not the smallest: with degree 8"),
    ],
    "11.4": [
        (lambda folder: None, "give a pair"),
        (lambda folder: swept(5, (3, 4, 6)), "give a pair"),
        (lambda folder: (folder / "none.svg", swept(5, (3, 4, 6))), "there is no file none.svg"),
        (lambda folder: figure(folder, swept(5, (3, 4, 6)), "figure.html"), "ends with .html"),
        (lambda folder: figure(folder, swept(4, (3, 4, 6))), "4 seeds; at least five"),
        (lambda folder: figure(folder, swept(5, (3, 4))), "2 points; give at least three"),
        (lambda folder: figure(folder, swept(5, (3, 4, 6), fails_sometimes)), "3 runs failed"),
        (of_another, "shows another table"),
        (no_picture, "is no picture"),
    ],
}


@pytest.mark.dear
@each_right(RIGHT)
def test_what_does_what_was_asked_is_accepted(name: str, answer: Callable[[Path], Any], tmp_path: Path) -> None:
    accepted(name, answer(tmp_path))


@pytest.mark.dear
@each_wrong(WRONG)
def test_what_does_not_is_told_what_is_wrong(
    name: str, answer: Callable[[Path], Any], says: str, tmp_path: Path
) -> None:
    rejected(name, answer(tmp_path), says)
