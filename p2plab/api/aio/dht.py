"""``node.dht``: the verbs of a node's DHT (kad-dht/README.md). What takes no lab time stands in ``DhtFace``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from p2plab.api.arguments import LIBRARIES
from p2plab.commanded import commanded
from p2plab.errors import ValidationError
from p2plab.errors.frames import Faced

if TYPE_CHECKING:
    from p2plab.identity.cid import Cid
    from p2plab.kademlia import KademliaRoutingTable
    from p2plab.kademlia.lookups.result import Lookup
    from p2plab.kademlia.shell.dht import DhtVerbs
    from p2plab.worlds import World

A_CID = "bafkreidon73zkcrwdb5iafqtijxildoonbwnpv7dyd6ef3qdgads2jc4su"

__all__ = ["AsyncDht", "DhtFace", "dht_peer"]


class DhtFace(Faced):
    """What both faces of a node's DHT share: what takes no lab time."""

    def __init__(self, inside: DhtVerbs, world: World) -> None:
        self._inside = inside
        self._world = world

    @commanded("dht", "dht_routing_table alice")
    def routing_table(self) -> KademliaRoutingTable:
        """Show the node's own routing table: its buckets, who is in them, and who waits for a place.

        Example:
            >>> [peer.name for peer in alice.dht.routing_table()]
            ['bob']
        """
        return self._world.read(self._inside.routing_table)

    @commanded("dht", "dht_why_not alice bob", result="why")
    def why_not(self, peer: object) -> str:
        """Say why a peer is not in the node's routing table, or that it is, with the numbers it was decided on.

        Args:
            peer: a node, a node's name or a peer id

        Raises:
            UnknownNodeError, PeerIdError: it names no peer.
        """
        return self._world.read(self._inside.why_not, dht_peer(peer))

    @property
    def mode(self) -> str:
        """``client`` (it asks, and answers nothing) or ``server``."""
        return self._world.read(self._inside.mode)

    def set_mode(self, mode: str) -> None:
        """Make the node a client or a server of the DHT, and tell its peers.

        Args:
            mode: ``client``: it answers nothing and is in nobody's table; ``server``: it does and is

        Raises:
            ValidationError: neither of the two.
        """
        self._world.call(self._inside.set_mode, mode)

    def reachability(self, public: bool | None) -> None:
        """Tell the node whether it can be reached from outside.

        A node of mode ``auto`` (``DhtParams(mode="auto")``), which begins as a client, becomes a server or a client by
        that, and tells its peers. Any other keeps its mode.

        Args:
            public: True, False, or None if that is not known

        Raises:
            ValidationError: something else.

        Example:
            >>> from p2plab.kademlia import DhtParams
            >>> dave = lab.start_node("dave", dht=DhtParams(mode="auto"))
            >>> dave.dht.reachability(True)
            >>> dave.dht.mode
            'server'
        """
        if public is not None and not isinstance(public, bool):
            raise ValidationError(f"reachability is True, False or None (not known), not {public!r}")
        self._world.call(self._inside.reachability, public)

    def stop_putting(self, key: str | bytes) -> bool:
        """Stop putting a value again and again.

        Args:
            key: the key that ``put`` was given

        Returns:
            Whether this node did put it.
        """
        return self._world.call(self._inside.stop_putting, key)

    def stop_providing(self, cid: str | bytes | Cid) -> bool:
        """Stop announcing a CID again and again.

        Args:
            cid: the CID that ``provide`` was given

        Returns:
            Whether this node did announce it.
        """
        return self._world.call(self._inside.stop_providing, cid)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._inside!r}>"


class AsyncDht(DhtFace):
    """``node.dht`` of an AsyncNode: a verb that takes lab time returns when it is done.

    Every lookup gives a ``Lookup``: ``found``, what was found (``value``, ``providers``, ``peer``, ``peers``), the
    ``path`` of its queries in order, ``hops``, ``duration`` (seconds) and ``why()``.
    """

    @commanded("dht", "dht_put alice /lab/greeting hi")
    async def put(self, key: str | bytes, value: bytes | str) -> Lookup:
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
            >>> stored = await alice.dht.put("/lab/greeting", b"hi")
            >>> stored.found
            True
        """
        return await self._world.arun(self._inside.put, key, value)

    @commanded("dht", "dht_put alice /lab/greeting hi; dht_get bob /lab/greeting")
    async def get(self, key: str | bytes, quorum: int | None = None) -> Lookup:
        """Find a value in the DHT.

        Args:
            key: a path such as /lab/greeting, or a raw key (bytes)
            quorum: how many values end the search (0: none do); left out, the node's setting (``DhtParams.quorum``)

        Returns:
            The Lookup: ``value`` is the best of the values found, bytes, or None.

        Raises:
            ValidationError: no known namespace, or a quorum that is no whole number from 0 up.

        Example:
            >>> stored = await alice.dht.put("/lab/greeting", b"hi")
            >>> found = await bob.dht.get("/lab/greeting")
            >>> found.value
            b'hi'
        """
        return await self._world.arun(self._inside.get, key, quorum)

    @commanded("dht", f"dht_provide alice {A_CID}")
    async def provide(self, cid: str | bytes | Cid) -> Lookup:
        """Announce in the DHT that the node provides some content, now and again later.

        Args:
            cid: a CID, text (bafkrei… or Qm…) or bytes

        Returns:
            The Lookup of the closest peers: ``peers`` are those that were told.

        Raises:
            ValidationError: no CID.

        Example:
            >>> cid = await alice.content.add(b"hello")
            >>> lookup = await alice.dht.provide(cid)
            >>> [peer.name for peer in lookup.peers]
            ['bob', 'carol']
        """
        return await self._world.arun(self._inside.provide, cid)

    @commanded("dht", f"dht_provide alice {A_CID}; dht_find_providers bob {A_CID}", takes={"count": "Amount"})
    async def find_providers(self, cid: str | bytes | Cid, count: int | None = None) -> Lookup:
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
            >>> announced = await alice.dht.provide(cid)
            >>> found = await bob.dht.find_providers(cid)
            >>> [peer.name for peer in found.providers]
            ['alice']
        """
        return await self._world.arun(self._inside.find_providers, cid, count)

    @commanded("dht", "dht_find_peer alice bob")
    async def find_peer(self, peer: object) -> Lookup:
        """Find a peer and its addresses by its id, or its name in this lab.

        Args:
            peer: a node, a node's name or a peer id

        Returns:
            The Lookup: ``peer`` is a PeerInfo, or None.

        Example:
            >>> found = await alice.dht.find_peer(carol.peer_id)
            >>> found.peer.name
            'carol'
        """
        return await self._world.arun(self._inside.find_peer, dht_peer(peer))

    @commanded("dht", "dht_closest_peers alice /lab/greeting")
    async def closest_peers(self, key: object) -> Lookup:
        """Find the k peers that are closest to a key.

        Args:
            key: a path such as /lab/greeting, a peer id, a node or its name, or a raw key (bytes)

        Returns:
            The Lookup: ``peers``, the closest first.

        Example:
            >>> found = await alice.dht.closest_peers("/lab/greeting")
            >>> sorted(peer.name for peer in found.peers)
            ['bob', 'carol']
        """
        wanted = key if isinstance(key, bytes) else dht_peer(key)
        return await self._world.arun(self._inside.closest_peers, wanted)

    async def bootstrap(self) -> Lookup:
        """Join the DHT, or join it anew: look the node itself up, and refresh every bucket beside it.

        Returns:
            The Lookup of the node itself.
        """
        return await self._world.arun(self._inside.bootstrap)


def dht_peer(peer: object) -> str:
    """The id or name of a peer given as a node, a PeerInfo, a name or an id. ValidationError for anything else."""
    named: Any = getattr(peer, "peer_id", peer)
    if type(named).__module__.partition(".")[0] in LIBRARIES:
        named = str(named)  # py-libp2p's ID
    if not isinstance(named, str):
        raise ValidationError(f"a peer is a node, its name, or a peer id, not {peer!r}")
    return named
