"""The key space: where peers and content sit, and how far apart (libp2p/specs kad-dht/README.md, "Distance").

A Kademlia key is a 256-bit number, the sha256 of something's bytes: a peer's binary id, a record's key, a multihash.
Python ints hold it whole, so that a distance is one XOR.
"""

from __future__ import annotations

import functools
import hashlib
from array import array
from typing import Final

from p2plab.typing import Chance

__all__ = ["KEY_BITS", "MAX_PREIMAGE_BITS", "common_prefix_length", "distance", "kademlia_key", "preimage"]

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
