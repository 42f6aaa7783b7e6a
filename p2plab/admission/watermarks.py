"""Watermarks: which connections go when there are too many.

Rules it lives by:
- Above ``high`` connections are closed until ``low`` are left, or until there are no candidates any more.
- No candidate is a connection to a protected peer, or one younger than the grace period.
- The least valuable goes first: by the sum of the peer's tags; then idle ones before those with streams, inbound before
  outbound, those with fewer streams, and the youngest. So the choice is the same in every run.
- Where the grace period alone stands in the way, it is looked at again when the first of them is over.

After go-libp2p's connection manager (p2p/net/connmgr), whose order this is but for the youngest: there it is left open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from p2plab.errors import ValidationError
from p2plab.errors.likely import known_fields
from p2plab.typing import Direction

__all__ = ["Candidate", "Tags", "Trim", "Watermarks", "trim"]


@known_fields
@dataclass(frozen=True, slots=True)
class Watermarks:
    """``high``: how many connections there may be before some are closed, ``low``: how many are left then. ``grace``:
    seconds for which a new one is safe."""

    low: int
    high: int
    grace: float = 20.0

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 1_000_000:
                raise ValidationError(f"the {name} watermark is a number of connections from 0 up, not {value!r}")
        if self.low > self.high:
            raise ValidationError(f"the low watermark, {self.low}, is above the high one, {self.high}")
        grace = self.grace
        if isinstance(grace, bool) or not isinstance(grace, (int, float)) or not 0 <= grace < 1e9:
            raise ValidationError(f"the grace period is a number of seconds from 0 up, not {grace!r}")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A connection as trimming sees it. ``opened_at`` is in ticks."""

    connection: int
    peer: str
    direction: Direction
    opened_at: int
    streams: int


@dataclass(frozen=True, slots=True)
class Trim:
    """The connections to close, the least valuable first, each with its peer's value; and the tick at which to look
    again, where there would be more to close then."""

    close: tuple[tuple[Candidate, int], ...] = ()
    again: int | None = None
    count: int = 0


@dataclass(slots=True)
class Tags:
    """What is said of peers, by peer id: values that add up, and tags that protect."""

    values: dict[str, dict[str, int]] = field(default_factory=dict)
    protections: dict[str, dict[str, int]] = field(default_factory=dict)

    def tag(self, peer: str, tag: str, value: int) -> None:
        """Give a peer a value under a tag, in place of the one it had there."""
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 1_000_000_000:
            raise ValidationError(f"a tag's value is a whole number, not {value!r}")
        self.values.setdefault(peer, {})[check_tag(tag)] = value

    def untag(self, peer: str, tag: str) -> bool:
        """Take a tag away; whether it was there."""
        return _take(self.values, peer, check_tag(tag))

    def protect(self, peer: str, tag: str) -> None:
        """Keep a peer's connections from being trimmed, for the sake of this tag."""
        self.protections.setdefault(peer, {})[check_tag(tag)] = 1

    def unprotect(self, peer: str, tag: str) -> bool:
        """Take a protection away; whether others still protect the peer."""
        _take(self.protections, peer, check_tag(tag))
        return peer in self.protections

    def value(self, peer: str) -> int:
        """The sum of a peer's tags."""
        return sum(self.values.get(peer, {}).values())

    def is_protected(self, peer: str) -> bool:
        """Whether any tag protects it."""
        return peer in self.protections


def check_tag(tag: object) -> str:
    """A tag: a short text. Raises ValidationError."""
    if not isinstance(tag, str) or not tag or len(tag) > 200:
        raise ValidationError(f"a tag is a text of 1 to 200 characters, not {tag!r}")
    return tag


def trim(watermarks: Watermarks, connections: Iterable[Candidate], tags: Tags, now: int, grace: int) -> Trim:
    """What to close. ``now`` and ``grace`` are in ticks."""
    every = list(connections)
    if len(every) <= watermarks.high:
        return Trim(count=len(every))
    unprotected = [one for one in every if not tags.is_protected(one.peer)]
    ripe = [one for one in unprotected if now - one.opened_at >= grace]
    ranked = sorted(ripe, key=lambda one: _worth(one, tags))
    chosen = ranked[: len(every) - watermarks.low]
    young = [one.opened_at + grace for one in unprotected if now - one.opened_at < grace]
    again = min(young) if young and len(every) - len(chosen) > watermarks.high else None
    return Trim(tuple((one, tags.value(one.peer)) for one in chosen), again, len(every))


def _worth(one: Candidate, tags: Tags) -> tuple[int, bool, bool, int, int, int]:
    idle = one.streams == 0
    return (tags.value(one.peer), not idle, one.direction == "outbound", one.streams, -one.opened_at, -one.connection)


def _take(tags: dict[str, dict[str, int]], peer: str, tag: str) -> bool:
    of_peer = tags.get(peer, {})
    was_there = of_peer.pop(tag, None) is not None
    if was_there and not of_peer:
        del tags[peer]
    return was_there
