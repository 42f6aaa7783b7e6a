"""The verbs of a node's DHT as coroutines inside the lab: ``NodeDht``, which ``p2plab.api`` gives its faces."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from p2plab.identity.cid import Cid, multihash_of
from p2plab.kademlia.arguments import place_of, someone_else, value_bytes, wanted_count
from p2plab.kademlia.lookups.result import Concluded, Lookup, Released
from p2plab.kademlia.lookups.searches import ClosestPeers, FindPeer, FindProviders, Provide
from p2plab.kademlia.lookups.survey import Crawl, CrawlResult
from p2plab.kademlia.lookups.values import GetValue, PutValue
from p2plab.kademlia.operations import Operation
from p2plab.kademlia.shell.interface import KademliaNetworkInterface
from p2plab.kademlia.shell.why_not import why_not_in_table
from p2plab.kademlia.storage.records import record_key
from p2plab.kademlia.table.routing_table import KademliaRoutingTable

__all__ = ["DhtVerbs", "NodeDht"]


class DhtVerbs(Protocol):
    """What a node's DHT can be asked, whatever carries it out."""

    ref: str

    async def put(self, key: str | bytes, value: bytes | str) -> Lookup:
        """Store a value under ``/namespace/name`` at the k closest peers. ValidationError where the key has no
        namespace that is known, or the value is too large, invalid, or worse than the one held; nothing is stored
        then."""

    async def get(self, key: str | bytes, quorum: int | None = None) -> Lookup:
        """Find the value under a key; ``quorum`` values end the search (0: none do)."""

    async def provide(self, cid: str | bytes | Cid) -> Lookup:
        """Announce that this node provides what the CID names, now and again later. ValidationError for no CID."""

    async def find_providers(self, cid: str | bytes | Cid, count: int | None = None) -> Lookup:
        """Find who provides what the CID names; ``count`` of them end the search (0: none do)."""

    async def find_peer(self, peer: str) -> Lookup:
        """Find a peer by its id (or its name in this lab)."""

    async def closest_peers(self, key: str | bytes) -> Lookup:
        """Find the k peers closest to a key: a path, a peer id, or bytes as they are."""

    async def bootstrap(self) -> Lookup:
        """Join, or join anew: look oneself up, and refresh every bucket beside it."""

    def routing_table(self) -> KademliaRoutingTable:
        """The node's own routing table."""

    def why_not(self, peer: str) -> str:
        """Why a peer is not in the routing table (or that it is), in a sentence."""

    def mode(self) -> str:
        """``client`` or ``server``."""

    def set_mode(self, mode: str) -> None:
        """Become a ``client``, which answers nothing and is in nobody's table, or a ``server``.
        Raises ValidationError."""

    def reachability(self, public: bool | None) -> None:
        """The node was found to be reachable from outside, or not (None: it is not known). A node of mode ``auto``
        becomes a server or a client by that; any other stays what it is."""

    def stop_putting(self, key: str | bytes) -> bool:
        """Do not put a value again any more; whether this node did."""

    def stop_providing(self, cid: str | bytes | Cid) -> bool:
        """Do not announce a CID again any more; whether this node did."""


class NodeDht:
    """The DHT of one node. ``find`` gives the index of a peer named by id or, in a lab, by name; ``awake`` waits for a
    node that is coming up, and raises ClosedError where it does not run."""

    def __init__(
        self,
        interface: KademliaNetworkInterface,
        name: str,
        find: Callable[[str], int] | None = None,
        awake: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self.ref = f"dht {name}"
        self.interface = interface
        self._awake = awake
        self._find = find if find is not None else interface.node.space.find

    async def put(self, key: str | bytes, value: bytes | str) -> Lookup:
        node = self.interface.node
        place = record_key(key)
        data = value_bytes(value)
        node.check_record(place, data, self.interface.runtime.ticks())
        await self._running()
        now = self.interface.runtime.ticks()
        self.interface.start()  # whoever publishes publishes again, also where its table was filled
        self.interface.carry_out(node.upkeep.put(place, data, now))
        return await self._run(PutValue(place, data))

    async def get(self, key: str | bytes, quorum: int | None = None) -> Lookup:
        return await self._run(GetValue(record_key(key), wanted_count(quorum, self.interface.node.params.quorum)))

    async def provide(self, cid: str | bytes | Cid) -> Lookup:
        node, key = self.interface.node, multihash_of(cid)
        await self._running()
        now = self.interface.runtime.ticks()
        self.interface.start()
        node.upkeep.provide(key, now)
        return await self._run(Provide(key))

    async def find_providers(self, cid: str | bytes | Cid, count: int | None = None) -> Lookup:
        wanted = wanted_count(count, self.interface.node.params.max_providers)
        return await self._run(FindProviders(multihash_of(cid), wanted))

    async def find_peer(self, peer: str) -> Lookup:
        node = self.interface.node
        wanted = someone_else(self._find(peer), node.me, node.space)
        return await self._run(FindPeer(wanted, node.space.binary(wanted)))

    async def closest_peers(self, key: str | bytes) -> Lookup:
        return await self._run(ClosestPeers(self.place(key)))

    async def bootstrap(self) -> Lookup:
        """Look oneself up; the routing table's other buckets are refreshed beside it."""
        node = self.interface.node
        await self._running()
        self.interface.bootstrap()
        return await self._run(ClosestPeers(node.space.binary(node.me), "bootstrap"))

    async def crawl(self) -> CrawlResult:
        """Ask everybody this node knows for their tables, then everybody they name, as a crawler does."""
        node = self.interface.node
        await self._running()
        crawl = Crawl(node.table.numbers() or node.seeds(node.table.key))
        await self.interface.run(crawl, limited=False)
        return CrawlResult(crawl, node.space)

    def why_not(self, peer: str) -> str:
        """Why a peer is not in this node's routing table (or that it is)."""
        node = self.interface.node
        return why_not_in_table(node.table, self._find(peer), self.interface.log, node.contacts)

    def stop_putting(self, key: str | bytes) -> bool:
        """Do not put a value again any more; whether this node did."""
        return self.interface.node.store.unpublish("value", record_key(key))

    def stop_providing(self, cid: str | bytes | Cid) -> bool:
        """Do not announce a CID again any more; whether this node did."""
        node, key = self.interface.node, multihash_of(cid)
        node.store.remove_provider(key, node.me)
        return node.store.unpublish("provider", key)

    def routing_table(self) -> KademliaRoutingTable:
        """The node's own routing table."""
        return self.interface.node.table

    def mode(self) -> str:
        """``client`` or ``server``."""
        return self.interface.node.mode

    def set_mode(self, mode: str) -> None:
        """Become a ``client`` or a ``server``."""
        self.interface.set_mode(mode)

    def reachability(self, public: bool | None) -> None:
        """The node was found to be reachable from outside, or not; moves one of mode ``auto``."""
        self.interface.reachability(public)

    def place(self, key: str | bytes) -> bytes:
        """The bytes whose sha256 is the place of a key: of a path, of a peer, or of the bytes given."""
        return place_of(key, self.interface.node.space, self._find)

    async def _running(self) -> None:
        if self._awake is not None:
            await self._awake()

    async def _run(self, operation: Operation) -> Lookup:
        await self._running()
        await self.interface.run(operation)
        node = self.interface.node
        over: Concluded = Released(operation, self.interface.runtime.ticks()) if operation.ended < 0 else operation
        return Lookup(over, node.space, node.me, node.params.k)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.interface.node!r}>"
