"""How much a transport may have under way (transport models ``tcp`` and ``quic``).

What is modelled: a congestion window that begins with ``INITIAL`` bytes, grows in slow start by what is acknowledged
while it is used (RFC 5681 section 3.1, RFC 9002 section 7.3.1), and is at most ``MOST``; acknowledgements come one
latency after the piece has come. TCP begins with ten segments (RFC 6928) and, after an idle retransmission timeout,
again (RFC 5681 section 4.1). QUIC is quic-go's: 32 packets of 1,280 bytes, kept over idle times, at most 10,000 packets
(quic-go 0.64.1, internal/congestion/cubic_sender.go).
What is not: congestion avoidance, and windows that shrink on loss; loss costs its timeout, see ``pipe``.
"""

from __future__ import annotations

from collections import deque

SEGMENT = 1460  # bytes of payload in one packet
INITIAL = 10 * SEGMENT  # bytes, RFC 6928 section 2
MOST = 4 << 20  # bytes: the receive buffer to which Linux's autotuning grows by default, about
QUIC_PACKET = 1280  # bytes, quic-go's InitialPacketSize
QUIC_HEADER = 31  # of these: short header with 4 bytes of connection id, packet number, tag, header of the stream frame
QUIC_PAYLOAD = QUIC_PACKET - QUIC_HEADER
QUIC_INITIAL = 32 * QUIC_PACKET
QUIC_MOST = 10_000 * QUIC_PACKET
RTO_MIN = 2000  # ticks: 200 ms, Linux's minimum; RFC 6298 says one second
RTO_MAX = 1_200_000  # ticks: 120 s, Linux's maximum; RFC 6298 section 2.5 allows one of 60 s or more
TRIES = (
    15  # retransmissions of a packet: Linux's tcp_retries2 (RFC 1122 section 4.2.3.5); whoever waits has given up then
)


def retransmission_timeout(round_trip: int) -> int:
    """Ticks until a lost packet is sent again, for a round trip of so many ticks."""
    return max(RTO_MIN, 2 * round_trip)


class CongestionWindow:
    """The sending side of one connection. Times are ticks, sizes bytes."""

    __slots__ = ("_acks", "_restarts", "_used", "flying", "initial", "most", "size")

    def __init__(self, transport: str = "tcp") -> None:
        quic = transport == "quic"
        self.initial, self.most = (QUIC_INITIAL, QUIC_MOST) if quic else (INITIAL, MOST)
        self.size = self.initial
        self.flying = 0  # sent, and not acknowledged yet
        self._restarts = not quic
        self._used = -1  # the last tick at which something was sent
        self._acks: deque[tuple[int, int]] = deque()  # when how much will be acknowledged, of what has come

    def room(self, now: int, round_trip: int) -> int:
        """How much may be sent now."""
        acks = self._acks
        while acks and acks[0][0] <= now:
            tick, acknowledged = acks.popleft()
            while acks and acks[0][0] == tick:
                acknowledged += acks.popleft()[1]
            if 2 * self.flying > self.size:  # used, so that it may grow
                self.size = min(self.most, self.size + acknowledged)
            self.flying -= acknowledged
        if self._restarts and not self.flying and self._used >= 0:
            if now - self._used > retransmission_timeout(round_trip):
                self.size = min(self.size, self.initial)
        return self.size - self.flying

    def sent(self, now: int, size: int) -> None:
        """So much was sent."""
        self.flying += size
        self._used = now

    def came(self, tick: int, size: int) -> None:
        """So much has come, and will be acknowledged at this tick."""
        acks = self._acks
        acks.append((max(tick, acks[-1][0]) if acks else tick, size))

    @property
    def next_ack(self) -> int | None:
        """When the next acknowledgement comes, of what has come; None where nothing has."""
        return self._acks[0][0] if self._acks else None
