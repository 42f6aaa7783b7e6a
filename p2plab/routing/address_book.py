"""What a node knows of its peers' addresses: which, from whom, for how long, and whether the peer itself signed them.

Rules:
- An address is kept for the time that its source gives it (``TTLS``), and while its peer is connected. The longer of
  two times holds.
- A signed record (libp2p RFC 0003) is believed where the signature is the named peer's own, and where it is not older
  than the one that is held; the certified addresses are then those of the new one.
- A peer has at most 64 addresses, a book at most 10,000 peers: those that end first go first, certified ones and those
  of the user last; of the peers, the one least recently heard of that the user did not name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from p2plab.constants import TICKS_PER_SECOND
from p2plab.identity.peer_record import PeerRecord, read_record
from p2plab.text import Tabular, shown

__all__ = ["MAX_ADDRESSES", "MAX_PEERS", "RECENTLY_CONNECTED", "TTLS", "AddressTable", "KnownAddress", "PeerAddresses"]

MAX_ADDRESSES: Final = 64
MAX_PEERS: Final = 10_000
HOUR: Final = 3600.0
RECENTLY_CONNECTED: Final = 24 * HOUR  # go-libp2p: 15 min; people come back to a notebook the next morning
TTLS: Final[dict[str, float | None]] = {"user": None, "identify": RECENTLY_CONNECTED, "peer exchange": 120.0}
DISCOVERED: Final = HOUR  # go-libp2p's AddressTTL: what the DHT, rendezvous points and others tell


@dataclass(frozen=True, slots=True)
class KnownAddress:
    """One address of a peer. ``by`` is how it was learnt (``user``, ``identify``, ``dht``, ``rendezvous``, ...),
    ``told_by`` the peer that told it, ``learnt`` and ``expires`` seconds of lab time (None: it does not end)."""

    peer: str
    address: str
    by: str
    told_by: str | None
    learnt: float
    expires: float | None
    certified: bool


class AddressTable(Tabular, list[KnownAddress]):
    """Addresses with where they are from; it shows itself as a table. ``now`` is the lab time of the look."""

    _HEAD = ("peer", "address", "learnt by", "at (s)", "for", "certified")

    def __init__(self, rows: Iterable[KnownAddress], now: float, name: Callable[[str], str]) -> None:
        super().__init__(rows)
        self._now = now
        self._name = name

    def _cells(self) -> list[tuple[str, ...]]:
        return [
            (
                shown(self._name(row.peer)),
                shown(row.address, 200),
                row.by if row.told_by in (None, row.peer) else f"{row.by}, {shown(self._name(str(row.told_by)))}",
                f"{row.learnt:.3f}",
                "stays" if row.expires is None else f"{row.expires - self._now:.0f} s left",
                "signed" if row.certified else "",
            )
            for row in self
        ]


@dataclass(slots=True)
class _Entry:
    by: str
    told_by: str | None
    learnt: int
    expires: int | None
    certified: bool = False


class PeerAddresses:
    """The core of an address book: times are ticks, peers are ids as text, addresses are without ``/p2p/...``."""

    def __init__(self) -> None:
        self._peers: dict[str, dict[str, _Entry]] = {}
        self._connected: set[str] = set()
        self._records: dict[str, tuple[int, bytes]] = {}  # by peer: the number of its signed record, and the envelope

    def add(
        self,
        peer: str,
        addresses: Sequence[str],
        now: int,
        by: str = "user",
        told_by: str | None = None,
        ttl: float | None = None,
        certified: bool = False,
    ) -> None:
        """These are addresses of a peer, for ``ttl`` seconds or as long as the source gives."""
        seconds = TTLS.get(by, DISCOVERED) if ttl is None else ttl
        expires = None if seconds is None else now + round(seconds * TICKS_PER_SECOND)
        if not addresses:
            return
        known = self._peers.pop(peer, {})
        self._peers[peer] = known  # heard of last
        for address in addresses:
            entry = known.get(address)
            if entry is None or (entry.expires is not None and entry.expires <= now):
                known.pop(address, None)
                known[address] = _Entry(by, told_by, now, expires, certified)
            else:
                if expires is None or (entry.expires is not None and expires > entry.expires):
                    entry.expires, entry.by, entry.told_by = expires, by, told_by
                entry.certified = entry.certified or certified
        self._bound(known, now)
        if len(self._peers) > MAX_PEERS:
            self._drop_a_peer(peer)

    def certify(self, envelope: bytes, now: int, by: str, told_by: str | None = None) -> PeerRecord | None:
        """Take over a signed record. ProtocolViolation for one that is none; None for one that is older than what is
        held."""
        record = read_record(envelope)
        peer = str(record.peer_id)
        held = self._records.get(peer)
        if held is not None and record.seq < held[0]:
            return None
        self._records[peer] = (record.seq, envelope)
        for address, entry in list(self._peers.get(peer, {}).items()):
            if entry.certified and address not in record.addresses:
                del self._peers[peer][address]
        self.add(peer, record.addresses, now, by, told_by, certified=True)
        return record

    def record_of(self, peer: str) -> bytes | None:
        """The envelope of a peer's signed record, as peers may be given it."""
        held = self._records.get(peer)
        return None if held is None else held[1]

    def connected(self, peer: str) -> None:
        """A peer is connected: what is known of it does not end meanwhile."""
        self._connected.add(peer)

    def disconnected(self, peer: str, now: int) -> None:
        """It is not any more: what is known of it is kept for a while."""
        self._connected.discard(peer)
        until = now + round(RECENTLY_CONNECTED * TICKS_PER_SECOND)
        for entry in self._peers.get(peer, {}).values():
            if entry.by == "identify":
                entry.expires = until

    def addresses(self, peer: str, now: int) -> list[str]:
        """Those that have not ended: certified ones first, then as they were learnt."""
        known = self._peers.get(peer, {})
        live = [(address, entry) for address, entry in known.items() if self._lives(peer, entry, now)]
        return [address for address, _ in sorted(live, key=lambda one: not one[1].certified)]

    def purge(self, peer: str, now: int) -> list[str]:
        """Forget those that have ended; which they were."""
        known = self._peers.get(peer, {})
        over = [address for address, entry in known.items() if not self._lives(peer, entry, now)]
        for address in over:
            del known[address]
        if over and not known:
            self.forget(peer)
        return over

    def rows(self, now: int) -> list[KnownAddress]:
        """All addresses that have not ended, by peer."""
        found = [row for peer in self._peers for row in self.rows_of(peer, now)]
        return [replace(row, expires=None) if row.peer in self._connected else row for row in found]

    def rows_of(self, peer: str, now: int) -> list[KnownAddress]:
        """The addresses of one peer that have not ended, with when they end, whether it is connected or not."""
        return [
            KnownAddress(
                peer,
                address,
                entry.by,
                entry.told_by,
                entry.learnt / TICKS_PER_SECOND,
                None if entry.expires is None else max(entry.expires, now) / TICKS_PER_SECOND,
                entry.certified,
            )
            for address, entry in self._peers.get(peer, {}).items()
            if self._lives(peer, entry, now)
        ]

    def forget(self, peer: str) -> bool:
        """Forget a peer; whether anything was known of it."""
        self._records.pop(peer, None)
        return self._peers.pop(peer, None) is not None

    def clear(self) -> None:
        """Forget everybody."""
        self._peers.clear()
        self._records.clear()

    def _lives(self, peer: str, entry: _Entry, now: int) -> bool:
        return entry.expires is None or now < entry.expires or peer in self._connected

    @staticmethod
    def _bound(known: dict[str, _Entry], now: int) -> None:
        """Have at most so many addresses of a peer."""
        while len(known) > MAX_ADDRESSES:
            worst = min(
                known,
                key=lambda address: (
                    known[address].certified,
                    known[address].by == "user",
                    known[address].expires is None,
                    known[address].expires or 0,
                ),
            )
            del known[worst]

    def _drop_a_peer(self, new: str) -> None:
        """Make room: by the peer least recently heard of that is neither connected nor the user's own."""
        for peer, known in self._peers.items():
            if peer != new and peer not in self._connected and all(entry.by != "user" for entry in known.values()):
                self.forget(peer)
                return
        self.forget(next(peer for peer in self._peers if peer != new))

    def __len__(self) -> int:
        return len(self._peers)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._peers))
