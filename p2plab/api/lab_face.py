"""What both faces of a lab share: all that takes no lab time."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Sized
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from p2plab.api.arguments import check_name, check_protocol, check_seconds, check_timeout
from p2plab.api.attached import AttachedNode
from p2plab.api.backends import check_here, make_world
from p2plab.api.blocks import HELLO
from p2plab.api.node_face import NodeFace
from p2plab.api.topology import draw_for, pairs_of
from p2plab.commanded import commanded
from p2plab.counted import counted
from p2plab.errors import ClosedError, ConfigurationError, NotInThisWorldError, UnknownNodeError, ValidationError
from p2plab.events import Chain, EventLog
from p2plab.likely import did_you_mean
from p2plab.progress import is_seen, watched
from p2plab.stream import StreamHandler, check_handler
from p2plab.typing import LabHome, Timer
from p2plab.views import Viewed
from p2plab.worlds import OpenWorld, SimulatedWorld, World, bare

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

    from typing_extensions import Self

    from p2plab.api.invariants import Invariant
    from p2plab.api.roles import LabRoles
    from p2plab.content.holders import ContentHolders
    from p2plab.explain.propagation import Propagation
    from p2plab.exports import Capture, Recorder
    from p2plab.identity.cid import Cid
    from p2plab.mock.history.snapshot import Snapshot
    from p2plab.mock.world import MockWorld
    from p2plab.nat.matrix import ReachabilityMatrix

__all__ = ["LabFace"]

N = TypeVar("N", bound=NodeFace)


class LabFace(Viewed, Generic[N]):
    """What both faces of a lab share: all that takes no lab time."""

    _node_type: type[N]

    def __init__(self, world: World) -> None:
        self._world = world
        self._nodes: dict[str, N] = {}
        self._captures: list[Capture] = []
        # What writes a run to a file makes faces over names that stand for a world.
        events = getattr(world, "events", None)
        if events is not None and world.backend == "mock" and events.scores_at is None:
            from p2plab.mock.history.scores import scores_then

            events.scores_at = scores_then(cast("MockWorld", world), make_world)

    @classmethod
    def _over(cls, world: World) -> Self:
        """The face of a lab that is there already."""
        lab = cls.__new__(cls)
        LabFace.__init__(lab, world)
        return lab

    @property
    def world(self) -> World:
        """The world under this lab."""
        return bare(self._world)

    @property
    def backend(self) -> str:
        """``mock`` or ``real``."""
        return self._world.backend

    @property
    def seed(self) -> int:
        """The number that identities, and in a mock lab everything else, are derived from."""
        return self._world.seed

    @property
    def now(self) -> float:
        """Seconds of lab time since it began."""
        return self._world.now

    @property
    def events(self) -> EventLog:
        """The EventLog: what happened so far, and why."""
        return self._world.events

    @property
    def closed(self) -> bool:
        """Whether ``close`` has been called."""
        return self._world.closed

    @property
    @commanded("nodes", "nodes")
    def nodes(self) -> list[N]:
        """List the lab's nodes, in the order in which they were started."""
        return self._several(list(self._world.look(self._world.hosts)))

    def __getitem__(self, name: str) -> N:
        if name not in self._world.look(self._world.hosts):
            if name in self.attached:
                raise UnknownNodeError(f"{name} is outside this lab: lab.attached[{name!r}] has it")
            names = ", ".join(list(self._world.hosts())[:8]) or "none yet"
            meant = did_you_mean(name, self._world.hosts())
            raise UnknownNodeError(f"this lab has no node {name!r}; {meant}it has {names}")
        return self._node(name)

    def __contains__(self, node: object) -> bool:
        if isinstance(node, NodeFace) and node.world is not self.world:
            return False
        return str(node) in self._world.look(self._world.hosts)

    def __bool__(self) -> bool:
        """Always true: ``if lab`` asks whether there is a lab, not whether it has nodes."""
        return True

    def __len__(self) -> int:
        return len(self._world.look(self._world.hosts))

    @commanded("nodes", "edges")
    def edges(self) -> list[tuple[str, str]]:
        """List who is connected to whom: sorted pairs of names.

        Example:
            >>> lab.edges()
            [('alice', 'bob'), ('bob', 'carol')]
        """
        return self._world.look(self._world.edges)

    def why(
        self, subject: Any, node: Any = None, *, at: Any = None, topic: str | None = None, dht: bool = False
    ) -> Chain:
        """Explain an event, a message, a lookup or an error of this lab: the chain of its causes, oldest first.

        With ``node`` it is ``node.why(subject)``.

        Args:
            subject: an Event, a Message or its id, a Lookup, an exception; or, with ``node``, a peer: a node or its
                name
            node: a node or its name: why the message did not arrive there (or how it did), or whether it is connected
                to the peer and how it treats it, in a sentence and with the events
            at: the same as ``node``
            topic: of a peer, only decisions about this topic's mesh; left out, all
            dht: of a peer, why it is not in the routing table of the node's DHT (or that it is) instead

        Raises:
            ValidationError: the log knows nothing of it.

        Example:
            >>> for event in lab.why(lab.events[-1]):
            ...     print(event.kind)
            lab.command
            connection.opened
            >>> lab.why(bob, node=alice).answer
            'alice and bob are connected since 0.0000 s: alice dialled'
        """
        from p2plab.explain.why import why

        if node is not None and at is not None:
            raise ValidationError("why takes node=, or at= for the same, not both")
        where = at if node is None else node
        if where is None:
            return why(self._world.events, subject)
        return self._node(self._name_of(where)).why(subject, topic, dht)

    @commanded("content", f"content_add alice data=hello; holders {HELLO}")
    def holders(self, cid: Cid | str) -> ContentHolders:
        """Show which nodes have how much of a file, a directory or any other graph of blocks.

        Args:
            cid: its root

        Returns:
            ContentHolders: for each node that has some of it a Holder with ``name``, ``blocks``, ``bytes``, ``whole``
            and ``pinned``; ``whole`` names those that have all, ``missing`` counts the blocks that nobody has. Whom the
            DHT knows as a provider, ``lab.dht.holders(cid)`` says.

        Raises:
            ValidationError: no CID.

        Example:
            >>> cid = alice.content.blocks.put(b"hello")
            >>> lab.holders(cid).whole
            ['alice']
        """
        from p2plab.content.holders import holders_of
        from p2plab.identity.cid import as_cid

        which = as_cid(cid)

        def look() -> ContentHolders:
            stores = {name: host.content.store for name, host in self._world.hosts().items() if host.has_content}
            return holders_of(which, stores)

        return self._world.look(look)

    def propagation(self, message: Any) -> Propagation:
        """Show how a message spread: who got it, when, from whom, in how many hops, and how many duplicates came.

        Args:
            message: a Message, or its id

        Raises:
            ValidationError: a message that the event log does not know.

        Example:
            >>> news = bob.subscribe("news")
            >>> lab.run(1)
            >>> message = alice.publish("news", "hello")
            >>> lab.run(1)
            >>> [delivery.node for delivery in lab.propagation(message).deliveries]
            ['bob']
        """
        from p2plab.explain.propagation import propagation

        return propagation(self._world.events, message)

    def _node(self, name: str) -> N:
        node = self._nodes.get(name)
        if node is None:
            node = self._nodes[name] = self._node_type(self._world, self._world.hosts()[name])
        return node

    def _several(self, names: Sequence[str]) -> list[N]:
        """The same of many, with one look at who is there."""
        hosts = self._world.hosts()
        for name in names:
            if name not in self._nodes:
                self._nodes[name] = self._node_type(self._world, hosts[name])
        return [self._nodes[name] for name in names]

    @property
    def roles(self) -> LabRoles:
        """The table of what nodes are there for: to be read (``lab.roles["pinner"]``) and changed (``define``,
        ``change``)."""
        from p2plab.api.roles import LabRoles

        return LabRoles(self._world)

    # -- its home

    @property
    def home(self) -> LabHome | None:
        """What is in the directory that a real lab was given as its ``home``; None where it was given none."""
        return None if self.backend != "real" else cast("OpenWorld", self._world).home_contents

    def _predicted(self) -> ReachabilityMatrix:
        """Who would reach whom; of real nodes it is only known who has."""
        if self.backend == "mock":
            world: Any = self._world
            return cast("ReachabilityMatrix", self._world.look(world.predicted, list(self._world.hosts())))
        from p2plab.nat.matrix import ReachabilityMatrix, Way

        names, edges = list(self._world.hosts()), set(self.edges())
        met = {pair for a, b in edges for pair in ((a, b), (b, a))}
        unknown = Way("unknown", "real nodes cannot be foreseen: dial, or take a mock lab")
        ways = {
            (a, b): Way("direct", "the two are connected") if (a, b) in met else unknown
            for a in names
            for b in names
            if a != b
        }
        return ReachabilityMatrix(names, ways)

    # -- a run one can hand over

    def save(
        self,
        path: str | PathLike[str],
        *,
        addresses: bool = False,
        player: bool | None = None,
        failed: str | BaseException | None = None,
    ) -> Path:
        """Write the run to a file that others can open: ``lab.save("bug.p2plab")``, ``p2plab.open("bug.p2plab")``.

        It holds the seed, the settings, every command, the event log, the versions, a page that plays the run in a
        browser and, of a real lab, the run as Python on py-libp2p alone; data only, so that nothing runs by being
        opened. A function of your own is written as ``module:name`` where it can be imported, else as its source.
        Kept keys are never in it, and instead of addresses of machines outside there are names.

        Args:
            path: the file, which takes the place of one that is there
            addresses: whether addresses of machines outside a real lab are to be in it
            player: whether the page is to be in it; left out, where the widgets are installed and there are at most
                50,000 events
            failed: what went wrong, as text or the error itself: ``p2plab.open(path, until="failure")`` goes there

        Returns:
            The path.

        Raises:
            ConfigurationError: it cannot be written; what was there before is then as it was.
            MissingExtraError: the page is asked for, without the extra ``lab``.
        """
        from p2plab.runs.saved.file import save

        return save(self._world, path, addresses, player, failed)

    def manifest(self) -> dict[str, Any]:
        """Say what this run is: versions, model, seed, settings, time, digest, platform, as plain JSON.

        Example:
            >>> lab.manifest()["seed"], lab.manifest()["backend"]
            (7, 'mock')
        """
        from p2plab.runs.saved.manifest import manifest

        return self._world.look(manifest, self._world)

    def _peer_ids(self) -> dict[str, str]:
        return {name: str(host.peer_id) for name, host in self._world.look(self._world.hosts).items()}

    # -- nodes outside the lab

    @property
    @commanded("outside", "attached", worlds="real")
    def attached(self) -> dict[str, AttachedNode]:
        """List the nodes outside that were attached to the lab."""
        if self.backend != "real":
            return {}
        hosts = self._world.look(cast("OpenWorld", self._world).attached)
        return {name: AttachedNode(self._world, host) for name, host in hosts.items()}

    def detach(self, node: Any) -> None:
        """Watch an attached node no longer; connections to it stay as they are.

        Args:
            node: the node, or its name here

        Raises:
            UnknownNodeError: it is not attached.
        """
        world = self._open("lab.detach")
        self._world.do(world.detach, str(node))

    def _to_attach(self, address: str | Sequence[str], name: str | None) -> tuple[OpenWorld, list[str]]:
        """The world, and the addresses of a node outside it."""
        world = self._open("lab.attach")
        if name is not None:
            check_name(name)
        wanted = [address] if isinstance(address, str) else address
        if not isinstance(wanted, (list, tuple)) or not all(isinstance(one, str) for one in wanted):
            raise ValidationError(f"attach takes a multiaddr (str) or a list of them, not {address!r}")
        return world, list(wanted)

    def _open(self, verb: str) -> OpenWorld:
        """The world, where it is on a real network. NotInThisWorldError where not."""
        if self.backend != "real":
            raise NotInThisWorldError(
                f"{verb} needs a real network: nobody outside can reach a mock lab's nodes; take Lab('real')"
            )
        return cast("OpenWorld", self._world)

    # -- protocols of one's own

    def extend(self, protocol: Any, handler: StreamHandler | None = None) -> None:
        """Have every node of the lab answer a protocol, those to come too.

        Args:
            protocol: an object (or a class) with a ``protocol`` id such as ``"/chat/1.0.0"`` and
                ``async def handle(self, stream)``; or the id itself
            handler: ``async def handler(stream)``, where ``protocol`` is an id

        Raises:
            ValidationError: it is neither of the two.
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
    def network(self) -> Any:
        """Links, bandwidths and faults: a mock lab's ``SimulatedNetwork``; of a real one what its transports allow
        (``p2plab.real.network``), in the same words."""
        world: Any = self._world
        return world.network

    def at(self, time: float, action: Callable[..., Any], *args: Any, **kwargs: Any) -> Timer:
        """Call something inside a mock lab at a moment of its time. What it raises becomes an ``error`` event.

        Args:
            time: seconds of lab time
            action: a verb of a node or of ``lab.network``, or a function of yours, plain or async
            args: what it is called with
            kwargs: what it is called with by name

        Returns:
            A timer, whose ``cancel()`` undoes it.

        Raises:
            ValidationError: the time has passed.
            NotInThisWorldError: in a real lab.

        Example:
            >>> timer = lab.at(lab.now + 12, alice.publish, "news", "hi")
        """
        return self._schedule(check_seconds(time, "at"), None, action, args, kwargs)

    def every(
        self, period: float, action: Callable[..., Any], *args: Any, start: float | None = None, **kwargs: Any
    ) -> Timer:
        """Call something inside a mock lab again and again.

        Args:
            period: seconds of lab time between two calls
            action: as for ``at``
            args: what it is called with
            start: seconds of lab time at which it is called first; left out, one period from now
            kwargs: what it is called with by name

        Returns:
            A timer, whose ``cancel()`` ends it.
        """
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
        if isinstance(owner, NodeFace):  # inside the lab verbs are awaited, whichever face the action was taken from
            action = getattr(self._world.face(self._world.hosts()[owner.name]), action.__name__, action)
        return self._world.do(world.schedule, first, period, action, args, kwargs)

    # -- seeing

    @commanded("seeing", "capture run.pcapng", "capture alice.pcapng nodes=alice", without=("max_bytes", "max_frames"))
    def capture(
        self,
        path: str | PathLike[str],
        nodes: Sequence[Any] | None = None,
        encrypted: bool = False,
        max_bytes: int = 67_108_864,
        max_frames: int = 200_000,
    ) -> Capture:
        """Record what crosses the connections, for Wireshark, until ``stop()`` or the end of a ``with``.

        Recorded are the frames between muxer and cipher; of real QUIC there are none, of mock nodes those that real
        ones would send.

        Args:
            path: the pcapng file, which is written at the end, for its owner alone
            nodes: only what these nodes send and get; left out, all
            encrypted: in a real lab, of connections made from now on: what the cipher makes of the frames, with the
                keys of TLS if the lab has a ``key_log``
            max_bytes: how many bytes are kept, the newest
            max_frames: how many frames are kept, the newest

        Returns:
            The Capture: ``stop()``, ``frames``, ``bytes``, ``dropped``.

        Raises:
            NotInThisWorldError, ConfigurationError, ValidationError: it cannot be recorded so.
        """
        from p2plab.exports import Capture

        if self.closed:
            raise ClosedError(f"this lab is closed; make a new one with {type(self).__name__}()")
        names = None if nodes is None else [self._name_of(node) for node in nodes]
        capture = Capture(self._world, path, names, encrypted, max_bytes, max_frames)
        self._captures = [*self.captures, capture]
        return capture

    def record_frames(self, max_frames: int = 5_000, max_bytes: int = 8_388_608) -> Recorder:
        """Keep the newest frames that cross the connections in memory, until ``close()``; see also ``capture``.

        Args:
            max_frames: how many are kept
            max_bytes: how many bytes are kept

        Returns:
            The Recorder: ``frames()``, each with time, sender, receiver, protocol and data. ``p2plab.exports.dissect``
            tells what its bytes are.

        Raises:
            ValidationError, ClosedError: it cannot record.
        """
        from p2plab.exports import Recorder

        if self.closed:
            raise ClosedError(f"this lab is closed; make a new one with {type(self).__name__}()")
        return Recorder(self._world, max_frames, max_bytes)

    def metrics(self, node: Any = None) -> str:
        """Give the numbers of the nodes in Prometheus' text format.

        Those of p2plab begin with ``p2plab_``, those of GossipSub with ``gossipsub_``, as libp2p/specs 695 names them.

        Args:
            node: only this one's; left out, all nodes'
        """
        from p2plab.exports import metrics

        names = list(self._world.look(self._world.hosts)) if node is None else [self._name_of(node)]
        return metrics(self._world, names)

    @property
    def captures(self) -> list[Capture]:
        """The captures that are running."""
        return [capture for capture in self._captures if capture.running]

    # -- what is said of it

    def always(self, name: str, predicate: Callable[..., object]) -> Invariant:
        """Have something looked at after every event from now on, which is to hold always.

        The first time it does not hold, the run stops, and the verb that let it run raises InvariantError with the
        event and its causes.

        Args:
            name: what it is called in the error
            predicate: a function of nothing, or of the lab: true as long as all is well

        Returns:
            The Invariant; ``cancel()`` ends it.
        """
        from p2plab.api.invariants import Invariant

        return Invariant(self._world, self, name, predicate)

    def eventually(self, name: str, predicate: Callable[..., object], within: float) -> Invariant:
        """Have something looked at after every event, which is to hold once before some time is over.

        Args:
            name: what it is called in the error
            predicate: a function of nothing, or of the lab
            within: seconds of lab time from now

        Returns:
            The Invariant; ``cancel()`` ends it.
        """
        from p2plab.api.invariants import Invariant

        return Invariant(self._world, self, name, predicate, check_seconds(within, "within"))

    # -- putting it away

    def history(self) -> Any:
        """Give the commands that the lab was given so far, with their times.

        Returns:
            Of a mock lab a History: ``print`` shows it as Python, and ``Lab.replay`` does it again. Of a real one a
            RealHistory, whose ``as_libp2p_script()`` is a program that does the same on py-libp2p alone, for a bug
            report.
        """
        return self._world.history()

    def snapshot(self) -> Snapshot:
        """Take a mock lab as it stands, to be saved and restored.

        Returns:
            The Snapshot: the recipe of the run, and its state if that can be written (``snapshot.obstacle`` says what
            stood in the way).

        Raises:
            SnapshotError: neither can be written.
            NotInThisWorldError: in a real lab.
        """
        snapshot: Snapshot = self._simulated("lab.snapshot", "lab.events.save(path) keeps what happened").snapshot()
        return snapshot

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self)._over, (self._world,)

    def play(self, speed: float = 1.0) -> None:
        """Let time pass by itself until ``pause``, at the wall clock's speed or another one; a real lab always does.

        Args:
            speed: lab seconds in a second, above 0
        """
        if not isinstance(speed, (int, float)) or isinstance(speed, bool) or not 0 < speed <= 1e6:
            raise ValidationError(f"speed must be a number above 0 (1.0 is the wall clock's), not {speed!r}")
        if self.closed:
            raise ClosedError(f"this lab is closed; make a new one with {type(self).__name__}()")
        self._world.play(float(speed))

    def pause(self) -> None:
        """Hold the time of a mock lab that plays."""
        self._world.pause()

    @property
    def pace(self) -> float | None:
        """Lab seconds a second at which time passes by itself, as ``play`` set it; None while it is held."""
        return self._world.pace

    def _step(self, count: int) -> int:
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ValidationError(f"step takes how many events are to happen, a whole number from 1 up, not {count!r}")
        return self._simulated("step", "use lab.run(seconds) or lab.run_until(condition)").step(count)

    def _wait_until(self, time: float, timeout: float | None) -> tuple[float, bool]:
        """How long to wait for a moment of lab time, and whether that is within the timeout."""
        wait = max(0.0, check_seconds(time, "run_until") - self.now)
        limit = check_timeout(timeout)
        return (wait, True) if limit is None or wait <= limit else (limit, False)

    # -- how far it is

    def _watched(self, what: str, total: float, counted: Callable[[], Sized]) -> AbstractContextManager[None]:
        """While something long is under way, show how many more there are of what is counted."""
        before = len(counted()) if is_seen() else 0
        return watched(what, total, lambda: len(counted()) - before)

    def _time_passes(self, seconds: float | None) -> AbstractContextManager[None]:
        """While lab time passes, show how much of it has."""
        before = self.now
        return watched("running", seconds, lambda: self.now - before, " s of lab time")

    # -- what starting and wiring come down to

    def _to_start(self, names: Sequence[str], settings: dict[str, Any]) -> list[str]:
        """The names whose nodes do not run yet. ConfigurationError for one that runs with other settings,
        NotInThisWorldError for a setting of the other world."""
        check_here(self.backend, settings)
        hosts = self._world.hosts()
        for name in names:
            check_name(name)
            host = hosts.get(name)
            if host is not None and host.settings != settings:
                asked = {key: "<another key>" if key == "psk" else value for key, value in settings.items()}
                raise ConfigurationError(
                    f"node {name!r} runs already, with {host.settings or 'no settings of its own'} and not {asked}; "
                    f"take another name, or lab[{name!r}] for the node there is"
                )
        return [name for name in names if name not in hosts]

    def _adoption(self, host: Any) -> dict[str, Any]:
        """The settings of a node that is a host of the user's own. NotInThisWorldError, ValidationError."""
        if self.backend != "real":
            raise NotInThisWorldError("only a real lab can adopt a host of py-libp2p's; mock nodes take router=")
        world: Any = self._world
        return {"host_factory": world.adoption(host)}

    def _names(self, count: int, prefix: str) -> list[str]:
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise ValidationError(f"start_nodes takes how many nodes to start, a whole number from 0 up, not {count!r}")
        return [f"{prefix}{number}" for number in range(count)]

    def _pairs(self, shape: Any, degree: int | None, nodes: Sequence[Any] | None) -> list[tuple[str, str]]:
        """The pairs of a shape that are not connected yet."""
        names = list(self._world.hosts()) if nodes is None else [self._name_of(node) for node in nodes]
        if isinstance(shape, (list, tuple)):
            shape = [tuple(map(self._name_of, pair)) if isinstance(pair, (list, tuple)) else pair for pair in shape]
        connected = self.edges()
        pairs = pairs_of(shape, names, degree, draw_for(self.seed, len(connected)), connected)
        known = set(connected)
        return [(a, b) for a, b in pairs if ((a, b) if a < b else (b, a)) not in known]

    def _name_of(self, node: Any) -> str:
        """The name of a node of this lab, given it or the name."""
        if isinstance(node, NodeFace) and node.world is not self.world:
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
        nodes = counted(len(self), "node")
        return f"<{type(self).__name__} {self.backend}, seed {self.seed}: {nodes}, t={self.now:.3f} s>"
