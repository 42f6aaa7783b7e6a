"""What the DHTs of a real lab's nodes share: who is who, in the lab and beyond it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from p2plab.host.names import stranger
from p2plab.kademlia import KeySpace
from p2plab.typing import PeerId

if TYPE_CHECKING:
    from p2plab.host.protocols import HostWorld

__all__ = ["WorldDht"]

STRANGERS: Final = 65_536  # peers outside the lab whose addresses are kept; the first heard of go


class WorldDht:
    """One a lab."""

    def __init__(self, world: HostWorld) -> None:
        self._world = world
        self.epoch = time.time() - world.runtime.now()  # unix seconds at lab time 0: IPNS records carry dates
        self._heard: dict[int, Sequence[str]] = {}  # addresses of peers outside the lab, from answers
        self.space = KeySpace(
            world.peer_id_at, lambda peer_id: self._index_of(peer_id), lambda index: self._addresses_of(index)
        )

    def _index_of(self, peer_id: PeerId) -> int:
        return self._world.index_of(peer_id)

    def _addresses_of(self, index: int) -> Sequence[str]:
        known = self._world.find(self._world.peer_id_at(index))
        return known.addresses if known is not None else self.heard(index)

    def heard(self, index: int) -> Sequence[str]:
        """The addresses that somebody named for a peer outside the lab."""
        return self._heard.get(index, ())

    def learn(self, index: int, addresses: Sequence[str]) -> None:
        """An answer named addresses of a peer."""
        self._heard.pop(index, None)
        self._heard[index] = tuple(addresses)
        if len(self._heard) > STRANGERS:
            del self._heard[next(iter(self._heard))]
        self.space.moved(index)

    def find(self, peer: str) -> int:
        """The index of a peer named by its id or, in the lab, by its name. Raises UnknownNodeError, PeerIdError."""
        known = self._world.find(peer) or self._world.outsider(peer)
        peer_id = stranger(peer, self._world.hosts()) if known is None else known.peer_id
        return self._index_of(PeerId(peer_id or ""))
