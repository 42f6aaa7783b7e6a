"""What both faces of a stream show without waiting: ``BlockingStream`` and ``AsyncStream`` stand on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p2plab.stream.interface import StreamState
from p2plab.stream.netstream import NetStream
from p2plab.typing import Connection, Direction, PeerId

if TYPE_CHECKING:
    from p2plab.typing import World

__all__ = ["StreamFace"]


class StreamFace:
    """A stream of a node, held outside the lab. It equals the ``NetStream`` it is a face of, and its other faces."""

    def __init__(self, stream: NetStream, world: World) -> None:
        self._stream = stream
        self._world = world

    @property
    def id(self) -> int:
        return self._stream.id

    @property
    def protocol(self) -> str:
        return self._stream.protocol

    @property
    def connection(self) -> Connection:
        return self._stream.connection

    @property
    def peer(self) -> PeerId:
        return self._stream.peer

    @property
    def direction(self) -> Direction:
        return self._stream.direction

    @property
    def state(self) -> StreamState:
        return self._stream.state

    @property
    def bytes_in(self) -> int:
        return self._stream.bytes_in

    @property
    def bytes_out(self) -> int:
        return self._stream.bytes_out

    @property
    def queued(self) -> int:
        return self._stream.queued

    @property
    def window(self) -> int:
        return self._stream.window

    @property
    def opened_at(self) -> float:
        return self._stream.opened_at

    def __eq__(self, other: object) -> bool:
        return self._stream is (other._stream if isinstance(other, StreamFace) else other)

    def __hash__(self) -> int:
        return hash(self._stream)

    def __repr__(self) -> str:
        return repr(self._stream).replace("NetStream", type(self).__name__, 1)

    def set_deadline(self, seconds: float | None = None) -> None:
        """Reads and writes begun from now on fail once this many seconds of lab time have passed; None: no deadline."""
        self._world.do(self._stream.set_deadline, seconds)
