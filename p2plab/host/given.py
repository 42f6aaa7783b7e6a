"""What a world gives each of its hosts, by overriding it; ``protocols`` tells the rest.

What raises NotImplementedError here, every world has to give; the others say what holds where a world says nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from p2plab.discovery.settings import DiscoverySettings
from p2plab.errors import (
    NotInThisWorldError,
)
from p2plab.host.protocols import HostConnection, HttpListening
from p2plab.identity.address import Address
from p2plab.protocols.identify import Identify
from p2plab.protocols.verbs import ProtocolVerbs
from p2plab.stream import NetStream
from p2plab.stream.protocols import Served
from p2plab.typing import PeerId

if TYPE_CHECKING:
    from p2plab.admission import Admission
    from p2plab.content.store import BlockStore
    from p2plab.discovery.rendezvous.store import RegistrationStore
    from p2plab.host.http import HttpHead
    from p2plab.host.names import Target
    from p2plab.host.protocols import HostPubsub
    from p2plab.kademlia.shell.dht import DhtVerbs
    from p2plab.nat.dial_order import Ranked
    from p2plab.nat.relay import Circuit
    from p2plab.nat.relay_messages import RelayLimit

__all__ = ["GivenByWorld"]

C = TypeVar("C", bound=HostConnection)


class GivenByWorld(ProtocolVerbs, Generic[C]):
    """The part of a Host that is its world's."""

    name: str
    dials_strangers: ClassVar[bool] = True
    """Whether it can dial an address that does not say who should be there."""
    serves_http: ClassVar[bool] = False
    """Whether programs outside can reach it over HTTP."""
    unreachable: ClassVar[str] = "timeout: no connection within {seconds:g} s"
    """Why an address did not answer in time, as its attempt says it."""

    # -- a node's life

    @property
    def running(self) -> bool:
        """Whether it has not been stopped or crashed."""
        raise NotImplementedError

    @property
    def listen_addresses(self) -> Sequence[str]:
        """The multiaddrs it listens at, without ``/p2p/...``."""
        raise NotImplementedError

    async def awake(self) -> object:
        """Wait for the end of a start that is under way. ClosedError where it does not run."""
        raise NotImplementedError

    def spawn(self, action: Callable[[], Awaitable[object]], what: str) -> object:
        """Run a coroutine that ends with the node; what it raises becomes an ``error`` event that names ``what``.
        Where the node does not run, nothing happens."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Go, closing every connection. Raises ClosedError."""
        raise NotImplementedError

    def crash(self, silent: bool = False) -> None:
        """Go without a goodbye. Raises ClosedError."""
        raise NotImplementedError

    def come_back(self, state: str, reconnect: bool) -> None:
        """Run again, and call ``is_back``; with ``state="lost"``, without anything it knew."""
        raise NotImplementedError

    # -- dialling

    async def dial(self, address: str, target: Target) -> C:
        """Connect to a multiaddr, where ``target`` says who should be there; it is listed in ``connected`` by then.

        DialError, whose text begins with the reason of the event and a colon, or RefusedError where this node's own
        admission says no."""
        raise NotImplementedError

    def in_order(self, addresses: Sequence[str]) -> Sequence[str]:
        """The addresses of a peer, in the order in which they are to be tried."""
        return addresses

    def dial_times(self, addresses: Sequence[str]) -> Sequence[Ranked] | None:
        """When each of a peer's addresses is dialled, where that is not one after another (None); in order."""
        return None

    def beside(self, action: Callable[[], Awaitable[object]], what: str) -> Callable[[], None]:
        """Run a coroutine beside what runs, from now on; what ends it is returned. Needed where ``dial_times`` says
        when addresses are dialled."""
        raise NotImplementedError

    def patience(self, address: str, last: bool, limit: float) -> float:
        """Seconds that one of a peer's addresses is tried for; ``last``: no other is left."""
        return limit

    def dialled(self, target: Target, event: int) -> None:
        """A dial has begun, and is this event."""

    def why_failed(self, target: Target, event: int) -> int | None:
        """The event that a failed dial is due to; None: what is happening now."""
        return None

    def why_late(self, error: TimeoutError, seconds: float) -> str:
        """Why a dial was not done in so many seconds, as its attempt says it."""
        return self.unreachable.format(seconds=seconds)

    async def introduced(self, connection: C) -> None:
        """Wait until the two ends of a connection know each other, if that does not take too long."""

    def ended_at_once(self, connection: C) -> tuple[str, int | None] | None:
        """Why a connection that was just made is not usable, and the event behind it; None: to be dialled again."""
        return "closed by peer", None

    async def hung_up(self, connections: Sequence[C]) -> None:
        """Wait until both ends have noticed the end of these connections, if that does not take too long."""

    # -- publish-subscribe and the DHT

    @property
    def node_pubsub(self) -> HostPubsub:
        """Its publish-subscribe."""
        raise NotImplementedError

    def use_dht(self) -> DhtVerbs:
        """Its DHT, made if need be, whose upkeep has begun if the node runs."""
        raise NotImplementedError

    def look_at_dht(self) -> DhtVerbs:
        """Its DHT or, where it was never used, one that is made for the question alone."""
        raise NotImplementedError

    def dht_shown(self) -> str:
        """Its DHT in a line."""
        raise NotImplementedError

    # -- discovery

    @property
    def discovery_settings(self) -> DiscoverySettings:
        """In which ways it finds others."""
        return DiscoverySettings()

    @property
    def has_segment(self) -> bool:
        """Whether it can multicast to others of this lab (``multicast``)."""
        return False

    def multicast(self, data: bytes) -> None:
        """Send a packet to all on its segment of the network."""
        raise NotImplementedError

    @property
    def registrations(self) -> RegistrationStore | None:
        """Where a rendezvous point keeps what is registered; None: nowhere."""
        return None

    # -- admission

    @property
    def admission_settings(self) -> Admission:
        """Whom its settings say it lets in."""
        raise NotImplementedError

    # -- content

    def new_block_store(self) -> BlockStore:
        """Where its blocks are to be: in memory, where the world has no place that lasts."""
        from p2plab.content.store import BlockStore

        return BlockStore()

    # -- reachability, in a lab with NATs or relays

    @property
    def meets_privately(self) -> bool:
        """Whether its private addresses mean the same to all others, as on a loopback: AutoNAT dials them too then."""
        return False

    async def dial_direct(self, peer: int, address: str) -> None:
        """Dial a peer at an address although it is connected already. Raises DialError."""
        raise NotImplementedError

    async def dial_back(self, peer: PeerId, address: Address, nonce: int | None = None) -> None:
        """Dial a peer by a connection that is new, from a port that does not listen; say the nonce there, if there is
        one; and hang up. DialError; ProtocolViolation or StreamError where the nonce was not taken."""
        raise NotImplementedError

    async def punch(self, peer: int, addresses: Sequence[str], client: bool, attempt: int) -> bool:
        """Send to a peer's addresses while it sends to this node's; whether there is a direct connection in the end.
        The ``client`` is the dialler of it (DCUtR.md)."""
        raise NotImplementedError

    def serve_as_relay(self) -> None:
        """Relay for others from now on."""
        raise NotInThisWorldError(f"{self.name} cannot relay for others in this world")

    def bridge(self, hop: NetStream, stop: NetStream, circuit: Circuit, ended: Callable[[str], None]) -> None:
        """This node relays: join the two streams; ``ended`` is told why, when it is over."""
        raise NotImplementedError

    async def carried(self, hop: NetStream, stop: NetStream, circuit: Circuit) -> None:
        """Wait until what the two streams carry is over."""
        raise NotImplementedError

    def cut_circuit(self, circuit: Circuit, reason: str) -> None:
        """End a circuit: both streams are reset."""
        raise NotImplementedError

    async def accept_circuit(self, stream: NetStream, source: PeerId, limit: RelayLimit | None) -> None:
        """A relay has joined this stream with a dialler's: it carries a connection from now on, until it ends."""
        raise NotImplementedError

    # -- peers

    async def meet(self, connection: C, protocols: Sequence[str]) -> None:
        """The peer of a new connection speaks these: have pubsub ready to it. Raises StreamError, TimeoutError."""

    def measured(self, peer: int, rtt: float) -> None:
        """A round trip to a peer was measured, in seconds."""

    def presumed(self, peer: int) -> Identify | None:
        """What identify would say of a connected peer that was not asked."""
        return None

    def own_protocols(self) -> Iterable[str]:
        """The protocols it answers beside those of its switch."""
        return ()

    def served(self, protocol: str, raw: Any) -> Served | None:
        """What answers a world's stream of one of these; None where their messages do not come as streams."""
        return None

    # -- HTTP

    async def serve_http(self, respond: Callable[..., Awaitable[None]], port: int) -> HttpListening:
        """Answer HTTP requests at a port of the loopback (0: a free one), until the node goes.

        ``respond(method, target, headers, body, reply)``. NotInThisWorldError; ConfigurationError for a port that
        cannot be had."""
        raise NotInThisWorldError(
            f"{self.name} cannot serve HTTP: nobody outside can reach a mock lab's nodes; take Lab('real')"
        )

    def http_router(self, url: str) -> Any:
        """A content router that asks a server over HTTP. Raises NotInThisWorldError, ValidationError."""
        raise NotInThisWorldError(
            f"{self.name} cannot ask {url[:80]}: a mock lab's nodes reach nothing outside; take Lab('real'), or a "
            "router of your own"
        )

    async def http_stream(
        self,
        url: str,
        headers: Sequence[tuple[str, str]],
        begun: Callable[[HttpHead], Callable[[bytes], Awaitable[None]]],
        silence: float,
    ) -> None:
        """Get an answer that may be long: ``begun`` is given its head, and gives what takes its pieces as they come.
        NotInThisWorldError; LabError where nothing comes for ``silence`` seconds, or it is cut off before its end."""
        raise NotInThisWorldError(
            f"{self.name} cannot ask {url[:80]}: a mock lab's nodes reach nothing outside; take Lab('real')"
        )

    # -- what it keeps of providers: nothing, unless its world has a home for it

    def kept_reputation(self) -> Mapping[str, Sequence[float]]:
        """What was kept of the peers it took content from, by peer id."""
        return {}

    def keep_reputation(self, peer: str, plain: Sequence[float]) -> None:
        """Keep what is known of one."""

    def forget_reputation(self) -> None:
        """It has lost what it knew."""
