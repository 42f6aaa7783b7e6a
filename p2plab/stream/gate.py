"""A gate that lets one writer through at a time, by fair queueing: priorities where the muxer below has none."""

from __future__ import annotations

from collections.abc import Hashable

from p2plab.stream.priorities import FairQueue
from p2plab.typing import Runtime, Waiter

__all__ = ["FairGate"]


class FairGate:
    """For all streams of one connection. ``enter`` and ``leave`` come in pairs, around each piece that is written."""

    __slots__ = ("_queue", "_runtime", "_taken")

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._taken = False
        self._queue: FairQueue[_Turn] = FairQueue()

    async def enter(self, flow: Hashable, weight: int, size: int) -> None:
        """Wait until a piece of ``size`` bytes of this flow may be written."""
        if not self._taken:
            self._taken = True
            return
        turn = _Turn(self._runtime.waiter())
        self._queue.push(flow, weight, size, turn)
        try:
            await turn.came.wait()
        except BaseException:
            # Cancelled just when the turn had come: it goes to the next, or nobody would ever write again.
            if turn.is_mine:
                self.leave()
            turn.given_up = True
            raise

    def leave(self) -> None:
        """The piece is written: whose turn it is next may go."""
        while len(self._queue):
            turn = self._queue.pop()
            if not turn.given_up:
                turn.is_mine = True
                turn.came.set()
                return
        self._taken = False


class _Turn:
    __slots__ = ("came", "given_up", "is_mine")

    def __init__(self, came: Waiter) -> None:
        self.came = came
        self.given_up = False
        self.is_mine = False
