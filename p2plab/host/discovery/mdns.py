"""mDNS, bound to a node: it asks its segment who is there, answers others, and dials whom it hears of.

The packets are real ones (``p2plab.discovery.mdns``). In a mock lab they go over a simulated medium, a segment of the
network; a real node's are py-libp2p's own, and only where it was started with ``mdns=True``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from p2plab.constants import TICKS_PER_SECOND
from p2plab.discovery.found import Found
from p2plab.discovery.mdns.core import Mdns
from p2plab.errors import ProtocolViolation
from p2plab.host.discovery.way import HostWay
from p2plab.typing import Timer

if TYPE_CHECKING:
    from p2plab.host.discovery.service import DiscoveryService

__all__ = ["MdnsWay"]

SOONEST: Final = 200  # ticks before an answer that others may give too (RFC 6762, section 6: 20 to 120 ms)
LATEST: Final = 1_200
ENOUGH: Final = 6  # peers, with which a node dials nobody it hears of


class MdnsWay(HostWay):
    """It dials whom it hears of while it has fewer than six peers."""

    name: ClassVar[str] = "mdns"
    general: ClassVar[bool] = True

    def __init__(self, service: DiscoveryService) -> None:
        super().__init__(service)
        self._core: Mdns | None = None
        self._heard: dict[str, Found] = {}  # where the world's own library does it
        self._timers: dict[str, Timer] = {}

    def begin(self) -> None:
        host = self.host
        if host.has_segment:
            self._core = Mdns(host.peer_id, host.world.runtime.random(f"mdns/{host.name}"))
            self._ask()

    def _ask(self) -> None:
        if self._core is not None and self.host.running:
            with self.host.world.events.because(-1):  # time has passed
                self.host.multicast(self._core.ask())
            self._timers["ask"] = self.host.world.runtime.timer(self._core.pause, self._ask)

    def hear(self, data: bytes) -> None:
        """A packet has come over the segment."""
        host, core = self.host, self._core
        if core is None:
            return
        try:
            heard = core.heard(data, host.addresses, host.world.runtime.ticks())
        except ProtocolViolation as error:
            self.service.failed(self.name, None, error, "read a packet")
            return
        if heard.reply is not None and "answer" not in self._timers:
            draws = host.world.runtime.random(f"mdns/{host.name}")
            delay = draws.randrange(SOONEST, LATEST) / TICKS_PER_SECOND
            cause = host.world.events.cause
            self._timers["answer"] = host.world.runtime.timer(delay, partial(self._answer, heard.reply, cause))
        for one in heard.found:
            self.found(one)

    def _answer(self, reply: bytes, cause: int) -> None:
        self._timers.pop("answer", None)
        if self.host.running:
            with self.host.world.events.because(cause):
                self.host.multicast(reply)

    def found(self, one: Found) -> None:
        """A peer has said that it is there."""
        host = self.host
        self._heard[one.peer_id] = one
        event = self.service.note(one, self.name, None)
        if event is None or len(host.connected) >= ENOUGH or host.connected.get(self.service.index_of(one.peer_id)):
            return
        with host.world.events.because(event):
            host.spawn(partial(self.service.meet, one), f"{host.name} dialling a peer on its segment")

    def went_down(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def came_back(self, kept: bool) -> None:
        self._heard.clear()
        self.begin()

    async def find(self, namespace: str | None, limit: int) -> Sequence[Found]:
        if self._core is not None:
            return self._core.known(self.host.world.runtime.ticks())[:limit]
        return list(self._heard.values())[:limit]
