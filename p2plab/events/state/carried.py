"""A fold as plain JSON: a log that has forgotten its first rows takes what they came to along into its file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from p2plab.events.state.fold import Fold
from p2plab.events.state.shared import Shared

__all__ = ["from_plain", "to_plain"]


def to_plain(fold: Fold, names: Sequence[str]) -> dict[str, Any]:
    """The fold with names in place of indices."""

    def listed(indices: Any) -> list[str]:
        return [names[index] for index in indices]

    def by_node(shared: Shared[int], member: Callable[[Any], Any]) -> dict[str, list[Any]]:
        return {names[node]: [member(one) for one in shared.get(node)] for node in shared}

    return {
        "place": fold.place,
        "t": fold.t,
        "seq": fold.seq,
        "started": listed(fold.started),
        "down": listed(fold.down),
        "attached": listed(fold.attached),
        "lost": listed(fold.lost),
        "cuts": fold.cuts,
        "filled": fold.filled,
        "ends": by_node(fold.ends, lambda end: [names[end[0]], end[1]]),
        "topics": by_node(fold.topics, lambda topic: topic),
        "meshes": by_node(fold.meshes, lambda entry: [entry[0], names[entry[1]]]),
        "fanouts": by_node(fold.fanouts, lambda entry: [entry[0], names[entry[1]]]),
        "tables": by_node(fold.tables, lambda peer: names[peer]),
    }


def from_plain(plain: dict[str, Any], register: Callable[[str], int]) -> Fold:
    """The fold again. TypeError, ValueError, KeyError for what ``to_plain`` did not give."""
    fold = Fold()
    fold.place, fold.t, fold.seq = _number(plain["place"]), _number(plain["t"]), _number(plain["seq"])
    for name in ("started", "down", "attached", "lost"):
        setattr(fold, name, dict.fromkeys(register(_text(one)) for one in plain[name]))
    fold.cuts = tuple(tuple(tuple(_text(one) for one in group) for group in groups) for groups in plain["cuts"])
    fold.filled = plain["filled"] is True
    kinds: dict[str, Callable[[Any], Any]] = {
        "ends": lambda end: (register(_text(end[0])), _number(end[1])),
        "topics": _text,
        "meshes": lambda entry: (_text(entry[0]), register(_text(entry[1]))),
        "fanouts": lambda entry: (_text(entry[0]), register(_text(entry[1]))),
        "tables": lambda peer: register(_text(peer)),
    }
    for name, member in kinds.items():
        shared: Shared[int] = getattr(fold, name)
        for node, members in plain[name].items():
            index = register(node)
            for one in members:
                shared.add(index, member(one))
    return fold


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no name")
    return value


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is no whole number")
    return value
