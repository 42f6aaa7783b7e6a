"""py-libp2p's relay (circuit v2, 0.8.1). Its limits are those of ``RelayParams``, of which it knows no ``per_ip``."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import trio
from libp2p.peer.id import ID
from libp2p.relay.circuit_v2.protocol import CircuitV2Protocol
from libp2p.relay.circuit_v2.protocol_buffer import StatusCode
from libp2p.relay.circuit_v2.resources import RelayLimits

from p2plab.identity.keys import parse_peer_id
from p2plab.nat.relay import RelayParams
from p2plab.nat.relay_messages import HOP_ID
from p2plab.real.pylibp2p_nat.streams import LibraryHost, LibraryNatStream
from p2plab.stream import NetStream

if TYPE_CHECKING:
    from p2plab.real.host import RealHost

__all__ = ["LibraryRelayService"]

ORDERLY: Final = "closed by peer"  # why a circuit is over that one of its ends has closed
NO_LIMIT: Final = 0  # in the messages, and in the library's limits
OVER: Final = {"Data transfer limit exceeded": "data limit", "Circuit duration limit exceeded": "duration limit"}


class LibraryRelayService:
    """A node that relays for others with the library's code: answers ``/libp2p/circuit/relay/0.2.0/hop``."""

    def __init__(self, host: RealHost, params: RelayParams) -> None:
        self._host = host
        self._params = params
        self._relay: LabRelay | None = None
        host.handle(HOP_ID, self.handle)

    async def handle(self, stream: NetStream) -> None:
        """Requests of a peer, until it closes the stream."""
        library = self._host.stack.host
        if self._relay is None or self._relay.made_for is not library:
            self._relay = LabRelay(self._host, self._params)
        adapter: Any = LibraryNatStream(stream)
        await self._relay._handle_hop_stream(adapter)  # what it registers as the protocol's handler

    def peer_gone(self, peer: int) -> None:
        """The library sees for itself who is connected."""


class _Circuit:
    """One under way: who is at its ends, the bytes each way, and why it ended, once that is known."""

    def __init__(self, number: int, source: ID, target: ID) -> None:
        self.number = number
        self.source = source
        self.target = target
        self.passed: dict[ID, int] = {source: 0, target: 0}
        self.streams: tuple[Any, ...] = ()
        self.reason = ORDERLY
        self._scopes: list[trio.CancelScope] = []

    def scope(self) -> trio.CancelScope:
        """Around one of its directions."""
        self._scopes.append(trio.CancelScope())
        return self._scopes[-1]

    def cancel(self) -> None:
        """End its directions."""
        for scope in self._scopes:
            scope.cancel()


class LabRelay(CircuitV2Protocol):
    """The library's, of one stack."""

    def __init__(self, host: RealHost, params: RelayParams) -> None:
        self.made_for = host.stack.host
        duration = NO_LIMIT if params.duration is None else max(1, int(params.duration))
        data = NO_LIMIT if params.data is None else params.data
        limits = RelayLimits(duration, data, params.circuits, params.reservations, int(params.ttl))
        library: Any = LibraryHost(host)
        super().__init__(library, limits, allow_hop=True)
        self._node = host
        self._remedies = host.remedies
        self._count = 0
        self._circuits: dict[int, _Circuit] = {}  # by the identity of the stream from the source

    # -- reservations

    async def _handle_reserve(self, stream: Any, msg: Any) -> None:
        peer = ID(msg.peer.id) if msg.HasField("peer") and msg.peer.id else stream.muxed_conn.peer_id
        manager = self.resource_manager
        full = not manager.has_reservation(peer) and not manager.can_accept_reservation(peer)
        if full and self._remedies.on("a full relay says so"):
            text = f"all {self.limits.max_reservations} reservations are taken"
            self._note("relay.served", peer, "RESERVATION_REFUSED", {"status": "RESERVATION_REFUSED", "text": text})
            await self._send_status(stream, StatusCode.RESERVATION_REFUSED, text)
            return
        await super()._handle_reserve(stream, msg)
        status = "RESOURCE_LIMIT_EXCEEDED" if full else "OK"
        self._note("relay.served", peer, status, {"status": status})

    # -- circuits

    async def _handle_connect(self, stream: Any, msg: Any) -> None:
        self._count += 1
        circuit = _Circuit(self._count, stream.muxed_conn.peer_id, ID(msg.peer.id))
        self._circuits[id(stream)] = circuit
        try:
            await super()._handle_connect(stream, msg)
        finally:
            del self._circuits[id(stream)]
            if circuit.streams:
                there, back = circuit.passed[circuit.source], circuit.passed[circuit.target]
                data = {"circuit": circuit.number, "target": self._name(circuit.target), "there": there, "back": back}
                self._note("relay.ended", circuit.source, circuit.reason, data)

    async def _send_status(self, stream: Any, code: StatusCode, message: str, limit: Any = None) -> None:
        carried = self._circuit_of(stream)
        if carried is not None and message in OVER:
            carried.reason = OVER[message]
            if self._remedies.on("a reset over a limit"):
                return  # the library writes it among the circuit's bytes; what is to come is the reset
        asked = self._circuits.get(id(stream))
        if asked is not None and not asked.streams:
            data: dict[str, Any] = {"target": self._name(asked.target), "status": code.name}
            if code == StatusCode.OK:
                data["circuit"] = asked.number
            else:
                data["text"] = message
            self._note("relay.circuit", asked.source, code.name, data)
        await super()._send_status(stream, code, message, limit)

    async def _relay_data(
        self,
        src_stream: Any,
        dst_stream: Any,
        peer_id: ID,
        deadline: float | None = None,
        circuit_data_limit: list[int] | None = None,
    ) -> None:
        circuit = self._circuits.get(id(src_stream)) or self._circuits[id(dst_stream)]
        circuit.streams = (src_stream, dst_stream)
        if circuit_data_limit is not None and self._remedies.on("limits each way"):
            circuit_data_limit = [self.limits.data]
        apart = self._remedies.on("circuits apart")
        if apart:
            self._active_relays.pop(peer_id, None)  # what the library would close when this direction ends
        counted: Any = _Counted(dst_stream, circuit.passed, peer_id)
        with circuit.scope() as scope:
            if deadline is not None and self._remedies.on("circuits that end in time"):
                scope.deadline = trio.current_time() + deadline - time.monotonic()
            await super()._relay_data(src_stream, counted, peer_id, deadline, circuit_data_limit)
        if scope.cancelled_caught and trio.current_time() >= scope.deadline:
            circuit.reason = "duration limit"
        if apart:
            await self._end(circuit)

    async def _end(self, circuit: _Circuit) -> None:
        """One direction has ended: so does the other one, and what carries them."""
        circuit.cancel()
        with trio.CancelScope(shield=True):
            for stream in circuit.streams:
                await (stream.close() if circuit.reason == ORDERLY else stream.reset())

    def _circuit_of(self, stream: Any) -> _Circuit | None:
        """The circuit that goes over a stream."""
        return next((one for one in self._circuits.values() if any(it is stream for it in one.streams)), None)

    # -- what is told of it

    def _name(self, peer: ID) -> str:
        index = self._node.world.index_of(parse_peer_id(str(peer)))
        return str(peer) if index < 0 else self._node.world.peer_id_at(index).name or str(peer)

    def _note(self, kind: str, peer: ID, reason: str, data: dict[str, Any]) -> None:
        self._node.record(kind, self._node.world.index_of(parse_peer_id(str(peer))), reason, data)


class _Counted:
    """The stream that one direction of a circuit is written to: counts the bytes of ``sender``."""

    def __init__(self, stream: Any, passed: dict[ID, int], sender: ID) -> None:
        self._stream = stream
        self._passed = passed
        self._sender = sender
        self.reset: Callable[[], Any] = stream.reset

    async def write(self, data: bytes) -> None:
        await self._stream.write(data)
        self._passed[self._sender] += len(data)
