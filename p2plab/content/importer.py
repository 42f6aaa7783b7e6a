"""Files and directories into blocks: chunks, a balanced tree over them, directories, shards (IPIP-0499's profiles).

A core: it is given bytes and yields blocks, the root's last, in memory that does not grow with the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from p2plab.content.dag_pb import PBLink, PBNode, encode_node
from p2plab.content.hamt import build_shards
from p2plab.content.unixfs import NodeType, UnixFsNode, encode_unixfs
from p2plab.errors import ValidationError
from p2plab.identity.cid import DAG_PB, RAW, Cid, cid_for

__all__ = ["PROFILES", "Block", "Profile", "import_directory", "import_file", "import_symlink", "profile_named"]


class Block(NamedTuple):
    """A block: its CID, its bytes, the Tsize that a link to it has, and how much of a file it holds (``content``)."""

    cid: Cid
    data: bytes
    size: int
    content: int = 0


@dataclass(frozen=True, slots=True)
class Profile:
    """How files become blocks. ``chunk`` and ``shard_above`` are bytes, ``width`` links a node; ``shard_by`` says what
    is held against ``shard_above``: a directory's whole block (``block-bytes``), or its links' names and CIDs alone."""

    name: str
    cid_version: int
    chunk: int
    width: int
    raw_leaves: bool
    fanout: int = 256
    shard_above: int = 256 * 1024
    shard_by: str = "block-bytes"


# IPIP-0499, "Detailed design".
PROFILES: Final = {
    "unixfs-v1-2025": Profile("unixfs-v1-2025", 1, 1 << 20, 1024, True),
    "unixfs-v0-2015": Profile("unixfs-v0-2015", 0, 256 * 1024, 174, False, shard_by="links-bytes"),
}


def profile_named(profile: str | Profile) -> Profile:
    """A profile by its name, or the one that is given. ValidationError names those there are."""
    if isinstance(profile, Profile):
        return profile
    if not isinstance(profile, str) or profile not in PROFILES:
        raise ValidationError(
            f"profile={profile!r}: there are {', '.join(PROFILES)} (IPIP-0499), or a Profile of your own"
        )
    return PROFILES[profile]


def _chunks(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes, cut anew; one empty chunk where there are none."""
    held = bytearray()
    some = False
    for piece in pieces:
        held += piece
        while len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
            some = True
    if held or not some:
        yield bytes(held)


def import_file(pieces: Iterable[bytes], profile: str | Profile = "unixfs-v1-2025") -> Iterator[Block]:
    """The blocks of a file whose bytes come in ``pieces`` of any size; the last one is its root."""
    profile = profile_named(profile)
    levels: list[list[Block]] = [[]]
    last: Block | None = None
    for chunk in _chunks(pieces, profile.chunk):
        last = _leaf(chunk, profile)
        yield last
        yield from _push(levels, 0, last, profile)
    assert last is not None
    if len(levels) == 1 and len(levels[0]) == 1:
        return  # a file of one chunk is its leaf
    # All leaves are at one depth (IPIP-0499, "balanced"), so what is left over at a level is wrapped all the way up.
    level = 0
    while level < len(levels):
        rest = levels[level]
        if rest and (level < len(levels) - 1 or len(rest) > 1):
            levels[level] = []
            parent = _parent(rest, profile)
            yield parent
            yield from _push(levels, level + 1, parent, profile)
        level += 1


def _push(levels: list[list[Block]], level: int, block: Block, profile: Profile) -> Iterator[Block]:
    if level == len(levels):
        levels.append([])
    if len(levels[level]) == profile.width:  # full, and there is more: only now does it need a parent
        parent = _parent(levels[level], profile)
        levels[level] = []
        yield parent
        yield from _push(levels, level + 1, parent, profile)
    levels[level].append(block._replace(data=b""))  # its parent needs its name and sizes; the bytes would add up


def _leaf(chunk: bytes, profile: Profile) -> Block:
    if profile.raw_leaves:
        return Block(cid_for(chunk, RAW), chunk, len(chunk), len(chunk))
    inner = encode_unixfs(UnixFsNode(NodeType.FILE, chunk or None, len(chunk)))
    data = encode_node(PBNode(data=inner))
    return Block(cid_for(data, DAG_PB, version=profile.cid_version), data, len(data), len(chunk))


def _parent(children: Sequence[Block], profile: Profile) -> Block:
    sizes = tuple(child.content for child in children)
    inner = encode_unixfs(UnixFsNode(NodeType.FILE, None, sum(sizes), sizes))
    # The name is there and empty, as boxo writes it; the profiles' CIDs depend on it.
    node = PBNode(tuple(PBLink(child.cid, "", child.size) for child in children), inner)
    data = encode_node(node)
    size = len(data) + sum(child.size for child in children)
    return Block(cid_for(data, DAG_PB, version=profile.cid_version), data, size, sum(sizes))


def import_symlink(target: str, profile: str | Profile = "unixfs-v1-2025") -> Block:
    """The block of a symbolic link."""
    profile = profile_named(profile)
    inner = encode_unixfs(UnixFsNode(NodeType.SYMLINK, target.encode("utf-8", "surrogateescape")))
    data = encode_node(PBNode(data=inner))
    return Block(cid_for(data, DAG_PB, version=profile.cid_version), data, len(data))


def import_directory(
    entries: Iterable[tuple[str, Cid, int]], profile: str | Profile = "unixfs-v1-2025"
) -> Iterator[Block]:
    """The blocks of a directory of (name, CID, Tsize), sorted by name; the last one is its root. One that is too large
    becomes shards. ValidationError for a name that is empty, has a slash, or stands there twice."""
    profile = profile_named(profile)
    links: list[PBLink] = []
    seen: set[str] = set()
    for name, cid, size in entries:
        if not name or "/" in name or name in (".", ".."):
            raise ValidationError(f"{name!r} is no name in a directory")
        if name in seen:
            raise ValidationError(f"a directory has {name!r} twice")
        seen.add(name)
        links.append(PBLink(cid, name, size))
    links.sort(key=lambda link: (link.name or "").encode("utf-8", "surrogateescape"))
    data = encode_node(PBNode(tuple(links), encode_unixfs(UnixFsNode(NodeType.DIRECTORY))))
    if profile.shard_by == "block-bytes":
        measured = len(data)
    else:
        measured = sum(len((link.name or "").encode()) + len(link.cid.to_bytes()) for link in links)
    if measured > profile.shard_above:
        for cid, block, size in build_shards(links, profile.fanout, profile.cid_version):
            yield Block(cid, block, size)
        return
    size = len(data) + sum(link.size or 0 for link in links)
    yield Block(cid_for(data, DAG_PB, version=profile.cid_version), data, size)
