"""Arguments of a few kinds that many verbs take, checked in one way: paths, lists, topics, one of several names.

Each gives the argument in the form it is used in, or raises ValidationError with what was wrong with the very thing
that was given, before anything is done.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from p2plab.errors import ValidationError
from p2plab.errors.likely import did_you_mean

__all__ = ["check_amounts", "check_released", "data_of", "flag", "list_of", "one_of", "path_of", "topic_of", "utf8"]

LONGEST: Final = 1e9  # seconds: some thirty years
MOST: Final = 1e15  # of an amount: whole numbers up to there are exact as floats
LONGEST_TOPIC: Final = 1_024  # bytes
_LONGEST_PART: Final = 255  # bytes of the name of one file or folder, in the file systems of the three systems
_LONGEST_PATH: Final = 4096  # bytes


def path_of(given: object, what: str = "a path") -> Path:
    """The path that a str or a path-like object stands for; ``what`` it is of, for the error."""
    if not isinstance(given, (str, os.PathLike)):
        raise ValidationError(f"{what} is text or a pathlib.Path, not {given!r}")
    text = os.fsdecode(given)
    if not text:
        raise ValidationError(f"{what} is empty; name a file or a folder")
    if "\0" in text:
        raise ValidationError(f"{what} has no null character in it, and {text[:80]!r} has one")
    try:
        parts = [len(os.fsencode(part)) for part in Path(text).parts]
    except UnicodeEncodeError as error:
        raise ValidationError(f"{what} cannot be {text[:80]!a}: {error.reason}") from error
    if max(parts, default=0) > _LONGEST_PART or sum(parts) > _LONGEST_PATH:
        raise ValidationError(
            f"{what} is too long: {text[:60]!r}… has {len(text):,} characters; a file's name may have "
            f"{_LONGEST_PART} bytes, all of it {_LONGEST_PATH:,}"
        )
    return Path(text)


def list_of(given: object, what: str, example: str = "") -> list[Any]:
    """The items of a list, a tuple or another iterable; text and mappings are none, since their parts are letters and
    keys. ``what`` it is, for the error, and an ``example`` of one."""
    if isinstance(given, Iterable) and not isinstance(given, (str, bytes, bytearray, Mapping, type)):
        return list(given)
    raise ValidationError(f"{what} is a list{f' such as {example}' if example else ''}, not {given!r}")


def one_of(given: object, known: Collection[str], what: str) -> str:
    """The one of the known names that was given; the error lists them, and says which was meant."""
    if isinstance(given, str) and given in known:
        return given
    raise ValidationError(
        f"{what} is one of {', '.join(known)}, not {given!r}; {did_you_mean(given, known)}".rstrip("; ")
    )


def flag(given: object, name: str) -> bool:
    """An argument that is True or False, NumPy's included; 0 and 1 are taken for them. ValidationError for what is
    neither, since any text is true, "no" among them."""
    if isinstance(given, int) and given in (0, 1):
        return bool(given)
    if type(given).__module__ == "numpy" and type(given).__name__ in ("bool", "bool_"):
        return bool(given)
    raise ValidationError(f"{name} is True or False, not {given!r}")


def whole(given: object, name: str, what: str, least: int | None = None) -> int:
    """The given whole number; ValidationError for what is none, or below ``least``."""
    if isinstance(given, bool) or not isinstance(given, int) or (least is not None and given < least):
        bound = "" if least is None else f" from {least} up"
        raise ValidationError(f"{name} is {what}, a whole number{bound}, not {given!r}")
    return given


def check_released(a: object, b: object) -> None:
    """Of ``release``: two nodes are named, or neither is, which means everything. Raises ValidationError."""
    if (a is None) != (b is None):
        alone = b if a is None else a
        raise ValidationError(f"release(a, b) takes two nodes, or none for everything, not {alone} alone")


def check_amounts(params: Any, least_one: Collection[str] = ()) -> None:
    """Every number of a dataclass is finite and 0 or more, those of ``least_one`` 1 or more. Raises ValidationError."""
    for one in fields(params):
        value, least = getattr(params, one.name), int(one.name in least_one)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and not least <= value < MOST:
            name = f"{type(params).__name__}.{one.name}"
            raise ValidationError(f"{name} must be a number from {least} to less than {MOST:g}, not {value!r}")


def utf8(text: str, what: str) -> bytes:
    """The text as UTF-8; a lone surrogate has no such form."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ValidationError(f"{what} {text[:80]!r} cannot be written as UTF-8: {error.reason}") from error


def topic_of(given: object) -> str:
    """A topic of publish-subscribe: text of 1 to 1,024 bytes in UTF-8."""
    if not isinstance(given, str):
        raise ValidationError(f"a topic is text such as 'news', not {type(given).__name__} ({str(given)[:80]})")
    size = len(utf8(given, "the topic"))
    if not 0 < size <= LONGEST_TOPIC:
        raise ValidationError(f"a topic has 1 to {LONGEST_TOPIC:,} bytes in UTF-8; {given[:40]!r} has {size:,}")
    return given


def data_of(given: object, what: str = "data", limit: int | None = None) -> bytes:
    """What is sent or stored, as bytes: text as UTF-8. ``what`` it is, for the error; ``limit``: of how many bytes at
    most."""
    data = utf8(given, what) if isinstance(given, str) else given
    if isinstance(data, (bytearray, memoryview)):
        data = bytes(data)
    if not isinstance(data, bytes):
        raise ValidationError(f"{what} is bytes, or text as UTF-8, not {type(data).__name__} ({str(data)[:80]})")
    if limit is not None and len(data) > limit:
        raise ValidationError(f"{what} has at most {limit} bytes here; this one has {len(data)}")
    return data
