"""Where the rows of a node, a kind or a message stand in a log, so that asking for them does not read all the others.

A place is counted from the first row ever kept, so that it stays true when the oldest rows go. An index is extended by
what is new when somebody asks, never while the lab runs.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any

from p2plab.events.kinds import KINDS
from p2plab.events.rows.rows import Rows

__all__ = ["Index", "Indices"]


class Index:
    """For each key, one field or a tuple of several, the places of its rows, ascending. Rows whose key is None are left
    out."""

    def __init__(self, *names: str) -> None:
        self._names = names
        self._places: dict[Any, array[int]] = {}
        self._end = 0  # the place after the last row that was read

    def extend(self, rows: Rows, first: int) -> None:
        """Read the rows that came since the last call; ``first`` is the place of the first of them."""
        places = self._places
        start, end = max(self._end, first), first + len(rows)
        if len(self._names) > 1:
            keys: Iterable[Any] = rows.scan(*self._names, start=start - first, stop=end - first)
        else:
            keys = rows.column(self._names[0], range(start - first, end - first))
        for place, key in enumerate(keys, start):
            if key is not None:
                known = places.get(key)
                if known is None:
                    known = places[key] = array("q")
                known.append(place)
        self._end = max(start, end)

    def forget(self, first: int) -> None:
        """Let go of the places before ``first``: their rows are gone."""
        for key, places in list(self._places.items()):
            gone = bisect_left(places, first)
            if gone == len(places):
                del self._places[key]
            elif gone:
                del places[:gone]

    def keys(self) -> Iterable[Any]:
        """Every key there is."""
        return self._places.keys()

    def between(self, keys: Iterable[Any], start: int, end: int) -> list[int]:
        """The places from ``start`` up to but not ``end`` of the rows of all these keys, ascending."""
        found: list[int] = []
        parts = 0
        for key in keys:
            places = self._places.get(key)
            if places is not None:
                part = places[bisect_left(places, start) : bisect_left(places, end)]
                found += part
                parts += bool(part)
        if parts > 1:
            found.sort()
        return found


class Indices:
    """The indices of a log: by node and kind, and by the message or lookup a row is about."""

    def __init__(self) -> None:
        self._by_node_and_kind = Index("node", "kind")
        self._by_ref = Index("ref")

    def forget(self, first: int) -> None:
        """The rows before this place are gone."""
        self._by_node_and_kind.forget(first)
        self._by_ref.forget(first)

    def candidates(
        self,
        rows: Rows,
        first: int,
        start: int,
        end: int,
        kinds: Sequence[str] | None,
        node: int | None,
        ref: str | None,
    ) -> Sequence[int]:
        """The places in ``rows``, from ``start`` up to ``end``, among which are all of these kinds, this node and this
        ref, as far as given. ``first`` is the place of the first row, counted from the first ever kept."""
        if ref is not None:
            index: Index = self._by_ref
            keys: list[Any] = [ref]
        elif node is not None:
            index, keys = self._by_node_and_kind, [(node, kind) for kind in (KINDS if kinds is None else kinds)]
        elif kinds is not None:
            index, keys = self._by_node_and_kind, []
        else:
            return range(start, end)
        index.extend(rows, first)
        if not keys:
            wanted = frozenset(kinds or ())
            keys = [key for key in index.keys() if key[1] in wanted]
        found = index.between(keys, first + start, first + end)
        return [place - first for place in found] if first else found
