"""A node's content over HTTP: a trustless gateway, whose answers a client can verify block by block.

What is not here is fetched while it is asked for. Once a CAR has begun there is no status to take back: where a block
is not to be had then, the connection is cut, and the client sees an answer that ends early.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final

from p2plab.content.car import car_header, car_section
from p2plab.content.gateway import Asked, GatewayRefusal, Ipns, below, head_of, ipns_head, request_of
from p2plab.content.reader import resolve
from p2plab.errors import ContentError, LabError, OverloadedError, ProtocolViolation
from p2plab.host.http import HttpReply, HttpService
from p2plab.identity.cid import Cid
from p2plab.identity.keys import parse_peer_id, peer_id_bytes
from p2plab.kademlia.storage.ipns import read_ipns_record

if TYPE_CHECKING:
    from p2plab.host.content.fetching import Fetching
    from p2plab.host.content.service import ContentService

__all__ = ["Gateway", "GatewayResponder"]

ASKING: Final = 30.0  # seconds until the first block has to be here
MAX_BLOCKS: Final = 1_000_000  # of one answer
IPNS_PLACE: Final = b"/ipns/"
TEXT: Final = (("Content-Type", "text/plain; charset=utf-8"), ("Access-Control-Allow-Origin", "*"))

Send = Callable[[Cid, bytes], Awaitable[None]]


class Gateway(HttpService):
    """A node's content over HTTP (ipfs/specs, http-gateways/trustless-gateway)."""

    path = "/ipfs"


class GatewayResponder:
    """Answers requests with blocks."""

    def __init__(self, service: ContentService) -> None:
        self._service = service
        self._host = service.host

    async def respond(
        self, method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes, reply: HttpReply
    ) -> None:
        """Answer one request."""
        asked = request_of(method, target, headers)
        if isinstance(asked, Asked) and asked.local and asked.cid not in self._service.store:
            asked = GatewayRefusal(
                412, f"{asked.cid} is not here, and the request wants nothing that has to be fetched"
            )
        if isinstance(asked, Ipns):
            await self._record(method, target, asked, reply)
        elif isinstance(asked, GatewayRefusal):
            await self._refuse(method, target, asked, reply)
        else:
            with self._service.fetching(str(asked.cid)) as fetching:
                await self._content(method, target, asked, fetching, reply)

    async def _content(self, method: str, target: str, asked: Asked, fetching: Fetching, reply: HttpReply) -> None:
        begun = await self._begun(asked, fetching)
        if isinstance(begun, GatewayRefusal):
            await self._refuse(method, target, begun, reply)
            return
        root, roots, path = begun
        head = head_of(asked, roots)
        self._note(method, target, 304 if asked.unchanged else 200)
        if asked.unchanged:
            await reply.head(304, head)
            await reply.end()
        elif asked.raw:
            await reply.whole(200, head, await fetching.block(root))
        else:
            await reply.head(200, head)
            if method == "GET":
                await self._car(asked, root, path, fetching, reply)
            await reply.end()

    async def _record(self, method: str, target: str, asked: Ipns, reply: HttpReply) -> None:
        """The signed record of an IPNS name, as the node's routers know it."""

        found = await self._ipns(asked)
        if isinstance(found, GatewayRefusal):
            await self._refuse(method, target, found, reply)
            return
        value, seconds = found
        self._note(method, target, 200)
        await reply.whole(200, ipns_head(asked, value, seconds), value)

    async def _ipns(self, asked: Ipns) -> tuple[bytes, float] | GatewayRefusal:
        """A record that is valid, and for how many seconds it may be cached."""
        from p2plab.host.routing import RoutingService

        try:
            place = IPNS_PLACE + peer_id_bytes(parse_peer_id(asked.name))
        except LabError as error:
            return GatewayRefusal(400, f"{asked.name[:80]!r} is no IPNS name: {error}")
        try:
            value = (await RoutingService.of(self._host).answer_get(place, ASKING)).value
            if value is None:
                return GatewayRefusal(404, f"nobody who was asked has a record of /ipns/{asked.name}")
            now = self._host.world.wire_time() / 1e9
            record = read_ipns_record(place, value, now)
        except (LabError, TimeoutError) as error:
            return GatewayRefusal(504, f"/ipns/{asked.name} was not found: {error}")
        return value, min(record.ttl / 1e9, record.expires / 1e9 - now)

    def _note(self, method: str, target: str, status: int) -> None:
        data = {"method": method[:16], "target": target[:200], "status": status}
        self._host.record("content.served", data=data)

    async def _refuse(self, method: str, target: str, why: GatewayRefusal, reply: HttpReply) -> None:
        self._note(method, target, why.status)
        allow = (("Allow", "GET, HEAD"),) if why.status == 405 else ()
        await reply.whole(why.status, (*TEXT, *allow), f"{why.text}\n".encode())

    async def _begun(
        self, asked: Asked, fetching: Fetching
    ) -> tuple[Cid, list[Cid], list[tuple[Cid, bytes]]] | GatewayRefusal:
        """The CID that the path ends at, whose block is here; those that each of its names leads to; and the blocks on
        the way."""
        path: list[tuple[Cid, bytes]] = []
        roots = [asked.cid]

        async def keep(cid: Cid, block: bytes) -> None:
            path.append((cid, block))

        async def find() -> Cid:
            root: Cid = (
                await fetching.walk(resolve(asked.cid, asked.path, roots), took=keep) if asked.path else asked.cid
            )
            await fetching.block(root)
            return root

        try:
            return await self._host.world.runtime.within(ASKING, find), roots, path
        except TimeoutError:
            return GatewayRefusal(504, f"{asked.text} was not found within {ASKING:g} s")
        except ContentError as error:
            missing = fetching.session is not None and fetching.session.failure is not None
            return GatewayRefusal(504 if missing else 404, str(error))
        except ProtocolViolation as error:
            return GatewayRefusal(502, str(error))

    async def _car(
        self, asked: Asked, root: Cid, path: list[tuple[Cid, bytes]], fetching: Fetching, reply: HttpReply
    ) -> None:
        """The blocks that a client needs to verify the path and what it asked for, in the order of a walk."""
        sent: set[bytes] = set()
        count = 0

        async def send(cid: Cid, block: bytes) -> None:
            nonlocal count
            if cid.hash == 0:
                return  # it holds its block itself
            if not asked.duplicates:
                if cid.to_bytes() in sent:
                    return
                sent.add(cid.to_bytes())
            count += 1
            if count > MAX_BLOCKS:
                raise OverloadedError(f"{root} has over {MAX_BLOCKS} blocks, which are more than an answer may have")
            await reply.data(car_section(cid, block))

        await reply.data(car_header([root]))
        for cid, block in path:
            await send(cid, block)
        await fetching.walk(below(root, asked.scope, asked.span, asked.duplicates), took=send)
