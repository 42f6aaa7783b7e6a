"""A node's content over HTTP: a trustless gateway, whose answers a client can verify block by block.

What is not here is fetched while it is asked for. Once a CAR has begun there is no status to take back: where a block
is not to be had then, the connection is cut, and the client sees an answer that ends early.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from p2plab.content.car import car_header, car_section
from p2plab.content.gateway import Asked, Refused, head_of, request_of
from p2plab.content.links import MAX_DEPTH, links_of
from p2plab.content.reader import Want, list_directory, read_file, resolve, stat
from p2plab.errors import ContentError, OverloadedError, ProtocolViolation
from p2plab.host.http import HttpReply, HttpService
from p2plab.identity.cid import DAG_PB, RAW, Cid

if TYPE_CHECKING:
    from p2plab.host.content.fetching import Fetching
    from p2plab.host.content.service import ContentService

__all__ = ["Gateway", "GatewayResponder"]

ASKING: Final = 30.0  # seconds until the first block has to be here
MAX_BLOCKS: Final = 1_000_000  # of one answer
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
            asked = Refused(412, f"{asked.cid} is not here, and the request wants nothing that has to be fetched")
        if isinstance(asked, Refused):
            await self._refuse(method, target, asked, reply)
            return
        with self._service.fetching(str(asked.cid)) as fetching:
            begun = await self._begun(asked, fetching)
            if isinstance(begun, Refused):
                await self._refuse(method, target, begun, reply)
                return
            root, path = begun
            head = head_of(asked, root)
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

    def _note(self, method: str, target: str, status: int) -> None:
        data = {"method": method[:16], "target": target[:200], "status": status}
        self._host.record("content.served", data=data)

    async def _refuse(self, method: str, target: str, why: Refused, reply: HttpReply) -> None:
        self._note(method, target, why.status)
        allow = (("Allow", "GET, HEAD"),) if why.status == 405 else ()
        await reply.whole(why.status, (*TEXT, *allow), f"{why.text}\n".encode())

    async def _begun(self, asked: Asked, fetching: Fetching) -> tuple[Cid, list[tuple[Cid, bytes]]] | Refused:
        """The CID that the path ends at, whose block is here, and the blocks on the way to it."""
        path: list[tuple[Cid, bytes]] = []

        async def keep(cid: Cid, block: bytes) -> None:
            path.append((cid, block))

        async def find() -> Cid:
            root: Cid = await _drive(fetching, resolve(asked.cid, asked.path), keep) if asked.path else asked.cid
            await fetching.block(root)
            return root

        try:
            return await self._host.world.runtime.within(ASKING, find), path
        except TimeoutError:
            return Refused(504, f"{asked.text} was not found within {ASKING:g} s")
        except ContentError as error:
            missing = fetching.session is not None and fetching.session.failure is not None
            return Refused(504 if missing else 404, str(error))
        except ProtocolViolation as error:
            return Refused(502, str(error))

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
            if cid != root:
                await send(cid, block)
        if asked.scope == "all":
            await _everything(fetching, root, asked.duplicates, send)
        elif asked.scope == "entity" and root.codec in (DAG_PB, RAW):
            await _entity(fetching, root, asked.span, send)
        else:
            await send(root, await fetching.block(root))


async def _drive(fetching: Fetching, walk: Any, took: Send) -> Any:
    """Drive a walk of ``content.reader`` to its end; ``took`` is given every block that it needed."""
    answer = None
    while True:
        try:
            out = walk.send(answer)
        except StopIteration as end:
            return end.value
        answer = None
        if isinstance(out, Want):
            answer = await fetching.block(out.cid, out.next)
            await took(out.cid, answer)


async def _entity(fetching: Fetching, root: Cid, span: tuple[int, int | None] | None, send: Send) -> None:
    """A file's blocks, or those of it that hold the span; of a directory, those that list it."""
    kind, size, _ = await fetching.walk(stat(root))
    if kind == "file":
        first, last = span or (0, None)
        size = size or 0
        begins = max(0, size + first) if first < 0 else min(first, size)
        ends = size if last is None else (size + last + 1 if last < 0 else min(last + 1, size))
        if ends > begins or size == 0:
            await _drive(fetching, read_file(root, begins, max(0, ends - begins)), send)
            return
    elif kind == "directory":
        await _drive(fetching, list_directory(root), send)
        return
    await send(root, await fetching.block(root))


async def _everything(fetching: Fetching, root: Cid, duplicates: bool, send: Send) -> None:
    """All blocks below, each before those that it names. ProtocolViolation for a graph that is too deep."""
    seen: set[bytes] = set()
    stack: list[list[Cid]] = [[root]]  # what is left to do at each depth, the next last
    while stack:
        if not stack[-1]:
            stack.pop()
            continue
        cid = stack[-1].pop()
        if not duplicates and cid.to_bytes() in seen:
            continue
        seen.add(cid.to_bytes())
        block = await fetching.block(cid, tuple(reversed(stack[-1][-32:])))
        await send(cid, block)
        links = links_of(cid, block)
        if links:
            if len(stack) >= MAX_DEPTH:
                raise ProtocolViolation(f"{root} nests deeper than {MAX_DEPTH} blocks")
            stack.append(links[::-1])
