"""A real node's address book: py-libp2p's peerstore, which its own pubsub and DHT use too, and the lab's home."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from libp2p.peer.id import ID
from libp2p.peer.peerstore import PERMANENT_ADDR_TTL
from multiaddr import Multiaddr

from p2plab.identity.address import well_formed
from p2plab.real.pylibp2p.peerstore import LabPeerStore

if TYPE_CHECKING:
    from p2plab.real.host import RealHost


class PeerstoreBook:
    """Implements ``p2plab.host.book.AddressBook``. ``peerstore`` is another one when all is forgotten."""

    def __init__(self, host: RealHost) -> None:
        self._host = host
        self.peerstore = LabPeerStore()
        if host.world.home is not None:
            for peer_id, addresses in host.world.home.book(host.name).items():
                self.add(peer_id, addresses)

    def add(self, peer_id: str, addresses: Iterable[str]) -> None:
        self.peerstore.add_addrs(ID.from_string(peer_id), [Multiaddr(one) for one in addresses], PERMANENT_ADDR_TTL)
        if self._host.world.home is not None:
            self._host.world.home.keep(self._host.name, peer_id, self.addresses(peer_id))

    def addresses(self, peer_id: str) -> list[str]:
        library_id = ID.from_string(peer_id)
        if not self.peerstore.has_peer(library_id):
            return []
        return well_formed(self.peerstore.addrs(library_id))

    def clear(self) -> None:
        self.peerstore = LabPeerStore()
        if self._host.world.home is not None:
            self._host.world.home.forget_book(self._host.name)

    def __iter__(self) -> Iterator[str]:
        return iter([str(peer) for peer in self.peerstore.peers_with_addrs()])
