"""A node's address book: the addresses of peers that a user, or another peer, has told it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

__all__ = ["AddressBook", "PlainBook"]


class AddressBook(Protocol):
    """Addresses by peer id (base58), without ``/p2p/...``."""

    def add(self, peer_id: str, addresses: Iterable[str]) -> None: ...

    def addresses(self, peer_id: str) -> list[str]: ...

    def clear(self) -> None:
        """Forget everybody."""

    def __iter__(self) -> Iterator[str]:
        """The peers an address is known of."""


class PlainBook:
    """Implements ``AddressBook`` in a dict."""

    __slots__ = ("_addresses",)

    def __init__(self) -> None:
        self._addresses: dict[str, list[str]] = {}

    def add(self, peer_id: str, addresses: Iterable[str]) -> None:
        known = self._addresses.setdefault(peer_id, [])
        known += [address for address in dict.fromkeys(addresses) if address not in known]

    def addresses(self, peer_id: str) -> list[str]:
        return list(self._addresses.get(peer_id, ()))

    def clear(self) -> None:
        self._addresses.clear()

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._addresses))
