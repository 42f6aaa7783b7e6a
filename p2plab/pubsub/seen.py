"""The seen cache: ids of messages met lately (gossipsub-v1.0.md, "Message Cache"; ``seen_ttl``).

An id is remembered for ``ttl`` ticks from when it was first seen; meeting it again does not prolong that (the "first
seen" strategy, go-libp2p-pubsub's default).
"""

from __future__ import annotations


class SeenCache(dict[bytes, int]):
    """Message ids and the tick they were first seen at, in that order. ``in`` is the dict's own, for speed: call
    ``expire`` first, whenever ``next_expiry`` has come.

    ``settled`` is what the router says of further copies: one that comes more than so many ticks after the first
    changes nothing for it."""

    __slots__ = ("next_expiry", "settled", "ttl")

    NEVER = 1 << 62

    def __init__(self, ttl: int) -> None:
        super().__init__()
        self.ttl = ttl
        self.next_expiry = self.settled = SeenCache.NEVER

    def add(self, message_id: bytes, now: int) -> None:
        """Remember an id that is not in the cache."""
        self[message_id] = now
        if self.next_expiry == SeenCache.NEVER:
            self.next_expiry = now + self.ttl

    def expire(self, now: int) -> None:
        """Forget what was first seen ``ttl`` or longer ago."""
        oldest = now - self.ttl
        old = []
        for message_id, seen_at in self.items():
            if seen_at > oldest:
                self.next_expiry = seen_at + self.ttl
                break
            old.append(message_id)
        else:
            self.next_expiry = SeenCache.NEVER
        for message_id in old:
            del self[message_id]
