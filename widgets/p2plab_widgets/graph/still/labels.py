"""Names that lie neither over each other nor over a node, and, where nodes are few, where the fewest lines run through
them: labels.js does the same with the browser's own widths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

Spot = tuple[float, float]
Box = tuple[float, float, float, float]

LONGEST: Final = 22  # characters of a name beside its node
NARROW: Final = frozenset("iljtfrI.,:;'|!()[] ")
WIDE: Final = frozenset("mwMW@…")


def abbreviated(name: str) -> str:
    """A name that fits beside its node: its beginning and its end."""
    return name if len(name) <= LONGEST else f"{name[:11]}…{name[-8:]}"


def width_of(text: str, size: float) -> float:
    """About how wide a text is in a font without serifs, in pixels; wide scripts count twice."""
    ems = (0.33 if sign in NARROW else 0.9 if sign in WIDE else 1.05 if ord(sign) > 0x1100 else 0.6 for sign in text)
    return size * sum(ems)


def place_labels(
    wanted: Sequence[tuple[int, str]],
    spot_of: Mapping[int, Spot],
    radius: float,
    size: float,
    frame: Box,
    wider: Mapping[int, float] = MappingProxyType({}),
    lines: Sequence[tuple[Spot, Spot]] = (),
) -> list[tuple[str, float, float]]:
    """(text, x, y of its base line) of those names that fit somewhere, tried in the order in which they come.
    ``wider``: what nodes have around them beyond ``radius``; ``lines``: what names keep away from where they can."""
    taken = _Taken()
    for index, (x, y) in spot_of.items():
        reach = radius + 1 + wider.get(index, 0.0)
        taken.add((x - reach, y - reach, x + reach, y + reach), index)
    left, top, right, bottom = frame
    placed = []
    for index, name in wanted:
        text = abbreviated(name)
        wide, high, gap = width_of(text, size), size * 1.25, radius + 5 + wider.get(index, 0.0)
        x, y = spot_of[index]
        best: tuple[int, Box] | None = None
        for at_x, at_y in (
            (x - wide / 2, y + gap),
            (x + gap + 1, y - high / 2),
            (x - gap - 1 - wide, y - high / 2),
            (x - wide / 2, y - gap - high),
            (x + gap * 0.7, y + gap * 0.7),
            (x - gap * 0.7 - wide, y + gap * 0.7),
        ):
            box = (at_x - 2, at_y, at_x + wide + 2, at_y + high)
            if at_x < left + 2 or at_x + wide > right - 2 or at_y < top or at_y + high > bottom:
                continue
            if taken.hit(box, index):
                continue
            through = sum(_crosses(line, box) for line in lines)
            if best is None or through < best[0]:
                best = (through, box)
            if not through:
                break
        if best is not None:
            taken.add(best[1], -2 - index)
            placed.append((text, best[1][0] + 2, best[1][1] + 0.8 * high))
    return placed


def _crosses(line: tuple[Spot, Spot], box: Box) -> bool:
    """Whether a line runs through a box: what is left of it after each side has cut it."""
    (x1, y1), (x2, y2) = line
    dx, dy = x2 - x1, y2 - y1
    start, end = 0.0, 1.0
    for along, near in ((-dx, x1 - box[0]), (dx, box[2] - x1), (-dy, y1 - box[1]), (dy, box[3] - y1)):
        if along == 0:
            if near < 0:
                return False
        elif along < 0:
            start = max(start, near / along)
        else:
            end = min(end, near / along)
    return start < end


class _Taken:
    """A grid of boxes that are taken."""

    def __init__(self) -> None:
        self._cells: dict[tuple[int, int], list[tuple[Box, int]]] = {}

    def _over(self, box: Box) -> list[tuple[int, int]]:
        columns = range(int(box[0] // 48), int(box[2] // 48) + 1)
        return [(column, row) for column in columns for row in range(int(box[1] // 24), int(box[3] // 24) + 1)]

    def add(self, box: Box, whose: int) -> None:
        for cell in self._over(box):
            self._cells.setdefault(cell, []).append((box, whose))

    def hit(self, box: Box, own: int) -> bool:
        """Whether anything is there, but for what is ``own``."""
        return any(
            whose != own and box[0] < other[2] and box[2] > other[0] and box[1] < other[3] and box[3] > other[1]
            for cell in self._over(box)
            for other, whose in self._cells.get(cell, ())
        )
