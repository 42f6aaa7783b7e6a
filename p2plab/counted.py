"""A number with its word, for people to read: ``1 hop``, ``2 hops``."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, one: str, many: str = "") -> str:
    """The number and the word for so many; ``many`` is ``one`` with an s unless given."""
    return f"{number} {one if number == 1 else many or one + 's'}"
