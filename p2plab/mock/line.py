"""In which order the frames of one node leave on its line: by the priorities of their streams."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final

from p2plab.network import Frame
from p2plab.stream.priorities import WEIGHTS, FairQueue

__all__ = ["CLOSE", "CREDIT", "DATA", "END", "LAST", "MESSAGES", "OPEN", "RESET", "RPC", "FairLine"]

LAST: Final = -1  # the flow of a frame that comes behind all others of its connection: the one that closes it
OPEN, DATA, CREDIT, END, RESET, CLOSE, RPC = "open", "data", "credit", "end", "reset", "close", "rpc"  # kinds of frames
MESSAGES: Final = 0  # the flow of pubsub's and the DHT's messages, which go as objects


class FairLine:
    """A ``Discipline`` of ``network.Line``. A flow is a stream of a connection.

    Streams of one connection may overtake each other here, as a muxer lets them; on the way they stay in order.
    """

    def __init__(self) -> None:
        self._queue: FairQueue[Frame] = FairQueue()

    def push(self, frame: Frame) -> None:
        weight = WEIGHTS["interactive"] if frame.flow == MESSAGES else frame.weight
        self._queue.push((frame.pipe, frame.flow), weight, frame.size, frame, frame.pipe, frame.flow == LAST)

    def pop(self) -> Frame:
        return self._queue.pop()

    def refit(self, flow: Hashable, size_of: Callable[[Frame], int | None]) -> None:
        self._queue.refit(flow, size_of)

    def __len__(self) -> int:
        return len(self._queue)
