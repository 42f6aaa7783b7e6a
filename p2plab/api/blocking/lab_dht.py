# Made of p2plab/api/aio/lab_dht.py by `python p2plab/api/generate.py`: change that file and run it again.

"""``lab.dht``: the DHTs of all nodes of a mock lab at once. What takes no lab time is in ``LabDhtFace``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from p2plab.api.aio.lab_dht import LabDhtFace

if TYPE_CHECKING:
    from p2plab.kademlia.lookups.survey import CrawlResult

__all__ = ["LabDht"]


class LabDht(LabDhtFace):
    """The DHTs of all nodes of a mock lab at once."""

    def crawl(self, start: Any = None) -> CrawlResult:
        """See the network as a crawler does, which asks everybody for everybody.

        Args:
            start: the node where it begins, or its name; left out, the first node

        Returns:
            CrawlResult: ``nodes``, ``requests``, ``silent``.

        Raises:
            UnknownNodeError: the lab has no such node, or none at all.
        """
        return self._world.run(self._world.dht.crawl, self._start(start))
