"""A node's address book: what is known of its peers' addresses, for as long as that is to be believed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from p2plab.errors import ProtocolViolation
from p2plab.identity.peer_record import read_record
from p2plab.routing.address_book import KnownAddress, PeerAddresses
from p2plab.typing import Runtime

__all__ = ["AddressBook", "PlainBook"]


class AddressBook(Protocol):
    """Addresses by peer id (base58), without ``/p2p/...``."""

    def add(
        self,
        peer_id: str,
        addresses: Iterable[str],
        by: str = "user",
        told_by: str | None = None,
        ttl: float | None = None,
    ) -> None:
        """These are addresses of a peer; ``by`` says how they were learnt, ``ttl`` (seconds) for how long they hold."""

    def certify(self, envelope: bytes, by: str, told_by: str | None = None) -> str | None:
        """Take over a signed record; whose it is, None for one that is older than what is held.
        Raises ProtocolViolation."""

    def certify_of(self, peer_id: str, envelope: bytes, by: str, told_by: str | None = None) -> None:
        """The same for a record that has to be this peer's. ProtocolViolation for another's, too."""

    def record_of(self, peer_id: str) -> bytes | None:
        """The signed record that is held of a peer."""

    def connected(self, peer_id: str) -> None:
        """A peer is connected."""

    def disconnected(self, peer_id: str) -> None:
        """It is not any more."""

    def addresses(self, peer_id: str) -> list[str]: ...

    def rows(self) -> list[KnownAddress]:
        """All that is known, and from whom."""

    def forget(self, peer_id: str) -> bool:
        """Forget a peer; whether it was known."""

    def clear(self) -> None:
        """Forget everybody."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[str]:
        """The peers an address is known of."""


class PlainBook:
    """Implements ``AddressBook`` in memory, by the time of a lab. An empty one takes next to nothing: ten thousand
    nodes have one each."""

    __slots__ = ("_core", "_runtime")

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._core: PeerAddresses | None = None

    @property
    def _known(self) -> PeerAddresses:
        if self._core is None:
            self._core = PeerAddresses()
        return self._core

    def add(
        self,
        peer_id: str,
        addresses: Iterable[str],
        by: str = "user",
        told_by: str | None = None,
        ttl: float | None = None,
    ) -> None:
        self._known.add(str(peer_id), list(dict.fromkeys(addresses)), self._runtime.ticks(), by, told_by, ttl)
        self._changed(str(peer_id))

    def certify(self, envelope: bytes, by: str, told_by: str | None = None) -> str | None:
        record = self._known.certify(envelope, self._runtime.ticks(), by, told_by)
        if record is None:
            return None
        self._changed(str(record.peer_id))
        return str(record.peer_id)

    def _changed(self, peer_id: str) -> None:
        """Something else is known of this peer now."""

    def certify_of(self, peer_id: str, envelope: bytes, by: str, told_by: str | None = None) -> None:
        whose = read_record(envelope).peer_id
        if whose != peer_id:
            raise ProtocolViolation(f"the record is about {whose}, and not about {peer_id!s}, who gave it")
        self.certify(envelope, by, told_by)

    def record_of(self, peer_id: str) -> bytes | None:
        return self._known.record_of(str(peer_id))

    def connected(self, peer_id: str) -> None:
        self._known.connected(str(peer_id))

    def disconnected(self, peer_id: str) -> None:
        self._known.disconnected(str(peer_id), self._runtime.ticks())

    def addresses(self, peer_id: str) -> list[str]:
        return [] if self._core is None else self._core.addresses(str(peer_id), self._runtime.ticks())

    def rows(self) -> list[KnownAddress]:
        return self._known.rows(self._runtime.ticks())

    def forget(self, peer_id: str) -> bool:
        return self._known.forget(str(peer_id))

    def clear(self) -> None:
        self._known.clear()

    def __len__(self) -> int:
        return 0 if self._core is None else len(self._core)

    def __iter__(self) -> Iterator[str]:
        return iter([peer for peer in self._core or () if self.addresses(peer)])
