"""What is said of one remedy for a fault of py-libp2p's, and the table in which a notebook shows them all."""

from __future__ import annotations

from typing import Final, NamedTuple

from p2plab.text import html_table

__all__ = ["WITHOUT", "Remedy", "RemedyTable"]

WITHOUT: Final = "P2PLAB_WITHOUT_REMEDIES"  # in the environment: names of the process's remedies, comma between them


class Remedy(NamedTuple):
    """``why``: what happens without it. ``where``: the module of ``p2plab.real`` that applies it. ``fixed``: why it
    cannot be turned off, if it cannot. ``process``: it is of the whole process, and chosen before the first import.
    ``needs``: what else has to be off or set for its fault to show."""

    why: str
    where: str
    fixed: str = ""
    process: bool = False
    needs: str = ""

    @property
    def off(self) -> str:
        """How it is turned off, or why not."""
        if self.fixed:
            return self.fixed
        how = f"{WITHOUT} in the environment, before the import" if self.process else "remedies="
        return f"{how}, with {self.needs}" if self.needs else how


class RemedyTable(dict[str, Remedy]):
    """The remedies by name; a notebook shows them as a table."""

    HEAD = ("remedy", "without it", "where", "turned off by")

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [(name, remedy.why, f"real/{remedy.where}.py", remedy.off) for name, remedy in self.items()]

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {why} ({where}; off: {off})" for name, why, where, off in self._rows())

    def _repr_html_(self) -> str:
        return html_table(self.HEAD, self._rows())
