"""The routers that every node has, and what stands around those of a user's own."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from p2plab.errors import LabError, ValidationError
from p2plab.identity.cid import Cid
from p2plab.kademlia.lookups.result import Lookup
from p2plab.routing.router import RouterFinding, finding_of, verbs_of
from p2plab.text import RAISABLE, said_by
from p2plab.typing import PeerId, PeerInfo

if TYPE_CHECKING:
    from p2plab.host.host import Host
    from p2plab.host.routing.service import RoutingService

__all__ = ["DhtRouter", "LocalRouter", "OwnRouter"]


class LocalRouter:
    """What the node knows itself: its index of providers, its connections and its address book."""

    name = "local"

    def __init__(self, service: RoutingService) -> None:
        self._service = service

    async def find_providers(self, cid: Cid, count: int) -> RouterFinding:
        host = self._service.host
        held = self._service.index.providers(cid.multihash, host.world.runtime.ticks())
        return RouterFinding(providers=tuple(self._with(peer, addresses) for peer, addresses in held))

    async def find_peer(self, peer_id: PeerId) -> RouterFinding:
        host = self._service.host
        index = host.world.index_of(peer_id)
        said = host.said(index) if index >= 0 and host.connections_to(index) else None
        if said is not None:
            return RouterFinding(peer=host.info_of(peer_id, said), note="connected")
        known = host.book.addresses(peer_id)
        return RouterFinding(peer=self._with(peer_id, known), note="in the address book") if known else RouterFinding()

    async def provide(self, cid: Cid) -> RouterFinding:
        host = self._service.host
        self._service.index.add(cid.multihash, host.peer_id, (), host.world.runtime.ticks(), float("inf"))
        return RouterFinding(took=True)

    def _with(self, peer: PeerId, addresses: Sequence[str]) -> PeerInfo:
        host = self._service.host
        index = host.world.index_of(peer)
        named = peer if index < 0 else host.world.peer_id_at(index)
        if peer == host.peer_id:
            return PeerInfo(host.name, named, list(host.addresses))
        full = [f"{address}/p2p/{peer}" for address in addresses or host.book.addresses(peer)]
        return PeerInfo(named.name or named.short, named, full)


class DhtRouter:
    """The node's DHT."""

    name = "dht"

    def __init__(self, host: Host[Any]) -> None:
        self._host = host

    async def find_providers(self, cid: Cid, count: int) -> RouterFinding:
        return self._of("find_providers", await self._host.dht_verbs.find_providers(cid, count))

    async def find_peer(self, peer_id: PeerId) -> RouterFinding:
        return self._of("find_peer", await self._host.dht_verbs.find_peer(peer_id))

    async def provide(self, cid: Cid) -> RouterFinding:
        return self._of("provide", await self._host.dht_verbs.provide(cid))

    async def get(self, key: bytes) -> RouterFinding:
        return self._of("get", await self._host.dht_verbs.get(key))

    async def put(self, key: bytes, value: bytes) -> RouterFinding:
        return self._of("put", await self._host.dht_verbs.put(key, value))

    @staticmethod
    def _of(kind: str, lookup: Lookup) -> RouterFinding:
        took = kind in ("provide", "put") and lookup.found
        peers = tuple(lookup.peers)
        return RouterFinding(tuple(lookup.providers), lookup.peer, lookup.value, peers, took, lookup.reason, lookup)


class OwnRouter:
    """A router of the user's: what it raises harms nothing else, and what it gives is read strictly."""

    def __init__(self, service: RoutingService, router: Any) -> None:
        self.name: str = router.name
        self._service = service
        self._router = router

    def __getattr__(self, verb: str) -> Any:
        if verb.startswith("_") or verb not in verbs_of(self._router):
            raise AttributeError(verb)
        return partial(self._ask, verb)

    async def _ask(self, verb: str, *arguments: Any) -> RouterFinding:
        try:
            given = getattr(self._router, verb)(*arguments)
            answer = await given if inspect.isawaitable(given) else given
        except LabError:
            raise
        except RAISABLE as error:
            raise self._reported(error, f"{type(error).__name__}: {said_by(error)}") from error
        try:
            return finding_of(verb, answer, self._service.peer_info)
        except ValidationError as error:
            raise self._reported(error, str(error)) from error
        except RAISABLE as error:  # its answer's own code: what it iterates by, or its repr
            raise self._reported(error, f"{type(error).__name__}: {said_by(error)}") from error

    def _reported(self, error: BaseException, text: str) -> LabError:
        self._service.host.reporter("content router")(f"the router {self.name}", error)
        return LabError(text)
