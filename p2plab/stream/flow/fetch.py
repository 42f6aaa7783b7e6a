"""A read that outlives the call that began it."""

from __future__ import annotations

from p2plab.stream.errors import StreamError
from p2plab.stream.raw import RawStream
from p2plab.typing import Waiter

__all__ = ["PendingReceive"]


class PendingReceive:
    """A ``receive`` in a task of its own: a deadline ends the waiting for it, never the receiving, or bytes would be
    lost. ``done`` is set when ``data`` or ``error`` is there."""

    __slots__ = ("data", "done", "error")

    def __init__(self, done: Waiter) -> None:
        self.done = done
        self.data = b""
        self.error: StreamError | None = StreamError("reset", "the lab ended while the stream was being read")

    async def run(self, raw: RawStream, limit: int) -> None:
        try:
            self.data = await raw.receive(limit)
            self.error = None
        except StreamError as error:
            self.error = error
        finally:
            self.done.set()
