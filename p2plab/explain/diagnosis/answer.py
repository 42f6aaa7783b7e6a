"""What a diagnosis says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from p2plab.text import escaped, html_page, shown

__all__ = ["LONGEST", "Diagnosis"]

LONGEST = 600  # characters of a line


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why two nodes do not talk, or that they do.

    ``layer`` is the first layer that fails, None where none does; ``reason`` says in a sentence why, ``evidence`` what
    was seen on the way there (a line each), ``remedy`` what to do.
    """

    layer: str | None
    reason: str
    evidence: tuple[str, ...] = ()
    remedy: str = ""

    @property
    def healthy(self) -> bool:
        """Whether no layer fails."""
        return self.layer is None

    def _head(self) -> str:
        return self.reason if self.layer is None else f"{self.layer}: {self.reason}"

    def __str__(self) -> str:
        lines = [shown(self._head(), LONGEST), *(f"  {shown(line, LONGEST)}" for line in self.evidence)]
        return "\n".join([*lines, f"do: {shown(self.remedy, LONGEST)}"] if self.remedy else lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = f"<p><b>{escaped(self._head(), LONGEST)}</b></p>"
        seen = "".join(f"<li>{escaped(line, LONGEST)}</li>" for line in self.evidence)
        to_do = f"<p>do: {escaped(self.remedy, LONGEST)}</p>" if self.remedy else ""
        return html_page(f"{head}<ul>{seen}</ul>{to_do}")

    def after(self, evidence: Sequence[str]) -> Diagnosis:
        """The same, with what was seen before in front."""
        return Diagnosis(self.layer, self.reason, (*evidence, *self.evidence), self.remedy)
