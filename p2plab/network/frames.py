"""What travels on a pipe the long way: frames, the pieces of them that pass a line, and what waits of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from p2plab.network.window import QUIC_HEADER, QUIC_PAYLOAD, SEGMENT, CongestionWindow

if TYPE_CHECKING:
    from p2plab.chance import Stream
    from p2plab.network.pipe import Pipe

__all__ = ["LAST", "PIECE", "Frame", "Piece", "Queues"]

PIECE: Final = 4 * SEGMENT  # bytes that pass a line at once
LAST: Final = -1  # the stream of a frame that comes behind all others of its connection


class Frame:
    """Something on its way that takes the long way. ``flow`` is the stream it belongs to, ``weight`` its share of a
    busy line, ``kind`` what it is to those who sent it, ``delay`` the ticks that faults add to its way; ``left`` is how
    much of it has not left yet."""

    __slots__ = ("cause", "delay", "flow", "kind", "left", "pipe", "receive", "sent", "size", "weight", "what")

    def __init__(
        self,
        pipe: Pipe,
        size: int,
        receive: Callable[[Any], object],
        what: Any,
        cause: int,
        flow: int,
        weight: int,
        kind: str,
    ) -> None:
        self.pipe = pipe
        self.size = self.left = size
        self.receive = receive
        self.what = what
        self.cause = cause
        self.sent = cause  # the link.sent event, where one was recorded
        self.delay = 0
        self.flow = flow
        self.weight = weight
        self.kind = kind


class Piece:
    """So much of a frame as passes a line at once. ``is_void``: it was taken back while it waited for the line."""

    __slots__ = ("_then", "flow", "frame", "is_last", "is_void", "pipe", "size", "weight")

    def __init__(self, frame: Frame, size: int) -> None:
        frame.left -= size
        self.frame = frame
        self.size = size
        self.is_last = not frame.left
        self.is_void = False
        self.pipe, self.flow, self.weight = frame.pipe, frame.flow, frame.weight
        self._then: Callable[[Piece, int], None] = frame.pipe.travel

    def through(self, then: Callable[[Piece, int], None]) -> Piece:
        """The same piece, with what is to happen when it has passed the line it is given to."""
        self._then = then
        return self

    @property
    def on_the_line(self) -> int:
        """Bytes that it takes of a line: with QUIC its packets' headers too (RFC 9000 section 17.3, RFC 9001 section
        5.3), of which a frame's size has those of the first."""
        return self.size + (self.size * QUIC_HEADER // QUIC_PAYLOAD if self.pipe.transport == "quic" else 0)

    def passed(self, tick: int) -> None:
        """For a line: the last byte passed in this tick."""
        self._then(self, tick)


class Queues:
    """What a pipe keeps only where frames take the long way: most labs have a pipe for each of many connections, and
    none of these."""

    __slots__ = ("chance", "in_line", "last_of_flow", "parked", "waiting", "wakes", "window")

    def __init__(self, transport: str, chance: Stream) -> None:
        self.waiting: dict[int, deque[Frame]] = {}  # by stream, in the order in which the streams began to wait
        self.in_line: dict[int, Piece] = {}  # by stream: the piece that waits for the line
        self.wakes = -1  # the tick for which a look at the window is queued
        self.parked: list[tuple[Piece, int]] = []  # pieces that wait for a cut link, and since when
        self.last_of_flow: dict[int, int] = {}  # with QUIC: the tick of each stream's last arrival
        self.window = None if transport == "ideal" else CongestionWindow(transport)
        self.chance = chance

    def next_frame(self) -> Frame | None:
        """Whose piece goes next: the heaviest stream's that has none in the line, of equal ones the one that waits
        longest; the closing frame when nothing else is left."""
        found: Frame | None = None
        for flow, frames in self.waiting.items():
            if flow not in self.in_line and (flow != LAST or (len(self.waiting) == 1 and not self.in_line)):
                if found is None or frames[0].weight > found.weight:
                    found = frames[0]
        return found

    def take(self, frame: Frame, size: int) -> Piece:
        """Cut a piece off a frame; its stream goes behind the others."""
        piece = Piece(frame, size)
        frames = self.waiting.pop(frame.flow)
        if piece.is_last:
            frames.popleft()
        if frames:
            self.waiting[frame.flow] = frames
        return piece
