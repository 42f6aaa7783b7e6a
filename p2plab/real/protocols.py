"""What a real node and its parts take of the world around them: ``NodeWorld``, which ``RealWorld`` is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from p2plab.host.protocols import HostWorld

if TYPE_CHECKING:
    from p2plab.protocols.identify import Identify
    from p2plab.real.basis import RealBasis
    from p2plab.real.connections.directory import Directory
    from p2plab.real.loop.runtime import TrioRuntime
    from p2plab.real.nat.boxes import MemoryBoxes
    from p2plab.real.outside.home import Home
    from p2plab.real.shared_dht import WorldDht
    from p2plab.real.taps.frames import Taps
    from p2plab.typing import PeerId

__all__ = ["NodeLives", "NodeWorld"]


class NodeLives(Protocol):
    """How a node ends, and comes back."""

    async def stop(self, host: RealBasis) -> None:
        """Stop a node, and wait until nothing of it is left."""

    def crash(self, host: RealBasis) -> None:
        """End a node without a goodbye."""

    def begin_again(self, host: RealBasis, born: Callable[[], None]) -> None:
        """Give a node that was stopped or crashed a new life."""


class NodeWorld(HostWorld, Protocol):
    """The loop's time, who the others are, and what outlives the lab."""

    directory: Directory
    taps: Taps
    home: Home | None
    boxes: MemoryBoxes | None  # from when a node in memory looks after its reachability
    dht: WorldDht
    looks_after_reachability: bool

    @property
    def lives(self) -> NodeLives: ...

    @property
    def now(self) -> float: ...
    @property
    def runtime(self) -> TrioRuntime: ...

    # -- the nodes

    def find(self, target: str) -> RealBasis | None: ...

    def real_hosts(self) -> Sequence[RealBasis]:
        """The nodes, in the order in which they were started."""

    # -- the network

    def severs(self, a: str, b: str | None) -> bool:
        """Whether a partition is between two nodes, by their names."""

    def look_after_reachability(self) -> None:
        """Have every node do so, now that the lab has a relay or a NAT."""

    def with_boxes(self) -> MemoryBoxes:
        """The network that its nodes in memory are in, with IP addresses and NATs."""

    def learnt_outside(self, peer_id: PeerId, said: Identify) -> None:
        """A peer said who it is, and may be an attached node."""
