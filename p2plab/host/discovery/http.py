"""Servers of routing over HTTP as a way of finding peers: who provides a namespace's key, they are asked.

The servers are those that ``node.routing.use("http://...")`` names; the key is the DHT's (``dht.py``), so that a server
which asks a DHT gives who has advertised there. HTTP routing takes no provider records (IPIP-337), so it advertises
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from p2plab.discovery.found import Found
from p2plab.errors import DiscoveryError, LabError
from p2plab.host.discovery.dht import namespace_key
from p2plab.host.discovery.walk import as_found
from p2plab.host.discovery.way import HostWay
from p2plab.identity.cid import as_cid

__all__ = ["HttpWay"]


class HttpWay(HostWay):
    """It asks the servers one after another; one that fails is passed over while another answers."""

    name: ClassVar[str] = "http"
    namespaced: ClassVar[bool] = True

    def servers(self) -> list[Any]:
        """The node's content routers that are servers."""
        from p2plab.host.routing import RoutingService

        routers = RoutingService.of(self.host).routers
        return [router for name, router in routers.items() if name.startswith(("http://", "https://"))]

    @property
    def can_search(self) -> bool:
        return bool(self.servers())

    async def find(self, namespace: str | None, limit: int) -> Sequence[Found]:
        if namespace is None:
            return []
        servers, cid = self.servers(), as_cid(namespace_key(namespace))
        if not servers:
            raise DiscoveryError(
                f"{self.host.name} knows no server of routing over HTTP: {self.host.name}.routing.use('http://...')"
            )
        found: dict[str, Found] = {}
        errors: list[Exception] = []
        for server in servers:
            try:
                finding = await server.find_providers(cid, limit)
            except (LabError, TimeoutError) as error:
                errors.append(error)
                continue
            for info in finding.providers:
                found.setdefault(info.peer_id, as_found(info))
        if errors and not found:
            raise errors[0]
        return list(found.values())[:limit]
