"""Circuits in the mock world (relay/circuit-v2.md): what two nodes send each other goes over the relay's two
connections, frame by frame, and the relay counts it.

The messages that make a circuit are bytes on real streams (``p2plab.host.nat``); once it is there, frames pass as they
do on any mock connection, as objects of their real size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from p2plab.mock.driver.tasks import Signal
from p2plab.mock.nat.pipes import RelayedPipe
from p2plab.nat.relay import Circuit

if TYPE_CHECKING:
    from p2plab.mock.connections.connection import MockConnection

__all__ = ["MockCircuit"]


class MockCircuit:
    """The frames of one circuit. ``hop`` is the relay's stream to the dialler, ``stop`` its stream to the target."""

    def __init__(
        self, circuit: Circuit, hop: MockConnection, stop: MockConnection, ended: Callable[[str], None]
    ) -> None:
        """``hop`` and ``stop`` are the relay's ends of its connections to the two; ``ended`` is told why, once."""
        self.circuit = circuit
        self._hop = hop
        self._stop = stop
        self._ended: Callable[[str], None] | None = ended
        self._ends: list[MockConnection] = []
        self.relay = hop.host
        self.over = Signal(hop.host.world.clock)  # set when it has ended

    @property
    def is_open(self) -> bool:
        """Whether both of the relay's connections live, and nothing has ended it."""
        return self._ended is not None and self._hop.usable and self._stop.usable

    def join(self, end: MockConnection) -> None:
        """Let a new connection between the two go over it. ``end`` is the dialler's."""
        a, b = end.host, end.remote.host
        through = f"{self.relay.address_over(self._hop.out.transport)}/p2p/{self.relay.peer_id}/p2p-circuit"
        end.out = RelayedPipe(self, True, a.index, b.index, through)
        end.remote.out = RelayedPipe(self, False, b.index, a.index, through)
        self._ends = [end, end.remote]

    def closed_one(self) -> None:
        """One direction has closed."""
        if self._ends and not any(end.out.is_open for end in self._ends):
            self.end("closed by peer")

    def send(
        self,
        from_dialler: bool,
        size: int,
        pipe: RelayedPipe,
        receive: Callable[[Any], object],
        what: Any,
        cause: int,
        weight: int,
    ) -> None:
        """One frame, to the relay first."""
        if not self.is_open:
            return
        first = (self._hop if from_dialler else self._stop).remote
        sender = self.circuit.source if from_dialler else self.circuit.target

        def at_relay(_: object) -> None:
            if not self.is_open:
                return
            if not self.circuit.pass_on(sender, size):
                self.end("data limit")
                return
            second = self._stop if from_dialler else self._hop
            log = self.relay.world.events
            second.out.send(size + second.overhead, arrive, None, log.cause, weight=weight)

        def arrive(_: object) -> None:
            if pipe.is_open:
                receive(what)

        first.out.send(size + first.overhead, at_relay, None, cause, weight=weight)

    def end(self, reason: str) -> None:
        """End it, for a reason of the relay's: both ends of what goes over it find their connection reset."""
        ended, self._ended = self._ended, None
        if ended is None:
            return
        for end in self._ends:
            end.closed(reason)
        self.over.set()
        ended(reason)
