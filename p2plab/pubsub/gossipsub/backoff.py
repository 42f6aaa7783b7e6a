"""Backoff: whom we may not graft, and from whom we take no GRAFT, until when (gossipsub-v1.1.md, "PRUNE Backoff and
Peer Exchange")."""

from __future__ import annotations

from p2plab.constants import TICKS_PER_SECOND

LONGEST = 3_600 * TICKS_PER_SECOND  # ticks; a peer may ask for any backoff, and we keep none longer than an hour


class Backoff:
    """When each backoff ends, by topic and peer, in ticks."""

    __slots__ = ("_ends",)

    def __init__(self) -> None:
        self._ends: dict[str, dict[int, int]] = {}

    def add(self, topic: str, peer: int, now: int, duration: int) -> None:
        """Begin a backoff of ``duration`` ticks; one that ends later already stays."""
        ends = self._ends.setdefault(topic, {})
        end = now + min(duration, LONGEST)
        if ends.get(peer, -1) < end:
            ends[peer] = end

    def end(self, topic: str, peer: int) -> int:
        """The tick at which the backoff ends or ended; -1 where there is none."""
        ends = self._ends.get(topic)
        return -1 if ends is None else ends.get(peer, -1)

    def held(self, topic: str, now: int, slack: int) -> dict[int, int]:
        """The peers we may not graft ourselves yet: those whose backoff ended less than ``slack`` ticks ago too."""
        ends = self._ends.get(topic)
        return {} if not ends else {peer: end for peer, end in ends.items() if end + slack > now}

    def kept(self, topic: str) -> dict[int, int]:
        """The peers whose backoff no sweep has taken away yet, over or not."""
        return self._ends.get(topic, {})

    def forget(self, now: int, slack: int) -> None:
        """Drop what is over."""
        for topic, ends in list(self._ends.items()):
            for peer in [peer for peer, end in ends.items() if end + slack <= now]:
                del ends[peer]
            if not ends:
                del self._ends[topic]
