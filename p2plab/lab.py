"""What a user holds for a whole network: ``Lab``, whose verbs block until done, and ``AsyncLab``, to be awaited.

Both stand on a ``World``, mock or real, which is imported when the first lab of its kind is made.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast

from p2plab.absence import why_missing
from p2plab.arguments import check_name, check_protocol, check_seconds, check_timeout
from p2plab.errors import (
    BackendError,
    ClosedError,
    ConfigurationError,
    MissingExtraError,
    NotInThisWorldError,
    UnknownNodeError,
    ValidationError,
)
from p2plab.events import Chain, EventLog
from p2plab.invariants import Invariant
from p2plab.node import AsyncNode, Node, NodeFace
from p2plab.propagation import Propagation, propagation
from p2plab.stream import StreamHandler, check_handler
from p2plab.topology import draw_for, pairs_of
from p2plab.typing import SimulatedWorld, Timer, World
from p2plab.why import why

if TYPE_CHECKING:
    from pathlib import Path

    from p2plab.mock.history import History
    from p2plab.mock.lab_dht import AsyncLabDht, LabDht
    from p2plab.mock.network import SimulatedNetwork
    from p2plab.mock.snapshot import Snapshot
    from p2plab.mock.world import MockWorld
    from p2plab.runs import Agreement, Comparison

__all__ = ["HAS_LIBP2P", "AsyncLab", "Lab", "LabFace"]

HAS_LIBP2P = importlib.util.find_spec("libp2p") is not None and importlib.util.find_spec("trio") is not None

Backend = Literal["mock", "real", "auto"]
N = TypeVar("N", bound=NodeFace)
L = TypeVar("L", bound="LabFace[Any]")


def make_world(backend: str, seed: int, settings: dict[str, Any]) -> World:
    """A new world, whose handlers find an AsyncNode at ``stream.node``."""
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise ValidationError(f"seed must be a whole number, not {seed!r}")
    kind = _kind_of_world(backend)
    world: World = kind(seed, **_known(settings, kind.SETTINGS, kind.backend))
    world.settings = settings
    world.face = partial(AsyncNode, world)
    return world


def settings_of(backend: str) -> dict[str, str]:
    """The settings that ``Lab(backend)`` takes beside the seed, with a line on each."""
    return dict(_kind_of_world(backend).SETTINGS)


def _kind_of_world(backend: str) -> Any:
    """The class a backend's name stands for. BackendError or MissingExtraError where there is none."""
    if backend == "auto":
        backend = "real" if HAS_LIBP2P else "mock"
    if backend == "mock":
        from p2plab.mock import MockWorld

        return MockWorld
    if backend == "real":
        if not HAS_LIBP2P:
            raise MissingExtraError(
                "Lab('real') needs py-libp2p, which is not installed: pip install 'p2plab[real]'; "
                "Lab() runs the same words on a simulated network"
            )
        from p2plab.real import RealWorld

        return RealWorld
    raise BackendError(f"there is no backend {backend!r}: take 'mock', 'real' or 'auto'")


def _known(settings: dict[str, Any], known: dict[str, str], backend: str) -> dict[str, Any]:
    unknown = sorted(settings.keys() - known.keys())
    if unknown:
        raise ValidationError(
            f"Lab({backend!r}) has no setting {unknown[0]!r}; it takes seed and {', '.join(sorted(known))}"
        )
    return settings


class LabFace(Generic[N]):
    """What both faces of a lab share: all that takes no lab time."""

    _node_type: type[N]

    def __init__(self, world: World) -> None:
        self._world = world
        self._nodes: dict[str, N] = {}

    @property
    def world(self) -> World:
        """The world under this lab."""
        return self._world

    @property
    def backend(self) -> str:
        """``mock`` or ``real``."""
        return self._world.backend

    @property
    def seed(self) -> int:
        """What identities, and in a mock lab everything else, are derived from."""
        return self._world.seed

    @property
    def now(self) -> float:
        """Seconds of lab time since it began."""
        return self._world.now

    @property
    def events(self) -> EventLog:
        """What happened so far."""
        return self._world.events

    @property
    def closed(self) -> bool:
        """Whether ``close`` has been called."""
        return self._world.closed

    @property
    def nodes(self) -> list[N]:
        """The nodes, in the order in which they were started."""
        return [self._node(name) for name in self._world.look(self._world.hosts)]

    def __getitem__(self, name: str) -> N:
        if name not in self._world.look(self._world.hosts):
            names = ", ".join(list(self._world.hosts())[:8]) or "none yet"
            raise UnknownNodeError(f"this lab has no node {name!r}; it has {names}")
        return self._node(name)

    def __contains__(self, node: object) -> bool:
        if isinstance(node, NodeFace) and node.world is not self._world:
            return False
        return str(node) in self._world.look(self._world.hosts)

    def __len__(self) -> int:
        return len(self._world.look(self._world.hosts))

    def edges(self) -> list[tuple[str, str]]:
        """Who is connected to whom: sorted pairs of names, each pair once and sorted itself."""
        return self._world.look(self._world.edges)

    def why(self, subject: Any, at: Any = None) -> Chain:
        """The chain of causes of an event, a message, a lookup or an error of this lab, oldest first.

        With ``at`` a node: why the message did not arrive there (or how it did), in a sentence and with the events.
        """
        if at is None:
            return why(self._world.events, subject)
        return why_missing(self._world.events, subject, self._name_of(at))

    def propagation(self, message: Any) -> Propagation:
        """How a message (or the one with this id) spread so far: who got it, when, from whom, in how many hops, and
        how many duplicates came. ValidationError for a message that the event log does not know."""
        return propagation(self._world.events, message)

    def _node(self, name: str) -> N:
        node = self._nodes.get(name)
        if node is None:
            node = self._nodes[name] = self._node_type(self._world, self._world.hosts()[name])
        return node

    # -- protocols of one's own

    def extend(self, protocol: Any, handler: StreamHandler | None = None) -> None:
        """Have every node of the lab answer a protocol, those to come too.

        ``protocol`` is an object (or a class) with a ``protocol`` id such as ``"/chat/1.0.0"`` and
        ``async def handle(self, stream)``; or the id itself, with the ``handler`` beside it. ValidationError.
        """
        if handler is None:
            name = getattr(protocol, "protocol", None)
            if name is None:
                raise ValidationError(
                    "extend takes an object with a protocol id `protocol` and `async def handle(self, stream)`, "
                    f"or an id and a handler; not {protocol!r}"
                )
            protocol, handler = name, protocol
        protocol = check_protocol(protocol)
        check_handler(handler)
        self._world.do(self._world.extend, protocol, handler)
        self._teach(list(self._world.look(self._world.hosts)))

    def _teach(self, names: Sequence[str]) -> None:
        hosts = self._world.hosts()
        for protocol, handler in self._world.extensions.items():
            for name in names:
                self._world.do(hosts[name].handle, protocol, handler)

    # -- the simulated network

    @property
    def network(self) -> SimulatedNetwork:
        """Links, bandwidths and faults of a mock lab."""
        world = self._simulated("lab.network", "real nodes are on the loopback, whose links are what they are")
        network: SimulatedNetwork = world.network
        return network

    def at(self, time: float, action: Callable[..., Any], *args: Any, **kwargs: Any) -> Timer:
        """Call ``action(*args)`` inside a mock lab when its time is ``time`` seconds; ``cancel()`` what is returned.

        The action may be a verb of a node or of ``lab.network``, or a function of yours, plain or async. What it
        raises becomes an ``error`` event. ValidationError for a time that has passed.
        """
        return self._schedule(check_seconds(time, "at"), None, action, args, kwargs)

    def every(
        self, period: float, action: Callable[..., Any], *args: Any, start: float | None = None, **kwargs: Any
    ) -> Timer:
        """The same every ``period`` seconds, first at ``start`` (seconds of lab time; one period from now)."""
        if check_seconds(period, "every") <= 0:
            raise ValidationError("every needs a period above 0 seconds")
        first = self.now + period if start is None else check_seconds(start, "start")
        return self._schedule(first, float(period), action, args, kwargs)

    def _schedule(self, first: float, period: float | None, action: Any, args: Any, kwargs: Any) -> Timer:
        world = self._simulated("lab.at", "start a task of your own, or act between two lab.run_until")
        if not callable(action):
            raise ValidationError(f"at and every call a function or a verb, such as alice.publish, not {action!r}")
        if first < self.now:
            raise ValidationError(f"{first:g} s has passed: it is {self.now:g} s in this lab")
        owner = getattr(action, "__self__", None)
        if isinstance(owner, Node) and hasattr(AsyncNode, action.__name__):
            action = getattr(AsyncNode(self._world, self._world.hosts()[owner.name]), action.__name__)
        return self._world.do(world.schedule, first, period, action, args, kwargs)

    # -- what is said of it

    def always(self, name: str, predicate: Callable[..., object]) -> Invariant:
        """Have ``predicate()`` or ``predicate(lab)`` looked at after every event from now on.

        The first time it is false or raises, the run stops, and the verb that let it run raises InvariantError with the
        event and its causes.
        """
        return Invariant(self._world, self, name, predicate)

    def eventually(self, name: str, predicate: Callable[..., object], within: float) -> Invariant:
        """The same where the predicate has not been true once, when ``within`` seconds of lab time are over."""
        return Invariant(self._world, self, name, predicate, check_seconds(within, "within"))

    # -- putting it away

    def history(self) -> History:
        """The commands given to a mock lab so far, with their times; ``print`` shows them as Python, and ``Lab.replay``
        gives them again."""
        history: History = self._simulated("lab.history", "lab.events lists what happened").history()
        return history

    def snapshot(self) -> Snapshot:
        """A mock lab as it stands, to be saved and restored: the recipe of the run, and its state where that can be
        written (``snapshot.obstacle`` says what stood in the way). SnapshotError where neither can."""
        snapshot: Snapshot = self._simulated("lab.snapshot", "lab.events.save(path) keeps what happened").snapshot()
        return snapshot

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self)._over, (self._world,)  # type: ignore[attr-defined]  # both faces have it

    def play(self, speed: float = 1.0) -> None:
        """Let a mock lab move by itself, ``speed`` lab seconds a second, until ``pause``. A real one always does."""
        if not isinstance(speed, (int, float)) or isinstance(speed, bool) or not 0 < speed <= 1e6:
            raise ValidationError(f"speed must be a number above 0 (1.0 is the wall clock's), not {speed!r}")
        if self.closed:
            raise ClosedError(f"this lab is closed; make a new one with {type(self).__name__}()")
        self._world.play(float(speed))

    def pause(self) -> None:
        """Stop what ``play`` began."""
        self._world.pause()

    def _step(self, count: int) -> int:
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ValidationError(f"step takes how many events are to happen, a whole number from 1 up, not {count!r}")
        return self._simulated("step", "use lab.run(seconds) or lab.run_until(condition)").step(count)

    def _wait_until(self, time: float, timeout: float | None) -> tuple[float, bool]:
        """How long to wait for a moment of lab time, and whether that is within the timeout."""
        wait = max(0.0, check_seconds(time, "run_until") - self.now)
        limit = check_timeout(timeout)
        return (wait, True) if limit is None or wait <= limit else (limit, False)

    # -- what starting and wiring come down to

    def _to_start(self, names: Sequence[str], settings: dict[str, Any]) -> list[str]:
        """The names whose nodes do not run yet. ConfigurationError for one that runs with other settings."""
        hosts = self._world.hosts()
        for name in names:
            check_name(name)
            host = hosts.get(name)
            if host is not None and host.settings != settings:
                raise ConfigurationError(
                    f"node {name!r} runs already, with {host.settings or 'no settings of its own'} and not {settings}; "
                    f"take another name, or lab[{name!r}] for the node there is"
                )
        return [name for name in names if name not in hosts]

    def _names(self, count: int, prefix: str) -> list[str]:
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise ValidationError(f"start_nodes takes how many nodes to start, a whole number from 0 up, not {count!r}")
        return [f"{prefix}{number}" for number in range(count)]

    def _pairs(self, shape: Any, degree: int | None, nodes: Sequence[Any] | None) -> list[tuple[str, str]]:
        """The pairs of a shape that are not connected yet."""
        names = list(self._world.hosts()) if nodes is None else [self._name_of(node) for node in nodes]
        connected = self.edges()
        pairs = pairs_of(shape, names, degree, draw_for(self.seed, len(connected)), connected)
        known = set(connected)
        return [(a, b) for a, b in pairs if ((a, b) if a < b else (b, a)) not in known]

    def _name_of(self, node: Any) -> str:
        """The name of a node of this lab, given it or the name."""
        if isinstance(node, NodeFace) and node.world is not self._world:
            raise ValidationError(f"{node} is a node of another lab, and a lab wires its own nodes only")
        return self[str(node)].name

    def _simulated(self, verb: str, way_round: str) -> SimulatedWorld:
        """The world, where it has virtual time. NotInThisWorldError where not."""
        if self.backend == "real":
            raise NotInThisWorldError(f"{verb} needs virtual time, which only a mock lab has; {way_round}")
        return cast("SimulatedWorld", self._world)

    def __str__(self) -> str:
        return f"{self.backend} lab"

    def __repr__(self) -> str:
        if self.closed:
            return f"<{type(self).__name__} {self.backend}, closed>"
        return f"<{type(self).__name__} {self.backend}, seed {self.seed}: {len(self)} nodes, t={self.now:.3f} s>"


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
        from p2plab.mock.replay import replayed

        return cls._over(replayed(make_world, history, until))

    @classmethod
    def restore(cls, snapshot: Snapshot | str | Path | bytes) -> Lab:
        """The lab of a snapshot, or of the file it was saved to; it goes on as that would have. SnapshotError where it
        is none, is of another version, or does not come out the same. It runs code that is in it: restore only what
        you trust."""
        from p2plab.mock.snapshot import restored

        return cls._over(restored(make_world, snapshot))

    def check(self, scenario: Callable[..., Any], **parameters: Any) -> Agreement:
        """Run ``scenario(lab, **parameters)`` twice, in fresh labs with this one's seed and settings. DivergenceError
        shows the first event at which the two runs part."""
        from p2plab.runs.check import check

        self._simulated("lab.check", "two real runs are never the same")
        return check(scenario, self.seed, self._world.settings, parameters)

    def compare(self, scenario: Callable[..., Any], **parameters: Any) -> Comparison:
        """Run ``scenario(lab, **parameters)`` in a mock lab and in a real one, with this one's seed and settings, and
        show the numbers it returns side by side."""
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

    def wire(
        self, shape: Any = "random", degree: int | None = None, nodes: Sequence[Any] | None = None
    ) -> list[tuple[str, str]]:
        """Connect nodes in a shape: ``ring``, ``line``, ``star``, ``full``, ``random`` with a ``degree``, or a networkx
        graph. All nodes unless ``nodes`` names some; always connected. Returns the pairs that are new."""
        pairs = self._pairs(shape, degree, nodes)
        if pairs:
            self._world.run(self._world.wire, pairs)
        return pairs

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

    def graph(self, **options: Any) -> Any:
        """The live picture of the network, a widget."""
        from p2plab.widgets import PeerGraph

        return PeerGraph(self, **options)

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

    async def wire(
        self, shape: Any = "random", degree: int | None = None, nodes: Sequence[Any] | None = None
    ) -> list[tuple[str, str]]:
        """See ``Lab.wire``."""
        pairs = self._pairs(shape, degree, nodes)
        if pairs:
            await self._world.arun(self._world.wire, pairs)
        return pairs

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
