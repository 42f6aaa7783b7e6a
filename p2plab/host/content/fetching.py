"""Blocks for whoever walks a graph: those that are here at once, the others by Bitswap."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from p2plab.constants import TICKS_PER_SECOND
from p2plab.content.bitswap.fetch import Fetch, FetchStep, Share
from p2plab.content.bitswap.session import Session
from p2plab.content.links import MAX_DEPTH, links_of
from p2plab.content.reader import NeededBlock
from p2plab.errors import ContentError, OverloadedError, ProtocolViolation
from p2plab.identity.cid import HASHES, RAW, Cid

if TYPE_CHECKING:
    from p2plab.host.content.service import ContentService

__all__ = ["BREATH", "Fetching"]

BREATH: Final = 1 << 20  # bytes of blocks after which others of the lab get their turn
AHEAD: Final = 256  # blocks that are asked for before the first of them came
MAX_BLOCKS: Final = 1_000_000  # of one graph


class Fetching:
    """What one verb needs of blocks. A session of Bitswap is opened for the first that is not here; ``over`` ends it.
    What it was given stays until then, whatever garbage is collected."""

    def __init__(self, service: ContentService, root: Cid) -> None:
        self._service = service
        self._host = service.host
        self._root = root
        self._held: list[Cid] = []
        self._bytes = 0
        self.started = self._host.world.runtime.ticks()
        self.session: Session | None = None
        self.local = 0

    # -- one block

    async def block(self, cid: Cid, ahead: Iterable[Cid] = ()) -> bytes:
        """A block; those in ``ahead`` are asked for with it. ContentError where nobody has it."""
        store = self._service.store
        found = store.get(cid)
        if found is None:
            wanted = [cid, *(one for one in ahead if one.verifiable and one not in store)]
            while found is None:
                await self._some(wanted)
                found, wanted = store.get(cid), [cid]
                if found is None:
                    self._check()
        await self._breathe(len(found))
        return found

    async def _some(self, cids: list[Cid]) -> None:
        """Ask for these, and wait until something has come, or all is lost."""
        strange = next((cid for cid in cids if not cid.verifiable), None)
        if strange is not None:  # whoever gave it would be taken for one that breaks the rules
            raise ContentError(
                f"{self._host.name} cannot get {strange}: no block can be checked by its hash, {hex(strange.hash)}; "
                f"known are {', '.join(HASHES)}"
            )
        session = await self._open()
        session.arrived.clear()
        self._check()
        await self._service.exchange.wanted(session, cids)
        for cid in cids:
            if cid.multihash in session.arrived:
                self._service.store.hold(cid)
                self._held.append(cid)

    async def _open(self) -> Session:
        if self.session is None:
            await self._host.awake()
            self._service.use()
            self.session = self._service.exchange.open(self._root)
        return self.session

    async def _breathe(self, size: int) -> None:
        self._bytes += size
        if self._bytes >= BREATH:
            self._bytes = 0
            await self._host.world.runtime.sleep(0)

    def _check(self) -> None:
        if self.session is None or self.session.failure is None:
            return
        error = ContentError(f"{self._host.name} cannot get {self._root}: {self.session.failure}")
        event = self.over("failed")
        error.event = event if event >= 0 else None
        raise error

    # -- many

    async def walk(
        self,
        walk: Any,
        take: Callable[[Any], object] = lambda _: None,
        took: Callable[[Cid, bytes], Awaitable[None]] | None = None,
    ) -> Any:
        """Drive a walk of ``content.reader`` to its end; ``take`` is given what it gives, ``took`` every block that it
        needed."""
        answer = None
        while True:
            try:
                out = walk.send(answer)
            except StopIteration as end:
                return end.value
            answer = await self.block(out.cid, out.next) if isinstance(out, NeededBlock) else None
            if answer is None:
                take(out)
            elif took is not None:
                await took(out.cid, answer)

    async def graph(self, root: Cid, told: Callable[[int], object] = lambda _: None) -> None:
        """Have every block of a graph. ``told`` is given the bytes of each.

        ContentError where one is not to be had, ProtocolViolation for a graph that is too deep or a block that is not
        of its codec, OverloadedError for more than ``MAX_BLOCKS``.
        """
        store = self._service.store
        stack = [(root, 0)]
        seen = {root.to_bytes()}
        waiting: dict[bytes, tuple[Cid, int]] = {}

        def followed(cid: Cid, depth: int, block: bytes) -> None:
            links = links_of(cid, block)
            if links and depth >= MAX_DEPTH:
                raise ProtocolViolation(f"{root} nests deeper than {MAX_DEPTH} blocks")
            for link in reversed(links):
                name = link.to_bytes()
                if name not in seen:
                    seen.add(name)
                    stack.append((link, depth + 1))
            if len(seen) > MAX_BLOCKS:
                raise OverloadedError(f"{root} has over {MAX_BLOCKS} blocks, which are more than are fetched at once")

        while stack or waiting:
            asked: list[Cid] = []
            while stack and len(waiting) < AHEAD:
                cid, depth = stack.pop()
                if cid not in store:
                    if cid.multihash in waiting:
                        continue
                    waiting[cid.multihash] = cid, depth
                    asked.append(cid)
                    continue
                self.local += 1
                size = store.size_of(cid) or 0
                told(size)
                if cid.codec != RAW:
                    followed(cid, depth, store.get(cid) or b"")
                await self._breathe(size)
            if not waiting:
                continue
            await self._some(asked)
            for key in [key for key, (cid, _) in waiting.items() if cid in store]:
                cid, depth = waiting.pop(key)
                block = store.get(cid) or b""
                told(len(block))
                if cid.codec != RAW:
                    followed(cid, depth, block)
            self._check()

    # -- the end

    def over(self, reason: str) -> int:
        """No more is wanted; returns the session's last event, -1 where there was no session."""
        for cid in self._held:
            self._service.store.release(cid)
        self._held.clear()
        session = self.session
        if session is None or session.number not in self._service.exchange.core.sessions:
            return -1
        return self._service.exchange.close(session, reason)

    def result(self, cid: Cid, event: int) -> Fetch:
        """What it came to."""
        named, session = self._host.world.peer_id_at, self.session
        path = [
            FetchStep(
                step[0] / TICKS_PER_SECOND,
                None if step[1] < 0 else named(step[1]),
                step[2],
                step[3],
                step[4],
                None if step[5] is None else step[5] / TICKS_PER_SECOND,
                size=step[6],
            )
            for step in ([] if session is None else session.steps)
        ]
        by = [
            Share(named(peer), about.blocks, about.bytes, about.duplicates)
            for peer, about in ({} if session is None else session.peers).items()
            if about.blocks or about.duplicates
        ]
        return Fetch(
            cid=cid,
            blocks=0 if session is None else session.blocks,
            bytes=0 if session is None else session.bytes,
            duplicates=0 if session is None else session.duplicates,
            local=self.local,
            started=self.started / TICKS_PER_SECOND,
            ended=self._host.world.runtime.ticks() / TICKS_PER_SECOND,
            path=path,
            by=by,
            event=event if event >= 0 else None,
            skipped=0 if session is None else session.skipped,
        )
