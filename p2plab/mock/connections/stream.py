"""Streams on a mock connection, with Yamux's credit windows (yamux/README.md).

The sender may have at most a window of unread bytes under way; the reader gives credit back as it reads. Frames of all
streams of a connection share its pipe and arrive in the order sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from p2plab.mock.connections.line import CREDIT, DATA, END, RESET
from p2plab.mock.driver.tasks import Signal
from p2plab.stream.errors import StreamError
from p2plab.stream.flow.window import ReceiveWindow, SendWindow
from p2plab.stream.priorities import WEIGHTS
from p2plab.stream.traffic import Account
from p2plab.typing import Connection, Direction, Timer

if TYPE_CHECKING:
    from p2plab.admission.ledger import Admitted
    from p2plab.mock.connections.connection import MockConnection

HEADER = 12  # bytes of a Yamux frame's header
FRAME = 16 * 1024  # bytes of payload in one frame, as rust-yamux cuts them, so that streams of one node take turns


CONTROL = WEIGHTS["control"]
STALLED = 60.0  # seconds of lab time after which two writers that wait for each other are told so


class MockStream:
    """Implements ``p2plab.host.HostStream``."""

    __slots__ = (
        "_arrivals",
        "_buffer",
        "_changed",
        "_departures",
        "_end",
        "_ended_here",
        "_ended_there",
        "_failed",
        "_stall",
        "_stalled",
        "_stopped",
        "_turned_away",
        "_waits_to_write",
        "account",
        "carries_objects",
        "direction",
        "entry",
        "id",
        "protocol",
        "twin",
        "weight",
        "when_gone",
    )
    twin: MockStream

    def __init__(self, end: MockConnection, id: int, direction: Direction, weight: int = CONTROL) -> None:
        self.id = id
        self.protocol = ""  # until one is agreed
        self.direction = direction
        self.account = Account()  # of nobody's: a handshake is no stream
        self.weight = weight  # its share of a busy line, see stream.priorities
        self._end = end
        self._buffer = bytearray()
        window = end.host.world.stream_window
        self._departures = SendWindow(window)
        self._arrivals = ReceiveWindow(window)
        self._ended_here = False
        self._ended_there = False
        self._stopped = False
        self._failed: str | None = None
        self._changed: Signal | None = None
        self._waits_to_write = self._stalled = False
        self.carries_objects = False  # the peer's pubsub stream, opened by its node: its RPCs come beside it
        self._stall: Timer | None = None  # runs while both ends wait to write
        self._turned_away = -1  # the event that says what the other end had against it
        self.entry: Admitted | None = None  # what it takes, where the node counts that
        self.when_gone: Callable[[str], None] | None = None  # told why, when it is torn down under its user

    @property
    def connection(self) -> Connection:
        return self._end.info

    @property
    def home(self) -> MockConnection:
        """The end of the connection that this end of the stream lives on."""
        return self._end

    @property
    def queued(self) -> int:
        """Bytes that have arrived and were not read yet."""
        return self._arrivals.queued

    @property
    def credit(self) -> int:
        """Bytes that may still be sent before the reader must read."""
        return self._departures.credit

    @property
    def turned_away(self) -> int | None:
        """The event that says what the other end had against it."""
        return None if self._turned_away < 0 else self._turned_away

    def turn_away(self, event: int) -> None:
        """Let the other end know."""
        self.twin._turned_away = event

    def agreed(self, protocol: str) -> None:
        """The protocol is agreed: what is sent from now on counts as its."""
        self.protocol, self.account = protocol, self._end.host.traffic.account(self._end.peer, protocol)

    async def refused(self) -> None:
        """It has ended at both ends already."""

    # -- reading

    async def receive(self, limit: int) -> bytes:
        while not self._buffer:
            self._check()
            if self._stopped:
                raise StreamError("cancelled", "this end stopped reading the stream")
            if self._ended_there:
                return b""
            await self._wait()
        data = bytes(self._buffer[:limit])
        del self._buffer[:limit]
        self._was_read(len(data))
        return data

    def _was_read(self, count: int) -> None:
        self._moved()
        update = self._arrivals.read(count)
        if update and not self._ended_there and self._failed is None:
            self._end.send(0, self.twin._on_credit, update, self.id, self.weight, CREDIT)

    # -- writing

    async def send(self, data: bytes) -> None:
        view = memoryview(data)
        while True:
            self._check()
            if self._ended_here:
                raise StreamError("closed", "this end has closed the stream for writing")
            if not len(view):
                return
            count = self._departures.take(min(len(view), FRAME))
            if count:
                self.account.sent += count
                self._end.send(count, self.twin._on_data, bytes(view[:count]), self.id, self.weight, DATA)
                view = view[count:]
            else:
                await self._wait_to_write(len(view))

    async def _wait_to_write(self, left: int) -> None:
        self._waits_to_write = True
        if self.twin._waits_to_write and self._stall is None and self.twin._stall is None:
            self._stall = self._end.host.world.runtime.timer(STALLED, self._give_up)
        try:
            await self._wait()
        finally:
            self._waits_to_write = False
        if self._stalled:
            self._stalled = False
            raise StreamError(
                "deadline",
                f"both ends of the stream wait to write, and neither reads: nothing has moved for {STALLED:g} s, and "
                f"{left:,} bytes are left here; read at one end while the other writes, or write less than a window",
            )

    def _give_up(self) -> None:
        self._stall = None
        for end in (self, self.twin):
            if end._waits_to_write:
                end._stalled = True
                end._wake()

    def _moved(self) -> None:
        """Something was read, so that the two do not only wait for each other."""
        for end in (self, self.twin):
            if end._stall is not None:
                end._stall.cancel()
                end._stall = None

    async def end(self) -> None:
        if not self._ended_here and self._failed is None:
            self._ended_here = True
            self._end.send(0, self.twin._on_end, None, self.id, self.weight, END)
            self._wake()
            self._forget_if_closed()

    async def stop(self) -> None:
        self._stopped = True
        self._was_read(len(self._buffer))
        self._buffer.clear()
        self._wake()
        self._forget_if_closed()

    async def reset(self) -> None:
        if self._failed is None:
            self._end.send(0, self.twin._on_reset, None, self.id, self.weight, RESET)
            self._fail("this end reset the stream", "reset here")

    # -- what arrives

    def on_open(self, _: None) -> None:
        """The first frame: the peer has opened this stream."""
        self._end.host.stream_arrived(self)

    def _on_data(self, data: bytes) -> None:
        if self._failed is None:
            self.account.received += len(data)
            self._arrivals.arrived(len(data))
            if self._stopped:
                self._was_read(len(data))
            else:
                self._buffer += data
                self._wake()

    def _on_credit(self, count: int) -> None:
        self._departures.update(count)
        self._wake()

    def _on_end(self, _: None) -> None:
        self._ended_there = True
        self._wake()
        self._forget_if_closed()

    def _on_reset(self, _: None) -> None:
        # Behind whoever reads what arrived before it: that a handler raised does not unsay what was agreed.
        world, peer = self._end.host.world, self._end.peer
        world.clock.soon(lambda _, __: self._fail(f"{world.peer_id_at(peer)!r} reset the stream", "reset by peer"))

    def connection_lost(self) -> None:
        """The connection is gone: everything waiting on the stream fails."""
        self._fail("the connection under the stream was closed", "connection closed")

    # -- state

    def _check(self) -> None:
        if self._failed is not None:
            error = StreamError("reset", self._failed)
            error.event = self.turned_away
            raise error

    def _fail(self, why: str, reason: str) -> None:
        if self._failed is None:
            self._failed = why
            self._moved()
            self._buffer.clear()
            self._wake()
            self._forget()
            if self.when_gone is not None:
                self.when_gone(reason)

    def _forget_if_closed(self) -> None:
        if self._ended_here and (self._ended_there or self._stopped):
            self._forget()

    def _forget(self) -> None:
        self._end.remove_stream(self)

    async def _wait(self) -> None:
        if self._changed is None or self._changed.is_set:
            self._changed = Signal(self._end.host.world.clock)
        await self._changed.wait()

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set()
