"""The open streams of one node, by connection, peer and protocol."""

from __future__ import annotations

from collections.abc import Iterator

from p2plab.stream.netstream import NetStream

__all__ = ["StreamTable"]


class StreamTable:
    """Holds a stream from its opening to its end; give ``discard`` to NetStream as ``ended``."""

    __slots__ = ("_counts", "_streams")

    def __init__(self) -> None:
        self._streams: dict[int, NetStream] = {}
        self._counts: dict[tuple[str, str, str], int] = {}  # by peer, protocol and direction

    def add(self, stream: NetStream) -> None:
        """A stream was opened."""
        self._streams[id(stream)] = stream
        key = (str(stream.peer), stream.protocol, stream.direction)
        self._counts[key] = self._counts.get(key, 0) + 1

    def discard(self, stream: NetStream) -> None:
        """A stream has ended; one that is not here changes nothing."""
        if self._streams.pop(id(stream), None) is None:
            return
        key = (str(stream.peer), stream.protocol, stream.direction)
        left = self._counts.pop(key) - 1
        if left:
            self._counts[key] = left

    def __iter__(self) -> Iterator[NetStream]:
        return iter(list(self._streams.values()))

    def __len__(self) -> int:
        return len(self._streams)

    def find(
        self, peer: str | None = None, protocol: str | None = None, connection: int | None = None
    ) -> list[NetStream]:
        """The open streams that match all that is given, oldest first; ``connection`` is a Connection's id."""
        return [
            stream
            for stream in self._streams.values()
            if (peer is None or stream.peer == peer)
            and (protocol is None or stream.protocol == protocol)
            and (connection is None or stream.connection.id == connection)
        ]

    def inbound(self, peer: str, protocol: str) -> int:
        """How many streams of this protocol the peer has open here, for protocols that bound them."""
        return self._counts.get((str(peer), protocol, "inbound"), 0)
