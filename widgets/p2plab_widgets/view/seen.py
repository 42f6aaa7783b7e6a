"""Whether anybody sees a widget: pages say in how many places they show it, and when they stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

MOST_PAGES: Final = 64


class Seen:
    """``expect`` is called when a widget is about to be shown; ``hear`` with what a page says. While a cell runs, no
    page can be heard: until the first was, whoever is expected counts as seen."""

    def __init__(self) -> None:
        self._expected = False
        self._places: dict[str, int] = {}  # page -> places

    def expect(self) -> None:
        """It is being shown somewhere, which will say so once the kernel listens."""
        self._expected = True

    def hear(self, content: Mapping[str, Any]) -> bool:
        """Take in ``{"places": number, "page": id}``; whether it was that."""
        places, page = content.get("places"), content.get("page")
        if not isinstance(places, int) or not isinstance(page, str):
            return False
        self._expected = False
        self._places.pop(page, None)
        if places > 0:
            self._places[page[:64]] = places
            while len(self._places) > MOST_PAGES:
                del self._places[next(iter(self._places))]
        return True

    @property
    def pages(self) -> int:
        """In how many places pages show it."""
        return sum(self._places.values())

    def __bool__(self) -> bool:
        return self._expected or bool(self._places)
