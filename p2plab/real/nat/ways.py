"""How a real node gets to others over relays, and dials beside the connections it has: what py-libp2p's transports give
to ``host.nat``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from p2plab.admission.request import RefusedError
from p2plab.errors import DialError
from p2plab.host.names import Target
from p2plab.host.nat.relaying import ask_for_circuit
from p2plab.identity.address import Address, parse_address
from p2plab.nat.autonat_v2 import say_nonce
from p2plab.nat.autonat_v2_messages import DIAL_BACK_ID
from p2plab.nat.dcutr import PATIENCE
from p2plab.nat.relay import Circuit
from p2plab.nat.relay_messages import RelayLimit
from p2plab.real.connections.connections import RealConnection
from p2plab.real.connections.dial import dial_over
from p2plab.real.connections.trail import CircuitEnded
from p2plab.real.nat.circuits import CircuitStream, RealCircuit
from p2plab.real.nat.punching import punch
from p2plab.real.transports.ends import Ends, OverRelay
from p2plab.stream import NetStream
from p2plab.typing import PeerId

if TYPE_CHECKING:
    from p2plab.real.basis import RealBasis

__all__ = ["Ways"]


class Ways:
    """One node's."""

    def __init__(self, host: RealBasis) -> None:
        self._host = host
        self._circuits: dict[int, RealCircuit] = {}  # those that go over this node, by their numbers

    # -- dialling

    async def dial_relayed(self, address: Address, target: Target) -> Any:
        """The library's connection over a relay. Raises DialError, RefusedError."""
        host = self._host
        if target.peer_id is None:
            raise DialError("no route: a relayed address ends in the /p2p/… of whom it leads to")
        stream, limit = await ask_for_circuit(host, address, target.peer_id)
        through = address.base.partition("/p2p-circuit")[0]
        ends = self._ends(stream, through, target.peer_id, limit)
        try:
            return await dial_over(host.stack.swarm, CircuitStream(stream, ends), ends.remote, str(target.peer_id))
        except BaseException:
            await stream.reset()
            raise

    def _ends(self, stream: NetStream, relay: str, peer: PeerId, limit: RelayLimit | None) -> Ends:
        """Of a connection over a stream to a relay, whose address this is."""
        me, carrier = self._host.peer_id, (stream.connection.id, stream.id)
        over = OverRelay(str(stream.peer), str(me), str(peer), limit is not None, carrier)
        through = f"{relay}/p2p-circuit/p2p"
        ends = f"{through}/{me}", f"{through}/{peer}"  # the relay's address may be another one at the other end
        return Ends("p2p-circuit", *ends, over=over, known_by=(f"{stream.peer} {me}", f"{stream.peer} {peer}"))

    async def dial_direct(self, peer: int, address: str) -> None:
        """As ``Host.dial_direct``."""
        host, peer_id = self._host, self._host.world.peer_id_at(peer)
        host.record("connection.dialled", peer, data={"address": address})
        base = parse_address(address).base
        try:
            await host.dial(base, Target(str(peer_id), peer_id, (base,)))
        except RefusedError as error:
            raise DialError(str(error)) from error

    async def dial_back(self, peer: PeerId, address: Address, nonce: int | None) -> None:
        """As ``Host.dial_back``."""
        boxes = self._host.world.boxes
        with nullcontext() if boxes is None or self._host.ip is None else boxes.from_elsewhere(self._host):
            connection = await self._beside(peer, address.base)
        try:
            if nonce is not None:
                await say_nonce(await self._host.switch.open(connection, [DIAL_BACK_ID]), nonce)
        finally:
            connection.close("closed here")

    async def _beside(self, peer: PeerId, address: str) -> RealConnection:
        """A connection beside those there are. Raises DialError."""
        host = self._host
        host.record("connection.dialled", host.world.index_of(peer), data={"address": address})
        dial = partial(host.dial, address, Target(str(peer), peer, (address,)))
        try:
            return await host.world.runtime.within(PATIENCE, dial)
        except TimeoutError as error:
            raise DialError(host.unreachable.format(seconds=PATIENCE)) from error
        except RefusedError as error:
            raise DialError(str(error)) from error

    # -- relays

    def bridge(self, hop: NetStream, stop: NetStream, circuit: Circuit, ended: Callable[[str], None]) -> None:
        """As ``Host.bridge``: bytes pass once it is carried."""
        host = self._host
        numbers = {hop.connection.id, stop.connection.id}

        def over(reason: str) -> None:
            ended(reason)
            event = host.world.events.filter(kind="relay.ended", node=host.name)[-1]
            for stream in (hop, stop):
                host.world.directory.trail.leave(CircuitEnded(stream.connection.id, stream.id), event.seq)

        def is_up() -> bool:
            return numbers <= {connection.id for connection in host.each_connection() if connection.usable}

        self._circuits[circuit.number] = RealCircuit(circuit, hop, stop, over, is_up)

    async def carried(self, circuit: Circuit) -> None:
        """As ``Host.carried``."""
        try:
            await self._circuits[circuit.number].carry()
        finally:
            self._circuits.pop(circuit.number, None)

    def cut_circuit(self, circuit: Circuit, reason: str) -> None:
        """As ``Host.cut_circuit``."""
        made = self._circuits.get(circuit.number)
        if made is not None:
            made.end(reason)

    async def accept_circuit(self, stream: NetStream, source: PeerId, limit: RelayLimit | None) -> None:
        """As ``Host.accept_circuit``."""
        host = self._host
        held = {} if host.reachability is None else host.reachability.client.relays.relays()
        known = held.get(stream.peer, ())
        relay = next((text for text in known if parse_address(text).peer_id == stream.peer), None)
        if relay is None:
            relay = f"{parse_address(stream.connection.remote_address).base}/p2p/{stream.peer}"
        await host.stack.swarm.take_in(CircuitStream(stream, self._ends(stream, relay, source, limit)))

    # -- punching

    async def punch(self, peer: int, addresses: Sequence[str], client: bool, attempt: int) -> bool:
        """As ``Host.punch``. Between sockets the dialler dials at the moment agreed on, and the other end waits: a
        simultaneous open needs a NAT in between, which the loopback has not. In memory packets pass the boxes first."""
        host, peer_id = self._host, self._host.world.peer_id_at(peer)
        other, boxes = host.world.find(peer_id), host.world.boxes
        if boxes is not None and host.ip is not None and other is not None and other.ip is not None:
            addresses = [boxes.address_of(at) for at in await punch(boxes, host, other, addresses, attempt)][:1]
            if not addresses:
                return False
        if client:
            for address in addresses:
                with suppress(DialError):
                    await self._beside(peer_id, address)
                    return True
            return False
        assert host.reachability is not None
        return await host.reachability.comes_direct(peer)
