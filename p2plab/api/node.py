"""What a user holds for a node: ``Node``, whose verbs block until they are done, and ``AsyncNode``, to be awaited.

Both are thin: every verb hands over to the node's ``Host`` in its world. What takes no lab time is the same in both
and stands in ``NodeFace``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from p2plab.admission.face import AdmissionFace
from p2plab.api.arguments import (
    check_bytes,
    check_payload,
    check_protocol,
    check_protocols,
    check_retries,
    check_timeout,
    check_topic,
    peer_argument,
)
from p2plab.constants import MAX_REQUEST, MAX_RESPONSE, MAX_TRANSFER
from p2plab.explain import why_peer
from p2plab.protocols.dialling import BACKOFF
from p2plab.typing import Connection, Host, PeerId, PeerInfo, World

if TYPE_CHECKING:
    from p2plab.api.progress import Progress
    from p2plab.events import Chain
    from p2plab.kademlia.dht import AsyncDht, Dht
    from p2plab.protocols.capabilities import Capability
    from p2plab.protocols.perf import Throughput
    from p2plab.pubsub import AsyncSubscription, GossipSubParams, Message, Subscription
    from p2plab.stream import AsyncStream, BlockingStream, NetStream, Priority, StreamHandler
    from p2plab.stream.traffic import TrafficTable

__all__ = ["AsyncNode", "Node", "NodeFace"]

Peer = Any  # a Node, an AsyncNode, a PeerInfo, a node's name or a peer id; to dial also a multiaddr


class NodeFace(AdmissionFace):
    """What both faces of a node share: all that takes no lab time."""

    def __init__(self, world: World, host: Host) -> None:
        self._world = world
        self._host = host

    @property
    def name(self) -> str:
        """The name it was started with."""
        return self._host.name

    @property
    def peer_id(self) -> PeerId:
        """Its peer id (base58btc text), derived from the lab's seed and the name."""
        return self._host.peer_id

    @property
    def addresses(self) -> list[str]:
        """The multiaddrs it listens on, each ending in ``/p2p/<peer id>``."""
        return self._world.look(lambda: self._host.addresses)

    @property
    def running(self) -> bool:
        """Whether it is up: neither stopped nor crashed."""
        return self._host.running

    @property
    def world(self) -> World:
        """The world it lives in."""
        return self._world

    # -- peers

    def peers(self) -> list[PeerInfo]:
        """The peers it is connected to, in the order in which they came."""
        return self._world.look(self._host.peers)

    def connections(self, peer: Peer = None) -> list[Connection]:
        """Its open connections, or only those to one peer."""
        return self._world.look(self._host.connections, None if peer is None else self._peer(peer))

    def known_peers(self) -> list[PeerInfo]:
        """Its address book: every peer it has an address of."""
        return self._world.look(self._host.known_peers)

    def register_peer(self, peer_id: str, addresses: Sequence[str]) -> None:
        """Add multiaddrs of a peer to its address book. PeerIdError or AddressError where they are none."""
        wanted = [addresses] if isinstance(addresses, str) else addresses
        self._world.do(self._host.register_peer, str(peer_id), [str(address) for address in wanted])

    # -- protocols

    def handle(
        self,
        protocol: str,
        handler: StreamHandler,
        features: Sequence[str] = (),
        priority: Priority | None = None,
    ) -> None:
        """Answer streams of this protocol with ``async def handler(stream)``; the stream is closed when it returns.

        A handler registered again replaces the one before. What it raises resets its stream and becomes an ``error``
        event. The id may end in a range of versions, as in ``/chat/1.x``: the stream's ``protocol`` says which version
        was agreed. ``features`` are words that ``capabilities`` tells of the protocol. ``priority`` is ``"control"``,
        ``"interactive"`` (the default), ``"bulk"`` or a weight from 1 to 1000: its streams' share of a busy line.
        """
        self._world.do(self._host.handle, check_protocol(protocol), handler, features, priority)

    def remove_handler(self, protocol: str) -> bool:
        """No longer answer this protocol; whether it was answered."""
        return self._world.do(self._host.remove_handler, check_protocol(protocol))

    def handle_request(
        self, protocol: str, answer: Callable[[bytes, PeerId], Awaitable[bytes | str]], limit: int = MAX_REQUEST
    ) -> None:
        """Answer requests of this protocol with ``async def answer(request, peer)``, which returns the response.

        ``request`` is bytes, at most ``limit`` of them; the response bytes, or str as UTF-8. What it raises becomes an
        ``error`` event, and the requester's StreamError. ValidationError for what is no such function.
        """
        checked = check_bytes(limit, "limit", MAX_TRANSFER)
        self._world.do(self._host.handle_request, check_protocol(protocol), answer, checked)

    def protocols(self) -> list[str]:
        """The protocol ids it answers, as identify tells them."""
        return self._world.look(self._host.protocols)

    def streams(
        self, peer: Peer = None, protocol: str | None = None, connection: Connection | None = None
    ) -> list[NetStream]:
        """Its open streams, oldest first, or only those to one peer, of one protocol, or on one connection."""
        peer_id = None if peer is None else self._peer(peer)
        return [
            stream
            for stream in self._world.look(self._host.streams)
            if (peer_id is None or peer_id in (stream.peer, stream.peer.name))
            and (protocol is None or stream.protocol == protocol)
            and (connection is None or stream.connection.id == connection.id)
        ]

    # -- seeing

    def traffic(self, since: TrafficTable | None = None) -> TrafficTable:
        """Payload bytes and rates (bytes a second of lab time) by peer and protocol, as a table; the busiest first.

        Rates are since an earlier table of this node, or else since the lab began. At most 1,000 pairs of a peer and a
        protocol are kept apart.
        """
        from p2plab.stream.traffic import TrafficTable

        return TrafficTable(self.name, self._world.now, self._world.look(self._host.traffic_rows), since)

    def metrics(self) -> str:
        """Its numbers in Prometheus' text format: connections, streams, bytes, messages, queries, errors, and how many
        events of each kind it has. Bytes are told apart for at most 1,000 pairs of a peer and a protocol."""
        from p2plab.exports import metrics

        return metrics(self._world, [self.name])

    # -- publish-subscribe

    def publish(self, topic: str, data: bytes | str) -> Message:
        """Send a message to a topic's subscribers, its own subscriptions among them; str is sent as UTF-8.

        ValidationError for a topic or data of the wrong type or size. Without peers nothing is raised: the
        ``pubsub.publish`` event says so.
        """
        return self._world.do(self._host.publish, check_topic(topic), check_payload(data))

    def topics(self) -> list[str]:
        """The topics it subscribes to, sorted."""
        return self._world.look(self._host.topics)

    def topic_peers(self, topic: str) -> list[PeerInfo]:
        """The connected peers that it knows to subscribe to a topic."""
        return self._world.look(self._host.topic_peers, check_topic(topic))

    def mesh(self, topic: str) -> list[PeerInfo]:
        """The peers in its mesh of a topic, with whom it exchanges full messages (gossipsub-v1.0.md)."""
        return self._world.look(self._host.mesh, check_topic(topic))

    def fanout(self, topic: str) -> list[PeerInfo]:
        """The peers it publishes to on a topic it does not subscribe to."""
        return self._world.look(self._host.fanout, check_topic(topic))

    def scores(self) -> dict[str, dict[str, Any]]:
        """By the name of each peer: its ``score`` and what it is made of (gossipsub-v1.1.md).

        With p2plab's router (mock nodes, and real ones with ``pubsub="p2plab"``) these are the weighted components
        ``P1``, ``P2``, ``P3``, ``P3b``, ``P4`` (each summed over the topics), ``cap``, ``P5``, ``P6``, ``P7``. With
        py-libp2p's they are ``topics``: for each topic that it has a mesh of, py-libp2p's own counters by name, such as
        ``time_in_mesh``, ``first_deliveries`` and ``total_score``. Routers that keep no scores give none.
        """
        return self._world.look(self._host.scores)

    @property
    def params(self) -> GossipSubParams:
        """The parameters its router goes by; setting them (``node.params = node.params.replace(D=8)``) takes effect at
        once and leaves meshes, scores and caches as they are. ConfigurationError where the router is no GossipSub,
        NotInThisWorldError for setting those of a router that takes them at its start only."""
        return self._world.look(self._host.params)

    @params.setter
    def params(self, params: GossipSubParams) -> None:
        self._world.do(self._host.set_params, params)

    def why(self, peer: Peer, topic: str | None = None) -> Chain:
        """Why a peer is treated as it is: the last graft, prune or other decision about it (in a topic), with its
        reason, numbers and causes, and how it stands now. ValidationError where the log knows nothing of it."""
        named, hosts = self._peer(peer), self._world.look(self._world.hosts)
        name = next((host.name for host in hosts.values() if named in (host.name, host.peer_id)), named)
        in_mesh = None if topic is None else name in [info.name for info in self.mesh(topic)]
        return why_peer(self._world.events, self.name, name, topic, in_mesh, self.scores().get(name))

    def add_validator(self, topic: str, validator: Callable[[Message], Any]) -> None:
        """Have ``validator(message)``, plain or async, judge every message of the topic before it is passed on.

        It returns True or ``"accept"``, False or ``"reject"`` (which counts against the sender), or ``"ignore"``. What
        it raises counts as ignore and becomes an ``error`` event. A ``p2plab.pubsub.TopicValidator`` takes lab time.
        """
        self._world.do(self._host.add_validator, check_topic(topic), validator)

    # -- coming and going

    def crash(self, silent: bool = False) -> None:
        """Take it away without a goodbye: its peers' connections are reset, or (``silent``) just fall quiet."""
        self._world.do(self._host.crash, silent)

    def restart(self, state: str = "kept", reconnect: bool = True) -> None:
        """Bring it back, with its state ``kept`` or ``lost``; ``reconnect``: it dials whom it had dialled before."""
        self._world.do(self._host.restart, state, reconnect)

    # -- the rest

    def _peer(self, peer: Peer) -> str:
        return peer_argument(peer, self._world)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        state = "" if self.running else ", not running"
        return f"<{type(self).__name__} {self.peer_id!r}, {self._world.backend}{state}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NodeFace) and other._world is self._world and other.name == self.name

    def __hash__(self) -> int:
        return hash((id(self._world), self.name))


class Node(NodeFace):
    """A node of a ``Lab``: its verbs return when they are done. Times are seconds of lab time.

    Verbs that reach another node raise DialError where it cannot be reached, TimeoutError after ``timeout``,
    UnknownNodeError, PeerIdError or AddressError for a peer that is none, and InsideLabError inside the lab.
    """

    def connect(
        self, peer: Peer, timeout: float | None = None, retries: int = 0, backoff: float = BACKOFF
    ) -> Connection:
        """Dial a node, a peer id or a multiaddr; where a connection is there already, that one is returned.

        The peer's addresses are tried in turn, each for ``timeout`` seconds (10); all of them again up to ``retries``
        times, ``backoff`` seconds later and then twice as long each time. DialError has every attempt.
        """
        again = check_retries(retries, backoff)
        return self._world.run(self._host.connect, self._peer(peer), check_timeout(timeout), *again)

    def disconnect(self, peer: Peer) -> bool:
        """Close every connection to a peer; whether there was one."""
        return self._world.run(self._host.disconnect, self._peer(peer))

    def ping(self, peer: Peer, timeout: float | None = None) -> float:
        """The round-trip time to a peer in seconds (ping/ping.md); dials it if need be."""
        return self._world.run(self._host.ping, self._peer(peer), check_timeout(timeout))

    def identify(self, peer: Peer, timeout: float | None = None) -> PeerInfo:
        """Ask a peer who it is (identify/README.md); dials it if need be."""
        return self._world.run(self._host.identify, self._peer(peer), check_timeout(timeout))

    def open_stream(
        self,
        peer: Peer,
        protocols: str | Sequence[str],
        lazy: bool = False,
        priority: Priority | None = None,
    ) -> BlockingStream:
        """A stream on which the first of ``protocols`` that the peer answers is agreed; dials it if need be.

        StreamError of kind ``protocol not supported`` where it answers none. ``lazy`` saves the round trip: the first
        protocol is assumed, and a refusal comes with the first read. A range of versions, as in ``/chat/1.x``, gives
        the highest that both are known to speak. ``priority``: see ``handle``.
        """
        from p2plab.stream import BlockingStream

        wanted = check_protocols(protocols)
        stream = self._world.run(self._host.open_stream, self._peer(peer), wanted, lazy, priority)
        return BlockingStream(stream, self._world)

    def request(
        self,
        peer: Peer,
        protocol: str | Sequence[str],
        data: bytes | str,
        timeout: float | None = None,
        limit: int = MAX_RESPONSE,
    ) -> bytes:
        """Send a peer one request (bytes, or str as UTF-8) and return its response; dials it if need be.

        A stream for each request, every message with its length in front, as in rust-libp2p and py-libp2p. TimeoutError
        after ``timeout`` seconds (10), StreamError of kind ``limit`` for a response over ``limit`` bytes (10 MiB),
        ``reset`` where the handler raised, ``protocol not supported`` where there is none.
        """
        wanted, payload = check_protocols(protocol), check_payload(data)
        peer, most = self._peer(peer), check_bytes(limit, "limit", MAX_TRANSFER)
        return self._world.run(self._host.request, peer, wanted, payload, check_timeout(timeout), most)

    def perf(
        self,
        peer: Peer,
        upload: int = 1 << 20,
        download: int = 1 << 20,
        timeout: float | None = None,
        progress: Progress | bool | None = None,
    ) -> Throughput:
        """Measure how fast bytes cross to a peer and back (perf/perf.md); dials it if need be.

        ``upload`` and ``download`` are bytes. A node of this lab answers it from then on; of others, only those that
        speak ``/perf/1.0.0`` do. ``progress``: a function of (bytes done, bytes in all), called inside the lab; True or
        False to show a line or not; left out, on a terminal and in a notebook. TimeoutError after ``timeout`` (300 s).
        """
        from p2plab.api.progress import perf_progress

        sizes = check_bytes(upload, "upload", MAX_TRANSFER), check_bytes(download, "download", MAX_TRANSFER)
        peer, limit = self._peer(peer), check_timeout(timeout)
        with perf_progress(self._world, self._host, sum(sizes), progress):
            return self._world.run(self._host.perf, peer, *sizes, limit)

    def capabilities(self, peer: Peer, timeout: float | None = None) -> list[Capability]:
        """What a peer's protocols can do: names, versions, features. Asked once, and again after the peer has pushed
        news of itself; a peer that does not speak capabilities gives what identify said, without features."""
        return self._world.run(self._host.capabilities, self._peer(peer), check_timeout(timeout))

    def execute_command(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """Execute a command of this node's by its name; see ``Lab.execute_command``."""
        from p2plab.commands import perform

        return perform(self, name, arguments).envelope

    def stop(self) -> None:
        """Close its connections and go; ``restart`` brings it back."""
        self._world.run(self._host.stop)

    @property
    def dht(self) -> Dht:
        """Its DHT: ``put``, ``get``, ``provide``, ``find_providers``, ``find_peer``, ``closest_peers``,
        ``routing_table``."""
        from p2plab.kademlia.dht import Dht

        return Dht(self._host.dht_verbs, self._world)

    def subscribe(self, topic: str) -> Subscription:
        """A subscription of its own for each call; the topic is left when the last one is closed."""
        from p2plab.pubsub import Subscription

        return Subscription(self._world.do(self._host.subscribe, check_topic(topic)), self._world)


class AsyncNode(NodeFace):
    """A node of an ``AsyncLab``: the verbs of ``Node``, to be awaited. Inside the lab (``stream.node``,
    ``lab.aio["alice"]``) they are awaited too."""

    async def connect(
        self, peer: Peer, timeout: float | None = None, retries: int = 0, backoff: float = BACKOFF
    ) -> Connection:
        """See ``Node.connect``."""
        again = check_retries(retries, backoff)
        return await self._world.arun(self._host.connect, self._peer(peer), check_timeout(timeout), *again)

    async def disconnect(self, peer: Peer) -> bool:
        """See ``Node.disconnect``."""
        return await self._world.arun(self._host.disconnect, self._peer(peer))

    async def ping(self, peer: Peer, timeout: float | None = None) -> float:
        """See ``Node.ping``."""
        return await self._world.arun(self._host.ping, self._peer(peer), check_timeout(timeout))

    async def identify(self, peer: Peer, timeout: float | None = None) -> PeerInfo:
        """See ``Node.identify``."""
        return await self._world.arun(self._host.identify, self._peer(peer), check_timeout(timeout))

    async def open_stream(
        self,
        peer: Peer,
        protocols: str | Sequence[str],
        lazy: bool = False,
        priority: Priority | None = None,
    ) -> AsyncStream:
        """See ``Node.open_stream``."""
        from p2plab.stream import AsyncStream

        wanted = check_protocols(protocols)
        stream = await self._world.arun(self._host.open_stream, self._peer(peer), wanted, lazy, priority)
        return AsyncStream(stream, self._world)

    async def request(
        self,
        peer: Peer,
        protocol: str | Sequence[str],
        data: bytes | str,
        timeout: float | None = None,
        limit: int = MAX_RESPONSE,
    ) -> bytes:
        """See ``Node.request``."""
        wanted, payload = check_protocols(protocol), check_payload(data)
        peer, most = self._peer(peer), check_bytes(limit, "limit", MAX_TRANSFER)
        return await self._world.arun(self._host.request, peer, wanted, payload, check_timeout(timeout), most)

    async def perf(
        self,
        peer: Peer,
        upload: int = 1 << 20,
        download: int = 1 << 20,
        timeout: float | None = None,
        progress: Progress | bool | None = None,
    ) -> Throughput:
        """See ``Node.perf``."""
        from p2plab.api.progress import perf_progress

        sizes = check_bytes(upload, "upload", MAX_TRANSFER), check_bytes(download, "download", MAX_TRANSFER)
        peer, limit = self._peer(peer), check_timeout(timeout)
        with perf_progress(self._world, self._host, sum(sizes), progress):
            return await self._world.arun(self._host.perf, peer, *sizes, limit)

    async def capabilities(self, peer: Peer, timeout: float | None = None) -> list[Capability]:
        """See ``Node.capabilities``."""
        return await self._world.arun(self._host.capabilities, self._peer(peer), check_timeout(timeout))

    async def execute_command(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """See ``Node.execute_command``."""
        from p2plab.commands import perform_async

        return (await perform_async(self, name, arguments)).envelope

    async def stop(self) -> None:
        """See ``Node.stop``."""
        await self._world.arun(self._host.stop)

    @property
    def dht(self) -> AsyncDht:
        """See ``Node.dht``."""
        from p2plab.kademlia.dht import AsyncDht

        return AsyncDht(self._host.dht_verbs, self._world)

    def subscribe(self, topic: str) -> AsyncSubscription:
        """See ``Node.subscribe``; its ``get`` is to be awaited."""
        from p2plab.pubsub import AsyncSubscription

        return AsyncSubscription(self._world.do(self._host.subscribe, check_topic(topic)), self._world)
