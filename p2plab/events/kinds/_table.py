"""What a row of the table of kinds holds, and the levels of recording."""

from __future__ import annotations

from typing import Final, NamedTuple

COUNTERS: Final = 0
DECISIONS: Final = 1
MESSAGES: Final = 2
ALL: Final = 3
LEVELS: Final = ("counters", "decisions", "messages", "all")


class Kind(NamedTuple):
    """``level``: the coarsest recording level that keeps the row; ``text``: what the event means."""

    level: int
    text: str
