"""Dates as records carry them: RFC 3339 in UTC with nanoseconds, as ``2026-01-02T03:04:05.000000006Z``.

Reckoned here with whole numbers, because floats do not hold nanoseconds and a record must give the same bytes
everywhere.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["NANOSECONDS", "date_text", "nanoseconds_of"]

NANOSECONDS: Final = 1_000_000_000
_DAY: Final = 86_400
_DATE: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d{0,20})?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)
_MONTHS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _days_before(year: int) -> int:
    """Days from 1970-01-01 to the first of January of this year."""
    past = year - 1
    return 365 * (year - 1970) + past // 4 - past // 100 + past // 400 - 477


def nanoseconds_of(text: str) -> int:
    """Nanoseconds since 1970 of a date. ValueError for text that is none."""
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:60]!r} is not a date such as 2026-01-02T03:04:05.000000006Z")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, sign, hours, minutes = match.groups()[6:]
    if not 1 <= month <= 12 or year < 1 or hour > 23 or minute > 59 or second > 60:
        raise ValueError(f"{text!r} is a date that does not exist")
    length = _MONTHS[month - 1] + (month == 2 and _is_leap(year))
    if not 1 <= day <= length:
        raise ValueError(f"{text!r} is a date that does not exist")
    days = _days_before(year) + sum(_MONTHS[: month - 1]) + (month > 2 and _is_leap(year)) + day - 1
    seconds = days * _DAY + hour * 3600 + minute * 60 + second
    if sign:
        offset = int(hours) * 3600 + int(minutes) * 60
        seconds += offset if sign == "-" else -offset
    return seconds * NANOSECONDS + (int(fraction.ljust(9, "0")) if fraction else 0)


def date_text(nanoseconds: int) -> str:
    """The date of so many nanoseconds since 1970, always with nine digits after the point."""
    seconds, fraction = divmod(nanoseconds, NANOSECONDS)
    days, rest = divmod(seconds, _DAY)
    year = 1970 + days * 400 // 146_097
    while _days_before(year) > days:
        year -= 1
    while _days_before(year + 1) <= days:
        year += 1
    days -= _days_before(year)
    month = 0
    while days >= _MONTHS[month] + (month == 1 and _is_leap(year)):
        days -= _MONTHS[month] + (month == 1 and _is_leap(year))
        month += 1
    hour, minute, second = rest // 3600, rest // 60 % 60, rest % 60
    return f"{year:04}-{month + 1:02}-{days + 1:02}T{hour:02}:{minute:02}:{second:02}.{fraction:09}Z"
