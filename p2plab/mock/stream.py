"""Streams on a mock connection, with Yamux's credit windows (yamux/README.md).

The sender may have at most a window of unread bytes under way; the reader gives credit back as it reads. Frames of all
streams of a connection share its pipe and arrive in the order sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from p2plab.mock.tasks import Signal
from p2plab.stream.errors import StreamError
from p2plab.typing import Connection, Direction

if TYPE_CHECKING:
    from p2plab.mock.connection import End
    from p2plab.stream.multistream import Dialler

HEADER = 12  # bytes of a Yamux frame's header
WINDOW = 256 * 1024  # bytes a sender may be ahead of the reader: Yamux's initial window
FRAME = 64 * 1024  # bytes of payload in one frame, so that streams of one connection take turns


class MockStream:
    """Implements ``p2plab.stream.RawStream``."""

    __slots__ = (
        "_buffer",
        "_changed",
        "_credit",
        "_end",
        "_ended_here",
        "_ended_there",
        "_failed",
        "_owed",
        "_stopped",
        "direction",
        "id",
        "protocol",
        "twin",
        "unconfirmed",
        "when_gone",
    )
    twin: MockStream

    def __init__(self, end: End, id: int, direction: Direction) -> None:
        self.id = id
        self.protocol = ""
        self.direction = direction
        self._end = end
        self._buffer = bytearray()
        self._credit = WINDOW
        self._owed = 0  # bytes read here for which no credit was given back yet
        self._ended_here = False
        self._ended_there = False
        self._stopped = False
        self._failed: str | None = None
        self._changed: Signal | None = None
        self.unconfirmed: Dialler | None = None  # a lazy negotiation whose answer was not read yet
        self.when_gone: Callable[[str], None] | None = None  # told why, when it is torn down under its user

    @property
    def connection(self) -> Connection:
        return self._end.info()

    @property
    def home(self) -> End:
        """The end of the connection that this end of the stream lives on."""
        return self._end

    @property
    def queued(self) -> int:
        """Bytes that have arrived and were not read yet."""
        return len(self._buffer)

    @property
    def credit(self) -> int:
        """Bytes that may still be sent before the reader must read."""
        return self._credit

    # -- reading

    async def receive(self, limit: int) -> bytes:
        if self.unconfirmed is not None:
            from p2plab.mock.negotiation import confirm

            machine, self.unconfirmed = self.unconfirmed, None
            await confirm(self, machine)
        return await self.receive_raw(limit)

    def unread(self, data: bytes) -> None:
        """Put back what was received too much of."""
        self._buffer[:0] = data

    async def receive_raw(self, limit: int) -> bytes:
        """``receive``, also while the protocol is being negotiated."""
        while not self._buffer:
            self._check()
            if self._stopped:
                raise StreamError("cancelled", "this end stopped reading the stream")
            if self._ended_there:
                return b""
            await self._wait()
        data = bytes(self._buffer[:limit])
        del self._buffer[:limit]
        self._give_credit(len(data))
        return data

    def _give_credit(self, count: int) -> None:
        self._owed += count
        if self._owed >= WINDOW // 2 and not self._ended_there and self._failed is None:
            self._end.send(0, self.twin._on_credit, self._owed, self.id)
            self._owed = 0

    # -- writing

    async def send(self, data: bytes) -> None:
        view = memoryview(data)
        while True:
            self._check()
            if self._ended_here:
                raise StreamError("closed", "this end has closed the stream for writing")
            if not len(view):
                return
            if self._credit:
                count = min(len(view), self._credit, FRAME)
                self._credit -= count
                self._end.send(count, self.twin._on_data, bytes(view[:count]), self.id)
                view = view[count:]
            else:
                await self._wait()

    async def end(self) -> None:
        if not self._ended_here and self._failed is None:
            self._ended_here = True
            self._end.send(0, self.twin._on_end, None, self.id)
            self._wake()
            self._forget_if_closed()

    async def stop(self) -> None:
        self._stopped = True
        self._give_credit(len(self._buffer))
        self._buffer.clear()
        self._wake()
        self._forget_if_closed()

    async def reset(self) -> None:
        if self._failed is None:
            self._end.send(0, self.twin._on_reset, None, self.id)
            self._fail("this end reset the stream", "reset here")

    # -- what arrives

    def _on_data(self, data: bytes) -> None:
        if self._failed is None:
            if self._stopped:
                self._give_credit(len(data))
            else:
                self._buffer += data
                self._wake()

    def _on_credit(self, count: int) -> None:
        self._credit += count
        self._wake()

    def _on_end(self, _: None) -> None:
        self._ended_there = True
        self._wake()
        self._forget_if_closed()

    def _on_reset(self, _: None) -> None:
        self._fail("the peer reset the stream", "reset by peer")

    def connection_lost(self) -> None:
        """The connection is gone: everything waiting on the stream fails."""
        self._fail("the connection under the stream was closed", "connection closed")

    # -- state

    def _check(self) -> None:
        if self._failed is not None:
            raise StreamError("reset", self._failed)

    def _fail(self, why: str, reason: str) -> None:
        if self._failed is None:
            self._failed = why
            self._buffer.clear()
            self._wake()
            self._forget()
            if self.when_gone is not None:
                self.when_gone(reason)

    def _forget_if_closed(self) -> None:
        if self._ended_here and (self._ended_there or self._stopped):
            self._forget()

    def _forget(self) -> None:
        if self._end.streams is not None:
            self._end.streams.pop(self.id, None)

    async def _wait(self) -> None:
        if self._changed is None or self._changed.is_set:
            self._changed = Signal(self._end.host.world.clock)
        await self._changed.wait()

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set()
