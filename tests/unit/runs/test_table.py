"""The table of a sweep, and the intervals in it."""

from __future__ import annotations

import math
import re
import sys
from typing import Any

import pytest

from p2plab import Lab
from p2plab.errors import MissingExtraError, ValidationError
from p2plab.runs import Run, SweepTable
from p2plab.runs.student import half_width, t_quantile, within
from p2plab.runs.table import Mean, Origin


@pytest.mark.parametrize(
    ("confidence", "freedom", "expected"),
    [
        (0.95, 1, 12.7062047362),
        (0.95, 2, 4.3026527297),
        (0.95, 3, 3.1824463053),
        (0.95, 9, 2.2621571628),
        (0.95, 29, 2.0452296421),
        (0.95, 30, 2.0422724563),
        (0.99, 4, 4.6040948713),
        (0.90, 7, 1.8945786051),
        (0.5, 1, 1.0),
        (0.95, 1000, 1.9623390808),
    ],
)
def test_quantiles_are_those_of_the_tables(confidence: float, freedom: int, expected: float) -> None:
    assert t_quantile(confidence, freedom) == pytest.approx(expected, abs=5e-10)


def test_with_many_degrees_of_freedom_it_is_the_normal_distribution() -> None:
    assert t_quantile(0.95, 200_001) == pytest.approx(1.959964, abs=2e-5)


@pytest.mark.parametrize("freedom", range(1, 12))
def test_the_distribution_is_the_integral_of_its_density(freedom: int) -> None:
    factor = math.gamma((freedom + 1) / 2) / (math.sqrt(freedom * math.pi) * math.gamma(freedom / 2))
    steps, end = 2_000, 2.5
    density = [factor * (1 + (end * n / steps) ** 2 / freedom) ** (-(freedom + 1) / 2) for n in range(steps + 1)]
    simpson = density[0] + density[-1] + 4 * math.fsum(density[1:-1:2]) + 2 * math.fsum(density[2:-1:2])
    assert within(end, freedom) == pytest.approx(2 * simpson * end / steps / 3, abs=1e-12)


@pytest.mark.parametrize("confidence", [0, 1, -0.5, 95, float("nan")])
def test_a_confidence_is_a_probability(confidence: float) -> None:
    with pytest.raises(ValidationError, match="confidence is a probability"):
        t_quantile(confidence, 3)


def test_one_value_gives_no_interval() -> None:
    assert half_width(0.0, 1, 0.95) is None
    assert half_width(float("nan"), 5, 0.95) is None
    assert half_width(0.0, 5, 0.95) == 0


def hop(lab: Lab, degree: int = 3) -> float:
    return degree


def table(*runs: Run, missing: Any = ()) -> SweepTable:
    return SweepTable(Origin(hop, "mock", {"jitter": 0.01}, frozenset({"latency"})), runs, missing)


SMALL: dict[str, Any] = {"degree": 2, "latency": 0.1}
LARGE: dict[str, Any] = {"degree": 8, "latency": 0.1}
BAD = Run(3, LARGE, {}, 0.5, "ValueError: <b>no</b>\nsecond line", "Traceback ...")


def some_runs() -> SweepTable:
    return table(
        *(Run(seed, SMALL, {"delay": value, "copies": 2}, 0.1) for seed, value in enumerate((1.0, 2.0, 3.0, 4.0))),
        Run(1, LARGE, {"delay": 5.0}, 0.1),
        BAD,
    )


def test_means_are_over_the_seeds_of_each_point() -> None:
    means = some_runs().means()
    assert [(mean.parameters["degree"], mean.name, mean.mean, mean.runs) for mean in means] == [
        (2, "delay", 2.5, 4),
        (2, "copies", 2.0, 4),
        (8, "delay", 5.0, 1),
    ]
    assert means[0].half_width == pytest.approx(3.1824463053 * math.sqrt(5 / 3) / 2)
    assert means[1].half_width == 0
    assert means[2].half_width is None
    narrow, middle, wide = (some_runs().means(confidence)[0].half_width or 0 for confidence in (0.5, 0.95, 0.99))
    assert 0 < narrow < middle < wide


@pytest.mark.parametrize(("width", "shown"), [(0.0949, "0.095"), (55.1, "55"), (544.0, "540"), (2e7, "2e+07")])
def test_an_interval_is_shown_with_two_digits_and_no_exponent_where_it_needs_none(width: float, shown: str) -> None:
    assert str(Mean({}, "ms", 516.4, width, 4)) == f"516.4 ± {shown}"


def test_the_table_shows_means_failures_and_how_to_make_them_again() -> None:
    assert repr(some_runs()).splitlines() == [
        "degree  latency  runs      delay  copies",
        "     2      0.1     4  2.5 ± 2.1   2 ± 0",
        "     8      0.1     1          5       –",
        "hop: 5 runs, means with 95% intervals",
        "1 run failed:",
        "  ValueError: <b>no</b>   hop(Lab('mock', seed=3, jitter=0.01, latency=0.1), degree=8)",
        "Means over 4 seeds: below 10, intervals are rough.",
    ]


def test_what_is_shown_in_html_is_escaped() -> None:
    html = some_runs()._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;no&lt;/b&gt;" in html
    assert re.sub(r"<[^>]*>", " ", html).split()[:5] == ["degree", "latency", "runs", "delay", "copies"]
    named = table(Run(1, {"<i>": "<script>"}, {"<u>": 1.0}, 0.1))._repr_html_()
    assert not re.search(r"<(i|u|script)>", named)


def test_an_interrupted_table_says_how_much_is_missing() -> None:
    interrupted = table(Run(1, SMALL, {"delay": 1.0}, 0.1), missing=[(2, SMALL), (3, SMALL)])
    assert repr(interrupted).splitlines()[-2] == "interrupted: 2 runs were not made"
    assert repr(table(missing=[(1, SMALL)])).splitlines()[-2] == "interrupted: 1 run was not made"


def test_a_table_of_failures_alone_can_be_shown() -> None:
    assert "1 run failed" in repr(table(BAD))
    assert table(BAD).means() == []


def test_pandas_gets_a_row_a_run() -> None:
    frame = some_runs().to_pandas()
    assert list(frame.columns) == ["seed", "degree", "latency", "delay", "copies", "error", "seconds"]
    assert list(frame["seed"]) == [0, 1, 2, 3, 1, 3]
    assert list(frame["error"].astype(bool)) == [False] * 5 + [True]


def test_without_pandas_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match="pip install pandas"):
        some_runs().to_pandas()
