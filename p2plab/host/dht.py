"""What ``node.dht`` can be asked, in every world: what acts begins the DHT's life, what only asks never does.

A DHT is made when it is first used: by a verb of its node's that acts, or by a request that reaches it. Until then,
readers are shown one that is made for the question alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from p2plab.kademlia import KademliaRoutingTable
from p2plab.kademlia.lookups.result import Lookup
from p2plab.kademlia.shell.dht import DhtVerbs

if TYPE_CHECKING:
    from p2plab.host.basis import HostBasis
    from p2plab.identity.cid import Cid

__all__ = ["HostDht"]


class HostDht:
    """Implements ``DhtVerbs`` over the DHT of a host: ``Host.use_dht`` and ``Host.look_at_dht`` give it."""

    def __init__(self, host: HostBasis[Any]) -> None:
        self.ref = f"dht {host.name}"
        self._host = host

    def _used(self) -> DhtVerbs:
        return self._host.use_dht()

    def _seen(self) -> DhtVerbs:
        return self._host.look_at_dht()

    async def put(self, key: str | bytes, value: bytes | str) -> Lookup:
        return await self._used().put(key, value)

    async def get(self, key: str | bytes, quorum: int | None = None) -> Lookup:
        return await self._used().get(key, quorum)

    async def provide(self, cid: str | bytes | Cid) -> Lookup:
        return await self._used().provide(cid)

    async def find_providers(self, cid: str | bytes | Cid, count: int | None = None) -> Lookup:
        return await self._used().find_providers(cid, count)

    async def find_peer(self, peer: str) -> Lookup:
        return await self._used().find_peer(peer)

    async def closest_peers(self, key: str | bytes) -> Lookup:
        return await self._used().closest_peers(key)

    async def bootstrap(self) -> Lookup:
        return await self._used().bootstrap()

    def set_mode(self, mode: str) -> None:
        self._used().set_mode(mode)

    def reachability(self, public: bool | None) -> None:
        self._used().reachability(public)

    def stop_putting(self, key: str | bytes) -> bool:
        return self._seen().stop_putting(key)

    def stop_providing(self, cid: str | bytes | Cid) -> bool:
        return self._seen().stop_providing(cid)

    def routing_table(self) -> KademliaRoutingTable:
        return self._seen().routing_table()

    def why_not(self, peer: str) -> str:
        return self._seen().why_not(peer)

    def mode(self) -> str:
        return self._seen().mode()

    def __repr__(self) -> str:
        return self._host.dht_shown()
