# Made of p2plab/api/aio/node.py by `python p2plab/api/generate.py`: change that file and run it again.

"""What a user holds for a node: ``Node``, whose verbs return when they are done.

Thin: every verb checks its arguments and hands over to the node's ``Host`` in its world. What takes no lab time is
inherited from ``NodeFace``; streams and requests from ``NodeStreams``.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from p2plab.api.aio.node import RELAYED
from p2plab.api.arguments import Peer, check_protocols, check_retries, check_timeout
from p2plab.api.blocking.node_streams import NodeStreams
from p2plab.errors import LabError
from p2plab.errors.checked import flag, topic_of
from p2plab.protocols.dialling import BACKOFF
from p2plab.typing import Connection, PeerId, PeerInfo

if TYPE_CHECKING:
    from p2plab.api.blocking.content import Content
    from p2plab.api.blocking.dht import Dht
    from p2plab.api.blocking.discovery import Discovery
    from p2plab.api.blocking.routing import Routing
    from p2plab.explain.diagnosis import CircuitAddress, Diagnosis
    from p2plab.protocols.capabilities import Capability
    from p2plab.pubsub import Subscription

__all__ = ["Node"]


class Node(NodeStreams):
    """A node of a ``Lab``: a verb that takes lab time returns when it is done. Times are seconds of lab time.

    Verbs that reach another node raise DialError if it cannot be reached, TimeoutError after ``timeout`` seconds,
    UnknownNodeError, PeerIdError or AddressError for a peer that is none of these, ValidationError for an argument of
    the wrong type, and InsideLabError for a call that would block inside the lab.
    """

    def connect(
        self, peer: Peer, timeout: float | None = None, retries: int = 0, backoff: float = BACKOFF
    ) -> Connection:
        """Dial a node, a peer id or a multiaddr; a connection there is already is returned.

        Args:
            peer: a node, a node's name, a peer id or a multiaddr
            timeout: seconds to try each of the peer's addresses; 10 if left out
            retries: how often to try all the addresses again
            backoff: seconds before the first retry; doubled for each one after it

        Returns:
            The Connection as this node sees it: direction, addresses, transport, security, muxer.

        Raises:
            DialError: the peer cannot be reached; it lists every attempt.

        Example:
            >>> connection = alice.connect(bob)
            >>> connection.peer.name, connection.direction
            ('bob', 'outbound')
        """
        again = check_retries(retries, backoff)
        return self._world.run(self._host.connect, self._peer(peer), check_timeout(timeout), *again)

    def disconnect(self, peer: Peer) -> bool:
        """Close every connection to a peer.

        Args:
            peer: a node, a node's name or a peer id

        Returns:
            Whether there was a connection.

        Example:
            >>> alice.disconnect(bob)
            True
        """
        return self._world.run(self._host.disconnect, self._peer(peer))

    def ping(self, peer: Peer, timeout: float | None = None) -> float:
        """Measure the round-trip time to a peer; it is dialled if need be.

        Args:
            peer: a node, a node's name, a peer id or a multiaddr
            timeout: seconds after which it is given up; 10 if left out

        Returns:
            Seconds there and back, by the ping protocol (ping/ping.md).

        Example:
            >>> alice.ping(bob)
            0.04
        """
        return self._world.run(self._host.ping, self._peer(peer), check_timeout(timeout))

    def identify(self, peer: Peer, timeout: float | None = None) -> PeerInfo:
        """Ask a peer who it is; it is dialled if need be.

        Args:
            peer: a node, a node's name, a peer id or a multiaddr
            timeout: seconds after which it is given up; 10 if left out

        Returns:
            PeerInfo: name, peer id, addresses, protocols, agent version, and this node's address as the peer sees it
            (identify/README.md).

        Example:
            >>> info = alice.identify(bob)
            >>> info.name, "/ipfs/ping/1.0.0" in info.protocols
            ('bob', True)
        """
        return self._world.run(self._host.identify, self._peer(peer), check_timeout(timeout))

    def diagnose(
        self,
        peer: Peer,
        topic: str | None = None,
        protocol: str | None = None,
        dht: bool = False,
        timeout: float | None = None,
    ) -> Diagnosis:
        """Say why this node and a peer do not talk, or that they do.

        It looks at one layer after another and stops at the first that fails: address, network, port, security, peer
        id, muxer, admission, identify, protocols, topics, DHT. It dials the peer if need be, pings it and asks it who
        it is; subscriptions and settings stay as they are.

        Args:
            peer: a node, a node's name, a peer id or a multiaddr
            topic: the topic they are to talk about; left out, those that either is about
            protocol: the protocol they are to talk in; left out, those that either answers
            dht: whether the DHT is looked at too
            timeout: seconds after which a dial or an answer is given up; 10 if left out

        Returns:
            Diagnosis: ``layer`` (None where the two talk), ``reason``, ``evidence`` (lines), ``remedy``.

        Raises:
            UnknownNodeError, PeerIdError, AddressError: the peer is none.

        Example:
            >>> print((alice.diagnose(bob)).reason)
            alice and bob talk: no layer fails
            >>> bob.crash()
            >>> print((alice.diagnose(bob)).layer)
            node
        """
        from p2plab.explain.diagnosis.examination import SETTLING, Examination
        from p2plab.explain.diagnosis.port import probe

        if topic is not None:
            topic_of(topic)
        named, limit = self._peer(peer), check_timeout(timeout)
        wanted = None if protocol is None else check_protocols(protocol)[0]
        examination = Examination(self._world, self._host, named, topic, wanted, flag(dht, "dht"))
        found = self._world.read(examination.before)
        if found is not None:
            return found
        if examination.circuit is not None:
            return self._diagnose_relay(examination.circuit, limit)
        try:
            connection = self.connect(named, limit)
        except (LabError, TimeoutError) as error:
            where = self._world.read(examination.to_probe, error)
            look = None if where is None else partial(probe, *where)
            answer = None if look is None else self._world.run(cast("Any", self._host).aside, look)
            return self._world.read(examination.failed, error, answer)
        self._world.read(examination.connected, connection)
        try:
            self.ping(named, limit)
            said = self.identify(named, limit)
        except (LabError, TimeoutError) as error:
            return self._world.read(examination.unanswered, error)
        self._world.run(self._world.until, examination.settled, SETTLING)
        return self._world.read(examination.after, said)

    def _diagnose_relay(self, circuit: CircuitAddress, limit: float | None) -> Diagnosis:
        """The relay as a node, and what it answers when it is asked for the peer; the circuit is given up at once."""
        from p2plab.nat.relay_messages import HOP_ID, MAX_RELAY_MESSAGE, HopMessage, HopType, decode_hop, encode_hop

        relay = self.diagnose(circuit.relay, protocol=HOP_ID, timeout=limit)
        if relay.layer is not None:
            return circuit.of_relay(relay)
        stream = self.open_stream(circuit.relay, HOP_ID)
        try:
            stream.set_deadline(RELAYED if limit is None else limit)
            stream.write_message(encode_hop(HopMessage(HopType.CONNECT, PeerId(circuit.target))))
            said = stream.read_message(MAX_RELAY_MESSAGE)
            status = None if said is None else decode_hop(said).status
        except (LabError, TimeoutError) as error:
            return circuit.answered(f"nothing it could be understood by ({error})").after(relay.evidence)
        finally:
            stream.reset()
        return circuit.answered(None if status is None else status.name).after(relay.evidence)

    def capabilities(self, peer: Peer, timeout: float | None = None) -> list[Capability]:
        """Ask what a peer's protocols can do: names, versions, features.

        A peer is asked once, and again after it has pushed news of itself. One that does not speak capabilities gives
        what identify said, without features.

        Args:
            peer: a node, a node's name, a peer id or a multiaddr
            timeout: seconds after which it is given up; 10 if left out

        Returns:
            A Capability for each protocol: ``name``, ``versions``, ``features``.
        """
        return self._world.run(self._host.capabilities, self._peer(peer), check_timeout(timeout))

    def execute_command(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """Execute a command of this node's by its name; see ``Lab.execute_command``.

        Args:
            name: a command of the table, with or without ``libp2p_`` in front
            arguments: what the command takes

        Returns:
            The envelope: ``success``, ``command``, ``timestamp``, ``time``, and ``result`` or ``error``.

        Example:
            >>> answer = alice.execute_command("ping", peer="bob")
            >>> answer["success"], answer["result"]
            (True, {'peer': 'bob', 'seconds': 0.04})
        """
        from p2plab.commands import perform

        answer = perform(self, name, arguments)
        return answer.envelope

    def stop(self) -> None:
        """Stop this node: it closes its connections and goes. ``restart`` brings it back.

        Example:
            >>> bob.stop()
            >>> bob.running
            False
        """
        self._world.run(self._host.stop)

    @property
    def dht(self) -> Dht:
        """Its DHT, with verbs of its own: ``put``, ``get``, ``provide``, ``find_providers``, ``find_peer``,
        ``closest_peers``, ``routing_table``."""
        from p2plab.api.blocking.dht import Dht

        return Dht(self._host.dht_verbs, self._world)

    @property
    def routing(self) -> Routing:
        """Its content routing over the DHT, a local index and routers of one's own: ``find_providers``, ``find_peer``,
        ``provide``, ``get``, ``put``, ``use``."""
        from p2plab.api.blocking.routing import Routing
        from p2plab.host.routing import RoutingService

        return Routing(RoutingService.of(cast("Any", self._host)), self._world)

    @property
    def discovery(self) -> Discovery:
        """How it finds others and is found, with verbs of its own: ``advertise``, ``find``, ``withdraw``."""
        from p2plab.api.blocking.discovery import Discovery

        return Discovery(self._host.discovery, self._world)

    @property
    def content(self) -> Content:
        """Files as blocks that are named by their hash, with verbs of its own: ``add``, ``cat``, ``open``, ``ls``,
        ``get``, ``export``, ``import_car``; ``blocks`` are those that the node has."""
        from p2plab.api.blocking.content import Content

        return Content(self._host.content, self._world)

    def subscribe(self, topic: str) -> Subscription:
        """Subscribe to a topic. Each call gives a subscription of its own; the topic is left when the last is closed.

        Args:
            topic: its name, 1 to 1,024 bytes of UTF-8

        Returns:
            The subscription; ``get`` takes its messages, ``messages`` shows them.

        Example:
            >>> news = bob.subscribe("news")
            >>> lab.run(1)
            >>> message = alice.publish("news", "hello")
            >>> received = news.get()
            >>> received.data, received.sender.name
            (b'hello', 'alice')
        """
        from p2plab.pubsub import Subscription

        return Subscription(self._world.call(self._host.subscribe, topic_of(topic)), self._world)
