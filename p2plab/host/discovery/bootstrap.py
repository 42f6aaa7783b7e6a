"""The bootstrap list as a way of finding peers: dialled at the start, and again whenever its peers are gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from p2plab.discovery.found import Found
from p2plab.errors import LabError
from p2plab.host.bootstrap import Bootstrap
from p2plab.host.discovery.way import HostWay
from p2plab.host.names import target_of
from p2plab.typing import Connection, Timer

if TYPE_CHECKING:
    from p2plab.host.discovery.service import DiscoveryService

__all__ = ["BootstrapWay"]

PERIOD: Final = 30.0  # seconds; kubo's BootstrapConfig.Period
ENOUGH: Final = 4  # peers; kubo's MinPeerThreshold


class BootstrapWay(HostWay):
    """Every 30 s, a node with fewer than four peers, or with none of its list, dials its list, as kubo does. Where the
    list is empty, it is the lab's first node. It joins the DHT too, where the node has one of the ways that use it."""

    name: ClassVar[str] = "bootstrap"
    general: ClassVar[bool] = True

    def __init__(self, service: DiscoveryService) -> None:
        super().__init__(service)
        self._bootstrap: Bootstrap | None = None
        self._timer: Timer | None = None
        self._known: set[str] = set()  # the peers of the list that it has reached

    def targets(self) -> tuple[str, ...]:
        """Whom to dial."""
        given = self.host.discovery_settings.bootstrap
        if given:
            return given
        first = next(iter(self.host.world.hosts()), self.host.name)
        return () if first == self.host.name else (first,)

    def begin(self) -> None:
        host, ways = self.host, self.host.discovery_settings.ways or ()
        joins = "dht" in ways or "random-walk" in ways
        world = host.world
        self._bootstrap = Bootstrap(
            host, self.targets(), world.runtime, world.events, host.spawn, joins, reached=self._reached
        )
        self._bootstrap.begin()
        self._watch()

    def _reached(self, connection: Connection) -> None:
        self._known.add(str(connection.peer))
        self.service.note(Found(connection.peer), self.name, None)

    def _watch(self) -> None:
        if self.targets():
            self._timer = self.host.world.runtime.timer(PERIOD, self._look)

    def _look(self) -> None:
        host = self.host
        if not host.running:
            return
        connected = {str(info.peer_id) for info in host.peers()}
        if (len(connected) < ENOUGH or not self._known & connected) and self._bootstrap is not None:
            missing = [target for target in self.targets() if self._peer(target) not in connected]
            if missing:
                with host.world.events.because(-1):  # time has passed
                    self._bootstrap.begin(missing)
        self._watch()

    def _peer(self, target: str) -> str | None:
        """The id of a peer of the list; None for a name that means nobody yet, or several."""
        try:
            return target_of(self.host, target).peer_id
        except LabError:
            return None

    def went_down(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def came_back(self, kept: bool) -> None:
        self.begin()

    async def find(self, namespace: str | None, limit: int) -> Sequence[Found]:
        found = []
        for target in self.targets():
            try:
                known = target_of(self.host, target)
            except LabError:
                continue  # its node may start later
            if known.peer_id is not None:
                found.append(Found(known.peer_id, tuple(address.partition("/p2p/")[0] for address in known.addresses)))
        return found[:limit]
