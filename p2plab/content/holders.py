"""Who has how much of a graph: ``lab.holders(cid)``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from p2plab.content.links import everything_below
from p2plab.content.store import BlockStore
from p2plab.identity.cid import Cid
from p2plab.text import html_table, plural

__all__ = ["ContentHolders", "Holder", "holders_of"]

MOST: Final = 200_000  # blocks of a graph that are looked for


@dataclass(frozen=True, slots=True)
class Holder:
    """What one node has of it: ``blocks`` and their ``bytes``, whether that is the ``whole``, and whether it is
    ``pinned`` there."""

    name: str
    blocks: int
    bytes: int
    whole: bool
    pinned: bool


@dataclass(frozen=True, slots=True)
class ContentHolders:
    """Who has what of a graph of ``blocks`` blocks, as far as the lab's nodes together know it; ``missing`` are those
    that none of them has. Nodes that have nothing of it are left out. ``cut``: it has more blocks than are looked for,
    so that nobody is known to have all of it."""

    cid: Cid
    blocks: int
    missing: int
    holders: tuple[Holder, ...]
    cut: bool = False

    @property
    def whole(self) -> list[str]:
        """The names of the nodes that have all of it."""
        return [holder.name for holder in self.holders if holder.whole]

    def __iter__(self) -> Iterator[Holder]:
        return iter(self.holders)

    def __len__(self) -> int:
        return len(self.holders)

    def __getitem__(self, name: str) -> Holder:
        """What a node has; a Holder of nothing where it has none of it."""
        found = next((holder for holder in self.holders if holder.name == name), None)
        return Holder(name, 0, 0, False, False) if found is None else found

    def _head(self) -> str:
        known = plural(self.blocks, "block") + (f", {self.missing} of them with nobody" if self.missing else "")
        known = f"the first {known} of more" if self.cut else known
        part = len(self.holders) - len(self.whole)
        return f"{self.cid!r}: {known}; {plural(len(self.whole), 'node')} with all of it, {part} with a part"

    def __str__(self) -> str:
        lines = [
            f"  {holder.name}: {'all' if holder.whole else holder.blocks}{', pinned' if holder.pinned else ''}"
            for holder in self.holders
        ]
        return "\n".join([self._head(), *lines])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = (
            (
                one.name,
                one.blocks,
                one.bytes,
                "all" if one.whole else f"{100 * one.blocks // self.blocks} %",
                one.pinned,
            )
            for one in self.holders
        )
        return html_table(("node", "blocks", "bytes", "share", "pinned"), rows, self._head())


def holders_of(cid: Cid, stores: Mapping[str, BlockStore]) -> ContentHolders:
    """Look through the blocks of some nodes, by their names."""

    def anybodys(one: Cid) -> bytes | None:
        for store in stores.values():
            block = store.get(one)
            if block is not None:
                return block
        return None

    graph: dict[bytes, tuple[Cid, int | None]] = {}
    walk = everything_below(cid, anybodys)
    for one, block in islice(walk, MOST):
        graph[one.multihash] = one, None if block is None else len(block)
    cut = next(walk, None) is not None
    there = [(one, size) for one, size in graph.values() if size is not None]
    kept = sum(one.hash != 0 for one, _ in graph.values())  # an identity CID holds its block itself
    found = []
    for name, store in stores.items():
        has = [size for one, size in there if one in store and one.hash]
        if has:
            found.append(Holder(name, len(has), sum(has), len(has) == kept and not cut, cid in store.pins()))
    return ContentHolders(cid, len(graph), len(graph) - len(there), tuple(found), cut)
