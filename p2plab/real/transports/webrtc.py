"""WebRTC-Direct (libp2p/specs webrtc/webrtc-direct.md): the library's transport on aiortc, with its ends put right.

Remedy "WebRTC's ends": see there what it does left to itself. aiortc lives in an asyncio thread of each node's.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Final

import trio
from libp2p.crypto.keys import KeyPair
from libp2p.peer.id import ID
from libp2p.stream_muxer.exceptions import MuxedStreamEOF
from libp2p.transport.webrtc.certificate import WebRTCCertificate
from libp2p.transport.webrtc.config import WebRTCTransportConfig
from libp2p.transport.webrtc.exceptions import WebRTCStreamError
from libp2p.transport.webrtc.stream import StreamState
from libp2p.transport.webrtc.transport import WebRTCDirectTransport

from p2plab.real.pylibp2p.remedies import Remedies
from p2plab.real.transports.ends import Ends, udp_ends
from p2plab.real.transports.inbox import Inbox
from p2plab.real.transports.muxed import MuxedStream

__all__ = ["WebRTCConnectionView", "new_webrtc"]

WINDOW: Final = 256 * 1024  # bytes of a stream that this end has handed to SCTP and the peer has not taken
UNREAD: Final = 16 * 1024 * 1024  # bytes of a stream that wait to be read, above which it is reset: SCTP has no windows
FAREWELL: Final = 3.0  # seconds that closing a peer connection may take


def new_webrtc(keys: KeyPair) -> WebRTCDirectTransport:
    """The transport of one node."""
    certificate = _certificate(ID.from_pubkey(keys.public_key).to_string())
    return WebRTCDirectTransport(keys.private_key, WebRTCTransportConfig(certificate))


@functools.lru_cache(maxsize=1024)
def _certificate(peer_id: str) -> WebRTCCertificate:
    """A node's certificate, kept for its next life: its hash is in its addresses."""
    return WebRTCCertificate.from_aiortc()


class _Streams(dict[int, Any]):
    """The library's table of streams, in which each is put right before anything can arrive for it. ``early`` is what
    came for streams that are about to be in it: the peer may speak before their opening has returned."""

    def __init__(self, mend: Callable[[Any], None], streams: dict[int, Any]) -> None:
        super().__init__()
        self._mend = mend
        self.early: dict[int, list[bytes]] = {}
        self.last_opened = 0  # even numbers are those of this end's
        for number, stream in streams.items():
            self[number] = stream

    def __setitem__(self, number: int, stream: Any) -> None:
        self._mend(stream)
        super().__setitem__(number, stream)
        for data in self.early.pop(number, ()):
            stream.on_data(data)
        if number % 2 == 0:
            self.last_opened = max(number, self.last_opened)

    def keep(self, number: int, data: bytes) -> bool:
        """Keep what came for a stream that is about to be here; whether that is so."""
        if number in self or number % 2 or number <= self.last_opened:
            return False
        self.early.setdefault(number, []).append(data)
        return True


class WebRTCConnectionView:
    """A peer connection. Noise, over its first data channel, proves who the peer is; the others are streams."""

    security = "noise"
    muxer = "webrtc"
    room = 1 << 30  # the library looks at no bound

    def __init__(self, muxed: Any, remedies: Remedies) -> None:
        self._muxed = muxed
        self.gone = trio.Event()
        self._over = self._going = False
        self._token = trio.lowlevel.current_trio_token()
        # The library keeps aiortc's objects in its callbacks only.
        inside = inspect.getclosurevars(muxed._create_channel_cb).nonlocals
        self._peer_connection, self._channels = inside["pc"], inside["channels"]
        self.ends = _ends(self._peer_connection)
        muxed.close = self._close
        self._route, muxed.on_channel_message = muxed.on_channel_message, self._arrived
        self._route_end, muxed.on_channel_closed = muxed.on_channel_closed, self._channel_gone
        with muxed._streams_lock:
            muxed._streams = _Streams(self._mend, muxed._streams)
        muxed._bridge.loop.call_soon_threadsafe(self._listen)

    @property
    def closing(self) -> bool:
        return self._going or bool(self._muxed._closed)

    def stream(self, stream: Any) -> WebRTCStreamView:
        return WebRTCStreamView(stream, self)

    async def hang_up(self) -> None:
        await self._close()

    def unsent(self, number: int) -> int:
        """Bytes of a stream that SCTP holds."""
        channel = self._channels.get(number)
        return 0 if channel is None else int(channel.bufferedAmount)

    def forget(self, number: int) -> None:
        """A stream is over."""
        with self._muxed._streams_lock:
            self._muxed._streams.pop(number, None)

    def _listen(self) -> None:
        """In aiortc's thread: have the end of the connection told of."""
        connection = self._peer_connection

        def changed() -> None:
            if connection.connectionState in ("closed", "failed"):
                self._in_trio(self._let_go)

        connection.add_listener("connectionstatechange", changed)
        changed()

    def _arrived(self, number: int, data: bytes) -> None:
        """In aiortc's thread: something came for a stream."""
        with self._muxed._streams_lock:
            if self._muxed._streams.keep(number, data):
                return
        self._route(number, data)

    def _channel_gone(self, number: int) -> None:
        """In aiortc's thread: a channel was closed. Where its stream had neither ended nor been reset, that is what is
        first seen of the end of the connection."""
        stream = self._muxed._streams.get(number)
        if stream is not None:
            self._going = self._going or not stream._read_recv.ended
            self._in_trio(stream._fin_ack_received.set)  # which this end may wait for
        self._route_end(number)

    def _in_trio(self, action: Callable[[], None]) -> None:
        try:
            self._token.run_sync_soon(action)
        except trio.RunFinishedError:
            return  # so is the lab

    def _let_go(self) -> None:
        """Wake whoever waits for the connection; the swarm then closes it."""
        self._muxed._closed = True
        self._muxed._established = False
        self._muxed._accept_send.close()
        for stream in list(self._muxed._streams.values()):
            stream._read_send.close()
            stream._fin_ack_received.set()  # which an end at this end waits for
        self.gone.set()

    async def _close(self) -> None:
        if self._over:
            return
        self._over = True
        self._let_go()
        with trio.CancelScope(shield=True, deadline=trio.current_time() + FAREWELL):
            if self._muxed._bridge.is_running:
                await self._muxed._bridge.run_coro(self._muxed._close_pc_cb())

    def _mend(self, stream: Any) -> None:
        """Nothing is dropped, the end is told from a reset, and one direction can end without the other."""
        inbox, arrived = Inbox(), stream._read_recv

        def take(data: bytes) -> None:
            Inbox.send_nowait(inbox, data)
            if inbox.size > UNREAD:
                stream._reset_on_trio_thread()

        async def read(n: int | None = None) -> bytes:
            if not stream._read_buf:
                try:
                    stream._read_buf += await inbox.receive()
                except trio.EndOfChannel:
                    if stream._state == StreamState.RESET or self.closing:
                        # Whoever was given what came before it gets to see that first: all came at once.
                        await trio.lowlevel.checkpoint()
                        await trio.lowlevel.checkpoint()
                        raise WebRTCStreamError("the stream was reset") from None
                    raise MuxedStreamEOF("the peer has ended the stream") from None
            data: bytes = stream._drain_buf(n)
            return data

        while arrived.statistics().current_buffer_used:
            inbox.send_nowait(arrived.receive_nowait())
        vars(inbox)["send_nowait"] = take
        stream._read_send = stream._read_recv = inbox
        stream.read, stream.close_write = read, stream._close_write


class WebRTCStreamView(MuxedStream):
    """A stream. Each end has numbers of its own for them, in the order in which they were opened."""

    def __init__(self, stream: Any, connection: WebRTCConnectionView) -> None:
        self._stream = stream
        self._connection = connection
        opened_here = stream.channel_id % 2 == 0
        by_dialler = opened_here == stream.muxed_conn.is_initiator
        order = stream.channel_id // 2 - 1 if opened_here else stream.channel_id // 2
        self.id: int = 2 * order + (0 if by_dialler else 1)

    @property
    def credit(self) -> int:
        return max(0, WINDOW - self._connection.unsent(self._stream.channel_id))

    @property
    def was_reset(self) -> bool:
        return bool(self._stream._state == StreamState.RESET)

    async def finish(self) -> None:
        self._connection.forget(self._stream.channel_id)


def _ends(connection: Any) -> Ends:
    """Of the pair of candidates that ICE has settled on."""
    pair = connection.sctp.transport.transport._connection._nominated[1]
    local = (pair.local_candidate.host, pair.local_candidate.port)
    return udp_ends("webrtc-direct", local, pair.remote_addr[:2], "/webrtc-direct")
