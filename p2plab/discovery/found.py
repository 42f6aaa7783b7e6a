"""What discovery gives, and what it remembers of how each peer was found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from p2plab.text import shown
from p2plab.typing import PeerId

__all__ = ["Advertisement", "Findings", "Found"]

MOST: Final = 10_000  # peers whose way is remembered; those first found go


@dataclass(frozen=True, slots=True)
class Found:
    """A peer that a way gave, with its addresses (without ``/p2p/...``); none: those that are known already."""

    peer_id: PeerId
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Advertisement:
    """What ``advertise`` came to, under a ``namespace``. ``ttl``: seconds for which it stays, the shortest of its
    ways'; ``renewed``: whether the node renews it by itself; ``by``: the ways that took it; ``failures``: why others
    did not."""

    namespace: str
    ttl: float
    renewed: bool
    by: tuple[str, ...]
    failures: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        stays = "renewed before it ends" if self.renewed else "then it is gone"
        return f"{shown(self.namespace)}: by {', '.join(self.by)}, for {self.ttl:g} s, {stays}"


class Findings:
    """By which ways each peer was found, and the event of each."""

    __slots__ = ("_ways",)

    def __init__(self) -> None:
        self._ways: dict[str, dict[str, int]] = {}

    def add(self, peer: str, way: str) -> bool:
        """Note a peer that this way gave; whether that is new. ``recorded`` says its event."""
        ways = self._ways.get(peer)
        if ways is None:
            if len(self._ways) >= MOST:
                del self._ways[next(iter(self._ways))]
            ways = self._ways[peer] = {}
        if way in ways:
            return False
        ways[way] = -1
        return True

    def recorded(self, peer: str, way: str, event: int) -> None:
        """The event that says so."""
        self._ways[peer][way] = event

    def of(self, peer: str) -> tuple[str, ...]:
        """The ways by which a peer was found, in the order in which it was."""
        return tuple(self._ways.get(peer, ()))

    def event(self, peer: str, way: str | None = None) -> int | None:
        """The event by which a peer was found first, or by this way."""
        ways = self._ways.get(peer)
        if not ways:
            return None
        return next(iter(ways.values())) if way is None else ways.get(way)

    def clear(self) -> None:
        """Forget all."""
        self._ways.clear()
