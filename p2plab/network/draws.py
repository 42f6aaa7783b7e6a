"""Random numbers: one stream a purpose, so that a draw more for one purpose does not shift the others."""

from __future__ import annotations

import hashlib
import random


class Draws:
    """The lab's streams of random numbers. Each is seeded with the sha256 of the lab's seed and its purpose, which is
    the same on every Python (``hash()`` is not)."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._streams: dict[str, random.Random] = {}

    def reseed(self, seed: int) -> None:
        """Let every stream go on as with another seed, those that are in use already too."""
        self.seed = seed
        for purpose, stream in self._streams.items():
            stream.seed(self._number(purpose))

    def _number(self, purpose: str) -> int:
        digest = hashlib.sha256(f"p2plab/{self.seed}/{purpose}".encode()).digest()
        return int.from_bytes(digest[:16], "big")

    def stream(self, purpose: str) -> random.Random:
        """The one stream of this purpose (``"latency"``, ``"topology"``, ``"gossipsub/n3"``, ...)."""
        stream = self._streams.get(purpose)
        if stream is None:
            stream = self._streams[purpose] = random.Random(self._number(purpose))
        return stream
