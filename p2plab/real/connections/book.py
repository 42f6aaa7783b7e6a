"""A real node's address book: p2plab's own, which py-libp2p's peerstore is kept in step with, and the lab's home.

py-libp2p's pubsub and DHT read and write the peerstore themselves; what they put there, the book gives too. Times are
the lab's: while a lab is closed, what its home holds does not grow older.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from libp2p.peer.id import ID
from libp2p.peer.peerstore import PERMANENT_ADDR_TTL
from multiaddr import Multiaddr

from p2plab.errors import ProtocolViolation
from p2plab.host.connections.book import PlainBook
from p2plab.identity.address import well_formed
from p2plab.real.pylibp2p.peerstore import LabPeerStore

if TYPE_CHECKING:
    from p2plab.real.outside.home import Home
    from p2plab.typing import Runtime


class PeerstoreBook(PlainBook):
    """Implements ``p2plab.host.connections.book.AddressBook``. ``peerstore`` is another one when all is forgotten."""

    def __init__(
        self, name: str, runtime: Runtime, home: Home | None, failed: Callable[[str, Exception], None]
    ) -> None:
        """``name`` is the node's, under which its ``home`` keeps it; ``failed`` is told what cannot be read there."""
        super().__init__(runtime)
        self._name = name
        self._home: Home | None = None  # until what it holds is read
        self.peerstore = LabPeerStore()
        if home is not None:
            for peer_id, kept in home.book(name).items():
                for one in kept.addresses:
                    self.add(peer_id, [one.address], one.by, one.told_by, one.seconds)
                if kept.record is not None:
                    try:
                        self.certify_of(peer_id, kept.record, "identify", peer_id)
                    except ProtocolViolation as error:
                        failed(f"reading the record of {peer_id} from the home", error)
        self._home = home

    def disconnected(self, peer_id: str) -> None:
        super().disconnected(peer_id)
        self._keep(peer_id)

    def _changed(self, peer_id: str) -> None:
        self._into_peerstore(peer_id)
        self._keep(peer_id)

    def _into_peerstore(self, peer_id: str) -> None:
        known = [Multiaddr(one) for one in self._known.addresses(str(peer_id), self._runtime.ticks())]
        self.peerstore.add_addrs(ID.from_string(peer_id), known, PERMANENT_ADDR_TTL)

    def _keep(self, peer_id: str) -> None:
        if self._home is not None:
            rows = self._known.rows_of(str(peer_id), self._runtime.ticks())
            self._home.keep(self._name, str(peer_id), rows, self.record_of(peer_id), self._runtime.now())

    def addresses(self, peer_id: str) -> list[str]:
        library_id = ID.from_string(peer_id)
        over = self._known.purge(str(peer_id), self._runtime.ticks())
        if over:
            left = [one for one in well_formed(self.peerstore.addrs(library_id)) if one not in over]
            self.peerstore.clear_addrs(library_id)
            self.peerstore.add_addrs(library_id, [Multiaddr(one) for one in left], PERMANENT_ADDR_TTL)
            self._keep(peer_id)
        known = super().addresses(peer_id)
        if not self.peerstore.has_peer(library_id):
            return known
        return list(dict.fromkeys([*known, *well_formed(self.peerstore.addrs(library_id))]))

    def forget(self, peer_id: str) -> bool:
        known = super().forget(peer_id)
        library_id = ID.from_string(peer_id)
        if self.peerstore.has_peer(library_id):
            known = bool(self.peerstore.addrs(library_id)) or known
            self.peerstore.clear_addrs(library_id)
        self._keep(peer_id)
        return known

    def clear(self) -> None:
        super().clear()
        self.peerstore = LabPeerStore()
        if self._home is not None:
            self._home.forget_book(self._name)

    def __iter__(self) -> Iterator[str]:
        every = dict.fromkeys([*self._known, *(str(peer) for peer in self.peerstore.peers_with_addrs())])
        return iter([peer for peer in every if self.addresses(peer)])
