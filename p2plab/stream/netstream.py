"""``NetStream``: the stream that users and protocols hold, the same over every world's raw streams.

Rules it lives by:
- One reader at a time; writers take turns, so that what one ``write`` sends is never cut in two by another.
- A read that a deadline ends loses nothing: what it was waiting for goes to the next read. A write that a deadline ends
  resets the stream, since nobody can say how much of it has left.
- A stream ends once: ``closed`` when both directions have, or ``reset``. What is done to it afterwards is an error of
  kind ``closed`` or ``reset``, except that ending it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from p2plab.errors import ValidationError
from p2plab.identity.varint import encode_varint
from p2plab.stream.errors import StreamError
from p2plab.stream.flow.fair_lock import FairLock
from p2plab.stream.flow.fetch import PendingReceive
from p2plab.stream.framing.reads import BufferedReads
from p2plab.stream.interface import StreamState
from p2plab.stream.raw import RawStream
from p2plab.text import shown
from p2plab.typing import Connection, Direction, PeerId, Runtime

if TYPE_CHECKING:
    from p2plab.events import EventLog

__all__ = ["NetStream"]

T = TypeVar("T")


class NetStream(BufferedReads):
    """An open stream; ``INetStream`` says what its methods mean.

    A host makes one for each raw stream whose protocol is agreed. ``me`` and ``peer_index`` are the two ends' indices
    in ``log``, where the stream records its opening and its end; ``ended`` is called once, when it has ended; ``took``
    is how many seconds the negotiation cost this end.
    """

    def __init__(
        self,
        raw: RawStream,
        runtime: Runtime,
        node: Any = None,
        log: EventLog | None = None,
        me: int = -1,
        peer_index: int = -1,
        ended: Callable[[NetStream], None] | None = None,
        took: float | None = None,
    ) -> None:
        super().__init__()
        self._raw = raw
        self._runtime = runtime
        self._log = log
        self._me = me
        self._peer_index = peer_index
        self._ended = ended
        self.node = node
        self.made_by = -1  # the command of the lab's history that opened it, if one did
        self.bytes_in = 0
        self.bytes_out = 0
        self.opened_at = runtime.now()
        self._peer_has_ended = False
        self._read_closed = False
        self._write_closed = False
        self._reset: str | None = None
        self._end_event: int | None = None  # the ``seq`` of the event that recorded the end
        self._finished = False
        self._reading = False
        self._fetch: PendingReceive | None = None
        self._writing = FairLock(runtime)
        self._deadline: float | None = None
        data = {"protocol": raw.protocol, "direction": raw.direction, "stream": raw.id}
        self.record("stream.opened", data=data if took is None else {**data, "negotiation": took})

    # -- what it is

    @property
    def id(self) -> int:
        """A number that no other stream of this end's connection has."""
        return self._raw.id

    @property
    def protocol(self) -> str:
        """The protocol id that the two ends agreed on, such as ``/ipfs/ping/1.0.0``."""
        return self._raw.protocol

    @property
    def connection(self) -> Connection:
        """The connection it is on, as this end sees it."""
        return self._raw.connection

    @property
    def peer(self) -> PeerId:
        """The node at the other end."""
        return self._raw.connection.peer

    @property
    def direction(self) -> Direction:
        """``outbound`` at the end that opened it, ``inbound`` at the other."""
        return self._raw.direction

    @property
    def queued(self) -> int:
        """Bytes that have arrived and were not read yet."""
        return len(self._buffer) + self._raw.queued

    @property
    def window(self) -> int:
        """Bytes that may be written before the peer has to read: what is left of its credit window."""
        return self._raw.credit

    @property
    def state(self) -> StreamState:
        """``open``, ``reset``, or which of its two directions has ended."""
        if self._reset:
            return "reset"
        reads_no_more = self._read_closed or self._peer_has_ended
        if self._write_closed:
            return "closed" if reads_no_more else "write closed"
        return "read closed" if reads_no_more else "open"

    @property
    def reset_event(self) -> int | None:
        """The ``seq`` of the event that records this end's reset, which is what the other end's is caused by; None
        where this end did not reset it."""
        return self._end_event if self._reset == "reset here" else None

    def __repr__(self) -> str:
        return f"<NetStream {shown(self.protocol)} {self.direction} {self.peer!r}, {self.state}>"

    def set_deadline(self, seconds: float | None = None) -> None:
        """Reads and writes begun from now on fail once this many seconds have passed; None takes the deadline away."""
        if seconds is not None and not seconds >= 0:
            raise ValidationError(f"a deadline is a number of seconds from now, at least 0, or None; not {seconds!r}")
        self._deadline = None if seconds is None else self._runtime.now() + seconds

    # -- reading

    async def _receive(self, limit: int) -> bytes:
        self._check_readable()
        if self._peer_has_ended:
            return b""
        if self._reading:
            raise ValidationError("another read of this stream is waiting; a stream has one reader at a time")
        self._reading = True
        try:
            if self._deadline is None and self._fetch is None:
                data = await self._raw.receive(limit)
                self._arrived(data)
            else:
                data = await self._fetched(limit)
        except StreamError as error:
            self._fail(error)
        finally:
            self._reading = False
        if self._read_closed or self._reset == "reset here":
            raise _cancelled()
        self._check_readable()
        if not data:
            self._peer_has_ended = True
            self._end_if_done()
            return b""
        return data

    def _arrived(self, data: bytes) -> None:
        self.bytes_in += len(data)
        if data and self._log is not None and self._log.wants("stream.data"):
            self.record("stream.data", size=len(data))

    async def _fetched(self, limit: int) -> bytes:
        """What ``raw.receive`` gives, from a task of its own that outlives this call's deadline."""
        fetch = self._fetch
        if fetch is None:
            fetch = self._fetch = PendingReceive(self._runtime.waiter())
            self._runtime.spawn(partial(fetch.run, self._raw, limit), f"a read of {self.protocol}")
        await self._before_deadline(fetch.done.wait, "nothing came")
        self._fetch = None
        if fetch.error is not None:
            raise fetch.error
        self._arrived(fetch.data)
        self._buffer += fetch.data[limit:]
        return fetch.data[:limit]

    # -- writing

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """All of it or StreamError; waits while the peer's window is full."""
        data = _checked("write", data)
        await self._take_turn()
        try:
            self._check_writable()
            if data:
                await self._send(data)
        finally:
            self._writing.release()

    async def _send(self, data: bytes) -> None:
        try:
            if self._deadline is None:
                await self._raw.send(data)
            else:
                await self._before_deadline(partial(self._raw.send, data), "the peer took no more")
        except StreamError as error:
            if error.kind == "deadline":
                await self.reset()
            self._fail(error)
        self.bytes_out += len(data)

    async def write_message(self, data: bytes | bytearray | memoryview) -> None:
        """The same, with the length in front as an unsigned varint."""
        data = _checked("write_message", data)
        await self.write(encode_varint(len(data)) + data)

    async def _take_turn(self) -> None:
        await self._writing.acquire(partial(self._before_deadline, what="another write had not finished"))

    # -- ending

    async def close_write(self) -> None:
        """Half-close, once the writes under way are done: the peer reads to the end, this end can go on reading."""
        if self._write_closed or self._reset:
            return
        await self._take_turn()
        try:
            if self._write_closed or self._reset:
                return
            self._write_closed = True
            await self._raw.end()
        except StreamError as error:
            self._fail(error, ending=True)
        finally:
            self._writing.release()
        self._end_if_done()

    async def close_read(self) -> None:
        """Nothing more is read here; what still arrives is thrown away. A read that waits fails as ``cancelled``."""
        if self._read_closed or self._reset:
            return
        self._read_closed = True
        self._buffer.clear()
        try:
            await self._raw.stop()
        except StreamError as error:
            self._fail(error, ending=True)
        self._end_if_done()

    async def close(self) -> None:
        """Both of these; where the stream turns out to be torn down already, that is recorded and not raised."""
        try:
            await self.close_write()
            await self.close_read()
        except StreamError as error:
            if error.kind != "reset":
                raise

    async def reset(self, cause: int | None = None) -> None:
        """Tear it down at once in both directions; the peer's reads and writes fail. ``cause``: the event that led to
        it, where that is another than what led to the call."""
        if self._finished:
            return
        self.torn_down("reset here", cause)
        try:
            await self._raw.reset()
        except StreamError as error:
            if error.kind != "reset":
                raise

    def torn_down(self, reason: str, cause: int | None = None) -> None:
        """For the host: the stream is gone, for one of the reasons of ``p2plab.events.kinds.streams``, after an event
        of the other end's where that is known."""
        if self._finished:
            return
        self._reset = reason
        self._buffer.clear()
        self._finish("stream.reset", reason, cause)

    def _end_if_done(self) -> None:
        if not self._finished and self.state == "closed":
            self._finish("stream.closed", None)

    def _finish(self, kind: str, reason: str | None, cause: int | None = None) -> None:
        self._finished = True
        data = {"protocol": self.protocol, "stream": self.id}
        self._end_event = self.record(kind, reason=reason, data=data, cause=cause)
        if self._ended is not None:
            self._ended(self)

    async def __aenter__(self) -> NetStream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await (self.close() if kind is None else self.reset())

    # -- the rules

    def _check_readable(self) -> None:
        if self._reset:
            raise self._reset_error()
        if self._read_closed:
            raise StreamError("closed", f"this end has closed the stream to {self.peer!r} for reading")

    def _check_writable(self) -> None:
        if self._reset:
            raise self._reset_error()
        if self._write_closed:
            raise StreamError("closed", f"this end has closed the stream to {self.peer!r} for writing")

    def _reset_error(self) -> StreamError:
        error = StreamError("reset", f"the stream to {self.peer!r} ({self.protocol}) is gone: {self._reset}")
        error.event = self._end_event
        return error

    def _fail(self, error: StreamError, ending: bool = False) -> NoReturn:
        """Raise what a failed call ends with, after the stream has taken notice of it. ``ending``: the call itself was
        to close what was left of the stream, so that it is not closed but torn down."""
        if error.kind == "reset":
            if self._reset == "reset here" or (self.state == "closed" and (self._finished or not ending)):
                raise _cancelled() from error
            self.torn_down("reset by peer", error.event)  # which the other end had against it, where that is known
            error.event = self._end_event
        raise error

    async def _before_deadline(self, action: Callable[[], Awaitable[T]], what: str) -> T:
        if self._deadline is None:
            return await action()
        left = self._deadline - self._runtime.now()
        if left > 0:
            try:
                return await self._runtime.within(left, action)
            except TimeoutError:
                pass
        raise StreamError("deadline", f"the stream's deadline has passed, and {what}")

    def record(
        self,
        kind: str,
        size: int | None = None,
        reason: str | None = None,
        data: dict[str, Any] | None = None,
        cause: int | None = None,
    ) -> int | None:
        """For protocols: an event of this end's about the other; its ``seq``, where there is a log."""
        if self._log is None:
            return None
        return self._log.record(kind, self._me, self._peer_index, size=size, reason=reason, data=data, cause=cause)


def _cancelled() -> StreamError:
    return StreamError("cancelled", "the stream was closed here while this call was waiting")


def _checked(verb: str, data: bytes | bytearray | memoryview) -> bytes:
    if not isinstance(data, (bytes, bytearray, memoryview)):
        hint = "; a str has .encode()" if isinstance(data, str) else ""
        raise ValidationError(f"{verb} takes bytes, not {type(data).__name__}{hint}")
    return bytes(data)
