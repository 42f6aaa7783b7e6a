# Made of p2plab/stream/aio.py by `python p2plab/api/generate.py`: change that file and run it again.

"""What a user holds for a stream: ``BlockingStream``, for a ``Lab``'s tasks and for handlers that open streams."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from p2plab.stream.face import BlockingStreamOnly
from p2plab.stream.interface import MAX_MESSAGE, READ_SIZE

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["BlockingStream"]


class BlockingStream(BlockingStreamOnly):
    """A stream of a ``Lab``, as ``INetStream`` describes it: a verb that takes lab time returns when it is done.

    As a context manager it is closed at the end, and reset if the block raised. Every verb raises StreamError, whose
    ``kind`` says why: ``closed``, ``reset``, ``timeout``, ``limit``.
    """

    def read(self, n: int = READ_SIZE) -> bytes:
        """Read what has arrived; wait for the first byte if need be.

        Args:
            n: the most bytes to return

        Returns:
            1 to ``n`` bytes, or ``b""`` at the end of the stream.

        Example:
            >>> async def echo(stream):
            ...     await stream.write(await stream.read())
            >>> bob.handle("/echo/1.0.0", echo)
            >>> stream = alice.open_stream(bob, "/echo/1.0.0")
            >>> stream.write(b"hello")
            >>> stream.read(2), stream.read()
            (b'he', b'llo')
        """
        return self._world.run(self._stream.read, n)

    def read_exactly(self, n: int) -> bytes:
        """Read a fixed number of bytes.

        Args:
            n: how many

        Raises:
            StreamError: of kind ``closed`` if the stream ends earlier.
        """
        return self._world.run(self._stream.read_exactly, n)

    def read_until(self, separator: bytes = b"\n", limit: int = MAX_MESSAGE) -> bytes:
        """Read up to a separator, and the separator too.

        Args:
            separator: one byte or more
            limit: the most bytes to take

        Returns:
            The bytes, or ``b""`` if the stream has ended.

        Raises:
            StreamError: of kind ``limit`` if the separator is not among the first ``limit`` bytes.
        """
        return self._world.run(self._stream.read_until, separator, limit)

    def read_message(self, limit: int = MAX_MESSAGE) -> bytes | None:
        """Read a message that has its length in front as an unsigned varint.

        Args:
            limit: the most bytes that it may have

        Returns:
            The message without its length, or None if the stream has ended.

        Raises:
            StreamError: of kind ``limit`` for a longer message.

        Example:
            >>> async def echo(stream):
            ...     await stream.write(await stream.read())
            >>> bob.handle("/echo/1.0.0", echo)
            >>> stream = alice.open_stream(bob, "/echo/1.0.0")
            >>> stream.write_message(b"hello")
            >>> stream.read_message()
            b'hello'
        """
        return self._world.run(self._stream.read_message, limit)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write all of some bytes, or raise StreamError; wait while the peer's window is full.

        Args:
            data: the bytes

        Example:
            >>> async def echo(stream):
            ...     await stream.write(await stream.read())
            >>> bob.handle("/echo/1.0.0", echo)
            >>> stream = alice.open_stream(bob, "/echo/1.0.0")
            >>> stream.write(b"hello")
            >>> stream.read()
            b'hello'
        """
        self._world.run(self._stream.write, data)

    def write_message(self, data: bytes | bytearray | memoryview) -> None:
        """Write a message with its length in front as an unsigned varint.

        Args:
            data: the message

        Example:
            >>> async def echo(stream):
            ...     await stream.write(await stream.read())
            >>> bob.handle("/echo/1.0.0", echo)
            >>> stream = alice.open_stream(bob, "/echo/1.0.0")
            >>> stream.write_message(b"hello")
            >>> length, *text = stream.read()
            >>> length, bytes(text)
            (5, b'hello')
        """
        self._world.run(self._stream.write_message, data)

    def close_write(self) -> None:
        """Half-close: the peer reads to the end, this end can go on reading.

        Example:
            >>> async def echo(stream):
            ...     await stream.write(await stream.read())
            >>> bob.handle("/echo/1.0.0", echo)
            >>> stream = alice.open_stream(bob, "/echo/1.0.0")
            >>> stream.write(b"hello")
            >>> stream.close_write()
            >>> stream.read(), stream.read()
            (b'hello', b'')
        """
        self._world.run(self._stream.close_write)

    def close_read(self) -> None:
        """Take no more: what the peer still writes is thrown away."""
        self._world.run(self._stream.close_read)

    def close(self) -> None:
        """Close both directions. Closing again changes nothing.

        Example:
            >>> async def echo(stream):
            ...     await stream.write(await stream.read())
            >>> bob.handle("/echo/1.0.0", echo)
            >>> stream = alice.open_stream(bob, "/echo/1.0.0")
            >>> stream.close()
            >>> stream.state
            'closed'
        """
        self._world.run(self._stream.close)

    def reset(self) -> None:
        """Tear it down at once in both directions."""
        self._world.run(self._stream.reset)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.reset()
