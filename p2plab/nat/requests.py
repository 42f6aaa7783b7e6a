"""How often a server answers: limits on requests in a window of time, in all and of one peer.

A core: ticks come in as arguments, and an old request is forgotten when the next one comes.
"""

from __future__ import annotations

from collections import deque

from p2plab.constants import TICKS_PER_SECOND
from p2plab.typing import PeerId

__all__ = ["RequestLimits"]


class RequestLimits:
    """At most ``most`` requests in ``window`` seconds, ``per_peer`` of one peer, and ``at_once`` under way."""

    def __init__(self, most: int, per_peer: int, window: float = 60.0, at_once: int | None = None) -> None:
        self.most = most
        self.per_peer = per_peer
        self.at_once = at_once
        self._window = int(window * TICKS_PER_SECOND)
        self._taken: deque[tuple[int, PeerId]] = deque()
        self._under_way = 0

    def refusal(self, peer: PeerId, now: int) -> str | None:
        """Why a request of a peer is not served now; None, and counted, where it is. ``done`` ends what is counted."""
        while self._taken and self._taken[0][0] <= now - self._window:
            self._taken.popleft()
        if self.at_once is not None and self._under_way >= self.at_once:
            return f"{self._under_way} requests are being served already"
        if len(self._taken) >= self.most:
            return f"{self.most} requests in the last {self._window // TICKS_PER_SECOND} s"
        if sum(other == peer for _, other in self._taken) >= self.per_peer:
            return f"{self.per_peer} requests of this peer in the last {self._window // TICKS_PER_SECOND} s"
        self._taken.append((now, peer))
        self._under_way += 1
        return None

    def done(self) -> None:
        """A request that was served is over."""
        self._under_way -= 1
