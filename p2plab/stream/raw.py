"""What a world gives for each open stream; ``NetStream`` makes of it what users hold."""

from __future__ import annotations

from typing import Protocol

from p2plab.typing import Connection, Direction

__all__ = ["RawStream"]


class RawStream(Protocol):
    """A reliable, bidirectional stream of bytes on a connection, with back-pressure.

    Every method may raise StreamError, of kind ``reset`` once either end has reset the stream or its connection is
    gone. A ``receive`` that is waiting when this end calls ``stop`` or ``reset`` must not go on waiting.
    """

    @property
    def id(self) -> int:
        """A number that no other stream of this end's connection has."""

    @property
    def protocol(self) -> str:
        """The protocol id that the two ends agreed on, such as ``/ipfs/ping/1.0.0``."""

    @property
    def direction(self) -> Direction:
        """``outbound`` at the end that opened it, ``inbound`` at the other."""

    @property
    def connection(self) -> Connection:
        """The connection it is on, as this end sees it."""

    @property
    def queued(self) -> int:
        """Bytes that have arrived and were not read yet."""

    @property
    def credit(self) -> int:
        """Bytes that may be sent before the peer has to read."""

    async def receive(self, limit: int) -> bytes:
        """At least one byte and at most ``limit``, as soon as there is any; ``b""`` once the peer has ended."""

    async def send(self, data: bytes) -> None:
        """Hand over all of it; waits while the peer's window is full."""

    async def end(self) -> None:
        """Half-close: nothing more will be sent, the peer reads to the end."""

    async def stop(self) -> None:
        """Nothing more will be read; what still arrives is thrown away."""

    async def reset(self) -> None:
        """Tear down both directions at once; what is on its way is lost."""
