"""A protocol with a core of its own, bound to a host: once, for every world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

if TYPE_CHECKING:
    from p2plab.host.host import Host
    from p2plab.host.protocols import HostConnection
    from p2plab.protocols.identify import Identify

__all__ = ["LATE", "HostService"]

LATE: Final = {
    "content": "p2plab.host.content",
    "discovery": "p2plab.host.discovery",
    "graphsync": "p2plab.host.content.syncing",
    "pinning": "p2plab.host.content.pinning",
}
"""The modules of those that are imported when a lab first needs them, by kind."""

S = TypeVar("S", bound="HostService")


class HostService:
    """Derive from it, and override what matters; ``of`` gives a host's, which is made when first asked for.

    Making it changes nothing, since asking is never acting. What acts calls ``use`` first: that calls ``begin``, once,
    which has the host answer its protocols. It implements ``PeerListener``. Its coroutines and methods can be verbs of
    a face (``world.run(service.verb, ...)``), which a mock lab writes into its history under ``ref``. ``kind`` is a
    word of its own, such as ``"time"``.
    """

    kind: ClassVar[str]
    kinds: ClassVar[dict[str, type[HostService]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "kind" in vars(cls):
            HostService.kinds[cls.kind] = cls

    def __init__(self, host: Host[Any]) -> None:
        self.host = host
        self._is_used = False
        self.ref = f"{self.kind} {host.name}"
        host.services[self.kind] = self
        host.listeners = (*host.listeners, self)

    @classmethod
    def of(cls: type[S], host: Host[Any]) -> S:
        """The one of this host."""
        found = host.services.get(cls.kind)
        return found if isinstance(found, cls) else cls(host)

    def use(self) -> None:
        """Have it begin, if it has not."""
        if not self._is_used:
            self._is_used = True
            self.begin()

    def begin(self) -> None:
        """Answer its protocols from now on."""

    def peer_connected(self, connection: HostConnection) -> None:
        """A connection to a peer is ready."""

    def peer_identified(self, peer: int, said: Identify) -> None:
        """A peer has said what it speaks, or what is new of that."""

    def peer_disconnected(self, peer: int) -> None:
        """The last connection to a peer is gone."""

    def went_down(self) -> None:
        """The node was stopped, or crashed: its tasks have ended, its handlers stay."""

    def came_back(self, kept: bool) -> None:
        """The node runs again, with what it knew (``kept``) or without."""

    def closed(self) -> None:
        """The lab is over: let go of files."""
