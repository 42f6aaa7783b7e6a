"""Cells of tables as plain values: what a writer's types (bytes for text, numbers for moments) make of them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

__all__ = ["moment", "text", "whole"]


def text(value: Any) -> str:
    """A text, also one that was written as bytes; empty for anything else."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).rstrip(b"\x00").decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


def whole(value: Any) -> int | None:
    """A whole number; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def moment(value: Any) -> int | None:
    """Nanoseconds since 1970 of a timestamp, or of a number of seconds, milliseconds, micro- or nanoseconds."""
    if isinstance(value, datetime):
        at = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        since = at - datetime(1970, 1, 1, tzinfo=timezone.utc)
        return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000
    number = whole(value)
    if number is None:
        return None
    for unit, most in ((1_000_000_000, 10**11), (1_000_000, 10**14), (1_000, 10**17)):
        if abs(number) < most:
            return number * unit
    return number
