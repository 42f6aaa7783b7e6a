"""Content from a server over HTTP, a trustless gateway: nothing it sends is kept before it was verified.

With ``car`` one request brings all blocks, each verified against the walk that it answers (``CarVerifier``); with
``raw`` each block is asked for by its CID. What came before something was wrong stays: it is right by itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from p2plab.constants import TICKS_PER_SECOND
from p2plab.content.bitswap.fetch import Fetch, FetchStep
from p2plab.content.gateway import CarVerifier, answer_walk
from p2plab.content.gateway.request import CAR, RAW
from p2plab.content.gateway.walk import Span
from p2plab.content.links import inline
from p2plab.content.store.memory import MAX_BLOCK
from p2plab.errors import ContentError, LabError, OverloadedError, ProtocolViolation
from p2plab.identity.cid import Cid
from p2plab.text import plural

if TYPE_CHECKING:
    from p2plab.host.content.service import ContentService
    from p2plab.host.http import HttpHead

__all__ = ["Download"]

SILENCE: Final = 30.0  # seconds
SHOWN: Final = 200  # bytes of what a server says of its no
MAX_STEPS: Final = 20_000


class Download:
    """One fetch from one server. ``told`` is given the bytes of each block."""

    def __init__(
        self, service: ContentService, server: str, cid: Cid, path: str, told: Callable[[int], object]
    ) -> None:
        self._service = service
        self._host = service.host
        self._server = server
        self._cid = cid
        self._path = path
        self._told = told
        self._held: list[Cid] = []
        self._started = self._now
        self._steps: list[FetchStep] = []
        self.blocks = self.bytes = self.duplicates = self.local = self.skipped = 0
        self._came: set[bytes] = set()

    @property
    def _now(self) -> float:
        return self._host.world.runtime.ticks() / TICKS_PER_SECOND

    def over(self) -> None:
        """What came is held no longer."""
        for cid in self._held:
            self._service.store.release(cid)
        self._held.clear()

    def result(self, root: Cid, event: int) -> Fetch:
        """What it came to."""
        return Fetch(
            cid=root,
            blocks=self.blocks,
            bytes=self.bytes,
            duplicates=self.duplicates,
            local=self.local,
            started=self._started,
            ended=self._now,
            path=self._steps,
            by=[],
            event=event if event >= 0 else None,
            skipped=self.skipped,
        )

    def failed(self, error: LabError | TimeoutError, timeout: float | None) -> None:
        """Put on record why it broke off. Raises TimeoutError, which says what came, where it took too long."""
        why = str(error) or "it took too long"
        about = {"blocks": self.blocks, "why": why[:300], "server": self._server}
        event = self._service.record("content.not_fetched", self._cid, self.bytes, about)
        if isinstance(error, TimeoutError):
            which = f"{self._cid}/{self._path}" if self._path else str(self._cid)
            raise TimeoutError(
                f"{self._host.name} did not get all of {which} of {self._server} within {timeout:g} s; "
                f"{plural(self.blocks, 'block')} came and stay"
            ) from error
        if error.event is None and event >= 0:
            error.event = event

    def _keep(self, cid: Cid, block: bytes) -> None:
        key = cid.multihash
        if key in self._came:
            self.duplicates += 1
            return
        self._came.add(key)
        store = self._service.store
        if store.put(cid, block):
            store.hold(cid)
            self._held.append(cid)
            self.blocks, self.bytes = self.blocks + 1, self.bytes + len(block)
            self._service.exchange.stored(cid)
        else:
            self.local += 1
        self._told(len(block))

    def _step(self, asked: str, cid: Cid, began: float, answer: str) -> None:
        if len(self._steps) >= MAX_STEPS:
            self.skipped += 1
            return
        self._steps.append(FetchStep(began, None, asked, cid, answer, self._now - began, self._server))

    # -- one request for everything

    async def car(self, scope: str, span: Span | None) -> Cid:
        """All blocks of a scope, as a CAR; the CID that the path ended at."""
        began = self._now
        verifier: CarVerifier | None = None

        def begun(head: HttpHead) -> Callable[[bytes], Awaitable[None]]:
            nonlocal verifier
            twice = _parameters(head, CAR).get("dups") == "y"
            walk = answer_walk(self._cid, self._path, scope, span, twice)
            verifier = found = CarVerifier(walk, twice, self._service.store.get)

            async def take(piece: bytes) -> None:
                for cid, block in found.feed(piece):
                    self._keep(cid, block)

            return take

        where = f"/ipfs/{self._cid}" + (f"/{quote(self._path)}" if self._path else "")
        part = "" if span is None else f"&entity-bytes={span[0]}:{'*' if span[1] is None else span[1]}"
        query = f"?format=car&dag-scope={scope}{part}&car-order=dfs&car-dups=y"
        accept = f"{CAR}; version=1; order=dfs; dups=y"
        await self._ask(where + query, accept, begun)
        assert verifier is not None
        root = verifier.end()
        self._step("car", self._cid, began, f"{verifier.blocks} blocks")
        return root

    # -- a request for each block

    async def raw(self, scope: str, span: Span | None) -> Cid:
        """The same, block by block; those that are here are not asked for."""
        walk = answer_walk(self._cid, self._path, scope, span, twice=False)
        answer: Any = None
        while True:
            try:
                want = walk.send(answer)
            except StopIteration as end:
                root: Cid = end.value
                return root
            answer = inline(want.cid)
            if answer is None:
                answer = self._service.store.get(want.cid)
                if answer is None:
                    answer = await self._block(want.cid)
                elif want.cid.multihash not in self._came:
                    self._came.add(want.cid.multihash)
                    self.local += 1
                    self._told(len(answer))

    async def _block(self, cid: Cid) -> bytes:
        began = self._now
        whole = bytearray()

        async def take(piece: bytes) -> None:
            whole.extend(piece)
            if len(whole) > MAX_BLOCK:
                raise OverloadedError(f"{self._server} answers with over {MAX_BLOCK} bytes for the block {cid}")

        def begun(head: HttpHead) -> Callable[[bytes], Awaitable[None]]:
            _parameters(head, RAW)
            return take

        await self._ask(f"/ipfs/{cid}?format=raw", RAW, begun)
        block = bytes(whole)
        if not cid.verify(block):
            raise ContentError(f"{self._server} gave {len(block)} bytes for {cid}, which have another hash")
        self._keep(cid, block)
        self._step("raw", cid, began, f"{len(block)} bytes")
        return block

    async def _ask(
        self, target: str, accept: str, begun: Callable[[HttpHead], Callable[[bytes], Awaitable[None]]]
    ) -> None:
        """ContentError for an answer that is none, or that is cut off."""
        said = bytearray()
        status = 200

        async def listen(piece: bytes) -> None:
            said.extend(piece[: SHOWN - len(said)])

        def checked(head: HttpHead) -> Callable[[bytes], Awaitable[None]]:
            nonlocal status
            status = head.status
            return begun(head) if status == 200 else listen

        try:
            await self._host.http_stream(self._server + target, [("Accept", accept)], checked, SILENCE)
        except (ContentError, OverloadedError, ProtocolViolation):
            raise
        except LabError as error:
            if type(error) is not LabError:
                raise
            raise ContentError(f"{self._server} did not give {self._cid} to its end: {error}") from error
        if status != 200:
            text = said.decode("utf-8", "replace").strip()
            raise ContentError(f"{self._server} did not give {self._cid}: it answered {status}: {text}")


def _parameters(head: HttpHead, wanted: str) -> dict[str, str]:
    """Those of the answer's type. ContentError where it is of another type than was asked for."""
    given = next((value for name, value in head.headers if name == "content-type"), "")
    kind, *rest = (part.strip() for part in given.split(";"))
    if kind.casefold() != wanted:
        raise ContentError(f"the server answered with {kind[:80]!r}, where {wanted} was asked for")
    return dict(part.split("=", 1) for part in rest if "=" in part)
