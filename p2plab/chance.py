"""Random numbers that are the same in every Python, and in any other program that draws by these rules.

A stream is a key and a counter, so that a node's or a link's costs next to nothing. Its numbers are blocks of BLAKE2b
(RFC 7693): the digest, of 64 bytes, of the key's 16 bytes and the counter's 8 (little endian), taken as one number
(little endian). Every draw takes a fresh block, and as many more as it needs:

- ``getrandbits(n)``: the lowest n bits of the block (of several, the first lowest); ``random()`` the lowest 53.
- ``byte``, ``word``: the block's 64 bytes or 16 words of 32 bits, one after the other, the lowest first.
- ``randrange(n)``: the block modulo n; of 512 bits, so that the bias is below 2**-400.
- ``shuffle``, ``sample``, ``choice``: digits of one block in mixed radix. For i = 0, 1, ...: j = i + block mod (n - i),
  block = block div (n - i), and the elements at i and j change places; ``sample`` stops after k. A new block is taken
  whenever the product of the radices used would pass 2**448.

So nothing depends on a Python's own generator, and another program can draw the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import MutableSequence, Sequence
from typing import Any, TypeVar

__all__ = ["Stream", "stream_of"]

T = TypeVar("T")

_WHOLE = 1 << 448  # a block has 512 bits; 64 of them keep the bias of the last digit away


class Stream:
    """One stream of random numbers; the methods of ``random.Random`` that p2plab and its lessons use."""

    __slots__ = ("_count", "_key", "left")

    def __init__(self, key: bytes) -> None:
        self._key = key  # 16 bytes
        self._count = 0
        self.left: list[int] = []  # bytes or words of a block that nobody had yet, the next one last; always this list

    def _bytes(self) -> bytes:
        count = self._count
        self._count = count + 1
        return hashlib.blake2b(self._key + count.to_bytes(8, "little")).digest()

    def _block(self) -> int:
        return int.from_bytes(self._bytes(), "little")

    def restart(self, key: bytes) -> None:
        """Go on with another key, from its beginning."""
        self._key, self._count = key, 0
        self.left.clear()

    def byte(self) -> int:
        """A number of 8 bits. A stream is asked for bytes or for words, not for both."""
        left = self.left
        if not left:
            left.extend(reversed(self._bytes()))
        return left.pop()

    def word(self) -> int:
        """A number of 32 bits."""
        left = self.left
        if not left:
            data = self._bytes()
            left.extend(int.from_bytes(data[at : at + 4], "little") for at in range(60, -4, -4))
        return left.pop()

    def getrandbits(self, count: int) -> int:
        """A number of so many bits."""
        if count <= 512:
            return self._block() & ((1 << count) - 1)
        found, have = 0, 0
        while have < count:
            found |= self._block() << have
            have += 512
        return found & ((1 << count) - 1)

    def randbytes(self, count: int) -> bytes:
        """So many bytes."""
        return self.getrandbits(8 * count).to_bytes(count, "little")

    def random(self) -> float:
        """A multiple of 2**-53 from 0 up to below 1."""
        return (self._block() & ((1 << 53) - 1)) / (1 << 53)

    def uniform(self, low: float, high: float) -> float:
        """A number between the two."""
        return low + (high - low) * self.random()

    def randrange(self, start: int, stop: int | None = None) -> int:
        """A whole number from ``start`` up to below ``stop``; from 0 up to below ``start`` where there is none."""
        low, high = (0, start) if stop is None else (start, stop)
        if low >= high:
            raise ValueError(f"there is no whole number from {low} up to below {high}")
        return low + self._block() % (high - low)

    def randint(self, low: int, high: int) -> int:
        """A whole number from ``low`` up to ``high``, both included."""
        return self.randrange(low, high + 1)

    def choice(self, some: Sequence[T]) -> T:
        """One of them. IndexError where there is none."""
        if not some:
            raise IndexError("there is nothing to choose from")
        return some[self._block() % len(some)]

    def shuffle(self, some: MutableSequence[Any]) -> None:
        """Put them into a random order, in place."""
        self._mix(some, len(some) - 1)

    def sample(self, some: Sequence[T], count: int) -> list[T]:
        """So many different ones, in random order. ValueError where there are fewer."""
        if not 0 <= count <= len(some):
            raise ValueError(f"{count} of {len(some)} cannot be drawn")
        if isinstance(some, range) and len(some) > 4 * count + 64:
            numbers: Sequence[Any] = some
            return [numbers[at] for at in self._few(len(some), count)]
        mixed = list(some)
        self._mix(mixed, count)
        del mixed[count:]
        return mixed

    def _few(self, size: int, count: int) -> list[int]:
        """The places that ``sample`` takes of so many, without a list of them all: only what moved is kept."""
        moved: dict[int, int] = {}
        found = []
        block, product = self._block(), 1
        for i in range(count):
            left = size - i
            product *= left
            if product > _WHOLE:
                block, product = self._block(), left
            block, digit = divmod(block, left)
            j = i + digit
            found.append(moved.get(j, j))
            moved[j] = moved.get(i, i)
        return found

    def _mix(self, some: MutableSequence[Any], count: int) -> None:
        if count <= 0:
            return
        size = len(some)
        block, product = self._block(), 1
        for i in range(count):
            left = size - i
            product *= left
            if product > _WHOLE:
                block, product = self._block(), left
            block, digit = divmod(block, left)
            if digit:
                j = i + digit
                some[i], some[j] = some[j], some[i]

    def __repr__(self) -> str:
        return f"<Stream {self._key.hex()[:8]}, {self._count} blocks taken>"


def key_of(seed: int, purpose: str) -> bytes:
    """The key of a stream: the first 16 bytes of the sha256 of the lab's seed and the stream's purpose, which is the
    same on every Python (``hash()`` is not)."""
    return hashlib.sha256(f"p2plab/{seed}/{purpose}".encode()).digest()[:16]


def stream_of(seed: int, purpose: str) -> Stream:
    """A new stream of this purpose (``"topology"``, ``"pubsub/n3"``, ...), from its beginning."""
    return Stream(key_of(seed, purpose))
