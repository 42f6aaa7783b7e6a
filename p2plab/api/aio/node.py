"""What a user holds for a node: ``AsyncNode``, whose verbs are coroutines.

Thin: every verb checks its arguments and hands over to the node's ``Host`` in its world. What takes no lab time is
inherited from ``NodeFace``; streams and requests from ``AsyncNodeStreams``.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from p2plab.api.aio.node_streams import AsyncNodeStreams
from p2plab.api.arguments import (
    Peer,
    check_protocols,
    check_retries,
    check_timeout,
)
from p2plab.commanded import commanded
from p2plab.errors import LabError
from p2plab.errors.checked import flag, topic_of
from p2plab.protocols.dialling import BACKOFF
from p2plab.typing import Connection, PeerId, PeerInfo

RELAYED = 10.0  # seconds that a relay has to answer
if TYPE_CHECKING:
    from p2plab.api.aio.content import AsyncContent
    from p2plab.api.aio.dht import AsyncDht
    from p2plab.api.aio.discovery import AsyncDiscovery
    from p2plab.api.aio.routing import AsyncRouting
    from p2plab.explain.diagnosis import CircuitAddress, Diagnosis
    from p2plab.protocols.capabilities import Capability
    from p2plab.pubsub import AsyncSubscription

__all__ = ["AsyncNode"]


class AsyncNode(AsyncNodeStreams):
    """A node of an ``AsyncLab``: a verb that takes lab time returns when it is done. Times are seconds of lab time.

    Awaited inside the lab too: ``stream.node`` and ``lab.aio["alice"]`` are such nodes.

    Verbs that reach another node raise DialError if it cannot be reached, TimeoutError after ``timeout`` seconds,
    UnknownNodeError, PeerIdError or AddressError for a peer that is none of these, ValidationError for an argument of
    the wrong type, and InsideLabError for a call that would block inside the lab.
    """

    @commanded("connections", "connect alice bob", "connect bob", without=("retries", "backoff"))
    async def connect(
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
            >>> connection = await alice.connect(bob)
            >>> connection.peer.name, connection.direction
            ('bob', 'outbound')
        """
        again = check_retries(retries, backoff)
        return await self._world.arun(self._host.connect, self._peer(peer), check_timeout(timeout), *again)

    @commanded("connections", "disconnect alice bob", result="disconnected", echo=("peer",))
    async def disconnect(self, peer: Peer) -> bool:
        """Close every connection to a peer.

        Args:
            peer: a node, a node's name or a peer id

        Returns:
            Whether there was a connection.

        Example:
            >>> await alice.disconnect(bob)
            True
        """
        return await self._world.arun(self._host.disconnect, self._peer(peer))

    @commanded("connections", "ping alice bob", "ping alice bob timeout=5s", result="seconds", echo=("peer",))
    async def ping(self, peer: Peer, timeout: float | None = None) -> float:
        """Measure the round-trip time to a peer; it is dialled if need be.

        Args:
            peer: a node, a node's name, a peer id or a multiaddr
            timeout: seconds after which it is given up; 10 if left out

        Returns:
            Seconds there and back, by the ping protocol (ping/ping.md).

        Example:
            >>> await alice.ping(bob)
            0.04
        """
        return await self._world.arun(self._host.ping, self._peer(peer), check_timeout(timeout))

    @commanded("connections", "identify alice bob")
    async def identify(self, peer: Peer, timeout: float | None = None) -> PeerInfo:
        """Ask a peer who it is; it is dialled if need be.

        Args:
            peer: a node, a node's name, a peer id or a multiaddr
            timeout: seconds after which it is given up; 10 if left out

        Returns:
            PeerInfo: name, peer id, addresses, protocols, agent version, and this node's address as the peer sees it
            (identify/README.md).

        Example:
            >>> info = await alice.identify(bob)
            >>> info.name, "/ipfs/ping/1.0.0" in info.protocols
            ('bob', True)
        """
        return await self._world.arun(self._host.identify, self._peer(peer), check_timeout(timeout))

    @commanded("reasons", "diagnose alice bob", "diagnose alice bob topic=news", "diagnose alice bob dht=true")
    async def diagnose(
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
            >>> print((await alice.diagnose(bob)).reason)
            alice and bob talk: no layer fails
            >>> bob.crash()
            >>> print((await alice.diagnose(bob)).layer)
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
            return await self._diagnose_relay(examination.circuit, limit)
        try:
            connection = await self.connect(named, limit)
        except (LabError, TimeoutError) as error:
            where = self._world.read(examination.to_probe, error)
            look = None if where is None else partial(probe, *where)
            answer = None if look is None else await self._world.arun(cast("Any", self._host).aside, look)
            return self._world.read(examination.failed, error, answer)
        self._world.read(examination.connected, connection)
        try:
            await self.ping(named, limit)
            said = await self.identify(named, limit)
        except (LabError, TimeoutError) as error:
            return self._world.read(examination.unanswered, error)
        await self._world.arun(self._world.until, examination.settled, SETTLING)
        return self._world.read(examination.after, said)

    async def _diagnose_relay(self, circuit: CircuitAddress, limit: float | None) -> Diagnosis:
        """The relay as a node, and what it answers when it is asked for the peer; the circuit is given up at once."""
        from p2plab.nat.relay_messages import HOP_ID, MAX_RELAY_MESSAGE, HopMessage, HopType, decode_hop, encode_hop

        relay = await self.diagnose(circuit.relay, protocol=HOP_ID, timeout=limit)
        if relay.layer is not None:
            return circuit.of_relay(relay)
        stream = await self.open_stream(circuit.relay, HOP_ID)
        try:
            stream.set_deadline(RELAYED if limit is None else limit)
            await stream.write_message(encode_hop(HopMessage(HopType.CONNECT, PeerId(circuit.target))))
            said = await stream.read_message(MAX_RELAY_MESSAGE)
            status = None if said is None else decode_hop(said).status
        except (LabError, TimeoutError) as error:
            return circuit.answered(f"nothing it could be understood by ({error})").after(relay.evidence)
        finally:
            await stream.reset()
        return circuit.answered(None if status is None else status.name).after(relay.evidence)

    @commanded("connections", "capabilities alice bob", echo=("peer",))
    async def capabilities(self, peer: Peer, timeout: float | None = None) -> list[Capability]:
        """Ask what a peer's protocols can do: names, versions, features.

        A peer is asked once, and again after it has pushed news of itself. One that does not speak capabilities gives
        what identify said, without features.

        Args:
            peer: a node, a node's name, a peer id or a multiaddr
            timeout: seconds after which it is given up; 10 if left out

        Returns:
            A Capability for each protocol: ``name``, ``versions``, ``features``.
        """
        return await self._world.arun(self._host.capabilities, self._peer(peer), check_timeout(timeout))

    async def execute_command(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """Execute a command of this node's by its name; see ``AsyncLab.execute_command``.

        Args:
            name: a command of the table, with or without ``libp2p_`` in front
            arguments: what the command takes

        Returns:
            The envelope: ``success``, ``command``, ``timestamp``, ``time``, and ``result`` or ``error``.

        Example:
            >>> answer = await alice.execute_command("ping", peer="bob")
            >>> answer["success"], answer["result"]
            (True, {'peer': 'bob', 'seconds': 0.04})
        """
        from p2plab.commands import perform_async

        answer = await perform_async(self, name, arguments)
        return answer.envelope

    @commanded("nodes", "stop carol", after=("name", "running"))
    async def stop(self) -> None:
        """Stop this node: it closes its connections and goes. ``restart`` brings it back.

        Example:
            >>> await bob.stop()
            >>> bob.running
            False
        """
        await self._world.arun(self._host.stop)

    @property
    def dht(self) -> AsyncDht:
        """Its DHT, with verbs of its own: ``put``, ``get``, ``provide``, ``find_providers``, ``find_peer``,
        ``closest_peers``, ``routing_table``."""
        from p2plab.api.aio.dht import AsyncDht

        return AsyncDht(self._host.dht_verbs, self._world)

    @property
    def routing(self) -> AsyncRouting:
        """Its content routing over the DHT, a local index and routers of one's own: ``find_providers``, ``find_peer``,
        ``provide``, ``get``, ``put``, ``use``."""
        from p2plab.api.aio.routing import AsyncRouting
        from p2plab.host.routing import RoutingService

        return AsyncRouting(RoutingService.of(cast("Any", self._host)), self._world)

    @property
    def discovery(self) -> AsyncDiscovery:
        """How it finds others and is found, with verbs of its own: ``advertise``, ``find``, ``withdraw``."""
        from p2plab.api.aio.discovery import AsyncDiscovery

        return AsyncDiscovery(self._host.discovery, self._world)

    @property
    def content(self) -> AsyncContent:
        """Files as blocks that are named by their hash, with verbs of its own: ``add``, ``cat``, ``open``, ``ls``,
        ``get``, ``export``, ``import_car``; ``blocks`` are those that the node has."""
        from p2plab.api.aio.content import AsyncContent

        return AsyncContent(self._host.content, self._world)

    def subscribe(self, topic: str) -> AsyncSubscription:
        """Subscribe to a topic. Each call gives a subscription of its own; the topic is left when the last is closed.

        Args:
            topic: its name, 1 to 1,024 bytes of UTF-8

        Returns:
            The subscription; ``get`` takes its messages, ``messages`` shows them.

        Example:
            >>> news = bob.subscribe("news")
            >>> await lab.run(1)
            >>> message = alice.publish("news", "hello")
            >>> received = await news.get()
            >>> received.data, received.sender.name
            (b'hello', 'alice')
        """
        from p2plab.pubsub import AsyncSubscription

        return AsyncSubscription(self._world.call(self._host.subscribe, topic_of(topic)), self._world)
