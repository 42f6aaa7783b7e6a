"""The NAT boxes of a mock lab: which node stands behind which, and what they let through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from p2plab.mock.connections.transports import address_at, wire_of
from p2plab.network.nat import Box, Dropped, Endpoint, Realms, Transport

if TYPE_CHECKING:
    from p2plab.mock.basis import MockBasis
    from p2plab.mock.connections.connection import MockConnection
    from p2plab.mock.nat.circuits import MockCircuit
    from p2plab.mock.nat.punching import Punch
    from p2plab.mock.protocols import NodeWorld

__all__ = ["Boxes"]


class Boxes:
    """One a lab, from when the first box or relay is there."""

    def __init__(self, world: NodeWorld) -> None:
        self._world = world
        self.realms = Realms()
        self.circuits: dict[int, MockCircuit] = {}  # by the number of the streams that carry them
        self.punches: dict[tuple[int, int], Punch] = {}
        self._near: dict[str, int] = {}  # by a box's outside address: a node behind it, for the latency of its links
        self._fresh_port = 50_000
        self._count = 0
        self._second_ip: dict[int, str] = {}  # by node: the address that it dials back from
        for host in world.all_hosts():
            self.realms.place(host.ip, None)

    def next_box(self) -> int:
        """A number for a box."""
        self._count += 1
        return self._count

    def wires(self, host: MockBasis) -> Sequence[Transport]:
        """What a node's packets are to a NAT, the kind that is dialled first in front."""
        return sorted({wire_of(one) for one in host.transports}, reverse=True)

    def box_of(self, host: MockBasis) -> Box | None:
        """The innermost box that a node stands behind."""
        return self.realms.realm_of(host.ip)

    def put_behind(self, host: MockBasis, box: Box) -> None:
        """A node stands behind a box, at the address it has by now."""
        self.realms.place(host.ip, box)
        outer: Box | None = box
        while outer is not None:
            self._near.setdefault(outer.ip, host.index)
            outer = outer.outer

    def near(self, ip: str) -> int | None:
        """A node whose links are those of an address: its own, or one behind that box. None for a stranger's."""
        there = self._world.any_at(ip)
        return there.index if there is not None else self._near.get(ip)

    def endpoint(self, host: MockBasis) -> Endpoint:
        """Where a node sends from: the port that it listens at, as libp2p reuses it."""
        return Endpoint(host.ip, host.port)

    def fresh_endpoint(self, host: MockBasis) -> Endpoint:
        """Where a node dials back from for AutoNAT: a port that it does not listen at, another one each time, at an
        IP address other than it is known by (autonat-v1.md allows both). From its own, a box with address-dependent
        filtering would let the dial in, and its node would take itself for reachable."""
        ip = self._second_ip.get(host.index)
        if ip is None:
            ip = self._second_ip[host.index] = self._world.listeners.box_ip()
            self.realms.place(ip, self.box_of(host))
        self._fresh_port += 1
        return Endpoint(ip, self._fresh_port)

    def note(self, sender: int, peer: int, dropped: Dropped, to: Endpoint) -> int:
        """A box dropped a packet; returns the event."""
        data = {"box": dropped.box, "rule": dropped.rule, "address": str(to)}
        return self._world.events.record("nat.dropped", sender, peer, reason=dropped.reason, data=data)

    def is_behind(self, host: MockBasis) -> bool:
        """Whether a node stands behind any box."""
        return self.box_of(host) is not None

    def passes(self, a: MockBasis, b: MockBasis) -> bool:
        """Whether what the two send each other meets a box at all."""
        return self.box_of(a) is not self.box_of(b)

    def address_of(self, endpoint: Endpoint, wire: Transport) -> str:
        """An endpoint as a multiaddr."""
        return address_at(endpoint, wire)

    def route(
        self,
        connection: MockConnection,
        wire: Transport,
        source: Endpoint,
        to: Endpoint,
        back: Endpoint,
        listens: Endpoint,
    ) -> None:
        """A new connection passes boxes: the dialler sends from ``source`` to ``to``, and the listener, at ``listens``,
        sees it at ``back``."""
        from p2plab.mock.nat.pipes import PassingPipe

        connection.out = PassingPipe(self, connection, wire, source, to, address_at(to, wire))
        connection.remote.out = PassingPipe(self, connection.remote, wire, listens, back, address_at(back, wire))
