# Made of p2plab/api/aio/lab.py by `python p2plab/api/generate.py`: change that file and run it again.

"""What a user holds for a whole network: ``Lab``, whose verbs return when they are done.

Letting time pass is inherited from ``LabTime``, what takes none from ``LabFace``, and what only one of the two
faces has from ``differences``.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from p2plab.api.aio.lab import UPGRADE_SECONDS
from p2plab.api.arguments import check_timeout
from p2plab.api.backends import make_world
from p2plab.api.blocking.lab_time import LabTime
from p2plab.api.blocking.node import Node
from p2plab.api.faces.outside import AttachedNode
from p2plab.errors import DialError
from p2plab.errors.checked import flag

if TYPE_CHECKING:
    from typing_extensions import Self

    from p2plab.api.blocking.lab_dht import LabDht
    from p2plab.explain.diagnosis import Diagnosis
    from p2plab.mock.world import MockWorld
    from p2plab.nat.matrix import ReachabilityMatrix, Way

__all__ = ["Lab"]


class Lab(LabTime):
    """A network of nodes in this process: a ``Lab`` on a simulated network (``mock``) or on py-libp2p (``real``).

    Args:
        backend: ``"mock"``, ``"real"``, or ``"auto"``: real if py-libp2p is installed, else mock
        seed: a whole number, or text, which stands for one (its SHA-256); it fixes the identities and,
            in a mock lab, everything that happens
        settings: the backend's, see below, and those of ``start_node`` for all nodes

    Settings of mock labs:
        transport: how connections behave: ideal, tcp, quic (ideal)
        connection_timeout: seconds after which a connection over a cut link is given up (30.0)
        stream_window: bytes that a stream's writer may be ahead of its reader (262,144)
        connection_memory: bytes that the windows of a connection's streams may come to (67,108,864)
        latency: seconds one way, of every link (0.02)
        jitter: seconds by which the latency varies, uniformly (0.0)
        network: a preset of links instead of a latency: lan, wan or regions (none)
        recording: how much the event log keeps: counters, decisions, messages or all (messages)
        log_limit: how many rows the event log keeps at most; the oldest go (2,000,000)

    Settings of real labs:
        home: a directory from which the same nodes come back: keys, ports, address books, DHT records (none)
        recording: how much the event log keeps: counters, decisions, messages or all (messages)
        log_limit: how many rows the event log keeps at most; the oldest go (2,000,000)

    Times are seconds of lab time. What goes wrong is an error of ``p2plab.errors``.

    Example:
        >>> with Lab(seed=7) as net:
        ...     first, second = net.start_nodes(2)
        ...     connection = first.connect(second)
        ...     print(net.edges())
        [('n0', 'n1')]
    """

    def __init__(self, backend: str = "mock", *, seed: int | str = 0, **settings: Any) -> None:
        super().__init__(make_world(backend, seed, settings))

    # -- nodes

    def start_node(self, name: str, **settings: Any) -> Node:
        """Start a node, or give the one there is by that name.

        Args:
            name: 1 to 64 printable characters, without a slash
            settings: the node's own, in place of the lab's; see below

        Raises:
            ConfigurationError: it runs already, with other settings.
            NotInThisWorldError: a setting of the other world.

        Settings of mock nodes:
            transports: over what a node listens, an address each: a list of ideal or tcp, and quic, which is
                dialled first (the lab's transport)
            ip: an IPv4 address, which several nodes may share (one of its own)
            port: a port of its IP address (the next free one from 4001 on)
            region: where in the world it is, where the network has regions (drawn by their weights)
            gossipsub: GossipSubParams: how the router goes about it (GossipSubParams.spec())
            router: gossipsub, floodsub, or a subclass of p2plab.pubsub.GossipSub (gossipsub)
            signing: StrictSign or StrictNoSign: whether messages are signed, and have to be (StrictSign)
            message_id: a function of a Publication that gives its id as bytes (as the specs have it)
            max_message_size: bytes of a pubsub RPC at most (1,048,576)
            cpu: seconds of a core that a pubsub message takes; messages wait their turn (0.0)
            dht: DhtParams of the DHT (DhtParams())
            gate: a Gate: whom every node dials and lets in (p2plab.admission) (none)
            authorize: who may open streams here: names and peer ids, or a function of a Request; or a dict of these
                by protocol (none)
            limits: Limits: how many connections, streams and bytes a node, a peer and a protocol may take (none)
            watermarks: Watermarks(low=, high=, grace=): above high, the least valuable connections are closed
                (none)
            bootstrap: peers that a node dials when it starts, to join the DHT: nodes, names or multiaddrs (none)
            discovery: in which ways a node finds others by itself: a list of rendezvous, dht, bootstrap, http,
                mdns, random-walk, peer-exchange, pubsub (none; node.discovery asks the DHT)
            rendezvous: the rendezvous points: nodes, names or multiaddrs, or RendezvousParams (the lab's first node
                that has discovery=['rendezvous'])
            role: what the node is there for: relay, bootstrap, gateway, pinner, fetcher, or a p2plab.roles.Role of
                one's own (none)
            relay: RelayParams of nodes that relay for others (RelayParams(), go-libp2p's limits)
            autorelay: AutoRelayParams of nodes that stand behind a NAT (AutoRelayParams(), without go's boot delay)

        Settings of real nodes:
            listen: multiaddrs that a node listens at (a free port of the loopback: /ip4/127.0.0.1/tcp/0)
            transports: transports by name, those preferred first (tcp)
            security: security protocols of connections, those preferred first (noise)
            muxers: muxers of connections, those preferred first (yamux)
            psk: the key of a private network: hex, swarm.key text, or a path (none)
            key_log: a file that the secrets of TLS and QUIC connections are written to, for Wireshark (none)
            gossipsub: GossipSubParams: how the router goes about it (GossipSubParams.spec())
            pubsub: libp2p for py-libp2p's own routers, p2plab for those that mock nodes have (libp2p)
            router: gossipsub, floodsub, or with pubsub='p2plab' a subclass of one of p2plab's (gossipsub)
            signing: StrictSign or, with pubsub='p2plab', StrictNoSign (StrictSign)
            message_id: with pubsub='p2plab': a function of a Publication that gives its id as bytes (as the specs
                have it)
            max_message_size: with pubsub='p2plab': bytes of a pubsub RPC at most (1,048,576)
            dht: libp2p for py-libp2p's own KadDHT (LibraryDhtParams(...) says how), or p2plab's Kademlia: p2plab,
                or DhtParams(...), since py-libp2p has no such parameters (libp2p)
            bitswap: p2plab for the core that mock nodes have, libp2p for py-libp2p's Bitswap, of which nobody but
                py-libp2p gets a block (p2plab)
            remedies: which of p2plab.real.pylibp2p.remedies.REMEDIES are off, to study the fault: {'heartbeat':
                False} (all are on)
            host_factory: a function of a key pair and addresses that makes a node's py-libp2p host, not yet running
                (none)
            bootstrap: peers that a node dials when it starts, to join the DHT: multiaddrs, or nodes (none)
            discovery: in which ways a node finds others by itself: a list of rendezvous, dht, bootstrap, http,
                mdns, random-walk, peer-exchange, pubsub (none; node.discovery asks the DHT)
            rendezvous: the rendezvous points: nodes, names or multiaddrs, or RendezvousParams (the lab's first node
                that has discovery=['rendezvous'])
            role: what the node is there for: relay, bootstrap, gateway, pinner, fetcher, or a p2plab.roles.Role of
                one's own (none)
            nat: p2plab for its AutoNAT, relays (circuit v2, AutoRelay) and hole punching (DCUtR); libp2p for
                servers of AutoNAT and relays that are py-libp2p's own; a lab with a relay or a NAT has p2plab's at
                every other node (none)
            relay: RelayParams of nodes that relay for others (RelayParams(), go-libp2p's limits)
            autorelay: AutoRelayParams of nodes that want relays (AutoRelayParams(), without go's boot delay)
            mdns: True: the node multicasts, to find others and to be found (False)
            gate: a Gate: whom every node dials and lets in (p2plab.admission) (none)
            authorize: who may open streams here: names and peer ids, or a function of a Request; or a dict of these
                by protocol (none)
            limits: Limits: how many connections, streams and bytes a node, a peer and a protocol may take (none)
            watermarks: Watermarks(low=, high=, grace=): above high, the least valuable connections are closed
                (none)

        Example:
            >>> dave = lab.start_node("dave")
            >>> dave.name, dave.running
            ('dave', True)
        """
        self._start([name], settings)
        return self._node(name)

    def start_nodes(self, count: int, prefix: str = "n", **settings: Any) -> list[Node]:
        """Start nodes n0, n1, ... up to a number, where they do not run yet.

        Args:
            count: how many, a whole number from 0 up
            prefix: what their names begin with
            settings: see ``start_node``

        Returns:
            The nodes, those that ran already among them.

        Example:
            >>> nodes = lab.start_nodes(3)
            >>> [node.name for node in nodes]
            ['n0', 'n1', 'n2']
        """
        names = self._names(count, prefix)
        self._start(names, settings)
        return self._several(names)

    def _start(self, names: Sequence[str], settings: dict[str, Any]) -> None:
        missing = self._to_start(names, settings)
        if missing:
            with self._watched("starting nodes", len(missing), self._world.hosts):
                self._world.run(self._world.start_nodes, missing, settings)
            self._teach(missing)

    def adopt(self, host: Any, name: str, **settings: Any) -> Node:
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
        return self.start_node(name, **self._adoption(host), **settings)

    def wire(
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
            >>> dave = lab.start_node("dave")
            >>> lab.wire("ring")
            [('carol', 'dave'), ('dave', 'alice')]
        """
        pairs = self._pairs(shape, degree, nodes)
        if pairs:
            with self._watched("connecting", 0, self._world.hosts):
                self._world.run(self._world.wire, pairs)
        return pairs

    def reachability(self, attempt: bool = False) -> ReachabilityMatrix:
        """Say for every pair of nodes how the first reaches the second: predicted, or tried.

        Args:
            attempt: whether to try, pair after pair, which takes lab time; left out, it is reasoned from boxes, relays
                and addresses, and nothing changes

        Returns:
            A matrix: ``[a, b].how`` is ``direct``, ``reversed``, ``punched``, ``relayed``, ``no`` or ``unknown``, and
            ``[a, b].reason`` says why. Pairs that are connected already are not tried anew.

        Example:
            >>> (lab.reachability())["alice", "carol"].how
            'direct'
        """
        from p2plab.nat.matrix import ReachabilityMatrix

        expected = self._predicted()
        if not flag(attempt, "attempt"):
            return expected
        found = {}
        for a, b, _ in expected:
            found[a, b] = self._tried(a, b)
        return ReachabilityMatrix(expected.names, found, tried=True)

    def _tried(self, a: str, b: str) -> Way:
        """Dial, and wait what becomes of the connection; one that was not there before is closed again."""
        from p2plab.explain.upgrades import Upgrade
        from p2plab.nat.matrix import Way

        node, upgrade = self._node(a), Upgrade(self._world.events, a, b)
        before = node.connections(b)
        try:
            connection = before[0] if before else node.connect(b)
        except DialError as error:
            return Way("no", str(error))
        way = Way("direct", f"dialled at {connection.remote_address}")
        if connection.relayed:
            self.run_until(upgrade.over, UPGRADE_SECONDS)
            way = upgrade.way()
        if not before:
            node.disconnect(b)
        return way

    def diagnose(
        self,
        a: Any,
        b: Any,
        topic: str | None = None,
        protocol: str | None = None,
        dht: bool = False,
        timeout: float | None = None,
    ) -> Diagnosis:
        """Say why two nodes do not talk, or that they do: ``a.diagnose(b)``.

        Args:
            a: a node of this lab or its name, which dials and asks
            b: another one, or a peer id or multiaddr
            topic: the topic they are to talk about; left out, those that either is about
            protocol: the protocol they are to talk in; left out, those that either answers
            dht: whether the DHT is looked at too
            timeout: seconds after which a dial or an answer is given up; 10 if left out

        Returns:
            Diagnosis: ``layer`` (None where the two talk), ``reason``, ``evidence`` (lines), ``remedy``.

        Example:
            >>> (lab.diagnose(alice, bob)).healthy
            True
        """
        return self._node(self._name_of(a)).diagnose(b, topic, protocol, dht, timeout)

    def attach(
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
        return AttachedNode(world, world.run(world.attach, addresses, name, check_timeout(timeout)))

    def execute_command(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """Execute a command of the table (``p2plab.commands``) by its name; it never raises for one that fails.

        Args:
            name: a command, with or without ``libp2p_`` in front
            arguments: what the command takes; ``node`` names the node, left out the lab's first

        Returns:
            ``{"success", "command", "timestamp" (unix), "time" (the lab's), "result"}``, where all is plain JSON; of a
            failure ``error`` and ``error_type`` instead of ``result``.

        Example:
            >>> answer = lab.execute_command("libp2p_connect_peer", node="alice", peer_addr="bob")
            >>> answer["success"], answer["result"]["connected"]
            (True, True)
        """
        from p2plab.commands import perform

        answer = perform(self, name, arguments)
        return answer.envelope

    @property
    def dht(self) -> LabDht:
        """The DHTs of all nodes at once, of a mock lab: ``fill``, ``holders``, ``crawl``.
        Raises NotInThisWorldError."""
        from p2plab.api.blocking.lab_dht import LabDht

        return LabDht(cast("MockWorld", self._simulated("lab.dht", "ask a node: lab['alice'].dht")))

    # -- the end

    def close(self) -> None:
        """End the lab: every node, task, thread and socket of it. Closing again changes nothing.

        Example:
            >>> lab.close()
            >>> lab.closed
            True
        """
        self._world.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
