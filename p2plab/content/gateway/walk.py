"""Which blocks answer a request for a CAR, in their order: the one walk that both ends of a gateway follow.

The server fetches each block and sends it; the client expects each next, and has seen enough when the walk is over
(trustless-gateway, "CAR responses"; IPIP-402). A walk yields ``NeededBlock(cid, ...)`` and is sent the block, as those
of ``content.reader`` do; nothing else is yielded. Identity CIDs are walked as well, though no CAR holds their blocks.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeAlias

from p2plab.content.links import MAX_DEPTH, links_of
from p2plab.content.reader import NeededBlock, Walk, list_directory, read_file, resolve
from p2plab.content.unixfs import NodeType, node_of
from p2plab.errors import ProtocolViolation
from p2plab.identity.cid import DAG_PB, RAW, Cid

__all__ = ["BlockWalk", "Span", "answer_walk", "below"]

Span: TypeAlias = tuple[int, "int | None"]
BlockWalk: TypeAlias = Generator[NeededBlock, Any, Cid]


def answer_walk(
    cid: Cid, path: str = "", scope: str = "all", span: Span | None = None, twice: bool = True
) -> BlockWalk:
    """All blocks of an answer: those of the path, then what is in ``scope``; returns the CID that the path ends at.

    ContentError for a name that is not there, ProtocolViolation for blocks that do not fit together.
    """
    root: Cid = (yield from resolve(cid, path)) if path else cid
    yield from below(root, scope, span, twice)
    return root


def below(root: Cid, scope: str, span: Span | None, twice: bool) -> BlockWalk:
    """The blocks of a CID in a scope: ``block``, ``entity`` (of a file the bytes in ``span``, both ends included) or
    ``all``. ``twice``: whether a block is walked each time that it occurs."""
    if scope == "all":
        yield from _everything(root, twice)
        return root
    block = yield NeededBlock(root)
    if scope == "entity":
        walk = _entity(root, block, span)
        if walk is not None:
            yield from _after(walk, block)
    return root


def _entity(root: Cid, block: bytes, span: Span | None) -> Walk | None:
    """The walk over a file or a directory; None for what has no more than its own block."""
    if root.codec not in (DAG_PB, RAW):
        return None
    try:
        _, inner = node_of(root, block)
    except ProtocolViolation:  # dag-pb of another kind: its block is all of it
        return None
    if inner.type in (NodeType.DIRECTORY, NodeType.HAMT_SHARD):
        return list_directory(root)
    if inner.type not in (NodeType.FILE, NodeType.RAW):
        return None
    size = inner.size or 0
    first, last = span or (0, None)
    begins = max(0, size + first) if first < 0 else min(first, size)
    ends = size if last is None else (size + last + 1 if last < 0 else min(last + 1, size))
    return read_file(root, begins, ends - begins) if ends > begins else None


def _after(walk: Walk, block: bytes) -> Generator[NeededBlock, Any, None]:
    """The rest of a walk of ``content.reader`` whose first block is at hand; what it reads is left aside."""
    answer: Any = None
    is_first = True
    while True:
        try:
            out = walk.send(answer)
        except StopIteration:
            return
        answer = None
        if isinstance(out, NeededBlock):
            if is_first:
                answer, is_first = block, False
            else:
                answer = yield out


def _everything(root: Cid, twice: bool) -> Generator[NeededBlock, Any, None]:
    """All blocks below, each before those that it names. ProtocolViolation for a graph that is too deep."""
    seen: set[bytes] = set()
    stack: list[list[Cid]] = [[root]]  # what is left to do at each depth, the next last
    while stack:
        if not stack[-1]:
            stack.pop()
            continue
        cid = stack[-1].pop()
        if not twice:
            if cid.to_bytes() in seen:
                continue
            seen.add(cid.to_bytes())
        block = yield NeededBlock(cid, tuple(reversed(stack[-1][-32:])))
        links = links_of(cid, block)
        if links:
            if len(stack) >= MAX_DEPTH:
                raise ProtocolViolation(f"{root} nests deeper than {MAX_DEPTH} blocks")
            stack.append(links[::-1])
