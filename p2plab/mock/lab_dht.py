"""``lab.dht``: what concerns the DHTs of all nodes of a mock lab at once."""

from __future__ import annotations

from typing import Any

from p2plab.errors import UnknownNodeError
from p2plab.kademlia.lookups.survey import CrawlResult, Holders, KeySpaceView
from p2plab.mock.world import MockWorld
from p2plab.typing import Host

__all__ = ["AsyncLabDht", "LabDht"]


class _LabDht:
    """What both faces share."""

    def __init__(self, world: MockWorld) -> None:
        self._world = world

    def fill(self, upkeep: bool = False) -> int:
        """Give every node the routing table it would have after hours of life, at once and without a message; returns
        how many entries that made. A node begins its upkeep (refreshing, expiry) when its ``dht`` is used; ``upkeep``
        has all of them begin now."""
        return self._world.do(self._world.dht.fill, upkeep)

    def holders(self, key: str | bytes) -> Holders:
        """Which nodes store what a key stands for, and which should."""
        return self._world.look(self._world.dht.holders, key)

    def key_space(self, key: str | bytes | None = None) -> KeySpaceView:
        """Where the nodes sit in the key space, and how near to a key: what a picture of it is drawn from."""
        return self._world.look(self._world.dht.key_space, key)

    def _start(self, start: Host | Any) -> str:
        names = list(self._world.hosts())
        if start is None and not names:
            raise UnknownNodeError("a crawl begins at a node, and this lab has none yet")
        return names[0] if start is None else str(start)


class LabDht(_LabDht):
    """The DHTs of a mock lab."""

    def crawl(self, start: Host | Any = None) -> CrawlResult:
        """The network as a crawler sees it that begins with the node ``start`` (the first one)."""
        return self._world.run(self._world.dht.crawl, self._start(start))


class AsyncLabDht(_LabDht):
    """The DHTs of a mock lab, for code that awaits."""

    async def crawl(self, start: Host | Any = None) -> CrawlResult:
        """See ``LabDht.crawl``."""
        return await self._world.arun(self._world.dht.crawl, self._start(start))
