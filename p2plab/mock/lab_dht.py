"""``lab.dht``: what concerns the DHTs of all nodes of a mock lab at once."""

from __future__ import annotations

from typing import Any

from p2plab.kademlia.survey import CrawlResult, Holders
from p2plab.mock.world import MockWorld
from p2plab.typing import Host

__all__ = ["LabDht"]


class LabDht:
    """The DHTs of a mock lab."""

    def __init__(self, world: MockWorld) -> None:
        self._world = world

    def fill(self) -> int:
        """Give every node the routing table it would have after hours of life, at once and without a message; returns
        how many entries that made."""
        return self._world.do(self._world.dht.fill)

    def holders(self, key: str | bytes) -> Holders:
        """Which nodes store what a key stands for, and which should."""
        return self._world.look(self._world.dht.holders, key)

    def crawl(self, start: Host | Any = None) -> CrawlResult:
        """The network as a crawler sees it that begins with the node ``start`` (the first one)."""
        name = next(iter(self._world.hosts())) if start is None else str(start)
        return self._world.run(self._world.dht.crawl, name)
