"""The result of a command in the console: text, tables and a picture, all of it shown as what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets

from p2plab.commands import CommandOutcome, as_text
from p2plab.commands.text import columns_of
from p2plab_widgets.text import with_text

_HERE = Path(__file__).parent
MOST_ROWS: Final = 50
MAX_TEXT: Final = 8_000  # characters
MAX_PICTURE: Final = 400_000


class Result(anywidget.AnyWidget):
    """Shows one answer at a time. Whatever a peer chose is set as text in the browser."""

    _esm = (_HERE / "result.js").read_text(encoding="utf-8")

    text: Any = traitlets.Unicode().tag(sync=True)
    tables: Any = traitlets.List().tag(sync=True)  # [{title, columns, rows}, ...]
    picture: Any = traitlets.Unicode().tag(sync=True)  # SVG
    failed: Any = traitlets.Bool(False).tag(sync=True)

    def show(self, answer: CommandOutcome) -> None:
        """Show an answer in place of the one before."""
        tables: list[dict[str, Any]] = []
        fields: Any = answer.result
        if answer.success and isinstance(fields, dict):
            tables = [_table(name, rows) for name, rows in fields.items() if _is_table(rows)]
            fields = {
                name: value
                for name, value in fields.items()
                if not _is_table(value) and value not in (None, "", [], {})
            }
        text = answer.error if not answer.success else "" if tables and not fields else as_text(fields)
        with self.hold_sync():
            self.text, self.tables, self.failed = text[:MAX_TEXT], tables, not answer.success
            self.picture = answer.picture if len(answer.picture) <= MAX_PICTURE else ""

    def refuse(self, why: str) -> None:
        """Show why nothing was executed."""
        with self.hold_sync():
            self.text, self.tables, self.picture, self.failed = why[:MAX_TEXT], [], "", True

    def __repr__(self) -> str:
        return f"<Result{', an error' if self.failed else ''}: {self.text[:60]!r}, {len(self.tables)} tables>"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return with_text(super()._repr_mimebundle_(**kwargs), repr(self))


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) and row for row in value)


def _table(title: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    columns, cells = columns_of(rows[:MOST_ROWS])
    more = f" (the first {MOST_ROWS} of {len(rows)})" if len(rows) > MOST_ROWS else ""
    return {"title": title + more, "columns": columns, "rows": cells}
