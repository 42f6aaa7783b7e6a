"""A view made of cards: the same cards become elements in the browser, an SVG, and a text."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import traitlets

from p2plab.errors import LabError
from p2plab_widgets.board.cards import Card
from p2plab_widgets.board.paint import painted
from p2plab_widgets.board.words import told
from p2plab_widgets.publisher import SourceOutcome
from p2plab_widgets.text import shown
from p2plab_widgets.view import CSS, Drawing, View, bundle, styles
from p2plab_widgets.view.base import Source

HERE = Path(__file__).parent
REST = 0.5  # seconds between two looks of a board


@dataclass(frozen=True)
class Choice:
    """A list in the header: which trait it sets, and to what."""

    trait: str
    label: str
    options: tuple[str, ...]
    chosen: str


class Board(View):
    """A view of cards. Subclasses give ``cards`` and, for lists in the header, ``choices``."""

    _esm = bundle(HERE / "board.js")
    _css = styles(*CSS, HERE / "board.css", HERE / "dag.css")
    SIZE: ClassVar[tuple[int, int]] = (760, 480)

    _due = 0.0

    chosen = traitlets.Dict()  # what the lists in the header are set to

    def __init__(self, source: Source, *, linked: bool = True, height: int = 480, **traits: Any) -> None:
        super().__init__(source, linked=linked, height=height, **traits)

    # -- for a board to say

    def cards(self, at: float | None) -> list[Card]:
        """What is to be seen, in order."""
        return []

    def choices(self, at: float | None) -> list[Choice]:
        """The lists in the header."""
        return []

    def choose(self, trait: str, value: str) -> None:
        """Set what a list in the header sets."""
        self.chosen = {**self.chosen, trait: value}
        self.refresh()

    def picked(self, trait: str, options: Sequence[str], otherwise: str = "") -> str:
        """What a list is set to, or else what it begins with."""
        value = str(self.chosen.get(trait, ""))
        return value if value in options else otherwise

    # -- what the base asks

    def _signs(self) -> tuple[Any, ...]:
        """A board shows what is selected, too."""
        return (*super()._signs(), self.cursor.selection)

    def publish(self) -> SourceOutcome:
        """Send what has changed: twice a second at most, and less often where looking takes long."""
        began = time.monotonic()
        if began < self._due and not self.source.closed:
            return SourceOutcome.NOTHING
        outcome = super().publish()
        now = time.monotonic()
        self._due = now + max(REST, 4 * (now - began))
        return outcome

    def content(self, at: float | None) -> dict[str, Any]:
        # By number: what a peer may have chosen reaches the browser as it is shown, and in no other form.
        choices = [
            {
                "trait": one.trait,
                "label": one.label,
                "chosen": str(one.options.index(one.chosen)) if one.chosen in one.options else "",
                "options": [[str(number), shown(option, 40)] for number, option in enumerate(one.options)],
            }
            for one in self.choices(at)
        ]
        cards = self.cards(at)
        # Each card is a part of its own, so that a recording holds those that change, and not all of them.
        return {"choices": choices, "cards": len(cards), **{f"card{at}": card for at, card in enumerate(cards)}}

    def heard(self, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        trait, value = content.get("choose"), content.get("value")
        if isinstance(trait, str) and isinstance(value, int):
            try:
                options = {one.trait: one.options for one in self.choices(self.cursor.time)}.get(trait, ())
                if 0 <= value < len(options):
                    self.choose(trait, options[value])
            except LabError as error:
                self.note = shown(str(error), 300)

    def draw(self, at: float | None) -> Drawing:
        return painted(self.cards(at), self.SIZE[0])

    def text(self, at: float | None = None) -> str:
        """The view in words: its sentence, then every card."""
        moment = self.cursor.time if at is None else at
        return told(self.sentence(moment), self.cards(moment))
