"""How often a peer that was found is dialled: go-libp2p's backoff connector, as go-libp2p-pubsub sets it up.

A peer is dialled at once, and not again before its backoff has passed, whatever came of it. The backoff grows by the
powers of 5 (in seconds), is drawn evenly between its least (10 s) and that ("full jitter"), and is an hour at most. A
hundred peers are remembered; the one that was dialled longest ago goes. A core: ticks and random numbers are given.
"""

from __future__ import annotations

from typing import Final

from p2plab.constants import TICKS_PER_SECOND
from p2plab.typing import Chance

__all__ = ["DialBackoff"]

LEAST: Final = 10 * TICKS_PER_SECOND
MOST: Final = 3_600 * TICKS_PER_SECOND
BASE: Final = 5
REMEMBERED: Final = 100  # peers


class DialBackoff:
    """Of one node."""

    __slots__ = ("_peers",)

    def __init__(self) -> None:
        self._peers: dict[
            str, tuple[int, int]
        ] = {}  # the tick from which it may be dialled again, and how often it was

    def may_dial(self, peer: str, now: int, draws: Chance) -> bool:
        """Whether to dial a peer now; where it is so, its backoff begins."""
        until, count = self._peers.pop(peer, (0, 0))
        if until > now:
            self._peers[peer] = until, count
            return False
        if len(self._peers) >= REMEMBERED:
            del self._peers[next(iter(self._peers))]
        self._peers[peer] = now + self.delay(count, draws), count + 1
        return True

    @staticmethod
    def delay(count: int, draws: Chance) -> int:
        """Ticks of the backoff after the dial with this number, from 0 on."""
        longest = min(MOST, BASE ** min(count, 8) * TICKS_PER_SECOND)
        return LEAST if longest <= LEAST else LEAST + draws.randrange(longest - LEAST)

    def clear(self) -> None:
        """Forget everybody."""
        self._peers.clear()
