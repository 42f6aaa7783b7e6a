"""What has arrived of a stream and was not read: in place of the library's channels, which drop what is over 64
messages."""

from __future__ import annotations

from collections import deque

import trio

__all__ = ["Inbox"]


class Inbox:
    """It stands in for both ends of a channel of bytes, in which ``b""`` is the end. ``size`` is in bytes."""

    def __init__(self) -> None:
        self.size = 0
        self.ended = False
        self._chunks: deque[bytes] = deque()
        self._changed = trio.Event()

    def send_nowait(self, data: bytes) -> None:
        """The library calls it for what arrives."""
        if self.ended:
            raise trio.ClosedResourceError
        if not data:
            self.close()
            return
        self._chunks.append(data)
        self.size += len(data)
        self._stir()

    def close(self) -> None:
        """Nothing more comes; what is there can be read."""
        self.ended = True
        self._stir()

    def receive_nowait(self) -> bytes:
        """The next piece. trio.EndOfChannel at the end, trio.WouldBlock where there is none yet."""
        if not self._chunks:
            raise trio.EndOfChannel if self.ended else trio.WouldBlock
        data = self._chunks.popleft()
        self.size -= len(data)
        return data

    async def receive(self) -> bytes:
        """The next piece, waited for. trio.EndOfChannel at the end."""
        while not self._chunks and not self.ended:
            await self._changed.wait()
        return self.receive_nowait()

    def drain(self) -> bytes:
        """All there is."""
        data = b"".join(self._chunks)
        self._chunks.clear()
        self.size = 0
        return data

    def _stir(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
