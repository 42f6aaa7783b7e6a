"""``lab.dht``: the DHTs of all nodes of a mock lab at once. What takes no lab time is in ``LabDhtFace``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from p2plab.commanded import commanded
from p2plab.errors import UnknownNodeError
from p2plab.errors.checked import flag
from p2plab.errors.frames import Faced
from p2plab.progress import watched
from p2plab.text import plural

if TYPE_CHECKING:
    from p2plab.identity.cid import Cid
    from p2plab.kademlia.lookups.survey import CrawlResult, Holders, KeySpaceView
    from p2plab.mock.world import MockWorld

__all__ = ["AsyncLabDht", "LabDhtFace"]


class LabDhtFace(Faced):
    """What both faces share: what takes no lab time."""

    def __init__(self, world: MockWorld) -> None:
        self._world = world

    def __repr__(self) -> str:
        return f"<the DHT of a {self._world.backend} lab of {plural(len(self._world.hosts()), 'node')}>"

    @commanded("dht", "dht_fill", worlds="mock", result="entries")
    def fill(self, upkeep: bool = False) -> int:
        """Give every node the routing table it would have after hours of life, at once and without a message.

        Args:
            upkeep: have every node refresh and expire by itself from now on; a node begins that anyway when it first
                uses its DHT

        Returns:
            How many entries that made.

        Example:
            >>> lab.dht.fill()
            6
        """
        with watched("filling routing tables", None, lambda: 0.0):
            return self._world.call(self._world.dht.fill, flag(upkeep, "upkeep"))

    @commanded("dht", "dht_put alice /lab/greeting hi; dht_holders /lab/greeting", worlds="mock", echo=("key",))
    def holders(self, key: str | bytes | Cid) -> Holders:
        """Show which nodes hold a key's value or providers, and which should.

        Args:
            key: a path such as /lab/greeting, a CID, a peer id, a node's name, or a raw key (bytes)

        Returns:
            Holders: ``holding``, ``should``, ``missing`` and ``extra``, lists of PeerInfo.

        Raises:
            UnknownNodeError: the lab has no nodes.

        Example:
            >>> alice.dht.put("/lab/greeting", b"hi").found
            True
            >>> [peer.name for peer in lab.dht.holders("/lab/greeting").holding]
            ['carol', 'alice', 'bob']
        """
        self._names()
        return self._world.read(self._world.dht.holders, key)

    def key_space(self, key: str | bytes | Cid | None = None) -> KeySpaceView:
        """Show where the nodes sit in the key space: what a picture of it is drawn from.

        Args:
            key: a key to measure their distances from; left out, none are measured

        Example:
            >>> [place.peer.name for place in lab.dht.key_space("/lab/greeting").places]
            ['carol', 'alice', 'bob']
        """
        return self._world.read(self._world.dht.key_space, key)

    def _start(self, start: Any) -> str:
        return self._names()[0] if start is None else str(start)

    def _names(self) -> list[str]:
        names = list(self._world.hosts())
        if not names:
            raise UnknownNodeError("this lab has no nodes yet: lab.start_nodes(20) starts some")
        return names


class AsyncLabDht(LabDhtFace):
    """The DHTs of all nodes of a mock lab at once."""

    @commanded("dht", "dht_crawl", "dht_crawl start=bob", worlds="mock")
    async def crawl(self, start: Any = None) -> CrawlResult:
        """See the network as a crawler does, which asks everybody for everybody.

        Args:
            start: the node where it begins, or its name; left out, the first node

        Returns:
            CrawlResult: ``nodes``, ``requests``, ``silent``.

        Raises:
            UnknownNodeError: the lab has no such node, or none at all.
        """
        return await self._world.arun(self._world.dht.crawl, self._start(start))
