"""How the log tells of a command: whom it was given to, and its arguments. The same in every world."""

from __future__ import annotations

from math import isfinite
from sys import intern
from typing import Any

from p2plab.host.service import HostService
from p2plab.stream import NetStream
from p2plab.text import plural

__all__ = ["arguments_of", "target_of"]


def target_of(owner: Any) -> tuple[str, str | None]:
    """What a verb was called on, and the name of its node."""
    from p2plab.pubsub import TopicQueue

    if isinstance(owner, NetStream):
        return f"stream {owner.id}", str(owner.node)
    if isinstance(owner, TopicQueue):
        return f"subscription to {owner.topic!r}", owner.owner
    ref = intern(str(getattr(owner, "ref", "lab")))  # a lab's history has the same few of them in every command
    kind, _, name = ref.partition(" ")
    return ref, intern(name) if kind in ("node", "door") or isinstance(owner, HostService) else None


def arguments_of(args: tuple[Any, ...], kwargs: dict[str, Any], within: bool = True) -> list[Any]:
    """Arguments as plain JSON; what was left out is not told. ``within``: whether of a dict it is told what is in it,
    which of settings may be a key."""
    named = [f"{key}={_plain(value, within)}" for key, value in kwargs.items() if value is not None]
    return [*(_plain(arg, within) for arg in args), *named]


def _plain(value: Any, within: bool) -> Any:
    """A value as the log shows it: never an address in memory, never more than a line."""
    if isinstance(value, float) and not isfinite(value):
        return str(value)  # JSON has none of these
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return value[:200]
    if isinstance(value, (bytes, bytearray)):
        return plural(len(value), "byte")
    if isinstance(value, (list, tuple)):
        return [_plain(item, within) for item in value[:20]] + (["…"] if len(value) > 20 else [])
    if within and isinstance(value, dict):
        return {str(key): _plain(item, within) for key, item in list(value.items())[:20]}
    return getattr(value, "__name__", type(value).__name__)
