"""What an event's ``data`` may hold: what JSON can say, so that a log can always be saved, digested and read again."""

from __future__ import annotations

from math import isfinite
from typing import Any, Final

from p2plab.errors import EventLogError

__all__ = ["check_data"]

_DEPTH: Final = 16
_ATOMS: Final = frozenset((int, str, bool, type(None)))


def check_data(kind: str, data: dict[str, Any]) -> None:
    """EventLogError for data that is not made of dicts by text, lists, text, numbers, booleans and None."""
    for key, value in data.items():
        # Nearly all data is of these, so that nothing else is looked at.
        if not isinstance(key, str) or not (isinstance(value, (int, str)) or value is None or _is_plain(value, 1)):
            raise EventLogError(
                f"{kind} cannot be recorded: {key!r} is {value!r}, which is not plain data (text, numbers, lists and "
                "dicts by text)"
            )


def _is_plain(value: object, depth: int) -> bool:
    if value.__class__ in _ATOMS or isinstance(value, (int, str)):
        return True
    if isinstance(value, float):
        return isfinite(value)
    if depth > _DEPTH:
        return False
    if isinstance(value, (list, tuple)):
        return all(_is_plain(one, depth + 1) for one in value)
    if isinstance(value, dict):
        last: object = None
        for key, one in value.items():
            if not isinstance(key, str):
                return False
            if one is last or one.__class__ in _ATOMS:  # of scores, most are the same object
                continue
            if not (isfinite(one) if one.__class__ is float else _is_plain(one, depth + 1)):
                return False
            last = one
        return True
    return False
