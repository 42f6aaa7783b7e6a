"""The cards that a board is made of, as plain JSON: each function takes any text as text and makes it fit to be shown.

A card has a ``kind``, a ``title`` and perhaps ``wide``. A *cell* is a text, or a text that selects something when it is
clicked: ``{"text": ..., "pick": {"kind": ..., "id": ...}}``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from p2plab_widgets.text import shown

__all__ = [
    "MAX_NAMES", "MAX_ROWS", "Card", "Cell", "DagCell", "Kind", "Look", "cell", "code", "dag", "facts", "hexadecimal",
    "matrix", "note", "picture", "ring", "steps", "table",
]  # fmt: skip

Card = dict[str, Any]
Cell = Any  # a str, or {"text": str, "pick": {...}}

MAX_ROWS: Final = 200  # of a table; the others are counted
MAX_NAMES: Final = 120  # along a matrix; of more, each place of it stands for groups of them
NARROW: Final = 60  # names up to which a matrix fits into a column
SHADES: Final = 4  # of a place in a matrix of groups: the darker, the more pairs
MAX_BYTES: Final = 2_048  # of a hex dump
MAX_EDGES: Final = 1_000  # of a graph in levels


def cell(text: object, kind: str = "", id: object = None, most: int = 60) -> Cell:
    """A text; with a ``kind``, one that selects that when it is clicked."""
    said = shown(str(text), most)
    return {"text": said, "pick": {"kind": kind, "id": id}} if kind else said


def facts(title: str, rows: Iterable[tuple[str, Cell]], wide: bool = False) -> Card:
    """Names with values."""
    return {
        "kind": "facts",
        "title": shown(title),
        "wide": wide,
        "rows": [[shown(name), value] for name, value in rows],
    }


def table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    wide: bool = False,
    empty: str = "nothing yet",
) -> Card:
    """A table; of more than ``MAX_ROWS`` rows the first are there and the others counted."""
    kept = [list(row) for row in rows[:MAX_ROWS]]
    more = len(rows) - len(kept)
    return {
        "kind": "table", "title": shown(title), "wide": wide, "columns": [shown(name) for name in columns],
        "rows": kept, "more": more, "empty": shown(empty, 200),
    }  # fmt: skip


def steps(title: str, rows: Sequence[tuple[int, Cell, str]], *, wide: bool = False, empty: str = "nothing yet") -> Card:
    """Lines one under the other, each with a depth and a remark: a tree, or a chain of causes."""
    kept = [[depth, one, shown(remark, 160)] for depth, one, remark in rows[:MAX_ROWS]]
    return {
        "kind": "steps", "title": shown(title), "wide": wide, "rows": kept, "more": len(rows) - len(kept),
        "empty": shown(empty, 200),
    }  # fmt: skip


Kind = tuple[str, str]  # what a mark in a matrix means, and its look: "full", "half", "ring", "cross", "dot"


def matrix(
    title: str,
    names: Sequence[str],
    marks: Mapping[tuple[int, int], int],
    kinds: Sequence[Kind],
    *,
    say: Mapping[tuple[int, int], str] | None = None,
    verb: str = "to",
    wide: bool = False,
    empty: str = "nobody yet",
) -> Card:
    """Who and whom: a mark of one of the ``kinds`` (by number) at (row, column). ``say`` has words for some places. Of
    more than ``MAX_NAMES`` a place stands for all pairs of two groups of names that follow each other: the darker, the
    more of them have a mark of the first kind."""
    if len(names) > MAX_NAMES:
        return _grouped(title, names, marks, kinds[0][0], verb)
    count = len(names)
    wide = wide or count > NARROW
    inside = sorted((row, column, kind) for (row, column), kind in marks.items() if row < count and column < count)
    words = say or {}
    return {
        "kind": "matrix", "title": shown(title), "wide": wide, "names": [shown(name) for name in names[:count]],
        "marks": [list(mark) for mark in inside], "kinds": [list(kind) for kind in kinds],
        "say": {f"{a},{b}": shown(words[a, b], 160) for a, b, _ in inside if (a, b) in words},
        "verb": verb, "more": 0, "empty": shown(empty, 200),
    }  # fmt: skip


def _grouped(
    title: str, names: Sequence[str], marks: Mapping[tuple[int, int], int], meaning: str, verb: str
) -> Card:  # fmt: skip
    each = -(-len(names) // NARROW)
    groups = [names[at : at + each] for at in range(0, len(names), each)]
    counts: dict[tuple[int, int], int] = {}
    for (row, column), kind in marks.items():
        if kind == 0:
            place = (row // each, column // each)
            counts[place] = counts.get(place, 0) + 1
    labels = [f"{shown(group[0], 20)} to {shown(group[-1], 20)}" for group in groups]
    most = max(counts.values(), default=1)
    tops = sorted({-(-most * part // SHADES) for part in range(1, SHADES + 1)})
    shaded, say = [], {}
    for (row, column), count in sorted(counts.items()):
        pairs = len(groups[row]) * (len(groups[column]) - (row == column))
        shaded.append([row, column, next(at for at, top in enumerate(tops) if count <= top)])
        say[f"{row},{column}"] = f"{count:,} of {pairs:,} pairs"
    lows = [1, *(top + 1 for top in tops)]
    said = [f"{low:,}" if low == top else f"{low:,} to {top:,}" for low, top in zip(lows, tops, strict=False)]
    looks = [[f"{text} {'pair' if text == '1' else 'pairs'}", f"shade{at}"] for at, text in enumerate(said)]
    return {
        "kind": "matrix", "title": shown(title), "wide": False, "names": labels, "marks": shaded, "kinds": looks,
        "say": say, "verb": verb, "more": 0, "empty": "", "grouped":
        f"{len(names):,} names in {len(groups)} groups of {each} that follow each other; counted is: {meaning}",
    }  # fmt: skip


def hexadecimal(title: str, data: bytes, fields: Sequence[tuple[int, int, int, str, str]], *, empty: str = "") -> Card:
    """Bytes with their fields: (start, end, depth, name, value), outer fields before the inner ones."""
    kept = data[:MAX_BYTES]
    inside = [[start, min(end, len(kept)), depth, shown(name), shown(value, 100)]
              for start, end, depth, name, value in fields if start < len(kept)]  # fmt: skip
    return {
        "kind": "hex", "title": shown(title), "wide": True, "data": kept.hex(), "fields": inside[:MAX_ROWS],
        "size": len(data), "empty": shown(empty, 300),
    }  # fmt: skip


def picture(title: str, svg: str, alt: str, *, wide: bool = False) -> Card:
    """A chart, as an SVG that has both themes in it."""
    return {"kind": "picture", "title": shown(title), "wide": wide, "svg": svg, "alt": shown(alt, 400)}


def ring(
    title: str, points: Sequence[tuple[float, Cell, str]], arrows: Sequence[tuple[int, int, str]] = (), *,
    target: float | None = None, kinds: Mapping[str, str] | None = None, wide: bool = False, empty: str = "nobody yet",
) -> Card:  # fmt: skip
    """Points on a circle, each at a share of it (0 to 1) with a role, and arrows between them by number. ``kinds`` says
    what the roles mean; ``target`` is a share that is marked."""
    return {
        "kind": "ring", "title": shown(title), "wide": wide, "target": target, "kinds": dict(kinds or {}),
        "points": [[round(share, 6), one, role] for share, one, role in points[:MAX_ROWS * 5]],
        "arrows": [[a, b, shown(label, 40)] for a, b, label in arrows[:MAX_ROWS]], "empty": shown(empty, 200),
    }  # fmt: skip


Look = tuple[str, str, int, str]  # meaning; "full", "grey", "hollow", "dots" or "cross"; number of a tone; a letter
DagCell = tuple[str, str, list[tuple[int, float]], str, "int | None"]
"""Two short texts, which looks (by number) make up which shares of it, what it is in words, and an event to select."""


def dag(
    title: str, rows: Sequence[tuple[str, Sequence[DagCell]]], edges: Sequence[tuple[int, int, int, int]],
    kinds: Sequence[Look], *, note: str = "", empty: str = "nothing yet",
) -> Card:  # fmt: skip
    """A graph in levels: each row has words for it and its cells. ``edges`` go from (row, cell) to (row, cell)."""
    return {
        "kind": "dag", "title": shown(title, 160), "wide": True, "note": shown(note, 400), "empty": shown(empty, 300),
        "rows": [
            {"said": shown(said, 120), "cells": [
                [shown(one, 40), shown(two, 40), [list(part) for part in parts], shown(say, 300), event]
                for one, two, parts, say, event in cells
            ]}
            for said, cells in rows
        ],
        "edges": [list(edge) for edge in edges[:MAX_EDGES]],
        "kinds": [[shown(meaning, 40), look, tone, sign] for meaning, look, tone, sign in kinds],
    }  # fmt: skip


def code(title: str, lines: Sequence[str], *, wide: bool = False) -> Card:
    """Lines of Python, each to be copied."""
    return {"kind": "code", "title": shown(title), "wide": wide, "lines": [shown(line, 300) for line in lines]}


def note(title: str, text: str, *, wide: bool = False) -> Card:
    """A sentence or two."""
    return {"kind": "note", "title": shown(title), "wide": wide, "text": shown(text, 600)}
