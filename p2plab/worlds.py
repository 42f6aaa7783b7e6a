"""The Protocols by which a world is asked to do things: ``Host`` is one node of a world, ``World`` all of them.

The mock and the real world both give these, so everything above them is written once. This module stands above the
cores, since it speaks of what they are; what cores need themselves is in ``p2plab.typing``.
"""

from __future__ import annotations

import weakref
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from p2plab.typing import Connection, LabCalls, LabHome, Outsider, PeerId, PeerInfo, Runtime, Timer

if TYPE_CHECKING:
    from pathlib import Path

    from p2plab.admission import Admission
    from p2plab.admission.shell.control import AdmissionControl
    from p2plab.content.verbs import ContentVerbs
    from p2plab.events import EventLog
    from p2plab.kademlia.shell.dht import DhtVerbs
    from p2plab.protocols.capabilities import Capability
    from p2plab.protocols.perf import Throughput
    from p2plab.pubsub import GossipSubParams, Message, TopicQueue
    from p2plab.roles import Role, RoleTable
    from p2plab.routing.address_book import KnownAddress
    from p2plab.stream import NetStream, Priority, StreamHandler
    from p2plab.stream.framing.frames import FrameSink
    from p2plab.stream.traffic import TrafficRow

__all__ = ["Held", "Host", "OpenWorld", "SimulatedWorld", "World", "bare"]


class Host(Protocol):
    """One node of a world. Coroutines take lab time; the other methods take none and must be called inside the lab
    (``World.call`` sees to it)."""

    @property
    def name(self) -> str:
        """Its name, unique in its lab."""

    @property
    def peer_id(self) -> PeerId:
        """Its peer id, derived from the lab's seed and its name."""

    @property
    def addresses(self) -> list[str]:
        """Multiaddrs it listens on, each ending in ``/p2p/...``."""

    @property
    def running(self) -> bool:
        """Whether it has neither been stopped nor crashed."""

    @property
    def settings(self) -> dict[str, Any]:
        """What it was started with."""

    @property
    def admission(self) -> Admission:
        """Whom it lets in."""

    def ensure_admission_control(self) -> AdmissionControl:
        """What it asks before it opens anything."""

    async def connect(
        self, target: str, timeout: float | None = None, retries: int = 0, backoff: float = 0.1
    ) -> Connection:
        """Dial a node's name, a peer id, or a multiaddr; the connection there is, is given again. Raises DialError."""

    async def disconnect(self, peer: str) -> bool:
        """Close every connection to a peer; whether there was one."""

    async def ping(self, peer: str, timeout: float | None = None) -> float:
        """Round-trip time in seconds, by the ping protocol."""

    async def identify(self, peer: str, timeout: float | None = None) -> PeerInfo:
        """What a peer says of itself, asked anew."""

    async def capabilities(self, peer: str, timeout: float | None = None) -> list[Capability]:
        """What a peer says that it can do, asked anew."""

    async def open_stream(
        self, peer: str, protocols: Sequence[str], lazy: bool = False, priority: Priority | None = None
    ) -> NetStream:
        """Open a stream for the first of these protocols that the peer speaks; it is dialled if need be."""

    def connections(self, peer: str | None = None) -> list[Connection]:
        """Its open connections, or those to one peer."""

    def peers(self) -> list[PeerInfo]:
        """Who it is connected to."""

    def protocols(self) -> list[str]:
        """The protocol ids this node answers."""

    def known_peers(self) -> list[PeerInfo]:
        """The node's address book."""

    def register_peer(self, peer_id: str, addresses: Sequence[str], ttl: float | None = None) -> None:
        """Add addresses to the address book, for so many seconds (None: for good)."""

    def register_record(self, envelope: bytes) -> PeerInfo:
        """Add the addresses of a signed record; whose they are. Raises ProtocolViolation."""

    def forget_peer(self, peer: str) -> bool:
        """Take a peer out of the address book; whether it was in it."""

    def address_book(self) -> list[KnownAddress]:
        """Every address in it, from whom, and for how long."""

    def signed_addresses(self) -> bytes:
        """Its own addresses, signed by itself."""

    def handle(
        self, protocol: str, handler: StreamHandler, features: Sequence[str] = (), priority: Priority | None = None
    ) -> None:
        """Answer a protocol from now on: the handler gets every stream that a peer opens for it."""

    def remove_handler(self, protocol: str) -> bool:
        """Answer a protocol no longer; whether it was answered."""

    async def request(
        self, peer: str, protocols: Sequence[str], data: bytes, timeout: float | None = None, limit: int = ...
    ) -> bytes:
        """One request, one response, on a stream of its own."""

    def handle_request(
        self, protocol: str, answer: Callable[[bytes, PeerId], Awaitable[bytes | str]], limit: int
    ) -> None:
        """Answer such requests of at most ``limit`` bytes."""

    async def perf(self, peer: str, upload: int, download: int, timeout: float | None = None) -> Throughput:
        """Send and fetch so many bytes, and say how long that took."""

    def streams(self) -> list[NetStream]:
        """Its open streams."""

    def traffic_rows(self) -> list[TrafficRow]:
        """Payload bytes by peer and protocol since the node was first started."""

    @property
    def dht_verbs(self) -> DhtVerbs:
        """What its DHT can be asked."""

    @property
    def discovery(self) -> Any:
        """What its discovery can be asked (``p2plab.host.discovery.DiscoveryService``)."""

    @property
    def has_content(self) -> bool:
        """Whether it ever had anything to do with content."""

    @property
    def content(self) -> ContentVerbs:
        """The blocks it has, and what is done with them."""

    def subscribe(self, topic: str) -> TopicQueue:
        """A new subscription to a topic."""

    def unsubscribe(self, queue: TopicQueue) -> None:
        """End a subscription; with its last one the node leaves the topic."""

    def publish(self, topic: str, data: bytes) -> Message:
        """Publish bytes to a topic."""

    def topics(self) -> list[str]:
        """The topics it is subscribed to."""

    def topic_peers(self, topic: str) -> list[PeerInfo]:
        """Connected peers known to subscribe to the topic."""

    def mesh(self, topic: str) -> list[PeerInfo]:
        """The peers in the node's mesh of the topic."""

    def fanout(self, topic: str) -> list[PeerInfo]:
        """The peers it publishes to without being subscribed."""

    def scores(self) -> dict[str, dict[str, Any]]:
        """By the name of each peer: its score, and what it is made of."""

    def params(self) -> GossipSubParams:
        """The parameters its GossipSub router goes by."""

    def set_params(self, params: GossipSubParams) -> None:
        """Have the router go by other parameters from now on."""

    def add_validator(self, topic: str, validator: Callable[[Message], Any]) -> None:
        """Have every message of a topic judged before it is delivered and forwarded."""

    @property
    def role(self) -> Role | None:
        """What it is there for; None where nobody said."""

    def take_role(self, role: Role | None) -> None:
        """Be there for something else from now on. Raises NotInThisWorldError."""

    async def stop(self) -> None:
        """Go, closing every connection. Raises ClosedError."""

    def crash(self, silent: bool = False) -> None:
        """Go without a goodbye."""

    def restart(self, state: str = "kept", reconnect: bool = True) -> None:
        """Come back after a crash or a stop, with the same identity and addresses."""


class World(LabCalls, Protocol):
    """All nodes of one lab, and the ways into it (``LabCalls``)."""

    backend: str
    seed: int
    settings: dict[str, Any]  # what the lab was made with, beside the seed; set by the lab
    events: EventLog
    face: Callable[[Host], Any]  # what users hold for a node inside the lab (``stream.node``); set by the lab
    extensions: dict[str, StreamHandler]  # protocols that every node answers, those to come too; kept by the lab

    @property
    def runtime(self) -> Runtime:
        """Time, timers, tasks and random numbers inside the lab."""

    @property
    def now(self) -> float:
        """Seconds since the lab began."""

    @property
    def closed(self) -> bool:
        """Whether the lab is closed."""

    async def start_nodes(self, names: Sequence[str], settings: dict[str, Any]) -> None:
        """Start the nodes that do not run yet, in this order."""

    async def wire(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Connect these pairs (dialler, listener), skipping those connected already."""

    @property
    def roles(self) -> RoleTable:
        """What nodes can be there for."""

    def change_role(self, role: Role) -> None:
        """Put a role into the table, and have the nodes that have it go by it.
        Raises ValidationError, NotInThisWorldError."""

    def extend(self, protocol: str, handler: StreamHandler) -> None:
        """Add to ``extensions``."""

    def hosts(self) -> dict[str, Host]:
        """The nodes by name, in the order they were started."""

    def edges(self) -> list[tuple[str, str]]:
        """Who is connected, as sorted pairs of names."""

    async def sleep(self, seconds: float) -> None:
        """Let so many seconds of lab time pass."""

    async def until(self, condition: Callable[[], object], timeout: float | None) -> bool:
        """Wait until the condition holds (True) or the timeout has passed (False). Checked after every event."""

    def watch(self, look: Callable[[], None], deadline: float | None = None) -> Callable[[], None]:
        """Call ``look`` inside the lab after every event, and when it is ``deadline`` (seconds of lab time). What it
        raises ends every verb under way or, where there is none, the next. Returns what undoes it."""

    @property
    def key_log(self) -> Path | None:
        """The file that secrets of its nodes' connections are written to, if any."""

    def tap(self, sink: FrameSink) -> Callable[[], None]:
        """Tell a sink of every frame from now on; returns what undoes it. NotInThisWorldError where there are none."""

    def wire_time(self) -> int:
        """The time that frames have in a recording: nanoseconds of unix time."""

    def history(self) -> Any:
        """The commands given so far."""

    def play(self, speed: float) -> None:
        """Let time pass by itself, ``speed`` lab seconds a second."""

    def pause(self) -> None:
        """Hold it again."""

    @property
    def pace(self) -> float | None:
        """Lab seconds a second at which time passes by itself; None while it is held."""

    def close(self) -> None:
        """End everything at once; calling it again changes nothing."""

    async def aclose(self) -> None:
        """The same without blocking the loop."""


class OpenWorld(World, Protocol):
    """What only a world on a real network can do."""

    async def attach(self, addresses: Sequence[str], name: str | None, timeout: float | None) -> Outsider:
        """Watch a node outside the lab, under a name of its own or one made of its agent version."""

    def detach(self, name: str) -> None:
        """Watch it no longer. Raises UnknownNodeError."""

    def attached(self) -> dict[str, Outsider]:
        """By name, in the order in which they were attached."""

    @property
    def home_contents(self) -> LabHome | None:
        """What is in the lab's home, if it has one."""


class SimulatedWorld(World, Protocol):
    """What only a world with virtual time can do."""

    @property
    def network(self) -> Any:
        """Its links and faults, by the names of the nodes."""

    def schedule(
        self,
        first: float,
        period: float | None,
        action: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Timer:
        """Call ``action`` inside the lab at lab time ``first``, and every ``period`` seconds after."""

    def history(self) -> Any:
        """The commands given so far (``p2plab.mock.history.history.History``)."""

    def snapshot(self) -> Any:
        """All of it, to be restored later (``p2plab.mock.history.snapshot.Snapshot``)."""

    def step(self, count: int) -> int:
        """Make the next calls of the clock; how many there were."""


class Held:
    """A world as those outside hold it: whatever is asked of it, the world answers.

    All that a user has of a lab (the lab, nodes, streams, subscriptions, the DHT) shares one of these, and what belongs
    to the world (its thread, ``atexit``, what handlers get) has none: once it is collected nobody can ask for anything
    any more, and ``gone`` is called."""

    __slots__ = ("__weakref__", "_bare")

    def __init__(self, world: World, gone: Callable[[], object]) -> None:
        self._bare = world
        weakref.finalize(self, gone).atexit = False  # the world sees to the end of the program by itself

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bare, name)


def bare(world: World) -> World:
    """The world itself, to be compared with others."""
    return world._bare if isinstance(world, Held) else world
