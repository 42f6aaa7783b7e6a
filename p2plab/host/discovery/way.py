"""What a way of finding peers is, bound to a node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from p2plab.discovery.found import Found
from p2plab.errors import NotInThisWorldError

if TYPE_CHECKING:
    from p2plab.host.discovery.service import DiscoveryService
    from p2plab.host.host import Host

__all__ = ["HostWay"]


class HostWay:
    """Derive from it, give it a name of ``p2plab.discovery.settings.WAYS``, and override what it can do.

    ``namespaced``: whether it finds who is in a namespace; ``advertises``: whether it can say that the node is in one;
    ``general``: whether it finds peers without a namespace.
    """

    name: ClassVar[str]
    namespaced: ClassVar[bool] = False
    advertises: ClassVar[bool] = False
    general: ClassVar[bool] = False

    def __init__(self, service: DiscoveryService) -> None:
        self.service = service
        self.host: Host[Any] = service.host

    @property
    def can_search(self) -> bool:
        """Whether there is anybody to ask, so that looking again and again has a point."""
        return True

    def begin(self) -> None:
        """Answer its protocols, and begin what it does by itself."""

    def went_down(self) -> None:
        """The node was stopped, or crashed."""

    def came_back(self, kept: bool) -> None:
        """It runs again, with what it knew or without."""

    async def advertise(self, namespace: str, ttl: float | None) -> float:
        """Have others find this node under a namespace; the seconds for which it stays.
        Raises LabError, TimeoutError."""
        raise NotInThisWorldError(f"{self.name} advertises nothing")

    async def find(self, namespace: str | None, limit: int) -> Sequence[Found]:
        """Who is in a namespace, or anybody at all. Raises LabError, TimeoutError."""
        raise NotInThisWorldError(f"{self.name} finds nothing")

    async def withdraw(self, namespace: str) -> None:
        """Have others find this node there no more, as far as that can be. Raises LabError, TimeoutError."""
