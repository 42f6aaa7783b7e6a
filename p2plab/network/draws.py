"""A lab's streams of random numbers: one for each node, purpose and direction of a pair, so that a draw more for one
shifts no other. ``chance.py`` says how a stream's numbers are made."""

from __future__ import annotations

from p2plab.chance import Stream, key_of, stream_of

__all__ = ["Draws"]


class Draws:
    """The streams in use, each with how far it has come."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._streams: dict[str, Stream] = {}
        self._pairs: dict[tuple[str, int, int], Stream] = {}

    def reseed(self, seed: int) -> None:
        """Let every stream go on as with another seed, those that are in use already too."""
        self.seed = seed
        for purpose, stream in self._streams.items():
            stream.restart(key_of(seed, purpose))
        for (purpose, source, target), stream in self._pairs.items():
            stream.restart(key_of(seed, f"{purpose}/{source}/{target}"))

    def stream(self, purpose: str) -> Stream:
        """The one stream of this purpose (``"topology"``, ``"pubsub/n3"``, ...)."""
        stream = self._streams.get(purpose)
        if stream is None:
            stream = self._streams[purpose] = stream_of(self.seed, purpose)
        return stream

    def once(self, purpose: str) -> Stream:
        """A stream of this purpose from its beginning, which nobody keeps: the same numbers whenever asked for."""
        return stream_of(self.seed, purpose)

    def between(self, purpose: str, source: int, target: int) -> Stream:
        """The one stream of this purpose for what goes from one node to another."""
        stream = self._pairs.get((purpose, source, target))
        if stream is None:
            stream = stream_of(self.seed, f"{purpose}/{source}/{target}")
            self._pairs[purpose, source, target] = stream
        return stream
