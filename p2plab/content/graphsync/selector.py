"""Selectors (ipld.io/specs/selectors): which part of a graph is meant, as clauses that say where to go from a node.

What is read comes from peers: the form is checked clause by clause, in depth and in number. Conditions are refused,
since the specification has not finished them. Where it is silent, this goes as go-ipld-prime does, with which both ends
have to agree block by block: a union's clauses each name what they are interested in, so that what two of them name is
walked twice; and a recursion counts an edge, not a level.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from p2plab.errors import ValidationError

__all__ = ["EVERYTHING", "MAX_RECURSION", "Selector", "everything", "parse_selector", "subset_of"]

MAX_CLAUSES: Final = 1000
MAX_NESTED: Final = 64  # clauses in each other
MAX_MEMBERS: Final = 64  # of a union, also of one that comes about on the way
MAX_RECURSION: Final = 100  # go-graphsync's bound, above which it rejects a request


class Selector:
    """One clause. ``explore`` gives the clause for a child, or None: not there."""

    __slots__ = ()

    def interests(self) -> Iterable[str | int] | None:
        """The names or indices that it looks at, in its order; None: everything that there is."""
        return ()

    def explore(self, node: Any, segment: str | int) -> Selector | None:
        return None

    def match(self) -> Match | None:
        """The matcher among its clauses."""
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Match(Selector):
    """``.``: the node is of the result; ``subset`` of text or bytes: from, to."""

    subset: tuple[int, int] | None = None

    def match(self) -> Match | None:
        return self


@dataclass(frozen=True, slots=True, eq=False)
class ExploreAll(Selector):
    """``a``"""

    next: Selector

    def interests(self) -> Iterable[str | int] | None:
        return None

    def explore(self, node: Any, segment: str | int) -> Selector | None:
        return self.next


@dataclass(frozen=True, slots=True, eq=False)
class ExploreFields(Selector):
    """``f``"""

    fields: dict[str, Selector]

    def interests(self) -> Iterable[str | int] | None:
        return self.fields

    def explore(self, node: Any, segment: str | int) -> Selector | None:
        return self.fields.get(str(segment))


@dataclass(frozen=True, slots=True, eq=False)
class ExploreRange(Selector):
    """``r``, and ``i`` with ``end`` one above."""

    start: int
    end: int
    next: Selector

    def interests(self) -> Iterable[str | int] | None:
        return range(self.start, self.end)

    def explore(self, node: Any, segment: str | int) -> Selector | None:
        index = index_of(segment)
        return self.next if isinstance(node, list) and index is not None and self.start <= index < self.end else None


@dataclass(frozen=True, slots=True, eq=False)
class ExploreUnion(Selector):
    """``|``"""

    members: tuple[Selector, ...]

    def interests(self) -> Iterable[str | int] | None:
        found = [member.interests() for member in self.members]
        if any(one is None for one in found):
            return None
        return (segment for one in found if one is not None for segment in one)

    def explore(self, node: Any, segment: str | int) -> Selector | None:
        return _union([member.explore(node, segment) for member in self.members])

    def match(self) -> Match | None:
        return next((found for member in self.members if (found := member.match()) is not None), None)


@dataclass(frozen=True, slots=True, eq=False)
class Edge(Selector):
    """``@``: go back to the beginning of the nearest recursion."""


@dataclass(frozen=True, slots=True, eq=False)
class ExploreRecursive(Selector):
    """``R``: ``current`` is where the walk is in ``sequence``; ``depth`` how many edges there may be, None: any."""

    sequence: Selector
    current: Selector
    depth: int | None

    def interests(self) -> Iterable[str | int] | None:
        return self.current.interests()

    def explore(self, node: Any, segment: str | int) -> Selector | None:
        following = self.current.explore(node, segment)
        if following is None:
            return None
        if not _has_edge(following):
            return ExploreRecursive(self.sequence, following, self.depth)
        if self.depth is not None and self.depth < 2:
            return _without_edge(following, None)
        replaced = _without_edge(following, self.sequence)
        assert replaced is not None
        return ExploreRecursive(self.sequence, replaced, None if self.depth is None else self.depth - 1)

    def match(self) -> Match | None:
        return self.current.match()


@dataclass(frozen=True, slots=True, eq=False)
class InterpretAs(Selector):
    """``~``: see the node as something else, such as ``unixfs``, and go on with ``next`` there."""

    adl: str
    next: Selector


def index_of(segment: str | int) -> int | None:
    """The index in a list that a segment of a path is."""
    if isinstance(segment, int):
        return segment
    return int(segment) if segment.isascii() and segment.isdecimal() and len(segment) < 16 else None


def _union(members: Iterable[Selector | None]) -> Selector | None:
    """One clause of several, a union's members in its place. The same clause twice, as two edges give it, is there
    once: it would double at each level."""
    found: dict[int, Selector] = {}
    for member in members:
        for one in member.members if isinstance(member, ExploreUnion) else () if member is None else (member,):
            found.setdefault(id(one), one)
    if len(found) > MAX_MEMBERS:
        raise ValidationError(f"a selector's union comes to {len(found)} clauses; at most {MAX_MEMBERS} are followed")
    if len(found) < 2:
        return next(iter(found.values()), None)
    return ExploreUnion(tuple(found.values()))


def _has_edge(selector: Selector) -> bool:
    if isinstance(selector, ExploreUnion):
        return any(map(_has_edge, selector.members))
    return isinstance(selector, Edge)


def _without_edge(selector: Selector, by: Selector | None) -> Selector | None:
    if isinstance(selector, Edge):
        return by
    if isinstance(selector, ExploreUnion):
        return _union([_without_edge(member, by) for member in selector.members])
    return selector


def subset_of(value: Any, subset: tuple[int, int]) -> Any:
    """The part of text or bytes that a matcher's subset is; None: it matches nothing."""
    if not isinstance(value, (str, bytes)):
        return None
    data = value.encode() if isinstance(value, str) else value
    first, last = bounds(subset, len(data))
    if first > last or first >= len(data):
        return None
    part = data[first:last]
    return part.decode(errors="replace") if isinstance(value, str) else part


def bounds(subset: tuple[int, int], size: int) -> tuple[int, int]:
    """From and to, in a value of so many bytes."""
    first, last = subset
    last = size + last if last < 0 else min(last, size)
    return (max(0, size + first) if first < 0 else first), last


# -- reading


def parse_selector(value: Any) -> Selector:
    """The selector of a value such as ``{"R": {"l": {"depth": 5}, ":>": {"a": {">": {"@": {}}}}}}``, perhaps in its
    envelope. ValidationError says what is wrong with one, or that it has a condition."""
    if isinstance(value, dict) and set(value) == {"selector"}:
        value = value["selector"]
    return _Reading().clause(value, 0, [])


class _Reading:
    def __init__(self) -> None:
        self._left = MAX_CLAUSES

    def clause(self, value: Any, depth: int, edges: list[int]) -> Selector:
        """``edges`` counts those of each recursion around it, the nearest last."""
        self._left -= 1
        if self._left < 0 or depth > MAX_NESTED:
            raise ValidationError(f"a selector of over {MAX_CLAUSES} clauses, or {MAX_NESTED} in each other")
        if not isinstance(value, dict) or len(value) != 1:
            raise _wrong("a clause is a map with one key", value)
        ((key, body),) = value.items()
        if key == "&":
            raise _condition()
        if key == "|":
            if not isinstance(body, list) or not 0 < len(body) <= MAX_MEMBERS:
                raise _wrong(f"a union is a list of 1 to {MAX_MEMBERS} clauses", body)
            return ExploreUnion(tuple(self.clause(one, depth + 1, edges) for one in body))
        if not isinstance(body, dict):
            raise _wrong(f"the body of {key!r} is a map", body)
        if key == ".":
            return self._matcher(body)
        if key == "@":
            _keys(body, (), ())
            if not edges:
                raise _wrong("a recursion edge stands in no recursion", value)
            edges[-1] += 1
            return Edge()
        return self._explore(key, body, depth + 1, edges)

    def _explore(self, key: str, body: dict[str, Any], depth: int, edges: list[int]) -> Selector:
        if key == "a":
            _keys(body, (">",), ())
            return ExploreAll(self.clause(body[">"], depth, edges))
        if key == "f":
            _keys(body, ("f>",), ())
            if not isinstance(body["f>"], dict):
                raise _wrong("fields are a map", body["f>"])
            return ExploreFields({name: self.clause(one, depth, edges) for name, one in body["f>"].items()})
        if key == "i":
            _keys(body, ("i", ">"), ())
            index = _number(body["i"])
            return ExploreRange(index, index + 1, self.clause(body[">"], depth, edges))
        if key == "r":
            _keys(body, ("^", "$", ">"), ())
            start, end = _number(body["^"]), _number(body["$"])
            if start >= end:
                raise _wrong("a range ends above its start", body)
            return ExploreRange(start, end, self.clause(body[">"], depth, edges))
        if key == "R":
            _keys(body, ("l", ":>"), ("!",))
            if "!" in body:
                raise _condition()
            inner = [*edges, 0]
            sequence = self.clause(body[":>"], depth, inner)
            if not inner[-1]:
                raise _wrong("a recursion has an edge, {'@': {}}", body)
            return ExploreRecursive(sequence, sequence, _limit(body["l"]))
        if key == "~":
            _keys(body, ("as", ">"), ())
            if body["as"] != "unixfs":
                raise _wrong("nodes are interpreted as 'unixfs' alone", body["as"])
            return InterpretAs("unixfs", self.clause(body[">"], depth, edges))
        raise _wrong("there are the clauses . a f i r R | @ ~", key)

    def _matcher(self, body: dict[str, Any]) -> Selector:
        _keys(body, (), ("onlyIf", "label", "subset"))
        if "onlyIf" in body:
            raise _condition()
        if not isinstance(body.get("label", ""), str):
            raise _wrong("a label is text", body["label"])
        if "subset" not in body:
            return Match()
        subset = body["subset"]
        if not isinstance(subset, dict):
            raise _wrong("a subset is a map", subset)
        _keys(subset, ("[", "]"), ())
        first, last = _number(subset["["]), _number(subset["]"])
        if last >= 0 and first > last:
            raise _wrong("a subset ends at or above its start", subset)
        return Match((first, last))


def _limit(value: Any) -> int | None:
    if value == {"none": {}}:
        return None
    if isinstance(value, dict) and set(value) == {"depth"}:
        return _number(value["depth"])
    raise _wrong("the limit of a recursion is {'depth': n} or {'none': {}}", value)


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(1 << 63) <= value < 1 << 63:
        raise _wrong("a whole number is needed", value)
    return value


def _keys(body: dict[str, Any], needed: tuple[str, ...], more: tuple[str, ...]) -> None:
    missing = [key for key in needed if key not in body]
    unknown = [key for key in body if key not in needed and key not in more]
    if missing or unknown:
        raise _wrong(f"a clause has the keys {', '.join(needed) or 'none'}", body)


def _wrong(problem: str, value: Any) -> ValidationError:
    shown = repr(value)
    return ValidationError(f"this is no selector: {problem}, not {shown if len(shown) < 80 else shown[:77] + '...'}")


def _condition() -> ValidationError:
    return ValidationError("a selector with a condition: the specification has not finished them, so they are refused")


def everything(depth: int = MAX_RECURSION) -> dict[str, Any]:
    """The selector of all that is below a node, down to so many maps and lists in each other. go-graphsync, as it is
    set from the start, rejects deeper ones; a dag-pb node takes three of its levels to the next."""
    return {"R": {"l": {"depth": depth}, ":>": {"|": [{".": {}}, {"a": {">": {"@": {}}}}]}}}


EVERYTHING: Final = everything()


def segments(node: Any, selector: Selector) -> Iterator[tuple[str | int, Any]]:
    """The children of a map or a list that a clause looks at, in the order of the walk."""
    wanted = selector.interests()
    if isinstance(node, dict):
        if wanted is None:
            yield from node.items()
            return
        for segment in _bounded(wanted, 0, 0):
            if str(segment) in node:
                yield str(segment), node[str(segment)]
    elif isinstance(node, list):
        if wanted is None:
            yield from enumerate(node)
            return
        for segment in _bounded(wanted, 0, len(node)):
            index = index_of(segment)
            if index is not None and 0 <= index < len(node):
                yield index, node[index]


def _bounded(wanted: Iterable[str | int], first: int, last: int) -> Iterable[str | int]:
    """A range no longer than the list it is of: peers may ask for any."""
    if isinstance(wanted, range):
        return range(max(wanted.start, first), min(wanted.stop, last))
    return wanted
