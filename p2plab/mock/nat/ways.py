"""How a mock node gets to others past NAT boxes and over relays: what the simulated network gives to ``host.nat``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from p2plab.errors import DialError
from p2plab.host.nat.relaying import ask_for_circuit
from p2plab.identity.address import Address, parse_address
from p2plab.mock.connections.connection import MockConnection
from p2plab.mock.connections.dial import dial, introduced
from p2plab.mock.connections.transports import wire_of
from p2plab.mock.nat.boxes import Boxes
from p2plab.mock.nat.circuits import MockCircuit
from p2plab.mock.nat.punching import punch
from p2plab.nat.autonat_v2 import say_nonce
from p2plab.nat.autonat_v2_messages import DIAL_BACK_ID
from p2plab.nat.dcutr import PATIENCE
from p2plab.nat.relay import Circuit
from p2plab.network.nat import Arrived, Dropped, Endpoint, Transport
from p2plab.stream import NetStream, StreamError
from p2plab.typing import PeerId

if TYPE_CHECKING:
    from p2plab.host.names import Target
    from p2plab.mock.basis import MockBasis

__all__ = ["Ways"]

Route = Callable[[MockConnection], None]


class Ways:
    """One node's, in a lab that has boxes."""

    def __init__(self, host: MockBasis, boxes: Boxes) -> None:
        self._host = host
        self._boxes = boxes
        self._circuits: dict[int, MockCircuit] = {}  # those that go over this node, by their numbers
        self.unanswered: dict[str, int] = {}  # by target: the event that says which box kept the last dial from it

    # -- dialling

    async def dial(self, address: Address, target: Target) -> MockConnection:
        """As ``MockBasis.dial``."""
        host = self._host
        if address.relayed:
            connection = await self._dial_relayed(address, target)
            self.unanswered.pop(target.named, None)
            return connection
        self.unanswered.pop(target.named, None)
        transport = host.transport_for(address)
        control = host.admission_control
        entry = None if control is None else control.dial(target.peer_id, address.base)
        found = self._way(address, self._boxes.endpoint(host), target)
        if found is None:
            await host.world.runtime.waiter().wait()  # nothing comes back: the time limit ends this
        assert found is not None
        listener, route = found
        if listener is host:
            raise DialError(f"{host.name} cannot dial itself")
        connection = await dial(host, listener, target.peer_id, transport, entry, route)
        return await introduced(connection)

    def _way(self, address: Address, source: Endpoint, target: Target) -> tuple[MockBasis, Route] | None:
        """Who answers at an address, and the way there and back; None where nothing does. DialError where the packet
        cannot even leave."""
        host, boxes, world = self._host, self._boxes, self._host.world
        to = Endpoint(address.ip or "", address.port or 0)
        now, wire = world.clock.now, wire_of(host.transport_for(address))
        peer = -1 if target.peer_id is None else world.index_of(target.peer_id)
        left = boxes.realms.leave(wire, source, to, now)
        if isinstance(left, Dropped):
            boxes.note(host.index, peer, left, to)
            raise DialError(f"no route: {left.rule}")
        there = boxes.realms.enter(wire, left, now)
        if isinstance(there, Dropped):
            self.unanswered[target.named] = boxes.note(host.index, peer, there, to)
            return None
        listener = world.listeners.at(there.at.ip, there.at.port)
        if listener is None:
            return None
        back = boxes.realms.send(wire, there.at, there.source, now)
        if isinstance(back, Dropped):
            self.unanswered[target.named] = boxes.note(listener.index, host.index, back, there.source)
            return None
        if back.at != source or back.source != to:
            rule = f"the answer comes from {back.source}, and {to} was asked"
            mapped = Dropped("" if boxes.box_of(listener) is None else str(boxes.box_of(listener)), rule, "filtered")
            self.unanswered[target.named] = boxes.note(listener.index, host.index, mapped, there.source)
            return None
        if not boxes.passes(host, listener) and source == boxes.endpoint(host):
            return listener, _straight
        return listener, partial(_routed, boxes, wire, source, to, there)

    def wired(self, listener: MockBasis, transport: str) -> Route:
        """The way of a connection that is wired, without handshakes. DialError where a box is in it."""
        from p2plab.host.names import Target

        host = self._host
        address = listener.address_over(transport)
        target = Target(listener.name, listener.peer_id, (address,))
        refusal = f"{host.name} cannot be wired to {listener.name}, who stands behind a NAT: connect dials over a relay"
        try:
            found = self._way(parse_address(address), self._boxes.endpoint(host), target)
        except DialError as error:
            raise DialError(refusal) from error
        if found is None or found[0] is not listener:
            raise DialError(refusal)
        return found[1]

    async def dial_direct(self, peer: int, address: str) -> None:
        """Dial a peer at an address although it is connected already (connection reversal). Raises DialError."""
        from p2plab.host.names import Target

        host = self._host
        peer_id = host.world.peer_id_at(peer)
        host.record("connection.dialled", peer, data={"address": address})
        await self.dial(parse_address(address).with_peer(None), Target(str(peer_id), peer_id, (address,)))

    async def dial_back(self, peer: PeerId, address: Address, nonce: int | None) -> None:
        """As ``Host.dial_back``."""
        from p2plab.host.names import Target

        host = self._host
        index = host.world.index_of(peer)
        host.record("connection.dialled", index, data={"address": address.base})
        target = Target(str(peer), peer, (address.base,))
        found = self._way(address, self._boxes.fresh_endpoint(host), target)
        if found is None:
            await host.world.runtime.sleep(PATIENCE)
            raise DialError("unreachable: nothing came back")
        listener, route = found
        connection = await dial(host, listener, peer, host.transport_for(address), None, route)
        try:
            if nonce is not None:
                await say_nonce(await host.switch.open(connection, [DIAL_BACK_ID]), nonce)
        finally:
            connection.close("closed here")

    # -- relays

    async def _dial_relayed(self, address: Address, target: Target) -> MockConnection:
        host = self._host
        if target.peer_id is None:
            raise DialError("no route: a relayed address ends in the /p2p/… of whom it leads to")
        stream, _limit = await ask_for_circuit(host, address, target.peer_id)
        circuit = self._boxes.circuits.get(stream.id)
        listener = host.world.find(target.peer_id)
        if circuit is None or listener is None or not circuit.is_open:
            raise DialError("relay gone: the circuit ended before anything crossed it")
        connection = await dial(host, listener, target.peer_id, host.transports[0], None, circuit.join)
        return await introduced(connection)

    def bridge(self, hop: NetStream, stop: NetStream, circuit: Circuit, ended: Callable[[str], None]) -> None:
        """As ``Host.bridge``."""
        by_id = {connection.id: connection for connection in self._host.each_connection()}
        made = MockCircuit(circuit, by_id[hop.connection.id], by_id[stop.connection.id], ended)
        self._circuits[circuit.number] = made
        for stream in (hop, stop):
            self._boxes.circuits[stream.id] = made
            self._host.spawn(partial(self._watch, stream, made), f"{self._host.name} carrying a circuit")

    async def _watch(self, stream: NetStream, circuit: MockCircuit) -> None:
        """One of the two connections may end, or its stream."""
        with suppress(StreamError):
            await stream.read(1)
        circuit.end("relay gone")

    async def carried(self, hop: NetStream, stop: NetStream, circuit: Circuit) -> None:
        """As ``Host.carried``."""
        await self._circuits[circuit.number].over.wait()
        del self._circuits[circuit.number]
        for stream in (hop, stop):
            self._boxes.circuits.pop(stream.id, None)
            await stream.reset()

    def cut_circuit(self, circuit: Circuit, reason: str) -> None:
        """As ``Host.cut_circuit``."""
        made = self._circuits.get(circuit.number)
        if made is not None:
            made.end(reason)

    async def accept_circuit(self, stream: NetStream) -> None:
        """As ``Host.accept_circuit``: the frames come by themselves; the stream only has to stay."""
        with suppress(StreamError):
            await stream.read(1)

    # -- punching

    async def punch(self, peer: int, addresses: Sequence[str], client: bool, attempt: int) -> bool:
        """As ``Host.punch``."""
        host, boxes = self._host, self._boxes
        other = host.world.host_at(peer)
        heard = await punch(host, other, addresses, attempt)
        if not heard:
            return False
        if not client:
            return await self._direct(peer)
        theirs = boxes.punches.get((peer, host.index))
        met = (
            next(((*mine, back) for mine in heard for kind, back in theirs.heard if kind == mine[0]), None)
            if theirs
            else None
        )
        if met is None:
            return False
        wire, to, back = met
        address = boxes.address_of(to, wire)
        host.record("connection.dialled", peer, data={"address": address})
        source, listens = boxes.endpoint(host), boxes.endpoint(other)
        transport = host.transport_for(parse_address(address))

        def route(end: MockConnection) -> None:
            boxes.route(end, wire, source, to, back, listens)

        try:
            connection = await host.world.runtime.within(
                PATIENCE,
                partial(dial, host, other, other.peer_id, transport, None, route),
            )
            await introduced(connection)
        except (DialError, TimeoutError):
            return False
        return True

    async def _direct(self, peer: int) -> bool:
        """Wait for the direct connection that the other end dials."""
        assert self._host.reachability is not None
        return await self._host.reachability.comes_direct(peer)


def _straight(_: MockConnection) -> None:
    """No box is on the way."""


def _routed(
    boxes: Boxes, wire: Transport, source: Endpoint, to: Endpoint, there: Arrived, connection: MockConnection
) -> None:
    boxes.route(connection, wire, source, to, there.source, there.at)
