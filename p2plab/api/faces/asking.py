"""What a lab can be asked of its run: why, how a message spread, who holds a file, captures, metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from p2plab.api.faces.basis import LabBasis, N
from p2plab.api.faces.peers import HELLO
from p2plab.commanded import commanded
from p2plab.errors import ClosedError, ValidationError
from p2plab.errors.checked import flag, list_of
from p2plab.events import Chain

if TYPE_CHECKING:
    from os import PathLike

    from p2plab.content.dag import Dag
    from p2plab.content.holders import ContentHolders
    from p2plab.explain.propagation import Propagation
    from p2plab.exports import Capture, Recorder
    from p2plab.identity.cid import Cid
    from p2plab.nat.matrix import ReachabilityMatrix

__all__ = ["LabAsking"]


class LabAsking(LabBasis[N]):
    """The questions that both faces of a lab answer."""

    _captures: list[Capture]

    def why(
        self, subject: Any, node: Any = None, *, at: Any = None, topic: str | None = None, dht: bool = False
    ) -> Chain:
        """Explain an event, a message, a lookup, a connection, a stream or an error by its causes, oldest first.

        With ``node`` it is ``node.why(subject)``.

        Args:
            subject: an Event, a Message or its id, a Lookup, a Connection, a stream, an exception; or, with ``node``, a
                peer: a node or its name
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

        return self._world.read(look)

    def dag(self, cid: Cid | str) -> Dag:
        """Look at the graph of blocks below a CID, as far as the lab's nodes together have it.

        ``lab.views.content(cid)`` draws it. Printed, it is a tree.

        Args:
            cid: its root

        Returns:
            Dag: ``blocks``, each a DagBlock with ``cid``, ``kind``, ``size``, ``depth``, ``name`` and ``links`` (places
            in ``blocks``); ``levels()``, ``bytes``, ``missing``, and ``whole``: at most 20,000 blocks are listed.

        Raises:
            ValidationError: no CID.

        Example:
            >>> cid = alice.content.add(b"x" * 1_500_000)
            >>> [block.kind for block in lab.dag(cid).blocks]
            ['file', 'raw', 'raw']
        """
        from p2plab.content.dag import dag_of
        from p2plab.identity.cid import as_cid

        which = as_cid(cid)

        def look() -> Dag:
            return dag_of(which, [host.content.store for host in self._world.hosts().values() if host.has_content])

        return self._world.read(look)

    def _predicted(self) -> ReachabilityMatrix:
        """Who would reach whom; of real nodes it is only known who has."""
        world: Any = self._world
        predicted: ReachabilityMatrix | None = self._world.read(world.predicted, list(self._world.hosts()))
        if predicted is not None:
            return predicted
        from p2plab.nat.matrix import ReachabilityMatrix, Way

        names, edges = list(self._world.hosts()), set(self.edges())
        met = {pair for a, b in edges for pair in ((a, b), (b, a))}
        unknown = Way("unknown", "nodes on the loopback cannot be foreseen: dial, or have them meet in memory")
        ways = {
            (a, b): Way("direct", "the two are connected") if (a, b) in met else unknown
            for a in names
            for b in names
            if a != b
        }
        return ReachabilityMatrix(names, ways)

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
        names = None if nodes is None else [self._name_of(node) for node in list_of(nodes, "nodes=", "[alice, bob]")]
        capture = Capture(self._world, path, names, flag(encrypted, "encrypted"), max_bytes, max_frames)
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

        names = list(self._world.read(self._world.hosts)) if node is None else [self._name_of(node)]
        return metrics(self._world, names)

    @property
    def captures(self) -> list[Capture]:
        """The captures that are running."""
        return [capture for capture in self._captures if capture.running]
