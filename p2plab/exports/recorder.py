"""The newest frames of a lab, kept in memory for who looks at them: an inspector, a test."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from p2plab.errors import ValidationError
from p2plab.text import plural

if TYPE_CHECKING:
    from p2plab.stream.framing.frames import Way, Wire
    from p2plab.worlds import World

__all__ = ["RecordedFrame", "Recorder"]

MAX_FRAMES: Final = 5_000
MAX_BYTES: Final = 8 * 1024 * 1024


class RecordedFrame(NamedTuple):
    """A frame that ``sender`` sent to ``receiver`` ("" for one whose name is not known) at ``t`` seconds of lab time,
    on a stream of ``protocol`` ("" where that is not known)."""

    t: float
    sender: str
    receiver: str
    protocol: str
    data: bytes


class Recorder:
    """Records what crosses a lab's connections until ``close()``; the newest ``max_frames`` and ``max_bytes`` are kept.
    ``begun`` is when it began, in seconds of lab time."""

    encrypted = False

    def __init__(self, world: World, max_frames: int = MAX_FRAMES, max_bytes: int = MAX_BYTES) -> None:
        for name, value in (("max_frames", max_frames), ("max_bytes", max_bytes)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValidationError(f"{name} is how much is kept at most, a whole number from 1 up, not {value!r}")
        self._world: World | None = world
        self._most = (max_frames, max_bytes)
        self._frames: deque[RecordedFrame] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self.begun = world.now
        self._untap: Callable[[], None] = world.tap(self)

    def __repr__(self) -> str:
        state = "closed" if self._world is None else "recording"
        return f"<Recorder since {self.begun:.3f} s, {state}: {plural(len(self._frames), 'frame')}>"

    def frames(self, one: str | None = None, other: str | None = None) -> list[RecordedFrame]:
        """The frames kept, in order; those of a node, or between two."""
        with self._lock:
            kept = list(self._frames)
        wanted = {name for name in (one, other) if name is not None}
        return [frame for frame in kept if wanted <= {frame.sender, frame.receiver}]

    def close(self) -> None:
        """Record no longer. What is kept stays; the lab is held no longer."""
        untap, self._untap, self._world = self._untap, _nothing, None
        untap()

    # -- FrameSink

    def frame(self, wire: Wire, way: Way, offset: int, data: bytes, protocol: str) -> None:
        """Keep a frame, if it is one of those wanted."""
        peer = wire.peer.name or wire.peer.short if wire.peer else ""
        sender, receiver = (wire.node, peer) if way == "sent" else (peer, wire.node)
        world = self._world
        if world is None:
            return
        with self._lock:
            self._frames.append(RecordedFrame(world.now, sender, receiver, protocol, data))
            self._bytes += len(data)
            while len(self._frames) > self._most[0] or self._bytes > self._most[1]:
                self._bytes -= len(self._frames.popleft().data)

    def closed(self, wire: Wire, way: Way, offset: int) -> None:
        """A direction of a connection has ended: that has no bytes."""

    def over(self) -> None:
        """The lab is closing: what is kept stays."""


def _nothing() -> None:
    """What is left to undo once it is undone."""
