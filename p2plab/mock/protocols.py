"""What a mock node and its parts take of the world around them: ``NodeWorld``, which ``MockWorld`` is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from p2plab.host.protocols import HostWorld

if TYPE_CHECKING:
    from p2plab.admission import Admission
    from p2plab.events import EventLog
    from p2plab.identity.address import Address
    from p2plab.mock.basis import MockBasis
    from p2plab.mock.connections.connection import MockConnection
    from p2plab.mock.connections.taps import MockTaps
    from p2plab.mock.dht import WorldDht
    from p2plab.mock.nat.boxes import Boxes
    from p2plab.mock.network.listeners import Listeners
    from p2plab.mock.runtime import MockRuntime
    from p2plab.network import Clock, Draws, Links
    from p2plab.pubsub import GossipSubParams

__all__ = ["NodeWorld"]


class NodeWorld(HostWorld, Protocol):
    """The clock, the links and what is set for all nodes; who the others are."""

    clock: Clock
    links: Links
    draws: Draws
    events: EventLog
    taps: MockTaps
    listeners: Listeners
    boxes: Boxes | None  # from when the first NAT or relay is there
    dht: WorldDht

    transports: tuple[str, ...]  # of nodes that have none of their own
    cpu: float
    connection_memory: int
    connection_timeout: int  # ticks until both ends of a connection notice that nothing gets through
    gossipsub: GossipSubParams
    router: Any
    signing: str
    message_id: Any
    max_message_size: int
    admission: Admission
    relaying: dict[str, Any]

    @property
    def runtime(self) -> MockRuntime: ...

    # -- the nodes

    def all_hosts(self) -> Sequence[MockBasis]:
        """In the order in which they were started."""

    def host_at(self, index: int) -> MockBasis:
        """The node that an index of the event log stands for."""

    def has_host(self, index: int) -> bool:
        """Whether an index of the event log stands for a node."""

    def host_named(self, name: str) -> MockBasis:
        """The node of this name or peer id. UnknownNodeError where there is none."""

    def find(self, target: str) -> MockBasis | None: ...

    def any_at(self, ip: str) -> MockBasis | None:
        """A node with this IP address."""

    def listener_at(self, address: Address) -> MockBasis | None: ...

    # -- the network

    def next_number(self) -> int:
        """A number for a connection or a stream."""

    def with_boxes(self) -> Boxes:
        """The lab's NAT boxes; from the first on, every node looks after its reachability."""

    def multicast(self, host: MockBasis, data: bytes) -> None:
        """A node sends a packet to all on its segment."""

    def watch_cuts(self) -> None:
        """Start or stop the clock of every connection whose link was cut or mended."""

    def ends_towards(self, index: int) -> Sequence[MockConnection]:
        """The ends of other nodes' connections to a node."""
