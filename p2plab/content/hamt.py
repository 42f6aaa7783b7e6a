"""Sharded directories (ipfs/specs src/unixfs.md, "HAMTDirectory"): a trie over the hash of each entry's name.

A name's hash (murmur3-x64-64, most significant bits first) says its bucket at each level, ``log2(fanout)`` bits a
level. A bucket of one entry holds it; one of several holds another shard. A link's name begins with the bucket in hex.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from p2plab.content.dag_pb import PBLink, PBNode, encode_node
from p2plab.content.unixfs import MURMUR3, NodeType, UnixFsNode, encode_unixfs
from p2plab.errors import ProtocolViolation
from p2plab.identity.cid import DAG_PB, Cid, cid_for

__all__ = ["bucket_of", "build_shards", "entries_of", "murmur3_x64_64", "prefix_length"]

_MASK: Final = (1 << 64) - 1
_C1: Final = 0x87C37B91114253D5
_C2: Final = 0x4CF5AD432745937F


def _rotate(value: int, bits: int) -> int:
    return (value << bits | value >> (64 - bits)) & _MASK


def _mix(value: int) -> int:
    value ^= value >> 33
    value = value * 0xFF51AFD7ED558CCD & _MASK
    value ^= value >> 33
    value = value * 0xC4CEB9FE1A85EC53 & _MASK
    return value ^ value >> 33


def murmur3_x64_64(data: bytes) -> int:
    """The first 64 bits of MurmurHash3 x64 128 with seed 0 (A. Appleby, public domain)."""
    h1 = h2 = 0
    whole = len(data) // 16 * 16
    for at in range(0, whole, 16):
        k1 = int.from_bytes(data[at : at + 8], "little")
        k2 = int.from_bytes(data[at + 8 : at + 16], "little")
        h1 ^= _rotate(k1 * _C1 & _MASK, 31) * _C2 & _MASK
        h1 = ((_rotate(h1, 27) + h2) * 5 + 0x52DCE729) & _MASK
        h2 ^= _rotate(k2 * _C2 & _MASK, 33) * _C1 & _MASK
        h2 = ((_rotate(h2, 31) + h1) * 5 + 0x38495AB5) & _MASK
    tail = data[whole:]
    if len(tail) > 8:
        h2 ^= _rotate(int.from_bytes(tail[8:], "little") * _C2 & _MASK, 33) * _C1 & _MASK
    if tail:
        h1 ^= _rotate(int.from_bytes(tail[:8], "little") * _C1 & _MASK, 31) * _C2 & _MASK
    h1 ^= len(data)
    h2 ^= len(data)
    h1 = (h1 + h2) & _MASK
    h2 = (h2 + h1) & _MASK
    h1, h2 = _mix(h1), _mix(h2)
    return (h1 + h2) & _MASK


def _raw(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def bucket_of(hashed: int, level: int, fanout: int) -> int:
    """The bucket of a name with this hash at a level (from 0). ProtocolViolation below the last bit of the hash."""
    bits = fanout.bit_length() - 1
    shift = 64 - bits * (level + 1)
    if shift < 0:
        raise ProtocolViolation("a sharded directory deeper than the hash of its names")
    return hashed >> shift & (fanout - 1)


def prefix_length(fanout: int) -> int:
    """How many characters of a link's name are the bucket in hex."""
    return len(f"{fanout - 1:X}")


def build_shards(entries: Sequence[PBLink], fanout: int, version: int) -> Iterator[tuple[Cid, bytes, int]]:
    """The blocks of a sharded directory with these entries, children first, the root last: each with its bytes and its
    Tsize. ``version`` is that of the CIDs."""
    hashed = [(murmur3_x64_64(_raw(entry.name or "")), entry) for entry in entries]
    yield from _shard(hashed, 0, fanout, version)


def _shard(
    entries: Sequence[tuple[int, PBLink]], level: int, fanout: int, version: int
) -> Iterator[tuple[Cid, bytes, int]]:
    buckets: dict[int, list[tuple[int, PBLink]]] = {}
    for entry in entries:
        buckets.setdefault(bucket_of(entry[0], level, fanout), []).append(entry)
    width = prefix_length(fanout)
    links = []
    bitmap = 0
    for index in sorted(buckets):
        bitmap |= 1 << index
        members = buckets[index]
        prefix = f"{index:0{width}X}"
        if len(members) == 1:
            _, link = members[0]
            links.append(PBLink(link.cid, prefix + (link.name or ""), link.size))
            continue
        child: tuple[Cid, bytes, int] | None = None
        for child in _shard(members, level + 1, fanout, version):
            yield child
        assert child is not None
        links.append(PBLink(child[0], prefix, child[2]))
    data = bitmap.to_bytes((bitmap.bit_length() + 7) // 8, "big")
    inner = encode_unixfs(UnixFsNode(NodeType.HAMT_SHARD, data, hash=MURMUR3, fanout=fanout))
    block = encode_node(PBNode(tuple(links), inner))
    yield cid_for(block, DAG_PB, version=version), block, len(block) + sum(link.size or 0 for link in links)


def entries_of(links: Iterable[PBLink], fanout: int) -> Iterator[tuple[int, str | None, PBLink]]:
    """The links of one shard: the bucket, the entry's name (None: the link is to another shard), and the link.

    ProtocolViolation for a link whose name does not begin with its bucket.
    """
    width = prefix_length(fanout)
    for link in links:
        name = link.name or ""
        try:
            bucket = int(name[:width], 16)
        except ValueError as error:
            raise ProtocolViolation(f"a link of a shard is called {name!r}") from error
        if len(name) < width or bucket >= fanout:
            raise ProtocolViolation(f"a link of a shard is called {name!r}")
        yield bucket, name[width:] or None, link
