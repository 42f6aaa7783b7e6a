"""Mplex (libp2p/specs mplex/README.md), with which the library deadlocks (remedy "Mplex both ways").

It has no windows: a reader that does not read holds up every stream of the connection, and is reset after five seconds.
That is the protocol's, and is why Yamux is preferred.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import trio
from libp2p.stream_muxer.mplex.datastructures import StreamID
from libp2p.stream_muxer.mplex.mplex import Mplex
from libp2p.stream_muxer.mplex.mplex_stream import MplexStream

from p2plab.real.transports.muxed import MuxedStream, YamuxConnection

__all__ = ["LabMplex", "MplexConnection"]

CREDIT: Final = 64 * 1024  # bytes handed over at once, there being no window to look at


class LabMplex(Mplex):
    """The library's, with streams that can be written while a read of them waits, and one writer at a time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._writing = trio.Lock()

    async def _initialize_stream(self, stream_id: StreamID, name: str) -> MplexStream:
        stream = await super()._initialize_stream(stream_id, name)
        stream.rw_lock = TwoLocks()  # type: ignore[assignment]
        return stream

    async def _handle_reset(self, stream_id: StreamID) -> None:
        # For "tell reset from end": the library wakes whoever reads before it notes why.
        stream = self.streams.get(stream_id)
        if stream is not None:
            stream.event_reset.set()
        await super()._handle_reset(stream_id)

    async def write_to_stream(self, _bytes: bytes) -> None:
        async with self._writing:
            await super().write_to_stream(_bytes)


class TwoLocks:
    """A lock for readers and one for writers, which know nothing of each other."""

    def __init__(self) -> None:
        self._reading = trio.Lock()
        self._writing = trio.Lock()

    @asynccontextmanager
    async def read_lock(self) -> AsyncIterator[None]:
        async with self._reading:
            yield

    @asynccontextmanager
    async def write_lock(self) -> AsyncIterator[None]:
        async with self._writing:
            yield


class MplexConnection(YamuxConnection):
    """Mplex over a secured connection."""

    room = 1 << 30  # it has no bound

    def stream(self, stream: Any) -> MplexStreamView:
        return MplexStreamView(stream)


class MplexStreamView(MuxedStream):
    """A stream of Mplex's. Both ends count the streams that they open; the dialler's are made even here."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        opened_by_dialler = stream.stream_id.is_initiator == stream.muxed_conn.is_initiator
        self.id: int = 2 * stream.stream_id.channel_id + (0 if opened_by_dialler else 1)

    @property
    def credit(self) -> int:
        return CREDIT

    @property
    def was_reset(self) -> bool:
        return bool(self._stream.event_reset.is_set())
