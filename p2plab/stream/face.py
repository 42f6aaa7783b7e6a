"""What both faces of a stream show without waiting, and the one thing that each has alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from p2plab.errors.frames import Faced
from p2plab.stream.interface import StreamState
from p2plab.stream.netstream import NetStream
from p2plab.typing import Connection, Direction, PeerId

if TYPE_CHECKING:
    from p2plab.stream.aio import AsyncStream
    from p2plab.typing import LabCalls

__all__ = ["AsyncStreamOnly", "BlockingStreamOnly", "StreamFace"]


class StreamFace(Faced):
    """A stream of a node, held outside the lab. It equals the ``NetStream`` it is a face of, and its other faces."""

    def __init__(self, stream: NetStream, world: LabCalls) -> None:
        self._stream = stream
        self._world = world

    @property
    def id(self) -> int:
        """A number that no other stream of this end's connection has."""
        return self._stream.id

    @property
    def protocol(self) -> str:
        """The protocol id that was agreed."""
        return self._stream.protocol

    @property
    def connection(self) -> Connection:
        """The connection it runs over, as this end sees it."""
        return self._stream.connection

    @property
    def peer(self) -> PeerId:
        """The peer at the other end."""
        return self._stream.peer

    @property
    def direction(self) -> Direction:
        """``outbound`` at the end that opened it, ``inbound`` at the other."""
        return self._stream.direction

    @property
    def state(self) -> StreamState:
        """``open``, ``read closed``, ``write closed``, ``closed`` or ``reset``."""
        return self._stream.state

    @property
    def bytes_in(self) -> int:
        """Bytes read from it so far."""
        return self._stream.bytes_in

    @property
    def bytes_out(self) -> int:
        """Bytes written to it so far."""
        return self._stream.bytes_out

    @property
    def queued(self) -> int:
        """Bytes that have arrived and were not read yet."""
        return self._stream.queued

    @property
    def window(self) -> int:
        """Bytes that may be written before the peer has to read: what is left of its credit window."""
        return self._stream.window

    @property
    def opened_at(self) -> float:
        """When it was opened, in seconds of lab time."""
        return self._stream.opened_at

    def __eq__(self, other: object) -> bool:
        return self._stream is (other._stream if isinstance(other, StreamFace) else other)

    def __hash__(self) -> int:
        return hash(self._stream)

    def __repr__(self) -> str:
        return repr(self._stream).replace("NetStream", type(self).__name__, 1)

    def set_deadline(self, seconds: float | None = None) -> None:
        """Have reads and writes that begin from now on fail once some time has passed.

        Args:
            seconds: lab time from now; None takes the deadline away
        """
        self._world.call(self._stream.set_deadline, seconds)


class AsyncStreamOnly(StreamFace):
    """What ``AsyncStream`` has and ``BlockingStream`` has not."""

    @property
    def node(self) -> Any:
        """The node at this end, whose verbs a handler may await."""
        return self._stream.node


class BlockingStreamOnly(StreamFace):
    """What ``BlockingStream`` has and ``AsyncStream`` has not."""

    @property
    def aio(self) -> AsyncStream:
        """The same stream for code that awaits."""
        from p2plab.stream.aio import AsyncStream

        return AsyncStream(self._stream, self._world)
