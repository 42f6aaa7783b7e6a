"""What a user holds for a whole network: ``AsyncLab``, whose verbs are coroutines.

What takes no lab time is inherited from ``LabFace``; what only one of the two faces has, from ``differences``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from p2plab.api.aio.node import AsyncNode
from p2plab.api.arguments import check_seconds, check_timeout
from p2plab.api.attached import AttachedNode
from p2plab.api.backends import make_world
from p2plab.api.differences import AsyncLabOnly
from p2plab.commanded import commanded

if TYPE_CHECKING:
    from typing_extensions import Self

    from p2plab.api.aio.lab_dht import AsyncLabDht
    from p2plab.mock.world import MockWorld

__all__ = ["AsyncLab"]

SOMEBODY = "/ip4/127.0.0.1/tcp/4002/p2p/12D3KooWDtRJs7bmwLHooFDzzC8cQqc1dZMLtVv8XZASdByzTik4"


class AsyncLab(AsyncLabOnly):
    """A network of nodes in this process: an ``AsyncLab`` on a simulated network (``mock``) or on py-libp2p (``real``).

    Awaited together, verbs run together; lab time moves when no task has anything left to do (tasks wait with
    ``await lab.sleep(seconds)``). In a mock lab their order is reproducible on asyncio. On trio it is not, since trio
    shuffles the tasks that are ready: await one after another where the same digest is wanted.

    Args:
        backend: ``"mock"``, ``"real"``, or ``"auto"``: real if py-libp2p is installed, else mock
        seed: a whole number; it fixes the identities and, in a mock lab, everything that happens
        settings: the backend's, such as ``latency`` and ``jitter`` (seconds, mock), ``gossipsub``, ``dht``,
            ``recording`` (how much the event log keeps)

    Times are seconds of lab time. What goes wrong is an error of ``p2plab.errors``.

    Example:
        >>> async with AsyncLab(seed=7) as net:
        ...     first, second = await net.start_nodes(2)
        ...     connection = await first.connect(second)
        ...     print(net.edges())
        [('n0', 'n1')]
    """

    def __init__(self, backend: str = "mock", *, seed: int = 0, **settings: Any) -> None:
        super().__init__(make_world(backend, seed, settings))

    # -- nodes

    async def start_node(self, name: str, **settings: Any) -> AsyncNode:
        """Start a node, or give the one there is by that name.

        Args:
            name: 1 to 64 printable characters, without a slash
            settings: the node's own, such as ``gossipsub=``, ``dht=``, ``gate=``, ``ip=`` (mock) or ``listen=`` (real)

        Raises:
            ConfigurationError: it runs already, with other settings.
            NotInThisWorldError: a setting of the other world.

        Example:
            >>> dave = await lab.start_node("dave")
            >>> dave.name, dave.running
            ('dave', True)
        """
        await self._start([name], settings)
        return self._node(name)

    @commanded("nodes", "start_nodes 3", "start_nodes 2 prefix=peer", takes={"count": "HowMany", "prefix": "Name"})
    async def start_nodes(self, count: int, prefix: str = "n", **settings: Any) -> list[AsyncNode]:
        """Start nodes n0, n1, ... up to a number, where they do not run yet.

        Args:
            count: how many, a whole number from 0 up
            prefix: what their names begin with
            settings: see ``start_node``

        Returns:
            The nodes, those that ran already among them.

        Example:
            >>> nodes = await lab.start_nodes(3)
            >>> [node.name for node in nodes]
            ['n0', 'n1', 'n2']
        """
        names = self._names(count, prefix)
        await self._start(names, settings)
        return [self._node(name) for name in names]

    async def _start(self, names: Sequence[str], settings: dict[str, Any]) -> None:
        missing = self._to_start(names, settings)
        if missing:
            await self._world.arun(self._world.start_nodes, missing, settings)
            self._teach(missing)

    async def adopt(self, host: Any, name: str, **settings: Any) -> AsyncNode:
        """Take a py-libp2p host of one's own making, which does not run yet, into a real lab.

        It runs in the lab's thread as the node ``name``, with its own key, swarm and settings, and is watched like the
        others. Its pubsub and DHT are the lab's. ``host_factory=`` makes each node's host instead.

        Args:
            host: a host of py-libp2p's
            name: the node's name
            settings: see ``start_node``

        Raises:
            ValidationError, ConfigurationError: no such host, or one that runs.
            NotInThisWorldError: in a mock lab.
        """
        return await self.start_node(name, **self._adoption(host), **settings)

    async def wire(
        self, shape: Any = "random", degree: int | None = None, nodes: Sequence[Any] | None = None
    ) -> list[tuple[str, str]]:
        """Connect nodes in a shape; the graph is always connected, and edges there are stay.

        Args:
            shape: ``ring``, ``line``, ``star``, ``full``, ``random``, a networkx graph (all of its nodes named
                like the lab's, or none), or pairs such as ``[("alice", "bob")]``, of which the first dials
            degree: neighbours of each node in a random graph; 4 if left out
            nodes: only these nodes; left out, all

        Returns:
            The pairs that are new, the dialler first.

        Example:
            >>> dave = await lab.start_node("dave")
            >>> await lab.wire("ring")
            [('carol', 'dave'), ('dave', 'alice')]
        """
        pairs = self._pairs(shape, degree, nodes)
        if pairs:
            await self._world.arun(self._world.wire, pairs)
        return pairs

    @commanded(
        "outside",
        f"attach {SOMEBODY}",
        f"attach {SOMEBODY} timeout=5s",
        worlds="real",
        takes={"name": "Name"},
    )
    async def attach(
        self, address: str | Sequence[str], name: str | None = None, timeout: float | None = None
    ) -> AttachedNode:
        """Take a node that runs outside this program into the pictures and lists of a real lab.

        The lab dials it, and notices its coming and going. Attaching it again gives the same node.

        Args:
            address: its multiaddr with ``/p2p/...``, or several
            name: its name here; left out, one made of the agent version that it tells by identify
            timeout: seconds after which it is given up

        Raises:
            DialError, TimeoutError, AddressError, ConfigurationError: it cannot be reached, or the name is taken.
            NotInThisWorldError: in a mock lab.
        """
        world, addresses = self._to_attach(address, name)
        return AttachedNode(world, await world.arun(world.attach, addresses, name, check_timeout(timeout)))

    # -- time

    @commanded("time", "run 0.5", "run 200ms", after=("now",))
    async def run(self, seconds: float) -> None:
        """Let time pass.

        Args:
            seconds: how much lab time

        Example:
            >>> before = lab.now
            >>> await lab.run(2.5)
            >>> round(lab.now - before, 6)
            2.5
        """
        await self._world.arun(self._world.sleep, check_seconds(seconds, "run"))

    async def run_until(self, condition: Callable[[], object] | float, timeout: float | None = None) -> bool:
        """Let time pass until a condition holds, or a moment has come.

        Args:
            condition: a function without arguments, which is asked after every event; or a moment of lab time, seconds
            timeout: seconds after which it is given up; left out, never

        Returns:
            Whether it came to hold in time.

        Example:
            >>> news = bob.subscribe("news")
            >>> await lab.run_until(lambda: alice.topic_peers("news"), timeout=10)
            True
        """
        if callable(condition):
            return await self._world.arun(self._world.until, condition, check_timeout(timeout))
        wait, in_time = self._wait_until(condition, timeout)
        await self.run(wait)
        return in_time

    @commanded("time", "step", "step count=10", worlds="mock", result="steps", after=("now",))
    async def step(self, count: int = 1) -> int:
        """Let the next events of a mock lab happen.

        Args:
            count: how many, a whole number from 1 up

        Returns:
            How many there were.
        """
        return self._step(count)

    async def execute_command(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """Execute a command of the table (``p2plab.commands``) by its name; it never raises for one that fails.

        Args:
            name: a command, with or without ``libp2p_`` in front
            arguments: what the command takes; ``node`` names the node, left out the lab's first

        Returns:
            ``{"success", "command", "timestamp" (unix), "time" (the lab's), "result"}``, where all is plain JSON; of a
            failure ``error`` and ``error_type`` instead of ``result``.

        Example:
            >>> answer = await lab.execute_command("libp2p_connect_peer", node="alice", peer_addr="bob")
            >>> answer["success"], answer["result"]["connected"]
            (True, True)
        """
        from p2plab.commands import perform_async

        answer = await perform_async(self, name, arguments)
        return answer.envelope

    @property
    def dht(self) -> AsyncLabDht:
        """The DHTs of all nodes at once, of a mock lab: ``fill``, ``holders``, ``crawl``. NotInThisWorldError."""
        from p2plab.api.aio.lab_dht import AsyncLabDht

        return AsyncLabDht(cast("MockWorld", self._simulated("lab.dht", "ask a node: lab['alice'].dht")))

    # -- the end

    async def close(self) -> None:
        """End the lab: every node, task, thread and socket of it. Closing again changes nothing."""
        await self._world.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
