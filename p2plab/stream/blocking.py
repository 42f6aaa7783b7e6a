"""The synchronous face of a stream, for notebook cells."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from p2plab.stream.interface import MAX_MESSAGE, READ_SIZE, StreamState
from p2plab.stream.netstream import NetStream
from p2plab.typing import Connection, Direction, PeerId

if TYPE_CHECKING:
    from p2plab.typing import World

__all__ = ["BlockingStream"]


class BlockingStream:
    """A ``NetStream`` whose verbs wait until they are done, as ``INetStream`` describes them.

    In a mock lab they move virtual time just far enough; in a real lab they block the calling thread. ``aio`` is the
    same stream for code that awaits.
    """

    def __init__(self, stream: NetStream, world: World) -> None:
        self.aio = stream
        self._world = world

    @property
    def id(self) -> int:
        return self.aio.id

    @property
    def protocol(self) -> str:
        return self.aio.protocol

    @property
    def connection(self) -> Connection:
        return self.aio.connection

    @property
    def peer(self) -> PeerId:
        return self.aio.peer

    @property
    def direction(self) -> Direction:
        return self.aio.direction

    @property
    def state(self) -> StreamState:
        return self.aio.state

    @property
    def bytes_in(self) -> int:
        return self.aio.bytes_in

    @property
    def bytes_out(self) -> int:
        return self.aio.bytes_out

    @property
    def queued(self) -> int:
        return self.aio.queued

    @property
    def window(self) -> int:
        return self.aio.window

    @property
    def opened_at(self) -> float:
        return self.aio.opened_at

    def __repr__(self) -> str:
        return repr(self.aio).replace("NetStream", "BlockingStream", 1)

    def set_deadline(self, seconds: float | None) -> None:
        """Reads and writes begun from now on fail once this many seconds of lab time have passed; None: no deadline."""
        self._world.do(self.aio.set_deadline, seconds)

    def read(self, n: int = READ_SIZE) -> bytes:
        """At least one byte and at most ``n``; ``b""`` at the end."""
        return self._world.run(self.aio.read, n)

    def read_exactly(self, n: int) -> bytes:
        """Exactly ``n`` bytes; StreamError of kind ``closed`` where the stream ends earlier."""
        return self._world.run(self.aio.read_exactly, n)

    def read_until(self, separator: bytes = b"\n", limit: int = MAX_MESSAGE) -> bytes:
        """All bytes up to and including the separator; ``b""`` where the stream has ended."""
        return self._world.run(self.aio.read_until, separator, limit)

    def read_message(self, limit: int = MAX_MESSAGE) -> bytes | None:
        """A message with its length in front as an unsigned varint; None where the stream has ended."""
        return self._world.run(self.aio.read_message, limit)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """All of it or StreamError; waits while the peer's window is full."""
        self._world.run(self.aio.write, data)

    def write_message(self, data: bytes | bytearray | memoryview) -> None:
        """The same, with the length in front as an unsigned varint."""
        self._world.run(self.aio.write_message, data)

    def close_write(self) -> None:
        """Half-close: the peer reads to the end, this end can go on reading."""
        self._world.run(self.aio.close_write)

    def close_read(self) -> None:
        """Nothing more is read here."""
        self._world.run(self.aio.close_read)

    def close(self) -> None:
        """Both of these. Closing again changes nothing."""
        self._world.run(self.aio.close)

    def reset(self) -> None:
        """Tear it down at once in both directions."""
        self._world.run(self.aio.reset)

    def __enter__(self) -> BlockingStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.reset()
