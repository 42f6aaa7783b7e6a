"""Bytes by peer and protocol: what a node counts, and the table that people are shown of it.

What is counted is payload, as it is handed to the muxer and comes out of it: not the frames, ciphers and packets
around it. What is said on a stream before its protocol is agreed counts as multistream-select's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, overload

from p2plab.constants import MULTISTREAM_ID
from p2plab.errors import ValidationError
from p2plab.text import html_table, shown
from p2plab.typing import PeerId

__all__ = ["LIMIT", "OTHERS", "Account", "Traffic", "TrafficRow", "TrafficTable"]

LIMIT: Final = 1_000  # accounts a node keeps: a peer may choose among many versions of a protocol
OTHERS: Final = "(others)"  # stands for the protocols, and the peers, beyond that

HEAD: Final = ("peer", "protocol", "sent", "received", "sent/s", "received/s")


class Account:
    """The bytes sent to and received from a peer over one protocol."""

    __slots__ = ("received", "sent")

    def __init__(self) -> None:
        self.sent = 0
        self.received = 0


class Traffic:
    """What one node counts. Peers are indices of the event log; -1 stands for those beyond the limit."""

    __slots__ = ("_accounts",)

    def __init__(self) -> None:
        self._accounts: dict[tuple[int, str], Account] = {}

    def account(self, peer: int, protocol: str) -> Account:
        """Where to count for a peer and a protocol; ``""`` is a protocol not agreed yet."""
        key = (peer, protocol or MULTISTREAM_ID)
        account = self._accounts.get(key)
        if account is None:
            if len(self._accounts) >= LIMIT:
                key = (-1, OTHERS)
            account = self._accounts.setdefault(key, Account())
        return account

    def copy(self) -> Traffic:
        """The same counts, to add others to."""
        other = Traffic()
        for (peer, protocol), account in self._accounts.items():
            other.add(peer, protocol, account.sent, account.received)
        return other

    def add(self, peer: int, protocol: str, sent: int, received: int) -> None:
        """Count what was counted elsewhere."""
        account = self.account(peer, protocol)
        account.sent += sent
        account.received += received

    def rows(self, peer_id: Callable[[int], PeerId]) -> list[TrafficRow]:
        """What was counted, in the order in which it began. ``peer_id`` gives the peer that an index stands for."""
        return [
            TrafficRow(PeerId("") if peer < 0 else peer_id(peer), protocol, account.sent, account.received)
            for (peer, protocol), account in self._accounts.items()
            if account.sent or account.received
        ]


@dataclass(frozen=True, slots=True)
class TrafficRow:
    """Bytes sent to and received from ``peer`` over ``protocol``, and how many a second."""

    peer: PeerId
    protocol: str
    sent: int
    received: int
    sent_rate: float = 0.0
    received_rate: float = 0.0


class TrafficTable(Sequence[TrafficRow]):
    """A node's traffic at lab time ``at`` (seconds), the busiest first. Rates are of the time since ``since``: an
    earlier table of the same node, or else the lab's beginning."""

    def __init__(self, node: str, at: float, rows: Sequence[TrafficRow], since: TrafficTable | None = None) -> None:
        self.node: str = node
        self.at: float = at
        if since is not None and (not isinstance(since, TrafficTable) or since.node != node):
            raise ValidationError(f"since={since!r}: take an earlier table of {node}'s, as traffic() gives it")
        before = {} if since is None else {(row.peer, row.protocol): row for row in since}
        seconds = at - (0.0 if since is None else since.at)
        self._rows = sorted(
            (_with_rates(row, before.get((row.peer, row.protocol)), seconds) for row in rows),
            key=lambda row: (-row.sent - row.received, row.peer, row.protocol),
        )

    @overload
    def __getitem__(self, index: int) -> TrafficRow: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[TrafficRow]: ...
    def __getitem__(self, index: int | slice) -> TrafficRow | Sequence[TrafficRow]:
        return self._rows[index]

    def __iter__(self) -> Iterator[TrafficRow]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def sent(self) -> int:
        """Bytes sent, to everybody."""
        return sum(row.sent for row in self._rows)

    @property
    def received(self) -> int:
        """Bytes received, from everybody."""
        return sum(row.received for row in self._rows)

    def __str__(self) -> str:
        if not self._rows:
            return f"{self.node} has exchanged nothing yet"
        lines = [HEAD, *map(_cells, self._rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if column < 2 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return html_table(HEAD, map(_cells, self._rows))


def _with_rates(row: TrafficRow, before: TrafficRow | None, seconds: float) -> TrafficRow:
    sent, received = (0, 0) if before is None else (before.sent, before.received)
    if seconds <= 0:
        return row
    rates = (row.sent - sent) / seconds, (row.received - received) / seconds
    return TrafficRow(row.peer, row.protocol, row.sent, row.received, *rates)


def _cells(row: TrafficRow) -> tuple[str, ...]:
    return (
        repr(row.peer) if row.peer else OTHERS,
        shown(row.protocol, 500),
        _size(row.sent),
        _size(row.received),
        _size(row.sent_rate),
        _size(row.received_rate),
    )


def _size(count: float) -> str:
    """Bytes as people read them, in powers of a thousand."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError
