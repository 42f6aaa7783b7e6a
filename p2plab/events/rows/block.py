"""A block of rows as columns: a tenth of the memory that as many tuples take.

What repeats (kinds, nodes, topics, ids ...) is kept once, in a table, and a byte or two a row say which it is. Ticks,
numbers and causes are arrays of integers; a row's data is marshalled, and made anew for whoever reads it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from marshal import dumps, loads
from typing import Any, Final

from p2plab.events.event import COLUMNS, Row

__all__ = ["PLACE", "SIZE", "RowBlock", "Taken"]

SIZE: Final = 16_384  # rows of a block; two bytes number as many different values
Taken = Callable[[Sequence[Any]], Sequence[Any]]  # gives those of the rows that are wanted, in order
PLACE: Final = {name: at for at, name in enumerate(COLUMNS)}  # of each field in a row
_NUMBERS: Final = (PLACE["t"], PLACE["seq"], PLACE["cause"])
_DATA: Final = PLACE["data"]
_BYTES: Final = 256


class RowBlock:
    """Rows that do not change any more."""

    __slots__ = ("_columns",)

    def __init__(self, rows: Sequence[Row]) -> None:
        columns = list(zip(*rows, strict=True))
        columns[_DATA] = tuple(None if data is None else _packed(data) for data in columns[_DATA])
        # Of each column what is kept for every row, and the table that this points into, where it is no number itself.
        self._columns: list[tuple[Sequence[Any], tuple[Any, ...] | None]] = [
            (_integers(column), None) if which in _NUMBERS else _by_table(column)
            for which, column in enumerate(columns)
        ]

    def row(self, at: int) -> Row:
        """One row."""
        values = [kept[at] if table is None else table[kept[at]] for kept, table in self._columns]
        values[_DATA] = _unpacked(values[_DATA])
        return tuple(values)

    def value(self, which: int, at: int) -> Any:
        """One field of a row."""
        kept, table = self._columns[which]
        value = kept[at] if table is None else table[kept[at]]
        return _unpacked(value) if which == _DATA else value

    def column(self, which: int, taken: Taken) -> Iterable[Any]:
        """One field of the rows that are taken."""
        kept, table = self._columns[which]
        part = taken(kept)
        if table is None:
            return part
        if len(table) == 1 and which != _DATA:
            return repeat(table[0], len(part))
        # Lists, since a map calls a method for each.
        values = [table[code] for code in part]
        if which == _DATA:
            return [loads(value) if type(value) is bytes else value and value.data for value in values]
        return values

    def rows(self, taken: Taken) -> Iterator[Row]:
        """The rows that are taken, whole."""
        return zip(*(self.column(which, taken) for which in range(len(COLUMNS))), strict=True)

    def coded(self, which: int) -> tuple[Sequence[int], tuple[Any, ...]]:
        """What stands for the field in each row, and the values that these stand for. Not for numbers."""
        kept, table = self._columns[which]
        assert table is not None
        return kept, table


class _Kept:
    """Data that marshal does not take, a dict of somebody's own class for instance, as it is."""

    __slots__ = ("data",)

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data


def _packed(data: dict[str, Any]) -> bytes | _Kept:
    try:
        return dumps(data)
    except ValueError:
        return _Kept(data)


def _unpacked(packed: Any) -> Any:
    return loads(packed) if type(packed) is bytes else packed and packed.data


def _integers(column: tuple[int, ...]) -> Sequence[int]:
    run = range(column[0], column[0] + len(column))
    if column[-1] == run[-1] and column == tuple(run):
        return run
    for code in "iq":
        try:
            return array(code, column)
        except (OverflowError, TypeError):  # a number that it does not take
            pass
    return column


class _Places(dict[Any, int]):
    """Numbers what it is asked for in the order in which it first is."""

    __slots__ = ()

    def __missing__(self, value: Any) -> int:
        self[value] = place = len(self)
        return place


def _by_table(column: tuple[Any, ...]) -> tuple[Sequence[int], tuple[Any, ...]]:
    places = _Places()
    codes = list(map(places.__getitem__, column))
    return bytes(codes) if len(places) <= _BYTES else array("H", codes), tuple(places)
