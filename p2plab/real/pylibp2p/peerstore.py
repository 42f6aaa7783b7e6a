"""py-libp2p's peerstore without lifetimes.

Remedy "addresses that do not end": the library gives each peer's addresses a lifetime by the wall clock, two hours of
it, its node's own included, and raises "peer ID is expired" when they are asked for afterwards; a laptop that slept, or
a clock that was set, is enough. Here they stay until others come in their place or the node forgets them.
"""

from __future__ import annotations

from collections.abc import Sequence

from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStore
from multiaddr import Multiaddr

__all__ = ["LabPeerStore"]

_FOR_GOOD = 0  # how the library has it that a peer's data is always valid


class LabPeerStore(PeerStore):
    """A peerstore in which nothing expires."""

    def add_addrs(self, peer_id: ID, addrs: Sequence[Multiaddr], ttl: int = 0) -> None:
        super().add_addrs(peer_id, addrs, _FOR_GOOD)
