"""Circuits of real nodes (relay/circuit-v2.md): bytes of one stream that a relay passes on to another.

At the two ends the stream takes the place of a socket: py-libp2p secures and multiplexes what goes over it, as it does
with any raw connection.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import trio
from libp2p.io.abc import ReadWriteCloser
from libp2p.io.exceptions import ConnectionClosedError

from p2plab.nat.relay import Circuit
from p2plab.real.transports.ends import Ends
from p2plab.stream import NetStream, StreamError
from p2plab.typing import PeerId

__all__ = ["CircuitStream", "RealCircuit"]

PIECE: Final = 64 * 1024  # bytes that a relay takes at a time
ORDERLY: Final = "closed by peer"  # why a circuit is over that both ends have closed


class CircuitStream(ReadWriteCloser):
    """A stream to a relay, for the library to make a connection of."""

    def __init__(self, stream: NetStream, ends: Ends) -> None:
        self.ends = ends
        self._stream = stream

    async def read(self, n: int | None = None) -> bytes:
        if n == 0:
            return b""
        try:
            return await self._stream.read(PIECE if n is None else n)
        except StreamError:
            return b""  # the connection is gone, which its muxer finds out by an end in the middle

    async def write(self, data: bytes) -> None:
        try:
            await self._stream.write(data)
        except StreamError as error:
            raise ConnectionClosedError(str(error), transport="p2p-circuit") from error

    async def close(self) -> None:
        with suppress(StreamError):
            await self._stream.close()

    def get_remote_address(self) -> tuple[str, int] | None:
        return None


class RealCircuit:
    """One that goes over this node. ``ended(reason)`` is called once, when it is over; ``is_up`` says whether both of
    the relay's connections live."""

    def __init__(
        self,
        circuit: Circuit,
        hop: NetStream,
        stop: NetStream,
        ended: Callable[[str], None],
        is_up: Callable[[], bool],
    ) -> None:
        self._circuit = circuit
        self._hop = hop
        self._stop = stop
        self._ended: Callable[[str], None] | None = ended
        self._is_up = is_up
        self._over = trio.Event()

    async def carry(self) -> None:
        """Pass bytes on, both ways, until it is over."""
        reason = "relay gone"
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._until_over, nursery.cancel_scope)
                async with trio.open_nursery() as ways:
                    ways.start_soon(self._pass, self._hop, self._stop, self._circuit.source)
                    ways.start_soon(self._pass, self._stop, self._hop, self._circuit.target)
                reason = ORDERLY
                nursery.cancel_scope.cancel()
        finally:
            self.end(reason)
            with trio.CancelScope(shield=True):
                for stream in (self._hop, self._stop):
                    await (stream.close() if reason == ORDERLY else stream.reset())

    async def _until_over(self, scope: trio.CancelScope) -> None:
        await self._over.wait()
        scope.cancel()

    async def _pass(self, source: NetStream, to: NetStream, sender: PeerId) -> None:
        """One way: exactly as many bytes as the limit allows are passed on, and the next one ends the circuit."""
        circuit = self._circuit
        while True:
            left = PIECE if circuit.limit is None else circuit.limit - circuit.passed.get(sender, 0)
            try:
                data = await source.read(min(PIECE, max(left, 1)))
                if not data:
                    await to.close_write()
                    return
                if not circuit.pass_on(sender, len(data)):
                    self.end("data limit")
                    return
                await to.write(data)
            except StreamError:
                self.end(ORDERLY if self._is_up() else "relay gone")
                return

    def end(self, reason: str) -> None:
        """It is over, for a reason of the relay's; both streams are reset then."""
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(reason)
        self._over.set()
