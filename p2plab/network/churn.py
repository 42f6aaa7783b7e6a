"""Churn: when nodes come and go. Models of session lengths, and traces read from a file.

Durations are drawn with ``decimal``, whose ``ln`` and ``exp`` are rounded correctly on every machine, so that a run is
the same everywhere.
"""

from __future__ import annotations

import csv
import warnings
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from p2plab.errors import ValidationError
from p2plab.errors.checked import path_of
from p2plab.network.link import check_number
from p2plab.network.text_files import read_text
from p2plab.typing import Chance

__all__ = ["Change", "Churn", "load_trace"]

MODELS = ("exponential", "weibull")


class Change(NamedTuple):
    """A line of a trace: at ``time`` (seconds of lab time) the node comes up or goes down."""

    time: float
    node: str
    up: bool


@dataclass(frozen=True, slots=True)
class Churn:
    """How long nodes stay and how long they are away: means in seconds.

    ``model``: ``exponential``, or ``weibull`` with a ``shape`` (below 1: many short sessions and a few very long ones,
    as measured in file-sharing networks by Stutzbach and Rejaie, IMC 2006, who fitted shapes of 0.34 to 0.59).
    """

    up: float = 600.0
    down: float = 300.0
    model: str = "exponential"
    shape: float = 0.5

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise ValidationError(
                f"churn model {self.model!r} is not known: take {', '.join(MODELS)}, or a trace's path"
            )
        for name in ("up", "down"):
            check_number(name, getattr(self, name), 1e9, "a mean in seconds, above 0")
            if not getattr(self, name):
                raise ValidationError(f"{name} must be a mean in seconds, above 0, not 0")
        check_number("shape", self.shape, 10.0, "a Weibull shape from 0.1 to 10")
        if self.shape < 0.1:
            raise ValidationError(f"shape must be from 0.1 to 10, not {self.shape!r}")

    def draw(self, mean: float, draw: Chance) -> float:
        """A duration in seconds with this mean."""
        with localcontext(Context(prec=20)):
            quantile = -((Decimal(draw.getrandbits(48)) + Decimal("0.5")) / (1 << 48)).ln()  # exponential of mean 1
            if self.model == "weibull":
                inverse = 1 / Decimal(repr(self.shape))
                quantile = (quantile.ln() * inverse).exp() / _gamma_of_one_plus(inverse)
            return float(quantile * Decimal(repr(mean)))


@lru_cache  # a run asks for few shapes, for each a thousand times
def _gamma_of_one_plus(x: Decimal) -> Decimal:
    """Γ(1 + x), the mean of a Weibull distribution of scale 1 and shape 1 / x, to eleven digits: Stirling's series
    after moving the argument up by twenty. In the context of ``draw``, on which its last digits depend."""
    shift, argument = Decimal(1), 1 + x
    while argument < 20:
        shift *= argument
        argument += 1
    series = 1 / (12 * argument) - 1 / (360 * argument**3) + 1 / (1260 * argument**5)
    pi = Decimal("3.14159265358979323846")
    log_gamma = (argument - Decimal("0.5")) * argument.ln() - argument + (2 * pi).ln() / 2 + series
    return log_gamma.exp() / shift


def load_trace(path: str | Path) -> list[Change]:
    """Read lines of ``time,node,up|down``, by rising time. A file that is cut in the middle gives what there is before
    the cut, and a warning says where it stopped; other mistakes are a ValidationError."""
    path = path_of(path, "the path of a trace")
    if not path.is_file():
        raise ValidationError(f"there is no file {path}")
    text = read_text(path)
    lines = text.splitlines()
    changes: list[Change] = []
    for number, line in enumerate(lines, start=1):
        row = _cells(path, number, line)
        if not row or row[0].startswith("#") or (number == 1 and row[0].strip() == "time"):
            continue
        change = _change(row)
        if change is None and number == len(lines) and not text.endswith("\n"):
            warnings.warn(
                f"{path} is cut off in line {number}; the {len(changes)} changes before it were loaded", stacklevel=2
            )
            break
        if change is None:
            raise ValidationError(f"{path}, line {number}: {','.join(row)!r} is not 'time,node,up' or 'time,node,down'")
        if changes and change.time < changes[-1].time:
            raise ValidationError(f"{path}, line {number}: {change.time:g} s comes after {changes[-1].time:g} s")
        changes.append(change)
    return changes


def _cells(path: Path, number: int, line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error as error:
        raise ValidationError(f"{path}, line {number}: {error}") from error


def _change(row: list[str]) -> Change | None:
    if len(row) != 3 or row[2].strip() not in ("up", "down"):
        return None
    try:
        time = float(row[0])
    except ValueError:
        return None
    return Change(time, row[1].strip(), row[2].strip() == "up") if 0 <= time < 1e9 else None
