"""The mock world: all nodes of a mock lab, the network between them, and the driver that moves it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar

from p2plab.admission import Admission
from p2plab.constants import MODEL_VERSION, TICKS_PER_SECOND
from p2plab.discovery.settings import NO_DISCOVERY
from p2plab.errors import ConfigurationError, DialError, InsideLabError, NotInThisWorldError
from p2plab.events import EventLog
from p2plab.host.host import Host as AnyHost
from p2plab.host.names import Roster, refuse_misspelt
from p2plab.host.roles import change_role
from p2plab.identity.address import Address
from p2plab.kademlia import DhtParams
from p2plab.mock.assumptions import assumptions
from p2plab.mock.basis import MockBasis
from p2plab.mock.connections.connection import MockConnection
from p2plab.mock.connections.line import FairLine
from p2plab.mock.connections.taps import MockTaps
from p2plab.mock.connections.wiring import wire
from p2plab.mock.dht import EPOCH, WorldDht
from p2plab.mock.driver.driver import Driver
from p2plab.mock.driver.loop import LoopDriver
from p2plab.mock.driver.pace import Pace
from p2plab.mock.driver.schedule import Scheduled
from p2plab.mock.driver.until import until_held
from p2plab.mock.driver.waits import Instant
from p2plab.mock.history.history import History, unrecorded
from p2plab.mock.history.packing import Packer
from p2plab.mock.host import MockHost
from p2plab.mock.nat import Boxes
from p2plab.mock.network import SimulatedNetwork
from p2plab.mock.network.listeners import PORT, Listeners
from p2plab.mock.network.zone import ZoneServer
from p2plab.mock.pubsub import boot
from p2plab.mock.runtime import MockRuntime, to_ticks
from p2plab.mock.settings import MockSettings
from p2plab.nat.settings import check_relaying
from p2plab.network import Clock, Draws, Link, Links
from p2plab.network.clock import TIMERS
from p2plab.pubsub.choice import check_params, check_toolkit
from p2plab.roles import Role, RoleTable
from p2plab.settings import Setting, changed, declared, refuse_unknown
from p2plab.stream import StreamHandler
from p2plab.stream.flow.window import check_memory
from p2plab.stream.framing.frames import FrameSink
from p2plab.typing import PeerId
from p2plab.worlds import Host

if TYPE_CHECKING:
    from p2plab.mock.history.snapshot import Snapshot
    from p2plab.nat.matrix import ReachabilityMatrix

T = TypeVar("T")
P = ParamSpec("P")


class MockWorld:
    """Implements ``p2plab.worlds.World`` on a simulated network."""

    backend = "mock"
    SETTINGS: ClassVar[dict[str, Setting]] = declared(MockSettings, "lab")
    NODE_SETTINGS: ClassVar[dict[str, Setting]] = declared(MockSettings, "node")

    def __init__(self, seed: int, **settings: Any) -> None:
        given = self._given = changed(MockSettings(), settings)
        self.seed = seed
        self.cpu = given.cpu
        self.settings: dict[str, Any] = {}  # what the lab was made with; set by the lab
        self.transports: tuple[str, ...] = tuple(given.transports or (given.transport,))
        self.gossipsub, self.router = given.params(), given.router
        self.admission = Admission(given.gate, given.authorize, given.limits, given.watermarks)
        self.signing, self.message_id, self.max_message_size = given.signing, given.message_id, given.max_message_size
        check_toolkit({name: getattr(given, name) for name in ("signing", "message_id", "max_message_size")})
        self.relaying = check_relaying({"relay": given.relay, "autorelay": given.autorelay})
        self.connection_timeout = to_ticks(given.connection_timeout, "connection_timeout")
        self.stream_window = given.stream_window
        self.connection_memory = check_memory(given.connection_memory, given.stream_window)
        self.events = EventLog(TICKS_PER_SECOND, lambda: self.clock.now, given.recording, given.log_limit)
        self.events.change = self.call
        self.events.on_level(self._level_set)
        self.events.assumed = partial(assumptions, self)
        self.events.model = MODEL_VERSION
        self.clock: Clock = Clock(self.events)
        self.events.moment = self.clock
        self.taps = MockTaps()
        self.draws = Draws(seed)
        self.runtime = MockRuntime(self.clock, self.draws, self.events)
        self.links: Links = Links(self.clock, self.events, self.draws, Link(given.latency, given.jitter))
        self.links.discipline = FairLine
        self.network = SimulatedNetwork(self)
        self.names = ZoneServer(self)
        self.packer = Packer(self)
        self.driver: Driver = Driver(self, self.clock, self.events, self.packer, self.runtime.end_tasks)
        self.face: Callable[[Host], Any] = lambda host: host  # the lab puts in what users hold for a node
        self.extensions: dict[str, StreamHandler] = {}
        self._loop = LoopDriver(self.driver)
        self.roster: Roster[MockHost] = Roster()
        self._by_index: dict[int, MockHost] = {}
        self.listeners = Listeners()
        self.boxes: Boxes | None = None  # from when the first NAT or relay is there
        self.roles = RoleTable()
        self._number = 0
        self.dht: WorldDht = WorldDht(self, given.dht if isinstance(given.dht, DhtParams) else DhtParams())
        if given.network is not None:
            self.network.preset(given.network)
        self.wall: Callable[[], float] = time.perf_counter  # seconds of the clock that ``play`` keeps to

    def _level_set(self) -> None:
        """Where heartbeats are recorded from now on, they all come."""
        if self.events.keeps("pubsub.scores"):
            for host in self._by_index.values():
                host.rouse()

    # -- the ways in

    @property
    def now(self) -> float:
        return self.clock.now / TICKS_PER_SECOND

    @property
    def closed(self) -> bool:
        return self.driver.closed

    def run(self, verb: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.driver.run(verb, *args, **kwargs)

    async def arun(self, verb: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._loop.run(verb, *args, **kwargs)

    def call(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.driver.call(verb, *args, **kwargs)

    def read(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.driver.read(verb, *args, **kwargs)

    # -- nodes

    async def start_nodes(self, names: Sequence[str], settings: dict[str, Any]) -> None:
        refuse_unknown(settings, self.NODE_SETTINGS, "a mock node", whole=self.SETTINGS)
        given = changed(self._given, settings)
        new = [name for name in names if name not in self.roster.by_name]
        if given.ip is not None and given.port is not None and len(new) > 1:
            raise ConfigurationError(
                f"{given.ip}:{given.port} can be one node's only; start {', '.join(new[:3])}... without port=, or one "
                "by one"
            )
        admission = self.admission.with_changes(settings)
        check_toolkit(settings)
        params = check_params(settings.get("gossipsub", self.gossipsub))
        named = {"explicit_peers": params.explicit_peers, "gate= or authorize=": admission.names}
        refuse_misspelt(named, [*self.roster.by_name, *names])
        check_relaying(settings)
        if given.region is not None:
            self.network.check_region(given.region)
        role = self.roles.given(given.role)
        if role is not None and "relay" in role.serves:
            self.with_boxes()
        discovery = given.finding()
        for name in new:
            place = self.listeners.choose(given.ip, given.port)
            index = self.events.register(name)
            host = MockHost(self, index, name, place, settings)
            host.found_in = discovery
            self._by_index[index] = host
            self.roster.add(host)
            self.listeners.settle(host)
            self.network.settle(host)
            data: dict[str, Any] = {"ip": host.ip} if host.port == PORT else {"ip": host.ip, "port": host.port}
            if role is not None:
                data["role"] = role.name
            self.events.record("node.started", index, data=data)
            if self.boxes is not None:
                self.boxes.realms.place(host.ip, None)
                host.serve_reachability()
            if role is not None:
                host.take_role(role)
            if discovery is not NO_DISCOVERY:
                host.begin_discovery()
            boot(host)

    async def wire(self, pairs: Sequence[tuple[str, str]]) -> None:
        failures: list[DialError] = []
        for a, b in pairs:
            dialler, listener = self.roster.by_name[a], self.roster.by_name[b]
            if listener.index not in dialler.connected:
                try:
                    wire(dialler, listener)
                except DialError as error:
                    failures.append(error)
        if failures:
            raise failures[0]

    def reseed(self, seed: int) -> None:
        """Let random numbers go on as with another seed. Identities stay: they are the nodes'."""
        self.draws.reseed(seed)

    def change_role(self, role: Role) -> None:
        change_role(self, role)

    def with_boxes(self) -> Boxes:
        """The lab's NAT boxes; from the first on, every node looks after its reachability."""
        if self.boxes is None:
            self.boxes = Boxes(self)
            for host in self.roster:
                host.serve_reachability()
        return self.boxes

    def predicted(self, names: Sequence[str]) -> ReachabilityMatrix:
        """Who would reach whom, and how; nothing changes."""
        from p2plab.host.nat.prediction import predicted

        def is_cut(a: AnyHost[Any], b: AnyHost[Any]) -> bool:
            return self.links.is_cut(a.index, b.index)

        return predicted([self.roster.named(name) for name in names], self.all_hosts(), self.boxes, is_cut)

    def any_at(self, ip: str) -> MockBasis | None:
        """A node with this IP address."""
        return self.listeners.any_at(ip)

    def extend(self, protocol: str, handler: StreamHandler) -> None:
        self.extensions[protocol] = handler

    def hosts(self) -> dict[str, Host]:
        return dict(self.roster.by_name)

    def host_at(self, index: int) -> MockHost:
        """The node that an index of the event log stands for."""
        return self._by_index[index]

    def has_host(self, index: int) -> bool:
        """Whether an index of the event log stands for a node."""
        return index in self._by_index

    def host_named(self, name: str) -> MockHost:
        """The node of this name or peer id. UnknownNodeError where there is none."""
        return self.roster.named(name)

    def all_hosts(self) -> list[MockHost]:
        """The nodes, in the order in which they were started."""
        return list(self.roster)

    def ends_towards(self, index: int) -> list[MockConnection]:
        """The ends of other nodes' connections to a node."""
        return [end for host in self.roster for end in host.connected.get(index)]

    def multicast(self, host: MockBasis, data: bytes) -> None:
        self.network._multicast(host, data)

    def watch_cuts(self) -> None:
        self.network.watch_cuts()

    def listener_at(self, address: Address) -> MockBasis | None:
        """Who listens at an address; None where there is nobody."""
        return self.listeners.at(address.ip, address.port)

    def outsider(self, target: str) -> None:
        """There is nobody outside."""

    def index_of(self, peer_id: PeerId) -> int:
        """What stands for a peer in the log; -1 for one that is not of this lab."""
        host = self.find(peer_id)
        return -1 if host is None else host.index

    def find(self, target: str) -> MockHost | None:
        """The node of this name or peer id; None where there is none, and for an address."""
        return self.roster.find(target)

    def edges(self) -> list[tuple[str, str]]:
        found = set()
        for host in self.roster:
            for index in host.connected:
                a, b = host.name, self._by_index[index].name
                found.add((a, b) if a < b else (b, a))
        return sorted(found)

    def next_number(self) -> int:
        """A number for a connection or a stream."""
        self._number += 1
        return self._number

    def peer_id_at(self, index: int) -> PeerId:
        """The peer id of the node that an index of the event log stands for."""
        return self._by_index[index].peer_id

    # -- seeing

    key_log = None

    def tap(self, sink: FrameSink) -> Callable[[], None]:
        if sink.encrypted:
            raise NotInThisWorldError(
                "a mock lab encrypts nothing: capture its frames as they are, or use Lab('real', security=['tls'])"
            )
        self.taps.add(sink)
        return lambda: self.taps.remove(sink)

    def wire_time(self) -> int:
        return EPOCH * 1_000_000_000 + self.clock.now * (1_000_000_000 // TICKS_PER_SECOND)

    # -- time

    async def _wait(self, seconds: float) -> None:
        over = Instant(self.clock)
        moment = self.driver.waits.at(self.clock.now + to_ticks(seconds), over.set)
        try:
            await over.wait()
        finally:
            moment.cancel()

    @unrecorded(outside=_wait)
    async def sleep(self, seconds: float) -> None:
        await self.runtime.sleep(seconds)

    async def _look_on(self, condition: Callable[[], object], timeout: float | None) -> bool:
        held = Instant(self.clock)
        moment = None if timeout is None else self.driver.waits.at(self.clock.now + to_ticks(timeout), held.set)
        try:
            return await until_held(self.clock, self.driver.waits, held, condition, held.wait, timeout is None)
        finally:
            if moment is not None:
                moment.cancel()

    @unrecorded(outside=_look_on)
    async def until(self, condition: Callable[[], object], timeout: float | None) -> bool:
        held = self.runtime.waiter()
        try:
            wait = partial(self.runtime.within, timeout, held.wait)
            return await until_held(self.clock, self.driver.waits, held, condition, wait, timeout is None)
        except TimeoutError:
            return bool(condition())

    def history(self) -> History:
        return self.read(self._history)

    def _history(self) -> History:
        self.driver.command_log.settle()
        commands = tuple(replace(command) for command in self.driver.command_log.commands)
        settings, torn = self.packer.pack(self.settings), self.driver.interrupts.torn
        return History(self.seed, settings, commands, self.clock.now, self.clock.steps, torn)

    def snapshot(self) -> Snapshot:
        from p2plab.mock.history.snapshot import take

        if self.driver.inside:
            raise InsideLabError("a lab cannot be put away by code that runs in it; call lab.snapshot() from outside")
        return self.read(take, self)

    def watch(self, look: Callable[[], None], deadline: float | None = None) -> Callable[[], None]:
        tick = None if deadline is None else to_ticks(deadline, "deadline")
        return self.read(self.driver.waits.watch, look, tick, self.driver.halt)

    def schedule(
        self,
        first: float,
        period: float | None,
        action: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Scheduled:
        scheduled = Scheduled(self, to_ticks(period or 0.0), action, args, kwargs)
        tick = max(self.clock.now, to_ticks(first))
        self.clock.queue(TIMERS, tick, scheduled.fire, None, None, self.events.cause)
        return scheduled

    def step(self, count: int) -> int:
        return self.driver.step(count)

    def play(self, speed: float) -> None:
        self.driver.check_open()
        self.driver.set_pace(Pace(speed, self.clock.now, wall=self.wall))
        self._loop.play()

    def pause(self) -> None:
        self.driver.set_pace(None)

    @property
    def pace(self) -> float | None:
        pace = self.driver.pace
        return None if pace is None or self.closed else pace.speed

    # -- the end

    def close(self) -> None:
        self.driver.close()
        self.taps.over()

    async def aclose(self) -> None:
        self.close()
