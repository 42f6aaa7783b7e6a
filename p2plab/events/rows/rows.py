"""The rows of a log, in the order in which they came: the newest as tuples, those before them packed.

Rules:
- One thread appends, any thread may read at the same time. What a reader looks through is taken in one step, so that
  packing changes nothing under its hands.
- Reading a packed row makes a tuple of it. Who reads many asks for the columns that it needs (``scan``, ``column``),
  or for the rows of the kinds that it wants (``of_kinds``).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain, islice
from operator import itemgetter
from typing import Any, Final, overload

from p2plab.events.event import COLUMNS, Row
from p2plab.events.rows.block import PLACE, SIZE, RowBlock, Taken

__all__ = ["FieldColumn", "Rows"]

_KIND: Final = PLACE["kind"]
_NEWEST: Final = 2 * SIZE  # rows of which half are packed


class Rows(Sequence[Row]):
    """A sequence of rows. Between one and two blocks of the newest are tuples (``newest``)."""

    __slots__ = ("_held",)

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        # Blocks, how many rows of the first one are gone, and the newest rows.
        self._held: tuple[tuple[RowBlock, ...], int, list[Row]] = ((), 0, list(rows))
        self.pack()

    @property
    def newest(self) -> list[Row]:
        """The rows that are not packed: the log appends to this list, until the next ``pack``."""
        return self._held[2]

    def append(self, row: Row) -> None:
        """Add a row at the end."""
        newest = self._held[2]
        newest.append(row)
        if len(newest) >= _NEWEST:
            self.pack()

    def room(self, limit: int) -> int:
        """How many rows ``newest`` may have before it has to be packed, or there are more than ``limit`` in all."""
        return min(_NEWEST - 1, limit - len(self) + len(self.newest))

    def pack(self) -> None:
        """Pack what is older than the newest block."""
        blocks, gone, newest = self._held
        end = (len(newest) // SIZE - 1) * SIZE
        if end > 0:
            more = (RowBlock(newest[at : at + SIZE]) for at in range(0, end, SIZE))
            self._held = (*blocks, *more), gone, newest[end:]

    def without(self, count: int) -> Rows:
        """The same rows without the first ``count``. Whoever reads these goes on reading all of them."""
        blocks, gone, newest = self._held
        whole, gone = min((gone + count) // SIZE, len(blocks)), gone + count
        blocks, gone = blocks[whole:], gone - whole * SIZE
        left = Rows()
        left._held = (blocks, gone, newest) if blocks else ((), 0, newest[gone:])
        return left

    def __len__(self) -> int:
        blocks, gone, newest = self._held
        return len(blocks) * SIZE - gone + len(newest)

    def __iter__(self) -> Iterator[Row]:
        return self.between(0, len(self))

    @overload
    def __getitem__(self, at: int) -> Row: ...

    @overload
    def __getitem__(self, at: slice) -> list[Row]: ...

    def __getitem__(self, at: int | slice) -> Row | list[Row]:
        if isinstance(at, slice):
            start, stop, step = at.indices(len(self))
            if step == 1:
                return list(self.between(start, stop))
            return [self[one] for one in range(start, stop, step)]
        part, place = self.found(at)
        return part.row(place) if isinstance(part, RowBlock) else part[place]

    def field(self, name: str) -> FieldColumn:
        """One field of all rows, ``"t"`` for instance, as a sequence to search in with ``bisect``."""
        return FieldColumn(self, PLACE[name])

    def place_of(self, seq: int) -> int | None:
        """Where the row with this number stands, if it does."""
        size = len(self)
        if not size:
            return None
        numbers = self.field("seq")
        at = seq - numbers[0]  # where none is missing, which is nearly always
        if not (0 <= at < size and numbers[int(at)] == seq):
            at = bisect_left(numbers, seq)
        return at if at < size and numbers[at] == seq else None

    def found(self, at: int) -> tuple[RowBlock | list[Row], int]:
        """The block or list in which a row is, and its place there."""
        blocks, gone, newest = self._held
        packed = len(blocks) * SIZE - gone
        if at < 0:
            at += packed + len(newest)
            if at < 0:
                raise IndexError("there are not so many rows")
        if at >= packed:
            return newest, at - packed
        block, place = divmod(at + gone, SIZE)
        return blocks[block], place

    # -- reading many

    def parts(self, start: int, stop: int) -> Iterator[tuple[RowBlock | list[Row], int, int, int]]:
        """Where the rows from ``start`` up to ``stop`` lie: a block or a list, from where to where in it, and the
        place of the first of them."""
        blocks, gone, newest = self._held
        packed = len(blocks) * SIZE - gone
        at = start
        while at < min(stop, packed):
            block, low = divmod(at + gone, SIZE)
            high = min(SIZE, low + stop - at)
            yield blocks[block], low, high, at
            at += high - low
        if at < stop:
            yield newest, at - packed, stop - packed, at

    def between(self, start: int, stop: int) -> Iterator[Row]:
        """The rows from ``start`` up to ``stop``."""
        return chain.from_iterable(
            _rows(part, itemgetter(slice(low, high))) for part, low, high, _ in self.parts(start, stop)
        )

    def scan(self, *names: str, start: int = 0, stop: int | None = None) -> Iterator[tuple[Any, ...]]:
        """These fields of every row from ``start`` up to ``stop``, as they were when it was called."""
        columns = [PLACE[name] for name in names]
        parts = self.parts(start, len(self) if stop is None else stop)
        return chain.from_iterable(
            zip(*(_column(part, which, itemgetter(slice(low, high))) for which in columns), strict=True)
            for part, low, high, _ in parts
        )

    def of_kinds(self, kinds: Collection[str], start: int = 0, stop: int | None = None) -> Iterator[tuple[int, Row]]:
        """The rows of these kinds from ``start`` up to ``stop``, each with its place."""
        for part, low, high, first in self.parts(start, len(self) if stop is None else stop):
            if not isinstance(part, RowBlock):
                for place, row in enumerate(islice(part, low, high), first):
                    if row[_KIND] in kinds:
                        yield place, row
                continue
            codes, table = part.coded(_KIND)
            wanted = {code for code, kind in enumerate(table) if kind in kinds}
            places = [at for at, code in enumerate(codes[low:high], low) if code in wanted] if wanted else []
            if places:
                for at, row in zip(places, _rows(part, _taker(places)), strict=True):
                    yield first - low + at, row

    def at(self, places: Sequence[int]) -> Iterator[Row]:
        """The rows at these places, which ascend."""
        return chain.from_iterable(_rows(part, taken) for part, taken in self._taken(places))

    def columns(self, places: Sequence[int]) -> Iterator[list[Iterable[Any]]]:
        """The rows at these places, which ascend, as all their columns; some of them after the other."""
        for part, taken in self._taken(places):
            yield [_column(part, which, taken) for which in range(len(COLUMNS))]

    def column(self, name: str, places: Sequence[int]) -> Iterator[Any]:
        """One field of the rows at these places, which ascend."""
        which = PLACE[name]
        return chain.from_iterable(_column(part, which, taken) for part, taken in self._taken(places))

    def _taken(self, places: Sequence[int]) -> Iterator[tuple[RowBlock | list[Row], Taken]]:
        if not places:
            return
        if isinstance(places, range) and places.step == 1:
            for part, low, high, _ in self.parts(places.start, places.stop):
                yield part, itemgetter(slice(low, high))
            return
        done = 0
        for part, low, high, first in self.parts(places[0], places[-1] + 1):
            end = bisect_left(places, first + high - low, done)
            if end > done:
                offset = low - first
                yield part, _taker([place + offset for place in places[done:end]])
                done = end


class FieldColumn(Sequence[Any]):
    """One field of all rows, to search in with ``bisect``."""

    __slots__ = ("_rows", "_which")

    def __init__(self, rows: Rows, which: int) -> None:
        self._rows = rows
        self._which = which

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, at: Any) -> Any:
        part, place = self._rows.found(at)
        return part.value(self._which, place) if isinstance(part, RowBlock) else part[place][self._which]


def _taker(places: Sequence[int]) -> Taken:
    return itemgetter(*places) if len(places) > 1 else itemgetter(slice(places[0], places[0] + 1))


def _column(part: RowBlock | list[Row], which: int, taken: Taken) -> Iterable[Any]:
    return part.column(which, taken) if isinstance(part, RowBlock) else [row[which] for row in taken(part)]


def _rows(part: RowBlock | list[Row], taken: Taken) -> Iterable[Row]:
    return part.rows(taken) if isinstance(part, RowBlock) else taken(part)
