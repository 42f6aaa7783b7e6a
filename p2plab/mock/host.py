"""One mock node: what the simulated network gives the Host, and the protocols whose messages go as objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from p2plab.discovery.settings import NO_DISCOVERY, DiscoverySettings
from p2plab.errors import ClosedError, DialError
from p2plab.host.connections.admission import new_control
from p2plab.host.nat import ReachabilityService
from p2plab.identity.address import Address, parse_address
from p2plab.mock.basis import MockBasis
from p2plab.mock.connections.connection import MockConnection
from p2plab.mock.connections.dial import dial, introduced
from p2plab.mock.connections.line import CLOSE
from p2plab.mock.connections.stream import MockStream
from p2plab.mock.dht import MockDht
from p2plab.mock.nat.ways import Ways
from p2plab.mock.protocols import NodeWorld
from p2plab.mock.pubsub import MockPubsub, boot, new_pubsub, read_rpcs
from p2plab.nat.dial_order import Ranked, rank
from p2plab.nat.relay import RelayParams
from p2plab.nat.settings import check_relaying
from p2plab.protocols.identify import Identify
from p2plab.stream.protocols import Served
from p2plab.typing import PeerId

if TYPE_CHECKING:
    from p2plab.admission import Admission
    from p2plab.host.names import Target
    from p2plab.kademlia.shell.dht import NodeDht
    from p2plab.nat.relay import Circuit
    from p2plab.nat.relay_messages import RelayLimit
    from p2plab.pubsub import PubSubManager
    from p2plab.stream import NetStream


class MockHost(MockBasis):
    """A mock node."""

    unreachable: ClassVar[str] = "unreachable: nothing came back"

    # As in MockBasis: here, as long as they are so of a node.
    ways: Ways | None = None  # past NATs and over relays, in a lab that has any
    found_in: DiscoverySettings = NO_DISCOVERY  # set by the world
    _dht: MockDht | None = None

    def __init__(
        self, world: NodeWorld, index: int, name: str, place: tuple[str, int], settings: dict[str, Any]
    ) -> None:
        super().__init__(world, index, name, place, settings)
        self.admission_control = new_control(self)

    # -- reachability

    def serve_reachability(self) -> None:
        """Look after its reachability from now on."""
        assert self.world.boxes is not None
        self.ways = Ways(self, self.world.boxes)
        self.reachability = ReachabilityService(self, self._relaying().get("autorelay"))

    def _relaying(self) -> dict[str, Any]:
        return {**self.world.relaying, **check_relaying(self.settings)}

    def serve_as_relay(self) -> None:
        self.world.with_boxes()
        assert self.reachability is not None
        self.reachability.relay_for_others(self._relaying().get("relay", RelayParams()))

    @property
    def pubsub(self) -> PubSubManager:
        """The node's publish-subscribe."""
        if self.made_pubsub is None:
            self.made_pubsub = new_pubsub(self)
        return self.made_pubsub

    def rouse(self) -> None:
        """Have its next heartbeat come, even if it decides nothing."""
        if self.made_pubsub is not None:
            self.made_pubsub.rouse()

    # -- discovery

    @property
    def discovery_settings(self) -> DiscoverySettings:
        return self.found_in

    @property
    def has_segment(self) -> bool:
        return True

    def multicast(self, data: bytes) -> None:
        self.world.multicast(self, data)

    def hear(self, data: bytes, _: object) -> None:
        """A packet has come over its segment."""
        if self.running and self.found_in.has("mdns"):
            self.discovery.hear(data)

    # -- the DHT

    def use_dht(self) -> NodeDht:
        return self.open_dht(upkeep=True).verbs

    def look_at_dht(self) -> NodeDht:
        return (MockDht(self, is_shown=True) if self._dht is None else self._dht).verbs

    def dht_shown(self) -> str:
        return f"<the DHT of {self.name}, not used yet>" if self._dht is None else repr(self._dht.verbs)

    @property
    def has_dht(self) -> bool:
        """Whether its DHT has been used yet."""
        return self._dht is not None

    def open_dht(self, upkeep: bool) -> MockDht:
        """The same, with or without upkeep."""
        if self._dht is None:
            self._dht = MockDht(self)
        if upkeep and self.running and not self._dht.interface.running:
            self._dht.interface.start()
        return self._dht

    # -- dialling

    async def dial(self, address: str, target: Target) -> MockConnection:
        parsed = parse_address(address)
        if self.ways is not None:
            return await self.ways.dial(parsed, target)
        transport = self.transport_for(parsed)
        entry = None if self.admission_control is None else self.admission_control.dial(target.peer_id, parsed.base)
        listener = self.world.listener_at(parsed)
        if listener is None:
            await self.world.runtime.waiter().wait()  # nobody is there to say anything: the time limit ends this
        assert listener is not None
        if listener is self:
            raise DialError(f"{self.name} cannot dial itself")
        return await introduced(await dial(self, listener, target.peer_id, transport, entry))

    def dial_times(self, addresses: Sequence[str]) -> Sequence[Ranked]:
        return rank(addresses)

    def why_late(self, error: TimeoutError, seconds: float) -> str:
        under_way = str(error).partition(": ")[2]
        return f"timeout: {under_way}" if under_way else super().why_late(error, seconds)

    def why_failed(self, target: Target, event: int) -> int | None:
        return None if self.ways is None else self.ways.unanswered.pop(target.named, None)

    async def dial_direct(self, peer: int, address: str) -> None:
        await self._past_boxes.dial_direct(peer, address)

    async def dial_back(self, peer: PeerId, address: Address, nonce: int | None = None) -> None:
        await self._past_boxes.dial_back(peer, address, nonce)

    async def punch(self, peer: int, addresses: Sequence[str], client: bool, attempt: int) -> bool:
        return await self._past_boxes.punch(peer, addresses, client, attempt)

    def bridge(self, hop: NetStream, stop: NetStream, circuit: Circuit, ended: Callable[[str], None]) -> None:
        self._past_boxes.bridge(hop, stop, circuit, ended)

    async def carried(self, hop: NetStream, stop: NetStream, circuit: Circuit) -> None:
        await self._past_boxes.carried(hop, stop, circuit)

    def cut_circuit(self, circuit: Circuit, reason: str) -> None:
        self._past_boxes.cut_circuit(circuit, reason)

    async def accept_circuit(self, stream: NetStream, source: PeerId, limit: RelayLimit | None) -> None:
        await self._past_boxes.accept_circuit(stream)

    @property
    def _past_boxes(self) -> Ways:
        assert self.ways is not None  # whoever asks has a ReachabilityService, which is made with it
        return self.ways

    # -- connections

    def connections_to(self, peer: int) -> list[MockConnection]:
        found = super().connections_to(peer)
        if self.ways is not None and len(found) > 1:
            found.sort(key=lambda connection: connection.info.relayed)  # direct ones first
        return found

    @property
    def admission_settings(self) -> Admission:
        return self.world.admission.with_changes(self.settings)

    def peer_gone(self, peer: int) -> None:
        super().peer_gone(peer)
        if self._dht is not None:
            self._dht.interface.peer_disconnected(peer)
        if self.made_pubsub is not None:
            self.made_pubsub.remove_peer(peer)

    async def meet(self, connection: MockConnection, protocols: Sequence[str]) -> None:
        wanted = [protocol for protocol in self.pubsub.router.protocols if protocol in protocols]
        if wanted:
            connection.rare.meeting = True
            try:
                _, agreed = await self.switch.negotiate(connection, wanted)
            finally:
                connection.rare.meeting = False
            connection.pubsub_opened(agreed.protocol)

    def measured(self, peer: int, rtt: float) -> None:
        if self.made_pubsub is not None:
            self.made_pubsub.measured(peer, rtt)

    def learnt(self, peer: int, said: Identify) -> None:
        super().learnt(peer, said)
        if self._dht is not None and peer in self.connected:
            self._dht.interface.peer_connected(peer, self._dht.core.params.protocol in self.said_by(peer))

    def presumed(self, peer: int) -> Identify:
        return self.world.host_at(peer).describe()  # of a wired one, which was not asked

    # -- streams and protocols

    def own_protocols(self) -> Iterator[str]:
        yield from self.pubsub.router.protocols
        if self.world.dht.is_server(self.index):
            yield self.world.dht.params_of(self).protocol

    def served(self, protocol: str, raw: MockStream) -> Served | None:
        """What answers the bytes of a DHT request, or of pubsub, on a stream that was opened by hand."""
        if protocol in self.pubsub.router.protocols and not raw.carries_objects:
            return Served(partial(read_rpcs, self), (), None)
        return Served(self.dht.answer, (), None) if protocol == self.world.dht.params_of(self).protocol else None

    # -- publish-subscribe

    @property
    def node_pubsub(self) -> MockPubsub:
        return MockPubsub(self)

    # -- coming and going

    async def stop(self) -> None:
        self._go("node.stopped", lambda connection: connection.close("closed here"))

    def crash(self, silent: bool = False) -> None:
        """The peers' next packet is answered by a reset, or (``silent``) by nothing at all."""
        if self._running:  # refused otherwise, and then nothing is different for it
            self.silent = silent
        self._go("node.crashed", lambda connection: connection.crash(silent))
        if silent:
            self.world.links.silence(self.index)
            self.world.watch_cuts()

    def _go(self, kind: str, leave: Callable[[MockConnection], None]) -> None:
        if not self._running:
            raise ClosedError(f"{self.name} is not running")
        self._running = False
        self.record(kind, reason="requested")
        self.note_dialled()
        for connection in [*self.each_connection(), *(() if self.silent else self.take_half_open())]:
            leave(connection)
        for task in list(self._tasks):
            task.cancel()
        self.is_down()
        if self.made_pubsub is not None:
            self.made_pubsub.pause()
        if self._dht is not None:
            self._dht.interface.stop()

    def come_back(self, state: str, reconnect: bool) -> None:
        self._running = True
        if self.silent:
            self.silent = False
            self.world.links.unsilence(self.index)
            for end in [*self.world.ends_towards(self.index), *(here.remote for here in self.take_half_open())]:
                # its next packet meets a system that knows of no connection
                end.remote.send(0, end.closed, "crashed", kind=CLOSE)
        used = self.made_pubsub is not None and not self.made_pubsub.untouched  # looking must not change a run
        if state == "lost":
            if self.made_pubsub is not None:
                self.made_pubsub.stop()
                self.made_pubsub = None
            if used:
                self.next_seqno += 1 << 32  # a node that forgot everything must not use a sequence number again
            boot(self)
        elif used and self.made_pubsub is not None:
            self.made_pubsub.start()
        if self._dht is not None:
            self._dht.interface.restarted(keep=state == "kept")
            self._dht.interface.start()
        self.is_back(state, reconnect)
