"""Prometheus' text format, version 0.0.4."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["Labels", "Samples", "family", "histogram"]

Labels = tuple[tuple[str, str], ...]
Samples = list[tuple[Labels, float]]


def family(name: str, text: str, kind: str, samples: Samples) -> Iterator[str]:
    """The lines of a counter or a gauge; none where it has no samples."""
    if samples:
        yield f"# HELP {name} {text}"
        yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        yield _line(name, labels, value)


def histogram(name: str, text: str, bounds: tuple[float, ...], observed: dict[Labels, list[float]]) -> Iterator[str]:
    """The lines of a histogram: of each combination of labels, how many values were at or below each bound."""
    if observed:
        yield f"# HELP {name} {text}"
        yield f"# TYPE {name} histogram"
    for labels, values in observed.items():
        for bound in bounds:
            count = sum(value <= bound for value in values)
            yield _line(f"{name}_bucket", (*labels, ("le", _number(bound))), count)
        yield _line(f"{name}_bucket", (*labels, ("le", "+Inf")), len(values))
        total = 0.0
        for value in values:
            total += value
        yield _line(f"{name}_sum", labels, total)
        yield _line(f"{name}_count", labels, len(values))


def _line(name: str, labels: Labels, value: float) -> str:
    told = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
    return f"{name}{{{told}}} {_number(value)}"


def _escaped(text: Any) -> str:
    """A label's value: a peer may have chosen it."""
    plain = str(text).encode("utf-8", "replace").decode()
    return plain.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
