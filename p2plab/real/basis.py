"""What a real node is to its own parts and to those of its peers: its stack, its book, what it was started with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import trio

from p2plab.errors import ClosedError
from p2plab.host import Host
from p2plab.real.connections.book import PeerstoreBook
from p2plab.real.connections.connections import RealConnection
from p2plab.real.outside.own_host import Given
from p2plab.real.protocols import NodeWorld
from p2plab.real.pylibp2p.stack import Stack
from p2plab.real.settings import NodeSettings, without_secrets

if TYPE_CHECKING:
    from p2plab.real.connections.admission import StackGater
    from p2plab.real.connections.lifecycle import Lifecycle
    from p2plab.real.pubsub.node_pubsub import NodePubsub

__all__ = ["RealBasis"]

T = TypeVar("T")


class RealBasis(Host[RealConnection]):
    """``running_stack`` has its py-libp2p objects; a node that comes back gets others."""

    world: NodeWorld
    book: PeerstoreBook
    pubsub: NodePubsub
    gater: StackGater
    lifecycle: Lifecycle

    ip: str | None = None
    """Its address in the simulated network, for a node in memory of a lab that has one."""

    def __init__(self, world: NodeWorld, name: str, settings: dict[str, Any], checked: NodeSettings) -> None:
        super().__init__(world, world.events.register(name), name, without_secrets(settings))
        home = world.home
        kept = None if home is None else home.identity(name)
        given = checked.host_factory
        own = given.identity(name) if isinstance(given, Given) else None
        self._identity = own or kept
        world.directory.add(self.peer_id)
        self.book = PeerstoreBook(name, world.runtime, home, self.failed)
        self.listen = list(checked.listen) if home is None else home.listen(name, checked.listen)
        self.crashed = False
        self.running_stack: Stack | None = None
        self.remedies = checked.remedies
        self._checked = checked
        self._coming_up: trio.Event | None = trio.Event()
        self._listening: list[str] = []
        self.unanswered: dict[str, int] = {}  # by peer: the event that says which NAT box kept the last dial from it

    # -- its life

    @property
    def running(self) -> bool:
        return self.running_stack is not None or self._coming_up is not None

    @property
    def stack(self) -> Stack:
        """The py-libp2p objects. ClosedError where the node does not run."""
        if self.running_stack is None:
            raise ClosedError(f"{self.name} is not running{'' if self._coming_up is None else ' yet'}")
        return self.running_stack

    async def settled(self) -> None:
        """Wait for the end of a start that is under way: ``restart`` itself takes no time."""
        if self._coming_up is not None:
            await self._coming_up.wait()

    async def awake(self) -> Stack:
        await self.settled()
        return self.stack

    def spawn(self, action: Callable[[], Awaitable[object]], what: str) -> None:
        if self.running_stack is not None:
            self.running_stack.start(action, what)

    async def aside(self, call: Callable[[], T]) -> T:
        """Make a call that blocks in a thread of its own, while the lab goes on."""
        return await trio.to_thread.run_sync(call)

    aside.unrecorded = True  # type: ignore[attr-defined]  # it does nothing to the lab

    def failed(self, what: str, error: BaseException) -> None:
        """The library, or what stands on it, raised."""
        self.world.runtime.report(error, what, self.index, "library")

    # -- where it is, and what it offers

    @property
    def listen_addresses(self) -> Sequence[str]:
        return self._listening if self.ip is None else [f"/ip4/{self.ip}{address}" for address in self._listening]

    @property
    def in_memory(self) -> bool:
        """Whether it is reached through memory alone."""
        return all(address.startswith("/memory/") for address in self.listen)

    @property
    def offers(self) -> dict[str, tuple[str, ...]]:
        """What it offers on a connection that is upgraded: ``security`` and ``muxer``, those preferred first."""
        return {"security": self._checked.security, "muxer": self._checked.muxers}

    @property
    def in_private_network(self) -> bool:
        """Whether it has the key of one (``psk=``)."""
        return self._checked.psk is not None
