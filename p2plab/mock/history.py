"""The list of commands given to a lab from outside: with the seed and the parameters, it is the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar


@dataclass
class Command:
    """A verb called from outside the lab. ``target`` names the object it was called on (``node alice``, ``stream 3``),
    ``tick`` and ``step`` say between which two calls of the clock it came in."""

    target: str
    verb: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    tick: int = -1
    step: int = -1

    @property
    def node(self) -> str | None:
        """The node it was called on, if it was one."""
        kind, _, name = self.target.partition(" ")
        return name if kind == "node" else None

    def describe(self) -> dict[str, Any]:
        """The verb and its arguments as plain JSON, for the event log."""
        arguments = [_plain(arg) for arg in self.args]
        arguments += [f"{key}={_plain(value)}" for key, value in self.kwargs.items() if value is not None]
        return {"target": self.target, "verb": self.verb, "arguments": arguments}


def command_of(verb: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Command:
    """The command that calling this bound method is."""
    owner = getattr(verb, "__self__", None)
    return Command(str(getattr(owner, "ref", "lab")), getattr(verb, "__name__", "call"), args, kwargs)


def _plain(value: Any) -> Any:
    """A value as the log shows it: never an address in memory, never more than a line."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return value[:200]
    if isinstance(value, (bytes, bytearray)):
        return f"{len(value)} bytes"
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value[:20]] + (["…"] if len(value) > 20 else [])
    return getattr(value, "__name__", type(value).__name__)


F = TypeVar("F", bound=Callable[..., Any])


def unrecorded(verb: F) -> F:
    """Marks a verb that changes nothing but the time, and so does not belong into the history."""
    verb.unrecorded = True  # type: ignore[attr-defined]  # functions take attributes, mypy knows none
    return verb
