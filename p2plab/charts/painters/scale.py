"""From values to pixels, and the ticks of an axis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

from p2plab.charts.description import Axis, Panel
from p2plab.charts.painters.text import number

__all__ = ["Scale", "scale_of", "values_on"]

TICKS = 6


@dataclass(frozen=True, slots=True)
class Scale:
    """The part of an axis that is shown, ``low`` to ``high``, drawn from pixel ``start`` to pixel ``end``."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False
    names: tuple[str, ...] = ()

    def at(self, value: float) -> float:
        """The pixel of a value."""
        low, high, here = (log10(v) for v in (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        return self.start + (here - low) / (high - low) * (self.end - self.start)

    def value(self, pixel: float) -> float:
        """The value at a pixel: what a reader of the picture takes from it."""
        low, high = (log10(self.low), log10(self.high)) if self.log else (self.low, self.high)
        here = low + (pixel - self.start) / (self.end - self.start) * (high - low)
        return float(10**here) if self.log else here

    def ticks(self) -> list[tuple[float, str]]:
        """Values with their texts."""
        if self.names:
            return [(float(at), name) for at, name in enumerate(self.names)]
        steps = _decades(self.low, self.high) if self.log else _steps(self.low, self.high)
        return [(value, number(value)) for value in steps]


def scale_of(axis: Axis, values: Iterable[float], start: float, end: float, padded: bool = False) -> Scale:
    """The scale that shows all the values, and what the axis says it must reach. Ends are round where ``padded``."""
    if axis.names:
        return Scale(-0.5, len(axis.names) - 0.5, start, end, names=axis.names)
    found = [value for value in (*values, axis.low, axis.high) if value is not None and isfinite(value)]
    if axis.log:
        found = [value for value in found if value > 0] or [1.0]
        low, high = min(found), max(found)
        low, high = 10 ** floor(log10(low)), 10 ** ceil(log10(high))
        return Scale(low, high if high > low else low * 10, start, end, log=True)
    low, high = min(found, default=0.0), max(found, default=1.0)
    if high <= low:
        low, high = (low, low + 1) if low >= 0 else (low - 1, low + 1)
    if padded:
        step = _step(low, high)
        low, high = floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step
    return Scale(low, high, start, end)


def values_on(panel: Panel, axis: str) -> Iterator[float]:
    """All that is drawn along an axis, with intervals and marks."""
    for one in panel.series:
        if one.draw == "spans":
            yield from (*one.low, *one.high) if axis == "x" else one.y
            continue
        yield from one.x if axis == "x" else (*one.y, *one.low, *one.high)
        if axis == "y" and one.draw == "bars":
            yield 0.0
    yield from (mark.value for mark in panel.marks if mark.axis == axis)


def _step(low: float, high: float) -> float:
    rough = (high - low) / TICKS
    size: float = 10 ** floor(log10(rough))
    return next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= rough * 0.999)


def _steps(low: float, high: float) -> list[float]:
    step = _step(low, high)
    first = ceil(low / step - 1e-9)
    count = floor(high / step + 1e-9) - first
    return [round((first + at) * step, 12) for at in range(count + 1)]


def _decades(low: float, high: float) -> list[float]:
    first, last = round(log10(low)), round(log10(high))
    factors = (1, 2, 5) if last - first <= 2 else (1,)
    found = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
    return [value for value in found if low * 0.999 <= value <= high * 1.001]
