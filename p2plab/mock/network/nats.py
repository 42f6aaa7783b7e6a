"""``lab.network``: NAT boxes in front of mock nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p2plab.host.nat.boxes import IpPlaces
from p2plab.host.nat.boxes import NatVerbs as SharedVerbs
from p2plab.mock.nat import Boxes
from p2plab.mock.network.names import Names

if TYPE_CHECKING:
    from p2plab.mock.host import MockHost

__all__ = ["NatVerbs"]


class NatVerbs(Names, SharedVerbs):
    """Boxes in front of nodes."""

    def _boxes(self) -> Boxes:
        return self._world.with_boxes()

    @property
    def _places(self) -> IpPlaces:
        return self._world.listeners

    def _move(self, host: MockHost, ip: str) -> None:
        self._world.listeners.move(host, ip)
        host.moved()
