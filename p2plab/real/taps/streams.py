"""Every stream of a real node, counted, whoever speaks on it; those that the library speaks on itself are recorded.

The library answers identify and ping, and has pubsub's streams; p2plab's own streams record themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from libp2p.custom_types import TProtocol
from libp2p.network.stream.net_stream import NetStream as LibraryStream
from libp2p.rcmgr import Direction

from p2plab.events import EventLog
from p2plab.real.connections.directory import Directory
from p2plab.real.connections.trail import StreamOpened
from p2plab.real.taps.frames import TappedConn
from p2plab.stream.traffic import Account, Traffic


class StreamTap:
    """One node's, with this index in the log. ``answers`` says whether p2plab answers a protocol itself."""

    def __init__(self, log: EventLog, directory: Directory, index: int, answers: Callable[[str], bool]) -> None:
        self.traffic = Traffic()
        self._log = log
        self._directory = directory
        self._index = index
        self._answers = answers

    def opened(self, stream: Any) -> None:
        """The library has a new stream, whose protocol is not known yet."""
        if type(stream) is not LibraryStream:
            return
        # The library makes its streams itself, in the middle of a method; a stream's class can be changed afterwards.
        metered: Any = stream
        metered.__class__ = MeteredStream
        metered.tap = self
        metered.peer = self._directory.index(self._directory.peer(stream.muxed_conn.peer_id.to_bytes()))
        metered.account = self.traffic.account(metered.peer, "")
        secured = getattr(stream.muxed_conn, "secured_conn", None)
        number = getattr(stream.muxed_stream, "stream_id", None)
        if isinstance(secured, TappedConn) and isinstance(number, int):
            metered.place = StreamOpened(secured.wire.connection, number)
            secured.streams[number] = metered
            if metered.muxed_stream.is_initiator:
                self._directory.trail.leave(metered.place, self._log.cause)

    def agreed(self, stream: MeteredStream, protocol: str) -> None:
        """The library has agreed on a protocol."""
        inbound = stream._direction == Direction.INBOUND
        if inbound and self._answers(protocol):
            return
        stream.recorded = True
        data = {"protocol": protocol, "direction": "inbound" if inbound else "outbound", **stream.number}
        cause = self._directory.trail.follow(stream.place) if inbound and stream.place is not None else None
        self._log.record("stream.opened", self._index, stream.peer, data=data, cause=cause)

    def closed(self, stream: Any) -> None:
        """A stream is gone. Of what ends with its connection, the connection's end is told."""
        if isinstance(stream, MeteredStream) and stream.recorded:
            stream.recorded = False
            if not stream.muxed_conn.is_closed:
                data = {"protocol": str(stream.protocol_id), **stream.number}
                self._log.record("stream.closed", self._index, stream.peer, data=data)


class MeteredStream(LibraryStream):
    """A stream of the library's that counts what is written and read. It is never made: a stream becomes one."""

    tap: StreamTap
    peer: int
    account: Account
    place: StreamOpened | None = None  # what its other end's trail is found by
    recorded = False

    @property
    def number(self) -> dict[str, int]:
        """Its number in the connection, as events have it, where Yamux gave it one."""
        return {} if self.place is None else {"stream": self.place.stream}

    def set_protocol(self, protocol_id: TProtocol) -> None:
        self.has_protocol(protocol_id)
        self.tap.agreed(self, protocol_id)

    def has_protocol(self, protocol: TProtocol) -> None:
        """From now on it counts as this protocol's."""
        self.protocol_id = protocol
        self.account = self.tap.traffic.account(self.peer, protocol)

    async def write(self, data: bytes) -> None:
        await super().write(data)
        self.account.sent += len(data)

    async def read(self, n: int | None = None) -> bytes:
        data = await super().read(n)
        self.account.received += len(data)
        return data
