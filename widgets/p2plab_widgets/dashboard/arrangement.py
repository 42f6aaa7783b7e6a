"""Arrangements as text: ``"3*graph:3/timeline:2 | 2*inspector/feed"``.

Columns are divided by ``|``, the parts of a column, from the top, by ``/``. ``3*`` before a column and ``:3`` after a
part are shares of the width and of the height; left out, they are 1.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from p2plab.errors import ValidationError

__all__ = ["Column", "Part", "parsed", "written"]

LARGEST = 1_000  # of a share
_COLUMN = re.compile(r"(?:(\d+(?:\.\d+)?)\s*\*)?(.*)", re.DOTALL)
_PART = re.compile(r"([a-z_]+)(?::(\d+(?:\.\d+)?))?")


@dataclass(frozen=True)
class Part:
    """A view by its name, and its share of the height of its column."""

    name: str
    share: float = 1.0


@dataclass(frozen=True)
class Column:
    """The parts of a column, and its share of the width."""

    parts: tuple[Part, ...]
    share: float = 1.0


def parsed(text: object, known: Iterable[str]) -> tuple[Column, ...]:
    """The columns of an arrangement. ValidationError names the part that is not known, or is there twice."""
    if not isinstance(text, str):
        raise ValidationError(f"a layout is a text such as 'graph:3/timeline | inspector', not {text!r}")
    names = list(known)
    columns = []
    seen: dict[str, None] = {}
    for piece in text.split("|") if text.strip() else ():
        share, rest = _COLUMN.fullmatch(piece.strip()).groups()  # type: ignore[union-attr]  # it fits any text
        parts = []
        for one in rest.split("/"):
            found = _PART.fullmatch(one.strip())
            if found is None:
                raise ValidationError(
                    f"a layout has parts such as 'graph' or 'graph:3' between its / and |, and not {one.strip()!r}"
                )
            name = found[1]
            if name not in names:
                near = difflib.get_close_matches(name, names, 1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise ValidationError(f"a layout has no part {name!r}{hint}; there are {', '.join(names)}")
            if name in seen:
                raise ValidationError(f"{name!r} is in the layout twice, and each part can be there once")
            seen[name] = None
            parts.append(Part(name, _share(found[2])))
        columns.append(Column(tuple(parts), _share(share)))
    return tuple(columns)


def written(columns: Iterable[Column]) -> str:
    """The text of an arrangement, which ``parsed`` reads back."""
    said = []
    for column in columns:
        parts = "/".join(part.name + ("" if part.share == 1 else f":{part.share:g}") for part in column.parts)
        said.append(parts if column.share == 1 else f"{column.share:g}*{parts}")
    return " | ".join(said)


def _share(text: str | None) -> float:
    value = 1.0 if text is None else float(text)
    if not 0.01 <= value <= LARGEST:
        raise ValidationError(f"a share of a layout is a number from 0.01 to {LARGEST}, not {text}")
    return round(value, 2)
