"""A stream of py-libp2p's that shows each message with a length in front once its reader has read all of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from p2plab.identity.varint import decode_varint

__all__ = ["ReadTap"]


class ReadTap:
    """The stream itself in everything but ``read``. ``seen(message)`` is called before the reader goes on; what is no
    message, the reader finds out by itself."""

    def __init__(self, stream: Any, seen: Callable[[bytes], None]) -> None:
        self._stream = stream
        self._seen = seen
        self._read = bytearray()
        self._start = 0
        self._whole = 0  # bytes of the message begun, with its length; 0 while that is not known

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def read(self, n: int | None = None) -> bytes:
        """What the stream gives."""
        data: bytes = await self._stream.read(n)
        self._read += data
        if not self._whole:
            try:
                prefix = decode_varint(self._read)
            except ValueError:
                return data
            if prefix is None:
                return data
            length, self._start = prefix
            self._whole = self._start + length
        if len(self._read) >= self._whole:
            message = bytes(self._read[self._start : self._whole])
            del self._read[: self._whole]
            self._whole = 0
            self._seen(message)
        return data
