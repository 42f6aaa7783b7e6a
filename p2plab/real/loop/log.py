"""The event log of a real lab: its ambient cause follows trio's tasks.

Many tasks take turns in the lab's thread, so one attribute for all of them would blame one task's events on another.
"""

from __future__ import annotations

import time
from contextvars import ContextVar
from typing import Any

from p2plab.events import EventLog
from p2plab.host.told import arguments_of, target_of

MICROSECONDS = 1_000_000

_cause: ContextVar[int] = ContextVar("p2plab_cause", default=-1)


class TrioEventLog(EventLog):
    """An EventLog in microseconds since it was made, whose ``cause`` is the running task's own.

    A task inherits the cause of the one that started it.
    """

    def __init__(self, level: str, limit: int) -> None:
        began = time.perf_counter_ns()
        super().__init__(MICROSECONDS, lambda: (time.perf_counter_ns() - began) // 1_000, level=level, limit=limit)

    # The base class keeps a plain attribute here, which a property may stand in for at run time.
    @property
    def cause(self) -> int:
        """The ``seq`` of the event that led to what the running task does; -1 for none."""
        return _cause.get()

    @cause.setter
    def cause(self, seq: int) -> None:
        _cause.set(seq)

    @property
    def now(self) -> float:
        """Seconds since the log was made."""
        return self._clock() / MICROSECONDS


def describe(verb: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """The node that a verb was called on, if it was one; what it was called on, the verb, and its arguments as plain
    JSON: never an address in memory, never more than a line."""
    target, node = target_of(getattr(verb, "__self__", None))
    told = arguments_of(args, kwargs, within=False)
    return node, {"target": target, "verb": getattr(verb, "__name__", "call"), "arguments": told}
