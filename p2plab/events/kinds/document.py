"""The tables of kinds and reasons as a page to read."""

from __future__ import annotations

from types import ModuleType

from p2plab.events.kinds import ROOMS
from p2plab.events.kinds._table import LEVELS

HEAD = """# Events: kinds and reasons

Made by `python -m p2plab.events.kinds`; a test holds it to the code. A kind is recorded at its level and at every finer
one: `counters`, `decisions`, `messages`, `all`. What a row holds besides is said in `p2plab/events/event.py`.
"""


def markdown() -> str:
    """Every kind with its level and meaning and every reason with its meaning, as Markdown, room by room."""
    return "\n".join([HEAD, *(_room(room) for room in ROOMS)])


def _room(room: ModuleType) -> str:
    title = str(room.__doc__).partition("\n")[0]
    kinds = [f"| `{name}` | {LEVELS[kind.level]} | {_cell(kind.text)} |" for name, kind in room.KINDS.items()]
    reasons = [f"| {_cell(name)} | {_cell(text)} |" for name, text in room.REASONS.items()]
    heading = "## " + title.partition(". ")[0].rstrip(".")
    lines = [heading, "", "| kind | level | what happened |", "|---|---|---|", *kinds]
    if reasons:
        lines += ["", "| reason | meaning |", "|---|---|", *reasons]
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
