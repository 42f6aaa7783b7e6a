"""A node's content routing served over HTTP (IPIP-337, 417, 484): what a request asks, its routers are asked.

Those of its routers that ask over HTTP themselves are left out, so that no question goes round in a circle.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from p2plab.errors import LabError, ValidationError
from p2plab.host.http import HttpReply
from p2plab.identity.address import parse_address
from p2plab.kademlia.storage.ipns import read_ipns_record
from p2plab.routing.delegated import (
    DelegatedRequest,
    DelegatedResponse,
    RoutingRecord,
    answer_with,
    ipns_answer,
    question_of,
    record_line,
    refused,
    stream_head,
)
from p2plab.routing.router import RouterFinding
from p2plab.typing import PeerInfo

if TYPE_CHECKING:
    from p2plab.host.routing.service import RoutingService

__all__ = ["RoutingResponder"]

ASKING: Final = 20.0  # seconds that the routers are given for a question
BITSWAP: Final = "/ipfs/bitswap"


class RoutingResponder:
    """Answers requests with what a node's routers say."""

    def __init__(self, service: RoutingService) -> None:
        self._service = service
        self._host = service.host

    async def respond(
        self, method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes, reply: HttpReply
    ) -> None:
        """Answer one request."""
        asked = question_of(method, target, headers, body)
        status = 200
        if isinstance(asked, DelegatedRequest) and asked.streamed and method == "GET":
            self._note(method, target, status)
            await self._stream(asked, reply)
            return
        answer = asked if isinstance(asked, DelegatedResponse) else await self._answer(asked)
        self._note(method, target, answer.status)
        await reply.whole(answer.status, answer.headers, answer.body)

    def _note(self, method: str, target: str, status: int) -> None:
        self._host.record("routing.served", data={"method": method[:16], "target": target[:200], "status": status})

    async def _answer(self, asked: DelegatedRequest) -> DelegatedResponse:
        try:
            if asked.kind == "ipns":
                return await self._ipns(asked)
            if asked.kind == "put_ipns":
                return await self._put(asked)
            return answer_with(asked, map(self._record, await self._found(asked)))
        except ValidationError as error:
            return refused(422, str(error))
        except LabError as error:
            return refused(503, str(error))

    async def _found(self, asked: DelegatedRequest) -> list[PeerInfo]:
        """All that a question about providers or peers finds."""
        if asked.kind == "closest":
            return (await self._host.dht_verbs.closest_peers(asked.place)).peers
        if asked.kind == "providers":
            assert asked.cid is not None
            return (await self._service.answer_providers(asked.cid, 100, ASKING)).providers
        assert asked.peer is not None
        if asked.peer == self._host.peer_id:
            return [PeerInfo(self._host.name, self._host.peer_id, list(self._host.addresses))]
        found = (await self._service.answer_peer(asked.peer, ASKING)).peer
        return [] if found is None else [found]

    async def _stream(self, asked: DelegatedRequest, reply: HttpReply) -> None:
        """A line for each record, as the routers answer."""
        runtime = self._host.world.runtime
        waiting: list[PeerInfo] = []
        told: set[str] = set()
        news = [runtime.waiter()]
        over: list[str] = []

        def found(finding: RouterFinding) -> None:
            waiting.extend(finding.providers or (() if finding.peer is None else (finding.peer,)))
            news[0].set()

        async def ask() -> None:
            try:
                if asked.kind == "providers":
                    assert asked.cid is not None
                    await self._service.answer_providers(asked.cid, 0, ASKING, found)
                else:
                    waiting.extend(await self._found(asked))
            except LabError as error:
                over.append(str(error))
            finally:
                over.append("")
                news[0].set()

        head = stream_head()
        await reply.head(head.status, head.headers)
        self._host.spawn(ask, f"{self._host.name} answering a stream")
        while True:
            await news[0].wait()
            news[0] = runtime.waiter()
            lines = []
            for info in waiting:
                if str(info.peer_id) not in told:
                    told.add(str(info.peer_id))
                    line = record_line(asked, self._record(info))
                    lines += [] if line is None else [line]
            waiting.clear()
            if lines:
                await reply.data(b"".join(lines))
            if over:
                break
        await reply.end()

    async def _ipns(self, asked: DelegatedRequest) -> DelegatedResponse:
        value = (await self._service.answer_get(asked.place, ASKING)).value
        if value is None:
            return ipns_answer(None)
        now = self._host.world.wire_time() / 1e9
        record = read_ipns_record(asked.place, value, now)
        return ipns_answer(value, min(record.ttl / 1e9, record.expires / 1e9 - now))

    async def _put(self, asked: DelegatedRequest) -> DelegatedResponse:
        read_ipns_record(asked.place, asked.body, self._host.world.wire_time() / 1e9)
        stored = await self._service.answer_put(asked.place, asked.body, ASKING)
        return DelegatedResponse(200, stream_head().headers[-3:]) if stored.found else refused(503, stored.why())

    def _record(self, info: PeerInfo) -> RoutingRecord:
        """A peer as a record: its addresses without its id, and whether it speaks Bitswap."""
        bases = [parse_address(address).base for address in info.addresses]
        speaks = any(protocol.startswith(BITSWAP) for protocol in info.protocols)
        return RoutingRecord(info.peer_id, tuple(bases), ("transport-bitswap",) if speaks else ())
