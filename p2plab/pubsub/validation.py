"""Validators: what the application says of a message before it is delivered and passed on.

gossipsub-v1.1.md, "Extended Validators": a message is accepted (delivered and forwarded), rejected (neither, and it
counts against the peer that sent it) or ignored (neither, and nobody is blamed).
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

from p2plab.errors import ValidationError
from p2plab.pubsub.message import Message
from p2plab.typing import Chance


class ValidationResult(str, enum.Enum):
    """What a validator may answer. True stands for accept, False for reject, None for ignore; so do the words."""

    ACCEPT = "accept"
    REJECT = "reject"
    IGNORE = "ignore"


ACCEPT, REJECT, IGNORE = ValidationResult.ACCEPT, ValidationResult.REJECT, ValidationResult.IGNORE

_MEANINGS = {True: ACCEPT, False: REJECT, None: IGNORE}


def result_of(answer: object) -> ValidationResult:
    """What a validator's answer means; TypeError for anything it may not answer."""
    if answer is None or isinstance(answer, bool):
        return _MEANINGS[answer]
    if isinstance(answer, str):
        for result in ValidationResult:
            if answer == result.value:
                return result
    raise TypeError(f"a validator answers True, False or None, or accept, reject or ignore, not {answer!r}")


class TopicValidator:
    """A check of the messages of a topic, synchronous or not, with a simulated delay in seconds of lab time.

    ``check(message)`` runs inside the lab. What it raises is an ``error`` event, and the message is ignored.
    """

    __slots__ = ("check", "delay", "name")

    def __init__(self, check: Callable[[Message], Any], delay: float = 0.0, name: str = "") -> None:
        if not callable(check):
            raise ValidationError(f"a validator is a function that takes a Message, not {check!r}")
        if isinstance(delay, bool) or not isinstance(delay, (int, float)) or not 0 <= delay < float("inf"):
            raise ValidationError(f"a validator's delay is a number of seconds from 0 up, not {delay!r}")
        self.check = check
        self.delay = float(delay)
        self.name = name or getattr(check, "__name__", type(check).__name__)

    def wait(self, now: float, draw: Chance) -> float:
        """Seconds that validation of a message takes that comes to it now."""
        return self.delay

    def answer(self, message: Message, draw: Chance) -> Any:
        """What is said of a message; ``draw`` is the node's stream of random numbers for validators."""
        return self.check(message)

    def __call__(self, message: Message) -> Any:
        """What ``check`` says, without the delay."""
        return self.check(message)

    @classmethod
    def of(cls, validator: TopicValidator | Callable[[Message], Any]) -> TopicValidator:
        """The validator itself, or one made of a function."""
        return validator if isinstance(validator, TopicValidator) else cls(validator)

    def __repr__(self) -> str:
        return f"<TopicValidator {self.name}{f' after {self.delay:g} s' if self.delay else ''}>"


class ValidationTally:
    """What the validators asked so far add up to: one reject outweighs everything, an ignore outweighs accepts.
    ``cause`` is the event that led to it, where that is not the message's arrival."""

    __slots__ = ("cause", "reason", "result")

    def __init__(self) -> None:
        self._set(ACCEPT, "")

    def _set(self, result: ValidationResult, reason: str, cause: int | None = None) -> None:
        self.result, self.reason, self.cause = result, reason, cause

    def add(self, answer: object) -> None:
        """Count a validator's answer; TypeError for one that means nothing."""
        result = result_of(answer)
        if result is REJECT:
            self._set(REJECT, "validator said reject")
        elif result is IGNORE and self.result is ACCEPT:
            self._set(IGNORE, "validator said ignore")

    def raised(self, event: int) -> None:
        """Count a validator that raised, as the event says, which is no opinion on the message."""
        if self.result is ACCEPT:
            self._set(IGNORE, "validator raised", event)

    def too_many(self) -> None:
        """There is no room for the message among those in validation."""
        self._set(IGNORE, "validation queue full")
