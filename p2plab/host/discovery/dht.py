"""Namespaces in the DHT, as go-libp2p's routing discovery has them: who is in a namespace provides its key.

The key is a CID of version 1, raw, over the SHA-256 of the namespace's text, so that go's nodes and these meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from p2plab.discovery.found import Found
from p2plab.errors import DiscoveryError
from p2plab.host.discovery.walk import as_found
from p2plab.host.discovery.way import HostWay

__all__ = ["DhtWay", "namespace_key"]

AGAIN = 22 * 3600.0  # seconds; go-libp2p's Amino DHT publishes provider records anew after 22 h, which live for 48 h


def namespace_key(namespace: str) -> str:
    """The CID of a namespace, as text."""
    from p2plab.identity.cid import cid_of

    return cid_of(namespace.encode())


class DhtWay(HostWay):
    """A registration lives as long as the DHT's provider records do, whatever TTL was asked for."""

    name: ClassVar[str] = "dht"
    namespaced: ClassVar[bool] = True
    advertises: ClassVar[bool] = True

    async def advertise(self, namespace: str, ttl: float | None) -> float:
        lookup = await self.host.dht_verbs.provide(namespace_key(namespace))
        if not lookup.peers:
            raise DiscoveryError(f"no peer of the DHT took it: {lookup.reason}")
        return AGAIN

    async def find(self, namespace: str | None, limit: int) -> Sequence[Found]:
        if namespace is None:
            return []
        lookup = await self.host.dht_verbs.find_providers(namespace_key(namespace), limit)
        return [as_found(info) for info in lookup.providers]

    async def withdraw(self, namespace: str) -> None:
        self.host.dht_verbs.stop_providing(namespace_key(namespace))
