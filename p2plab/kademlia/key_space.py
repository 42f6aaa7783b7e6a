"""The peers of one world and where each sits in the key space.

Cores know a peer by a small int, which the world gives out. This table turns that int into the peer's Kademlia key, its
id and its addresses; keys are computed when first asked for and shared by every node of the world.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from p2plab.identity.keys import parse_peer_id, peer_id_bytes, peer_id_from_bytes
from p2plab.kademlia.key import kademlia_key
from p2plab.kademlia.table.diversity import ip_groups
from p2plab.typing import PeerId, PeerInfo

__all__ = ["KeySpace"]


class _Keys(dict[int, int]):
    """Kademlia keys by peer, computed on the first look."""

    __slots__ = ("_binary",)

    def __init__(self, binary: Callable[[int], bytes]) -> None:
        super().__init__()
        self._binary = binary

    def __missing__(self, peer: int) -> int:
        key = self[peer] = kademlia_key(self._binary(peer))
        return key


class KeySpace:
    """Peers by index: ``keys[peer]`` is the 256-bit key.

    ``peer_id_of`` is asked once a peer, ``index_of`` for ids that come from a user or from bytes, ``addresses_of``
    (text of multiaddrs) whenever addresses are written. Without them the key space keeps its own list: see ``add``.
    """

    def __init__(
        self,
        peer_id_of: Callable[[int], PeerId] | None = None,
        index_of: Callable[[PeerId], int] | None = None,
        addresses_of: Callable[[int], Sequence[str]] | None = None,
    ) -> None:
        self._listed: list[PeerId] = []
        self._own_addresses: list[Sequence[str]] = []
        self._peer_id_of = peer_id_of or self._listed.__getitem__
        self._index_of = index_of or (lambda peer_id: self.add(peer_id, ()))
        self._addresses_of = addresses_of or self._own_addresses.__getitem__
        self._ids: dict[int, PeerId] = {}
        self._binaries: dict[int, bytes] = {}
        self._indices: dict[bytes, int] = {}
        self._groups: dict[int, tuple[str, ...]] = {}
        self.keys: dict[int, int] = _Keys(self.binary)
        self.wire_sizes: dict[int, int] = {}  # bytes of a peer in a message, kept by messages.py until the peer moves

    def add(self, peer_id: PeerId | str, addresses: Sequence[str] = ()) -> int:
        """The index of a peer in a key space that keeps its own list; known addresses are replaced if any are given."""
        peer_id = peer_id if isinstance(peer_id, PeerId) else parse_peer_id(peer_id)
        binary = peer_id_bytes(peer_id)
        index = self._indices.get(binary)
        if index is None:
            index = self._indices[binary] = len(self._listed)
            self._listed.append(peer_id)
            self._own_addresses.append(tuple(addresses))
            self._ids[index], self._binaries[index] = peer_id, binary
        elif addresses:
            self._own_addresses[index] = tuple(addresses)
            self.moved(index)
        return index

    def peer_id(self, peer: int) -> PeerId:
        """The peer's id, which knows its name."""
        known = self._ids.get(peer)
        if known is None:
            known = self._ids[peer] = self._peer_id_of(peer)
        return known

    def binary(self, peer: int) -> bytes:
        """The peer's id as messages carry it: a multihash."""
        known = self._binaries.get(peer)
        if known is None:
            known = self._binaries[peer] = peer_id_bytes(self.peer_id(peer))
            self._indices[known] = peer
        return known

    def index(self, binary: bytes) -> int:
        """The peer of a binary id. PeerIdError for bytes that are none."""
        known = self._indices.get(binary)
        if known is None:
            peer_id = peer_id_from_bytes(binary)
            known = self._indices[binary] = self._index_of(peer_id)
        return known

    def find(self, peer_id: str) -> int:
        """The peer of an id given as text. PeerIdError for text that is none."""
        return self.index(peer_id_bytes(peer_id))

    def addresses(self, peer: int) -> Sequence[str]:
        """Multiaddrs of the peer as text."""
        return self._addresses_of(peer)

    def groups(self, peer: int) -> tuple[str, ...]:
        """The IP groups its addresses are in; none where all are private or loopback (see diversity.py)."""
        known = self._groups.get(peer)
        if known is None:
            known = self._groups[peer] = ip_groups(self.addresses(peer))
        return known

    def moved(self, peer: int) -> None:
        """The peer's addresses have changed: forget what was derived from them."""
        self._groups.pop(peer, None)
        self.wire_sizes.pop(peer, None)

    def info(self, peer: int, addresses: Sequence[str] = ()) -> PeerInfo:
        """The peer as a user sees it, with these addresses or those known."""
        peer_id = self.peer_id(peer)
        known = [_with_peer(address, peer_id) for address in addresses or self.addresses(peer)]
        return PeerInfo(name=peer_id.name or peer_id.short, peer_id=peer_id, addresses=known)


def _with_peer(address: str, peer_id: PeerId) -> str:
    return address if "/p2p/" in address.rpartition("/p2p-circuit")[2] else f"{address}/p2p/{peer_id}"
