"""Pipes of connections that do not go straight: past NAT boxes, or over a relay.

They stand in for ``p2plab.network.Pipe`` at an end of a connection, so that all others cost what they did.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from p2plab.network import Frame, Pipe
from p2plab.network.nat import Arrived, Dropped, Endpoint, Transport

if TYPE_CHECKING:
    from p2plab.mock.connections.connection import MockConnection
    from p2plab.mock.nat.boxes import Boxes
    from p2plab.mock.nat.circuits import MockCircuit

__all__ = ["PassingPipe", "RelayedPipe"]


class PassingPipe(Pipe):
    """One direction of a connection that passes NAT boxes: each frame is judged by them when it is sent.

    ``source_end`` and ``to`` are what the sender's system puts on its packets.
    """

    __slots__ = ("_boxes", "_gave_up", "end", "seen_at", "source_end", "to", "wire")

    def __init__(
        self, boxes: Boxes, end: MockConnection, wire: Transport, source_end: Endpoint, to: Endpoint, seen_at: str
    ) -> None:
        super().__init__(end.host.world.links, end.host.index, end.peer, end.out.transport)
        self._boxes = boxes
        self._gave_up = False
        self.end = end
        self.wire: Transport = wire
        self.source_end = source_end
        self.to = to
        self.seen_at = seen_at  # the multiaddr of the peer, as this end sees it

    def _refresh(self) -> None:
        super()._refresh()
        self.plain_at = ~self._links.version

    def leave(self, frame: Frame) -> None:
        world = self.end.host.world
        passed = self._boxes.realms.send(self.wire, self.source_end, self.to, world.clock.now)
        if isinstance(passed, Arrived):
            super().leave(frame)
            return
        self._dropped(passed)

    def _dropped(self, dropped: Dropped) -> None:
        """Nothing gets through any more; after the time that a dead connection is noticed in, both ends give it up."""
        if self._gave_up:
            return
        self._gave_up = True
        world = self.end.host.world
        self._boxes.note(self.end.host.index, self.end.peer, dropped, self.to)
        world.clock.after(world.connection_timeout, self._give_up, None, None)

    def _give_up(self, _: object, __: object) -> None:
        self.end.closed("timeout")
        self.end.remote.closed("timeout")


class RelayedPipe(Pipe):
    """One direction of a connection over a relay: what is sent goes to the relay, which counts it and passes it on."""

    __slots__ = ("_from_dialler", "circuit", "through")

    def __init__(self, circuit: MockCircuit, from_dialler: bool, source: int, target: int, through: str) -> None:
        world = circuit.relay.world
        super().__init__(world.links, source, target, "ideal")
        self.circuit = circuit
        self._from_dialler = from_dialler
        self.through = through  # the relay's address and /p2p-circuit

    def send(
        self,
        size: int,
        receive: Callable[[Any], object],
        what: Any,
        cause: int,
        flow: int = 0,
        weight: int = 1,
        kind: str = "",
    ) -> None:
        """As ``Pipe.send``; the relay's own connections carry it as bytes of no kind."""
        self.circuit.send(self._from_dialler, size, self, receive, what, cause, weight)

    def close(self) -> None:
        """Lose whatever is on its way; when both directions have closed, the circuit is over."""
        super().close()
        self.circuit.closed_one()
