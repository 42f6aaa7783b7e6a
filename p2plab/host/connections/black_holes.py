"""Kinds of address that a node dials in vain, UDP behind a firewall that drops it, say: left out after a hundred tries.

As go-libp2p's detector (p2p/net/swarm/black_hole_detector.go): only public addresses count, and a dial that was given
up because another was faster has failed. Unlike there, an address over a relay counts for neither kind.
"""

from __future__ import annotations

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

    def refusal(self, address: str) -> str | None:
        """Why not to dial this address now; None where it may be dialled."""
        for kind in _kinds(address):
            hole = self._holes.get(kind)
            if hole is not None and not hole.allows():
                return (
                    f"black hole: of the last {hole.window} dials of public addresses over {kind} fewer than "
                    f"{hole.least} have connected; one in {hole.window} is still tried"
                )
        return None


def _kinds(address: str) -> list[str]:
    kinds = [kind for kind, part in KINDS.items() if part in address]
    return kinds if kinds and "/p2p-circuit" not in address and is_public(parse_address(address)) else []
