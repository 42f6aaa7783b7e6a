"""The key space: where peers and content sit, and how far apart (libp2p/specs kad-dht/README.md, "Distance").

A Kademlia key is a 256-bit number, the sha256 of something's bytes: a peer's binary id, a record's key, a multihash.
Python ints hold it whole, so that a distance is one XOR.

Cores know a peer by a small int, which the world gives out. ``KeySpace`` turns that int into the peer's key, its id and
its addresses; keys are computed when first asked for and shared by every node of the world.
"""

from __future__ import annotations

import functools
import hashlib
from array import array
from collections.abc import Callable, Sequence
from typing import Final

from p2plab.identity.keys import parse_peer_id, peer_id_bytes, peer_id_from_bytes
from p2plab.kademlia.table.diversity import ip_groups
from p2plab.typing import Chance, PeerId, PeerInfo

__all__ = ["KEY_BITS", "MAX_PREIMAGE_BITS", "KeySpace", "common_prefix_length", "distance", "kademlia_key", "preimage"]

KEY_BITS: Final = 256
MAX_PREIMAGE_BITS: Final = 12


def kademlia_key(data: bytes) -> int:
    """The key of some bytes: their sha256 as a big-endian number."""
    return int.from_bytes(hashlib.sha256(data).digest(), "big")


def distance(a: int, b: int) -> int:
    """The distance between two keys: their XOR."""
    return a ^ b


def common_prefix_length(a: int, b: int) -> int:
    """How many leading bits two keys share: 0 for the farthest half of the key space, 256 for the same key."""
    return KEY_BITS - (a ^ b).bit_length()


def preimage(local: int, length: int, random: Chance) -> bytes:
    """Some bytes whose key shares exactly ``length`` leading bits with ``local`` (``0 <= length < MAX_PREIMAGE_BITS``).

    A FIND_NODE carries what is hashed, not the hash, so a bucket can only be aimed at by somebody who has found bytes
    that fall into it; a table of them is made once a process.
    """
    if not 0 <= length < MAX_PREIMAGE_BITS:
        raise ValueError(f"there are preimages for 0 to {MAX_PREIMAGE_BITS - 1} shared bits, not for {length}")
    free = MAX_PREIMAGE_BITS - 1 - length
    prefix = ((local >> (KEY_BITS - 1 - length)) ^ 1) << free | random.getrandbits(free)
    return _candidate(_preimages()[prefix])


def _candidate(number: int) -> bytes:
    return b"p2plab bucket refresh %d" % number


@functools.cache
def _preimages() -> array[int]:
    """For each prefix of MAX_PREIMAGE_BITS bits the first number whose candidate's key begins with it."""
    found = array("l", [-1]) * (1 << MAX_PREIMAGE_BITS)
    missing, number = len(found), 0
    while missing:
        prefix = int.from_bytes(hashlib.sha256(_candidate(number)).digest()[:2], "big") >> (16 - MAX_PREIMAGE_BITS)
        if found[prefix] < 0:
            found[prefix] = number
            missing -= 1
        number += 1
    return found


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
