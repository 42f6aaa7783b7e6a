"""Expectations: ``delivered >= 0.99 within 5s``, ``connected(alice, bob)``, ``result.value == hi``; or in words:
``delivered to alice, bob within 5s``, ``duplicates below 40``, ``recall above 90%``.

A measure, a comparison, and how much lab time there is for it to come true. Without a comparison the measure must hold
by itself; without ``within`` it must do so at once. ``result`` and the path behind it speak of the last command's.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from p2plab.commands.arguments import duration
from p2plab.commands.plain import bytes_of
from p2plab.commands.running import finished
from p2plab.commands.scripts.measures import MeasuredLab, ScenarioTraffic, take
from p2plab.commands.text import cell
from p2plab.errors import ExpectationError, LabError, ValidationError

__all__ = ["Expectation", "ExpectationVerdict", "Judging"]

LOOK_EVERY: Final = 0.05  # seconds of lab time between two looks at what is awaited
LONGEST: Final = 86_400.0

_FORM: Final = re.compile(
    r"(?P<measure>[a-z]\w*(?:\.\w+)*)\s*(?:\((?P<words>[^()]*)\))?"
    r"(?:\s*(?P<sign>==|!=|>=|<=|>|<|\bcontains\b|\bbelow\b|\babove\b|\bat least\b|\bat most\b)\s*(?P<value>.*?))?"
    r"(?:\s+within\s+(?P<within>[\d.]+\s*(?:ms|s|m|h)?))?"
)


_DELIVERED_TO: Final = re.compile(r"delivered\s+to\s+(?P<nodes>.+?)(?P<within>\s+within\s.*)?")


def _contains(container: Any, item: Any) -> bool:
    if isinstance(container, (list, tuple)):
        return any(item == part or (isinstance(part, Mapping) and item in part.values()) for part in container)
    return str(item) in str(container)


SIGNS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "contains": _contains,
    "below": operator.lt,
    "above": operator.gt,
    "at least": operator.ge,
    "at most": operator.le,
}


@dataclass(frozen=True)
class ExpectationVerdict:
    """How an expectation came out: whether it passed, what was measured, and the reason in words."""

    passed: bool
    value: Any
    reason: str


@dataclass(frozen=True)
class Expectation:
    """``text`` as it was written, taken apart. ``within`` is in seconds of lab time."""

    text: str
    measure: str
    words: tuple[str, ...] = ()
    sign: str = ""
    value: Any = None
    within: float = 0.0

    @classmethod
    def parse(cls, text: object) -> Expectation:
        """Read an expectation. ValidationError says what one looks like."""
        if not isinstance(text, str):
            raise ValidationError(f"an expectation is text such as 'delivered >= 0.99 within 5s', not {text!r}")
        form = text.strip()
        if said := _DELIVERED_TO.fullmatch(form):
            names = ", ".join(re.split(r"[\s,]+", said["nodes"].strip(" ()").replace(" and ", " ")))
            form = f"delivered.to({names}) == 1{said['within'] or ''}"
        found = _FORM.fullmatch(form)
        if found is None or (found["sign"] and not found["value"]):
            raise ValidationError(
                f"{text[:120]!r} is no expectation: write a measure, a comparison (==, !=, >=, <=, >, <, contains) and "
                "a value, as in 'delivered >= 0.99 within 5s' or 'connected(alice, bob)'"
            )
        words = tuple(word.strip() for word in (found["words"] or "").split(",") if word.strip())
        value = scalar(found["value"]) if found["sign"] else None
        within = found["within"]
        seconds = 0.0 if within is None else _seconds(within)
        return cls(text.strip(), found["measure"], words, found["sign"] or "", value, seconds)

    async def judge(self, view: MeasuredLab) -> ExpectationVerdict:
        """Look at the lab, and let its time pass until the expectation holds or its time is over."""
        judging = Judging(self, view)
        while judging.goes_on():
            lab: Any = view.lab  # either face has it
            await finished(lab.run(judging.wait))
        return judging.verdict

    def look(self, view: MeasuredLab) -> ExpectationVerdict:
        try:
            value = self._measured(view)
            if not self.sign:
                passed = bool(value)
            else:
                passed = bool(SIGNS[self.sign](_comparable(value), self.value))
        except (LabError, TypeError) as error:
            return ExpectationVerdict(
                False, None, str(error) if isinstance(error, LabError) else f"{self.measure}: {error}"
            )
        words = f"({', '.join(self.words)})" if self.words else ""
        told = f"{self.measure}{words} is {cell(value) or 'nothing'}"
        if not passed:
            told += f", not {self.sign} {self.value}" if self.sign else ""
            told += f", after {self.within:g} s of waiting" if self.within else ""
        return ExpectationVerdict(passed, value, told)

    def _measured(self, view: MeasuredLab) -> Any:
        if self.measure != "result" and not self.measure.startswith("result."):
            return take(self.measure, view, list(self.words))
        if not view.last:
            raise ValidationError("no command came before, so there is no result")
        if "result" not in view.last:
            raise ValidationError(f"the last command failed: {view.last['error_type']}: {view.last['error']}")
        return _at(view.last["result"], self.measure.split(".")[1:])


class Judging:
    """An expectation that is being judged: while it ``goes_on``, let ``wait`` seconds of lab time pass. Its ``verdict``
    is the last look's."""

    def __init__(self, expectation: Expectation, view: MeasuredLab) -> None:
        self._expectation = expectation
        self._view = view
        self._deadline = view.lab.now + expectation.within
        self.wait = 0.0
        self.verdict = ExpectationVerdict(False, None, "nothing was looked at")

    @classmethod
    def of(cls, lab: Any, text: object) -> Judging:
        """Of all that happened in a lab so far, and of what is to come. ValidationError for a text that is none."""
        return cls(Expectation.parse(text), MeasuredLab(lab, ScenarioTraffic(lab, from_the_start=True)))

    def goes_on(self) -> bool:
        """Look; whether it does not hold yet, and there is time left."""
        self.verdict = self._expectation.look(self._view)
        left = self._deadline - self._view.lab.now
        self.wait = min(LOOK_EVERY, max(left, 0.0))
        return not self.verdict.passed and left > 0

    def result(self) -> Any:
        """What was measured. ExpectationError where it did not come true."""
        if not self.verdict.passed:
            text = self._expectation.text
            raise ExpectationError(f"expected {text}: {self.verdict.reason}", text, self.verdict.value)
        return self.verdict.value


def _at(value: Any, path: list[str]) -> Any:
    """What stands in a result at a path of names and numbers."""
    for step in path:
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            has = ", ".join(map(str, value)) if isinstance(value, Mapping) else f"{type(value).__name__}"
            raise ValidationError(f"the result has no {step!r} there, only {has[:200]}")
    return value


def _comparable(value: Any) -> Any:
    """A value as it is compared with one that was written: bytes as text."""
    try:
        value = bytes_of(value)
    except ValueError:
        return value
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else value


def scalar(text: str) -> Any:
    """A written value: a number (``99%`` is 0.99, ``200ms`` 0.2), true, false, none, or text, in quotes or not."""
    text = text.strip()
    words = {"true": True, "false": False, "none": None, "null": None, "yes": True, "no": False}
    if text.lower() in words:
        return words[text.lower()]
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    if text.endswith("%"):
        try:
            return float(text[:-1]) / 100
        except ValueError:
            return text
    for form in (int, float, duration):
        try:
            found = form(text)
        except ValueError:
            continue
        if not isinstance(found, str):
            return found
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(duration(text))
    except ValueError:
        raise ValidationError(f"within {text}: that is no time, such as 5s or 200ms") from None
    if not 0 <= seconds <= LONGEST:
        raise ValidationError(f"within {text}: an expectation waits at most {LONGEST:g} seconds")
    return seconds
