"""What a user holds for a whole network: ``Lab``, whose verbs block until done, and ``AsyncLab``, to be awaited."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from p2plab.api.arguments import check_seconds, check_timeout
from p2plab.api.attached import AttachedNode
from p2plab.api.backends import make_world
from p2plab.api.lab_face import LabFace
from p2plab.api.node import AsyncNode, Node
from p2plab.typing import World

if TYPE_CHECKING:
    from pathlib import Path

    from p2plab.mock.history.history import History
    from p2plab.mock.history.snapshot import Snapshot
    from p2plab.mock.lab_dht import AsyncLabDht, LabDht
    from p2plab.mock.world import MockWorld
    from p2plab.runs import Agreement, Comparison

__all__ = ["AsyncLab", "Lab"]

L = TypeVar("L", bound="LabFace[Any]")


class Lab(LabFace[Node]):
    """A network of nodes in this process, on a simulated network (``mock``) or on py-libp2p (``real``).

    ``seed`` fixes the identities and, in a mock lab, everything that happens. ``settings`` are the backend's:
    ``latency`` and ``jitter`` (seconds, mock), ``gossipsub``, ``dht``, ``recording`` (how much the event log keeps).
    Errors are ``p2plab.errors``; times are seconds of lab time.
    """

    _node_type = Node

    def __init__(self, backend: str = "mock", *, seed: int = 0, **settings: Any) -> None:
        super().__init__(make_world(backend, seed, settings))
        self._aio: AsyncLab | None = None

    @classmethod
    def _over(cls, world: World) -> Lab:
        lab = cls.__new__(cls)
        LabFace.__init__(lab, world)
        lab._aio = None
        return lab

    # -- many runs

    @classmethod
    def replay(cls, history: History, until: float | None = None) -> Lab:
        """A new mock lab in which everything that ``history`` tells has been done again, each command at exactly its
        place, up to ``until`` (seconds of lab time) or to its end. SnapshotError says what cannot be done again."""
        from p2plab.mock.history.replay import replayed

        return cls._over(replayed(make_world, history, until))

    @classmethod
    def restore(cls, snapshot: Snapshot | str | Path | bytes) -> Lab:
        """The lab of a snapshot, or of the file it was saved to; it goes on as that would have. SnapshotError where it
        is none, is of another version, or does not come out the same. It runs code that is in it: restore only what
        you trust."""
        from p2plab.mock.history.snapshot import restored

        return cls._over(restored(make_world, snapshot))

    def check(self, scenario: Callable[..., Any], **parameters: Any) -> Agreement:
        """Run ``scenario(lab, **parameters)`` twice, in fresh labs with this one's seed and settings. DivergenceError
        shows the first event at which the two runs part."""
        from p2plab.runs.check import check

        self._simulated("lab.check", "two real runs are never the same")
        return check(scenario, self.seed, self._world.settings, parameters)

    def compare(self, scenario: Callable[..., Any], **parameters: Any) -> Comparison:
        """Run ``scenario(lab, **parameters)`` in a mock lab and in a real one, with this one's seed and settings, and
        show side by side the numbers it returns, and what the event logs say was delivered, how fast, how often twice,
        and what lookups took."""
        from p2plab.runs.compare import compare

        return compare(scenario, self.seed, self._world.settings, parameters)

    @property
    def aio(self) -> AsyncLab:
        """The same lab with verbs to be awaited: for handlers, and for cells that ``await``."""
        if self._aio is None:
            self._aio = AsyncLab._over(self._world)
        return self._aio

    # -- nodes

    def start_node(self, name: str, **settings: Any) -> Node:
        """Start a node, or give the one there is by that name. ConfigurationError where it has other settings."""
        missing = self._to_start([name], settings)
        if missing:
            self._world.run(self._world.start_nodes, missing, settings)
            self._teach(missing)
        return self._node(name)

    def start_nodes(self, count: int, prefix: str = "n", **settings: Any) -> list[Node]:
        """``n0``, ``n1``, ... up to ``count`` nodes, started where they do not run yet."""
        names = self._names(count, prefix)
        missing = self._to_start(names, settings)
        if missing:
            self._world.run(self._world.start_nodes, missing, settings)
            self._teach(missing)
        return [self._node(name) for name in names]

    def adopt(self, host: Any, name: str, **settings: Any) -> Node:
        """Take a py-libp2p host of one's own making, which does not run yet, into a real lab: it runs in the lab's
        thread as the node ``name``, with its own key, swarm and settings, and is watched like the others.

        Its pubsub and DHT are the lab's. ``host_factory=`` makes each node's host instead. ValidationError,
        ConfigurationError; NotInThisWorldError in a mock lab.
        """
        return self.start_node(name, **self._adoption(host), **settings)

    def wire(
        self, shape: Any = "random", degree: int | None = None, nodes: Sequence[Any] | None = None
    ) -> list[tuple[str, str]]:
        """Connect nodes in a shape: ``ring``, ``line``, ``star``, ``full``, ``random`` with a ``degree`` (always
        connected), a networkx graph, or pairs, ``[("alice", "bob"), ...]``, of which the first dials. All nodes unless
        ``nodes`` names some. Returns the pairs that are new."""
        pairs = self._pairs(shape, degree, nodes)
        if pairs:
            self._world.run(self._world.wire, pairs)
        return pairs

    def attach(
        self, address: str | Sequence[str], name: str | None = None, timeout: float | None = None
    ) -> AttachedNode:
        """Take a node outside this program, in any language, into the pictures and lists of a real lab.

        ``address``: its multiaddr with ``/p2p/...``, or several. ``name``: its name here; left out, one made of the
        agent version that it tells by identify. The lab dials it and notices its coming and going. Again: the same
        node. DialError, TimeoutError, AddressError, ConfigurationError; NotInThisWorldError in a mock lab.
        """
        world, addresses = self._to_attach(address, name)
        return AttachedNode(world, world.run(world.attach, addresses, name, check_timeout(timeout)))

    # -- time

    def run(self, seconds: float) -> None:
        """Let ``seconds`` of lab time pass."""
        self._world.run(self._world.sleep, check_seconds(seconds, "run"))

    def run_until(self, condition: Callable[[], object] | float, timeout: float | None = None) -> bool:
        """Let time pass until the condition holds (True) or ``timeout`` seconds are over (False).

        The condition is looked at after every event. A number is a moment of lab time, in seconds.
        """
        if callable(condition):
            return self._world.run(self._world.until, condition, check_timeout(timeout))
        wait, in_time = self._wait_until(condition, timeout)
        self.run(wait)
        return in_time

    def step(self, count: int = 1) -> int:
        """Let the next ``count`` events of a mock lab happen; returns how many there were."""
        return self._step(count)

    def execute_command(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """Execute a command of the table (``p2plab.commands``) by its name; it never raises for one that fails.

        Gives ``{"success", "command", "timestamp" (unix), "time" (the lab's), "result"}``, where all is plain JSON; on
        failure ``error`` and ``error_type`` instead of ``result``. ``node`` names the node, left out the lab's first.
        """
        from p2plab.commands import perform

        return perform(self, name, arguments).envelope

    @property
    def dht(self) -> LabDht:
        """The DHTs of all nodes at once: ``fill``, ``holders``, ``crawl``. Mock only."""
        from p2plab.mock.lab_dht import LabDht

        return LabDht(cast("MockWorld", self._simulated("lab.dht", "ask a node: lab['alice'].dht")))

    # -- pictures

    def console(self, **options: Any) -> Any:
        """Buttons for the verbs, a widget."""
        from p2plab.widgets import Console

        return Console(self, **options)

    # -- the end

    def close(self) -> None:
        """End the lab: every node, task, thread and socket of it. Closing again changes nothing."""
        self._world.close()

    def __enter__(self: L) -> L:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncLab(LabFace[AsyncNode]):
    """The verbs of ``Lab`` as coroutines. Awaited together they run together; lab time moves when no task has anything
    left to do (tasks wait with ``await lab.sleep(seconds)``).

    In a mock lab their order is reproducible on asyncio. On trio it is not, since trio shuffles the tasks that are
    ready: await one after another where the same digest is wanted.
    """

    _node_type = AsyncNode

    def __init__(self, backend: str = "mock", *, seed: int = 0, **settings: Any) -> None:
        super().__init__(make_world(backend, seed, settings))

    @classmethod
    def _over(cls, world: World) -> AsyncLab:
        lab = cls.__new__(cls)
        LabFace.__init__(lab, world)
        return lab

    @property
    def blocking(self) -> Lab:
        """The same lab with verbs that block: for magics, consoles, and cells that do not ``await``."""
        return Lab._over(self._world)

    async def start_node(self, name: str, **settings: Any) -> AsyncNode:
        """See ``Lab.start_node``."""
        missing = self._to_start([name], settings)
        if missing:
            await self._world.arun(self._world.start_nodes, missing, settings)
            self._teach(missing)
        return self._node(name)

    async def start_nodes(self, count: int, prefix: str = "n", **settings: Any) -> list[AsyncNode]:
        """See ``Lab.start_nodes``."""
        names = self._names(count, prefix)
        missing = self._to_start(names, settings)
        if missing:
            await self._world.arun(self._world.start_nodes, missing, settings)
            self._teach(missing)
        return [self._node(name) for name in names]

    async def adopt(self, host: Any, name: str, **settings: Any) -> AsyncNode:
        """See ``Lab.adopt``."""
        return await self.start_node(name, **self._adoption(host), **settings)

    async def wire(
        self, shape: Any = "random", degree: int | None = None, nodes: Sequence[Any] | None = None
    ) -> list[tuple[str, str]]:
        """See ``Lab.wire``."""
        pairs = self._pairs(shape, degree, nodes)
        if pairs:
            await self._world.arun(self._world.wire, pairs)
        return pairs

    async def attach(
        self, address: str | Sequence[str], name: str | None = None, timeout: float | None = None
    ) -> AttachedNode:
        """See ``Lab.attach``."""
        world, addresses = self._to_attach(address, name)
        return AttachedNode(world, await world.arun(world.attach, addresses, name, check_timeout(timeout)))

    async def sleep(self, seconds: float) -> None:
        """Let ``seconds`` of lab time pass, for this task; others go on meanwhile."""
        await self._world.arun(self._world.sleep, check_seconds(seconds, "sleep"))

    async def run(self, seconds: float) -> None:
        """The same as ``sleep``, by the name it has in ``Lab``."""
        await self.sleep(seconds)

    async def run_until(self, condition: Callable[[], object] | float, timeout: float | None = None) -> bool:
        """See ``Lab.run_until``."""
        if callable(condition):
            return await self._world.arun(self._world.until, condition, check_timeout(timeout))
        wait, in_time = self._wait_until(condition, timeout)
        await self.run(wait)
        return in_time

    async def step(self, count: int = 1) -> int:
        """See ``Lab.step``."""
        return self._step(count)

    async def execute_command(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """See ``Lab.execute_command``."""
        from p2plab.commands import perform_async

        return (await perform_async(self, name, arguments)).envelope

    @property
    def dht(self) -> AsyncLabDht:
        """See ``Lab.dht``."""
        from p2plab.mock.lab_dht import AsyncLabDht

        return AsyncLabDht(cast("MockWorld", self._simulated("lab.dht", "ask a node: lab['alice'].dht")))

    async def close(self) -> None:
        """See ``Lab.close``."""
        await self._world.aclose()

    async def __aenter__(self) -> AsyncLab:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
