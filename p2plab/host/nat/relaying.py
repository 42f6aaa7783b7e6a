"""Circuit Relay v2 at a node (relay/circuit-v2.md): serving as a relay, holding slots at relays, and dialling over one.

The decisions are the cores' (``p2plab.nat.relay``, ``p2plab.nat.autorelay``); here messages go over streams, and what a
circuit carries is joined by the world (``Host.bridge``, ``Host.through_circuit``).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import DialError, LabError, ProtocolViolation
from p2plab.identity.address import Address, parse_address
from p2plab.nat.autorelay import AutoRelay, Wish
from p2plab.nat.publicness import is_public
from p2plab.nat.relay import CONNECT_SECONDS, MAX_STREAM_SECONDS, Circuit, Refused, RelayServer
from p2plab.nat.relay_messages import (
    HOP_ID,
    MAX_RELAY_MESSAGE,
    STOP_ID,
    HopMessage,
    HopType,
    RelayLimit,
    RelayStatus,
    Reservation,
    StopMessage,
    StopType,
    decode_hop,
    decode_stop,
    encode_hop,
    encode_stop,
    open_voucher,
    sign_voucher,
)
from p2plab.stream import NetStream, StreamError
from p2plab.typing import PeerId, Timer

if TYPE_CHECKING:
    from p2plab.host.host import Host

__all__ = ["RelayClient", "RelayService", "ask_for_circuit"]

NANOSECONDS: Final = 1_000_000_000


class SlotRefused(ProtocolViolation):
    """A relay gives no slot, or one that is none; ``status`` is its code by name."""

    def __init__(self, text: str, status: str) -> None:
        super().__init__(text)
        self.status = status


class RelayService:
    """A node that relays for others: answers ``/libp2p/circuit/relay/0.2.0/hop``."""

    def __init__(self, host: Host[Any], server: RelayServer) -> None:
        self._host = host
        self.server = server
        self._timers: dict[int, Timer] = {}
        host.handle(HOP_ID, self.handle)

    async def handle(self, stream: NetStream) -> None:
        """One request: to reserve, or to connect."""
        stream.set_deadline(MAX_STREAM_SECONDS)
        data = await stream.read_message(MAX_RELAY_MESSAGE)
        if data is None:
            return  # it asked nothing
        try:
            message = decode_hop(data)
        except ProtocolViolation as error:
            await self._refuse(stream, RelayStatus.MALFORMED_MESSAGE, str(error))
            return
        if message.type == HopType.RESERVE:
            await self._reserve(stream)
        elif message.type == HopType.CONNECT and message.peer is not None:
            await self._connect(stream, message.peer)
        else:
            status = (
                RelayStatus.MALFORMED_MESSAGE if message.type == HopType.CONNECT else RelayStatus.UNEXPECTED_MESSAGE
            )
            await self._refuse(stream, status, f"a {message.type.name} that is none")

    async def _reserve(self, stream: NetStream) -> None:
        host = self._host
        now, connection = host.world.runtime.ticks(), stream.connection
        ip = parse_address(connection.remote_address).ip or ""
        answer = self.server.reserve(stream.peer, ip, now, connection.relayed)
        if isinstance(answer, Refused):
            await self._refuse(stream, answer.status, answer.reason)
            return
        expires = _epoch(host) + answer // TICKS_PER_SECOND
        reservation = Reservation(expires, self._addresses(), sign_voucher(host.identity, stream.peer, expires))
        limit = self.server.params.limit
        message = HopMessage(HopType.STATUS, None, reservation, limit, RelayStatus.OK)
        data = {"status": "OK", "expires": answer / TICKS_PER_SECOND, **_limits(limit)}
        host.record("relay.served", host.world.index_of(stream.peer), "OK", data)
        await stream.write_message(encode_hop(message))

    def _addresses(self) -> tuple[str, ...]:
        """Where a circuit over this relay begins: its public addresses (circuit-v2.md, "Reservation"). One without any,
        as on the loopback, gives those it has."""
        host = self._host
        direct = [address for address in host.bases if not parse_address(address).relayed]
        public = [address for address in direct if is_public(parse_address(address))]
        return tuple(f"{address}/p2p/{host.peer_id}" for address in public or direct)

    async def _connect(self, hop: NetStream, target: PeerId) -> None:
        host, source = self._host, hop.peer
        index = host.world.index_of(target)
        connected = index >= 0 and bool(host.connections_to(index))
        answer = self.server.connect(source, target, host.world.runtime.ticks(), connected, hop.connection.relayed)
        if isinstance(answer, Refused):
            self._note_circuit(source, target, answer.status, answer.reason)
            await hop.write_message(encode_hop(HopMessage(HopType.STATUS, status=answer.status)))
            return
        try:
            stop = await host.world.runtime.within(CONNECT_SECONDS, partial(self._ask, source, target))
        except (LabError, TimeoutError) as error:
            self.server.closed(answer)
            text = str(error) or f"no answer within {CONNECT_SECONDS:g} s"
            self._note_circuit(source, target, RelayStatus.CONNECTION_FAILED, text)
            await hop.write_message(encode_hop(HopMessage(HopType.STATUS, status=RelayStatus.CONNECTION_FAILED)))
            return
        self.server.joined(answer, host.world.runtime.ticks())
        self._note_circuit(source, target, RelayStatus.OK, "", answer)
        host.bridge(hop, stop, answer, partial(self._ended, answer))
        if answer.ends is not None:
            left = (answer.ends - host.world.runtime.ticks()) / TICKS_PER_SECOND
            over = partial(host.cut_circuit, answer, "duration limit")
            self._timers[answer.number] = host.world.runtime.timer(max(left, 0.0), over)
        hop.set_deadline(None)
        stop.set_deadline(None)
        limit = self.server.params.limit
        try:
            await hop.write_message(encode_hop(HopMessage(HopType.STATUS, limit=limit, status=RelayStatus.OK)))
        except StreamError:
            host.cut_circuit(answer, "closed by peer")
        await host.carried(hop, stop, answer)

    async def _ask(self, source: PeerId, target: PeerId) -> NetStream:
        """Ask the target whether it takes the connection: the stream that will carry it."""
        host = self._host
        direct = [one for one in host.connections_to(host.world.index_of(target)) if not one.info.relayed]
        if not direct:
            raise ProtocolViolation(f"{target!r} is not connected")
        stop: NetStream = await host.switch.open(direct[0], [STOP_ID])
        await stop.write_message(encode_stop(StopMessage(StopType.CONNECT, source, self.server.params.limit)))
        data = await stop.read_message(MAX_RELAY_MESSAGE)
        answer = None if data is None else decode_stop(data)
        if answer is None or answer.type != StopType.STATUS or answer.status != RelayStatus.OK:
            await stop.reset()
            said = "nothing" if answer is None or answer.status is None else answer.status.name
            raise ProtocolViolation(f"{target!r} did not take the connection: {said}")
        return stop

    def _ended(self, circuit: Circuit, reason: str) -> None:
        """A circuit is over."""
        timer = self._timers.pop(circuit.number, None)
        if timer is not None:
            timer.cancel()
        self.server.closed(circuit)
        there, back = circuit.passed.get(circuit.source, 0), circuit.passed.get(circuit.target, 0)
        data = {"circuit": circuit.number, "target": self._name(circuit.target), "there": there, "back": back}
        self._host.record("relay.ended", self._host.world.index_of(circuit.source), reason, data)

    def _note_circuit(
        self, source: PeerId, target: PeerId, status: RelayStatus, text: str, circuit: Circuit | None = None
    ) -> None:
        data: dict[str, Any] = {"target": self._name(target), "status": status.name}
        if text:
            data["text"] = text
        if circuit is not None:
            data["circuit"] = circuit.number
        self._host.record("relay.circuit", self._host.world.index_of(source), status.name, data)

    def _name(self, peer: PeerId) -> str:
        index = self._host.world.index_of(peer)
        return str(peer) if index < 0 else self._host.world.peer_id_at(index).name or str(peer)

    async def _refuse(self, stream: NetStream, status: RelayStatus, text: str) -> None:
        data = {"status": status.name, "text": text}
        self._host.record("relay.served", self._host.world.index_of(stream.peer), status.name, data)
        await stream.write_message(encode_hop(HopMessage(HopType.STATUS, status=status)))

    def peer_gone(self, peer: int) -> None:
        """The last connection to a peer is gone, and its slot with it."""
        self.server.peer_gone(self._host.world.peer_id_at(peer))


class RelayClient:
    """A node's slots at relays, and the circuits that come in over them: answers ``.../stop``."""

    def __init__(self, host: Host[Any], relays: AutoRelay, changed: Callable[[], None]) -> None:
        """``changed`` is called when the addresses over relays are others than before."""
        self._host = host
        self.relays = relays
        self._changed = changed
        self._timer: Timer | None = None
        host.handle(STOP_ID, self.handle)

    # -- circuits that come in

    async def handle(self, stream: NetStream) -> None:
        """A relay has somebody who wants to connect."""
        stream.set_deadline(MAX_STREAM_SECONDS)
        data = await stream.read_message(MAX_RELAY_MESSAGE)
        if data is None:
            return  # it said nothing
        message = decode_stop(data)
        if message.type != StopType.CONNECT or message.peer is None:
            await stream.write_message(encode_stop(StopMessage(StopType.STATUS, status=RelayStatus.UNEXPECTED_MESSAGE)))
            return
        if stream.peer not in self.relays.relays():
            await stream.write_message(encode_stop(StopMessage(StopType.STATUS, status=RelayStatus.PERMISSION_DENIED)))
            return
        await stream.write_message(encode_stop(StopMessage(StopType.STATUS, status=RelayStatus.OK)))
        stream.set_deadline(None)
        await self._host.accept_circuit(stream, message.peer, message.limit)

    # -- slots

    def look(self) -> None:
        """Do what is due: reserve, renew, give up."""
        host = self._host
        runtime = host.world.runtime
        for wish in self.relays.wishes(runtime.ticks(), runtime.random(f"autorelay/{host.name}")):
            if wish.action == "reserve":
                host.spawn(partial(self._reserve, wish), f"{host.name} reserving a slot at a relay")
        if self.relays.wanted and self._timer is None:
            self._timer = runtime.timer(self.relays.params.interval, self._again)

    def _again(self) -> None:
        self._timer = None
        if self._host.running and (self.relays.relays() or self.relays.wanted):
            self.look()

    async def _reserve(self, wish: Wish) -> None:
        host = self._host
        runtime = host.world.runtime
        index = host.world.index_of(wish.relay)
        try:
            answer = await runtime.within(CONNECT_SECONDS, partial(self._ask, wish.relay))
            self._check(answer, wish.relay)
        except (LabError, TimeoutError) as error:
            self.relays.refused(wish.relay, runtime.ticks())
            status = error.status if isinstance(error, SlotRefused) else "CONNECTION_FAILED"
            host.record("relay.refused", index, status, {"status": status, "text": str(error)})
        else:
            assert answer.reservation is not None
            expires = (answer.reservation.expire - _epoch(host)) * TICKS_PER_SECOND
            addresses = answer.reservation.addresses or self._told(wish.relay)
            self.relays.reserved(wish.relay, expires, addresses)
            data = {
                "expires": expires / TICKS_PER_SECOND,
                **_limits(answer.limit),
                "addresses": list(addresses),
            }
            host.record("relay.reserved", index, wish.reason, data)
            self._changed()
        self.look()

    async def _ask(self, relay: PeerId) -> HopMessage:
        async with await self._host.open_stream(relay, [HOP_ID]) as stream:
            await stream.write_message(encode_hop(HopMessage(HopType.RESERVE)))
            data = await stream.read_message(MAX_RELAY_MESSAGE)
            if data is None:
                raise SlotRefused(f"{relay!r} closed the stream without an answer", "CONNECTION_FAILED")
            return decode_hop(data)

    def _check(self, answer: HopMessage, relay: PeerId) -> None:
        """ProtocolViolation for a refusal, and for a slot that is none."""
        if answer.type != HopType.STATUS or answer.status != RelayStatus.OK:
            status = "UNEXPECTED_MESSAGE" if answer.status is None else answer.status.name
            raise SlotRefused(f"{relay!r} gives no slot: {status}", status)
        if answer.reservation is None or not (answer.reservation.addresses or self._told(relay)):
            raise SlotRefused(f"{relay!r} gives a slot without saying where", "MALFORMED_MESSAGE")
        now = _epoch(self._host) + self._host.world.runtime.ticks() // TICKS_PER_SECOND
        if answer.reservation.expire <= now:
            raise SlotRefused(f"{relay!r} gives a slot that has expired", "MALFORMED_MESSAGE")
        if answer.reservation.voucher is not None:
            open_voucher(answer.reservation.voucher, relay, self._host.peer_id)

    def _told(self, relay: PeerId) -> tuple[str, ...]:
        """The addresses that a relay has told by identify: go-libp2p's names none with a slot where it has no public
        one."""
        said = self._host.said(self._host.world.index_of(relay))
        bases = [] if said is None else [parse_address(text).with_peer(None) for text in said.addresses]
        return tuple(f"{base}/p2p/{relay}" for base in bases if not base.relayed)

    def bases(self) -> list[str]:
        """The addresses to advertise: each relay's, over it, without this node's ``/p2p/...``."""
        return [
            f"{address}/p2p-circuit"
            for relay, addresses in self.relays.relays().items()
            for address in addresses
            if parse_address(address).peer_id == relay
        ]


async def ask_for_circuit(host: Host[Any], address: Address, target: PeerId) -> tuple[NetStream, RelayLimit | None]:
    """Ask a relay for a circuit: the stream that carries it, and its limit. DialError says what the relay said."""
    relay = relay_of(address)
    if relay == host.peer_id:
        raise DialError(f"no route: {host.name} is the relay in that address itself")
    way = parse_address(address.base.split("/p2p-circuit")[0])
    host.register_peer(relay, [str(way)])
    connection = await host.reach(str(relay))
    if connection.info.relayed:  # it is known over another relay so far
        await host.dial_direct(connection.peer, way.base)
        connection = host.connections_to(connection.peer)[0]
    if connection.info.relayed:
        raise DialError("no route: a circuit over a circuit is not dialled")
    try:
        stream = await host.switch.open(connection, [HOP_ID])
    except StreamError as error:
        raise DialError(f"relay refused: {error}") from error
    try:
        await stream.write_message(encode_hop(HopMessage(HopType.CONNECT, target)))
        data = await stream.read_message(MAX_RELAY_MESSAGE)
        if data is None:
            raise DialError("relay refused: it closed the stream without an answer")
        answer = decode_hop(data)
    except BaseException as error:
        await stream.reset()
        if isinstance(error, (StreamError, ProtocolViolation)):
            raise DialError(f"relay refused: {error}") from error
        raise
    if answer.status != RelayStatus.OK:
        await stream.close()
        said = "UNEXPECTED_MESSAGE" if answer.status is None else answer.status.name
        raise DialError(f"{said}: {_named(host, relay)} does not connect {host.name} to {_named(host, target)}")
    return stream, answer.limit


def _named(host: Host[Any], peer: PeerId) -> str:
    """A node's name, of a peer outside its id in short."""
    index = host.world.index_of(peer)
    known = peer if index < 0 else host.world.peer_id_at(index)
    return known.name or known.short


def _epoch(host: Host[Any]) -> int:
    """The unix time, in seconds, of lab time 0: relays write when a slot expires as unix time."""
    world = host.world
    return (world.wire_time() - world.runtime.ticks() * (NANOSECONDS // TICKS_PER_SECOND)) // NANOSECONDS


def relay_of(address: Address) -> PeerId:
    """The relay in a relayed address. DialError for one that names none, or goes over two."""
    names = [name for name, _ in address.parts]
    if names.count("p2p-circuit") != 1:
        raise DialError("no route: a circuit over a circuit is not dialled")
    before = parse_address(address.base.split("/p2p-circuit")[0])
    if before.peer_id is None:
        raise DialError("no route: a relayed address names its relay, as in /ip4/…/p2p/<relay>/p2p-circuit")
    return before.peer_id


def _limits(limit: RelayLimit | None) -> dict[str, Any]:
    return {} if limit is None else {"limit": {"seconds": limit.duration, "bytes": limit.data}}
