"""Kinds of address that a node dials in vain, UDP behind a firewall that drops it, say: left out after a hundred tries.

As go-libp2p's detector (p2p/net/swarm/black_hole_detector.go): only public addresses count, and a dial that was given
up because another was faster has failed. Unlike there, an address over a relay counts for neither kind.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from p2plab.identity.address import parse_address
from p2plab.nat.dial_order import BlackHole
from p2plab.nat.publicness import is_public

__all__ = ["BlackHoles"]

KINDS: Final = {"UDP": "/udp/", "IPv6": "/ip6/"}


class BlackHoles:
    """One node's."""

    __slots__ = ("_holes",)

    def __init__(self) -> None:
        self._holes: dict[str, BlackHole] = {}

    def tried(self, address: str, connected: bool) -> None:
        """A dial of this address has ended."""
        for kind in _kinds(address):
            self._holes.setdefault(kind, BlackHole()).tried(connected)

    def forget(self) -> None:
        """The node comes back without what it knew."""
        self._holes.clear()

    def refusals(self, addresses: Iterable[str]) -> dict[str, str]:
        """Why not to dial which of one peer's addresses now. Each kind that is among them is asked about once: where it
        is the turn of one, all of its addresses are dialled, whatever else they are (as go-libp2p's FilterAddrs)."""
        kinds = {address: _kinds(address) for address in addresses}
        asked = {kind for of_one in kinds.values() for kind in of_one}
        blocked = {kind: hole for kind, hole in self._holes.items() if kind in asked and hole.blocked}
        due = {kind for kind, hole in blocked.items() if hole.allows()}
        told: dict[str, str] = {}
        for address, of_one in kinds.items():
            shut = [kind for kind in of_one if kind in blocked]
            if shut and due.isdisjoint(shut):
                hole = blocked[shut[0]]
                told[address] = (
                    f"black hole: of the last {hole.window} dials of public addresses over {shut[0]} fewer than "
                    f"{hole.least} have connected; one in {hole.window} is still tried"
                )
        return told


def _kinds(address: str) -> list[str]:
    kinds = [kind for kind, part in KINDS.items() if part in address]
    return kinds if kinds and "/p2p-circuit" not in address and is_public(parse_address(address)) else []
