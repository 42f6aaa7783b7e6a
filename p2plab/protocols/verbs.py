"""The verbs of a host that are made of its streams and handlers alone: written once, for every world's hosts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol, TypeVar

from p2plab.constants import MAX_RESPONSE, PERF_ID
from p2plab.protocols.perf import Throughput, answer_perf, measure
from p2plab.protocols.request_response import Answer, RequestHandler, ask
from p2plab.stream import NetStream, Priority, StreamHandler

__all__ = ["ProtocolVerbs"]

T = TypeVar("T")

TIMEOUT: Final = 10.0  # seconds for a response, with the dial before it
LONG: Final = 300.0  # seconds for a measurement


class _InWorld(Protocol):
    """What waiting needs of a host."""

    world: Any


class _Host(_InWorld, Protocol):
    """What the verbs need of one."""

    async def in_time(self, verb: str, peer: str, seconds: float, action: Callable[[], Awaitable[T]]) -> T: ...

    async def open_stream(
        self, peer: str, protocols: Sequence[str], lazy: bool = False, priority: Priority | None = None
    ) -> NetStream: ...

    def handle(
        self, protocol: str, handler: StreamHandler, features: Sequence[str] = (), priority: Priority | None = None
    ) -> None: ...


class ProtocolVerbs:
    """A part of ``p2plab.worlds.Host``."""

    async def in_time(self: _InWorld, verb: str, peer: str, seconds: float, action: Callable[[], Awaitable[T]]) -> T:
        """What ``action`` gives; TimeoutError, which names the verb and the peer, where that takes longer."""
        try:
            result: T = await self.world.runtime.within(seconds, action)
        except TimeoutError as error:
            known = self.world.find(peer)
            raise TimeoutError(f"{verb} {peer if known is None else known.name}: {error}") from error
        return result

    async def request(
        self: _Host,
        peer: str,
        protocols: Sequence[str],
        data: bytes,
        timeout: float | None = None,
        limit: int = MAX_RESPONSE,
    ) -> bytes:
        """See ``Node.request``."""

        async def exchange() -> bytes:
            stream = await self.open_stream(peer, protocols)
            began = stream.opened_at
            response = await ask(stream, data, limit)
            seconds = round(self.world.runtime.now() - began, 9)
            told = {"protocol": stream.protocol, "request": len(data), "seconds": seconds}
            stream.record("request.answered", size=len(response), data=told)
            return response

        return await self.in_time("request to", peer, TIMEOUT if timeout is None else timeout, exchange)

    def handle_request(self: _Host, protocol: str, answer: Answer, limit: int) -> None:
        """See ``Node.handle_request``."""
        self.handle(protocol, RequestHandler(answer, limit))

    async def perf(self: _Host, peer: str, upload: int, download: int, timeout: float | None = None) -> Throughput:
        """See ``Node.perf``."""
        other = self.world.find(peer)
        if other is not None and other.running and PERF_ID not in other.protocols():
            other.handle(PERF_ID, answer_perf)  # a node of this lab is asked to, so it does

        async def one() -> Throughput:
            stream = await self.open_stream(peer, [PERF_ID])
            found = await measure(stream, upload, download, self.world.runtime)
            told = {
                "upload": upload,
                "download": download,
                "upload seconds": round(found.upload_seconds, 9),
                "download seconds": round(found.download_seconds, 9),
            }
            stream.record("perf.measured", size=upload + download, data=told)
            return found

        return await self.in_time("perf with", peer, LONG if timeout is None else timeout, one)
