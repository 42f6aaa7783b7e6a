"""The stream that every protocol is written against."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Literal, Protocol, TypeVar

from p2plab.typing import Connection, Direction, PeerId

__all__ = ["MAX_MESSAGE", "READ_SIZE", "INetStream", "StreamState"]

READ_SIZE = 65536  # bytes: what ``read`` returns at most unless told otherwise
MAX_MESSAGE = 1 << 20  # bytes: what ``read_message`` and ``read_until`` take at most unless told otherwise

StreamState = Literal["open", "read closed", "write closed", "closed", "reset"]
Self = TypeVar("Self", bound="INetStream")


class INetStream(Protocol):
    """A stream between two nodes, on which one protocol is spoken. Sizes are bytes, times seconds of lab time.

    All of its coroutines raise StreamError, whose ``kind`` says why. ``async with stream:`` closes it at the end, and
    resets it where the block raised.
    """

    @property
    def id(self) -> int:
        """A number that no other stream of this end's connection has."""

    @property
    def protocol(self) -> str:
        """The protocol id that the two ends agreed on, such as ``/ipfs/ping/1.0.0``."""

    @property
    def connection(self) -> Connection:
        """The connection it is on, as this end sees it."""

    @property
    def peer(self) -> PeerId:
        """The node at the other end."""

    @property
    def direction(self) -> Direction:
        """``outbound`` at the end that opened it."""

    @property
    def node(self) -> Any:
        """The node at this end, whose verbs a handler may await."""

    @property
    def state(self) -> StreamState:
        """``open``, ``reset``, or which of its two directions has ended."""

    @property
    def bytes_in(self) -> int:
        """Bytes read from it so far."""

    @property
    def bytes_out(self) -> int:
        """Bytes written to it so far."""

    @property
    def queued(self) -> int:
        """Bytes that have arrived and were not read yet."""

    @property
    def window(self) -> int:
        """Bytes that may be written before the peer has to read: what is left of its credit window."""

    @property
    def opened_at(self) -> float:
        """When it was opened, in seconds of lab time."""

    def set_deadline(self, seconds: float | None = None) -> None:
        """Reads and writes fail once this many seconds from now have passed; None takes the deadline away."""

    async def read(self, n: int = READ_SIZE) -> bytes:
        """At least one byte and at most ``n``, as soon as there is any; ``b""`` at the end."""

    async def read_exactly(self, n: int) -> bytes:
        """Read exactly ``n`` bytes; StreamError of kind ``closed`` where the stream ends earlier."""

    async def read_until(self, separator: bytes = b"\n", limit: int = MAX_MESSAGE) -> bytes:
        """Read all bytes up to and including the separator, at most ``limit``; ``b""`` where the stream has ended."""

    async def read_message(self, limit: int = MAX_MESSAGE) -> bytes | None:
        """Read a message that has its length in front as an unsigned varint; None where the stream has ended."""

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write all of some bytes; waits while the peer's window is full. Raises StreamError."""

    async def write_message(self, data: bytes | bytearray | memoryview) -> None:
        """Write a message with its length in front as an unsigned varint; waits as ``write``. Raises StreamError."""

    async def close_write(self) -> None:
        """Half-close: the peer reads to the end, this end can go on reading."""

    async def close_read(self) -> None:
        """Read nothing more; what still arrives is thrown away."""

    async def close(self) -> None:
        """Close both directions. Closing again changes nothing."""

    async def reset(self) -> None:
        """Tear it down at once in both directions; the peer's reads and writes fail."""

    async def __aenter__(self: Self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
