"""Lesson 11: seeds, sweeps, intervals, figures."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from p2plab.teaching.exercises import Verdict, exercise
from p2plab.teaching.networks import no_lab
from p2plab.text import plural

if TYPE_CHECKING:
    from p2plab.runs import Mean

__all__: list[str] = []

TOPIC: Final = "news"
LATENCY: Final = 0.050
JITTER: Final = 0.020
EXACT: Final = 10.0  # milliseconds to either side
SLOW: Final = 0.290  # seconds
DEGREES: Final = (3, 4, 6, 8, 12)
BELOW: Final = 130.0  # milliseconds
SEEDS: Final = 16


def _spread(lab: Any, degree: int = 3) -> dict[str, float]:
    """The lesson's scenario."""
    nodes = lab.start_nodes(25)
    lab.wire("random", degree=degree)
    for node in nodes:
        node.subscribe(TOPIC)
    lab.run(3)
    message = nodes[0].publish(TOPIC, "hello")
    lab.run(5)
    told = lab.propagation(message)
    return {"last_ms": told.duration * 1000, "duplicates": told.duplicates}


def _no_table(answer: Any) -> str:
    if answer is None or not hasattr(answer, "means") or not hasattr(answer, "failures"):
        return f"give the table that p2plab.sweep returned, not {answer!r}"[:200]
    if answer.failures:
        return f"{plural(len(answer.failures), 'run')} failed, the first with: {answer.failures[0].error}"[:300]
    return ""


@exercise("11.1", "a sweep of spread with degree 3 in which the ± of last_ms is 10 ms or less")
def _exact(answer: Any) -> Verdict:
    from p2plab import Lab

    if wrong := _no_table(answer):
        return Verdict(False, wrong)
    means = [mean for mean in answer.means() if mean.name == "last_ms"]
    if not means:
        return Verdict(False, "the runs of this table returned no last_ms")
    found = next((mean for mean in means if mean.parameters.get("degree", 3) == 3), None)
    if found is None:
        return Verdict(False, "there is no point with degree 3 in this table")
    if found.half_width is None:
        return Verdict(False, "a single run says nothing about how much runs vary: take more seeds")
    first = next(run for run in answer if run.parameters.get("degree", 3) == 3)
    with Lab(seed=first.seed, latency=LATENCY, jitter=JITTER) as lab:
        again = _spread(lab)["last_ms"]
    if abs(again - first.values["last_ms"]) > 1e-6:
        theirs = first.values["last_ms"]
        return Verdict(False, f"with seed {first.seed} spread takes {again:.1f} ms, and here it is {theirs:.1f} ms: "
                              "take the lesson's scenario, latency and jitter")  # fmt: skip
    if found.half_width > EXACT:
        width = f"± {found.half_width:.1f} ms from {found.runs} seeds"
        return Verdict(False, f"{width}: take more; half as wide needs four times as many")
    return Verdict(True, f"{found} ms, from {found.runs} seeds")


@exercise("11.2", "a lab with 25 nodes and degree 3 in which the last node waits 290 ms or more for a message")
def _a_slow_one(answer: Any) -> Verdict:
    if wrong := no_lab(answer):
        return Verdict(False, wrong)
    state = answer.events.state()
    members = state.subscriptions.get(TOPIC, [])
    if len(state.nodes) != 25 or len(members) != 25:
        return Verdict(False, f"25 nodes subscribe to {TOPIC!r} in such a lab; here {len(members)} of "
                              f"{len(state.nodes)} do")  # fmt: skip
    edges = len(answer.edges())
    if not 36 <= edges <= 38:
        return Verdict(False, f"with degree 3 there are 37 or 38 connections, and here are {edges}")
    published = answer.events.filter(kind="pubsub.publish", topic=TOPIC)
    if not published:
        return Verdict(False, f"nothing was published on {TOPIC!r}")
    told = answer.propagation(published[-1].ref)
    if told.missing:
        return Verdict(False, f"{told.missing[0]} did not get the message at all: let more lab time pass")
    last = max(told, key=lambda delivery: delivery.after)
    if last.after > last.hops * (LATENCY + JITTER):
        return Verdict(False, f"{last.node} waited {last.after * 1000:.0f} ms for {last.hops} hops: these links are "
                              "slower than 50 ms, or it came by gossip")  # fmt: skip
    if last.after < SLOW:
        return Verdict(
            False, f"the last node waits {last.after * 1000:.0f} ms only; have a sweep look for another seed"
        )
    return Verdict(True, f"{last.node} is {last.hops} hops away; the seed is all one has to pass on: {answer.seed}")


@cache  # the same for every answer, and 16 runs each
def _mean(degree: int) -> Mean:
    """The lesson's mean of last_ms with this degree."""
    from p2plab.runs import InThisProcess, sweep

    table = sweep(
        _spread,
        seeds=range(SEEDS),
        grid={"degree": [degree]},
        executor=InThisProcess(),
        progress=False,
        latency=LATENCY,
        jitter=JITTER,
    )
    return next(mean for mean in table.means() if mean.name == "last_ms")


@exercise("11.3", "the smallest degree of 3, 4, 6, 8, 12 with which the mean of last_ms is surely below 130 ms")
def _surely_below(answer: Any) -> Verdict:
    if isinstance(answer, bool) or answer not in DEGREES:
        return Verdict(False, f"give one of {', '.join(map(str, DEGREES))}, not {answer!r}"[:200])
    means = {degree: _mean(degree) for degree in DEGREES if degree <= answer}
    ends = {degree: mean.mean + (mean.half_width or 0.0) for degree, mean in means.items()}
    if ends[answer] >= BELOW:
        return Verdict(False, f"with degree {answer} it is {means[answer]} ms, which is not surely below {BELOW:.0f}")
    smaller = [degree for degree in ends if degree < answer and ends[degree] < BELOW]
    if smaller:
        return Verdict(
            False, f"that is below, but not the smallest: with degree {smaller[0]} it is {means[smaller[0]]} ms"
        )
    return Verdict(True, f"with degree {answer} it is {means[answer]} ms in {SEEDS} seeds")


@exercise("11.4", "a saved .svg of a sweep over three values and five seeds or more, and the table: (path, table)")
def _published(answer: Any) -> Verdict:
    from p2plab.charts import sweep as draw

    try:
        path, table = answer
        path = Path(path)
    except (TypeError, ValueError):
        return Verdict(False, "give a pair: the path of the file, and the table it shows")
    if wrong := _no_table(table):
        return Verdict(False, wrong)
    if path.suffix != ".svg":
        return Verdict(False, f"the file's name ends with {path.suffix or 'nothing'}; it should be an .svg")
    if not path.is_file():
        return Verdict(False, f"there is no file {path.name}: chart.save(...) returns its path")
    seeds = sorted({run.seed for run in table})
    if len(seeds) < 5:
        return Verdict(False, f"the table has {len(seeds)} seeds; at least five make an interval worth drawing")
    chart = draw(table)
    points = {repr(run.parameters) for run in table}
    if len(points) < 3:
        return Verdict(False, f"the grid has {len(points)} points; give at least three values")
    drawn = path.read_text(encoding="utf-8", errors="replace")
    if "<svg" not in drawn[:500]:
        return Verdict(False, f"{path.name} is no picture")
    if chart.sentence not in drawn:
        return Verdict(False, f"{path.name} shows another table: that of yours says {chart.sentence!r}")
    return Verdict(True, f"{chart.sentence}; put the seeds and the scenario beside it")
