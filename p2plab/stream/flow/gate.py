"""A gate that lets one writer through at a time, by fair queueing: priorities where the muxer below has none.

What is written in pieces lets others in between, and costs: py-libp2p moves 110 MB/s in pieces of 256 KiB, 55 MB/s in
pieces of 64 KiB and 17 MB/s in pieces of 16 KiB (one core, loopback). So pieces are small only while others have been
waiting lately; a ping beside four transfers then takes 5 ms instead of 17 ms.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from p2plab.stream.priorities import FairQueue
from p2plab.typing import Runtime, Waiter

__all__ = ["FairGate"]


SMALL: Final = 64 * 1024  # bytes of a piece while others want to write too
LARGE: Final = 256 * 1024  # and while nobody does
LATELY: Final = 16  # pieces written since somebody last had to wait


class FairGate:
    """For all streams of one connection. ``enter`` and ``leave`` come in pairs, around each piece that is written;
    ``piece`` is how many bytes that should be."""

    __slots__ = ("_queue", "_quiet", "_runtime", "_taken")

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._taken = False
        self._quiet = LATELY
        self._queue: FairQueue[_Turn] = FairQueue()

    @property
    def piece(self) -> int:
        """How many bytes to write at a time."""
        return LARGE if self._quiet >= LATELY else SMALL

    async def enter(self, flow: Hashable, weight: int, size: int) -> None:
        """Wait until a piece of ``size`` bytes of this flow may be written."""
        if not self._taken:
            self._taken = True
            return
        self._quiet = 0
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
        self._quiet += 1


class _Turn:
    __slots__ = ("came", "given_up", "is_mine")

    def __init__(self, came: Waiter) -> None:
        self.came = came
        self.given_up = False
        self.is_mine = False
