"""Dialling again: a peer that cannot be reached is tried once more, after pauses that double."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from p2plab.errors import DialError
from p2plab.typing import Runtime

__all__ = ["BACKOFF", "LONGEST", "persistently"]

T = TypeVar("T")

BACKOFF: Final = 0.1  # seconds before the first retry
LONGEST: Final = 30.0  # seconds of a pause at most


async def persistently(runtime: Runtime, dial: Callable[[], Awaitable[T]], retries: int, backoff: float) -> T:
    """The outcome of ``dial()``, called again up to ``retries`` times, ``backoff`` seconds later and then twice as long
    each time. The DialError has the attempts of all; one without any (nothing to dial) is raised at once."""
    attempts: list[tuple[str, float, str]] = []
    for tried in range(retries + 1):
        try:
            return await dial()
        except DialError as error:
            attempts += error.attempts
            if retries == 0 or not error.attempts:
                raise
            if tried == retries:
                last = DialError(f"{error} (the last of {tried + 1} tries, {backoff:g} s and more apart)", attempts)
                last.event = error.event
                raise last from error
        await runtime.sleep(min(LONGEST, backoff * 2**tried))
    raise AssertionError("a try returns or raises")
