"""Content: files as blocks that are named by their hash; and what verbs of ``node.content`` give, as rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typing_extensions import TypedDict

from p2plab.commands.arguments import About, Payload, Words
from p2plab.commands.rows import row_of
from p2plab.commands.running import finished
from p2plab.commands.table import command
from p2plab.errors import ValidationError

if TYPE_CHECKING:
    from p2plab.api.aio.node import AsyncNode
    from p2plab.content.bitswap import Fetch
    from p2plab.content.holders import ContentHolders
    from p2plab.content.reader import DirectoryEntry
    from p2plab.content.store import Collected
    from p2plab.content.verbs import PeerLedger
    from p2plab.identity.cid import Cid


class Cids(TypedDict):
    cids: list[str]
    count: int


class OneCid(TypedDict):
    cid: str


class EntryRow(TypedDict):
    """An entry of a directory; size in bytes, type file, directory or symlink."""

    name: str
    cid: str
    size: int | None
    type: str | None


class Entries(TypedDict):
    entries: list[EntryRow]
    count: int


class CollectedRow(TypedDict):
    """What was thrown away."""

    blocks: int
    bytes: int


class FileResult(TypedDict):
    path: str


class FetchRow(TypedDict):
    """A fetch: blocks and bytes that came, blocks that came once more, blocks that were here; and who gave how many."""

    cid: str
    blocks: int
    bytes: int
    duplicates: int
    local: int
    seconds: float
    by: dict[str, int]
    why: str


@row_of("Fetch")
def fetch_row(fetch: Fetch) -> FetchRow:
    return FetchRow(
        cid=str(fetch.cid),
        blocks=fetch.blocks,
        bytes=fetch.bytes,
        duplicates=fetch.duplicates,
        local=fetch.local,
        seconds=fetch.duration,
        by={share.peer.name or str(share.peer): share.blocks for share in fetch.by},
        why=fetch.why(),
    )


class LedgerRow(TypedDict):
    """What was given to a peer and taken from it, in bytes and blocks, and how many blocks it waits for."""

    peer: str
    sent: int
    received: int
    blocks_sent: int
    blocks_received: int
    wants: int
    cut_off: bool


class Ledgers(TypedDict):
    ledgers: list[LedgerRow]


@row_of("list[PeerLedger]")
def ledger_rows(ledgers: list[PeerLedger]) -> Ledgers:
    rows = [
        LedgerRow(
            peer=one.peer.name or str(one.peer),
            sent=one.sent,
            received=one.received,
            blocks_sent=one.blocks_sent,
            blocks_received=one.blocks_received,
            wants=one.wants,
            cut_off=one.cut_off,
        )
        for one in ledgers
    ]
    return Ledgers(ledgers=rows)


class HolderRow(TypedDict):
    """What a node has of a graph."""

    name: str
    blocks: int
    bytes: int
    whole: bool
    pinned: bool


class HoldersRow(TypedDict):
    """Who has what of a graph: how many blocks it has, and how many of them nobody has."""

    cid: str
    blocks: int
    missing: int
    holders: list[HolderRow]


@row_of("ContentHolders")
def holders_row(found: ContentHolders) -> HoldersRow:
    rows = [
        HolderRow(name=one.name, blocks=one.blocks, bytes=one.bytes, whole=one.whole, pinned=one.pinned)
        for one in found
    ]
    return HoldersRow(cid=str(found.cid), blocks=found.blocks, missing=found.missing, holders=rows)


@row_of("Cid")
def cid_row(cid: Cid) -> OneCid:
    return OneCid(cid=str(cid))


@row_of("list[Cid]")
def cid_rows(cids: list[Cid]) -> Cids:
    return Cids(cids=[str(cid) for cid in cids], count=len(cids))


@row_of("list[DirectoryEntry]")
def entry_rows(entries: list[DirectoryEntry]) -> Entries:
    rows = [EntryRow(name=one.name, cid=str(one.cid), size=one.size, type=one.type) for one in entries]
    return Entries(entries=rows, count=len(rows))


@row_of("Collected")
def collected_row(gone: Collected) -> CollectedRow:
    return CollectedRow(blocks=gone.blocks, bytes=gone.bytes)


@row_of("Path")
def path_row(path: Path) -> FileResult:
    return FileResult(path=str(path))


class AddedRow(TypedDict):
    """What was added: its CID, and how many blocks and bytes the node has now."""

    cid: str
    blocks: int
    size: int


class BlocksRow(TypedDict):
    """The blocks of a node: how many, their bytes, and which are pinned (with what they lead to, or alone)."""

    blocks: int
    size: int
    pins: dict[str, bool]


@command(examples=["content_add alice data=hello"])
async def content_add(
    node: AsyncNode,
    data: Payload | None = None,
    path: Annotated[str | None, About("instead of data: the path of a file or folder to add", "file")] = None,
    profile: Annotated[Words, About("unixfs-v1-2025, or unixfs-v0-2015 (what ipfs add does)")] = "unixfs-v1-2025",
) -> AddedRow:
    """Make blocks of bytes, a file or a folder, and keep them; nothing is sent."""
    if (data is None) == (path is None):
        raise ValidationError("content_add takes data or path, one of the two")
    content: Any = path if data is None else data.encode() if isinstance(data, str) else data
    cid = await finished(node.content.add(content, profile=profile, progress=False))
    return AddedRow(cid=str(cid), blocks=len(node.content.blocks), size=node.content.blocks.size)


@command(examples=["content_blocks alice"])
def content_blocks(node: AsyncNode) -> BlocksRow:
    """Show how many blocks a node has, their size, and what is pinned."""
    blocks = node.content.blocks
    pins = {str(cid): recursive for cid, recursive in blocks.pins.items()}
    return BlocksRow(blocks=len(blocks), size=blocks.size, pins=pins)
