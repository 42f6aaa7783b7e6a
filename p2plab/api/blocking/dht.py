# Made of p2plab/api/aio/dht.py by `python p2plab/api/generate.py`: change that file and run it again.

"""``node.dht``: the verbs of a node's DHT (kad-dht/README.md). What takes no lab time stands in ``DhtFace``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p2plab.api.aio.dht import DhtFace, dht_peer

if TYPE_CHECKING:
    from p2plab.identity.cid import Cid
    from p2plab.kademlia.lookups.result import Lookup

__all__ = ["Dht"]


class Dht(DhtFace):
    """``node.dht`` of a Node: a verb that takes lab time returns when it is done.

    Every lookup gives a ``Lookup``: ``found``, what was found (``value``, ``providers``, ``peer``, ``peers``), the
    ``path`` of its queries in order, ``hops``, ``duration`` (seconds) and ``why()``.
    """

    def put(self, key: str | bytes, value: bytes | str) -> Lookup:
        """Store a value in the DHT, at the k peers closest to its key, now and again later.

        Args:
            key: a path such as /lab/greeting, whose namespace is known, or a raw key (bytes)
            value: bytes, or text as UTF-8

        Returns:
            The Lookup of the closest peers: ``peers`` are those that were asked to store it.

        Raises:
            ValidationError: no known namespace, or a value that is too large, invalid, or worse than the one held;
                nothing is stored then.

        Example:
            >>> stored = alice.dht.put("/lab/greeting", b"hi")
            >>> stored.found
            True
        """
        return self._world.run(self._inside.put, key, value)

    def get(self, key: str | bytes, quorum: int | None = None) -> Lookup:
        """Find a value in the DHT.

        Args:
            key: a path such as /lab/greeting, or a raw key (bytes)
            quorum: how many values end the search (0: none do); left out, the node's setting (``DhtParams.quorum``)

        Returns:
            The Lookup: ``value`` is the best of the values found, bytes, or None.

        Raises:
            ValidationError: no known namespace, or a quorum that is no whole number from 0 up.

        Example:
            >>> stored = alice.dht.put("/lab/greeting", b"hi")
            >>> found = bob.dht.get("/lab/greeting")
            >>> found.value
            b'hi'
        """
        return self._world.run(self._inside.get, key, quorum)

    def provide(self, cid: str | bytes | Cid) -> Lookup:
        """Announce in the DHT that the node provides some content, now and again later.

        Args:
            cid: a CID, text (bafkrei… or Qm…) or bytes

        Returns:
            The Lookup of the closest peers: ``peers`` are those that were told.

        Raises:
            ValidationError: no CID.

        Example:
            >>> cid = alice.content.add(b"hello")
            >>> lookup = alice.dht.provide(cid)
            >>> [peer.name for peer in lookup.peers]
            ['bob', 'carol']
        """
        return self._world.run(self._inside.provide, cid)

    def find_providers(self, cid: str | bytes | Cid, count: int | None = None) -> Lookup:
        """Find who provides some content.

        Args:
            cid: a CID, text (bafkrei… or Qm…) or bytes
            count: how many providers end the search (0: none do); left out, the node's setting

        Returns:
            The Lookup: ``providers`` is a list of PeerInfo.

        Raises:
            ValidationError: no CID.

        Example:
            >>> cid = "bafkreidon73zkcrwdb5iafqtijxildoonbwnpv7dyd6ef3qdgads2jc4su"
            >>> announced = alice.dht.provide(cid)
            >>> found = bob.dht.find_providers(cid)
            >>> [peer.name for peer in found.providers]
            ['alice']
        """
        return self._world.run(self._inside.find_providers, cid, count)

    def find_peer(self, peer: object) -> Lookup:
        """Find a peer and its addresses by its id, or its name in this lab.

        Args:
            peer: a node, a node's name or a peer id

        Returns:
            The Lookup: ``peer`` is a PeerInfo, or None.

        Example:
            >>> found = alice.dht.find_peer(carol.peer_id)
            >>> found.peer.name
            'carol'
        """
        return self._world.run(self._inside.find_peer, dht_peer(peer))

    def closest_peers(self, key: object) -> Lookup:
        """Find the k peers that are closest to a key.

        Args:
            key: a path such as /lab/greeting, a peer id, a node or its name, or a raw key (bytes)

        Returns:
            The Lookup: ``peers``, the closest first.

        Example:
            >>> found = alice.dht.closest_peers("/lab/greeting")
            >>> sorted(peer.name for peer in found.peers)
            ['bob', 'carol']
        """
        wanted = key if isinstance(key, bytes) else dht_peer(key)
        return self._world.run(self._inside.closest_peers, wanted)

    def bootstrap(self) -> Lookup:
        """Join the DHT, or join it anew: look the node itself up, and refresh every bucket beside it.

        Returns:
            The Lookup of the node itself.
        """
        return self._world.run(self._inside.bootstrap)
