"""One real node: what outlives its py-libp2p stack, and the verbs over it.

Verbs may be cancelled at any point. What must not be cut short runs in a task of the stack's nursery.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import trio
from libp2p.abc import INetStream
from libp2p.peer.peerstore import PeerStore

from p2plab.errors import ClosedError, ConfigurationError, DialError, NotInThisWorldError, ValidationError
from p2plab.identity.keys import Identity
from p2plab.protocols.bootstrap import Bootstrap
from p2plab.protocols.capabilities import Capability
from p2plab.protocols.dialling import BACKOFF, persistently
from p2plab.protocols.verbs import ProtocolVerbs
from p2plab.pubsub import GossipSubParams, Message, TopicQueue
from p2plab.real.connections.admission import Entrance, new_door
from p2plab.real.connections.connections import Tap
from p2plab.real.connections.dial import explain
from p2plab.real.connections.peers import TIMEOUT, Peers
from p2plab.real.connections.ports import Ports
from p2plab.real.connections.switch import Switch
from p2plab.real.dht import OnDemandDht
from p2plab.real.outside.own_host import Given
from p2plab.real.pubsub.choice import new_node_pubsub
from p2plab.real.pylibp2p.stack import Stack, cannot_listen
from p2plab.real.settings import without_secrets
from p2plab.real.taps.upgrade import NodeTap
from p2plab.stream import NetStream, Priority, StreamHandler
from p2plab.stream.traffic import TrafficRow
from p2plab.typing import Connection, PeerId, PeerInfo

if TYPE_CHECKING:
    from p2plab.admission import Admission
    from p2plab.admission.door import Door
    from p2plab.kademlia.dht import DhtVerbs
    from p2plab.real.settings import NodeSettings
    from p2plab.real.world import RealWorld


class RealHost(ProtocolVerbs):
    """Implements ``p2plab.typing.Host``. ``index`` stands for it in the event log."""

    def __init__(self, world: RealWorld, name: str, settings: dict[str, Any], checked: NodeSettings) -> None:
        self.world = world
        self.name = name
        self.settings = without_secrets(settings)
        self.ref = f"node {name}"
        self.index = world.events.register(name)
        home = world.home
        kept = None if home is None else home.identity(name)
        given = checked.host_factory
        own = given.identity(name) if isinstance(given, Given) else None
        self.identity = own or kept or Identity.derive(world.seed, name)
        self.peer_id = self.identity.peer_id
        world.directory.add(self.peer_id)
        self.listen = list(checked.listen) if home is None else home.listen(name, checked.listen)
        self.crashed = False
        self.running_stack: Stack | None = None
        self.remedies = checked.remedies
        self.ports = Ports(self.remedies)
        self.door: Door | None = None  # None where nothing was ever said about admission
        self.entrance = Entrance(self)
        self.tap = NodeTap(
            world.taps, world.directory, name, self.index, lambda protocol: self.switch.handler(protocol) is not None
        )
        self.peers_of_node = Peers(self)
        self._checked = checked
        self._coming_up: trio.Event | None = trio.Event()
        self._addresses: list[str] = []
        self.switch = Switch(self)
        self.dht = OnDemandDht(self, checked.dht if home is None else home.dht_params(checked.dht))
        self.pubsub = new_node_pubsub(self, checked)
        self.bootstrap = Bootstrap(self, checked.bootstrap, world.runtime, world.log, self.switch.spawn)
        if checked.admission.is_set:
            self.open_door()

    # -- its life, for the supervisor

    @property
    def running(self) -> bool:
        return self.running_stack is not None or self._coming_up is not None

    @property
    def stack(self) -> Stack:
        """The py-libp2p objects. ClosedError where the node does not run."""
        if self.running_stack is None:
            raise ClosedError(f"{self.name} is not running{'' if self._coming_up is None else ' yet'}")
        return self.running_stack

    async def settled(self) -> None:
        """Wait for the end of a start that is under way: ``restart`` itself takes no time."""
        if self._coming_up is not None:
            await self._coming_up.wait()

    async def awake(self) -> Stack:
        """The py-libp2p objects, waited for where a start is under way. ClosedError where the node does not run."""
        await self.settled()
        return self.stack

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
            self.switch,
            self.failed,
            self._refused,
            self.peers_of_node.peerstore,
            self.listen,
        )
        self.tap.put_on(stack.swarm)
        # The first connection may come in before the stack is ready.
        stack.swarm.entrance = stack.host.entrance = self.entrance
        opened = partial(self.peers_of_node.opened, stack=stack)
        stack.swarm.register_notifee(Tap(opened, self.tap.streams.opened, self._closed_stream))
        return stack

    def _closed_stream(self, library: INetStream) -> None:
        self.entrance.closed_stream(library)
        self.tap.streams.closed(library)

    def came_up(self, stack: Stack) -> None:
        """The stack is ready: from now on the node is."""
        self.running_stack, self.crashed = stack, False
        self.listen = stack.listening(self.listen)  # a node that comes back listens where it did before
        self.ports.hold(self.listen)
        if self.world.home is not None:
            self.world.home.came_up(self.name, self.identity, self._checked.listen, self.listen)
        self._addresses = [f"{address}/p2p/{self.peer_id}" for address in self.listen]
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
        self.peers_of_node.all_gone(quietly=crashed)
        self.switch.all_gone()
        if self.door is not None:
            self.door.all_ended()
        self.dht.stop()

    def failed(self, what: str, error: Exception) -> None:
        """The library, or what stands on it, raised."""
        self.world.runtime.report(error, what, self.index, "library")

    def _refused(self, address: str, error: Exception) -> None:
        reason, text = explain(error)
        data = {"address": address, "text": text}
        self.world.events.record("connection.failed", self.index, reason=reason, data=data)

    @property
    def addresses(self) -> list[str]:
        return list(self._addresses)

    # -- peers

    @property
    def admission(self) -> Admission:
        """Whom it lets in."""
        return self._checked.admission if self.door is None else self.door.admission

    def open_door(self) -> Door:
        """What it asks before it opens anything; from now on, where nothing was said about admission before."""
        if self.door is None:
            self.door = new_door(self, self._checked.admission)
        return self.door

    async def connect(
        self, target: str, timeout: float | None = None, retries: int = 0, backoff: float = BACKOFF
    ) -> Connection:
        reach = partial(self.peers_of_node.reach, target, timeout)
        return (await persistently(self.world.runtime, reach, retries, backoff)).info

    async def disconnect(self, peer: str) -> bool:
        return await self.peers_of_node.disconnect(peer)

    def connections(self, peer: str | None = None) -> list[Connection]:
        peers = self.peers_of_node
        return [link.info for link in (peers.usable() if peer is None else peers.links_to(peers.target(peer).peer_id))]

    def peers(self) -> list[PeerInfo]:
        return self.peers_of_node.connected()

    def known_peers(self) -> list[PeerInfo]:
        return self.peers_of_node.known()

    def register_peer(self, peer_id: str, addresses: Sequence[str]) -> None:
        self.peers_of_node.register(peer_id, addresses)

    async def identify(self, peer: str, timeout: float | None = None) -> PeerInfo:
        link = await self.peers_of_node.reach(peer, timeout)
        limit = TIMEOUT if timeout is None else timeout
        await self.in_time("identify", peer, limit, lambda: self.peers_of_node.ask(link))
        return self.peers_of_node.info(link.info.peer)

    async def ping(self, peer: str, timeout: float | None = None) -> float:
        link = await self.peers_of_node.reach(peer, timeout)
        limit = TIMEOUT if timeout is None else timeout
        seconds = await self.in_time("ping", peer, limit, lambda: self.switch.ping(link))
        self.world.events.record("ping.reply", self.index, link.index, data={"rtt": seconds})
        self.pubsub.measured(link.index, seconds)
        return seconds

    async def capabilities(self, peer: str, timeout: float | None = None) -> list[Capability]:
        link = await self.peers_of_node.reach(peer, timeout)
        limit = TIMEOUT if timeout is None else timeout
        ask = partial(self.switch.news.ask_capabilities, link.info.peer)
        return await self.in_time("capabilities of", peer, limit, ask)

    def traffic_rows(self) -> list[TrafficRow]:
        return self.tap.streams.traffic.rows(self.world.directory.peer_of)

    # -- streams and protocols

    async def open_stream(
        self, peer: str, protocols: Sequence[str], lazy: bool = False, priority: Priority | None = None
    ) -> NetStream:
        return await self.switch.open(await self.peers_of_node.reach(peer), protocols, lazy, priority)

    def streams(self) -> list[NetStream]:
        # One whose last frame is still on its way out has ended for everybody but the library.
        return [stream for stream in self.switch.open_streams if stream.state not in ("closed", "reset")]

    def handle(
        self, protocol: str, handler: StreamHandler, features: Sequence[str] = (), priority: Priority | None = None
    ) -> None:
        self.switch.handle(protocol, handler, features, priority)

    def remove_handler(self, protocol: str) -> bool:
        return self.switch.remove(protocol)

    def protocols(self) -> list[str]:
        return sorted(str(protocol) for protocol in self.stack.host.get_mux().get_protocols() if protocol)

    # -- publish-subscribe

    def subscribe(self, topic: str) -> TopicQueue:
        return self.pubsub.subscribe(topic)

    def unsubscribe(self, queue: TopicQueue) -> None:
        self.pubsub.unsubscribe(queue)

    def publish(self, topic: str, data: bytes) -> Message:
        return self.pubsub.publish(topic, data)

    def topics(self) -> list[str]:
        return sorted(self.pubsub.topics())

    def topic_peers(self, topic: str) -> list[PeerInfo]:
        return self._infos(self.pubsub.topic_peers(topic))

    def mesh(self, topic: str) -> list[PeerInfo]:
        return self._infos(self.pubsub.mesh(topic))

    def fanout(self, topic: str) -> list[PeerInfo]:
        return self._infos(self.pubsub.fanout(topic))

    def _infos(self, wanted: Sequence[PeerId]) -> list[PeerInfo]:
        """What is known of some connected peers, in the order of their connections."""
        connected = dict.fromkeys(link.info.peer for link in self.peers_of_node.links)
        return [self.peers_of_node.info(peer) for peer in connected if peer in wanted]

    def scores(self) -> dict[str, dict[str, Any]]:
        return self.pubsub.scores()

    def params(self) -> GossipSubParams:
        return self.pubsub.params()

    def set_params(self, params: GossipSubParams) -> None:
        self.pubsub.set_params(params)

    def add_validator(self, topic: str, validator: Callable[[Message], Any]) -> None:
        self.pubsub.add_validator(topic, validator)

    # -- the DHT

    @property
    def dht_verbs(self) -> DhtVerbs:
        return self.dht.verbs

    def peer_known(self, peer: int, protocols: Sequence[str]) -> None:
        """Identify said what a connected peer speaks."""
        self.dht.peer_known(peer, protocols)

    def peer_gone(self, peer: int) -> None:
        """The last connection to a peer is gone."""
        self.switch.news.forget(self.world.directory.peer_of(peer))
        self.dht.peer_gone(peer)

    # -- coming and going

    async def stop(self) -> None:
        self.stack  # noqa: B018  # ClosedError where it does not run
        await self.world.stop_host(self)

    def crash(self, silent: bool = False) -> None:
        if silent:
            raise NotInThisWorldError(
                "a real node cannot crash silently: its system resets what it leaves behind; crash(), or a mock lab"
            )
        self.stack  # noqa: B018  # ClosedError where it does not run
        self.world.crash_host(self)

    def restart(self, state: str = "kept", reconnect: bool = True) -> None:
        if self.running:
            raise ConfigurationError(f"{self.name} is running; crash or stop it first")
        if state not in ("kept", "lost"):
            raise ValidationError(f"state={state!r}: a node comes back with its state 'kept' or 'lost'")
        if state == "lost":
            self.peers_of_node.peerstore = PeerStore()
            if self.door is not None:
                self.door.forget()
            if self.world.home is not None:
                self.world.home.forget_book(self.name)
            self.pubsub.close()
        self.dht.restarted(keep=state == "kept")
        self._coming_up = trio.Event()
        again = self.peers_of_node.dialled if reconnect else []

        def born() -> None:
            self.world.events.record("node.restarted", self.index, reason="requested", data={"state": state})
            self.dht.start()
            for peer in again:
                self.stack.start(partial(self._redial, peer), "dialling again")
            if reconnect:
                self.bootstrap.begin()

        self.world.start_again(self, born)

    async def _redial(self, peer: str) -> None:
        try:
            await self.peers_of_node.reach(peer)
        except (DialError, ClosedError):
            return  # recorded as connection.failed, or as the end of this node; nobody waits for it
