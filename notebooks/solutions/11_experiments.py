"""One answer to each exercise of lesson 11. There are others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import p2plab
from p2plab import Lab
from p2plab.runs import InThisProcess, SweepTable

__all__ = ["answer_1", "answer_2", "answer_3", "answer_4", "spread", "swept"]


def spread(lab: Lab, degree: int = 3) -> dict[str, float]:
    """The lesson's scenario."""
    nodes = lab.start_nodes(25)
    lab.wire("random", degree=degree)
    for node in nodes:
        node.subscribe("news")
    lab.run(3)
    message = nodes[0].publish("news", "hello")
    lab.run(5)
    told = lab.propagation(message)
    return {"last_ms": told.duration * 1000, "duplicates": told.duplicates}


def swept(count: int, degrees: tuple[int, ...] = (), scenario: Any = spread, **settings: Any) -> SweepTable:
    """A sweep with the lesson's settings."""
    given: dict[str, Any] = {"latency": 0.050, "jitter": 0.020, **settings}
    grid = {"degree": list(degrees)} if degrees else None
    return p2plab.sweep(scenario, range(count), grid, executor=InThisProcess(), progress=False, **given)


def answer_1() -> SweepTable:
    """Enough seeds."""
    return swept(64)


def answer_2() -> Lab:
    """A sweep finds the seed, and the seed makes the lab."""
    seed = next(run.seed for run in swept(64) if run.values["last_ms"] >= 290)
    lab = Lab(seed=seed, latency=0.050, jitter=0.020)
    spread(lab)
    return lab


def answer_3() -> int:
    """The first degree whose interval ends below 130 ms."""
    means = [mean for mean in swept(16, (3, 4, 6, 8, 12)).means() if mean.name == "last_ms"]
    return next(mean.parameters["degree"] for mean in means if mean.mean + (mean.half_width or 0) < 130)


def answer_4(folder: Path) -> tuple[Path, SweepTable]:
    """A figure and its table."""
    table = swept(5, (3, 4, 6))
    return p2plab.charts.sweep(table).save(folder / "degree.svg"), table
