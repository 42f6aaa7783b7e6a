"""The library's muxed connections and streams, seen alike: each muxer of its tells of ends, resets and room in its own
way, or not at all.

``see`` gives the view of a connection, which gives those of its streams. This file has Yamux, by which the others are
measured; they are in files of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import trio

from p2plab.real.pylibp2p.remedies import Remedies
from p2plab.real.transports.ends import Ends, find_ends

__all__ = ["MuxedConnection", "MuxedStream", "YamuxConnection", "YamuxStream", "see"]


ALL = Remedies()


class MuxedStream(Protocol):
    """What is asked of a stream beside reading and writing; a muxer says what is otherwise with it."""

    id: int
    """Its number in the connection, the same at both ends."""

    @property
    def credit(self) -> int:
        """Bytes that may be written without waiting for the peer; a write never gets more than that."""
        ...

    @property
    def was_reset(self) -> bool:
        """Whether the peer reset it."""
        ...

    @property
    def has_ended(self) -> bool:
        """Whether the peer has ended it properly, whatever the library raised."""
        return False  # the library says so itself

    def rest(self) -> bytes:
        """What the library still has of it when it says that it has ended."""
        return b""

    def was_read(self) -> None:
        """Bytes were read here: the peer may get room for more."""
        return

    async def finish(self) -> None:
        """Both directions have ended: let go of it."""
        return

    def waiters(self) -> list[trio.Event]:
        """Whom a reset at this end has to wake, the library not doing so."""
        return []


class MuxedConnection(Protocol):
    """What is asked of a connection."""

    security: str
    muxer: str

    @property
    def ends(self) -> Ends:
        """Its transport and addresses."""
        ...

    @property
    def gone(self) -> trio.Event:
        """Set the moment the connection is unusable."""
        ...

    @property
    def closing(self) -> bool:
        """Whether either end has begun to close it."""
        ...

    @property
    def room(self) -> int:
        """How many streams more this end can open now; the library would wait for room without end."""
        ...

    def stream(self, stream: Any) -> MuxedStream:
        """The view of one of its streams."""
        ...

    async def hang_up(self) -> None:
        """Let go of its socket, without a farewell."""
        ...


def see(muxed: Any, remedies: Remedies = ALL) -> MuxedConnection:
    """The view of a connection of the library's, made when it is first asked for, with the node's remedies."""
    view: MuxedConnection | None = getattr(muxed, "p2plab_view", None)
    if view is None:
        view = muxed.p2plab_view = _kind(muxed)(muxed, remedies)
    return view


def _kind(muxed: Any) -> Callable[[Any, Remedies], MuxedConnection]:
    from libp2p.stream_muxer.mplex.mplex import Mplex
    from libp2p.transport.quic.connection import QUICConnection
    from libp2p.transport.webrtc.connection import WebRTCConnection
    from libp2p.transport.webtransport.connection import WebTransportConnection

    from p2plab.real.transports.mplex import MplexConnection
    from p2plab.real.transports.quic import QuicConnectionView
    from p2plab.real.transports.webrtc import WebRTCConnectionView
    from p2plab.real.transports.webtransport import WebTransportConnectionView

    if isinstance(muxed, WebRTCConnection):
        return WebRTCConnectionView
    if isinstance(muxed, WebTransportConnection):
        return WebTransportConnectionView
    if isinstance(muxed, QUICConnection):
        return QuicConnectionView
    return MplexConnection if isinstance(muxed, Mplex) else YamuxConnection


class YamuxConnection:
    """Yamux over a secured connection."""

    def __init__(self, muxed: Any, remedies: Remedies) -> None:
        self._muxed = muxed
        self.security = _name(getattr(muxed, "negotiated_security_protocol", None))
        self.muxer = _name(getattr(muxed, "negotiated_muxer_protocol", None))
        self.ends = find_ends(muxed)

    @property
    def gone(self) -> trio.Event:
        event: trio.Event = self._muxed.event_closed
        return event

    @property
    def closing(self) -> bool:
        return bool(self._muxed.event_shutting_down.is_set())

    @property
    def room(self) -> int:
        return int(self._muxed.stream_backlog_semaphore.value)

    def stream(self, stream: Any) -> MuxedStream:
        return YamuxStream(stream)

    async def hang_up(self) -> None:
        await self._muxed.secured_conn.close()


class YamuxStream(MuxedStream):
    """A stream of Yamux's."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.id: int = stream.stream_id

    @property
    def credit(self) -> int:
        return max(0, int(self._stream.send_window))

    @property
    def was_reset(self) -> bool:
        return bool(self._stream.reset_received)

    def waiters(self) -> list[trio.Event]:
        # The library forgets the event that a read of the stream waits for without setting it.
        waited_for: trio.Event | None = self._stream.muxed_conn.stream_events.get(self.id)
        return [] if waited_for is None else [waited_for]


def _name(protocol: str | None) -> str:
    """``noise`` of ``/noise``, ``yamux`` of ``/yamux/1.0.0``."""
    return "" if protocol is None else protocol.strip("/").partition("/")[0]
