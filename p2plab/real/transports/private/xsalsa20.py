"""XSalsa20 (D. J. Bernstein, "Extending the Salsa20 nonce", 2011): Salsa20 under a key that HSalsa20 makes of half the
nonce. PyCryptodome has Salsa20 alone."""

from __future__ import annotations

import struct
from typing import Final

from Crypto.Cipher import Salsa20
from Crypto.Cipher.Salsa20 import Salsa20Cipher

__all__ = ["NONCE_SIZE", "hsalsa20", "xsalsa20"]

NONCE_SIZE: Final = 24  # bytes
_SIGMA: Final = struct.unpack("<4I", b"expand 32-byte k")
_KEPT: Final = (0, 5, 10, 15, 6, 7, 8, 9)  # the words of the result that become the key
# Salsa20's column round and row round: (changed word, the two that are added, bits to rotate by).
_COLUMNS: Final = tuple(
    (line[(turn + 1) % 4], line[turn % 4], line[(turn + 3) % 4], bits)
    for line in ((0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11))
    for turn, bits in enumerate((7, 9, 13, 18))
)
_ROWS: Final = tuple(
    (line[(turn + 1) % 4], line[turn % 4], line[(turn + 3) % 4], bits)
    for line in ((0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14))
    for turn, bits in enumerate((7, 9, 13, 18))
)


def xsalsa20(key: bytes, nonce: bytes) -> Salsa20Cipher:
    """A cipher for a key of 32 bytes and a nonce of 24, whose ``encrypt`` goes on where it stopped."""
    return Salsa20.new(key=hsalsa20(key, nonce[:16]), nonce=nonce[16:])


def hsalsa20(key: bytes, nonce: bytes) -> bytes:
    """The 32 bytes that HSalsa20 makes of a key of 32 and a nonce of 16."""
    k, n = struct.unpack("<8I", key), struct.unpack("<4I", nonce)
    x = [_SIGMA[0], *k[:4], _SIGMA[1], *n, _SIGMA[2], *k[4:], _SIGMA[3]]
    for _ in range(10):
        for changed, one, other, bits in _COLUMNS + _ROWS:
            total = (x[one] + x[other]) & 0xFFFFFFFF
            x[changed] ^= (total << bits | total >> (32 - bits)) & 0xFFFFFFFF
    return struct.pack("<8I", *(x[word] for word in _KEPT))
