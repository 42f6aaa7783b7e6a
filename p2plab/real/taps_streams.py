"""Every stream of a real node, counted, whoever speaks on it: p2plab's protocols and the library's own."""

from __future__ import annotations

from typing import Any

from libp2p.network.stream.net_stream import NetStream as LibraryStream

from p2plab.real.directory import Directory
from p2plab.real.taps import TappedConn
from p2plab.stream.traffic import Account, Traffic


class MeteredStream(LibraryStream):
    """A stream of the library's that counts what is written and read. It is never made: a stream becomes one."""

    _traffic: Traffic
    _peer: int
    _counted: str | None
    _account: Account

    def _to_count(self) -> Account:
        """The account of the protocol, which a stream has from when it is agreed."""
        if self.protocol_id != self._counted:
            self._counted = self.protocol_id
            self._account = self._traffic.account(self._peer, self.protocol_id or "")
        return self._account

    async def write(self, data: bytes) -> None:
        await super().write(data)
        self._to_count().sent += len(data)

    async def read(self, n: int | None = None) -> bytes:
        data = await super().read(n)
        self._to_count().received += len(data)
        return data


def count(stream: Any, traffic: Traffic, directory: Directory) -> None:
    """Have a new stream of the library's counted, and its frames known as its own."""
    if type(stream) is not LibraryStream:
        return
    # The library makes its streams itself, in the middle of a method; a stream's class can be changed afterwards.
    metered: Any = stream
    metered.__class__ = MeteredStream
    metered._traffic = traffic
    metered._peer = directory.index(directory.peer(stream.muxed_conn.peer_id.to_bytes()))
    metered._counted = None
    metered._account = traffic.account(metered._peer, "")
    secured = getattr(stream.muxed_conn, "secured_conn", None)
    number = getattr(stream.muxed_stream, "stream_id", None)
    if isinstance(secured, TappedConn) and isinstance(number, int):
        secured.streams[number] = stream
