"""One direction of a link: how long it takes, and what goes wrong on it."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import ValidationError
from p2plab.errors.likely import did_you_mean
from p2plab.network.jitter import DISTRIBUTIONS, quantiles

__all__ = ["Link", "LinkTicks"]


@dataclass(frozen=True, slots=True)
class Link:
    """One direction of a link between two nodes.

    ``latency``: seconds from one end to the other. ``jitter``: seconds, the scale of ``distribution``: ``uniform``
    (latency ± jitter), ``normal`` (jitter is the standard deviation), ``exponential`` and ``pareto`` (never below the
    latency; jitter is the mean excess). ``loss``, ``duplicate``, ``reorder``: the probability, 0 to 1, that a packet of
    1,460 bytes is lost (and sent again after a retransmission timeout), arrives twice, or is overtaken (it arrives
    ``reorder_delay`` seconds later).
    """

    latency: float = 0.020
    jitter: float = 0.0
    distribution: str = "uniform"
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    reorder_delay: float = 0.010

    def __post_init__(self) -> None:
        for name in ("latency", "jitter", "reorder_delay"):
            check_number(name, getattr(self, name), 3600.0, "a number of seconds from 0 up to an hour")
        for name in ("loss", "duplicate", "reorder"):
            check_number(name, getattr(self, name), 1.0, "a probability from 0 to 1")
        if self.loss == 1.0:
            raise ValidationError("loss=1 lets nothing through, ever; to cut a link use lab.network.partition")
        if self.distribution not in DISTRIBUTIONS:
            raise ValidationError(f"distribution {self.distribution!r} is not known: take {', '.join(DISTRIBUTIONS)}")
        if self.distribution == "uniform" and self.jitter > self.latency:
            raise ValidationError(f"jitter {self.jitter} s is larger than the latency of {self.latency} s it varies")

    def changed(self, **changes: object) -> Link:
        """The same link with some fields changed. ValidationError for a field there is not."""
        known = {field.name: getattr(self, field.name) for field in fields(self)}
        unknown = sorted(changes.keys() - known.keys())
        if unknown:
            raise ValidationError(
                f"a link has no {unknown[0]!r}; {did_you_mean(unknown[0], known)}it has {', '.join(known)}"
            )
        return Link(**{**known, **changes})


def check_number(name: str, value: object, most: float, what: str) -> None:
    """ValidationError for what is no finite number from 0 to ``most``."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not 0 <= value <= most:  # type: ignore[arg-type,operator]
        raise ValidationError(f"{name} must be {what}, not {value!r}")


class LinkTicks:
    """A Link in the simulation's integers: ticks, probabilities out of 2**32, and the jitter's quantile table."""

    __slots__ = ("delays", "duplicate", "jitter", "latency", "loss", "reorder", "reorder_delay", "trouble")

    def __init__(self, link: Link) -> None:
        self.latency = round(link.latency * TICKS_PER_SECOND)
        self.jitter: tuple[int, ...] = ()  # 256 offsets in ticks, one of which is drawn for each frame
        if link.jitter:
            scale = round(link.jitter * TICKS_PER_SECOND)
            self.jitter = tuple(max(offset, -self.latency) for offset in quantiles(link.distribution, scale))
        self.delays = tuple(self.latency + offset for offset in self.jitter)
        self.loss = round(link.loss * (1 << 32))
        self.duplicate = round(link.duplicate * (1 << 32))
        self.reorder = round(link.reorder * (1 << 32))
        self.reorder_delay = round(link.reorder_delay * TICKS_PER_SECOND)
        self.trouble = bool(self.loss or self.duplicate or self.reorder)
