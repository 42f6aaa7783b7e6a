"""The graph of blocks below a CID, level by level: ``lab.dag(cid)``.

A block is listed once, where the shortest way leads to it. Of a graph that is larger than can be looked at, the levels
nearest to the root are listed, and what lies beyond is counted as far as it is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from p2plab.content.dag_pb import decode_node
from p2plab.content.links import links_of
from p2plab.content.store import BlockStore
from p2plab.content.unixfs import NodeType, UnixFsNode, decode_unixfs
from p2plab.errors import ContentError, ProtocolViolation
from p2plab.identity.cid import DAG_PB, RAW, Cid
from p2plab.text import shown

__all__ = ["Dag", "DagBlock", "dag_of"]

MOST_BLOCKS: Final = 20_000  # that are listed
MOST_LINKS: Final = 100_000  # of these that are read
_LONGEST_TREE: Final = 60  # lines
_KINDS: Final = {
    NodeType.RAW: "file", NodeType.FILE: "file", NodeType.DIRECTORY: "directory", NodeType.HAMT_SHARD: "shard",
    NodeType.SYMLINK: "symlink", NodeType.METADATA: "metadata",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DagBlock:
    """One block of a graph.

    ``kind``: ``raw`` (bytes without links), ``file`` (UnixFS; its links are its parts, in order), ``directory``,
    ``shard`` (of a directory), ``symlink``, ``dag-pb`` (no UnixFS), ``dag-cbor``, ``dag-json``, ``broken`` (bytes that
    are not of its codec), ``missing`` (no node has it), ``unread`` (there were too many to look into it), or the name
    of a codec whose links are not known. ``size`` is its own bytes (None: missing), ``depth`` how many links lead to
    it, ``name`` what the first of them is called, ``links`` the blocks that it links to, by place in ``Dag.blocks``.
    """

    cid: Cid
    kind: str
    size: int | None
    depth: int
    name: str
    links: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Dag:
    """The blocks below a CID, the root first, then level by level. ``beyond`` is how many more are linked to and not
    listed, ``unread`` of how many listed blocks the links were not read: at most 20,000 blocks and 100,000 links are
    looked at."""

    cid: Cid
    blocks: tuple[DagBlock, ...]
    beyond: int = 0
    unread: int = 0

    @property
    def whole(self) -> bool:
        """Whether all of it is listed."""
        return not (self.beyond or self.unread)

    @property
    def bytes(self) -> int:
        """Bytes of the blocks that are listed and there."""
        return sum(block.size or 0 for block in self.blocks)

    @property
    def missing(self) -> int:
        """How many blocks are named and not there."""
        return sum(block.size is None for block in self.blocks)

    def levels(self) -> list[list[int]]:
        """The places of the blocks of each depth, in order."""
        found: list[list[int]] = []
        for at, block in enumerate(self.blocks):
            if block.depth == len(found):
                found.append([])
            found[block.depth].append(at)
        return found

    def __len__(self) -> int:
        return len(self.blocks)

    def __iter__(self) -> Iterator[DagBlock]:
        return iter(self.blocks)

    def said(self) -> str:
        """How large it is, in words."""
        more = f"; at least {self.beyond:,} more below" if not self.whole else ""
        lacking = f", {self.missing:,} of them with nobody" if self.missing else ""
        return f"{len(self.blocks):,} block{'s' * (len(self.blocks) != 1)}{lacking}, {self.bytes:,} bytes{more}"

    def __str__(self) -> str:
        lines = [f"{self.cid!r}: {self.said()}"]
        waiting = [(0, 0)]
        seen: set[int] = set()
        while waiting and len(lines) <= _LONGEST_TREE:
            at, depth = waiting.pop()
            block = self.blocks[at]
            size = "nobody has it" if block.size is None else f"{block.kind}, {block.size:,} bytes"
            name = f"{shown(block.name, 40)}  " if block.name else ""
            again = "  (see above)" if at in seen and block.links else ""
            lines.append(f"{'    ' * depth}{name}{block.cid!r}  {size}{again}")
            if at not in seen:
                waiting += [(link, depth + 1) for link in reversed(block.links)]
            seen.add(at)
        if waiting:
            lines.append("… and more")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Dag {self.cid!r}: {self.said()}>"


def dag_of(cid: Cid, stores: Sequence[BlockStore], most: int = MOST_BLOCKS, most_links: int = MOST_LINKS) -> Dag:
    """Look at the graph below a CID, as far as these stores together have it."""
    place: dict[bytes, int] = {cid.to_bytes(): 0}
    cids, names, depths = [cid], [""], [0]
    made: list[DagBlock] = []
    beyond: set[bytes] = set()
    unread = read = 0
    while len(made) < len(cids):
        at = len(made)
        here, depth = cids[at], depths[at]
        kind, size, links = _looked_at(here, stores, read < most_links)
        unread += links is None
        read += len(links or ())
        inside = []
        for link, name in links or ():
            key = link.to_bytes()
            where = place.get(key)
            if where is None:
                if len(cids) >= most:
                    beyond.add(key)
                    continue
                where = place[key] = len(cids)
                cids.append(link)
                names.append(name)
                depths.append(depth + 1)
            inside.append(where)
        made.append(DagBlock(here, kind, size, depth, names[at], tuple(inside)))
    return Dag(cid, tuple(made), len(beyond), unread)


def _looked_at(
    cid: Cid, stores: Sequence[BlockStore], reads: bool
) -> tuple[str, int | None, list[tuple[Cid, str]] | None]:
    """What a block is, its bytes, and its links with their names; None where they are not read."""
    if cid.codec == RAW or not reads:
        size = next((size for store in stores if (size := store.size_of(cid)) is not None), None)
        kind = "missing" if size is None else "raw" if cid.codec == RAW else "unread"
        return kind, size, [] if cid.codec == RAW or size is None else None
    block = _block(cid, stores)
    if block is None:
        return "missing", None, []
    try:
        if cid.codec != DAG_PB:
            return cid.codec_name, len(block), [(link, "") for link in links_of(cid, block)]
        outer = decode_node(block)
    except ProtocolViolation:
        return "broken", len(block), []
    except ContentError:  # a codec whose links are not known
        return cid.codec_name, len(block), []
    inner = _meaning(outer.data)
    strip = len(f"{(inner.fanout or 1) - 1:X}") if inner is not None and inner.type == NodeType.HAMT_SHARD else 0
    kind = "dag-pb" if inner is None else _KINDS[inner.type]
    return kind, len(block), [(link.cid, (link.name or "")[strip:]) for link in outer.links]


def _block(cid: Cid, stores: Sequence[BlockStore]) -> bytes | None:
    for store in stores:
        try:
            found = store.get(cid)
        except ContentError:  # damaged where it is kept: another may have it
            continue
        if found is not None:
            return found
    return None


def _meaning(data: bytes | None) -> UnixFsNode | None:
    try:
        return decode_unixfs(data) if data else None
    except ProtocolViolation:
        return None
