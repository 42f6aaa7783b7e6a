"""WebSocket and secure WebSocket (libp2p/specs websockets/README.md), over the library's TCP listener.

Remedy "WebSockets with addresses": the library's own transport is not used.
"""

from __future__ import annotations

import ssl
from functools import partial
from typing import Any

import trio
from libp2p.abc import IRawConnection, ITransport
from libp2p.custom_types import THandler
from libp2p.io.exceptions import ConnectionClosedError
from libp2p.io.trio import TrioTCPStream
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.transport.exceptions import OpenConnectionError
from libp2p.transport.tcp.tcp import TCPListener
from multiaddr import Multiaddr
from trio_websocket import (
    ConnectionClosed,
    HandshakeError,
    WebSocketConnection,
    wrap_client_stream,
    wrap_server_stream,
)

from p2plab.identity.address import parse_address
from p2plab.real.transports.certificate import client_context, server_context
from p2plab.real.transports.ends import Ends, Refused, socket_ends

__all__ = ["WebSocketTransport"]

LARGEST = 4 * 1024 * 1024  # bytes of a message; what libp2p peers write at once is far smaller
QUEUE = 16  # messages that wait for the reader before the peer is made to wait
FAREWELL = 1.0  # seconds that a peer has to answer a close frame
HANDSHAKE = 10.0  # seconds that a stranger has to become a WebSocket

AnyStream = trio.SocketStream | trio.SSLStream


class WebSocketTransport(ITransport):
    """One of the two: ``name`` is ``ws`` or ``wss``. ``refused(address, error)`` is told of connections that came in
    and did not become WebSockets."""

    def __init__(self, name: str, refused: Refused) -> None:
        self.name = name
        self._refused = refused
        self._nursery: trio.Nursery | None = None

    def set_background_nursery(self, nursery: trio.Nursery) -> None:
        """Called by the swarm when it runs."""
        self._nursery = nursery

    async def dial(self, maddr: Multiaddr) -> IRawConnection:
        address = parse_address(str(maddr))
        if self._nursery is None or address.host is None or address.port is None:
            raise OpenConnectionError(f"{maddr} cannot be dialled as a WebSocket")
        stream: AnyStream = await trio.open_tcp_stream(address.host, address.port)
        try:
            ends = socket_ends(self.name, stream)
            if self.name == "wss":
                stream = _secured(stream, client_context(), address.host)
            host = f"[{address.host}]" if ":" in address.host else address.host
            opened: WebSocketStream = await self._nursery.start(_kept, stream, f"{host}:{address.port}", ends)
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return RawConnection(opened, True)

    def create_listener(self, handler_function: THandler) -> WebSocketListener:
        return WebSocketListener(self.name, handler_function, self._refused)

    def can_dial(self, maddr: Multiaddr) -> bool:
        return parse_address(str(maddr)).transport == self.name

    def can_listen(self, maddr: Multiaddr) -> bool:
        return self.can_dial(maddr)

    def protocols(self) -> list[str]:
        return ["ws", "wss"]


async def _kept(stream: AnyStream, host: str, ends: Ends, task_status: Any) -> None:
    """Become a WebSocket's client, and read for it until it ends.

    Before it is one, whatever goes wrong is raised to the dialler. Afterwards reads and writes say it: in the swarm's
    own nursery it would end the node, at a word of whoever was dialled that is no WebSocket's."""
    opened: WebSocketStream | None = None
    try:
        async with trio.open_nursery() as nursery:
            socket = await wrap_client_stream(
                nursery, stream, host, "/", message_queue_size=QUEUE, max_message_size=LARGEST
            )
            opened = WebSocketStream(socket, stream, ends)
            task_status.started(opened)
    except Exception as error:
        if opened is None:
            raise
        opened.broken = error
        await trio.aclose_forcefully(stream)


class WebSocketListener(TCPListener):
    """A TCP listener that makes WebSockets of what comes in."""

    def __init__(self, name: str, handler: THandler, refused: Refused) -> None:
        super().__init__(partial(self._upgrade, handler))
        self._name = name
        self._refused = refused

    def get_addrs(self) -> tuple[Multiaddr, ...]:
        tail = "/tls/ws" if self._name == "wss" else "/ws"
        return tuple(Multiaddr(f"{address}{tail}") for address in super().get_addrs())

    async def _upgrade(self, handler: THandler, raw: TrioTCPStream) -> None:
        stream: AnyStream = raw.stream
        ends = socket_ends(self._name, stream)
        if self._name == "wss":
            stream = _secured(stream, server_context(), None)
        try:
            # The connection's reader ends when the connection does, and so does the handler.
            async with trio.open_nursery() as nursery:
                try:
                    with trio.fail_after(HANDSHAKE):
                        request = await wrap_server_stream(
                            nursery, stream, message_queue_size=QUEUE, max_message_size=LARGEST
                        )
                        socket = await request.accept()
                except Exception as error:  # noqa: BLE001  # whatever a stranger's bytes bring about
                    self._refused(ends.remote, error)
                else:
                    await handler(WebSocketStream(socket, stream, ends))
                nursery.cancel_scope.cancel()
        finally:
            await trio.aclose_forcefully(stream)


class WebSocketStream(TrioTCPStream):
    """The bytes that cross a WebSocket, as binary messages. ``broken``: what ended its reader, if something did."""

    broken: Exception | None = None

    def __init__(self, socket: WebSocketConnection, stream: AnyStream, ends: Ends) -> None:
        self.ends = ends
        self._socket = socket
        self._under = stream
        self._rest = b""
        self._cached_remote_address = ends.remote_socket
        self.read_lock = trio.Lock()
        self.write_lock = trio.Lock()

    async def read(self, n: int | None = None) -> bytes:
        if n == 0:
            return b""
        async with self.read_lock:
            while not self._rest:
                try:
                    message = await self._socket.get_message()
                except (ConnectionClosed, trio.ClosedResourceError) as error:
                    raise ConnectionClosedError("the WebSocket is closed", transport="websocket") from (
                        self.broken or error
                    )
                self._rest = message if isinstance(message, bytes) else message.encode()
            data, self._rest = (self._rest, b"") if n is None else (self._rest[:n], self._rest[n:])
            return data

    async def write(self, data: bytes) -> None:
        async with self.write_lock:
            try:
                await self._socket.send_message(data)
            except (ConnectionClosed, trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise ConnectionClosedError("the WebSocket is closed", transport="websocket") from self.broken or error

    async def close(self) -> None:
        try:
            with trio.move_on_after(FAREWELL):
                await self._socket.aclose()
        except (trio.BrokenResourceError, trio.ClosedResourceError, HandshakeError):
            pass  # it was gone already
        finally:
            await trio.aclose_forcefully(self._under)


def _secured(stream: AnyStream, context: ssl.SSLContext, host: str | None) -> trio.SSLStream:
    return trio.SSLStream(stream, context, server_hostname=host, server_side=host is None, https_compatible=True)
