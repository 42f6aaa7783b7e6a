"""``RawStream`` over a stream of py-libp2p's.

Rules it lives by:
- The library's reads and writes are never cut short: a task of the host's reads ahead into a bounded buffer, writes
  are shielded. Whoever waits here waits for our own signals, and may be cancelled at any point.
- A read that is cancelled loses nothing. A write that is cancelled half way resets the stream.
- The stream fails with ``reset`` when either end reset it or its connection went, which the library reports as an end.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

import trio
from libp2p.custom_types import TProtocol
from libp2p.network.stream.exceptions import StreamEOF
from libp2p.network.stream.net_stream import NetStream as LibraryStream

from p2plab.real.connections.trail import StreamRefused, Trail
from p2plab.real.pylibp2p.remedies import Remedies
from p2plab.real.taps.streams import MeteredStream
from p2plab.real.transports.muxed import see
from p2plab.stream import StreamError
from p2plab.stream.flow.gate import FairGate
from p2plab.typing import Connection, Direction

if TYPE_CHECKING:
    from p2plab.admission.ledger import Admitted

AHEAD: Final = 256 * 1024  # bytes read ahead of the reader, after which the peer's window is left to fill up
CHUNK: Final = 64 * 1024
WINDOW_WAIT: Final = 0.005  # seconds between two looks at a full window: Yamux has no event for it

Start = Callable[[Callable[[], Coroutine[Any, Any, None]], str], bool]


class RealStream:
    """Implements ``p2plab.host.HostStream``. ``start`` runs a task that ends with the node's stack; ``gate`` is the
    connection's, which the stream passes with its ``weight`` (see ``stream.priorities``)."""

    def __init__(
        self,
        stream: LibraryStream,
        connection: Connection,
        direction: Direction,
        start: Start,
        gate: FairGate,
        weight: int,
        remedies: Remedies,
        trail: Trail | None = None,
        connection_ended: Callable[[], int] | None = None,
    ) -> None:
        self._muxed = see(stream.muxed_conn)
        self._view = self._muxed.stream(stream.muxed_stream)
        self.id: int = self._view.id
        self.protocol = str(stream.get_protocol() or "")
        self.direction: Direction = direction
        self.connection = connection
        self._stream = stream
        self._start = start
        self._gate = gate
        self._remedies = remedies
        self._trail = trail
        self._connection_ended = connection_ended  # the event behind the end of its connection, or -1
        self.weight = weight
        self.entry: Admitted | None = None  # what it takes, where the node counts that
        self._buffer = bytearray()
        self._changed = trio.Event()
        self._has_room = trio.Event()
        self._peer_has_ended = False
        self._has_ended = False
        self._stopped = False
        self._gone: StreamError | None = None
        self.when_gone: Callable[[str], None] | None = None  # told the reason when the far end or the connection failed
        if not start(self._read_ahead, "reading a stream"):
            self._fail(_went_down())

    def agreed(self, protocol: str) -> None:
        """Note the protocol that p2plab has negotiated on it, where the library cannot know."""
        if isinstance(self._stream, MeteredStream):
            self._stream.has_protocol(TProtocol(protocol))

    @property
    def muxed_stream(self) -> Any:
        """The muxer's own stream."""
        return self._stream.muxed_stream

    @property
    def over(self) -> bool:
        """Whether it has ended in both directions."""
        return self._gone is not None or (self._has_ended and self._peer_has_ended)

    @property
    def turned_away(self) -> int | None:
        """The event that says what the other end had against it, or what ended the connection under it; None where
        neither is known, -1 where it went with its connection for what nobody knows."""
        event = -1 if self._trail is None else self._trail.follow(StreamRefused(self.connection.id, self.id))
        if event < 0 and self._muxed.closing and self._connection_ended is not None:
            return self._connection_ended()
        return None if event < 0 else event

    def turn_away(self, event: int) -> None:
        """Let the other end find that."""
        if self._trail is not None:
            self._trail.leave(StreamRefused(self.connection.id, self.id), event)

    async def refused(self) -> None:
        """The peer has refused it: nothing will come any more."""
        await self.reset()

    @property
    def queued(self) -> int:
        """Bytes that have arrived and were not read yet, of those that this end's read-ahead has taken."""
        return len(self._buffer)

    @property
    def credit(self) -> int:
        """Bytes that may be sent before the peer has to read."""
        return self._view.credit

    # -- reading

    async def receive(self, limit: int) -> bytes:
        """At least one byte and at most ``limit``, as soon as there is any; ``b""`` once the peer has ended."""
        while not self._buffer:
            self._check()
            if self._stopped:
                raise StreamError("cancelled", "this end stopped reading the stream")
            if self._peer_has_ended:
                return b""
            await self._changed.wait()
        data = bytes(self._buffer[:limit])
        del self._buffer[:limit]
        self._has_room.set()
        return data

    async def _read_ahead(self) -> None:
        """Remedy "uncut I/O": the one task that reads the library's stream, until there is nothing more to read."""
        try:
            await self._read_to_the_end()
        finally:
            if not self._peer_has_ended:
                self._fail(_went_down())

    async def _read_to_the_end(self) -> None:
        while self._gone is None:
            while len(self._buffer) >= AHEAD:
                self._has_room = trio.Event()
                await self._has_room.wait()
            try:
                data = await self._stream.read(CHUNK)
            except StreamEOF:
                if self._is_lost():
                    self._lose(None)
                else:
                    await self._note_end()
                return
            except Exception as error:  # noqa: BLE001  # the library raises more kinds than it names
                if self._view.has_ended:
                    await self._note_end()
                else:
                    self._lose(error)
                return
            self._view.was_read()
            if not self._stopped:
                self._buffer += data
                self._wake()

    def _is_lost(self) -> bool:
        """Remedy "tell reset from end": whether that is what happened where the library says that the stream ended."""
        if not self._remedies.on("tell reset from end"):
            return False
        return self._view.was_reset or self._muxed.closing

    def _lose(self, error: Exception | None) -> StreamError:
        """Note that the stream is gone, and why; the error to raise."""
        if self._gone is None:
            if self._muxed.closing:
                reason, text = "connection closed", f"the connection to {self.connection.peer!r} is closed"
            elif self._view.was_reset or error is None:
                reason, text = "reset by peer", f"{self.connection.peer!r} reset the stream"
            else:
                reason, text = "reset by peer", f"the stream failed: {error or type(error).__name__}"
            self._fail(StreamError("reset", text))
            if self.when_gone is not None:
                self.when_gone(reason)
        return self._error()

    async def _note_end(self) -> None:
        if not self._stopped:
            self._buffer += self._view.rest()
        self._peer_has_ended = True
        self._wake()
        if self._has_ended:
            await self._finish()

    async def _finish(self) -> None:
        await self._view.finish()
        await self._stream.remove()

    # -- writing

    async def send(self, data: bytes) -> None:
        """Hand over all of it; waits while the peer's window is full."""
        sent = 0
        try:
            while True:
                self._check()
                if self._has_ended:
                    raise StreamError("closed", "this end has closed the stream for writing")
                room = self._view.credit
                # Remedy "own window wait".
                if not self._remedies.on("own window wait"):
                    room = max(room, len(data))
                if room <= 0:
                    await trio.sleep(WINDOW_WAIT)
                    continue
                piece = data[sent : sent + min(room, self._gate.piece)]
                await self._gate.enter(self.id, self.weight, len(piece))
                try:
                    with trio.CancelScope(shield=self._remedies.on("uncut I/O")):
                        await self._write(piece)
                finally:
                    self._gate.leave()
                sent += len(piece)
                if sent >= len(data):
                    return
                await trio.lowlevel.checkpoint()
        except trio.Cancelled:
            if sent:
                self._tear_down()
            raise

    async def _write(self, data: bytes) -> None:
        try:
            await self._stream.write(data)
        except Exception as error:
            raise self._lose(error) from error

    # -- ending

    async def end(self) -> None:
        """Half-close: nothing more will be sent, the peer reads to the end."""
        self._check()
        if self._has_ended:
            return
        self._has_ended = True
        with trio.CancelScope(shield=True):
            await self._half_close()

    async def _half_close(self) -> None:
        try:
            await self._stream.close_write()
            if self._peer_has_ended:
                await self._finish()
        except Exception as error:
            raise self._lose(error) from error

    async def stop(self) -> None:
        """Nothing more will be read; what still arrives is thrown away."""
        self._check()
        self._stopped = True
        self._buffer.clear()
        self._has_room.set()
        self._wake()

    async def reset(self) -> None:
        """Tear down both directions at once; what is on its way is lost."""
        if self._gone is None:
            self._tear_down()

    def _tear_down(self) -> None:
        self._fail(StreamError("reset", "this end reset the stream"))
        self._start(self._reset, "resetting a stream")

    async def _reset(self) -> None:
        waiters = self._view.waiters()
        await self._stream.reset()
        if self._remedies.on("wake on reset"):
            for waiter in waiters:
                waiter.set()

    # -- state

    def _check(self) -> None:
        if self._gone is not None:
            raise self._error()

    def _error(self) -> StreamError:
        return StreamError("reset", str(self._gone))

    def _fail(self, error: StreamError) -> None:
        if self._gone is None:
            self._gone = error
            self._buffer.clear()
            self._has_room.set()
            self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


def _went_down() -> StreamError:
    return StreamError("reset", "this node went down")
