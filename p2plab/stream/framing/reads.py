"""Reads that end at a number of bytes, at a separator or with a message, whatever pieces the bytes come in."""

from __future__ import annotations

from abc import ABC, abstractmethod

from p2plab.errors import ValidationError
from p2plab.identity.varint import decode_varint
from p2plab.stream.errors import StreamError
from p2plab.stream.interface import MAX_MESSAGE, READ_SIZE
from p2plab.text import plural
from p2plab.typing import PeerId

__all__ = ["BufferedReads"]


class BufferedReads(ABC):
    """A stream's reads over what has arrived, ``_buffer``, and what is still to come."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    @abstractmethod
    def peer(self) -> PeerId:
        """The node at the other end."""

    @abstractmethod
    def _check_readable(self) -> None:
        """StreamError where nothing may be read any more."""

    @abstractmethod
    async def _receive(self, limit: int) -> bytes:
        """The next bytes of the peer's, at most ``limit``; ``b""`` at the end."""

    async def read(self, n: int = READ_SIZE) -> bytes:
        """At least one byte and at most ``n``, as soon as there is any; ``b""`` at the end."""
        _check_size("read", n)
        if self._buffer:
            self._check_readable()
            return self._take(n)
        return await self._receive(n)

    async def read_exactly(self, n: int) -> bytes:
        """Exactly ``n`` bytes; StreamError of kind ``closed`` where the stream ends earlier, which loses nothing."""
        _check_size("read_exactly", n)
        while len(self._buffer) < n:
            if not await self._fill(n - len(self._buffer)):
                raise self._ended_early(plural(n, "byte"))
        self._check_readable()
        return self._take(n)

    async def read_until(self, separator: bytes = b"\n", limit: int = MAX_MESSAGE) -> bytes:
        """All bytes up to and including the separator; ``b""`` where the stream has ended before the first.

        StreamError of kind ``limit`` where ``limit`` bytes came without it, ``closed`` where the end did."""
        if not isinstance(separator, bytes) or not separator:
            raise ValidationError(f"a separator is at least one byte, such as b'\\n', not {separator!r}")
        _check_size("read_until", limit)
        searched = 0
        while True:
            at = self._buffer.find(separator, max(0, searched - len(separator) + 1))
            if 0 <= at <= limit - len(separator):
                self._check_readable()
                return self._take(at + len(separator))
            if len(self._buffer) >= limit or at >= 0:
                came = plural(limit, "byte")
                raise StreamError("limit", f"{came} came from {self.peer!r} without {separator!r} among them")
            searched = len(self._buffer)
            if not await self._fill(min(READ_SIZE, limit - searched)):
                if self._buffer:
                    raise self._ended_early(f"what {separator!r} was to end")
                return b""

    async def read_message(self, limit: int = MAX_MESSAGE) -> bytes | None:
        """A message with its length in front as an unsigned varint; None where the stream has ended between two.

        StreamError of kind ``limit`` where the length is over ``limit`` or is no unsigned varint; nothing sensible can
        be read from the stream after that.
        """
        _check_size("read_message", limit)
        while True:
            try:
                prefix = decode_varint(self._buffer)
            except ValueError as error:
                raise StreamError("limit", f"what {self.peer!r} sent is no message: {error}") from error
            if prefix is not None:
                break
            if not await self._fill(READ_SIZE):
                if self._buffer:
                    raise self._ended_early("a message's length")
                return None
        length, start = prefix
        if length > limit:
            raise StreamError(
                "limit", f"{self.peer!r} announced a message of {plural(length, 'byte')}, over the limit of {limit}"
            )
        while len(self._buffer) < start + length:
            if not await self._fill(READ_SIZE):
                raise self._ended_early(f"a message of {plural(length, 'byte')}")
        self._check_readable()
        self._take(start)
        return self._take(length)

    async def _fill(self, limit: int) -> bool:
        """Add to the buffer; False where the stream has ended."""
        data = await self._receive(limit)
        self._buffer += data
        return bool(data)

    def _ended_early(self, wanted: str) -> StreamError:
        came = plural(len(self._buffer), "byte")
        return StreamError("closed", f"the stream from {self.peer!r} ended {came} into {wanted}")

    def _take(self, n: int) -> bytes:
        data = bytes(self._buffer[:n])
        del self._buffer[:n]
        return data


def _check_size(verb: str, n: int) -> None:
    if not isinstance(n, int) or n < 1:
        raise ValidationError(f"{verb} takes a number of bytes that is at least 1, not {n!r}")
