"""Charts of many runs: a sweep over seeds and parameters, and the mock world beside the real one."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from p2plab.charts.chart import Chart
from p2plab.charts.description import Axis, Description, Panel, ReferenceLine, Series
from p2plab.charts.painters.text import number, plain
from p2plab.errors import ValidationError
from p2plab.errors.frames import faced
from p2plab.text import plural

__all__ = ["comparison", "sweep"]

PANELS = 6  # numbers of a sweep that are drawn
CURVES = 8
_SHARE: Final = re.compile(r"share|fraction", re.I)  # in the name of a number that is from 0 to 1
WORLDS = ("mock", "real")


@faced
def sweep(
    source: Any, *, topic: str | None = None, since: float | None = None, until: float | None = None,
    published: Mapping[str, Mapping[float, float]] | None = None,
) -> Chart:  # fmt: skip
    """What a sweep found: each number that the scenario returned, over the parameter that takes most values.

    ``source``: what ``p2plab.sweep`` returned. A point is the mean over the seeds, its whiskers the 95 % confidence
    interval (Student's t; none for a single run), of which only the part is drawn where the number can be: from 0 on
    where no run returned less, and up to 1 for a share or a fraction. Other parameters make a curve each. ``topic``
    picks one number by its name; ``since`` and ``until`` are the first and the last value of the parameter that are
    drawn. ``published`` are numbers of others, drawn beside: by their source, the number at each value of the
    parameter. Rows: the parameters, then number, mean, half_width (None: a single run), runs (0: published). Raises
    ValidationError.

    Example:
        >>> from p2plab.runs import InThisProcess
        >>> def scenario(lab, nodes):
        ...     lab.start_nodes(nodes)
        ...     return {"edges": len(lab.wire("ring"))}
        >>> table = p2plab.sweep(scenario, range(2), {"nodes": [3, 5]}, executor=InThisProcess(), progress=False)
        >>> p2plab.charts.sweep(table).rows
        [[3, 'edges', 3.0, 0.0, 2], [5, 'edges', 5.0, 0.0, 2]]
    """
    means = source.means() if hasattr(source, "means") and hasattr(source, "runs") else None
    if means is None:
        raise ValidationError(
            f"sweep draws what p2plab.sweep(...) returned, not {type(source).__name__} {source!r}"[:300]
        )
    names = list(dict.fromkeys(mean.name for mean in means))
    if topic is not None:
        if topic not in names:
            raise ValidationError(f"the sweep has no number {topic!r}; it has {', '.join(map(repr, names)) or 'none'}")
        names = [topic]
    parameters = list(dict.fromkeys(name for mean in means for name in mean.parameters))
    values = {name: _distinct([mean.parameters.get(name) for mean in means]) for name in parameters}
    along = max(parameters, key=lambda name: len(values[name]), default=None)
    picked = [mean for mean in means if mean.name in names and _between(mean.parameters.get(along), since, until)]
    rows = [
        [*(_shown(mean.parameters.get(name)) for name in parameters), mean.name, mean.mean, mean.half_width, mean.runs]
        for mean in picked
    ]
    others = _published(published, along, names)
    rows += [
        [*(at if name == along else label for name in parameters), names[0], number, None, 0]
        for label, points in others.items()
        for at, number in points
    ]
    panels = tuple(
        _panel(
            name, [mean for mean in picked if mean.name == name], along, parameters, others, _bounds(source.runs, name)
        )
        for name in names[:PANELS]
    )
    failed = len(source.failures)
    sentence = (
        f"{plural(len(source.runs), 'run')}, "
        + (f"{plural(len(values[along]), 'value')} of {along}" if along else "no parameter varied")
        + (f"; {plural(failed, 'run')} failed" if failed else "")
    )
    if not panels:
        panels = (Panel(Axis(along or "run"), Axis("mean"), (), empty="no run returned a number"),)
    notes = [
        "means over the seeds, with 95 % confidence intervals (Student's t)",
        f"{plural(len(names) - PANELS, 'number is', 'numbers are')} in the rows and not drawn"
        if len(names) > PANELS
        else "",
        f"{plural(len(source.missing), 'run was', 'runs were')} not made" if getattr(source, "missing", None) else "",
        *(plain(line, 200) for line in getattr(source, "assumptions", ())),
    ]
    columns = [*parameters, "number", "mean", "half_width", "runs"]
    description = Description("Sweep", sentence, panels, tuple(note for note in notes if note))
    return Chart(
        description,
        columns,
        rows,
        lambda: sweep(source, topic=topic, since=since, until=until, published=published),
    )


def _published(
    published: Mapping[str, Mapping[float, float]] | None, along: str | None, names: Sequence[str]
) -> dict[str, list[tuple[float, float]]]:
    """The published numbers by source, in order of the parameter."""
    if not published:
        return {}
    if along is None or len(names) != 1:
        raise ValidationError(
            f"published numbers stand beside one number over a parameter; choose one with topic=, out of {list(names)}"
        )
    for label, points in published.items():
        if not isinstance(points, Mapping) or not all(
            isinstance(number, (int, float)) for pair in points.items() for number in pair
        ):
            raise ValidationError(f"published[{label!r}] is a dict from values of {along} to numbers, not {points!r}")
    return {str(label): sorted((float(x), float(y)) for x, y in points.items()) for label, points in published.items()}


def _panel(
    name: str, means: Sequence[Any], along: str | None, parameters: Sequence[str],
    published: Mapping[str, Sequence[tuple[float, float]]], bounds: tuple[float, float],
) -> Panel:  # fmt: skip
    values = _distinct([mean.parameters.get(along) for mean in means])
    numeric = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    axis = Axis(plain(along or "run"), names=() if numeric and values else tuple(_shown(value) for value in values))
    curves: list[tuple[str, list[Any]]] = []
    for mean in means:
        others = ", ".join(f"{plain(p)}={_shown(mean.parameters.get(p))}" for p in parameters if p != along)
        curve = next((members for label, members in curves if label == others), None)
        if curve is None:
            curves.append((others, [mean]))
        else:
            curve.append(mean)
    series = []
    for label, members in curves[:CURVES]:
        x = [mean.parameters.get(along) if numeric else _place(values, mean.parameters.get(along)) for mean in members]
        low = tuple(max(bounds[0], mean.mean - (mean.half_width or 0.0)) for mean in members)
        high = tuple(min(bounds[1], mean.mean + (mean.half_width or 0.0)) for mean in members)
        series.append(
            Series(
                label or plain(name),
                "points",
                tuple(map(float, x)),
                tuple(mean.mean for mean in members),
                low,
                high,
                tuple(f"{label or plain(name)}: {mean}, {plural(mean.runs, 'run')}" for mean in members),
            )
        )
    for label, points in published.items():
        x, y = [at for at, _ in points], [number for _, number in points]
        series.append(Series(plain(label, 80), "line" if len(points) > 1 else "points", tuple(map(float, x)), tuple(y)))
    least, most = bounds
    cut = any(not least <= mean.mean + sign * (mean.half_width or 0.0) <= most for mean in means for sign in (-1, 1))
    span = f"from {least:g} to {most:g}" if most < math.inf else f"no less than {least:g}"
    said = f"Whiskers: the part of the confidence interval where {plain(name)} can be, {span}." if cut else ""
    # The title names the numbers: beside the axis, the name would stand in the way of its figures.
    return Panel(axis, Axis(""), tuple(series), title=plain(name), interval=said, empty="no run returned this number")


def _bounds(runs: Sequence[Any], name: str) -> tuple[float, float]:
    """Between what a number of this name can be, and its mean with it: an interval cut off there holds the mean as
    often as the whole one. A time, a count and a share are not negative; what a run returned negative may be."""
    values = [run.values[name] for run in runs if name in run.values]
    least = min(values, default=0.0)
    share = _SHARE.search(name) is not None and 0 <= least and max(values, default=1.0) <= 1
    return 0.0 if least >= 0 else -math.inf, 1.0 if share else math.inf


@faced
def comparison(
    source: Any, *, topic: str | None = None, since: float | None = None, until: float | None = None
) -> Chart:
    """The real world beside the mock one: real divided by mock, for each number that both have.

    ``source``: what ``lab.compare(scenario)`` returned. ``topic`` picks one number by its name; ``since`` and ``until``
    bound the ratio that is drawn. Rows: what (returned, measured, events), number, mock, real (None where a world has
    it not), ratio (None where there is none). Raises ValidationError.
    """
    tables = {what: getattr(source, name, None) for what, name in
              (("returned", "values"), ("measured", "measured"), ("events", "events"))}  # fmt: skip
    if not all(isinstance(table, Mapping) and set(WORLDS) <= set(table) for table in tables.values()):
        raise ValidationError(
            f"comparison draws what lab.compare(scenario) returned, not {type(source).__name__} {source!r}"[:300]
        )
    rows: list[list[Any]] = []
    for what, table in tables.items():
        assert table is not None
        for name in dict.fromkeys(name for world in WORLDS for name in table[world]):
            mock, real = (table[world].get(name) for world in WORLDS)
            ratio = real / mock if mock and real is not None else None
            rows.append([what, name, mock, real, ratio])
    if topic is not None:
        if not any(row[1] == topic for row in rows):
            raise ValidationError(
                f"the comparison has no number {topic!r}; it has {', '.join(str(r[1]) for r in rows)}"[:400]
            )
        rows = [row for row in rows if row[1] == topic]
    drawn = [row for row in rows if row[4] is not None and row[4] > 0 and _between(row[4], since, until)]
    shown = [row for row in drawn if row[0] != "events"] or drawn
    shown = list(reversed(shown[:40]))  # the first at the top
    series = Series(
        "real / mock", "points", tuple(row[4] for row in shown), tuple(float(at) for at in range(len(shown))),
        labels=tuple(f"{plain(row[1])}: mock {number(row[2])}, real {number(row[3])}" for row in shown),
    )  # fmt: skip
    near = sum(0.8 <= row[4] <= 1.25 for row in shown)
    sentence = (
        f"{plural(len(shown), 'number')} of {plain(getattr(source, 'scenario', 'the scenario'))} in both worlds, "
        f"{near} within a quarter of each other"
        if shown
        else "no number is there in both worlds"
    )
    panel = Panel(
        Axis("real / mock", "ratio", log=True, low=0.5, high=2.0),
        Axis("", names=tuple(plain(row[1], 34) for row in shown) or ("–",)),
        (series,),
        (ReferenceLine("x", 1.0, "equal"),) if shown else (),
        empty=sentence,
    )
    left_out = getattr(source, "left_out", {})
    notes = [f"scenario {plain(getattr(source, 'scenario', '?'))}, seed {getattr(source, 'seed', '?')}"]
    notes += [
        f"the {world} lab was made without {', '.join(map(plain, names))}, which it does not have"
        for world, names in left_out.items()
        if names
    ]
    missing = len(rows) - len(drawn)
    if missing:
        notes.append(f"{plural(missing, 'number has', 'numbers have')} no ratio to draw and stand in the rows")
    if len(drawn) > len(shown):
        notes.append("numbers of events by kind stand in the rows")
    notes += [plain(line, 200) for line in getattr(source, "assumptions", ())]
    columns = ("what", "number", "mock", "real", "ratio")
    return Chart(
        Description("Mock and real", sentence, (panel,), tuple(notes)), columns, rows,
        lambda: comparison(source, topic=topic, since=since, until=until),
    )  # fmt: skip


def _distinct(values: Sequence[Any]) -> list[Any]:
    """The different values, in order; they may be anything, so they are compared and not hashed."""
    found: list[Any] = []
    for value in values:
        if not any(value is other or value == other for other in found):
            found.append(value)
    return found


def _place(values: Sequence[Any], value: Any) -> int:
    return next(at for at, other in enumerate(values) if other is value or other == value)


def _between(value: Any, low: float | None, high: float | None) -> bool:
    if not isinstance(value, (int, float)):
        return True
    return (low is None or value >= low) and (high is None or value <= high)


def _shown(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return plain(getattr(value, "__name__", value))
