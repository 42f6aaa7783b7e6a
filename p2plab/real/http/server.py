"""A small HTTP/1.1 server on trio: h11 is the protocol, here are the sockets and the bounds.

Rules it lives by:
- A request's head is at most 16 KiB, its body as large as it is told; what is larger is answered 413 or 431 and cut.
- So many connections at a time, each given so long to say something; whoever is one too many is closed at once.
- What answers is awaited; what it raises is reported and answered 500. A peer that goes away ends its own request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import h11
import trio

from p2plab.errors import ConfigurationError

__all__ = ["HttpRequest", "HttpServer", "Reply"]

MAX_HEAD: Final = 16 << 10  # bytes
MAX_CONNECTIONS: Final = 64
IDLE: Final = 30.0  # seconds that a connection may say nothing
PIECE: Final = 1 << 16

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request. ``target`` is the path with its query; names of headers are in lower case."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Reply:
    """How a request is answered: ``whole`` at once, or ``head``, then ``data`` as it comes."""

    def __init__(self, stream: trio.SocketStream, connection: h11.Connection, is_head: bool) -> None:
        self._stream = stream
        self._connection = connection
        self._is_head = is_head  # the request wants no body
        self.begun = False

    async def whole(self, status: int, headers: Headers, body: bytes = b"") -> None:
        """The whole answer."""
        length = () if status == 204 else (("Content-Length", str(len(body))),)
        await self.head(status, [*headers, *length])
        if body and not self._is_head:
            await self.data(body)
        await self.end()

    async def head(self, status: int, headers: Headers) -> None:
        """Status and headers; without a length, what follows is chunked."""
        self.begun = True
        await self._send(h11.Response(status_code=status, headers=list(headers)))

    async def data(self, piece: bytes) -> None:
        """A piece of the body."""
        if not self._is_head:
            await self._send(h11.Data(data=piece))

    async def end(self) -> None:
        """That was all."""
        await self._send(h11.EndOfMessage())

    async def _send(self, event: h11.Event) -> None:
        data = self._connection.send(event)
        if data:
            await self._stream.send_all(data)


Respond = Callable[[str, str, Headers, bytes, Reply], Awaitable[None]]
"""Method, target (the path with its query), headers by names in lower case, body, and how to answer."""


class HttpServer:
    """Listens at ``host`` and ``port`` (0: a free one) while ``run`` runs; ``port`` and ``address`` are then real."""

    def __init__(
        self,
        respond: Respond,
        failed: Callable[[str, Exception], None],
        host: str = "127.0.0.1",
        port: int = 0,
        max_body: int = 16 << 10,
    ) -> None:
        self.host = host
        self.port = port
        self.address = ""
        self._closed = trio.Event()
        self._respond = respond
        self._failed = failed
        self._max_body = max_body
        self._listeners: list[trio.SocketListener] = []
        self._count = 0

    @property
    def is_closed(self) -> bool:
        """Whether it listens no longer."""
        return self._closed.is_set()

    async def listen(self) -> None:
        """Take the port. ConfigurationError where that cannot be."""
        try:
            self._listeners = list(await trio.open_tcp_listeners(self.port, host=self.host))
        except OSError as error:
            raise ConfigurationError(f"{self.host}:{self.port} cannot be listened at: {error}") from error
        self.port = self._listeners[0].socket.getsockname()[1]
        host = f"[{self.host}]" if ":" in self.host else self.host
        self.address = f"http://{host}:{self.port}"

    async def run(self) -> None:
        """Answer until it is closed, or cancelled."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(trio.serve_listeners, self._serve, self._listeners))
                await self._closed.wait()
                nursery.cancel_scope.cancel()
        finally:
            for listener in self._listeners:
                listener.socket.close()
            self._closed.set()

    def close(self) -> None:
        """Listen no longer, and cut what is under way."""
        self._closed.set()

    async def _serve(self, stream: trio.SocketStream) -> None:
        if self._count >= MAX_CONNECTIONS:
            await stream.aclose()
            return
        self._count += 1
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        try:
            while connection.our_state is not h11.MUST_CLOSE:
                if not await self._one(stream, connection):
                    break
                if connection.states != {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
                    break
                connection.start_next_cycle()
        except (trio.BrokenResourceError, trio.ClosedResourceError, h11.LocalProtocolError):
            pass  # the peer has gone in the middle of it
        finally:
            self._count -= 1
            with trio.move_on_after(1.0) as scope:
                scope.shield = True
                await stream.aclose()

    async def _one(self, stream: trio.SocketStream, connection: h11.Connection) -> bool:
        """One request and its answer; whether there may be another."""
        reply = Reply(stream, connection, False)
        try:
            request = await self._request(stream, connection)
        except h11.RemoteProtocolError as error:
            if connection.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                await reply.whole(error.error_status_hint, _PLAIN, f"{error}\n".encode())
            return False
        if request is None:
            return False
        reply = Reply(stream, connection, request.method == "HEAD")
        if len(request.body) > self._max_body:
            await reply.whole(413, [*_PLAIN, ("Connection", "close")], b"the body is too large\n")
            return False
        try:
            await self._respond(request.method, request.target, request.headers, request.body, reply)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise
        except Exception as error:  # noqa: BLE001  # one request's failure is not the server's
            self._failed(f"answering {request.method} {request.target[:80]}", error)
            if not reply.begun:
                await reply.whole(500, _PLAIN, b"it could not be answered\n")
            return False
        return True

    async def _request(self, stream: trio.SocketStream, connection: h11.Connection) -> HttpRequest | None:
        """What a client asks; None: it has gone, or said nothing for too long. h11.RemoteProtocolError."""
        head: h11.Request | None = None
        body = bytearray()
        with trio.move_on_after(IDLE):
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    if connection.they_are_waiting_for_100_continue:
                        go_on = h11.InformationalResponse(status_code=100, headers=[])
                        await stream.send_all(connection.send(go_on) or b"")
                    connection.receive_data(await stream.receive_some(PIECE))
                elif isinstance(event, h11.Request):
                    head = event
                elif isinstance(event, h11.Data):
                    body += event.data
                    if len(body) > self._max_body:
                        return _read(head, bytes(body))
                elif isinstance(event, h11.EndOfMessage):
                    return _read(head, bytes(body))
                else:  # the connection is closed, or waits for the answer that was given
                    return None
        return None


_PLAIN: Final[tuple[tuple[str, str], ...]] = (("Content-Type", "text/plain; charset=utf-8"),)


def _read(head: h11.Request | None, body: bytes) -> HttpRequest | None:
    if head is None:
        return None
    headers: Iterable[tuple[bytes, bytes]] = head.headers
    told = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers)
    return HttpRequest(head.method.decode("latin-1"), head.target.decode("latin-1"), told, body)
