"""The verbs of a node's DHT as coroutines inside the lab: ``NodeDht``, which ``p2plab.api`` gives its faces."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from p2plab.errors import PeerIdError, UnknownNodeError, ValidationError
from p2plab.errors.checked import utf8
from p2plab.identity.cid import Cid, as_cid, multihash_of
from p2plab.kademlia.key import KeySpace
from p2plab.kademlia.lookups.result import Concluded, Lookup, Released
from p2plab.kademlia.lookups.searches import ClosestPeers, FindPeer, FindProviders, Provide
from p2plab.kademlia.lookups.survey import Crawl, CrawlResult
from p2plab.kademlia.lookups.values import GetValue, PutValue
from p2plab.kademlia.operations import Operation
from p2plab.kademlia.shell.interface import KademliaNetworkInterface
from p2plab.kademlia.shell.why_not import why_not_in_table
from p2plab.kademlia.storage.records import record_key
from p2plab.kademlia.table.routing_table import KademliaRoutingTable

__all__ = ["DhtVerbs", "NodeDht", "place_of", "someone_else", "value_bytes", "wanted_count"]


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


# What the verbs are given, checked: the same whatever carries them out.


def value_bytes(value: bytes | str) -> bytes:
    """A value as bytes. Raises ValidationError."""
    data = utf8(value, "the value") if isinstance(value, str) else value
    if not isinstance(data, bytes):
        raise ValidationError(f"a value is bytes, or text that becomes UTF-8, not {value!r}")
    return data


def wanted_count(given: int | None, default: int) -> int:
    """How many answers end a search (0: none do). Raises ValidationError."""
    if given is None:
        return default
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise ValidationError(f"a number of answers to wait for is a whole number from 0 up, not {given!r}")
    return given


def place_of(key: str | bytes | Cid, space: KeySpace, find: Callable[[str], int]) -> bytes:
    """The bytes whose sha256 is the place of a key: of a path, of a peer (whom ``find`` knows), of a CID, which is its
    multihash's (libp2p/specs kad-dht, "Content provider advertisement"), or of the bytes given. Text that names a peer
    is the peer's. Raises ValidationError, PeerIdError, UnknownNodeError."""
    if isinstance(key, Cid):
        return key.multihash
    if isinstance(key, bytes):
        if not key:
            raise ValidationError("an empty key has no place")
        return key
    if not isinstance(key, str):
        raise ValidationError(f"a key is a path, a peer id, a CID or bytes, not {key!r}")
    if key.startswith("/"):
        return record_key(key)
    try:
        return space.binary(find(key))
    except (UnknownNodeError, PeerIdError) as nobody:
        try:
            return as_cid(key).multihash
        except ValidationError:
            raise nobody from None


def someone_else(peer: int, me: int, space: KeySpace) -> int:
    """The peer that is looked for. ValidationError where that is the node itself."""
    if peer == me:
        raise ValidationError(f"{space.peer_id(peer)!r} is the node that was asked: it need not be looked for")
    return peer
