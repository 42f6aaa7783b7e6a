"""Exercises, and what a check says of an answer."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Final

from p2plab.errors import ConfigurationError, LabError, ValidationError

__all__ = ["Exercise", "Verdict", "exercise", "exercises", "find", "replacing"]

NAME: Final = re.compile(r"\d\d\.\d+")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check says: whether the answer does what was asked (``passed``), in words; where it does not, what is
    wrong.

    ``score`` is the answer's figure in an exercise that has one, and ``best`` what a good answer reaches; ``better``
    says whether ``low`` or ``high`` figures are good, and ``unit`` what they are counted in.
    """

    passed: bool
    says: str
    score: float | None = None
    best: float | None = None
    unit: str = ""

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        mark = "✓" if self.passed else "✗"
        return f"{mark} {self.says}{self._figures()}"

    __repr__ = __str__

    def _figures(self) -> str:
        if self.score is None:
            return ""
        unit = f" {self.unit}" if self.unit else ""
        best = "" if self.best is None else f"; a good answer reaches {self.best:g}{unit}"
        return f" ({self.score:.4g}{unit}{best})"

    def _repr_html_(self) -> str:
        colour, word = ("#006644", "Done") if self.passed else ("#a63603", "Not yet")
        return (
            f'<div class="tex2jax_ignore mathjax_ignore" style="border-left:4px solid {colour};padding:4px 8px">'
            f'<b style="color:{colour}">{word}.</b> {html.escape(self.says + self._figures())}</div>'
        )


Check = Callable[[Any], Verdict]


@dataclass(frozen=True, slots=True)
class Exercise:
    """One exercise: ``name`` (``03.1``: the first of lesson 03), what is asked (``task``), and the
    check of an answer."""

    name: str
    task: str
    check: Check

    def __call__(self, answer: Any) -> Verdict:
        """Check an answer. What makes no sense is a verdict too: the exercise says what it takes."""
        try:
            return self.check(answer)
        except LabError as error:
            return Verdict(False, f"this answer cannot be looked at: {error}. The exercise asks: {self.task}")
        except (AttributeError, TypeError, KeyError, ValueError, IndexError) as error:
            if answer is None:
                return Verdict(False, f"there is no answer yet: this is None. The exercise asks: {self.task}")
            shown = f"it is {type(answer).__name__} {answer!r}"[:80]
            if hasattr(answer, "events"):  # of the right kind, so that Python's words may help
                shown += f" ({type(error).__name__}: {error})"
            return Verdict(False, f"this answer cannot be looked at: {shown}. The exercise asks: {self.task}")


_EXERCISES: dict[str, Exercise] = {}
_replaces = False  # whether a check may take the place of another one, as those of a key do


def exercise(name: str, task: str) -> Callable[[Check], Check]:
    """Have a function check the answers of an exercise: ``@exercise("03.1", "publish so that ...")``."""
    if not NAME.fullmatch(name):
        raise ValidationError(f"an exercise is called like 03.1 (lesson, number), not {name!r}")

    def register(check: Check) -> Check:
        if not _replaces and name in _EXERCISES and _EXERCISES[name].check.__qualname__ != check.__qualname__:
            raise ConfigurationError(f"there is an exercise {name} already")
        _EXERCISES[name] = Exercise(name, task, check)
        return check

    return register


def exercises(lesson: str | None = None) -> list[Exercise]:
    """The exercises in order; of one lesson (``"03"``), or of all."""
    from p2plab.teaching import lessons

    for module in iter_modules(lessons.__path__):
        import_module(f"p2plab.teaching.lessons.{module.name}")
    return [found for name, found in sorted(_EXERCISES.items()) if lesson is None or name.startswith(f"{lesson}.")]


@contextmanager
def replacing() -> Iterator[None]:
    """Let the checks that are registered meanwhile take the place of the course's, which are all there by then."""
    global _replaces
    exercises()
    _replaces = True
    try:
        yield
    finally:
        _replaces = False


def find(name: str) -> Exercise:
    """The exercise of this name. ValidationError names the near ones."""
    if not isinstance(name, (str, int, float)):  # a number is a name without its quotes
        raise ValidationError(f"an exercise has a name, such as '03.1', not {name!r}")
    known = {found.name: found for found in exercises()}
    if name not in known:
        if (whole := f"{name}".strip().zfill(4)) in known:
            raise ValidationError(f"there is no exercise {name!r}; did you mean {whole!r}?")
        near = get_close_matches(str(name), list(known), n=3, cutoff=0.3)
        raise ValidationError(f"there is no exercise {name!r}" + (f"; did you mean {', '.join(near)}?" if near else ""))
    return known[name]
