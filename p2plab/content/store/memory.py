"""The blocks that a node holds, in memory, and its pins.

Rules:
- A block is kept under its multihash, so that a CIDv0, its CIDv1 and the same bytes under another codec are one block.
- Nothing is kept that is not what its CID says. An identity CID holds its block itself and takes no room.
- A pin keeps a block and, if it is recursive, all that the block leads to; ``collect`` throws the rest away, and that
  alone does. What is missing below a pin is no error.
- ``_save...``, ``_load`` and ``_drop`` are where a store that lasts reads and writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from p2plab.content.links import everything_below, inline
from p2plab.errors import ContentError, ValidationError
from p2plab.identity.cid import Cid
from p2plab.text import plural

__all__ = ["MAX_BLOCK", "BlockStore", "Collected"]

MAX_BLOCK: Final = 4 << 20  # bytes; a Bitswap message has room for no more


@dataclass(frozen=True, slots=True)
class Collected:
    """What garbage collection threw away: how many ``blocks``, and their ``bytes``."""

    blocks: int
    bytes: int

    def __str__(self) -> str:
        return f"{plural(self.blocks, 'block')}, {plural(self.bytes, 'byte')} thrown away"


class BlockStore:
    """Blocks in memory. ``SqliteBlockStore`` is one that outlives its process."""

    def __init__(self) -> None:
        self._blocks: dict[bytes, bytes] = {}
        self._cids: dict[bytes, Cid] = {}  # under which CID a block came, to show it by
        self._pins: dict[Cid, bool] = {}
        self._held: dict[bytes, int] = {}
        self._bytes = 0

    # -- blocks

    def put(self, cid: Cid, data: bytes) -> bool:
        """Keep a block; whether it is new. ValidationError for one that is too large, ContentError for bytes that are
        not what the CID says; ConfigurationError where it cannot be written."""
        if len(data) > MAX_BLOCK:
            raise ValidationError(f"a block of {len(data)} bytes; at most {MAX_BLOCK} can be given to others")
        if not cid.verify(data):
            raise ContentError(f"these {len(data)} bytes are not {cid}: their hash is another")
        key = cid.multihash
        if inline(cid) is not None or self._contains(key):
            return False
        self._save(key, cid, data)
        self._bytes += len(data)
        return True

    def get(self, cid: Cid) -> bytes | None:
        """The block, or None."""
        own = inline(cid)
        return self._load(cid.multihash) if own is None else own

    def __contains__(self, cid: object) -> bool:
        return isinstance(cid, Cid) and (inline(cid) is not None or self._contains(cid.multihash))

    def size_of(self, cid: Cid) -> int | None:
        """The bytes of a block, or None where it is not here."""
        data = self.get(cid)
        return None if data is None else len(data)

    def delete(self, cids: Iterable[Cid]) -> Collected:
        """Throw blocks away, pinned or not; how many were there."""
        blocks = size = 0
        for cid in cids:
            key = cid.multihash
            data = self._load(key)
            if data is not None:
                self._drop(key)
                blocks, size = blocks + 1, size + len(data)
        self._bytes -= size
        return Collected(blocks, size)

    def take_back(self, cids: Iterable[Cid]) -> None:
        """Let blocks be as if they had never come, also where nothing can be written any more."""
        self.delete(cids)

    def cids(self) -> Iterator[Cid]:
        """What is here, each as it first came, in that order."""
        return iter(list(self._cids.values()))

    @property
    def size(self) -> int:
        """Bytes of all blocks."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._cids)

    # -- pins

    def pin(self, cid: Cid, recursive: bool = True) -> bool:
        """Keep a block and (``recursive``) all below it; whether that is new. ContentError where the block itself is
        not here."""
        if cid not in self:
            raise ContentError(f"{cid} is not here, so it cannot be pinned; fetch it first")
        if self._pins.get(cid) == recursive:
            return False
        self._save_pin(cid, recursive)
        self._pins[cid] = recursive
        return True

    def unpin(self, cid: Cid) -> bool:
        """Let go of it again; whether it was pinned."""
        if cid not in self._pins:
            return False
        self._drop_pin(cid)
        del self._pins[cid]
        return True

    def pins(self) -> dict[Cid, bool]:
        """By what is pinned, whether all below is too."""
        return dict(self._pins)

    def hold(self, cid: Cid) -> None:
        """A block is in use: until ``release`` is called as often, ``collect`` leaves it."""
        key = cid.multihash
        self._held[key] = self._held.get(key, 0) + 1

    def release(self, cid: Cid) -> None:
        """It is not in use any more."""
        key = cid.multihash
        left = self._held.get(key, 0) - 1
        if left > 0:
            self._held[key] = left
        else:
            self._held.pop(key, None)

    def collect(self) -> Collected:
        """Throw away every block that no pin leads to."""
        kept: set[bytes] = set(self._held)
        for cid, recursive in self._pins.items():
            kept.add(cid.multihash)
            if recursive:
                kept.update(below.multihash for below, _ in everything_below(cid, self._readable))
        return self.delete([cid for cid in self.cids() if cid.multihash not in kept])

    def _readable(self, cid: Cid) -> bytes | None:
        """The block; None also where it is damaged, so that what it leads to cannot be known."""
        try:
            return self.get(cid)
        except ContentError:
            return None

    def clear(self) -> None:
        """Forget everything."""
        for cid in list(self._pins):
            self.unpin(cid)
        self.delete(self.cids())

    def close(self) -> None:
        """Let go of what the store holds outside of memory: here, nothing."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {plural(len(self), 'block')}, {plural(self.size, 'byte')}>"

    # -- what a persistent store does otherwise

    def _contains(self, key: bytes) -> bool:
        return key in self._blocks

    def _load(self, key: bytes) -> bytes | None:
        return self._blocks.get(key)

    def _save(self, key: bytes, cid: Cid, data: bytes) -> None:
        self._blocks[key] = data
        self._cids[key] = cid

    def _drop(self, key: bytes) -> None:
        del self._blocks[key], self._cids[key]

    def _save_pin(self, cid: Cid, recursive: bool) -> None:
        """Write a pin down before it counts."""

    def _drop_pin(self, cid: Cid) -> None:
        """Before it counts no more."""
