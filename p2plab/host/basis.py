"""What every part of a host stands on: who the node is, its connections, its streams, its voice in the event log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from p2plab.host.built_in import BUILT_IN
from p2plab.host.connections.book import AddressBook, PlainBook
from p2plab.host.connections.connected import Connected
from p2plab.host.connections.dialling import Dialler
from p2plab.host.connections.switch import Switch
from p2plab.host.given import GivenByWorld
from p2plab.host.names import target_of
from p2plab.host.protocols import HostConnection, HostWorld, PeerListener
from p2plab.identity.keys import Identity
from p2plab.protocols.identify import Identify
from p2plab.text import raised
from p2plab.typing import PeerId

if TYPE_CHECKING:
    from p2plab.admission.shell.control import AdmissionControl
    from p2plab.host.nat import ReachabilityService
    from p2plab.host.verbs.peers import PeerVerbs

__all__ = ["C", "HostBasis"]

C = TypeVar("C", bound=HostConnection)


class Reporter:
    """Puts exceptions of a user's code into the log, as events of one node; smaller than a function of its own."""

    __slots__ = ("_host", "_reason")

    def __init__(self, host: HostBasis[Any], reason: str) -> None:
        self._host = host
        self._reason = reason

    def __call__(self, what: str, error: BaseException) -> int:
        return self._host.record("error", reason=self._reason, data=raised(f"{what} of {self._host.name}", error))


class HostBasis(GivenByWorld[C]):
    """What a ``Host``, which every one is, has before its verbs: ``index`` stands for the node in the event log,
    ``connected`` are its open connections, by the peer's index."""

    world: HostWorld
    built_in: ClassVar[tuple[str, ...]] = tuple(BUILT_IN)
    """The protocols that the switch answers by itself; in a world that answers some otherwise, the rest of them."""

    def __init__(self, world: HostWorld, index: int, name: str, settings: dict[str, Any]) -> None:
        self.world = world
        self.index = index
        self.name = name
        self.settings = settings
        self.connected: Connected[C] = Connected()
        self.book: AddressBook = PlainBook(world.runtime)
        self.admission_control: AdmissionControl | None = None  # None where nothing was ever said about admission
        self.reach: Dialler[C] = Dialler(cast("PeerVerbs[C]", self))
        self.listeners: tuple[PeerListener, ...] = ()  # who is told of peers
        self.reachability: ReachabilityService | None = None  # in a lab with NATs or relays
        self._identity: Identity | None = None
        self._switch: Switch[C] | None = None
        self._said: dict[int, Identify] = {}  # by peer: what it told us with identify

    @property
    def ref(self) -> str:
        """How a history of commands names it."""
        return f"node {self.name}"

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

    def reporter(self, reason: str) -> Callable[[str, BaseException], int]:
        """What puts exceptions of a user's code into the log: ``report(what raised, error)``."""
        return Reporter(self, reason)

    def each_connection(self) -> Iterator[C]:
        """Its connections, those included that are about to end."""
        for connections in self.connected.values():
            yield from connections

    def connections_to(self, peer: int) -> list[C]:
        """Its usable connections to a peer."""
        return [connection for connection in self.connected.get(peer) if connection.usable]

    def index_of(self, peer: str) -> int:
        """What stands for a node, a peer id or a multiaddr in the log; -1 for a peer it has nothing of.
        Raises UnknownNodeError, PeerIdError, AddressError."""
        peer_id = target_of(self, peer).peer_id
        return -1 if peer_id is None else self.world.index_of(peer_id)

    @property
    def switch(self) -> Switch[C]:
        """The node's streams and protocols."""
        if self._switch is None:
            self._switch = Switch(cast("PeerVerbs[C]", self))
        return self._switch

    def protocols(self) -> list[str]:
        return sorted({*(self.built_in if self._switch is None else self._switch.protocols), *self.own_protocols()})
