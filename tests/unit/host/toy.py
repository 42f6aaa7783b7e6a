"""A third world: nodes that reach each other through memory, on the virtual time of ``tests.unit.stream.toy``.

It gives what ``p2plab.host.protocols`` asks of a world, and nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from p2plab.admission import Admission
from p2plab.admission.ledger import Admitted
from p2plab.constants import TICKS_PER_SECOND
from p2plab.discovery.names.resolve import NameServer
from p2plab.errors import ClosedError, DialError
from p2plab.events import EventLog
from p2plab.host import Host
from p2plab.host.names import Roster, Target
from p2plab.identity.address import Address, parse_address
from p2plab.roles import RoleTable
from p2plab.stream.flow.window import WINDOW
from p2plab.typing import Connection, Direction, PeerId
from tests.unit.stream.toy import Pipe, ToyRaw, ToyRuntime


class ToyStream(ToyRaw):
    """Implements ``HostStream``."""

    def __init__(self, home: ToyConnection, number: int, incoming: Pipe, outgoing: Pipe, direction: Direction) -> None:
        super().__init__(home.host.world.runtime, incoming, outgoing, direction)
        self.id, self.protocol, self.connection = number, "", home.info
        self.weight = 1
        self.entry: Admitted | None = None
        self.when_gone: Callable[[str], None] | None = None
        self.turned_away: int | None = None
        self.twin: ToyStream

    def agreed(self, protocol: str) -> None:
        self.protocol = protocol

    async def refused(self) -> None:
        await self.reset()

    async def reset(self) -> None:
        await super().reset()
        if self.twin.when_gone is not None:
            self.twin.when_gone("reset by peer")

    def turn_away(self, event: int) -> None:
        self.twin.turned_away = event


class ToyConnection:
    """Implements ``HostConnection``."""

    remote: ToyConnection

    def __init__(self, host: ToyHost, other: ToyHost, number: int, direction: Direction) -> None:
        self.host, self.peer, self.id, self.direction = host, other.index, number, direction
        self.usable = True
        self.info: Connection = Connection(
            id=number,
            local=host.peer_id,
            peer=other.peer_id,
            direction=direction,
            transport="toy",
            security="none",
            muxer="none",
            local_address=host.place,
            remote_address=other.place,
            opened_at=host.world.runtime.now(),
        )

    async def open_stream(self, weight: int, entry: Admitted | None = None) -> ToyStream:
        number, runtime = self.host.world.number(), self.host.world.runtime
        there, back = (Pipe(runtime, WINDOW, lambda held: held) for _ in range(2))
        ours = ToyStream(self, number, back, there, "outbound")
        theirs = ToyStream(self.remote, number, there, back, "inbound")
        ours.twin, theirs.twin, ours.entry = theirs, ours, entry
        self.remote.host.spawn(partial(self.remote.host.switch.answer, theirs, self.remote), "answering")
        return ours

    def open_streams(self) -> list[ToyStream]:
        return []

    def close(self, reason: str) -> None:
        for end, why in ((self, reason), (self.remote, "closed by peer")):
            if end.usable:
                end.usable = False
                end.host.connection_closed(end, why)


class ToyHost(Host[ToyConnection]):
    world: ToyWorld

    def __init__(self, world: ToyWorld, name: str) -> None:
        super().__init__(world, world.events.register(name), name, {})
        self.place = f"/ip4/10.0.0.{self.index + 1}/tcp/4001"
        self.is_up = True

    @property
    def running(self) -> bool:
        return self.is_up

    @property
    def listen_addresses(self) -> tuple[str, ...]:
        return (self.place,)

    @property
    def admission_settings(self) -> Admission:
        return Admission()

    async def awake(self) -> None:
        if not self.is_up:
            raise ClosedError(f"{self.name} is not running")

    def spawn(self, action: Callable[[], Awaitable[object]], what: str) -> None:
        if self.is_up:
            self.world.runtime.spawn(action, what)

    async def dial(self, address: str, target: Target) -> ToyConnection:
        there = self.world.listener_at(parse_address(address))
        if there is None or not there.is_up:
            raise DialError("refused: nobody listens there")
        if there.admission_control is not None:
            there.admission_control.accept(self.place)
        number = self.world.number()
        ours, theirs = ToyConnection(self, there, number, "outbound"), ToyConnection(there, self, number, "inbound")
        ours.remote, theirs.remote = theirs, ours
        there.connection_opened(theirs)
        there.spawn(partial(there.introduce, theirs), "asking who it is")
        self.connection_opened(ours)
        await self.introduce(ours)
        return ours

    async def stop(self) -> None:
        self.note_dialled()
        self.is_up = False
        for connection in self.each_connection():
            connection.close("closed here")
        self.is_down()

    def come_back(self, state: str, reconnect: bool) -> None:
        self.is_up = True
        self.is_back(state, reconnect)


class ToyWorld:
    """Implements ``HostWorld``."""

    seed = 1
    stream_window = WINDOW

    def __init__(self) -> None:
        self.runtime = ToyRuntime()
        self.events = EventLog(TICKS_PER_SECOND, self.runtime.ticks)
        self.roster: Roster[ToyHost] = Roster()
        self.face: Callable[[Any], Any] = lambda host: host
        self.roles = RoleTable()
        self._count = 0

    def number(self) -> int:
        self._count += 1
        return self._count

    def start(self, name: str) -> ToyHost:
        host = ToyHost(self, name)
        self.roster.add(host)
        return host

    @property
    def names(self) -> NameServer:
        raise NotImplementedError("no names in this world")

    def wire_time(self) -> int:
        return 0

    def find(self, target: str) -> ToyHost | None:
        return self.roster.find(target)

    def hosts(self) -> dict[str, ToyHost]:
        return {host.name: host for host in self.roster}

    def outsider(self, target: str) -> None:
        """There is nobody outside."""

    def listener_at(self, address: Address) -> ToyHost | None:
        return next((host for host in self.roster if host.place == address.base), None)

    def index_of(self, peer_id: PeerId) -> int:
        known = self.find(peer_id)
        return -1 if known is None else known.index

    def peer_id_at(self, index: int) -> PeerId:
        return next(host.peer_id for host in self.roster if host.index == index)
