"""In which order the frames of one node leave on its line: by the priorities of their streams."""

from __future__ import annotations

from typing import Final

from p2plab.network.frames import LAST, Piece
from p2plab.stream.priorities import WEIGHTS, FairQueue

__all__ = ["CLOSE", "CREDIT", "DATA", "END", "LAST", "MESSAGES", "OPEN", "RESET", "RPC", "URGENT", "FairLine"]

OPEN, DATA, CREDIT, END, RESET, CLOSE, RPC = "open", "data", "credit", "end", "reset", "close", "rpc"  # kinds of frames
MESSAGES: Final = 0  # the flow of pubsub's and the DHT's messages, which go as objects
URGENT: Final = -2  # that of IDONTWANT, which goes ahead of messages, as in go-libp2p-pubsub's rpc_queue.go


class FairLine:
    """A ``Discipline`` of ``network.Line``. A flow is a stream of a connection.

    Streams of one connection may overtake each other here, as a muxer lets them; on the way they stay in order.
    """

    def __init__(self) -> None:
        self._queue: FairQueue[Piece] = FairQueue()

    def push(self, piece: Piece) -> None:
        weight = WEIGHTS["interactive"] if piece.flow == MESSAGES else piece.weight
        self._queue.push((piece.pipe, piece.flow), weight, piece.size, piece)

    def pop(self) -> Piece:
        return self._queue.pop()

    def __len__(self) -> int:
        return len(self._queue)
