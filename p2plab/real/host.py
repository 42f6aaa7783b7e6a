"""One real node: what py-libp2p gives the Host, and what outlives the node's py-libp2p stack."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import trio
from libp2p.abc import INetStream
from libp2p.peer.id import ID

from p2plab.constants import IDENTIFY_ID, PING_ID
from p2plab.discovery.settings import DiscoverySettings
from p2plab.errors import ClosedError, DialError, NotInThisWorldError
from p2plab.host.built_in import BUILT_IN
from p2plab.host.connections.admission import new_control
from p2plab.identity.address import parse_address
from p2plab.nat.settings import LIBRARY as LIBRARY_NAT
from p2plab.protocols.identify import Identify
from p2plab.real.connections.admission import StackGater
from p2plab.real.connections.connections import RealConnection, Tap
from p2plab.real.connections.dial import dial_address, dial_as_the_library_does, explain, in_order
from p2plab.real.connections.inbound import InboundStreams
from p2plab.real.connections.interfaces import expanded
from p2plab.real.connections.lifecycle import Lifecycle
from p2plab.real.connections.ports import Ports
from p2plab.real.connections.trail import Dialled
from p2plab.real.dht import OnDemandDht
from p2plab.real.nat.boxes import dialled_peer
from p2plab.real.nat.reaching import ReachingHost
from p2plab.real.nat.ways import Ways
from p2plab.real.pubsub.choice import OWN as OWN_PUBSUB
from p2plab.real.pubsub.core_pubsub import CorePubsub
from p2plab.real.pylibp2p.stack import CLOSING, Stack, cannot_listen
from p2plab.real.pylibp2p_bitswap.choice import OWN as OWN_BITSWAP
from p2plab.real.pylibp2p_pubsub.topics import NodeTopics
from p2plab.real.taps.upgrade import NodeTap
from p2plab.stream.traffic import TrafficRow
from p2plab.typing import PeerInfo

if TYPE_CHECKING:
    from p2plab.admission import Admission
    from p2plab.content.bitswap import BitswapParams
    from p2plab.content.store import BlockStore
    from p2plab.discovery.rendezvous.store import RegistrationStore
    from p2plab.host.content.exchange import Exchange
    from p2plab.host.http import HttpHead
    from p2plab.host.names import Target
    from p2plab.host.nat import ReachabilityService
    from p2plab.host.protocols import HttpListening
    from p2plab.kademlia.shell.dht import DhtVerbs
    from p2plab.nat import AutoRelayParams
    from p2plab.real.http.routing_client import HttpRouter
    from p2plab.real.protocols import NodeWorld
    from p2plab.real.pubsub.node_pubsub import NodePubsub
    from p2plab.real.settings import NodeSettings

T = TypeVar("T")

INTRODUCTION = 5.0  # seconds that ``connect`` waits for identify and pubsub; the connection is good without them


class RealHost(ReachingHost):
    """A real node."""

    built_in: ClassVar[tuple[str, ...]] = (
        *(protocol for protocol in BUILT_IN if protocol not in (PING_ID, IDENTIFY_ID)),  # which py-libp2p answers
    )
    dials_strangers: ClassVar[bool] = False
    serves_http: ClassVar[bool] = True

    def __init__(self, world: NodeWorld, name: str, settings: dict[str, Any], checked: NodeSettings) -> None:
        super().__init__(world, name, settings, checked)
        self.ports = Ports(self.remedies)
        self.gater = StackGater(self)
        self.lifecycle = Lifecycle(self)
        self.inbound = InboundStreams(self)
        self.tap = NodeTap(
            world.taps, world.directory, name, self.index, lambda protocol: self.inbound.handler(protocol) is not None
        )
        self._refusals: dict[str, int] = {}  # by peer: its last refusal before this node dialled it
        self.dht = OnDemandDht(self, checked.dht if world.home is None else world.home.dht_params(checked.dht))
        self.pubsub = CorePubsub(self, checked) if checked.pubsub == OWN_PUBSUB else NodeTopics(self, checked)
        self.admission_control = new_control(self)
        self.ways = Ways(self)
        self.relaying = checked.relay, checked.autorelay
        if checked.nat is not None:
            self.look_after_reachability().keep_relays()

    # -- its life, for the supervisor

    def new_stack(self) -> Stack:
        """A stack for this node, with the protocols that it answers. ConfigurationError if it cannot listen."""
        taken = self.ports.claim(self.listen)
        if taken:
            is_from_home = self.world.home is not None and taken[0] not in self._checked.listen
            raise cannot_listen(taken, is_from_home)
        stack = Stack(
            self.identity,
            self._checked,
            self.pubsub,
            self.inbound,
            self.failed,
            self._refused,
            self.book.peerstore,
            self.listen,
        )
        self.tap.put_on(stack.swarm)
        # The first connection may come in before the stack is ready.
        stack.swarm.gater = stack.host.gater = self.gater
        stack.host.advertised = self.advertised
        opened = partial(self.lifecycle.opened, stack=stack)
        stack.swarm.register_notifee(Tap(opened, self.tap.streams.opened, self._closed_stream))
        return stack

    def _closed_stream(self, library: INetStream) -> None:
        self.gater.closed_stream(library)
        self.tap.streams.closed(library)

    def came_up(self, stack: Stack) -> None:
        """The stack is ready: from now on the node is."""
        self.running_stack, self.crashed = stack, False
        self.listen = stack.listening(self.listen)  # a node that comes back listens where it did before
        self.ports.hold(self.listen)
        if self.world.home is not None:
            self.world.home.came_up(self.name, self.identity, self._checked.listen, self.listen)
        self._listening = expanded(self.listen)
        if self.in_memory and (self.world.boxes is not None or self.reachability is not None):
            self.world.with_boxes().settle(self)
        self.pubsub.came_up(stack)
        self._now_settled()

    def _now_settled(self) -> None:
        coming_up, self._coming_up = self._coming_up, None
        if coming_up is not None:
            coming_up.set()

    def went_down(self, crashed: bool) -> None:
        """The stack is gone, and what was on it. Of a crash, only the peers take note."""
        self.running_stack, self.crashed = None, crashed
        self._now_settled()
        self.pubsub.went_down()
        self.lifecycle.all_gone(quietly=crashed)
        self.switch.all_gone()
        self.is_down()
        self.dht.stop()

    def _refused(self, address: str, error: Exception) -> None:
        reason, text = explain(error)
        self.record("connection.failed", reason=reason, data={"address": address, "text": text})

    # -- dialling

    async def dial(self, address: str, target: Target) -> RealConnection:
        stack, peer_id = self.stack, str(target.peer_id)
        self.unanswered.pop(peer_id, None)
        dialled_peer.set(peer_id)
        other = self.world.find(peer_id)
        if other is not None:
            await other.settled()
        if self.world.severs(self.name, self.world.directory.named(peer_id).name):
            raise DialError("no route: a partition is between the two")
        library: Any = None
        with stack.bound():
            parsed = parse_address(address)
            if parsed.relayed:
                library = await self.ways.dial_relayed(parsed, target)
            elif self.remedies.on("address by address"):  # otherwise the library's own dial_peer
                library = await dial_address(stack.swarm, address, peer_id)
            else:
                library = await dial_as_the_library_does(stack.swarm, target.addresses, peer_id)
        if stack.over.is_set():
            raise ClosedError(f"{self.name} went down while it dialled {target.named}")
        for connection in self.each_connection():
            if connection.library is library:
                return connection
        raise DialError("closed by peer: the peer closed the connection at once")

    def in_order(self, addresses: Sequence[str]) -> Sequence[str]:
        if not self.remedies.on("address by address"):
            return [", ".join(addresses)] if addresses else []
        return in_order(addresses, self.stack.swarm.transport_names)

    def dialled(self, target: Target, event: int) -> None:
        peer_id = str(target.peer_id)
        self._refusals[peer_id] = self.gater.refused_by(peer_id)
        self.world.directory.trail.leave(Dialled(self.peer_id, peer_id), event)

    def why_failed(self, target: Target, event: int) -> int | None:
        box = self.unanswered.get(str(target.peer_id), -1)
        return max(event, self.world.events.cause, self.gater.refused_by(str(target.peer_id)), box)

    async def introduced(self, connection: RealConnection) -> None:
        with trio.move_on_after(INTRODUCTION):
            await connection.introduced.wait()

    def ended_at_once(self, connection: RealConnection) -> tuple[str, int | None] | None:
        refused = self.gater.refused_by(connection.info.peer)
        if refused == self._refusals.get(connection.info.peer, -1):
            if connection.doomed:
                return None  # the peer's node has just gone: it may be back
            refused = connection.cause_of_end(self.world.directory)
        return connection.why if connection.closing_here else "closed by peer", refused

    async def hung_up(self, connections: Sequence[RealConnection]) -> None:
        with trio.move_on_after(CLOSING):
            for connection in connections:
                await connection.closed.wait()
                other = self.world.find(connection.info.peer)
                if other is not None:
                    await other.lifecycle.end_of(connection.id)

    # -- peers

    @property
    def admission_settings(self) -> Admission:
        return self._checked.admission

    async def meet(self, connection: RealConnection, protocols: Sequence[str]) -> None:
        try:
            await self.pubsub.meet(connection, protocols)
        except trio.TooSlowError as error:
            raise TimeoutError(f"{connection.info.peer!r} did not open its pubsub stream in time") from error

    def not_introduced(self, connection: RealConnection, error: Exception) -> None:
        if self.lifecycle.has(connection.id):  # otherwise the connection's end says why
            super().not_introduced(connection, error)
            self.lifecycle.doubt(connection)

    def measured(self, peer: int, rtt: float) -> None:
        self.pubsub.measured(peer, rtt)

    def learnt(self, peer: int, said: Identify) -> None:
        super().learnt(peer, said)
        peer_id, whole = self.world.peer_id_at(peer), self._said[peer]
        self.book.peerstore.set_protocols(ID.from_string(peer_id), list(whole.protocols))
        self.world.learnt_outside(peer_id, whole)
        self.dht.peer_known(peer, whole.protocols)

    def peer_gone(self, peer: int) -> None:
        super().peer_gone(peer)
        self.dht.peer_gone(peer)

    def traffic_rows(self) -> list[TrafficRow]:
        return self.tap.streams.traffic.rows(self.world.directory.peer_of)

    def own_protocols(self) -> Iterable[str]:
        return [str(protocol) for protocol in self.stack.host.get_mux().get_protocols() if protocol]

    # -- publish-subscribe

    @property
    def node_pubsub(self) -> NodePubsub:
        return self.pubsub

    def infos(self, peers: Sequence[int]) -> list[PeerInfo]:
        return super().infos([peer for peer in list(self.connected) if peer in peers])  # as they were connected

    # -- the DHT

    def use_dht(self) -> DhtVerbs:
        return self.dht.use()

    def look_at_dht(self) -> DhtVerbs:
        return self.dht.look()

    def dht_shown(self) -> str:
        return repr(self.dht)

    # -- coming and going

    @property
    def discovery_settings(self) -> DiscoverySettings:
        return DiscoverySettings(self._checked.discovery, self._checked.rendezvous, tuple(self._checked.bootstrap))

    async def serve_http(self, respond: Callable[..., Awaitable[None]], port: int) -> HttpListening:
        from p2plab.real.http.server import HttpServer

        server = HttpServer(respond, self.failed, port=port)
        await server.listen()
        self.spawn(server.run, f"an HTTP server of {self.name}")
        return server

    async def http_stream(
        self,
        url: str,
        headers: Sequence[tuple[str, str]],
        begun: Callable[[HttpHead], Callable[[bytes], Awaitable[None]]],
        silence: float,
    ) -> None:
        from p2plab.real.http.client import stream

        await stream(url, headers, begun, silence)

    def http_router(self, url: str) -> HttpRouter:
        from p2plab.real.http.routing_client import HttpRouter

        return HttpRouter(self, url)

    def kept_reputation(self) -> Mapping[str, Sequence[float]]:
        return {} if self.world.home is None else self.world.home.reputation(self.name)

    def keep_reputation(self, peer: str, plain: Sequence[float]) -> None:
        if self.world.home is not None:
            self.world.home.keep_reputation(self.name, peer, plain)

    def forget_reputation(self) -> None:
        if self.world.home is not None:
            self.world.home.forget_reputation(self.name)

    @property
    def registrations(self) -> RegistrationStore | None:
        home = self.world.home
        return None if home is None else home.registrations()

    async def stop(self) -> None:
        self.stack  # noqa: B018  # ClosedError where it does not run
        await self.world.lives.stop(self)

    def crash(self, silent: bool = False) -> None:
        if silent:
            raise NotInThisWorldError(
                "a real node cannot crash silently: its system resets what it leaves behind; crash(), or a mock lab"
            )
        self.stack  # noqa: B018  # ClosedError where it does not run
        self.world.lives.crash(self)

    def begin_content(self) -> None:
        """It has come up for the first time: give others the blocks that an earlier lab of this home left."""
        if self.world.home is not None and self.world.home.blocks_of(str(self.peer_id)).exists():
            self.content.use()

    def new_block_store(self) -> BlockStore:
        if self.world.home is None:
            return super().new_block_store()
        from p2plab.content.store import SqliteBlockStore

        return SqliteBlockStore(self.world.home.blocks_of(str(self.peer_id)))

    def new_reachability(self, autorelay: AutoRelayParams | None) -> ReachabilityService:
        if self._checked.nat != LIBRARY_NAT:
            return super().new_reachability(autorelay)
        from p2plab.real.pylibp2p_nat.service import LibraryReachability

        return LibraryReachability(self, autorelay)

    def new_exchange(self, store: BlockStore, params: BitswapParams) -> Exchange:
        if self._checked.bitswap == OWN_BITSWAP:
            return super().new_exchange(store, params)
        from p2plab.real.pylibp2p_bitswap.exchange import LibraryExchange

        return LibraryExchange(self, store, params)

    def come_back(self, state: str, reconnect: bool) -> None:
        if state == "lost":
            self.pubsub.close()
        self.dht.restarted(keep=state == "kept")
        self._coming_up = trio.Event()

        def born() -> None:
            self.is_back(state, reconnect)
            self.dht.start()

        self.world.lives.begin_again(self, born)
