"""One mock node: it binds the protocol cores to the simulated network.

Its verbs are coroutines of the lab (see ``mock.tasks``); what they do to connections and streams is done here, what
the protocols decide is decided in their cores.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from p2plab.constants import AGENT_VERSION, IDENTIFY_ID
from p2plab.errors import ClosedError, ConfigurationError, DialError, UnknownNodeError, ValidationError
from p2plab.identity.address import parse_address
from p2plab.identity.keys import Identity, parse_peer_id
from p2plab.identity.peer_record import sign_record
from p2plab.mock.admission import late_door, new_door
from p2plab.mock.connection import End
from p2plab.mock.dht import MockDht
from p2plab.mock.driver.tasks import Cancelled, Task
from p2plab.mock.pubsub import boot, new_pubsub, params_of, set_params
from p2plab.mock.reach import TIMEOUT, Reach
from p2plab.mock.stream import MockStream
from p2plab.mock.switch import BUILT_IN, Switch
from p2plab.protocols.bootstrap import Bootstrap
from p2plab.protocols.capabilities import Capability
from p2plab.protocols.dialling import BACKOFF, persistently
from p2plab.protocols.identify import Identify, identify
from p2plab.protocols.verbs import ProtocolVerbs
from p2plab.stream import NetStream, StreamError, StreamHandler
from p2plab.stream.priorities import Priority
from p2plab.stream.protocols import Served
from p2plab.stream.traffic import Traffic, TrafficRow
from p2plab.typing import Connection, PeerId, PeerInfo

if TYPE_CHECKING:
    from p2plab.admission import Admission
    from p2plab.admission.door import Door
    from p2plab.admission.ledger import Entry
    from p2plab.kademlia.dht import NodeDht
    from p2plab.mock.world import MockWorld
    from p2plab.pubsub import GossipSubParams, Message, PubSubManager, TopicQueue

PROTOCOL_VERSION = "p2plab/1.0.0"


class MockHost(ProtocolVerbs):
    """Implements ``p2plab.typing.Host``. ``index`` stands for it in the event log and on the hot path."""

    def __init__(
        self, world: MockWorld, index: int, name: str, place: tuple[str, int], settings: dict[str, Any]
    ) -> None:
        self.world = world
        self.index = index
        self.name = name
        self.ip, self.port = place
        self.settings = settings
        self.ref = f"node {name}"
        self.running = True
        self.silent = False  # crashed without a word: does not even refuse
        self._tasks: dict[Task, None] = {}  # handlers that run, to end with the node
        self.ends: dict[int, list[End]] = {}
        quic = world.transport == "quic"
        self.address = f"/ip4/{self.ip}/udp/{self.port}/quic-v1" if quic else f"/ip4/{self.ip}/tcp/{self.port}"
        self._identity: Identity | None = None
        self._switch: Switch | None = None
        self._said: dict[int, Identify] = {}  # by peer: what it told us with identify
        self._book: dict[str, list[str]] = {}  # by peer id: addresses added by hand
        self._pubsub: PubSubManager | None = None
        self.next_seqno = 1
        self.traffic = Traffic()
        self.reach = Reach(self)
        self._dht: MockDht | None = None
        self._bootstrap: Bootstrap | None = None
        self._dialled: list[str] = []  # whom it had dialled when it went
        self.door: Door | None = new_door(self)  # None where nothing was ever said about admission

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
        return [f"{self.address}/p2p/{self.peer_id}"]

    @cached_property
    def peer_record(self) -> bytes:
        """Its addresses, signed by itself, as peer exchange passes them on."""
        return sign_record(self.identity, self.addresses, seq=1)

    @property
    def listening(self) -> bool:
        """Whether a dialler is answered."""
        return self.running

    @property
    def pubsub(self) -> PubSubManager:
        """The node's publish-subscribe."""
        if self._pubsub is None:
            self._pubsub = new_pubsub(self)
        return self._pubsub

    @property
    def dht(self) -> MockDht:
        """The node's DHT; made, and its upkeep begun, when it first asks or is asked. One that was filled is left as it
        is until the node itself uses it: ten thousand that refresh are no lesson."""
        return self.open_dht(upkeep=self._dht is None)

    @property
    def dht_verbs(self) -> NodeDht:
        """What ``node.dht`` can be asked."""
        if self._dht is None or (self.running and not self._dht.interface.running):
            self.world.do(self.use_dht)  # written down as a command: the upkeep that begins is part of the run
        return self.dht.verbs

    def use_dht(self) -> None:
        """Make its DHT, and begin its upkeep."""
        self.open_dht(upkeep=True)

    @property
    def has_dht(self) -> bool:
        """Whether its DHT has been used yet."""
        return self._dht is not None

    def served_dht(self, protocol: str) -> Served | None:
        """What answers the bytes of a DHT request on a stream, where that is the DHT's protocol."""
        return Served(self.dht.answer, (), None) if protocol == self.world.dht.params_of(self).protocol else None

    def open_dht(self, upkeep: bool) -> MockDht:
        """The same, with or without upkeep."""
        if self._dht is None:
            self._dht = MockDht(self)
        if upkeep and self.running and not self._dht.interface.running:
            self._dht.interface.start()
        return self._dht

    # -- connections

    async def connect(
        self, target: str, timeout: float | None = None, retries: int = 0, backoff: float = BACKOFF
    ) -> Connection:
        runtime = self.world.runtime
        return (await persistently(runtime, lambda: self.reach(target, timeout), retries, backoff)).info()

    @property
    def admission(self) -> Admission:
        """Whom it lets in."""
        return self.world.admission.with_changes(self.settings) if self.door is None else self.door.admission

    def open_door(self) -> Door:
        """What its host asks before it opens anything; from now on, where nothing was said about admission before."""
        if self.door is None:
            self.door = late_door(self)
        return self.door

    async def disconnect(self, peer: str) -> bool:
        ends = list(self.ends.get(self._peer(peer).index, ()))
        for end in ends:
            end.close("closed here")
        return bool(ends)

    def connection_opened(self, end: End, reason: str | None = None, entry: Entry | None = None) -> None:
        """The handshake is done at this end."""
        end.opened()
        others = self.ends.get(end.peer)
        if others is None:
            self.ends[end.peer] = [end]  # a list that grows takes room for four
        else:
            others.append(end)
        data = {"direction": end.direction, "connection": end.id}
        self.world.events.record("connection.opened", self.index, end.peer, reason=reason, data=data)
        if self.door is not None:
            self.door.opened(entry, end.info())
        if end.direction == "inbound" and reason is None:
            self.spawn(lambda: self.introduce(end), f"{self.name} asking {end.remote.host.name} who it is")

    def connection_closed(self, end: End, reason: str, quietly: bool = False) -> None:
        """The connection is gone at this end."""
        ends = self.ends[end.peer]
        ends.remove(end)
        end.count_rpcs(self.traffic)
        if self.door is not None:
            self.door.ended(self.door.entry_of(end.id))
        if not quietly:
            self._note_closed(end, reason)
        if not ends:
            del self.ends[end.peer]
            self._said.pop(end.peer, None)
            if self._switch is not None:
                self._switch.disconnected(end.peer)
            if self._dht is not None:
                self._dht.interface.peer_disconnected(end.peer)
            if self._pubsub is not None:
                self._pubsub.remove_peer(end.peer)

    def _note_closed(self, end: End, reason: str) -> None:
        data = {"connection": end.id}
        self.world.events.record("connection.closed", self.index, end.peer, reason=reason, data=data)

    def note_step(self, end: End, step: str) -> None:
        """A step of a handshake is done."""
        self.world.events.record("connection.step", self.index, end.peer, data={"step": step, "connection": end.id})

    def note_failed_handshake(self, end: End, error: Exception) -> None:
        """A dialler's handshake came to nothing here."""
        self.world.events.record(
            "connection.failed", self.index, end.peer, reason="handshake failed", data={"text": str(error)}
        )

    async def introduce(self, end: End) -> None:
        """Ask the peer who it is, and open a pubsub stream if it speaks pubsub."""
        try:
            said = await self._ask(end)
            wanted = [protocol for protocol in self.pubsub.router.protocols if protocol in said.protocols]
            if wanted:
                _, agreed = await self.switch.negotiate(end, wanted)
                end.pubsub_opened(agreed.protocol)
        except StreamError as error:  # a peer may speak neither; a connection that went says itself why
            data = {"text": str(error), "connection": end.id}
            self.world.events.record("identify.failed", self.index, end.peer, reason=error.kind, data=data)

    # -- identify

    async def identify(self, peer: str, timeout: float | None = None) -> PeerInfo:
        end = await self.reach(peer, timeout)
        await self.in_time("identify", peer, TIMEOUT if timeout is None else timeout, lambda: self._ask(end))
        return self._info(end.peer)

    async def _ask(self, end: End) -> Identify:
        said = await identify(await self.switch.open(end, [IDENTIFY_ID]))
        self.learnt(end.peer, said)
        return said

    def learnt(self, peer: int, said: Identify) -> None:
        """A peer said who it is, or what has changed about it."""
        before = self._said.get(peer)
        self._said[peer] = said if before is None else before.merged(said)
        self.world.events.record("identify.received", self.index, peer, data={"protocols": len(said.protocols)})
        if self._dht is not None and peer in self.ends:
            self._dht.interface.peer_connected(peer, self._dht.core.params.protocol in self._said[peer].protocols)

    def said_by(self, peer: int) -> tuple[str, ...]:
        """The protocols of a peer, from identify; of a wired one, what identify would have said."""
        said = self._said.get(peer)
        return self.world.host_at(peer).describe().protocols if said is None else said.protocols

    def describe(self, stream: NetStream | None = None) -> Identify:
        """What this node says of itself."""
        return Identify(
            protocol_version=PROTOCOL_VERSION,
            agent_version=AGENT_VERSION,
            public_key=self.identity.public_key,
            addresses=(self.address,),
            observed=None if stream is None else stream.connection.remote_address,
            protocols=tuple(self.protocols()),
        )

    def _info(self, peer: int) -> PeerInfo:
        """What this node knows of a peer; of a wired one, what identify would have said."""
        other = self.world.host_at(peer)
        said = self._said.get(peer)
        if said is None:
            said = other.describe()
        return PeerInfo(
            name=other.name,
            peer_id=other.peer_id,
            addresses=[f"{address}/p2p/{other.peer_id}" for address in said.addresses],
            protocols=sorted(said.protocols),
            agent_version=said.agent_version or "",
            protocol_version=said.protocol_version or "",
            observed_address=said.observed,
        )

    # -- peers

    def connections(self, peer: str | None = None) -> list[Connection]:
        only = None if peer is None else self._peer(peer).index
        return [end.info() for index, ends in self.ends.items() if only in (None, index) for end in ends]

    def peers(self) -> list[PeerInfo]:
        return [self._info(index) for index in self.ends]

    def known_peers(self) -> list[PeerInfo]:
        known = {info.peer_id: info for info in self.peers()}
        for peer_id, addresses in self._book.items():
            if peer_id not in known:
                host = self.world.find(peer_id)
                named = PeerId(peer_id, None if host is None else host.name)
                known[named] = PeerInfo(named.name or named.short, named, list(addresses))
        return list(known.values())

    def register_peer(self, peer_id: str, addresses: Sequence[str]) -> None:
        wanted = [str(parse_address(address)) for address in addresses]
        book = self._book.setdefault(parse_peer_id(peer_id), [])
        book += [address for address in wanted if address not in book]

    def addresses_in_book(self, peer_id: str) -> list[str]:
        """The addresses of a peer that were added by hand."""
        return list(self._book.get(peer_id, ()))

    def index_of(self, peer: str) -> int:
        """What stands for a node of this lab in the event log. UnknownNodeError."""
        return self._peer(peer).index

    def _peer(self, target: str) -> MockHost:
        """The node a target means. UnknownNodeError where it is none of this lab."""
        found = self.world.find(target)
        if found is None:
            raise UnknownNodeError(f"no node of this lab is {target!r}; lab.nodes lists them")
        return found

    def traffic_rows(self) -> list[TrafficRow]:
        every = self.traffic.copy()
        for ends in self.ends.values():
            for end in ends:
                end.count_rpcs(every)
        return every.rows(self.world.peer_id_at)

    # -- streams

    @property
    def switch(self) -> Switch:
        """The node's streams and protocols."""
        if self._switch is None:
            self._switch = Switch(self)
        return self._switch

    async def open_stream(
        self, peer: str, protocols: Sequence[str], lazy: bool = False, priority: Priority | None = None
    ) -> NetStream:
        return await self.switch.open(await self.reach(peer), protocols, lazy, priority)

    def stream_arrived(self, raw: MockStream) -> None:
        """A peer opened a stream on a connection to this node."""
        self.spawn(lambda: self.switch.answer(raw), f"{self.name} answering a stream of {raw.home.remote.host.name}")

    def streams(self) -> list[NetStream]:
        return [] if self._switch is None else list(self._switch.open_streams)

    async def ping(self, peer: str, timeout: float | None = None) -> float:
        end = await self.reach(peer, timeout)
        limit = TIMEOUT if timeout is None else timeout
        seconds = await self.in_time("ping", peer, limit, lambda: self.switch.ping(end))
        self.world.events.record("ping.reply", self.index, end.peer, data={"rtt": seconds})
        if self._pubsub is not None:
            self._pubsub.measured(end.peer, seconds)
        return seconds

    # -- protocols

    def handle(
        self, protocol: str, handler: StreamHandler, features: Sequence[str] = (), priority: Priority | None = None
    ) -> None:
        self.switch.handle(protocol, handler, features, priority)

    def remove_handler(self, protocol: str) -> bool:
        return self._switch is not None and self._switch.remove(protocol)

    def protocols(self) -> list[str]:
        return sorted({*(BUILT_IN if self._switch is None else self._switch.protocols), *self.message_protocols()})

    def message_protocols(self) -> Iterator[str]:
        """The protocols whose messages go as objects once their stream is agreed."""
        yield from self.pubsub.router.protocols
        if self.world.dht.is_server(self.index):
            yield self.world.dht.params_of(self).protocol

    async def capabilities(self, peer: str, timeout: float | None = None) -> list[Capability]:
        end = await self.reach(peer, timeout)
        limit = TIMEOUT if timeout is None else timeout
        return await self.in_time("capabilities of", peer, limit, lambda: self.switch.news.ask_capabilities(end.peer))

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
        return [self._info(peer) for peer in self.pubsub.topic_peers(topic)]

    def mesh(self, topic: str) -> list[PeerInfo]:
        return [self._info(peer) for peer in self.pubsub.router.mesh(topic)]

    def fanout(self, topic: str) -> list[PeerInfo]:
        return [self._info(peer) for peer in self.pubsub.router.fanout(topic)]

    def scores(self) -> dict[str, dict[str, Any]]:
        return {self._info(peer).name: self.pubsub.router.score_of(peer) for peer in self.pubsub.router.peers}

    def params(self) -> GossipSubParams:
        return params_of(self)

    def set_params(self, params: GossipSubParams) -> None:
        set_params(self, params)

    def add_validator(self, topic: str, validator: Callable[[Message], Any]) -> None:
        self.pubsub.add_validator(topic, validator)

    # -- coming and going

    def use_bootstrap(self, targets: Sequence[str]) -> None:
        """Dial these peers, now and whenever it comes back, to join the DHT through them."""
        world = self.world
        self._bootstrap = Bootstrap(self, targets, world.runtime, world.events, self.spawn)
        self._bootstrap.begin()

    def spawn(self, action: Callable[[], Awaitable[object]], what: str) -> None:
        """Run a coroutine of this node's, which ends with the node."""
        task = self.world.runtime.task(action, what, self._task_done)
        self._tasks[task] = None
        self.world.clock.soon(lambda _, __: task.start())

    def _task_done(self, task: Task) -> None:
        self._tasks.pop(task, None)
        if task.error is not None and not isinstance(task.error, Cancelled):
            self.world.runtime.report(task.error, task.what, self.index)

    async def stop(self) -> None:
        """Go, closing every connection."""
        self._go("node.stopped", lambda end: end.close("closed here"))

    def crash(self, silent: bool = False) -> None:
        """Go without a goodbye: the peers' next packet is answered by a reset, or (``silent``) by nothing at all."""
        self.silent = silent
        self._go("node.crashed", lambda end: end.crash(silent))
        if silent:
            self.world.links.silence(self.index)
            self.world.network.watch_cuts()

    def check_running(self) -> None:
        """ClosedError where it does not run."""
        if not self.running:
            raise ClosedError(f"{self.name} is not running")

    def _go(self, kind: str, leave: Callable[[End], None]) -> None:
        self.check_running()
        self.running = False
        self.world.events.record(kind, self.index, reason="requested")
        self._dialled = [
            end.remote.host.name for ends in self.ends.values() for end in ends if end.direction == "outbound"
        ]
        for ends in list(self.ends.values()):
            for end in list(ends):
                leave(end)
        for task in list(self._tasks):
            task.cancel()
        if self.door is not None:
            self.door.all_ended()
        if self._pubsub is not None:
            self._pubsub.pause()
        if self._dht is not None:
            self._dht.interface.stop()

    def restart(self, state: str = "kept", reconnect: bool = True) -> None:
        """Come back after a crash or a stop, with or without what it knew; then dial those it had dialled before."""
        if self.running:
            raise ConfigurationError(f"{self.name} is running; crash or stop it first")
        if state not in ("kept", "lost"):
            raise ValidationError(f"state={state!r}: a node comes back with its state 'kept' or 'lost'")
        self.running = True
        if self.silent:
            self.silent = False
            self.world.links.unsilence(self.index)
            for end in self.world.ends_towards(self.index):
                end.remote.send(0, end.closed, "crashed")  # its next packet meets a system that knows of no connection
        if state == "lost":
            self._book.clear()
            if self.door is not None:
                self.door.forget()
            if self._pubsub is not None:
                self._pubsub.stop()
                self._pubsub = None
                self.next_seqno += 1 << 32  # a node that forgot everything must not use a sequence number again
            boot(self)
        elif self._pubsub is not None:
            self._pubsub.start()
        if self._dht is not None:
            self._dht.interface.restarted(keep=state == "kept")
            self._dht.interface.start()
        self.world.events.record("node.restarted", self.index, reason="requested", data={"state": state})
        if reconnect and self._bootstrap is not None:
            self._bootstrap.begin()
        for name in self._dialled if reconnect else ():
            self.spawn(partial(self._redial, name), f"{self.name} dialling {name} again")

    async def _redial(self, name: str) -> None:
        try:
            await self.reach(name)
        except DialError:
            return  # recorded as connection.failed; nobody waits for it
