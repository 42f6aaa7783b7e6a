"""A graph of blocks as a card: a row for each level, a cell for each block or, of many, for several in a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from p2plab.content.dag import Dag, DagBlock
from p2plab.text import plural
from p2plab_widgets.board.cards import MAX_EDGES, Card, DagCell, Look, dag
from p2plab_widgets.text import shown

__all__ = ["CELLS", "ROWS", "Mark", "levels", "size_words"]

CELLS: Final = 64  # of a row
ROWS: Final = 12
Mark = tuple[int, str, "int | None"]  # which look a block has (by number), what is to be said of it, an event to select


def levels(title: str, found: Dag, looks: Sequence[Look], mark: Callable[[DagBlock], Mark]) -> Card:
    """The card of a graph. ``looks`` that nothing has are left out of the legend."""
    rows: list[tuple[str, list[DagCell]]] = []
    where: dict[int, tuple[int, int]] = {}  # of a block: its row and cell
    all_levels = found.levels()
    used: dict[int, None] = {}
    for depth, places in enumerate(all_levels[:ROWS]):
        each = -(-len(places) // CELLS)
        cells: list[DagCell] = []
        for start in range(0, len(places), each):
            group = places[start : start + each]
            where.update(dict.fromkeys(group, (depth, len(cells))))
            marks = [mark(found.blocks[at]) for at in group]
            used.update(dict.fromkeys(one[0] for one in marks))
            cells.append(_cell([found.blocks[at] for at in group], marks, looks))
        size = sum(found.blocks[at].size or 0 for at in places)
        said = f"{'root' if depth == 0 else f'level {depth}'}: {plural(len(places), 'block')}, {size_words(size)}"
        rows.append((said + (f", {each} to a cell" if each > 1 else ""), cells))
    kept = sorted(used)
    number = {look: at for at, look in enumerate(kept)}
    rows = [
        (
            said,
            [(a, b, [(number[look], share) for look, share in parts], say, event) for a, b, parts, say, event in cells],
        )
        for said, cells in rows
    ]
    edges = list(dict.fromkeys(
        (*where[at], *where[link]) for at in where for link in found.blocks[at].links if link in where
    ))  # fmt: skip
    return dag(title, rows, edges, [looks[at] for at in kept], note=_note(found, all_levels, len(edges)))


def _cell(blocks: Sequence[DagBlock], marks: Sequence[Mark], looks: Sequence[Look]) -> DagCell:
    first, (look, said, event) = blocks[0], marks[0]
    if len(blocks) == 1:
        name = first.name or _short(first)
        size = "nobody has it" if first.size is None else size_words(first.size)
        about = f"{f'{shown(first.name, 60)}: ' if first.name else ''}{first.cid}, {first.kind}, {size}"
        about += f", {plural(len(first.links), 'link')}" if first.links else ""
        return name, size, [(look, 1.0)], f"{about}; {said}", event
    counts: dict[int, int] = {}
    for one, _, _ in marks:
        counts[one] = counts.get(one, 0) + 1
    parts = [(one, round(count / len(blocks), 4)) for one, count in sorted(counts.items())]
    size = size_words(sum(block.size or 0 for block in blocks))
    words = ", ".join(f"{count} {looks[one][0]}" for one, count in sorted(counts.items()))
    about = f"{len(blocks)} blocks that follow each other, {_short(first)} to {_short(blocks[-1])}, {size}: {words}"
    return f"{len(blocks)} blocks", size, parts, about, event if len(counts) == 1 else None


def _note(found: Dag, all_levels: Sequence[Any], edges: int) -> str:
    said = []
    if not found.whole:
        said.append(
            f"Not all of it is drawn: {plural(len(found), 'block')} nearest to the root are"
            + (f", at least {found.beyond:,} more are linked to" if found.beyond else "")
            + (f", and of {found.unread:,} the links were not read" if found.unread else "")
        )
    if len(all_levels) > ROWS:
        below = sum(map(len, all_levels[ROWS:]))
        said.append(f"{len(all_levels) - ROWS} more levels with {plural(below, 'block')} lie below")
    if edges > MAX_EDGES:
        said.append(f"{MAX_EDGES:,} of {edges:,} lines between cells are drawn")
    return ". ".join(said) + ("." if said else "")


def _short(block: DagBlock) -> str:
    text = str(block.cid)
    return f"…{text[-6:]}" if len(text) > 8 else text


def size_words(size: int) -> str:
    """Bytes as people say them."""
    for factor, unit in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= factor:
            return f"{size / factor:.4g} {unit}"
    return f"{size} bytes"
