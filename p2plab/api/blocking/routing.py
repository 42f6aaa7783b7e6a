# Made of p2plab/api/aio/routing.py by `python p2plab/api/generate.py`: change that file and run it again.

"""``node.routing``: one way to ask for content and peers, whoever answers. What takes no lab time: ``RoutingFace``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p2plab.api.aio.dht import dht_peer
from p2plab.api.aio.routing import RoutingFace
from p2plab.api.arguments import check_port, check_timeout

if TYPE_CHECKING:
    from p2plab.host.routing.service import RoutingServer
    from p2plab.identity.cid import Cid
    from p2plab.routing import RoutedLookup

__all__ = ["Routing"]


class Routing(RoutingFace):
    """``node.routing`` of a Node: a verb that takes lab time returns when it is done.

    Every verb gives a ``RoutedLookup``: a Lookup whose ``answers`` say what each router answered, and in what time.
    """

    def find_providers(
        self, cid: str | bytes | Cid, count: int | None = None, timeout: float | None = None
    ) -> RoutedLookup:
        """Find who provides some content, by every router.

        Args:
            cid: a CID, text (bafkrei… or Qm…) or bytes
            count: how many providers end the search (0: none do); left out, 20
            timeout: seconds after which what was found is given; left out, as long as the routers take

        Returns:
            The Lookup: ``providers`` is a list of PeerInfo, each peer once; ``answers`` what each router said.

        Raises:
            ValidationError: no CID.

        Example:
            >>> cid = "bafkreidon73zkcrwdb5iafqtijxildoonbwnpv7dyd6ef3qdgads2jc4su"
            >>> announced = alice.routing.provide(cid)
            >>> found = bob.routing.find_providers(cid)
            >>> [peer.name for peer in found.providers]
            ['alice']
            >>> [(answer.router, answer.answer) for answer in found.answers]
            [('local', '0 providers'), ('dht', '1 provider (nobody left)')]
        """
        return self._world.run(self._inside.find_providers, cid, count, check_timeout(timeout))

    def find_peer(self, peer: object, timeout: float | None = None) -> RoutedLookup:
        """Find a peer and its addresses, by the first router that knows it.

        Args:
            peer: a node, a node's name or a peer id
            timeout: seconds after which it is given up; left out, as long as the routers take

        Returns:
            The Lookup: ``peer`` is a PeerInfo, or None.

        Raises:
            ValidationError, UnknownNodeError, PeerIdError: it names no peer, or the node itself.

        Example:
            >>> (alice.routing.find_peer(carol.peer_id)).peer.name
            'carol'
        """
        return self._world.run(self._inside.find_peer, dht_peer(peer), check_timeout(timeout))

    def provide(self, cid: str | bytes | Cid, timeout: float | None = None) -> RoutedLookup:
        """Announce to every router that the node provides some content, now and again later.

        Args:
            cid: a CID, text (bafkrei… or Qm…) or bytes
            timeout: seconds after which it is given up; left out, as long as the routers take

        Returns:
            The Lookup: ``found`` is whether any router took it, ``peers`` who was told.

        Raises:
            ValidationError: no CID.

        Example:
            >>> cid = alice.content.add(b"hello")
            >>> (alice.routing.provide(cid)).found
            True
        """
        return self._world.run(self._inside.provide, cid, check_timeout(timeout))

    def get(self, key: str | bytes, timeout: float | None = None) -> RoutedLookup:
        """Find a value, by the first router that has it.

        Args:
            key: a path such as /lab/greeting, or a raw key (bytes)
            timeout: seconds after which it is given up; left out, as long as the routers take

        Returns:
            The Lookup: ``value`` is bytes, or None.

        Raises:
            ValidationError: no known namespace.

        Example:
            >>> stored = alice.routing.put("/lab/greeting", b"hi")
            >>> (bob.routing.get("/lab/greeting")).value
            b'hi'
        """
        return self._world.run(self._inside.get, key, check_timeout(timeout))

    def put(self, key: str | bytes, value: bytes | str, timeout: float | None = None) -> RoutedLookup:
        """Store a value with every router that stores values.

        Args:
            key: a path such as /lab/greeting, whose namespace is known, or a raw key (bytes)
            value: bytes, or text as UTF-8
            timeout: seconds after which it is given up; left out, as long as the routers take

        Returns:
            The Lookup: ``found`` is whether any router took it, ``peers`` who was told.

        Raises:
            ValidationError: no known namespace, or a value that no router takes.

        Example:
            >>> (alice.routing.put("/lab/greeting", b"hi")).found
            True
        """
        return self._world.run(self._inside.put, key, value, check_timeout(timeout))

    def serve(self, port: int = 0) -> RoutingServer:
        """Serve the node's content routing over HTTP on the loopback (IPIP-337), for programs that speak no libp2p.

        ``/routing/v1/providers/CID``, ``/peers/ID``, ``/ipns/NAME`` (GET and PUT) and ``/dht/closest/peers/KEY``, as
        JSON or ndjson, with filters. It ends with ``stop_serving``, or with the node; a node that comes back serves
        again.

        Args:
            port: a port of 127.0.0.1; 0 for a free one

        Returns:
            The server: ``address`` is its URL. A node has one; called again, it gives that one.

        Raises:
            NotInThisWorldError: in a mock lab, whose nodes nobody outside can reach.
            ConfigurationError: the port cannot be had.
        """
        return self._world.run(self._inside.serve, check_port(port))
