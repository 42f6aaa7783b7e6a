"""Validators that are data: what validation costs and how often it refuses, without a function.

They say in a line what a study assumes, travel to other processes, and are written into saved runs as they are. Times
are seconds of lab time; what is drawn comes from a stream of the node's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import ValidationError
from p2plab.pubsub.message import Message
from p2plab.pubsub.validation import ACCEPT, IGNORE, REJECT, TopicValidator, ValidationResult
from p2plab.typing import Chance

__all__ = ["Batch", "Delay", "Ignore", "Reject"]

_PARTS = 1 << 32


def _seconds(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 3600:
        raise ValidationError(f"{what} is a number of seconds from 0 up to an hour, not {value!r}")
    return float(value)


@dataclass(eq=False, repr=False)
class Delay(TopicValidator):
    """Accepts every message after some time: always the same, or drawn evenly from a list, which may be any
    distribution's quantiles.

    Args:
        seconds: how long, or a list of times of which one is drawn for each message

    Example:
        >>> bob.add_validator("blocks", Delay(0.005))
        >>> bob.add_validator("columns", Delay([0.002, 0.003, 0.003, 0.004, 0.020]))
    """

    seconds: float | Sequence[float]

    def __post_init__(self) -> None:
        given = self.seconds
        listed = isinstance(given, Sequence) and not isinstance(given, (str, bytes))
        times = [_seconds(one, "a delay") for one in given] if listed else [_seconds(given, "a delay")]  # type: ignore[union-attr]
        if not times:
            raise ValidationError("a delay is a number of seconds, or a list of at least one number")
        self.seconds = tuple(times) if listed else times[0]
        self._times = tuple(times)
        super().__init__(_accept, max(times), f"Delay({given!r})"[:80])

    def wait(self, now: float, draw: Chance) -> float:
        return self._times[0] if len(self._times) == 1 else self._times[draw.randrange(len(self._times))]

    def __repr__(self) -> str:
        return self.name


@dataclass(eq=False, repr=False)
class Batch(TopicValidator):
    """Accepts messages in batches: what came within ``every`` seconds is validated together, which takes ``seconds``.

    Args:
        every: seconds between two batches, counted from the lab's beginning
        seconds: what a batch takes, however many are in it

    Example:
        >>> bob.add_validator("attestations", Batch(every=0.050, seconds=0.003))
    """

    every: float
    seconds: float = 0.0

    def __post_init__(self) -> None:
        every, seconds = self.every, self.seconds
        self.every, self.seconds = _seconds(every, "every"), _seconds(seconds, "seconds")
        if round(self.every * TICKS_PER_SECOND) < 1:
            raise ValidationError(f"every is at least {1 / TICKS_PER_SECOND:g} s, not {every!r}")
        super().__init__(_accept, self.every + self.seconds, f"Batch(every={every!r}, seconds={seconds!r})")

    def wait(self, now: float, draw: Chance) -> float:
        every = round(self.every * TICKS_PER_SECOND)
        left = every - round(now * TICKS_PER_SECOND) % every
        return left / TICKS_PER_SECOND + self.seconds

    def __repr__(self) -> str:
        return self.name


@dataclass(eq=False, repr=False)
class Reject(TopicValidator):
    """Refuses some messages, at random: each node for itself, so that a message may pass here and not there.

    Args:
        probability: 0 to 1, of each message; a refused one counts against who sent it

    Example:
        >>> bob.add_validator("news", Reject(0.01))
    """

    probability: float = 1.0
    _verdict: ClassVar[ValidationResult] = REJECT

    def __post_init__(self) -> None:
        probability = self.probability
        wrong = isinstance(probability, bool) or not isinstance(probability, (int, float))
        if wrong or not 0 <= probability <= 1:
            raise ValidationError(f"a probability is a number from 0 to 1, not {probability!r}")
        self.probability = float(probability)
        super().__init__(_accept, 0.0, f"{type(self).__name__}({probability!r})")

    def answer(self, message: Message, draw: Chance) -> ValidationResult:
        return self._verdict if draw.getrandbits(32) < round(self.probability * _PARTS) else ACCEPT

    def __repr__(self) -> str:
        return self.name


@dataclass(eq=False, repr=False)
class Ignore(Reject):
    """Drops some messages, at random, without blame: as ``Reject``.

    Args:
        probability: 0 to 1, of each message

    Example:
        >>> bob.add_validator("news", Ignore(0.5))
    """

    _verdict: ClassVar[ValidationResult] = IGNORE


def _accept(message: Message) -> ValidationResult:
    return ACCEPT
