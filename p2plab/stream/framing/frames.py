"""What taps on a connection tell whoever records its frames, in any world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from p2plab.typing import PeerId

__all__ = ["FrameSink", "Sinks", "Way", "Wire"]

Way = Literal["sent", "received"]


@dataclass(frozen=True, slots=True)
class Wire:
    """One end of a connection, at a node. ``local`` and ``remote`` are the multiaddrs of the two sockets; the peer of
    a connection that came in is not known (an empty id) before it has proved who it is."""

    connection: int
    node: str
    peer: PeerId
    transport: str
    local: str
    remote: str
    outbound: bool


class FrameSink(Protocol):
    """Who records frames. It is called inside the lab, and returns at once."""

    encrypted: bool  # whether it wants what crosses the network, and not what was encrypted or decrypted

    def frame(self, wire: Wire, way: Way, offset: int, data: bytes, protocol: str) -> None:
        """``data``, a frame where the muxer is known, crossed after ``offset`` bytes in the same direction; it belongs
        to a stream of ``protocol`` (``""`` where that is not known)."""

    def closed(self, wire: Wire, way: Way, offset: int) -> None:
        """Nothing more comes in this direction, after ``offset`` bytes."""

    def over(self) -> None:
        """The lab is closing."""


class Sinks:
    """Who in a lab records frames. Any thread may change it, and the lab's own tells them."""

    def __init__(self) -> None:
        self.sinks: tuple[FrameSink, ...] = ()

    def add(self, sink: FrameSink) -> None:
        """Tell a sink of every frame from now on."""
        self.sinks = (*self.sinks, sink)
        self.changed()

    def remove(self, sink: FrameSink) -> None:
        """Undo ``add``."""
        self.sinks = tuple(other for other in self.sinks if other is not sink)
        self.changed()

    def changed(self) -> None:
        """Others than before are told."""

    def over(self) -> None:
        """The lab is closing."""
        for sink in self.sinks:
            sink.over()

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "sinks": ()}  # a copy of the lab is watched by nobody
