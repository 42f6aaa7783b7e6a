"""One node of a world: whom it knows, what it answers, and the verbs that users call. The same in every world.

What a world gives is in ``given`` and ``protocols``. Verbs are coroutines that may be
cancelled at any point; what must not be cut short, the world runs in a task of its own (``spawn``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from p2plab.constants import AGENT_VERSION, IDENTIFY_ID
from p2plab.discovery.found import Found
from p2plab.errors import (
    ConfigurationError,
    LabError,
    ProtocolViolation,
    ResolutionError,
    ValidationError,
)
from p2plab.host.admission import late_control
from p2plab.host.book import AddressBook, PlainBook
from p2plab.host.built_in import BUILT_IN
from p2plab.host.dialling import TIMEOUT, Dialler
from p2plab.host.given import GivenByWorld
from p2plab.host.names import peer_id_of, target_of
from p2plab.host.protocols import HostConnection, HostWorld, PeerListener
from p2plab.host.service import LATE, HostService
from p2plab.host.switch import Switch
from p2plab.identity.address import parse_address
from p2plab.identity.keys import Identity, parse_peer_id
from p2plab.identity.peer_record import read_record, sign_record
from p2plab.protocols.bootstrap import Bootstrap
from p2plab.protocols.capabilities import Capability
from p2plab.protocols.dialling import BACKOFF, persistently
from p2plab.protocols.identify import Identify, identify
from p2plab.stream import NetStream, StreamError, StreamHandler
from p2plab.stream.priorities import Priority
from p2plab.typing import Connection, PeerId, PeerInfo

if TYPE_CHECKING:
    from p2plab.admission import Admission
    from p2plab.admission.control import AdmissionControl
    from p2plab.admission.ledger import Entry
    from p2plab.host.content import ContentService
    from p2plab.host.dht import HostDht
    from p2plab.host.discovery import DiscoveryService
    from p2plab.host.nat import ReachabilityService
    from p2plab.pubsub import GossipSubParams, Message, TopicQueue
    from p2plab.roles import Role
    from p2plab.routing.address_book import KnownAddress

__all__ = ["PROTOCOL_VERSION", "Host"]

C = TypeVar("C", bound=HostConnection)

PROTOCOL_VERSION = "p2plab/1.0.0"


class Host(GivenByWorld[C]):
    """``index`` stands for the node in the event log. ``connected``: its open connections, by the peer's index."""

    world: HostWorld
    built_in: ClassVar[tuple[str, ...]] = tuple(BUILT_IN)
    """The protocols that the switch answers by itself; in a world that answers some otherwise, the rest of them."""

    def __init__(self, world: HostWorld, index: int, name: str, settings: dict[str, Any]) -> None:
        self.world = world
        self.index = index
        self.name = name
        self.settings = settings
        self.ref = f"node {name}"
        self.connected: dict[int, list[C]] = {}
        self.book: AddressBook = PlainBook(world.runtime)
        self.admission_control: AdmissionControl | None = None  # None where nothing was ever said about admission
        self.reach: Dialler[C] = Dialler(self)
        self.listeners: tuple[PeerListener, ...] = ()  # who is told of peers
        self._services: dict[str, HostService] | None = None
        self.reachability: ReachabilityService | None = None  # in a lab with NATs or relays
        self.redialled: list[str] = []  # whom it dials again when it comes back: those it had dialled when it went
        self._identity: Identity | None = None
        self._switch: Switch[C] | None = None
        self._said: dict[int, Identify] = {}  # by peer: what it told us with identify
        self._bootstrap: Bootstrap | None = None
        self._dht_verbs: HostDht | None = None

    # -- who it is

    @property
    def identity(self) -> Identity:
        """Made when first asked for: ten thousand nodes start without a key between them."""
        if self._identity is None:
            self._identity = Identity.derive(self.world.seed, self.name)
        return self._identity

    @property
    def peer_id(self) -> PeerId:
        return self.identity.peer_id

    @property
    def addresses(self) -> list[str]:
        return [f"{address}/p2p/{self.peer_id}" for address in self.bases]

    @property
    def bases(self) -> Sequence[str]:
        """The same without ``/p2p/...``: what it listens at, and where else it can be reached."""
        if self.reachability is None:
            return self.listen_addresses
        return [*self.listen_addresses, *self.reachability.bases()]

    def record(
        self,
        kind: str,
        peer: int = -1,
        reason: str | None = None,
        data: dict[str, Any] | None = None,
        cause: int | None = None,
    ) -> int:
        """Put an event of this node's into the log; returns what to give as the cause of what follows from it."""
        return self.world.events.record(kind, self.index, peer, reason=reason, data=data, cause=cause)

    def reporter(self, reason: str) -> Callable[[str, Exception], int]:
        """What puts exceptions of a user's code into the log: ``report(what raised, error)``."""

        def report(what: str, error: Exception) -> int:
            data = {"what": f"{what} of {self.name}", "type": type(error).__name__, "text": str(error)[:500]}
            return self.record("error", reason=reason, data=data)

        return report

    # -- connections

    async def connect(
        self, target: str, timeout: float | None = None, retries: int = 0, backoff: float = BACKOFF
    ) -> Connection:
        reach = partial(self.reach, target, timeout)
        return (await persistently(self.world.runtime, reach, retries, backoff)).info

    async def disconnect(self, peer: str) -> bool:
        connections = self.connections_to(self.index_of(peer))
        for connection in connections:
            connection.close("closed here")
        await self.hung_up(connections)
        return bool(connections)

    def connections(self, peer: str | None = None) -> list[Connection]:
        if peer is not None:
            return [connection.info for connection in self.connections_to(self.index_of(peer))]
        return [connection.info for connection in self.each_connection() if connection.usable]

    def each_connection(self) -> Iterator[C]:
        """Its connections, those included that are about to end."""
        for connections in list(self.connected.values()):
            yield from list(connections)

    def connections_to(self, peer: int) -> list[C]:
        """Its usable connections to a peer."""
        return [connection for connection in self.connected.get(peer, ()) if connection.usable]

    def index_of(self, peer: str) -> int:
        """What stands for a node, a peer id or a multiaddr in the log; -1 for a peer it has nothing of.
        UnknownNodeError, PeerIdError, AddressError."""
        peer_id = target_of(self, peer).peer_id
        return -1 if peer_id is None else self.world.index_of(peer_id)

    def connection_opened(
        self, connection: C, reason: str | None = None, entry: Entry | None = None, cause: int | None = None
    ) -> int:
        """A connection is ready at this end. ``entry``: what it takes, where that is counted; returns its event."""
        others = self.connected.get(connection.peer)
        if others is None:
            self.connected[connection.peer] = [connection]  # a list that grows takes room for four
        else:
            others.append(connection)
        data = {"direction": connection.direction, "connection": connection.id}
        event = self.record("connection.opened", connection.peer, reason, data, cause)
        if self.admission_control is not None:
            self.admission_control.opened(entry, connection.info)
        for listener in self.listeners:
            listener.peer_connected(connection)
        return event

    def connection_closed(self, connection: C, reason: str | None, cause: int | None = None) -> int:
        """It is gone at this end. ``reason``: None where nobody is left here to take note of it."""
        peer, event = connection.peer, -1
        connections = self.connected[peer]
        connections.remove(connection)
        if self.admission_control is not None:
            self.admission_control.ended(self.admission_control.entry_of(connection.id))
        if self.reachability is not None:
            self.reachability.connection_gone(connection.id)
        if reason is not None:
            event = self.record("connection.closed", peer, reason, {"connection": connection.id}, cause)
        if not connections:
            del self.connected[peer]
        if not any(other.usable for other in connections):
            self._said.pop(peer, None)
            if self._switch is not None:
                self._switch.disconnected(peer)
            self.peer_gone(peer)
        return event

    def peer_gone(self, peer: int) -> None:
        """The last connection to a peer is gone."""
        if len(self.book):
            self.book.disconnected(self.world.peer_id_at(peer))
        for listener in self.listeners:
            listener.peer_disconnected(peer)

    # -- getting to know each other

    async def introduce(self, connection: C) -> None:
        """Ask the peer who it is, and have pubsub ready to it if it speaks that."""
        try:
            said = await self.ask(connection)
            await self.meet(connection, said.protocols)
        except (LabError, TimeoutError) as error:
            self.not_introduced(connection, error)

    def not_introduced(self, connection: C, error: Exception) -> None:
        """An introduction came to nothing: the peer speaks neither, or has gone."""
        kind = "protocol violation" if isinstance(error, ProtocolViolation) else "timeout"
        reason = error.kind if isinstance(error, StreamError) else kind
        data = {"text": str(error), "connection": connection.id}
        self.record("identify.failed", connection.peer, reason, data)

    async def ask(self, connection: C) -> Identify:
        """Identify, on a connection."""
        said = await identify(await self.switch.open(connection, [IDENTIFY_ID]))
        self.learnt(connection.peer, said)
        return said

    def learnt(self, peer: int, said: Identify) -> None:
        """A peer said who it is, or what has changed about it."""
        before = self._said.get(peer)
        whole = self._said[peer] = said if before is None else before.merged(said)
        self.record("identify.received", peer, data={"protocols": len(said.protocols)})
        self._keep_addresses(peer, whole)
        for listener in self.listeners:
            listener.peer_identified(peer, whole)

    def _keep_addresses(self, peer: int, said: Identify) -> None:
        """What a peer said of its addresses goes into the address book, with its signature where it signed them."""
        peer_id = self.world.peer_id_at(peer)
        if said.signed_peer_record is not None:
            try:
                self.book.certify_of(peer_id, said.signed_peer_record, "identify", str(peer_id))
            except ProtocolViolation as error:
                self.record("peer.record_refused", peer, "bad peer record", {"text": str(error)[:200]})
        self.book.add(peer_id, said.addresses, "identify", str(peer_id))
        self.book.connected(peer_id)

    def said(self, peer: int) -> Identify | None:
        """What a connected peer said of itself, or would have."""
        said = self._said.get(peer)
        return self.presumed(peer) if said is None else said

    def said_by(self, peer: int) -> Sequence[str]:
        """The protocols of a peer, from identify."""
        said = self.said(peer)
        return () if said is None else said.protocols

    def describe(self, stream: NetStream | None = None) -> Identify:
        """What this node says of itself."""
        return Identify(
            protocol_version=PROTOCOL_VERSION,
            agent_version=AGENT_VERSION,
            public_key=self.identity.public_key,
            addresses=tuple(self.bases),
            observed=None if stream is None else stream.connection.remote_address,
            protocols=tuple(self.protocols()),
        )

    async def identify(self, peer: str, timeout: float | None = None) -> PeerInfo:
        connection = await self.reach(peer, timeout)
        await self.in_time("identify", peer, TIMEOUT if timeout is None else timeout, lambda: self.ask(connection))
        return self.info(connection.peer)

    async def resolve(self, address: str) -> list[str]:
        """What an address that begins with a name stands for; the address itself where it begins with none.
        ResolutionError."""
        from p2plab.discovery.names.resolve import begins_with_name, resolve

        if not begins_with_name(address):
            return [address]
        try:
            found = await resolve(address, self.world.names)
        except ResolutionError as error:
            reason = str(error).partition(":")[0]
            error.event = self.record("name.failed", reason=reason, data={"address": address, "text": str(error)[:500]})
            raise
        data = {"address": address, "addresses": len(found.addresses), "queries": found.queries}
        self.record("name.resolved", data={**data, "left_out": found.left_out} if found.left_out else data)
        return found.addresses

    # -- peers

    def peers(self) -> list[PeerInfo]:
        return [self.info(peer) for peer in list(self.connected) if self.connections_to(peer)]

    def info(self, peer: int) -> PeerInfo:
        """What this node knows of a peer."""
        return self.info_of(self.world.peer_id_at(peer), self.said(peer))

    def info_of(self, peer: PeerId, said: Identify | None = None) -> PeerInfo:
        """What this node knows of a peer: what it said of itself, or else its addresses in the lab or the book."""
        name = peer.name or peer.short
        if said is None:
            known = self.world.find(peer) or self.world.outsider(peer)
            addresses = [f"{address}/p2p/{peer}" for address in self.book.addresses(peer)]
            whole = addresses if known is None else list(known.addresses)
            return PeerInfo(name, peer, whole, found_by=self.found_by(peer))
        return PeerInfo(
            name=name,
            peer_id=peer,
            addresses=[f"{address}/p2p/{peer}" for address in said.addresses],
            protocols=sorted(said.protocols),
            agent_version=said.agent_version or "",
            protocol_version=said.protocol_version or "",
            observed_address=said.observed,
            found_by=self.found_by(peer),
        )

    def found_by(self, peer: str) -> tuple[str, ...]:
        """The ways by which it has found a peer."""
        service: Any = (self._services or {}).get("discovery")
        ways: tuple[str, ...] = () if service is None else service.findings.of(peer)
        return ways

    def known_peers(self) -> list[PeerInfo]:
        known = {str(info.peer_id): info for info in self.peers()}
        for peer in self.book:
            if peer not in known and peer != self.peer_id:
                known[peer] = self.info_of(peer_id_of(self, peer))
        return list(known.values())

    def register_peer(self, peer_id: str, addresses: Sequence[str], ttl: float | None = None) -> None:
        bases = [parse_address(address).base for address in addresses]
        self.book.add(parse_peer_id(peer_id), bases, ttl=ttl)

    def register_record(self, envelope: bytes) -> PeerInfo:
        peer_id = peer_id_of(self, self.book.certify(envelope, "user") or read_record(envelope).peer_id)
        return PeerInfo(peer_id.name or peer_id.short, peer_id, self._known_addresses(peer_id))

    def _known_addresses(self, peer_id: PeerId) -> list[str]:
        return [f"{address}/p2p/{peer_id}" for address in self.book.addresses(peer_id)]

    def forget_peer(self, peer: str) -> bool:
        return self.book.forget(peer_id_of(self, peer))

    def address_book(self) -> list[KnownAddress]:
        """Every address that it knows, from whom, and for how long."""
        return self.book.rows()

    def signed_addresses(self) -> bytes:
        """Its addresses, signed by itself (libp2p RFC 0003)."""
        return sign_record(self.identity, self.bases, seq=self.world.wire_time())

    # -- admission

    @property
    def admission_settings(self) -> Admission:
        """Whom its settings say it lets in."""
        raise NotImplementedError

    @property
    def admission(self) -> Admission:
        return self.admission_settings if self.admission_control is None else self.admission_control.admission

    def ensure_admission_control(self) -> AdmissionControl:
        if self.admission_control is None:
            self.admission_control = late_control(self)
        return self.admission_control

    # -- streams and protocols

    @property
    def switch(self) -> Switch[C]:
        """The node's streams and protocols."""
        if self._switch is None:
            self._switch = Switch(self)
        return self._switch

    async def open_stream(
        self, peer: str, protocols: Sequence[str], lazy: bool = False, priority: Priority | None = None
    ) -> NetStream:
        return await self.switch.open(await self.reach(peer), protocols, lazy, priority)

    def streams(self) -> list[NetStream]:
        if self._switch is None:
            return []
        # One whose last frame is still on its way out has ended for everybody but the world.
        return [stream for stream in self._switch.open_streams if stream.state not in ("closed", "reset")]

    def handle(
        self, protocol: str, handler: StreamHandler, features: Sequence[str] = (), priority: Priority | None = None
    ) -> None:
        self.switch.handle(protocol, handler, features, priority)

    def remove_handler(self, protocol: str) -> bool:
        return self._switch is not None and self._switch.remove(protocol)

    def protocols(self) -> list[str]:
        return sorted({*(self.built_in if self._switch is None else self._switch.protocols), *self.own_protocols()})

    async def ping(self, peer: str, timeout: float | None = None) -> float:
        connection = await self.reach(peer, timeout)
        limit = TIMEOUT if timeout is None else timeout
        seconds = await self.in_time("ping", peer, limit, lambda: self.switch.ping(connection))
        self.record("ping.reply", connection.peer, data={"rtt": seconds})
        self.measured(connection.peer, seconds)
        return seconds

    async def capabilities(self, peer: str, timeout: float | None = None) -> list[Capability]:
        connection = await self.reach(peer, timeout)
        limit = TIMEOUT if timeout is None else timeout
        ask = partial(self.switch.updates.ask_capabilities, connection.peer)
        return await self.in_time("capabilities of", peer, limit, ask)

    @property
    def dht_verbs(self) -> HostDht:
        """What ``node.dht`` can be asked."""
        if self._dht_verbs is None:
            from p2plab.host.dht import HostDht

            self._dht_verbs = HostDht(self)
        return self._dht_verbs

    @property
    def has_content(self) -> bool:
        """Whether it ever had anything to do with content."""
        return "content" in (self._services or {})

    @property
    def content(self) -> ContentService:
        """The blocks it has, and what is done with them."""
        from p2plab.host.content import ContentService

        return ContentService.of(self)

    # -- publish-subscribe

    def subscribe(self, topic: str) -> TopicQueue:
        queue = self.node_pubsub.subscribe(topic)
        self._topics_changed()
        return queue

    def unsubscribe(self, queue: TopicQueue) -> None:
        self.node_pubsub.unsubscribe(queue)
        self._topics_changed()

    def _topics_changed(self) -> None:
        if self.discovery_settings.has("pubsub"):
            self.discovery.topics_changed()

    def publish(self, topic: str, data: bytes) -> Message:
        return self.node_pubsub.publish(topic, data)

    def topics(self) -> list[str]:
        return sorted(self.node_pubsub.topics())

    def topic_peers(self, topic: str) -> list[PeerInfo]:
        return self.infos(self.node_pubsub.topic_peers(topic))

    def mesh(self, topic: str) -> list[PeerInfo]:
        return self.infos(self.node_pubsub.mesh(topic))

    def fanout(self, topic: str) -> list[PeerInfo]:
        return self.infos(self.node_pubsub.fanout(topic))

    def infos(self, peers: Sequence[int]) -> list[PeerInfo]:
        """What it knows of some connected peers."""
        return [self.info(peer) for peer in peers]

    def scores(self) -> dict[str, dict[str, Any]]:
        scores, named = self.node_pubsub.scores(), self.world.peer_id_at
        return {named(peer).name or named(peer).short: score for peer, score in scores.items()}

    def params(self) -> GossipSubParams:
        return self.node_pubsub.params()

    def set_params(self, params: GossipSubParams) -> None:
        self.node_pubsub.set_params(params)

    def add_validator(self, topic: str, validator: Callable[[Message], Any]) -> None:
        self.node_pubsub.add_validator(topic, validator)

    # -- its role

    @property
    def role(self) -> Role | None:
        """What it is there for; None where nobody said."""
        service: Any = (self._services or {}).get("roles")
        found: Role | None = None if service is None else service.role
        return found

    def take_role(self, role: Role | None) -> None:
        """Be there for something else from now on."""
        from p2plab.host.roles import RolesService

        if role is not None:
            self.world.roles.put(role)
        RolesService.of(self).take(role)

    # -- services

    @property
    def services(self) -> dict[str, HostService]:
        """The protocols with cores that are bound to it, by kind."""
        if self._services is None:
            self._services = {}
        return self._services

    @property
    def discovery(self) -> DiscoveryService:
        """What ``node.discovery`` can be asked."""
        from p2plab.host.discovery import DiscoveryService

        return DiscoveryService.of(self)

    def begin_discovery(self) -> None:
        """It has come up for the first time: begin the ways it was given."""
        settings = self.discovery_settings
        if settings.ways:
            self.discovery.use()
        if settings.bootstrap and not settings.has("bootstrap"):
            self.use_bootstrap(settings.bootstrap)

    def service_of(self, kind: str) -> HostService | None:
        """The one of this kind, made if need be; None where there is no such kind."""
        if kind in LATE:
            import_module(LATE[kind])
        make = HostService.kinds.get(kind)
        return None if make is None else make.of(self)

    # -- coming and going

    def use_bootstrap(self, targets: Sequence[str]) -> None:
        """Dial these peers, now and whenever it comes back, to join the DHT through them."""
        world = self.world
        self._bootstrap = Bootstrap(
            self, targets, world.runtime, world.events, self.spawn, reached=self._reached_by_bootstrap
        )
        self._bootstrap.begin()

    def _reached_by_bootstrap(self, connection: Connection) -> None:
        if self.discovery_settings.ways:
            self.discovery.note(Found(connection.peer), "bootstrap", None)
        else:  # the run of a lab without discovery has no such event
            self.discovery.findings.add(connection.peer, "bootstrap")

    def is_down(self) -> None:
        """It has gone, with every connection."""
        if self.admission_control is not None:
            self.admission_control.all_ended()
        for service in (self._services or {}).values():
            service.went_down()

    def note_dialled(self) -> None:
        """It goes: remember whom it had dialled."""
        self.redialled = [
            self.world.peer_id_at(connection.peer).name or str(connection.info.peer)
            for connection in self.each_connection()
            if connection.direction == "outbound"
        ]

    def restart(self, state: str = "kept", reconnect: bool = True) -> None:
        if self.running:
            raise ConfigurationError(f"{self.name} is running; crash or stop it first")
        if state not in ("kept", "lost"):
            raise ValidationError(f"state={state!r}: a node comes back with its state 'kept' or 'lost'")
        if state == "lost":
            self.book.clear()
            if self.admission_control is not None:
                self.admission_control.forget()
        self.come_back(state, reconnect)

    def is_back(self, state: str, reconnect: bool) -> None:
        """It runs again: say so, and dial those it had dialled before."""
        self.record("node.restarted", reason="requested", data={"state": state})
        for service in (self._services or {}).values():
            service.came_back(state == "kept")
        if not reconnect:
            return
        if self._bootstrap is not None:
            self._bootstrap.begin()
        for name in self.redialled:
            self.spawn(partial(self._redial, name), f"{self.name} dialling {name} again")

    async def _redial(self, name: str) -> None:
        try:
            await self.reach(name)
        except LabError:
            return  # recorded as connection.failed, or as the end of this node; nobody waits for it
