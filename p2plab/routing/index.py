"""A local index of providers: what a node provides itself, and what it was told by hand or over HTTP.

Records are kept under the multihash, as in the DHT, and for as long (ipfs/specs routing/kad-dht, "Content Provider
Advertisement": 48 h); what the node itself provides stays until it stops. Bounded: the oldest go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from p2plab.constants import TICKS_PER_SECOND
from p2plab.typing import PeerId

__all__ = ["PROVIDER_SECONDS", "ProviderIndex"]

PROVIDER_SECONDS: Final = 48 * 3600.0
MAX_KEYS: Final = 10_000
MAX_PROVIDERS: Final = 100  # of one key


class ProviderIndex:
    """Times are ticks."""

    def __init__(self) -> None:
        self._records: dict[bytes, dict[PeerId, tuple[tuple[str, ...], int | None]]] = {}

    def add(self, key: bytes, peer: PeerId, addresses: Sequence[str], now: int, seconds: float | None = None) -> None:
        """A peer provides what the multihash names, for so many seconds (48 h; ``inf``: until it is removed)."""
        kept = PROVIDER_SECONDS if seconds is None else seconds
        expires = None if kept == float("inf") else now + round(kept * TICKS_PER_SECOND)
        held = self._records.pop(key, {})
        held.pop(peer, None)
        held[peer] = (tuple(addresses), expires)
        if len(held) > MAX_PROVIDERS:
            del held[next(iter(held))]
        self._records[key] = held  # as the newest
        if len(self._records) > MAX_KEYS:
            del self._records[next(iter(self._records))]

    def remove(self, key: bytes, peer: PeerId) -> bool:
        """A peer provides it no more; whether it did."""
        held = self._records.get(key, {})
        found = held.pop(peer, None) is not None
        if found and not held:
            del self._records[key]
        return found

    def providers(self, key: bytes, now: int) -> list[tuple[PeerId, tuple[str, ...]]]:
        """Who provides it, those first heard of first, with their addresses."""
        return [
            (peer, addresses)
            for peer, (addresses, expires) in self._records.get(key, {}).items()
            if expires is None or now < expires
        ]

    def of(self, peer: PeerId, now: int) -> list[bytes]:
        """The multihashes of what a peer provides."""
        return [key for key in self._records if any(one == peer for one, _ in self.providers(key, now))]

    def keep_only(self, peer: PeerId | None) -> None:
        """Forget everything, or all but what this peer provides."""
        if peer is None:
            self._records.clear()
            return
        own = {key: held[peer] for key, held in self._records.items() if peer in held}
        self._records = {key: {peer: record} for key, record in own.items()}

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[bytes]:
        return iter(list(self._records))
