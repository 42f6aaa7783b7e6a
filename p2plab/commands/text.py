"""Results as text to read: fields one a line, rows as a table. Everything is bounded and made printable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from p2plab.commands.plain import MARKER, bytes_of
from p2plab.text import aligned, plural, shown

MOST_ROWS: Final = 100
WIDEST: Final = 60  # characters of a cell
LONGEST: Final = 400  # characters of a line of its own


def as_text(result: Any, rows: int = MOST_ROWS) -> str:
    """A result in plain JSON as lines of text; of a table, so many rows at most."""
    if isinstance(result, Mapping) and not _is_bytes(result):
        if not result:
            return "nothing"
        width = max(len(_clean(str(key))) for key in result)
        return "\n".join(_field(_clean(str(key)), value, width, rows) for key, value in result.items())
    if _is_table(result):
        return table(result, rows)
    return cell(result, LONGEST)


def _field(name: str, value: Any, width: int, rows: int) -> str:
    if _is_table(value):
        lines = table(value, rows).splitlines()
        return "\n".join([f"{name}:", *(f"  {line}" for line in lines)])
    if isinstance(value, Mapping) and value and all(map(_is_table, value.values())):
        lines = as_text(value, rows).splitlines()
        return "\n".join([f"{name}:", *(f"  {line}" for line in lines)])
    if isinstance(value, str) and "\n" in value:
        return "\n".join([f"{name}:", *(f"  {_cut(_clean(line), LONGEST)}" for line in value.splitlines()[:MOST_ROWS])])
    if isinstance(value, (list, tuple)) and any(isinstance(item, str) and len(item) > WIDEST for item in value):
        return "\n".join([f"{name}:", *(f"  {cell(item, LONGEST)}" for item in value[:MOST_ROWS])])  # sentences
    return f"{name + ':':<{width + 1}} {cell(value, LONGEST)}"


def table(rows: Sequence[Mapping[str, Any]], most: int = MOST_ROWS) -> str:
    """Rows under their columns' names; columns that are empty in every row are left out."""
    columns, cells = columns_of(rows[:most])
    more = len(rows) - most
    return "\n".join([aligned([columns, *cells]), *([f"… and {more} more"] if more > 0 else [])])


def columns_of(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """The names of the columns that hold anything, and the rows as text."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    texts = [[cell(row.get(name)) for name in names] for row in rows]
    used = [at for at in range(len(names)) if any(row[at] for row in texts)]
    return [_clean(names[at]) for at in used], [[row[at] for at in used] for row in texts]


def cell(value: Any, limit: int = WIDEST) -> str:
    """A value on one line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if _is_bytes(value):
        return _cut(_data(value), limit)
    if isinstance(value, Mapping):
        return _cut(", ".join(f"{_clean(str(key))}={cell(item, limit)}" for key, item in value.items()), limit)
    if isinstance(value, (list, tuple)):
        nested = any(isinstance(item, (list, tuple)) for item in value)
        parts = ["–".join(cell(part, limit) for part in item) if nested else cell(item, limit) for item in value]
        return _cut(", ".join(parts), limit)
    return _cut(_clean(str(value)), limit)


def _is_bytes(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {MARKER} and isinstance(value[MARKER], str)


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) and row for row in value)


def _data(value: Mapping[str, Any]) -> str:
    """Bytes as their text in quotes where they are text, else in hex."""
    try:
        data = bytes_of(value)
    except ValueError:
        return _clean(str(value))  # a user's own result, which only looks like bytes
    try:
        return f"“{_clean(data.decode())}”"
    except UnicodeDecodeError:
        return f"{plural(len(data), 'byte')}: {data[:32].hex()}"


def _clean(text: str) -> str:
    return shown(text, LONGEST + 1)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
