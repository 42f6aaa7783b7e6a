"""The synchronous face of a stream, for notebook cells."""

from __future__ import annotations

from types import TracebackType

from p2plab.stream.awaited import AsyncStream
from p2plab.stream.face import StreamFace
from p2plab.stream.interface import MAX_MESSAGE, READ_SIZE

__all__ = ["BlockingStream"]


class BlockingStream(StreamFace):
    """A stream whose verbs wait until they are done, as ``INetStream`` describes them.

    In a mock lab they move virtual time just far enough; in a real lab they block the calling thread.
    """

    @property
    def aio(self) -> AsyncStream:
        """The same stream for code that awaits."""
        return AsyncStream(self._stream, self._world)

    def read(self, n: int = READ_SIZE) -> bytes:
        """At least one byte and at most ``n``; ``b""`` at the end."""
        return self._world.run(self._stream.read, n)

    def read_exactly(self, n: int) -> bytes:
        """Exactly ``n`` bytes; StreamError of kind ``closed`` where the stream ends earlier."""
        return self._world.run(self._stream.read_exactly, n)

    def read_until(self, separator: bytes = b"\n", limit: int = MAX_MESSAGE) -> bytes:
        """All bytes up to and including the separator; ``b""`` where the stream has ended."""
        return self._world.run(self._stream.read_until, separator, limit)

    def read_message(self, limit: int = MAX_MESSAGE) -> bytes | None:
        """A message with its length in front as an unsigned varint; None where the stream has ended."""
        return self._world.run(self._stream.read_message, limit)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """All of it or StreamError; waits while the peer's window is full."""
        self._world.run(self._stream.write, data)

    def write_message(self, data: bytes | bytearray | memoryview) -> None:
        """The same, with the length in front as an unsigned varint."""
        self._world.run(self._stream.write_message, data)

    def close_write(self) -> None:
        """Half-close: the peer reads to the end, this end can go on reading."""
        self._world.run(self._stream.close_write)

    def close_read(self) -> None:
        """Nothing more is read here."""
        self._world.run(self._stream.close_read)

    def close(self) -> None:
        """Both of these. Closing again changes nothing."""
        self._world.run(self._stream.close)

    def reset(self) -> None:
        """Tear it down at once in both directions."""
        self._world.run(self._stream.reset)

    def __enter__(self) -> BlockingStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.reset()
