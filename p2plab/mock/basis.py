"""What a mock node is to its own parts and to those of its peers: its place, its connections, its tasks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from p2plab.errors import ClosedError, DialError
from p2plab.host import Host
from p2plab.identity.peer_record import sign_record
from p2plab.mock.connections.connection import MockConnection
from p2plab.mock.connections.transports import address_at, check_transports, spoken, wire_of
from p2plab.mock.driver.tasks import Cancelled, Task
from p2plab.mock.processor import Processor
from p2plab.mock.protocols import NodeWorld
from p2plab.network.nat import Endpoint
from p2plab.stream.traffic import Traffic, TrafficRow

if TYPE_CHECKING:
    from p2plab.identity.address import Address
    from p2plab.mock.connections.stream import MockStream
    from p2plab.mock.dht import MockDht
    from p2plab.pubsub import PubSubManager

__all__ = ["MockBasis"]


class MockBasis(Host[MockConnection]):
    """``index`` stands for it on the hot path too."""

    world: NodeWorld
    ip: str
    port: int

    # Here, as long as they are so of a node: an object of more than 30 attributes has a dictionary of its own.
    silent = False  # crashed without a word: does not even refuse
    processor: Processor | None = None
    _own_transports: tuple[str, ...] | None = None
    _half_open: dict[MockConnection, None] | None = None

    def __init__(
        self, world: NodeWorld, index: int, name: str, place: tuple[str, int], settings: dict[str, Any]
    ) -> None:
        super().__init__(world, index, name, settings)
        self.ip, self.port = place
        self._running = True
        self._tasks: dict[Task, None] = {}  # handlers that run, to end with the node
        if settings.get("transports") is not None:
            self._own_transports = check_transports(settings["transports"])
        self.address = self.address_over(self.transports[0])
        self.made_pubsub: PubSubManager | None = None  # from when it first asks or is asked
        cpu = settings.get("cpu", world.cpu)
        if cpu:
            self.processor = Processor(world.clock, cpu)
        self.next_seqno = 1
        self.traffic = Traffic()

    # -- who it is

    def answers_otherwise(self, protocol: str) -> bool:
        """Whether a handler of a user's answers this protocol."""
        return self._switch is not None and self._switch.protocols.served(protocol) is not None

    @property
    def running(self) -> bool:
        return self._running

    @property
    def listen_addresses(self) -> tuple[str, ...]:
        every = self.transports
        return (self.address,) if len(every) == 1 else tuple(map(self.address_over, every))

    @property
    def transports(self) -> tuple[str, ...]:
        """What it listens over and dials with, an address each."""
        return self._own_transports or self.world.transports

    def address_over(self, transport: str) -> str:
        """Where it listens over this transport, or one that is spoken alike."""
        return address_at(Endpoint(self.ip, self.port), wire_of(transport))

    def speaks(self, transport: str) -> bool:
        """Whether it listens over a transport."""
        return any(wire_of(one) == wire_of(transport) for one in self.transports)

    def transport_for(self, address: Address) -> str:
        """Which of its transports dials an address. DialError where none does."""
        if ":" in (address.ip or ""):
            raise DialError(f"unsupported: nodes of a mock lab have IPv4 addresses, and {address} is one of IPv6")
        found = next((one for one in self.transports if spoken(one) == address.transport), None)
        if found is None:
            known = ", ".join(map(spoken, self.transports))
            raise DialError(
                f"unsupported: {self.name} dials {known} addresses, and {address} is {address.transport or 'none'}"
            )
        return found

    @cached_property
    def peer_record(self) -> bytes:
        """Its addresses, signed by itself, as peer exchange passes them on."""
        return sign_record(self.identity, self.addresses, seq=1)

    def moved(self) -> None:
        """It has another IP address."""
        self.address = self.address_over(self.transports[0])
        self.__dict__.pop("peer_record", None)

    # -- what it speaks

    @property
    def pubsub(self) -> PubSubManager:
        """The node's publish-subscribe, made when first asked for."""
        raise NotImplementedError

    @property
    def dht(self) -> MockDht:
        """The node's DHT; made, and its upkeep begun, when it first asks or is asked. One that was filled is left as it
        is until the node itself uses it: ten thousand that refresh are no lesson."""
        return self.open_dht(upkeep=not self.has_dht)

    @property
    def has_dht(self) -> bool:
        """Whether its DHT has been used yet."""
        raise NotImplementedError

    def open_dht(self, upkeep: bool) -> MockDht:
        """The same, with or without upkeep."""
        raise NotImplementedError

    # -- connections

    def handshake_begun(self, connection: MockConnection, answer: Callable[[], Awaitable[object]]) -> None:
        """A dialler's handshake is answered here from now on."""
        if self._half_open is None:
            self._half_open = {}
        self._half_open[connection] = None
        self.spawn(answer, f"{self.name}'s side of a handshake")

    def handshake_over(self, connection: MockConnection) -> None:
        """It has come to something or to nothing, which its node was there to see."""
        if self._running and self._half_open is not None:
            self._half_open.pop(connection, None)

    def take_half_open(self) -> list[MockConnection]:
        """The ends of the handshakes that are answered here, which end now."""
        half_open, self._half_open = self._half_open, None
        return list(half_open or ())

    def handshake_done(self, connection: MockConnection, reason: str | None = None, entry: Any = None) -> None:
        """A connection is ready at this end."""
        connection.opened()
        self.connection_opened(connection, reason, entry)
        if connection.direction == "inbound" and reason is None:
            asked = self.world.peer_id_at(connection.peer).name
            self.spawn(lambda: self.introduce(connection), f"{self.name} asking {asked} who it is")

    def connection_closed(self, connection: MockConnection, reason: str | None, cause: int | None = None) -> int:
        connection.count_rpcs(self.traffic)
        return super().connection_closed(connection, reason, cause)

    def note_step(self, connection: MockConnection, step: str) -> None:
        """A step of a handshake is done."""
        self.record("connection.step", connection.peer, data={"step": step, "connection": connection.id})

    def note_failed_handshake(self, connection: MockConnection, error: Exception) -> None:
        """A dialler's handshake came to nothing here."""
        self.record("connection.failed", connection.peer, "handshake failed", {"text": str(error)})

    def stream_arrived(self, raw: MockStream) -> None:
        """A peer opened a stream on a connection to this node."""
        connection = raw.home
        answer = partial(self.switch.answer, raw, connection, partial(connection.admit, raw))
        self.spawn(answer, f"{self.name} answering a stream of {connection.remote.host.name}")

    def traffic_rows(self) -> list[TrafficRow]:
        every = self.traffic.copy()
        for connection in self.each_connection():
            connection.count_rpcs(every)
        return every.rows(self.world.peer_id_at)

    # -- tasks

    async def awake(self) -> None:
        if not self._running:
            raise ClosedError(f"{self.name} is not running")

    def spawn(self, action: Callable[[], Awaitable[object]], what: str) -> None:
        if not self._running:
            return
        task = self.world.runtime.task(action, what, self._task_done)
        self._tasks[task] = None
        self.world.clock.soon(lambda _, __: task.start())

    def beside(self, action: Callable[[], Awaitable[object]], what: str) -> Callable[[], None]:
        task = self.world.runtime.task(action, what, lambda _: None)  # what it raises is for who waits for it
        task.start()
        return task.cancel

    def _task_done(self, task: Task) -> None:
        self._tasks.pop(task, None)
        if task.error is not None and not isinstance(task.error, Cancelled):
            self.world.runtime.report(task.error, task.what, self.index)
