"""The name that somebody meant who wrote another one: every error about an unknown name says it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from functools import wraps
from itertools import islice
from numbers import Integral, Real
from typing import Any, Final, TypeVar

from p2plab.errors import ValidationError

__all__ = ["Nothing", "did_you_mean", "in_words", "known_fields", "likely", "misspelt", "unheard"]

T = TypeVar("T")

_WANTED: Final[dict[type, str]] = {bool: "True or False", int: "a whole number", float: "a number"}
_PLAIN: Final = {  # annotations, and what they stand for: the type, and whether None is one
    f"{kind.__name__}{' | None' if optional else ''}": (kind, optional)
    for kind in _WANTED
    for optional in (False, True)
}
_MOST: Final = 10_000  # names that are compared; in a larger lab the others are not offered
_SHORT: Final = 3  # a longer name has to begin with what was written, to be offered for it
_NAMED: Final = 8  # names that an error lists
_NUMBER: Final = re.compile(r"\d+|(?<![a-z])[a-z](?![a-z])", re.IGNORECASE)  # or a letter that stands alone
_NUMBERED: Final = re.compile(r"(.*?)(0|[1-9]\d{0,8})")


def likely(name: object, known: Iterable[object]) -> str | None:
    """The one of the known names that is most like this one; None where none is."""
    if not isinstance(name, str) or not 0 < len(name) <= 200:
        return None
    names = list(map(str, islice(known, _MOST)))
    folded = {one.casefold(): one for one in reversed(names)}
    wanted = name.casefold()
    if wanted in folded:
        return folded[wanted]
    near = get_close_matches(wanted, folded, n=1, cutoff=0.6)
    if near:
        return folded[near[0]]
    longer = [one for one in folded if len(wanted) >= _SHORT and one.startswith(wanted)]
    return folded[min(longer, key=len)] if longer else None


def did_you_mean(name: object, known: Iterable[object]) -> str:
    """``did you mean bob? ``, to stand in a sentence; empty where no known name is like it."""
    meant = likely(name, known)
    return f"did you mean {meant}? " if meant is not None else ""


def misspelt(name: str, known: Iterable[str]) -> str | None:
    """The known name that was likely meant; None where the two differ in a number or a letter of its own alone, as
    names of a series do: who writes n20 where there are n0 to n19 did not mean n2, nor who writes peer-b peer-a."""
    near = likely(name, known)
    return None if near is None or _NUMBER.sub("#", near) == _NUMBER.sub("#", name) else near


def in_words(names: Iterable[str]) -> str:
    """Names as a sentence lists them, the first of them where they are many, a series as one: ``alice, n0 to n19``."""
    runs: list[tuple[str, int, int]] = []  # what stands before the number (or the name, with -1), the first, the last
    for name in names:
        found = _NUMBERED.fullmatch(name)
        text, number = (found[1], int(found[2])) if found else (name, -1)
        if runs and found and runs[-1][0] == text and runs[-1][2] == number - 1 >= 0:
            runs[-1] = (text, runs[-1][1], number)
        else:
            runs.append((text, number, number))
    said = [f"{text}{first} to {text}{last}" if first < last - 1 else ", ".join(
        f"{text}{one if one >= 0 else ''}" for one in range(first, last + 1)
    ) for text, first, last in runs[:_NAMED]]  # fmt: skip
    return ", ".join(said) + (", and more" if len(runs) > _NAMED else "")


def unheard(topic: str, known: Iterable[str]) -> str:
    """That no node subscribes to a topic, and which of the known ones was likely meant; empty where it is known."""
    topics = list(known)
    if topic in topics:
        return ""
    return f"no node subscribes to {topic[:80]!r}; {did_you_mean(topic, topics)}".rstrip("; ")


def known_fields(cls: type[T]) -> type[T]:
    """Make a dataclass refuse a field that it has not with the likely name (``DhtParams(K=4)``), and a value that its
    field cannot have where that is a plain one: a number, or True and False. ValidationError, before anything else is
    looked at, so that ``__post_init__`` compares numbers. NumPy's numbers are taken as Python's."""
    begin: Any = cls.__init__
    declared: dict[str, Any] = cls.__dataclass_fields__  # type: ignore[attr-defined]
    known = [name for name, one in declared.items() if one.init]
    plain = {name: _PLAIN[declared[name].type] for name in known if declared[name].type in _PLAIN}

    @wraps(begin)
    def __init__(self: T, *values: Any, **named: Any) -> None:
        for name in named:
            if name not in known:
                meant = did_you_mean(name, known)
                raise ValidationError(f"{cls.__name__} has no parameter {name!r}; {meant}it has {', '.join(known)}")
        values = tuple(map(_plain, values))
        named = {name: _plain(value) for name, value in named.items()}
        for name, value in (*zip(known, values, strict=False), *named.items()):
            if name in plain and not _is(value, *plain[name]):
                wanted, optional = plain[name]
                raise ValidationError(
                    f"{cls.__name__}.{name} must be {_WANTED[wanted]}{' or None' if optional else ''}, not {value!r}"
                )
        begin(self, *values, **named)

    cls.__init__ = __init__  # type: ignore[assignment]
    return cls


def _plain(value: object) -> object:
    """A number of another library, of NumPy's ranges say, as Python's; anything else as it is."""
    if isinstance(value, (int, float)) or not isinstance(value, Real):
        return value
    try:
        return int(value) if isinstance(value, Integral) else float(value)
    except OverflowError:
        return value  # a fraction over what a float can be, which is refused


def _is(value: object, kind: type, optional: bool) -> bool:
    if value is None or isinstance(value, bool):
        return optional if value is None else kind is bool
    return isinstance(value, (int, float) if kind is float else kind) and value == value  # which NaN is not


class Nothing(list[T]):
    """An empty list that says, where it is shown, why there is nothing in it: an unknown name, most often."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why

    def __repr__(self) -> str:
        return f"[]  # {self.why}" if not self else super().__repr__()
