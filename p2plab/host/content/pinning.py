"""Pinning for others: a node that has such a role keeps what its peers ask it to keep, and announces it.

``/p2plab/pin/1.0.0`` is p2plab's own: one request and one answer a stream, each a message of JSON. The request is
``{"cid": "bafy…"}``; the answer ``{"pinned": true, "blocks": n, "bytes": n}``, or ``{"pinned": false, "why": "…"}``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from p2plab.content.links import depth_first
from p2plab.errors import ContentError, LabError, ProtocolViolation
from p2plab.host.content import ContentService
from p2plab.host.routing import RoutingService
from p2plab.host.service import HostService
from p2plab.identity.cid import Cid, as_cid
from p2plab.stream import NetStream
from p2plab.text import plural

if TYPE_CHECKING:
    from p2plab.host.host import Host

__all__ = ["PIN_ID", "Pinned", "PinningService"]

PIN_ID: Final = "/p2plab/pin/1.0.0"
MAX_REQUEST: Final = 512  # bytes
MAX_ANSWER: Final = 1_024
FETCHING: Final = 120.0  # seconds that the content is fetched for
MAX_KEPT: Final = 100_000  # roots


@dataclass(frozen=True, slots=True)
class Pinned:
    """What another node keeps from now on. ``blocks`` and ``bytes`` are those of the whole graph."""

    peer: str
    cid: Cid
    blocks: int
    bytes: int

    def __str__(self) -> str:
        return f"{self.peer} keeps {self.cid}: {plural(self.blocks, 'block')}, {plural(self.bytes, 'byte')}"


class PinningService(HostService):
    """``kept`` is what it keeps for others: bytes by root. ``room`` is how many bytes it has for that (None: any)."""

    kind = "pinning"

    def __init__(self, host: Host[Any]) -> None:
        super().__init__(host)
        self.kept: dict[Cid, int] = {}
        self.room: int | None = None
        self.announces = False

    def offer(self, room: int | None, announces: bool) -> None:
        """Keep what others ask for, from now on."""
        self.room, self.announces = room, announces
        self.host.handle(PIN_ID, self._answer)

    def withdraw(self) -> None:
        """Keep nothing more for others; what is kept stays."""
        self.host.remove_handler(PIN_ID)

    # -- being asked

    async def _answer(self, stream: NetStream) -> None:
        data = await stream.read_message(MAX_REQUEST)
        if data is None:
            return  # it asked nothing
        cid = _requested(data)
        try:
            blocks, size = await self._keep(cid, stream)
        except (LabError, TimeoutError) as error:
            self._note("pin.refused", stream, cid, {"text": str(error)[:300]})
            told: dict[str, Any] = {"pinned": False, "why": str(error)[:300]}
        else:
            self._note("pin.kept", stream, cid, {"blocks": blocks, "bytes": size})
            told = {"pinned": True, "blocks": blocks, "bytes": size}
        await stream.write_message(json.dumps(told).encode())

    async def _keep(self, cid: Cid, stream: NetStream) -> tuple[int, int]:
        """Fetch, pin and announce. ContentError where there is no room."""
        host, content = self.host, ContentService.of(self.host)
        if len(self.kept) >= MAX_KEPT:
            raise ContentError(f"{host.name} keeps {MAX_KEPT} roots for others already")
        others = sum(size for root, size in self.kept.items() if root != cid)
        await content.fetch(str(cid), FETCHING, True)
        sizes = [len(block) for _, block in depth_first(cid, content.store.get) if block is not None]
        blocks, size = len(sizes), sum(sizes)
        if self.room is not None and others + size > self.room:
            content.unpin(str(cid))
            raise ContentError(
                f"{host.name} has room for {self.room} bytes of others', {others} of them taken, and {cid} has {size}"
            )
        self.kept[cid] = size
        if self.announces:
            await RoutingService.of(host).provide(str(cid))
        return blocks, size

    def _note(self, kind: str, stream: NetStream, cid: Cid, data: dict[str, Any]) -> None:
        world = self.host.world
        world.events.record(kind, self.host.index, world.index_of(stream.peer), ref=str(cid), data=data)

    # -- asking

    async def ask(self, peer: str, cid: str, timeout: float | None) -> Pinned:
        """Have a peer keep something. ContentError where it does not."""
        which = as_cid(cid)
        ContentService.of(self.host).use()  # it may have to come from here
        return await self.host.world.runtime.within(timeout, partial(self._ask, peer, which))

    async def _ask(self, peer: str, cid: Cid) -> Pinned:
        async with await self.host.open_stream(peer, [PIN_ID]) as stream:
            await stream.write_message(json.dumps({"cid": str(cid)}).encode())
            data = await stream.read_message(MAX_ANSWER)
            told = _read(data or b"")
            name = stream.peer.name or stream.peer.short
        if told.get("pinned") is not True:
            why = told.get("why")
            raise ContentError(f"{name} does not keep {cid}: {why if isinstance(why, str) else 'it does not say why'}")
        blocks, size = told.get("blocks"), told.get("bytes")
        if type(blocks) is not int or type(size) is not int or blocks < 0 or size < 0:
            raise ProtocolViolation(f"{name} says that it keeps {cid}, and does not say how much that is")
        return Pinned(name, cid, blocks, size)


def _requested(data: bytes) -> Cid:
    """The CID of a request. Raises ProtocolViolation."""
    given = _read(data).get("cid")
    if not isinstance(given, str):
        raise ProtocolViolation("a request to pin names no CID")
    try:
        return as_cid(given)
    except LabError as error:
        raise ProtocolViolation(f"a request to pin names no CID: {error}") from error


def _read(data: bytes) -> dict[str, Any]:
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ProtocolViolation("what was said of a pin is no JSON") from error
    if not isinstance(told, dict):
        raise ProtocolViolation("what was said of a pin is no JSON object")
    return told
