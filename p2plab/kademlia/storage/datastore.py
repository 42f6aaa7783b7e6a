"""What a DHT node holds for others: values and provider records, with an end to each (ipfs/specs routing/kad-dht,
"Provider Records", "Value Storage and Retrieval").

Rules:
- Everything ends: a value ``value_ttl`` after it was last put, a provider record ``provider_ttl`` after it was last
  announced, the addresses in it sooner (``provider_address_ttl``). What has ended is not given out, whether or not
  ``expire`` has thrown it away yet.
- Everything is bounded. When a kind of record is full, room is made like this: what has ended goes first; then the
  record whose key is farthest from the node's own key, since others are more likely to hold it and fewer will ask here;
  a newcomer that is itself the farthest is refused. Within one provider key, the announcement that ends first goes.
- Keys of provider records are multihashes, keys of values are what the value was put under. Peers are indices.
- What the node itself published (to be put again later) is kept apart and does not count against the bounds.
- Times are ticks and are given; ``_save...`` and ``_drop...`` are where a persistent store writes.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from p2plab.errors import ValidationError
from p2plab.kademlia.key import kademlia_key
from p2plab.kademlia.params import DhtParams, ticks
from p2plab.text import plural

__all__ = ["DHTDatastore", "ProviderRecord", "Published", "StoredValue"]

PublishedKind = Literal["value", "provider"]


@dataclass(slots=True)
class StoredValue:
    """A value, the tick it was put at, and the tick at which it ends."""

    value: bytes
    received: int
    expires: int


@dataclass(slots=True)
class ProviderRecord:
    """A peer that provides something, until when, the addresses it gave, and until when those are given out."""

    peer: int
    expires: int
    addresses: tuple[str, ...]
    addresses_expire: int


@dataclass(slots=True)
class Published:
    """Something the node itself put (``value``) or announced (``provider``, without a value), and when that was
    last."""

    kind: PublishedKind
    key: bytes
    value: bytes
    at: int


class _Near:
    """Keys in the order of their distance from the owner, so that the farthest is known at once."""

    __slots__ = ("_distances", "_keys", "_owner")

    def __init__(self, owner: int) -> None:
        self._owner = owner
        self._distances: list[int] = []
        self._keys: dict[int, bytes] = {}

    def distance(self, key: bytes) -> int:
        return kademlia_key(key) ^ self._owner

    def add(self, key: bytes) -> None:
        distance = self.distance(key)
        self._keys[distance] = key
        insort(self._distances, distance)

    def remove(self, key: bytes) -> None:
        distance = self.distance(key)
        del self._distances[bisect_left(self._distances, distance)], self._keys[distance]

    def farthest(self) -> tuple[int, bytes]:
        distance = self._distances[-1]
        return distance, self._keys[distance]


class DHTDatastore:
    """Values and provider records in memory. ``owner`` is the node's Kademlia key, which says what is far away.

    A new store is empty; ``sqlite_store.SqliteDatastore`` is one that outlives its process.
    """

    def __init__(self, owner: int = 0, params: DhtParams | None = None) -> None:
        self.params = params if params is not None else DhtParams()
        self._values: dict[bytes, StoredValue] = {}
        self._providers: dict[bytes, dict[int, ProviderRecord]] = {}
        self._published: dict[tuple[PublishedKind, bytes], Published] = {}
        self._near_values = _Near(owner)
        self._near_providers = _Near(owner)

    # -- values

    def put_value(self, key: bytes, value: bytes, now: int) -> bytes | None:
        """Store a value, in place of any other under its key; returns the key that had to go for it, if one had to.

        ValidationError where the value is too large, OverflowError where the store is full of closer records.
        """
        if len(value) > self.params.max_value_size:
            raise ValidationError(
                f"a value of {len(value)} bytes is over the limit of {self.params.max_value_size} "
                "(DhtParams.max_value_size)"
            )
        gone = None
        if key not in self._values:
            if len(self._values) >= self.params.max_values:
                gone = self._make_room(self._near_values, key, now, self._expire_values, self._drop_value)
        stored = StoredValue(value, now, now + ticks(self.params.value_ttl))
        self._save_value(key, stored)
        if key not in self._values:
            self._near_values.add(key)
        self._values[key] = stored
        return gone

    def get_value(self, key: bytes, now: int) -> StoredValue | None:
        """The value under a key, unless it has ended."""
        stored = self._values.get(key)
        return stored if stored is not None and stored.expires > now else None

    def remove_value(self, key: bytes) -> bool:
        """Throw a value away; whether there was one."""
        if key not in self._values:
            return False
        self._drop_value(key)
        return True

    def values(self, now: int) -> dict[bytes, StoredValue]:
        """Every value that has not ended, by key."""
        return {key: stored for key, stored in self._values.items() if stored.expires > now}

    # -- provider records

    def add_provider(self, key: bytes, peer: int, addresses: Sequence[str], now: int) -> bytes | None:
        """Record that a peer provides what has this multihash; returns the key that had to go for it, if one had to.
        OverflowError where the store is full of closer keys."""
        gone = None
        records = self._providers.get(key)
        if records is None:
            if len(self._providers) >= self.params.max_provider_keys:
                gone = self._make_room(self._near_providers, key, now, self._expire_providers, self._drop_providers)
        elif peer not in records and len(records) >= self.params.max_providers_per_key:
            first = min(records.values(), key=lambda record: record.expires)
            self._drop_provider(key, first.peer)
        record = ProviderRecord(
            peer,
            now + ticks(self.params.provider_ttl),
            tuple(addresses),
            now + ticks(self.params.provider_address_ttl),
        )
        self._save_provider(key, record)
        if records is None:
            records = self._providers[key] = {}
            self._near_providers.add(key)
        records[peer] = record
        return gone

    def providers(self, key: bytes, now: int) -> list[tuple[int, tuple[str, ...]]]:
        """Who provides what has this multihash, with their addresses as long as those are fresh."""
        records = self._providers.get(key)
        if not records:
            return []
        return [
            (record.peer, record.addresses if record.addresses_expire > now else ())
            for record in records.values()
            if record.expires > now
        ]

    def provider_keys(self, now: int) -> list[bytes]:
        """Every multihash for which somebody is recorded."""
        return [key for key in self._providers if self.providers(key, now)]

    def remove_provider(self, key: bytes, peer: int) -> bool:
        """Throw a provider record away; whether there was one."""
        if peer not in self._providers.get(key, {}):
            return False
        self._drop_provider(key, peer)
        if not self._providers[key]:
            self._drop_providers(key)
        return True

    # -- what the node itself published

    def publish(self, kind: PublishedKind, key: bytes, value: bytes, now: int) -> None:
        """Remember that the node put this value, or announced itself (value ``b""``), now."""
        published = Published(kind, key, value, now)
        self._save_published(published)
        self._published[kind, key] = published

    def unpublish(self, kind: PublishedKind, key: bytes) -> bool:
        """Do not put it again any more; whether it was to be."""
        if (kind, key) not in self._published:
            return False
        self._drop_published(kind, key)
        del self._published[kind, key]
        return True

    def published(self) -> list[Published]:
        """Everything to be put again, in the order in which it was first published."""
        return list(self._published.values())

    def publication(self, kind: PublishedKind, key: bytes) -> Published | None:
        """What the node publishes under a key, with its times; None where it publishes nothing of this kind there."""
        return self._published.get((kind, key))

    # -- time and room

    def expire(self, now: int) -> tuple[int, int]:
        """Throw away what has ended: how many values, how many provider records."""
        return self._expire_values(now), self._expire_providers(now)

    def compact(self) -> None:
        """Give back the room that what was thrown away took. In memory there is nothing to do."""

    def clear(self) -> None:
        """Forget everything."""
        for key in list(self._values):
            self._drop_value(key)
        for key in list(self._providers):
            self._drop_providers(key)
        for kind, key in list(self._published):
            self.unpublish(kind, key)

    def close(self) -> None:
        """Let go of what the store holds outside of memory: here, nothing."""

    def __len__(self) -> int:
        return len(self._values) + sum(len(records) for records in self._providers.values())

    def __repr__(self) -> str:
        providers = sum(len(records) for records in self._providers.values())
        held = f"{plural(len(self._values), 'value')}, {plural(providers, 'provider record')}"
        return f"<{type(self).__name__}: {held}>"

    def _make_room(
        self,
        near: _Near,
        newcomer: bytes,
        now: int,
        expire: Callable[[int], int],
        drop: Callable[[bytes], None],
    ) -> bytes | None:
        if expire(now):
            return None
        distance, key = near.farthest()
        if near.distance(newcomer) > distance:
            raise OverflowError("the store is full, and everything in it is closer to the node")
        drop(key)
        return key

    def _expire_values(self, now: int) -> int:
        ended = [key for key, stored in self._values.items() if stored.expires <= now]
        for key in ended:
            self._drop_value(key)
        return len(ended)

    def _expire_providers(self, now: int) -> int:
        count = 0
        for key, records in list(self._providers.items()):
            ended = [record.peer for record in records.values() if record.expires <= now]
            count += len(ended)
            for peer in ended:
                self._drop_provider(key, peer)
            if not records:
                self._drop_providers(key)
        return count

    # -- what a persistent store adds to

    def _save_value(self, key: bytes, stored: StoredValue) -> None:
        """Write a value down before it counts as stored."""

    def _save_provider(self, key: bytes, record: ProviderRecord) -> None:
        """Write a provider record down before it counts as stored."""

    def _save_published(self, published: Published) -> None:
        """Write down what the node published."""

    def _drop_value(self, key: bytes) -> None:
        del self._values[key]
        self._near_values.remove(key)

    def _drop_provider(self, key: bytes, peer: int) -> None:
        del self._providers[key][peer]

    def _drop_providers(self, key: bytes) -> None:
        del self._providers[key]
        self._near_providers.remove(key)

    def _drop_published(self, kind: PublishedKind, key: bytes) -> None:
        """Before something stops being published."""
