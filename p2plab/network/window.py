"""How many round trips a transport's congestion window costs a message (transport models ``tcp`` and ``quic``).

What is modelled: slow start from ten segments (RFC 6928), doubled in every round trip that was used up (RFC 5681
section 3.1), up to ``MOST``; the restart from ten segments after an idle retransmission timeout (RFC 5681 section 4.1).
What is not: congestion avoidance, and windows that shrink on loss; loss costs its timeout, see ``pipe``.
"""

from __future__ import annotations

SEGMENT = 1460  # bytes of payload in one packet
INITIAL = 10 * SEGMENT  # bytes, RFC 6928 section 2
MOST = 4 << 20  # bytes: the receive buffer to which Linux's autotuning grows by default, about
RTO_MIN = 2000  # ticks: 200 ms, Linux's minimum; RFC 6298 says one second
RTO_MAX = 1_200_000  # ticks: 120 s, Linux's maximum; RFC 6298 section 2.5 allows one of 60 s or more
TRIES = (
    15  # retransmissions of a packet: Linux's tcp_retries2 (RFC 1122 section 4.2.3.5); whoever waits has given up then
)


def retransmission_timeout(round_trip: int) -> int:
    """Ticks until a lost packet is sent again, for a round trip of so many ticks."""
    return max(RTO_MIN, 2 * round_trip)


class CongestionWindow:
    """The sending side of one connection. Times are ticks."""

    __slots__ = ("_left", "_round", "_size", "_used")

    def __init__(self) -> None:
        self._size = INITIAL
        self._round = -1  # when the round trip under way began; -1: none was
        self._left = INITIAL  # bytes that may still be sent in it
        self._used = 0  # the last tick at which something was sent

    def departure(self, now: int, size: int, round_trip: int) -> int:
        """When the last byte of ``size`` bytes, handed over now, may leave."""
        if self._round < 0 or now - self._used > retransmission_timeout(round_trip):
            self._begin(now, INITIAL)
        elif now >= self._round + round_trip:
            sent = self._size - self._left
            self._begin(now, min(MOST, self._size + sent))
        while size > self._left:
            size -= self._left
            self._begin(self._round + max(round_trip, 1), min(MOST, 2 * self._size))
        self._left -= size
        at = max(now, self._round)
        self._used = at
        return at

    def _begin(self, tick: int, size: int) -> None:
        self._round, self._size, self._left = tick, size, size
