"""A lock: one holder at a time, first come first served."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

from p2plab.typing import Runtime, Waiter

__all__ = ["FairLock"]


class FairLock:
    """Held by one task at a time. ``acquire`` and ``release`` come in pairs."""

    __slots__ = ("_queue", "_runtime", "_taken")

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._taken = False
        self._queue: deque[Waiter] = deque()

    async def acquire(self, patience: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]) -> None:
        """Wait for the turn; ``patience(wait)`` does the waiting, and may give up by raising."""
        if not self._taken:
            self._taken = True
            return
        turn = self._runtime.waiter()
        self._queue.append(turn)
        try:
            await patience(turn.wait)
        except BaseException:
            # Cancelled just when the turn had come: it goes to the next, or nobody would ever write again.
            if turn in self._queue:
                self._queue.remove(turn)
            else:
                self.release()
            raise

    def release(self) -> None:
        """Let the next one in."""
        if self._queue:
            self._queue.popleft().set()
        else:
            self._taken = False
