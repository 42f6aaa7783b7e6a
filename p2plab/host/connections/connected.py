"""A node's open connections by peer, in as little room as it can be: a network has many of them, and hardly ever two to
the same peer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from p2plab.host.protocols import HostConnection

__all__ = ["Connected"]

C = TypeVar("C", bound=HostConnection)


class Connected(Generic[C]):
    """By peer, its connections, the oldest first. Iterating gives the peers."""

    __slots__ = ("by_peer",)

    def __init__(self) -> None:
        self.by_peer: dict[int, Any] = {}
        """The one connection to a peer or, where there are several, a tuple of them; for the hot path, to be read."""

    def __contains__(self, peer: int) -> bool:
        return peer in self.by_peer

    def __iter__(self) -> Iterator[int]:
        return iter(self.by_peer)

    def __len__(self) -> int:
        return len(self.by_peer)

    def __getitem__(self, peer: int) -> tuple[C, ...]:
        self.by_peer[peer]
        return self.get(peer)

    def get(self, peer: int) -> tuple[C, ...]:
        """The connections to a peer; none where it is not connected."""
        there = self.by_peer.get(peer, ())
        return there if isinstance(there, tuple) else (there,)

    def values(self) -> Iterator[tuple[C, ...]]:
        """The connections to each peer; what happens meanwhile does not show."""
        return iter([self.get(peer) for peer in self.by_peer])

    def add(self, connection: C) -> None:
        """One more."""
        others = self.get(connection.peer)
        self.by_peer[connection.peer] = (*others, connection) if others else connection

    def remove(self, connection: C) -> tuple[C, ...]:
        """One less; the others to that peer. The peer stays in the list until ``forget``."""
        left = tuple(other for other in self.get(connection.peer) if other is not connection)
        self.by_peer[connection.peer] = left[0] if len(left) == 1 else left
        return left

    def forget(self, peer: int) -> None:
        """A peer to which no connection is left."""
        del self.by_peer[peer]
