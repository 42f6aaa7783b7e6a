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

    def stream(self, purpose: str) -> random.Random:
        """The one stream of this purpose (``"latency"``, ``"topology"``, ``"gossipsub/n3"``, ...)."""
        stream = self._streams.get(purpose)
        if stream is None:
            digest = hashlib.sha256(f"p2plab/{self.seed}/{purpose}".encode()).digest()
            stream = self._streams[purpose] = random.Random(int.from_bytes(digest[:16], "big"))
        return stream
