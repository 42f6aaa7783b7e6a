"""What both faces of a node share: all that takes no lab time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from p2plab.admission.face import AdmissionFace
from p2plab.api.arguments import (
    Peer,
    check_bytes,
    check_payload,
    check_protocol,
    check_seconds,
    check_topic,
    peer_argument,
)
from p2plab.commanded import commanded
from p2plab.constants import MAX_REQUEST, MAX_TRANSFER
from p2plab.errors import ValidationError
from p2plab.likely import Nothing, did_you_mean
from p2plab.typing import Connection, PeerId, PeerInfo
from p2plab.worlds import Host, World, bare

if TYPE_CHECKING:
    from p2plab.events import Chain
    from p2plab.host.nat import NatBelief, ReachabilityBeliefs
    from p2plab.nat import AddressStatus
    from p2plab.pubsub import GossipSubParams, Message
    from p2plab.roles import Role
    from p2plab.routing.address_book import AddressTable
    from p2plab.stream import NetStream, Priority, StreamHandler
    from p2plab.stream.traffic import TrafficTable

__all__ = ["NodeFace"]

NOBODY = "12D3KooWDtRJs7bmwLHooFDzzC8cQqc1dZMLtVv8XZASdByzTik4"  # for examples
NOWHERE = f"/ip4/127.0.0.1/tcp/4002/p2p/{NOBODY}"


class NodeFace(AdmissionFace):
    """What both faces of a node share: all that takes no lab time."""

    _world: World
    _host: Host

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
    def nat(self) -> NatBelief:
        """What it believes of the NAT in front of it: its mapping, its observed addresses, its relays. Mock only.

        Raises:
            NotInThisWorldError: in a real lab, whose nodes are on the loopback.

        Example:
            >>> print(alice.nat)
            not known to be reachable; mapping not known
        """
        return self._world.look(lambda: self._reachability("node.nat").belief())

    def reachability(self) -> list[AddressStatus]:
        """List what it believes of each of its addresses: whether it can be dialled, how sure it is, on whose word.

        Returns:
            For each address ``.status`` (``public``, ``private`` or ``unknown``), ``.confidence`` (0 to 3) and ``.by``,
            the AutoNAT servers (autonat/autonat-v2.md). Without a NAT or a relay in the lab nobody asks: ``unknown``.

        Raises:
            NotInThisWorldError: in a real lab, whose nodes are on the loopback.

        Example:
            >>> [(status.status, status.confidence) for status in alice.reachability()]
            [('unknown', 0)]
        """
        return self._world.look(lambda: self._reachability("node.reachability").statuses())

    def _reachability(self, verb: str) -> ReachabilityBeliefs:
        from p2plab.host.nat import beliefs_of

        return beliefs_of(self._host, verb)

    @property
    def running(self) -> bool:
        """Whether it is up: neither stopped nor crashed."""
        return self._host.running

    @property
    def role(self) -> str | None:
        """The name of what it is there for, as ``start_node(role=)`` or ``set_role`` said; None where nobody did."""
        role = self._host.role
        return None if role is None else role.name

    @commanded("routing", "set_role carol pinner", after=("name", "role"), takes={"role": "RoleName"})
    def set_role(self, role: str | Role | None) -> None:
        """Have it be there for something else from now on, and tell its peers.

        Args:
            role: a name out of ``lab.roles``, a ``p2plab.roles.Role`` of one's own, or None for no role

        Raises:
            ValidationError: there is no such role.
            NotInThisWorldError: real nodes cannot relay.

        Example:
            >>> carol.set_role("pinner")
            >>> carol.role, bob.identify(carol).roles
            ('pinner', ['pinner'])
        """
        self._world.do(self._host.take_role, self._world.roles.given(role))

    @property
    def world(self) -> World:
        """The world it lives in."""
        return bare(self._world)

    # -- peers

    @commanded("connections", "peers bob")
    def peers(self) -> list[PeerInfo]:
        """List the peers it is connected to, in the order in which they came.

        Example:
            >>> bob.peers()
            [<PeerInfo alice (…...)>, <PeerInfo carol (…...)>]
        """
        return self._world.look(self._host.peers)

    @commanded("connections", "connections alice", "connections alice peer=bob")
    def connections(self, peer: Peer = None) -> list[Connection]:
        """List its open connections.

        Args:
            peer: only those to this peer; left out, all
        """
        return self._world.look(self._host.connections, None if peer is None else self._peer(peer))

    def known_peers(self) -> list[PeerInfo]:
        """List its address book: every peer it has an address of."""
        return self._world.look(self._host.known_peers)

    @commanded("connections", f"register_node alice {NOBODY} {NOWHERE}; address_book alice")
    def address_book(self, peer: Peer = None) -> AddressTable:
        """List every address that it knows of its peers: by whom it was learnt, when, for how long, whether signed.

        What the peer itself told by identify stays while they are connected, and a day after; what the user registered
        stays; what the DHT, a rendezvous point or another peer told stays for an hour.

        Args:
            peer: only this peer's; left out, all

        Returns:
            A table of ``peer``, ``address``, ``by``, ``told_by``, ``learnt``, ``expires`` (seconds of lab time; None:
            it stays) and ``certified``.

        Example:
            >>> connection = alice.connect(carol)
            >>> lab.run(1)
            >>> [(row.by, row.expires, row.certified) for row in alice.address_book(carol)]
            [('identify', None, False)]
        """
        from p2plab.routing.address_book import AddressTable

        wanted = None if peer is None else self._peer(peer)
        names: dict[str, str] = {}
        for name, host in self._world.hosts().items():
            names[str(host.peer_id)] = name
            wanted = str(host.peer_id) if wanted == name else wanted
        rows = self._world.look(self._host.address_book)
        found = [row for row in rows if wanted in (None, row.peer)]
        return AddressTable(found, self._world.now, lambda peer_id: names.get(peer_id, "…" + peer_id[-6:]))

    def register_peer(self, peer_id: str, addresses: Sequence[str], ttl: float | None = None) -> None:
        """Add multiaddrs of a peer to its address book, of which it keeps at most 64 a peer.

        Args:
            peer_id: the peer's id
            addresses: one multiaddr or several
            ttl: seconds of lab time that they are kept; left out, they stay

        Raises:
            PeerIdError, AddressError, ValidationError: they are none.
        """
        wanted = [addresses] if isinstance(addresses, str) else addresses
        seconds = None if ttl is None else check_seconds(ttl, "ttl")
        texts = [str(address) for address in wanted]
        given = (texts,) if seconds is None else (texts, seconds)
        self._world.do(self._host.register_peer, str(peer_id), *given)

    def register_record(self, record: bytes) -> PeerInfo:
        """Add the addresses of a signed peer record (libp2p RFC 0003) to its address book.

        Args:
            record: the envelope's bytes, as another node's ``signed_addresses`` gives it

        Returns:
            Whose it is, with the addresses that are known now. A record older than the one that is held changes
            nothing.

        Raises:
            ProtocolViolation: no record, or a signature that is not the named peer's own.

        Example:
            >>> alice.register_record(carol.signed_addresses()).name
            'carol'
            >>> [row.certified for row in alice.address_book(carol)]
            [True]
        """
        if not isinstance(record, bytes):
            raise ValidationError(f"a signed record is bytes, not {type(record).__name__}")
        return self._world.do(self._host.register_record, record)

    def signed_addresses(self) -> bytes:
        """Give its own addresses, signed by itself (libp2p RFC 0003), for others to register."""
        return self._world.look(self._host.signed_addresses)

    @commanded("connections", f"register_node alice {NOBODY} {NOWHERE}; forget_peer alice {NOBODY}", result="forgotten")
    def forget_peer(self, peer: Peer) -> bool:
        """Take a peer out of its address book; connections to it stay.

        Args:
            peer: a node, a node's name or a peer id

        Returns:
            Whether anything was known of it.
        """
        return self._world.do(self._host.forget_peer, self._peer(peer))

    # -- protocols

    def handle(
        self,
        protocol: str,
        handler: StreamHandler,
        features: Sequence[str] = (),
        priority: Priority | None = None,
    ) -> None:
        """Answer streams of a protocol.

        A handler registered again replaces the one before.

        Args:
            protocol: its id, such as ``/echo/1.0.0``; it may end in a range of versions, as in ``/chat/1.x`` (the
                stream's ``protocol`` says which one was agreed)
            handler: ``async def handler(stream)``; the stream is closed when it returns, and reset if it raises, which
                is an ``error`` event
            features: words that ``capabilities`` tells of the protocol
            priority: ``"control"``, ``"interactive"`` (the default), ``"bulk"`` or a weight from 1 to 1000: its
                streams' share of a busy line

        Raises:
            ValidationError: no protocol id, or no such function.

        Example:
            >>> async def echo(stream):
            ...     await stream.write(await stream.read())
            >>> bob.handle("/echo/1.0.0", echo)
            >>> "/echo/1.0.0" in bob.protocols()
            True
        """
        self._world.do(self._host.handle, check_protocol(protocol), handler, features, priority)

    def remove_handler(self, protocol: str) -> bool:
        """No longer answer a protocol.

        Args:
            protocol: its id

        Returns:
            Whether it was answered.
        """
        return self._world.do(self._host.remove_handler, check_protocol(protocol))

    def handle_request(
        self, protocol: str, answer: Callable[[bytes, PeerId], Awaitable[bytes | str]], limit: int = MAX_REQUEST
    ) -> None:
        """Answer requests of a protocol, one response each.

        Args:
            protocol: its id, such as ``/shout/1.0.0``
            answer: ``async def answer(request, peer)``, which is given the request's bytes and the peer's id, and
                returns the response: bytes, or text as UTF-8. What it raises is an ``error`` event, and the
                requester's StreamError
            limit: the most bytes that a request may have (1 MiB)

        Raises:
            ValidationError: no protocol id, or no such function.
        """
        checked = check_bytes(limit, "limit", MAX_TRANSFER)
        self._world.do(self._host.handle_request, check_protocol(protocol), answer, checked)

    @commanded("connections", "protocols alice", "serve bob /echo/1.0.0; protocols bob", result="protocols")
    def protocols(self) -> list[str]:
        """List the protocol ids it answers, as identify tells them."""
        return self._world.look(self._host.protocols)

    def streams(
        self, peer: Peer = None, protocol: str | None = None, connection: Connection | None = None
    ) -> list[NetStream]:
        """List its open streams, oldest first.

        Args:
            peer: only those to this peer; left out, all
            protocol: only those of this protocol; left out, all
            connection: only those on this connection; left out, all
        """
        peer_id = None if peer is None else self._peer(peer)
        return [
            stream
            for stream in self._world.look(self._host.streams)
            if (peer_id is None or peer_id in (stream.peer, stream.peer.name))
            and (protocol is None or stream.protocol == protocol)
            and (connection is None or stream.connection.id == connection.id)
        ]

    # -- seeing

    @commanded("seeing", "traffic alice", without=("since",))
    def traffic(self, since: TrafficTable | None = None) -> TrafficTable:
        """Show how many payload bytes it has exchanged, by peer and protocol; the busiest first.

        At most 1,000 pairs of a peer and a protocol are kept apart.

        Args:
            since: an earlier table of this node, from which on rates (bytes a second of lab time) are told; left out,
                since the lab began

        Returns:
            A table; its rows have ``peer``, ``protocol``, ``sent``, ``received``, ``sent_rate``, ``received_rate``.
        """
        from p2plab.stream.traffic import TrafficTable

        return TrafficTable(self.name, self._world.now, self._world.look(self._host.traffic_rows), since)

    def metrics(self) -> str:
        """Give its numbers in Prometheus' text format.

        They are connections, streams, bytes, messages, queries, errors, and how many events of each kind it has. Bytes
        are told apart for at most 1,000 pairs of a peer and a protocol.
        """
        from p2plab.exports import metrics

        return metrics(self._world, [self.name])

    # -- publish-subscribe

    def publish(self, topic: str, data: bytes | str) -> Message:
        """Send a message to a topic's subscribers, its own subscriptions among them.

        Without peers nothing is raised: the ``pubsub.publish`` event says so.

        Args:
            topic: its name, 1 to 1,024 bytes of UTF-8
            data: bytes, or text as UTF-8

        Returns:
            The Message; ``id`` is its message id as hex (gossipsub-v1.0.md).

        Raises:
            ValidationError: a topic or data of the wrong type or size.

        Example:
            >>> message = alice.publish("news", "hello")
            >>> message.topic, message.data
            ('news', b'hello')
        """
        return self._world.do(self._host.publish, check_topic(topic), check_payload(data))

    @commanded("pubsub", "subscribe bob news; topics bob", result="topics")
    def topics(self) -> list[str]:
        """List the topics it subscribes to, sorted."""
        return self._world.look(self._host.topics)

    @commanded("pubsub", "subscribe bob news; run 1; topic_peers alice news", echo=("topic",))
    def topic_peers(self, topic: str) -> list[PeerInfo]:
        """List the connected peers that it knows to subscribe to a topic.

        Args:
            topic: the topic's name
        """
        return self._world.look(self._host.topic_peers, check_topic(topic))

    @commanded("pubsub", "subscribe bob news; subscribe carol news; run 3; mesh bob news", echo=("topic",))
    def mesh(self, topic: str) -> list[PeerInfo]:
        """List its mesh of a topic: the peers with whom it exchanges whole messages (gossipsub-v1.0.md).

        Args:
            topic: the topic's name

        Example:
            >>> subscriptions = [node.subscribe("news") for node in (alice, bob)]
            >>> lab.run(3)
            >>> [peer.name for peer in alice.mesh("news")]
            ['bob']
        """
        return self._world.look(self._host.mesh, check_topic(topic)) or self._no_peers(topic)

    @commanded(
        "pubsub", "subscribe bob news; run 1; publish alice news hello; run 1; fanout alice news", echo=("topic",)
    )
    def fanout(self, topic: str) -> list[PeerInfo]:
        """List the peers it publishes to on a topic it does not subscribe to (gossipsub-v1.0.md).

        Args:
            topic: the topic's name
        """
        return self._world.look(self._host.fanout, check_topic(topic)) or self._no_peers(topic)

    @commanded("pubsub", "scores alice", result="scores")
    def scores(self) -> dict[str, dict[str, Any]]:
        """Show how it scores its peers: by the name of each its ``score``, and what that is made of.

        The components are those of gossipsub-v1.1.md. With p2plab's router (mock nodes, and real ones with
        ``pubsub="p2plab"``) they are weighted: ``P1``, ``P2``, ``P3``, ``P3b``, ``P4`` (each summed over the topics),
        ``cap``, ``P5``, ``P6``, ``P7``. With py-libp2p's they are ``topics``: for each topic that it has a mesh of,
        py-libp2p's own counters by name, such as ``time_in_mesh``, ``first_deliveries`` and ``total_score``. Routers
        that keep no scores give none.
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

    @commanded(
        "reasons", "subscribe bob news; run 1; publish alice news hello; run 1; why_peer bob alice", name="why_peer"
    )
    def why(self, peer: Peer, topic: str | None = None, dht: bool = False) -> Chain:
        """Explain how it treats a peer: whether they are connected, what it last decided about the peer, and why.

        Also ``lab.why(peer, node=this)``. As there, a message can be given (why it did not arrive here, or how it did),
        and an event, a lookup or an error (its causes).

        Args:
            peer: a node, a node's name or a peer id
            topic: only decisions about this topic's mesh; left out, all
            dht: why the peer is not in this node's routing table, or that it is, instead

        Returns:
            A Chain: ``answer`` is a sentence with the reason and its numbers, the events are its causes.

        Raises:
            UnknownNodeError, PeerIdError, ValidationError: what was given is none of these.
        """
        from p2plab.explain import why_missing, why_peer
        from p2plab.explain.why import is_caused, is_message, why, why_in_table

        hosts = self._world.look(self._world.hosts)
        if is_caused(peer):
            return why(self._world.events, peer)
        if not (isinstance(peer, str) and peer in hosts) and is_message(self._world.events, peer):
            return why_missing(self._world.events, peer, self.name)
        named = self._peer(peer)
        self._check_known(named)
        if dht:
            answer = self._world.look(self._host.dht_verbs.why_not, named)
            return why_in_table(self._world.events, self.name, peer, answer)
        name = next((host.name for host in hosts.values() if named in (host.name, host.peer_id)), named)
        running = self.running
        in_mesh = None if topic is None or not running else name in [info.name for info in self.mesh(topic)]
        score = self.scores().get(name) if running else None
        told = why_peer(self._world.events, self.name, name, topic, in_mesh, score)
        return self._as_provider(told, named) if topic is None else told

    def _as_provider(self, told: Chain, peer: str) -> Chain:
        """What was told of a peer, with how it stands as a provider of content, where that is known."""
        from dataclasses import replace

        from p2plab.host.names import peer_id_of

        host: Any = self._host
        service = host.services.get("reputation")
        known = "" if service is None else self._world.look(lambda: service.why(str(peer_id_of(host, peer))))
        return replace(told, answer=f"{told.answer}. {known[0].upper()}{known[1:]}") if known else told

    def add_validator(self, topic: str, validator: Callable[[Message], Any]) -> None:
        """Have every message of a topic judged before it is passed on.

        Args:
            topic: the topic's name
            validator: ``validator(message)``, plain or async; it returns True or ``"accept"``, False or ``"reject"``
                (which counts against the sender), or ``"ignore"``. What it raises counts as ignore and is an ``error``
                event. A ``p2plab.pubsub.TopicValidator`` takes lab time; ``p2plab.pubsub`` has some that are data:
                ``Delay(0.005)``, ``Batch(every=0.05)``, ``Reject(0.01)``, ``Ignore(0.5)``

        Example:
            >>> bob.add_validator("news", lambda message: len(message.data) < 100)
        """
        self._world.do(self._host.add_validator, check_topic(topic), validator)

    # -- coming and going

    @commanded("nodes", "crash carol", after=("name", "running"))
    def crash(self, silent: bool = False) -> None:
        """Take it away without a goodbye.

        Args:
            silent: without even a reset of its connections, which just fall quiet (mock)

        Example:
            >>> carol.crash()
            >>> carol.running
            False
        """
        self._world.do(self._host.crash, silent)

    @commanded(
        "nodes",
        "crash carol; restart carol",
        "stop bob; restart bob",
        after=("name", "running"),
        takes={"state": "State"},
    )
    def restart(self, state: str = "kept", reconnect: bool = True) -> None:
        """Bring it back after a crash or a stop, with the same identity and addresses.

        Args:
            state: ``kept``, or ``lost``: what became of all it knew
            reconnect: whether it dials whom it had dialled before

        Example:
            >>> carol.crash()
            >>> carol.restart()
            >>> carol.running
            True
        """
        self._world.do(self._host.restart, state, reconnect)

    # -- the rest

    def _no_peers(self, topic: str) -> list[PeerInfo]:
        """No peers, and where no node subscribes to the topic, the one that was likely meant."""
        subscribed = {one for host in self._world.hosts().values() for one in self._world.look(host.topics)}
        if topic in subscribed:
            return []
        return Nothing(f"no node subscribes to {topic[:80]!r}; {did_you_mean(topic, sorted(subscribed))}".rstrip("; "))

    def _check_known(self, name: str) -> None:
        """UnknownNodeError for text that is neither a peer id nor the name of a node, one outside included."""
        from p2plab.host.names import is_peer_id, unknown

        if is_peer_id(name) or name in self._world.hosts():
            return
        attached = getattr(self._world, "attached", None)
        if attached is None or name not in attached():
            raise unknown(name, self._world.hosts())

    def _peer(self, peer: Peer) -> str:
        return peer_argument(peer, self._world)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        state = "" if self.running else ", not running"
        return f"<{type(self).__name__} {self.peer_id!r}, {self._world.backend}{state}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NodeFace) and other.world is self.world and other.name == self.name

    def __hash__(self) -> int:
        return hash((id(self.world), self.name))
