"""A random walk through the DHT: look up keys drawn at random, and meet whoever is on the way there.

As py-libp2p's: every 120 s, three lookups at once, each of 32 random bytes. A walk that meets nobody (the table is
empty at first) is made again after 10 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from p2plab.discovery.found import Found
from p2plab.errors import LabError
from p2plab.host.discovery.way import HostWay
from p2plab.identity.address import parse_address
from p2plab.typing import PeerInfo, Timer

if TYPE_CHECKING:
    from p2plab.host.discovery.service import DiscoveryService

__all__ = ["RandomWalkWay"]

PERIOD: Final = 120.0  # seconds
SOON: Final = 10.0
FIRST: Final = 1.0
AT_ONCE: Final = 3
KEY: Final = 32  # bytes


class RandomWalkWay(HostWay):
    """It finds whom the lookups' queries reached: they have answered, and the routing table has heard of them."""

    name: ClassVar[str] = "random-walk"
    general: ClassVar[bool] = True

    def __init__(self, service: DiscoveryService) -> None:
        super().__init__(service)
        self._timer: Timer | None = None

    def begin(self) -> None:
        self._later(FIRST)

    def _later(self, seconds: float) -> None:
        if self.host.running:
            self._timer = self.host.world.runtime.timer(seconds, self._start)

    def _start(self) -> None:
        with self.host.world.events.because(-1):  # time has passed
            self.host.spawn(self._walk, f"{self.host.name} walking through the DHT")

    async def _walk(self) -> None:
        found: dict[str, Found] = {}
        await self.service.side_by_side([partial(self._look_up, found) for _ in range(AT_ONCE)], None)
        self._later(PERIOD if found else SOON)

    async def _look_up(self, found: dict[str, Found]) -> None:
        draws = self.host.world.runtime.random(f"discovery/{self.host.name}")
        try:
            lookup = await self.host.dht_verbs.closest_peers(draws.randbytes(KEY))
        except (LabError, TimeoutError) as error:
            self.service.failed(self.name, None, error, "walk")
            return
        for info in lookup.peers:
            found[info.peer_id] = as_found(info)
            self.service.note(found[info.peer_id], self.name, None)

    def went_down(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def came_back(self, kept: bool) -> None:
        self._later(FIRST)

    async def find(self, namespace: str | None, limit: int) -> Sequence[Found]:
        found: dict[str, Found] = {}
        await self._look_up(found)
        return list(found.values())[:limit]


def as_found(info: PeerInfo) -> Found:
    """A peer that a lookup gave."""
    return Found(info.peer_id, tuple(parse_address(address).base for address in info.addresses))
