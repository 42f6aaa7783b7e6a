"""What a node's content can be asked, in every world: ``ContentVerbs``, which the faces speak to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from p2plab.content.bitswap.fetch import Fetch
from p2plab.content.reader import DirectoryEntry, EntryType
from p2plab.content.store import BlockStore, Collected
from p2plab.identity.cid import Cid
from p2plab.text import plural, says
from p2plab.typing import PeerId

__all__ = ["Added", "ContentVerbs", "PeerLedger", "Stat"]


@dataclass(frozen=True, slots=True)
class Stat:
    """What a CID is: its ``type``, the ``size`` of a file (bytes), the ``target`` of a symlink."""

    cid: Cid
    type: EntryType
    size: int | None
    target: str | None


@dataclass(slots=True)
class Added:
    """How far something long has come, in bytes."""

    done: int = 0

    def more(self, size: int) -> None:
        """So many bytes have come."""
        self.done += size


@says
@dataclass(frozen=True, slots=True)
class PeerLedger:
    """What Bitswap gave to a peer and took from it since the node was started: bytes and blocks; ``wants`` is how many
    blocks the peer waits for, ``cut_off`` whether it broke the rules and is not heard for now."""

    peer: PeerId
    sent: int
    received: int
    blocks_sent: int
    blocks_received: int
    wants: int
    cut_off: bool

    def __str__(self) -> str:
        gave, took = plural(self.blocks_sent, "block"), plural(self.blocks_received, "block")
        waits = f"; it waits for {plural(self.wants, 'block')}" if self.wants else ""
        given = f"gave {gave} ({self.sent:,} bytes), took {took} ({self.received:,} bytes)"
        return f"{self.peer!r}: {given}{waits}{'; not heard for now' if self.cut_off else ''}"


class ContentVerbs(Protocol):
    """CIDs are given as text, perhaps with a path of names behind it, ``bafy…/docs/a.txt``."""

    ref: str
    under_way: Added | None

    @property
    def store(self) -> BlockStore: ...

    @property
    def serving(self) -> Any:
        """The gateway at which it answers over HTTP, None while it does not."""

    async def add(self, content: bytes | str, profile: str, pin: bool) -> Cid: ...

    async def cat(self, cid: str, offset: int, length: int | None, limit: int) -> bytes: ...

    async def stat(self, cid: str) -> Stat: ...

    async def ls(self, cid: str, types: bool) -> list[DirectoryEntry]: ...

    async def fetch(self, cid: str, timeout: float | None, pin: bool) -> Fetch:
        """Have all blocks that a CID leads to, here."""

    async def fetch_from(
        self,
        server: str,
        cid: str,
        form: str,
        scope: str,
        span: tuple[int, int | None] | None,
        timeout: float | None,
        pin: bool,
    ) -> Fetch:
        """Have blocks of a trustless gateway here, each verified as it comes."""

    def block(self, cid: str) -> bytes:
        """A block that is here. Raises ContentError."""

    async def import_car(self, path: str, pin: bool) -> list[Cid]: ...

    async def gateway(self, port: int) -> Any: ...

    def stop_gateway(self) -> None: ...

    def ledgers(self) -> list[PeerLedger]: ...

    def wantlist(self) -> list[Cid]: ...

    def put(self, data: bytes, codec: str, hash: str, pin: bool) -> Cid: ...

    def delete(self, cids: Sequence[str]) -> Collected: ...

    def pin(self, cid: str, recursive: bool) -> bool: ...

    def unpin(self, cid: str) -> bool: ...

    def collect(self) -> Collected: ...
