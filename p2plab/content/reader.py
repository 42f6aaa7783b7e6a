"""Blocks back into files and directories: a core that says which block it wants next and is given it.

A walk is a generator. It yields ``NeededBlock(cid, ...)``, and is sent the block's bytes; it yields ``bytes`` of a
file, or a ``DirectoryEntry`` of a directory, and is sent None. Whoever drives it has the blocks, or fetches them, and
checks each against its CID first. Depth, entries and the shape of nodes are bounded, since all of it may come from
strangers.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from p2plab.content.dag_pb import PBLink
from p2plab.content.documents import DOCUMENTS, document
from p2plab.content.hamt import bucket_of, entries_of, murmur3_x64_64
from p2plab.content.unixfs import NodeType, UnixFsNode, node_of
from p2plab.errors import ContentError, ProtocolViolation, ValidationError
from p2plab.identity.cid import Cid

__all__ = ["MAX_DEPTH", "DirectoryEntry", "NeededBlock", "Walk", "list_directory", "read_file", "resolve", "stat"]

MAX_DEPTH: Final = 64
MAX_ENTRIES: Final = 1_000_000

EntryType = Literal["file", "directory", "symlink"]


@dataclass(frozen=True, slots=True)
class NeededBlock:
    """The walk needs this block now, and will need ``next`` after it, so that they can be fetched together."""

    cid: Cid
    next: tuple[Cid, ...] = ()


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """One entry of a directory: its name, CID, ``size`` (bytes of all its blocks, Tsize) and ``type``."""

    name: str
    cid: Cid
    size: int | None
    type: EntryType | None = None


Walk: TypeAlias = Generator[Any, Any, Any]

_TYPES: Final[dict[NodeType, EntryType]] = {
    NodeType.FILE: "file",
    NodeType.RAW: "file",
    NodeType.DIRECTORY: "directory",
    NodeType.HAMT_SHARD: "directory",
    NodeType.SYMLINK: "symlink",
}


def read_file(cid: Cid, offset: int = 0, length: int | None = None, path: str = "") -> Walk:
    """The bytes of a file from ``offset`` on, at most ``length``. ContentError for a directory or a symlink.

    Of a file of many blocks only those are wanted that hold some of these bytes.
    """
    if offset < 0 or (length is not None and length < 0):
        raise ValidationError(f"offset={offset!r}, length={length!r}: bytes, from 0 up")
    end = None if length is None else offset + length
    yield from _read(cid, 0, offset, end, None, 0, path or str(cid))


def _read(
    cid: Cid, start: int, first: int, end: int | None, expected: int | None, depth: int, what: str, ahead: Any = ()
) -> Walk:
    """A part of a file that begins at ``start`` and should have ``expected`` bytes."""
    if depth > MAX_DEPTH:
        raise ProtocolViolation(f"{what} nests deeper than {MAX_DEPTH} nodes")
    block = yield NeededBlock(cid, tuple(ahead))
    outer, inner = node_of(cid, block)
    if inner.type not in (NodeType.FILE, NodeType.RAW):
        raise ContentError(f"{what} is a {_TYPES.get(inner.type, 'node')}, not a file")
    if expected is not None and (inner.size or 0) != expected:
        raise ProtocolViolation(f"{cid} has {inner.size or 0} bytes, where its parent says {expected}")
    own = inner.data or b""
    at = start + len(own)
    if own and at > first and (end is None or start < end):
        low = max(0, first - start)
        yield own[low : None if end is None else max(low, end - start)]
    parts: list[tuple[Cid, int, int]] = []
    for link, size in zip(outer.links, inner.block_sizes, strict=True):
        if at + size > first and (end is None or at < end):
            parts.append((link.cid, at, size))
        at += size
    for number, (child, begins, size) in enumerate(parts):
        following = [other[0] for other in parts[number + 1 : number + 17]]
        yield from _read(child, begins, first, end, size, depth + 1, what, following)


def list_directory(cid: Cid, path: str = "") -> Walk:
    """The entries of a directory, sharded or not, in the order of their links. ContentError for what is none."""
    what = path or str(cid)
    block = yield NeededBlock(cid)
    outer, inner = node_of(cid, block)
    if inner.type == NodeType.DIRECTORY:
        seen = set()
        for link in outer.links:
            name = link.name or ""
            if name in seen:
                raise ProtocolViolation(f"{what} has two entries called {name!r}")
            seen.add(name)
            yield DirectoryEntry(name, link.cid, link.size)
        return
    if inner.type != NodeType.HAMT_SHARD:
        raise ContentError(f"{what} is a {_TYPES.get(inner.type, 'node')}, not a directory")
    yield from _list_shard(outer.links, inner, 0, what, [MAX_ENTRIES])


def _list_shard(links: tuple[PBLink, ...], inner: UnixFsNode, level: int, what: str, left: list[int]) -> Walk:
    fanout = inner.fanout or 0
    for _bucket, name, link in entries_of(links, fanout):
        if name is not None:
            left[0] -= 1
            if left[0] < 0:
                raise ProtocolViolation(f"{what} has over {MAX_ENTRIES} entries")
            yield DirectoryEntry(name, link.cid, link.size)
            continue
        block = yield NeededBlock(link.cid)
        outer, child = node_of(link.cid, block)
        if child.type != NodeType.HAMT_SHARD or child.fanout != fanout:
            raise ProtocolViolation(f"{link.cid} stands in a sharded directory and is no shard of it")
        if level >= MAX_DEPTH:
            raise ProtocolViolation(f"{what} nests deeper than {MAX_DEPTH} shards")
        yield from _list_shard(outer.links, child, level + 1, what, left)


def resolve(cid: Cid, path: str, through: list[Cid] | None = None) -> Walk:
    """Follow a path of names below a directory, or through the maps and lists of a document to a link; returns the CID
    it leads to. ContentError says which name is missing, with the near ones. Symlinks are not followed. ``through`` is
    given every CID that a name leads to, as it is found."""
    at = cid
    walked = str(cid)
    names = [part for part in path.split("/") if part]
    while names:
        block = yield NeededBlock(at)
        if at.codec in DOCUMENTS:
            at, taken = _in_document(at, block, names, walked)
            walked = "/".join([walked, *names[:taken]])
            del names[:taken]
            if through is not None:
                through.append(at)
            continue
        name = names.pop(0)
        outer, inner = node_of(at, block)
        if inner.type == NodeType.DIRECTORY:
            found = next((link for link in outer.links if link.name == name), None)
            near = [link.name or "" for link in outer.links]
        elif inner.type == NodeType.HAMT_SHARD:
            found = yield from _in_shard(outer.links, inner, name, walked)
            near = []
        else:
            raise ContentError(f"{walked} is a {_TYPES.get(inner.type, 'node')}, which has no {name!r} below it")
        if found is None:
            from difflib import get_close_matches

            hint = get_close_matches(name, near, n=1)
            raise ContentError(f"{walked} has no {name!r}" + (f"; did you mean {hint[0]!r}?" if hint else ""))
        at, walked = found.cid, f"{walked}/{name}"
        if through is not None:
            through.append(at)
    return at


def _in_document(cid: Cid, block: bytes, names: list[str], what: str) -> tuple[Cid, int]:
    """The link that names lead to within a block, and how many of them it took."""
    value = document(cid, block)
    for number, name in enumerate(names):
        inside: Any = None
        if isinstance(value, dict):
            inside = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and name.isascii() and len(name) <= 9:
            inside = dict(enumerate(value)).get(int(name))
        if inside is None:
            raise ContentError(f"{'/'.join([what, *names[:number]])} has no {name!r}")
        if isinstance(inside, Cid):
            return inside, number + 1
        value = inside
    raise ContentError(f"{'/'.join([what, *names])} is a value inside {cid}, and no link")


def _in_shard(links: tuple[PBLink, ...], inner: UnixFsNode, name: str, what: str) -> Walk:
    hashed = murmur3_x64_64(name.encode("utf-8", "surrogateescape"))
    level = 0
    while True:
        fanout = inner.fanout or 0
        wanted = bucket_of(hashed, level, fanout)
        below = None
        for bucket, entry, link in entries_of(links, fanout):
            if bucket == wanted:
                if entry == name:
                    return link
                if entry is None:
                    below = link
        if below is None:
            return None
        block = yield NeededBlock(below.cid)
        outer, inner = node_of(below.cid, block)
        if inner.type != NodeType.HAMT_SHARD:
            raise ProtocolViolation(f"{below.cid} stands in a sharded directory and is no shard of it")
        links, level = outer.links, level + 1


def stat(cid: Cid) -> Walk:
    """What a CID is: returns (type, size of the file or None, symlink's target or None)."""
    block = yield NeededBlock(cid)
    _, inner = node_of(cid, block)
    target = (inner.data or b"").decode("utf-8", "surrogateescape") if inner.type == NodeType.SYMLINK else None
    size = (inner.size or 0) if inner.type in (NodeType.FILE, NodeType.RAW) else None
    return _TYPES[inner.type], size, target
