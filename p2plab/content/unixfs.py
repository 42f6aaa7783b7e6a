"""UnixFS (ipfs/specs src/unixfs.md): what the Data of a dag-pb node says of files, directories and links to them.

A file is the concatenation of its node's own bytes and of the files its links name; ``block_sizes`` says how long each
of these is. What comes from others is checked: a node whose links and sizes do not agree is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from p2plab.content.dag_pb import PBNode, decode_node
from p2plab.errors import ProtocolViolation
from p2plab.identity.cid import DAG_PB, RAW, Cid
from p2plab.identity.protobuf import WireClasses

__all__ = ["MAX_FANOUT", "MURMUR3", "NodeType", "UnixFsNode", "decode_unixfs", "encode_unixfs", "node_of"]

MURMUR3: Final = 0x22  # murmur3-x64-64, the hash of sharded directories
MAX_FANOUT: Final = 1024  # unixfs.md: more would let a peer exhaust memory (CVE-2023-23625)


class NodeType(IntEnum):
    RAW = 0  # deprecated, read as a file
    DIRECTORY = 1
    FILE = 2
    METADATA = 3
    SYMLINK = 4
    HAMT_SHARD = 5


@dataclass(frozen=True, slots=True)
class UnixFsNode:
    """A node's meaning. ``data``: a file's own bytes, a symlink's target, a shard's bitmap. ``size`` of a file in
    bytes, ``block_sizes`` of each link's part; ``hash`` and ``fanout`` of a shard."""

    type: NodeType
    data: bytes | None = None
    size: int | None = None
    block_sizes: tuple[int, ...] = ()
    hash: int | None = None
    fanout: int | None = None


_WIRE: Final = WireClasses(
    "p2plab.unixfs",
    {
        "Data": (
            "int32 Type = 1; bytes Data = 2; uint64 filesize = 3; repeated uint64 blocksizes = 4; "
            "uint64 hashType = 5; uint64 fanout = 6"
        ),
    },
)


def encode_unixfs(node: UnixFsNode) -> bytes:
    """The bytes that stand in the Data of a dag-pb node."""
    whole = _WIRE["Data"](Type=int(node.type))
    if node.data is not None:
        whole.Data = node.data
    if node.size is not None:
        whole.filesize = node.size
    whole.blocksizes.extend(node.block_sizes)
    if node.hash is not None:
        whole.hashType = node.hash
    if node.fanout is not None:
        whole.fanout = node.fanout
    data: bytes = whole.SerializeToString()
    return data


def decode_unixfs(data: bytes) -> UnixFsNode:
    """ProtocolViolation for bytes that are no UnixFS, or of a type that is not known."""
    whole = _WIRE.read("Data", data, "UnixFS")
    if not whole.HasField("Type"):
        raise ProtocolViolation("a UnixFS node without its type")
    try:
        kind = NodeType(whole.Type)
    except ValueError as error:
        raise ProtocolViolation(f"a UnixFS node of the unknown type {whole.Type}") from error
    return UnixFsNode(
        kind,
        whole.Data if whole.HasField("Data") else None,
        whole.filesize if whole.HasField("filesize") else None,
        tuple(whole.blocksizes),
        whole.hashType if whole.HasField("hashType") else None,
        whole.fanout if whole.HasField("fanout") else None,
    )


def node_of(cid: Cid, block: bytes) -> tuple[PBNode, UnixFsNode]:
    """What a block is: its links and its meaning, checked. A raw block is a file without links.

    ProtocolViolation for blocks that are no UnixFS, and for nodes whose parts do not agree.
    """
    if cid.codec == RAW:
        return PBNode(), UnixFsNode(NodeType.FILE, block, len(block))
    if cid.codec != DAG_PB:
        raise ProtocolViolation(f"{cid} is {cid.codec_name}; files and directories are dag-pb or raw")
    outer = decode_node(block)
    if not outer.data:
        raise ProtocolViolation(f"{cid} is a dag-pb node without UnixFS data")
    inner = decode_unixfs(outer.data)
    if inner.type in (NodeType.FILE, NodeType.RAW):
        _check_file(cid, outer, inner)
    elif inner.type == NodeType.HAMT_SHARD:
        _check_shard(cid, inner)
    elif inner.type == NodeType.METADATA:
        raise ProtocolViolation(f"{cid} is UnixFS metadata, which is not used")
    return outer, inner


def _check_file(cid: Cid, outer: PBNode, inner: UnixFsNode) -> None:
    if len(inner.block_sizes) != len(outer.links):
        raise ProtocolViolation(f"{cid} has {len(outer.links)} links and {len(inner.block_sizes)} sizes")
    if any(link.name for link in outer.links):
        raise ProtocolViolation(f"{cid} is a file whose parts have names")
    whole = len(inner.data or b"") + sum(inner.block_sizes)
    if (inner.size or 0) != whole:
        raise ProtocolViolation(f"{cid} says it has {inner.size or 0} bytes, and its parts have {whole}")


def _check_shard(cid: Cid, inner: UnixFsNode) -> None:
    fanout = inner.fanout or 0
    if not 8 <= fanout <= MAX_FANOUT or fanout & (fanout - 1):
        raise ProtocolViolation(f"{cid} is a shard with fanout {fanout}; a power of two from 8 to {MAX_FANOUT}")
    if inner.hash != MURMUR3:
        raise ProtocolViolation(
            f"{cid} is a shard by hash {inner.hash}; murmur3-x64-64 ({MURMUR3}) is the one there is"
        )
