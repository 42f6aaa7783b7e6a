"""The list of commands given to a lab from outside: with the seed and the parameters, it is the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from p2plab.stream import NetStream


@dataclass
class Command:
    """A verb called from outside the lab. ``target`` names the object it was called on (``node alice``, ``stream 3``,
    ``subscription to 'news'``), ``node`` the node that it is or belongs to. ``tick`` and ``step`` say between which two
    calls of the clock it came in."""

    target: str
    node: str | None
    verb: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    tick: int = -1
    step: int = -1

    def describe(self) -> dict[str, Any]:
        """The verb and its arguments as plain JSON, for the event log."""
        arguments = [_plain(arg) for arg in self.args]
        arguments += [f"{key}={_plain(value)}" for key, value in self.kwargs.items() if value is not None]
        return {"target": self.target, "verb": self.verb, "arguments": arguments}


def command_of(verb: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Command:
    """The command that calling this bound method is."""
    target, node = _target(getattr(verb, "__self__", None))
    return Command(target, node, getattr(verb, "__name__", "call"), args, kwargs)


def _target(owner: Any) -> tuple[str, str | None]:
    """What a verb was called on, and the name of its node."""
    from p2plab.pubsub import TopicQueue

    if isinstance(owner, NetStream):
        return f"stream {owner.id}", str(owner.node)
    if isinstance(owner, TopicQueue):
        return f"subscription to {owner.topic!r}", owner.owner
    ref = str(getattr(owner, "ref", "lab"))
    kind, _, name = ref.partition(" ")
    return ref, name if kind == "node" else None


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
