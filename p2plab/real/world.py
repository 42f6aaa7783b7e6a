"""The real world: all nodes of a real lab, the thread they run in, and the ways into it."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, ParamSpec, TypeVar

import trio

from p2plab.discovery.found import Found
from p2plab.errors import InsideLabError, LabError, NotInThisWorldError
from p2plab.events import EventLog
from p2plab.events.assumptions import ONE_SEED, REAL
from p2plab.events.log import LIMIT
from p2plab.host.host import Host as AnyHost
from p2plab.host.names import Roster, Target, refuse_misspelt
from p2plab.host.nat.prediction import predicted
from p2plab.host.roles import change_role
from p2plab.identity.address import Address, well_formed
from p2plab.inside import set_current_world
from p2plab.nat.matrix import ReachabilityMatrix
from p2plab.protocols.identify import Identify
from p2plab.real.connections.directory import Directory
from p2plab.real.connections.name_server import SystemNames
from p2plab.real.history import CommandLog, RealHistory
from p2plab.real.host import RealHost
from p2plab.real.loop.lives import Lives
from p2plab.real.loop.log import TrioEventLog
from p2plab.real.loop.open_files import OPEN, told_by_labs
from p2plab.real.loop.portal import Portal
from p2plab.real.loop.runtime import TrioRuntime
from p2plab.real.loop.until import Watch, until
from p2plab.real.nat.boxes import MemoryBoxes
from p2plab.real.network import RealNetwork
from p2plab.real.outside.attached import Attached, AttachedHost
from p2plab.real.outside.home import Home
from p2plab.real.outside.mdns import MdnsFinds
from p2plab.real.outside.own_host import Given
from p2plab.real.pylibp2p.private_names import check_private_names
from p2plab.real.settings import NODE_SETTINGS, SETTINGS, NodeSettings, without_secrets
from p2plab.real.shared_dht import WorldDht
from p2plab.real.taps.frames import Taps
from p2plab.real.transports.memory import MemoryNetwork
from p2plab.roles import Role, RoleTable
from p2plab.settings import Setting
from p2plab.stream import StreamHandler
from p2plab.stream.flow.window import WINDOW
from p2plab.stream.framing.frames import FrameSink
from p2plab.typing import LabHome, Outsider, PeerId
from p2plab.worlds import Host

T = TypeVar("T")
P = ParamSpec("P")

WIRING = 8  # dials under way at once: all of them share one core


class RealWorld:
    """Implements ``p2plab.worlds.World`` on py-libp2p."""

    backend = "real"
    SETTINGS: ClassVar[dict[str, Setting]] = SETTINGS
    NODE_SETTINGS: ClassVar[dict[str, Setting]] = NODE_SETTINGS

    def __init__(
        self,
        seed: int,
        recording: str = "messages",
        log_limit: int = LIMIT,
        home: str | Path | None = None,
        **settings: Any,
    ) -> None:
        check_private_names()
        self.seed = seed
        self._as_made: dict[str, Any] = {}
        self.face: Callable[[Host], Any] = lambda host: host  # the lab puts in what users hold for a node
        self.extensions: dict[str, StreamHandler] = {}
        self.node_settings = NodeSettings().with_changes(settings)
        log = TrioEventLog(recording, log_limit)
        self.events: EventLog = log
        self.events.assumed = lambda: (REAL, ONE_SEED) if self.events.counts.get("connection.opened") else ()
        self.directory = Directory(self.events)
        self.taps = Taps(self.events)
        self.roster: Roster[RealHost] = Roster()
        self.stream_window = WINDOW  # as in a mock lab; what the reader has been sent of it lies in a buffer besides
        self._closing = threading.Lock()
        self._closed = False
        self.home = None if home is None else Home(home)
        self.roles = RoleTable()
        self.looks_after_reachability = False
        self.boxes: MemoryBoxes | None = None  # from when a node in memory looks after its reachability
        self._command_log = CommandLog(self)
        self.network = RealNetwork(self)
        self.names = SystemNames()
        with told_by_labs():
            self.portal = Portal()
        self.runtime = TrioRuntime(self.portal.nursery, log, seed)
        self.lives = Lives(self.portal.nursery, self.runtime, self.roster)
        self.dht = WorldDht(self)
        self.outside = Attached(self, self.node_settings)
        self.found = MdnsFinds(self._note_found, self.portal.soon)
        if self.home is not None:
            self.home.failed = self._home_failed
            self.home.age = lambda: self.events.now
            for node in self.home.contents.nodes:
                self.directory.add(node.peer_id)  # who is known by name, though it may not run
        self.portal.call(set_current_world, self)
        OPEN.add(self)
        atexit.register(self.close)

    @property
    def settings(self) -> dict[str, Any]:
        """What the lab was made with; set by the lab."""
        return self._as_made

    @settings.setter
    def settings(self, settings: dict[str, Any]) -> None:
        self._as_made = without_secrets(settings)

    def _note_found(self, peer_id: str, addresses: list[str]) -> None:
        index = self.directory.index(self.directory.named(peer_id))
        seq = self.events.record("mdns.found", peer=index, data={"addresses": addresses})
        found = Found(PeerId(peer_id), tuple(address.partition("/p2p/")[0] for address in well_formed(addresses)))
        with self.events.because(seq):
            for host in self.roster:
                if host.discovery_settings.has("mdns"):
                    host.discovery.heard_of(found)

    def _home_failed(self, what: str, error: Exception) -> None:
        self.runtime.report(error, what, reason="library")

    # -- the ways in

    @property
    def now(self) -> float:
        return self.events.now

    @property
    def closed(self) -> bool:
        return self._closed

    def run(self, verb: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.portal.run(self._command_log.awaited(verb), *args, **kwargs)

    async def arun(self, verb: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        if self.portal.inside:
            return await verb(*args, **kwargs)
        return await self.portal.arun(self._command_log.awaited(verb), *args, **kwargs)

    def call(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self.portal.inside:
            return verb(*args, **kwargs)
        return self.portal.call(self._command_log.at_once(verb), *args, **kwargs)

    def read(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.portal.call(verb, *args, **kwargs)

    def history(self) -> RealHistory:
        """The commands given so far."""
        return self.read(self._command_log.history)

    # -- nodes

    async def start_nodes(self, names: Sequence[str], settings: dict[str, Any]) -> None:
        checked = self.node_settings.with_changes(settings)
        new = [name for name in names if name not in self.lives]  # another call may have begun to start some
        self.outside.check_free(new)
        named = {"explicit_peers": checked.gossipsub.explicit_peers, "gate= or authorize=": checked.admission.names}
        refuse_misspelt(named, [*self.lives, *self.attached(), *names])
        self.roles.given(checked.role)
        if checked.mdns:
            self.found.listen()
        await self.lives.begin([RealHost(self, name, settings, checked) for name in new], self._born)
        for name in names:
            await self.lives.host(name).settled()

    def adoption(self, host: Any) -> Given:
        """The setting ``host_factory`` of a node that is this host of py-libp2p's."""
        return Given(host)

    def _born(self, host: RealHost) -> None:
        role = self.roles.given(host.settings.get("role"))
        data: dict[str, Any] = {"addresses": host.addresses}
        if role is not None:
            data["role"] = role.name
        self.events.record("node.started", host.index, data=data)
        if role is not None:
            host.take_role(role)
        host.begin_discovery()
        host.begin_content()

    async def wire(self, pairs: Sequence[tuple[str, str]]) -> None:
        failures: list[Exception] = []
        limiter = trio.CapacityLimiter(WIRING)

        async def connect(dialler: str, listener: str) -> None:
            async with limiter:
                try:
                    await self.lives.host(dialler).connect(listener)
                except LabError as error:
                    failures.append(error)

        async with trio.open_nursery() as nursery:
            for dialler, listener in pairs:
                nursery.start_soon(connect, dialler, listener)
        if failures:
            raise failures[0]

    def look_after_reachability(self) -> None:
        """Have every node do so, now that the lab has a relay or a NAT."""
        self.looks_after_reachability = True
        for host in self.roster:
            host.look_after_reachability()
        if any(host.in_memory for host in self.roster):
            self.with_boxes()

    def with_boxes(self) -> MemoryBoxes:
        """The network that its nodes in memory are in, with IP addresses and NATs."""
        if self.boxes is None:
            self.boxes = MemoryNetwork.current().boxes = MemoryBoxes(self)
        return self.boxes

    def predicted(self, names: Sequence[str]) -> ReachabilityMatrix | None:
        """Who would reach whom in memory, and how; nothing changes. None where a node is on the loopback."""
        hosts = [self.roster.named(name) for name in names]
        if not hosts or not all(host.in_memory for host in hosts):
            return None

        def is_cut(a: AnyHost[Any], b: AnyHost[Any]) -> bool:
            return MemoryNetwork.current().link(str(a.peer_id), str(b.peer_id)).cut

        return predicted(hosts, self.real_hosts(), self.boxes, is_cut)

    def change_role(self, role: Role) -> None:
        change_role(self, role)

    def extend(self, protocol: str, handler: StreamHandler) -> None:
        self.extensions[protocol] = handler

    def hosts(self) -> dict[str, Host]:
        return dict(self.lives.hosts())

    def find(self, target: str) -> RealHost | None:
        """The node of this name or peer id; None where there is none."""
        return self.roster.find(target)

    def outsider(self, target: str) -> Target | None:
        """The attached node of this name or peer id."""
        attached = self.outside.find(target)
        return None if attached is None else attached.target

    def learnt_outside(self, peer_id: PeerId, said: Identify) -> None:
        attached = self.outside.find(peer_id)
        if attached is not None:
            attached.said = said

    def severs(self, a: str, b: str | None) -> bool:
        return self.network.severs(a, b)

    def index_of(self, peer_id: PeerId) -> int:
        """What stands for a peer in the log, from now on."""
        return self.directory.index(self.directory.named(peer_id))

    def peer_id_at(self, index: int) -> PeerId:
        """The peer that an index stands for."""
        return self.directory.peer_of(index)

    def real_hosts(self) -> list[RealHost]:
        """The nodes, in the order in which they were started."""
        return list(self.roster)

    # -- nodes outside the lab

    async def attach(self, addresses: Sequence[str], name: str | None, timeout: float | None) -> AttachedHost:
        return await self.outside.attach(addresses, name, timeout)

    def detach(self, name: str) -> None:
        self.outside.detach(name)

    def attached(self) -> dict[str, Outsider]:
        return dict(self.outside.all())

    @property
    def home_contents(self) -> LabHome | None:
        return None if self.home is None else self.home.contents

    # -- who is where

    def listener_at(self, address: Address) -> RealHost | None:
        """Who of this lab listens at a multiaddr."""
        return next((host for host in self.roster if address.base in host.listen_addresses), None)

    def edges(self) -> list[tuple[str, str]]:
        # A connection is an edge while both of its ends have it; one to the outside, while the lab's end does.
        ends = {
            (name, link.info.peer.name)
            for name, host in self.lives.hosts().items()
            for link in host.each_connection()
            if link.usable
        }
        within = {(a, b) for a, b in ends if b is not None and a < b and (b, a) in ends}
        beyond = {(a, b) if a < b else (b, a) for a, b in ends if b is not None and self.outside.find(b)}
        return sorted(within | beyond)

    # -- seeing

    def tap(self, sink: FrameSink) -> Callable[[], None]:
        self.taps.add(sink)
        return lambda: self.taps.remove(sink)

    def wire_time(self) -> int:
        return time.time_ns()

    @property
    def key_log(self) -> Path | None:
        return self.node_settings.key_log

    # -- time

    async def sleep(self, seconds: float) -> None:
        await self.runtime.sleep(seconds)

    async def until(self, condition: Callable[[], object], timeout: float | None) -> bool:
        return await until(condition, timeout)

    def watch(self, look: Callable[[], None], deadline: float | None = None) -> Callable[[], None]:
        return self.read(self._watch, look, deadline)

    def _watch(self, look: Callable[[], None], deadline: float | None) -> Callable[[], None]:
        watch = Watch(look, self.portal.halt)
        timer = None if deadline is None else self.runtime.timer(max(0.0, deadline - self.now), watch.look)

        def unwatch() -> None:
            watch.stop()
            if timer is not None:
                timer.cancel()

        return lambda: self.read(unwatch)

    # Letting time pass is no command, as in a mock lab.
    sleep.unrecorded = True  # type: ignore[attr-defined]
    until.unrecorded = True  # type: ignore[attr-defined]

    def play(self, speed: float) -> None:
        """A real lab always plays, at the wall clock's speed."""
        if speed != 1.0:
            raise NotInThisWorldError(
                f"a real lab runs at the wall clock's speed; only a mock one at {speed:g} times it"
            )

    @property
    def pace(self) -> float | None:
        return None if self.closed else 1.0

    def pause(self) -> None:
        """A real lab cannot be held."""
        raise NotInThisWorldError("real time cannot be held; only a mock lab can pause")

    # -- the end

    def close(self) -> None:
        if self.portal.inside:
            raise InsideLabError("a lab cannot be closed from inside it; close it where it was made")
        if self.portal.elsewhere:  # a fork of the process whose lab it is
            self._closed = True
            return
        with self._closing:
            self._closed = True
            try:
                if not self.portal.over:
                    self.portal.run(self._stop_all)
            finally:  # whatever cut the farewells short, what follows leaves nothing
                self.portal.close()
                self.lives.over()
                if self.home is not None:
                    self.home.close()
                atexit.unregister(self.close)
                OPEN.discard(self)
                self.taps.over()
                self.found.close()

    async def aclose(self) -> None:
        import anyio.to_thread

        await anyio.to_thread.run_sync(self.close)

    async def _stop_all(self) -> None:
        async with trio.open_nursery() as nursery:
            for host in self.lives.hosts().values():
                nursery.start_soon(self.lives.stop, host)
            nursery.start_soon(self.outside.close)
        for host in self.lives.hosts().values():
            host.pubsub.close()
            host.dht.close()
            for service in host.services.values():
                service.closed()
