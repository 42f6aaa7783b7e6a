"""The walk that a selector describes over a graph of blocks: what both ends of a GraphSync exchange follow.

It is a generator. It yields ``Load(cid, ...)`` and is sent the block, or None where it is not to be had, below which it
does not go; and ``VisitedNode``, for each node, where it is asked to. It is bounded in nodes, in blocks and in depth,
since both selector and graph may come from strangers.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from p2plab.content.documents import node_value
from p2plab.content.graphsync.selector import InterpretAs, Selector, bounds, segments, subset_of
from p2plab.content.unixfs import NodeType, decode_unixfs
from p2plab.errors import OverloadedError, ProtocolViolation
from p2plab.identity.cid import Cid

__all__ = ["Load", "SelectorWalk", "VisitedNode", "WalkLimits", "walk_selector"]


@dataclass(frozen=True, slots=True)
class WalkLimits:
    """``depth``: segments of a path."""

    nodes: int = 2_000_000
    blocks: int = 1_000_000
    depth: int = 4096


@dataclass(frozen=True, slots=True)
class Load:
    """This block is needed. ``depth`` is how many segments the path to it has."""

    cid: Cid
    depth: int


@dataclass(frozen=True, slots=True)
class VisitedNode:
    """A node on the way, or (``matched``) of the result."""

    path: str
    node: Any
    matched: bool


SelectorWalk: TypeAlias = Generator["Load | VisitedNode", Any, None]
_Child: TypeAlias = "tuple[str | int, Any, Selector]"


def walk_selector(
    root: Cid, selector: Selector, limits: WalkLimits | None = None, visits: bool = False
) -> SelectorWalk:
    """Walk from a block. OverloadedError over a limit, ProtocolViolation for a block that is not of its codec,
    ContentError for an unknown codec, ValidationError for a selector that comes to too much."""
    return _Walk(WalkLimits() if limits is None else limits, visits).run(root, selector)


class _Walk:
    def __init__(self, limits: WalkLimits, visits: bool) -> None:
        self._limits = limits
        self._visits = visits
        self._nodes = self._blocks = 0
        self._path: list[str | int] = []
        self._stack: list[Iterator[_Child]] = []

    def run(self, root: Cid, selector: Selector) -> SelectorWalk:
        block = yield self._load(root)
        if block is None:
            return
        yield from self._node(node_value(root, block), selector)
        while self._stack:
            following = next(self._stack[-1], None)
            if following is None:
                self._stack.pop()
                if self._path:
                    self._path.pop()
                continue
            segment, value, clause = following
            self._path.append(segment)
            if len(self._path) > self._limits.depth:
                raise OverloadedError(f"a path of over {self._limits.depth} segments, which are more than are walked")
            if isinstance(value, Cid):
                cid, block = value, (yield self._load(value))
                if block is None:
                    self._path.pop()
                    continue
                value = node_value(cid, block)
            yield from self._node(value, clause)

    def _load(self, cid: Cid) -> Load:
        self._blocks += 1
        if self._blocks > self._limits.blocks:
            raise OverloadedError(f"over {self._limits.blocks} blocks, which are more than are walked")
        return Load(cid, len(self._path))

    def _node(self, value: Any, clause: Selector) -> SelectorWalk:
        """Visit a node; its children are what is walked next."""
        self._nodes += 1
        if self._nodes > self._limits.nodes:
            raise OverloadedError(f"over {self._limits.nodes} nodes, which are more than are walked")
        while isinstance(clause, InterpretAs):
            inner = clause.next
            found = inner.match()
            value = yield from self._interpreted(value, None if found is None else found.subset)
            clause = inner
            if found is not None and found.subset is not None and isinstance(value, _Part):
                yield from self._visit(value.data, matched=True)
                self._stack.append(iter(()))
                return
            value = value.data if isinstance(value, _Part) else value
        found = clause.match()
        part = None if found is None or found.subset is None else subset_of(value, found.subset)
        matched = found is not None and (found.subset is None or part is not None)
        yield from self._visit(value if part is None else part, matched)
        self._stack.append(_children(value, clause))

    def _visit(self, value: Any, matched: bool) -> SelectorWalk:
        if self._visits:
            yield VisitedNode("/".join(map(str, self._path)), value, matched)

    def _interpreted(self, value: Any, subset: tuple[int, int] | None) -> Generator[Any, Any, Any]:
        """A node of UnixFS: a file as its bytes (of a subset no more is loaded than is needed), a directory as the map
        of its entries. Another node stays what it is. ProtocolViolation for a sharded directory."""
        links = _links(value)
        if links is None:
            return value
        inner = decode_unixfs(value["Data"])
        if inner.type == NodeType.DIRECTORY:
            return {name: cid for name, cid in links if name is not None}
        if inner.type == NodeType.HAMT_SHARD:
            raise ProtocolViolation("sharded directories are not interpreted: select their links by themselves")
        if inner.type not in (NodeType.FILE, NodeType.RAW):
            return value
        size = inner.size or 0
        first, last = (0, size) if subset is None else bounds(subset, size)
        parts: list[bytes] = []
        yield from self._file(value, 0, first, last, parts, 0)
        return _Part(b"".join(parts))

    def _file(
        self, value: Any, at: int, first: int, last: int, out: list[bytes], depth: int
    ) -> Generator[Any, Any, int]:
        """A part of a file that begins at ``at``; returns where it ends. What its node says of the size of a part is
        what is skipped; of a part that is loaded, its bytes count, as where a stream is read on."""
        if depth > 64:
            raise ProtocolViolation("a file that nests deeper than 64 nodes")
        links = None if isinstance(value, bytes) else _links(value)
        if links is None and not isinstance(value, bytes):
            raise ProtocolViolation("a file with a part that is neither bytes nor a node of UnixFS")
        inner = None if links is None else decode_unixfs(value["Data"])
        own = value if inner is None else inner.data or b""
        out.append(own[max(0, first - at) : max(0, last - at)])
        at += len(own)
        if links is None or inner is None:
            return at
        if len(links) != len(inner.block_sizes):
            raise ProtocolViolation(f"a file with {len(links)} links and {len(inner.block_sizes)} sizes")
        for (_, cid), size in zip(links, inner.block_sizes, strict=True):
            if at >= last:
                break
            if at + size <= first:
                at += size
                continue
            block = yield self._load(cid)
            if block is None:
                return last
            at = yield from self._file(node_value(cid, block), at, first, last, out, depth + 1)
        return at


@dataclass(frozen=True, slots=True)
class _Part:
    """Bytes of a file, of which the subset was taken already where there was one."""

    data: bytes


def _links(value: Any) -> list[tuple[str | None, Cid]] | None:
    """Names and CIDs of a value that is a dag-pb node, whatever codec it was read by."""
    if not isinstance(value, dict) or not isinstance(value.get("Data"), bytes):
        return None
    links = value.get("Links")
    if not isinstance(links, list):
        return None
    found = []
    for link in links:
        if not isinstance(link, dict) or not isinstance(link.get("Hash"), Cid):
            return None
        name = link.get("Name")
        found.append((name if isinstance(name, str) else None, link["Hash"]))
    return found


def _children(value: Any, clause: Selector) -> Iterator[_Child]:
    for segment, child in segments(value, clause):
        following = clause.explore(value, segment)
        if following is not None:
            yield segment, child, following
