"""WebTransport (libp2p/specs webtransport/README.md): the library's transport, with its streams put right.

Remedy "WebTransport streams": see there what it does left to itself.
"""

from __future__ import annotations

import functools
from typing import Any

import trio
from aioquic.quic.events import ConnectionTerminated, QuicEvent, StreamReset
from libp2p.crypto.keys import KeyPair
from libp2p.peer.id import ID
from libp2p.transport.webtransport import WebTransportTransport
from libp2p.transport.webtransport.cert_manager import WebTransportCertManager
from libp2p.transport.webtransport.config import WebTransportConfig
from libp2p.transport.webtransport.connection import WebTransportConnection
from multiaddr import Multiaddr

from p2plab.real.pylibp2p.remedies import Remedies
from p2plab.real.transports.ends import Ends, udp_ends
from p2plab.real.transports.inbox import Inbox
from p2plab.real.transports.muxed import MuxedStream
from p2plab.real.transports.quic import WINDOW, end_at_once, give_room_as_read

__all__ = ["WebTransportConnectionView", "new_webtransport"]


def new_webtransport(keys: KeyPair) -> WebTransportTransport:
    """The transport of one node."""
    certificates = _certificates(ID.from_pubkey(keys.public_key).to_string())
    return _WebTransport(keys.private_key, WebTransportConfig(certificates, idle_timeout=600.0))


class _WebTransport(WebTransportTransport):
    """One that lets go of what it has begun to dial when the dial is cancelled."""

    async def dial(self, maddr: Multiaddr) -> WebTransportConnection:
        try:
            return await super().dial(maddr)
        except BaseException:
            with trio.CancelScope(shield=True):
                for connection in [begun for begun in self._connections if begun._maddr is maddr]:
                    await connection.close()
            raise
        finally:
            self._connections = [connection for connection in self._connections if not connection._closed]


@functools.lru_cache(maxsize=1024)
def _certificates(peer_id: str) -> WebTransportCertManager:
    """A node's certificates, kept for its next life: their hashes are in its addresses."""
    return WebTransportCertManager()


class _Streams(dict[int, Any]):
    """The library's table of streams, in which each gets an ``Inbox`` before anything can arrive for it."""

    def __setitem__(self, number: int, stream: Any) -> None:
        stream._read_send = stream._read_recv = Inbox()
        super().__setitem__(number, stream)


class WebTransportConnectionView:
    """A WebTransport session. Noise, inside, proves who the peer is; QUIC has the streams."""

    security = "noise"
    muxer = "quic"

    def __init__(self, muxed: Any, remedies: Remedies) -> None:
        self._muxed = muxed
        self.resets: set[int] = set()
        self.gone = trio.Event()
        local = muxed._socket.getsockname()[:2]
        self.ends: Ends = udp_ends("webtransport", local, muxed._remote_addr[:2], "/quic-v1/webtransport")
        self._close, self._handle = muxed.close, muxed._handle_quic_event
        muxed.close, muxed._handle_quic_event = self._close_all, self._watch
        muxed._streams = _Streams()
        give_room_as_read(muxed._quic, self._unread)
        end_at_once(muxed._quic)

    @property
    def closing(self) -> bool:
        return bool(self._muxed._closed)

    @property
    def room(self) -> int:
        """As with QUIC."""
        quic = self._muxed._quic
        left: int = quic._remote_max_streams_bidi - quic._local_next_stream_id_bidi // 4
        return left

    def stream(self, stream: Any) -> WebTransportStreamView:
        return WebTransportStreamView(stream, self)

    async def hang_up(self) -> None:
        with trio.CancelScope(shield=True):
            await self._close_all()

    async def _close_all(self) -> None:
        with trio.CancelScope(shield=True):  # it says goodbye
            await self._close()
        self._let_go()

    async def _watch(self, event: QuicEvent) -> None:
        if isinstance(event, StreamReset):
            self.resets.add(event.stream_id)
        await self._handle(event)
        if isinstance(event, ConnectionTerminated):
            if self._muxed._owns_socket:
                self._muxed._socket.close()
            self._let_go()

    def _let_go(self) -> None:
        """Wake whoever waits for the connection."""
        for stream in list(self._muxed._streams.values()):
            stream._read_send.close()
        self.gone.set()

    def _unread(self, number: int) -> int:
        stream = self._muxed._streams.get(number)
        return 0 if stream is None else stream._read_recv.size + len(stream._buf)

    def unsent(self, number: int) -> int:
        """Bytes of a stream that the peer has not acknowledged."""
        stream = self._muxed._quic._streams.get(number)
        return 0 if stream is None else stream.sender._buffer_stop - stream.sender._buffer_start

    def forget(self, number: int) -> None:
        """A stream is over."""
        self._muxed._streams.pop(number, None)
        self.resets.discard(number)


class WebTransportStreamView(MuxedStream):
    """A stream of a WebTransport session."""

    def __init__(self, stream: Any, connection: WebTransportConnectionView) -> None:
        self._stream = stream
        self._connection = connection
        self.id: int = stream.stream_id

    @property
    def credit(self) -> int:
        return max(0, WINDOW - self._connection.unsent(self.id))

    @property
    def was_reset(self) -> bool:
        return self.id in self._connection.resets

    @property
    def has_ended(self) -> bool:
        return bool(self._stream._read_closed and not self.was_reset and not self._connection.closing)

    def rest(self) -> bytes:
        data: bytes = bytes(self._stream._buf) + self._stream._read_recv.drain()
        self._stream._buf.clear()
        return data

    async def finish(self) -> None:
        self._connection.forget(self.id)
