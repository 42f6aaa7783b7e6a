"""What both faces of a node share: all that takes no lab time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from p2plab.api.arguments import Peer, peer_argument
from p2plab.api.faces.admission import AdmissionFace
from p2plab.api.faces.peers import PeersFace
from p2plab.api.faces.protocols import ProtocolsFace
from p2plab.api.faces.pubsub import PubsubFace
from p2plab.commanded import commanded
from p2plab.errors.checked import flag
from p2plab.typing import PeerId
from p2plab.worlds import Host, World, bare

if TYPE_CHECKING:
    from p2plab.events import Chain
    from p2plab.host.nat import NatBelief, ReachabilityBeliefs
    from p2plab.nat import AddressStatus
    from p2plab.roles import Role

__all__ = ["NamedNode", "NodeFace"]


class NamedNode:
    """What a user holds for any node, one outside the lab included: its name and its peer id."""

    def __init__(self, world: World, host: Any) -> None:
        self._world = world
        self._host = host

    @property
    def name(self) -> str:
        """What it is called in this lab."""
        return str(self._host.name)

    @property
    def peer_id(self) -> PeerId:
        """Its peer id (base58btc text); a node of the lab has it from the lab's seed and its name."""
        found: PeerId = self._host.peer_id
        return found

    @property
    def world(self) -> World:
        """The world it lives in."""
        return bare(self._world)

    def __str__(self) -> str:
        return self.name


class NodeFace(NamedNode, PubsubFace, ProtocolsFace, PeersFace, AdmissionFace):
    """What both faces of a node share: all that takes no lab time."""

    _world: World
    _host: Host

    @property
    def addresses(self) -> list[str]:
        """The multiaddrs it listens on, each ending in ``/p2p/<peer id>``."""
        return self._world.read(lambda: self._host.addresses)

    @property
    def nat(self) -> NatBelief:
        """What it believes of the NAT in front of it: its mapping, its observed addresses, its relays.

        Example:
            >>> print(alice.nat)
            not known to be reachable; mapping not known (fewer than 4 peers have told of an outside address)
        """
        return self._world.read(lambda: self._reachability().belief())

    def reachability(self) -> list[AddressStatus]:
        """List what it believes of each of its addresses: whether it can be dialled, how sure it is, on whose word.

        Returns:
            For each address ``.status`` (``public``, ``private`` or ``unknown``), ``.confidence`` (0 to 3) and ``.by``,
            the AutoNAT servers (autonat/autonat-v2.md). Without a NAT or a relay in the lab nobody asks: ``unknown``;
            of real nodes, those do that have ``nat="p2plab"``. On the loopback ``public`` means: from this machine.

        Example:
            >>> [(status.status, status.confidence) for status in alice.reachability()]
            [('unknown', 0)]
        """
        return self._world.read(lambda: self._reachability().statuses())

    def _reachability(self) -> ReachabilityBeliefs:
        from p2plab.host.nat import beliefs_of

        return beliefs_of(self._host)

    @property
    def running(self) -> bool:
        """Whether it is up: neither stopped nor crashed, in a lab that is open."""
        return self._host.running and not self._world.closed

    @property
    def role(self) -> str | None:
        """The name of what it is there for, as ``start_node(role=)`` or ``set_role`` said; None where nobody did."""
        role = self._host.role
        return None if role is None else role.name

    @commanded("routing", "set_role carol pinner", after=("name", "role"), takes={"role": "RoleName"})
    def set_role(self, role: str | Role | None) -> None:
        """Have it be there for something else from now on, and tell its peers.

        Args:
            role: a name out of ``lab.roles``, a ``p2plab.roles.Role`` of one's own, or None for no role

        Raises:
            ValidationError: there is no such role.

        Example:
            >>> carol.set_role("pinner")
            >>> carol.role, bob.identify(carol).roles
            ('pinner', ['pinner'])
        """
        self._world.call(self._host.take_role, self._world.roles.given(role))

    # -- seeing

    def metrics(self) -> str:
        """Give its numbers in Prometheus' text format.

        They are connections, streams, bytes, messages, queries, errors, and how many events of each kind it has. Bytes
        are told apart for at most 1,000 pairs of a peer and a protocol.
        """
        from p2plab.exports import metrics

        return metrics(self._world, [self.name])

    # -- why

    @commanded(
        "reasons", "subscribe bob news; run 1; publish alice news hello; run 1; why_peer bob alice", name="why_peer"
    )
    def why(self, peer: Peer, topic: str | None = None, dht: bool = False) -> Chain:
        """Explain how it treats a peer: whether they are connected, what it last decided about the peer, and why.

        Also ``lab.why(peer, node=this)``. As there, a message can be given (why it did not arrive here, or how it did),
        and an event, a lookup or an error (its causes).

        Args:
            peer: a node, a node's name or a peer id
            topic: only decisions about this topic's mesh; left out, all
            dht: why the peer is not in this node's routing table, or that it is, instead

        Returns:
            A Chain: ``answer`` is a sentence with the reason and its numbers, the events are its causes.

        Raises:
            UnknownNodeError, PeerIdError, ValidationError: what was given is none of these.

        Example:
            >>> print(bob.why(alice).answer)
            bob and alice are connected since 0.0000 s: ...
        """
        from p2plab.explain import why_missing, why_peer
        from p2plab.explain.why import is_caused, is_message, why, why_in_table

        hosts = self._world.read(self._world.hosts)
        if is_caused(peer):
            return why(self._world.events, peer)
        if not (isinstance(peer, str) and peer in hosts) and is_message(self._world.events, peer):
            return why_missing(self._world.events, peer, self.name)
        named = self._peer(peer)
        self._check_known(named)
        if flag(dht, "dht"):
            answer = self._world.read(self._host.dht_verbs.why_not, named)
            return why_in_table(self._world.events, self.name, peer, answer)
        name = next((host.name for host in hosts.values() if named in (host.name, host.peer_id)), named)
        running = self.running
        in_mesh = None if topic is None or not running else name in [info.name for info in self.mesh(topic)]
        score = self.scores().get(name) if running else None
        told = why_peer(self._world.events, self.name, name, topic, in_mesh, score)
        return self._as_provider(told, named) if topic is None else told

    def _as_provider(self, told: Chain, peer: str) -> Chain:
        """What was told of a peer, with how it stands as a provider of content, where that is known."""
        from dataclasses import replace

        from p2plab.host.names import peer_id_of

        host: Any = self._host
        service = host.services.get("reputation")
        known = "" if service is None else self._world.read(lambda: service.why(str(peer_id_of(host, peer))))
        return replace(told, answer=f"{told.answer}. {known[0].upper()}{known[1:]}") if known else told

    # -- coming and going

    @commanded("nodes", "crash carol", after=("name", "running"))
    def crash(self, silent: bool = False) -> None:
        """Take it away without a goodbye.

        Args:
            silent: without even a reset of its connections, which just fall quiet (mock)

        Example:
            >>> carol.crash()
            >>> carol.running
            False
        """
        self._world.call(self._host.crash, flag(silent, "silent"))

    @commanded(
        "nodes",
        "crash carol; restart carol",
        "stop bob; restart bob",
        after=("name", "running"),
        takes={"state": "State"},
    )
    def restart(self, state: str = "kept", reconnect: bool = True) -> None:
        """Bring it back after a crash or a stop, with the same identity and addresses.

        Args:
            state: ``kept``, or ``lost``: what became of all it knew
            reconnect: whether it dials whom it had dialled before

        Example:
            >>> carol.crash()
            >>> carol.restart()
            >>> carol.running
            True
        """
        self._world.call(self._host.restart, state, flag(reconnect, "reconnect"))

    # -- the rest

    def _check_known(self, name: str) -> None:
        """UnknownNodeError for text that is neither a peer id nor the name of a node, one outside included."""
        from p2plab.host.names import is_peer_id, unknown

        if is_peer_id(name) or name in self._world.hosts():
            return
        attached = getattr(self._world, "attached", None)
        if attached is None or name not in attached():
            raise unknown(name, self._world.hosts())

    def _peer(self, peer: Peer) -> str:
        return peer_argument(peer, self._world)

    def __repr__(self) -> str:
        state = "" if self.running else ", not running"
        return f"<{type(self).__name__} {self.peer_id!r}, {self._world.backend}{state}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NodeFace) and other.world is self.world and other.name == self.name

    def __hash__(self) -> int:
        return hash((id(self.world), self.name))
