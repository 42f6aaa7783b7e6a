"""QUIC (libp2p/specs quic/README.md): the library's transport, with its streams put right."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import MethodType
from typing import Any, Final

import trio
from aioquic.quic.connection import MAX_STREAM_DATA_FRAME_CAPACITY, QuicConnection
from aioquic.quic.packet import QuicFrameType
from libp2p.crypto.keys import KeyPair
from libp2p.transport.quic.config import QUICTransportConfig
from libp2p.transport.quic.transport import QUICTransport
from multiaddr import Multiaddr

from p2plab.identity.address import parse_address
from p2plab.real.pylibp2p.remedies import NEGOTIATION_TIMEOUT, Remedies
from p2plab.real.taps.keys import log_quic_keys
from p2plab.real.transports.ends import Ends, udp_ends

__all__ = ["QuicConnectionView", "new_quic"]

DRAIN: Final = 0.3  # seconds: some round trips of the loopback
WINDOW: Final = 256 * 1024  # bytes of a stream that are under way or unread, as with Yamux


def new_quic(keys: KeyPair, remedies: Remedies, key_log: Path | None = None) -> QUICTransport:
    """The transport of one node, whose connections' secrets go into ``key_log``."""
    config = QUICTransportConfig(
        enable_draft29=False,
        NEGOTIATE_TIMEOUT=NEGOTIATION_TIMEOUT,
        STREAM_FLOW_CONTROL_WINDOW=WINDOW,
        STREAM_SEND_BUFFER_HIGH_WATERMARK=2 * WINDOW,  # never reached: writers look at ``credit``
        STREAM_SEND_BUFFER_LOW_WATERMARK=WINDOW,
    )
    if remedies.on("QUIC streams that wait"):
        config.STREAM_READ_TIMEOUT = config.STREAM_WRITE_TIMEOUT = math.inf
    transport = _Quic(keys.private_key, config)
    log_quic_keys(transport, key_log)
    return transport


class _Quic(QUICTransport):
    """One that does not take WebTransport's addresses for its own."""

    def can_dial(self, maddr: Multiaddr) -> bool:
        return parse_address(str(maddr)).transport == "quic-v1"

    def can_listen(self, maddr: Multiaddr) -> bool:
        return self.can_dial(maddr)


class QuicConnectionView:
    """A QUIC connection, which is its own security and muxer."""

    security = "tls"
    muxer = "quic"

    def __init__(self, muxed: Any, remedies: Remedies) -> None:
        self._muxed = muxed
        self._remedies = remedies
        self._terminated = False
        self.ends = _ends(muxed)
        self.keeps_ends = remedies.on("the rest of a QUIC stream")
        if remedies.on("tell reset from end"):
            self._watch_for_the_end()
        if remedies.on("QUIC streams in order"):
            self._open_in_order()
        if remedies.on("windows of QUIC streams"):
            give_room_as_read(muxed._quic, self._unread)

    @property
    def gone(self) -> trio.Event:
        event: trio.Event = self._muxed._closed_event
        return event

    @property
    def closing(self) -> bool:
        return self._terminated or bool(self._muxed._closed)

    @property
    def room(self) -> int:
        """As many as the peer has said that it takes (RFC 9000, section 4.6)."""
        left: int = self._muxed._quic._remote_max_streams_bidi - self._muxed._next_stream_id // 4
        return left

    def stream(self, stream: Any) -> QuicStreamView:
        return QuicStreamView(stream, self)

    async def hang_up(self) -> None:
        muxed = self._muxed
        muxed._closed = True
        if muxed._socket is not None:
            if self._remedies.on("goodbye for QUIC"):
                await self._say_goodbye()
            if muxed._owns_socket:
                muxed._socket.close()
        muxed._closed_event.set()

    def _open_in_order(self) -> None:
        """Have QUIC know of a stream as soon as it has its number, not when something is first sent on it."""
        muxed, open_stream = self._muxed, self._muxed.open_stream

        async def open_and_tell(timeout: float | None = None) -> Any:
            stream = await open_stream(timeout)
            muxed._quic._get_or_create_stream_for_send(int(stream.stream_id))
            return stream

        muxed.open_stream = open_and_tell

    async def drain(self) -> None:
        """Say goodbye, and stay for what is still on its way: the library would take that for a new connection (RFC
        9000, section 10.2)."""
        await self._say_goodbye()
        await trio.sleep(DRAIN)

    async def _say_goodbye(self) -> None:
        """Tell the peer that the connection is closed, whatever is cancelled: nobody else would."""
        self._muxed._quic.close()
        with trio.CancelScope(shield=True):
            await self._muxed._transmit()

    def _watch_for_the_end(self) -> None:
        """For "tell reset from end": whichever end closes the connection, the library ends its streams first."""
        muxed, close, terminated = self._muxed, self._muxed.close, self._muxed._handle_connection_terminated

        async def close_at_once() -> None:
            if not muxed._closed:
                await self._say_goodbye()
            await close()

        async def handle(event: Any) -> None:
            self._terminated = True
            await terminated(event)

        muxed.close, muxed._handle_connection_terminated = close_at_once, handle
        end_at_once(muxed._quic)

    def _unread(self, number: int) -> int:
        stream = self._muxed._streams.get(number)
        return 0 if stream is None else len(stream._receive_buffer)

    def has_room_to_give(self, number: int) -> bool:
        """Whether news of a larger window should not wait."""
        return has_room_to_give(self._muxed._quic, number)

    def stir(self) -> None:
        """Have the connection send what there is to be sent."""
        self._muxed._signal_activity()


class QuicStreamView:
    """A stream of a QUIC connection."""

    def __init__(self, stream: Any, connection: QuicConnectionView) -> None:
        self._stream = stream
        self._connection = connection
        self.id = int(stream.stream_id)

    @property
    def credit(self) -> int:
        return max(0, WINDOW - int(self._stream.send_buffer_size()))

    @property
    def was_reset(self) -> bool:
        return bool(self._stream.is_reset())

    @property
    def has_ended(self) -> bool:
        stream = self._stream
        ended = stream._read_closed and not stream.is_reset() and not self._connection.closing
        return bool(ended and self._connection.keeps_ends)

    def rest(self) -> bytes:
        if not self._connection.keeps_ends:
            return b""
        data = bytes(self._stream._receive_buffer)
        self._stream._receive_buffer.clear()
        return data

    def was_read(self) -> None:
        if self._connection.has_room_to_give(self.id):
            self._connection.stir()

    async def finish(self) -> None:
        await self._stream.close()

    def waiters(self) -> list[trio.Event]:
        return [self._stream._receive_event, self._stream._backpressure_event]


def give_room_as_read(quic: QuicConnection, unread: Callable[[int], int]) -> None:
    """Have the peer's windows of streams grow as bytes are read, not as they arrive. ``unread`` tells how many bytes of
    a stream have arrived and were not read."""

    def write_limits(quic: QuicConnection, builder: Any, space: Any, stream: Any) -> None:
        limit = stream.receiver.starting_offset() - unread(stream.stream_id) + WINDOW
        if stream.max_stream_data_local and limit >= stream.max_stream_data_local + WINDOW // 4:
            stream.max_stream_data_local = limit
        if stream.max_stream_data_local_sent != stream.max_stream_data_local:
            frame = builder.start_frame(
                QuicFrameType.MAX_STREAM_DATA,
                capacity=MAX_STREAM_DATA_FRAME_CAPACITY,
                handler=quic._on_max_stream_data_delivery,
                handler_args=(stream,),
            )
            frame.push_uint_var(stream.stream_id)
            frame.push_uint_var(stream.max_stream_data_local)
            stream.max_stream_data_local_sent = stream.max_stream_data_local

    quic._write_stream_limits = MethodType(write_limits, quic)  # type: ignore[method-assign]


def has_room_to_give(quic: QuicConnection, number: int) -> bool:
    """Whether the peer has used up most of a stream's window, so that news of a larger one should not wait."""
    stream: Any = quic._streams.get(number)
    return stream is not None and stream.max_stream_data_local - stream.receiver.starting_offset() < WINDOW // 2


def end_at_once(quic: QuicConnection) -> None:
    """Have the end of a connection that the peer closes noticed when it comes, not after the draining period: nothing
    that could still come is wanted."""
    begin = quic._close_begin

    def begin_closing(is_initiator: bool, now: float) -> None:
        begin(is_initiator, now)
        if not is_initiator:
            quic._close_end()

    quic._close_begin = begin_closing  # type: ignore[method-assign]


def _ends(muxed: Any) -> Ends:
    local = ("0.0.0.0", 0) if muxed._socket is None else muxed._socket.getsockname()[:2]
    return udp_ends("quic-v1", local, muxed._remote_addr[:2], "/quic-v1")
