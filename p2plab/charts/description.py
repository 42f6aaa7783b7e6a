"""What a chart is before it is painted: panels of series over two axes, and the words that go with them.

Both painters (``svg.py`` and ``bokeh_figure.py``) draw this and nothing else, so that they cannot disagree. Values are
in the unit that the axis names; a chart's ``rows`` keep seconds and bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Axis", "Description", "Panel", "ReferenceLine", "Series"]

MAX_POINTS = 600  # of a curve: more than a figure of this size can show


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis: what it shows, in which unit. ``names`` make it one of categories, at 0, 1, 2, ... ``low`` and ``high``
    are ends that it must reach."""

    label: str
    unit: str = ""
    log: bool = False
    names: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None

    @property
    def text(self) -> str:
        """The label with its unit, as both painters write it."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


@dataclass(frozen=True, slots=True)
class Series:
    """One curve, cloud or row of bars. ``low`` and ``high`` are the interval at each point: a band along a line,
    whiskers at points and bars. ``spans`` are lines along x, from ``low`` to ``high`` (which is ``x``), at ``y``.
    ``labels`` name the points where they are hovered; ``tone`` is the number of its colour, left out its place."""

    name: str
    draw: Literal["line", "step", "points", "bars", "spans"]
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    tone: int | None = None


@dataclass(frozen=True, slots=True)
class ReferenceLine:
    """A straight line through a panel at a value of one axis: a threshold, a percentile, a fault."""

    axis: Literal["x", "y"]
    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Panel:
    """Series over the same two axes. ``interval`` says what bands or whiskers are, ``empty`` why there are none."""

    x: Axis
    y: Axis
    series: tuple[Series, ...]
    marks: tuple[ReferenceLine, ...] = ()
    title: str = ""
    interval: str = ""
    empty: str = "nothing was recorded"


@dataclass(frozen=True, slots=True)
class Description:
    """A whole chart. ``sentence`` says what is to be seen, ``notes`` under which assumptions, and what is missing."""

    title: str
    sentence: str
    panels: tuple[Panel, ...]
    notes: tuple[str, ...] = ()


def thinned(points: Sequence[tuple[float, ...]], most: int = MAX_POINTS) -> list[tuple[float, ...]]:
    """The points, or ``most`` of them at equal steps, the first and the last among them."""
    if len(points) <= most:
        return list(points)
    last = len(points) - 1
    return [points[at * last // (most - 1)] for at in range(most)]


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which ``share`` (0 to 1) of the ordered values lie, between two values by proportion."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
