"""What a learner has said so far in this program: predictions, and answers with their verdicts."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

from p2plab.errors import ValidationError
from p2plab.errors.frames import faced
from p2plab.teaching.exercises import Verdict, find

__all__ = ["CheckedAnswer", "Prediction", "Revealed", "answers", "check", "forget", "predict", "predictions", "reveal"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was expected, under a name."""

    name: str
    value: Any

    def __repr__(self) -> str:
        return f"noted: {self.name} = {self.value!r}. Now look."


@dataclass(frozen=True, slots=True)
class Revealed:
    """A prediction beside what is so; ``right`` where the two agree (numbers: within a tenth)."""

    name: str
    expected: Any
    found: Any
    right: bool

    def __repr__(self) -> str:
        if self.expected is None:
            return (
                f"{self.name}: {self.found!r} (you did not say what you expected: teaching.predict({self.name!r}, ...))"
            )
        return f"{self.name}: you said {self.expected!r}, and it is {self.found!r}. {self._word()}"

    def _word(self) -> str:
        return "Right." if self.right else "Worth a thought: what did you not expect?"

    def _repr_html_(self) -> str:
        return f'<p class="tex2jax_ignore mathjax_ignore">{html.escape(repr(self))}</p>'


@dataclass(frozen=True, slots=True)
class CheckedAnswer:
    """An answer that was checked, and what was said of it."""

    value: Any
    verdict: Verdict


predictions: dict[str, Any] = {}
answers: dict[str, CheckedAnswer] = {}


@faced
def predict(name: str, value: Any) -> Prediction:
    """Note what you expect, before you look.

    Args:
        name: what the prediction is about, such as ``"hops"``
        value: what you expect: a number, a word, a list of names

    Returns:
        The prediction, which says that it was noted.
    """
    if not isinstance(name, str) or not name:
        raise ValidationError(f"a prediction has a name, as in predict('hops', 3), not {name!r}")
    predictions[name] = value
    return Prediction(name, value)


@faced
def reveal(name: str, found: Any) -> Revealed:
    """Show a prediction beside what is so. Numbers that differ by less than a tenth count as right.

    Args:
        name: the prediction's name
        found: what it turned out to be
    """
    if not isinstance(name, str):
        raise ValidationError(f"a prediction has a name, as in reveal('hops', 4), not {name!r}")
    expected = predictions.get(name)
    return Revealed(name, expected, found, _agree(expected, found))


def _agree(expected: Any, found: Any) -> bool:
    numbers = (int, float)
    if isinstance(expected, numbers) and isinstance(found, numbers):
        return abs(expected - found) <= abs(found) / 10
    if isinstance(expected, (list, tuple, set)) and isinstance(found, (list, tuple, set)):
        return sorted(map(str, expected)) == sorted(map(str, found))
    return bool(expected == found)


@faced
def check(name: str, answer: Any) -> Verdict:
    """Check the answer of an exercise; the last one is what ``submit`` writes.

    Args:
        name: the exercise, such as ``"03.1"``
        answer: what it asks for: a lab, a number, a list

    Returns:
        Whether it does what was asked, with a hint where it does not.

    Raises:
        ValidationError: there is no such exercise.
    """
    verdict = find(name)(answer)
    answers[name] = CheckedAnswer(answer, verdict)
    return verdict


@faced
def forget() -> None:
    """Forget predictions and answers: begin anew."""
    predictions.clear()
    answers.clear()
