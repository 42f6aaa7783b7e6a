"""The face of a stream for code that awaits: an ``AsyncLab``'s tasks, and handlers that open streams of their own."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from p2plab.stream.face import StreamFace
from p2plab.stream.interface import MAX_MESSAGE, READ_SIZE

__all__ = ["AsyncStream"]


class AsyncStream(StreamFace):
    """A stream whose verbs are to be awaited, as ``INetStream`` describes them: on the loop of an ``AsyncLab``, whose
    lab they move as its other verbs do, and inside the lab."""

    @property
    def node(self) -> Any:
        """The node at this end, whose verbs a handler may await."""
        return self._stream.node

    async def read(self, n: int = READ_SIZE) -> bytes:
        """At least one byte and at most ``n``; ``b""`` at the end."""
        return await self._world.arun(self._stream.read, n)

    async def read_exactly(self, n: int) -> bytes:
        """Exactly ``n`` bytes; StreamError of kind ``closed`` where the stream ends earlier."""
        return await self._world.arun(self._stream.read_exactly, n)

    async def read_until(self, separator: bytes = b"\n", limit: int = MAX_MESSAGE) -> bytes:
        """All bytes up to and including the separator; ``b""`` where the stream has ended."""
        return await self._world.arun(self._stream.read_until, separator, limit)

    async def read_message(self, limit: int = MAX_MESSAGE) -> bytes | None:
        """A message with its length in front as an unsigned varint; None where the stream has ended."""
        return await self._world.arun(self._stream.read_message, limit)

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """All of it or StreamError; waits while the peer's window is full."""
        await self._world.arun(self._stream.write, data)

    async def write_message(self, data: bytes | bytearray | memoryview) -> None:
        """The same, with the length in front as an unsigned varint."""
        await self._world.arun(self._stream.write_message, data)

    async def close_write(self) -> None:
        """Half-close: the peer reads to the end, this end can go on reading."""
        await self._world.arun(self._stream.close_write)

    async def close_read(self) -> None:
        """Nothing more is read here."""
        await self._world.arun(self._stream.close_read)

    async def close(self) -> None:
        """Both of these. Closing again changes nothing."""
        await self._world.arun(self._stream.close)

    async def reset(self) -> None:
        """Tear it down at once in both directions."""
        await self._world.arun(self._stream.reset)

    async def __aenter__(self) -> AsyncStream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            await self.close()
        else:
            await self.reset()
