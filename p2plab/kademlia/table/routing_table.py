"""The routing table: which peers a node knows, most of them close to itself (kad-dht/README.md, "Kademlia routing
table"; ipfs/specs routing/kad-dht, "Routing Table").

Rules:
- A bucket holds up to k peers whose keys share exactly so many leading bits with the node's own; the list of buckets
  grows as closer peers come. (Indexed like this no bucket ever has to be split.)
- Inside a bucket peers stand in the order in which they were last heard of, the longest silent first. Seniority wins:
  a peer that answers is never displaced. A newcomer to a full bucket waits in its replacement cache, and the longest
  silent peer is to be checked; only a check that fails makes room.
- A peer is taken in only if the limits on its IP groups (diversity.py) leave room, in the bucket and in the table.
- The table does no I/O and reads no clock: ticks are given, and what has been decided is returned with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import ValidationError
from p2plab.kademlia.key import KEY_BITS, KeySpace, kademlia_key
from p2plab.kademlia.params import DhtParams
from p2plab.text import html_table, plural, shown
from p2plab.typing import PeerId, PeerInfo

__all__ = ["AddResult", "Bucket", "BucketView", "KademliaRoutingTable"]


class Bucket:
    """The peers at one common prefix length: ``peers`` and, in step with it, the ticks at which they were last heard
    of."""

    __slots__ = ("checked", "checking", "peers", "refreshed", "replacements", "seen")

    def __init__(self) -> None:
        self.peers: list[int] = []
        self.seen: list[int] = []
        self.replacements: list[int] | None = None  # the latest comer last
        self.refreshed = -1  # tick of the last lookup into its range
        self.checking = -1  # the peer that is being asked whether it lives
        self.checked = -1  # tick of the last such question


class AddResult(NamedTuple):
    """What became of a peer: ``reason`` as in the table of reasons, ``inserted`` whether it is in the table,
    ``bucket`` its bucket, ``size`` the peers in it now, ``suspect`` a silent peer worth a check (-1: none), ``group``
    and ``members`` the IP group that was full."""

    inserted: bool
    reason: str
    bucket: int = -1
    size: int = 0
    suspect: int = -1
    group: str | None = None
    members: int = 0


@dataclass(frozen=True)
class BucketView:
    """A bucket as a user sees it. ``peers`` are the longest silent first, ``silent`` how many seconds each has been."""

    prefix_length: int
    peers: list[PeerInfo]
    silent: list[float]
    replacements: list[PeerInfo]
    refreshed: float | None
    capacity: int


class KademliaRoutingTable:
    """The peers known to ``local``, by distance. Peers are indices into ``space``; times are ticks.

    It can be used alone: ``table = KademliaRoutingTable(peer_id)``, ``table.add(other_id)``, ``table.closest(key)``;
    wherever it takes a peer it also takes a peer id's text.
    """

    __slots__ = ("_key", "buckets", "local", "params", "space")

    def __init__(self, local: int | str, space: KeySpace | None = None, params: DhtParams | None = None) -> None:
        self.space = space if space is not None else KeySpace()
        self.params = params if params is not None else DhtParams()
        self.local = self.space.find(local) if isinstance(local, str) else local
        self._key = self.space.keys[self.local]
        self.buckets: list[Bucket] = []

    @property
    def key(self) -> int:
        """The Kademlia key of the table's owner."""
        return self._key

    @property
    def peer_id(self) -> PeerId:
        """The peer id of the node whose table it is."""
        return self.space.peer_id(self.local)

    def index_of(self, peer: int | str) -> int:
        """The bucket of a peer: the number of leading bits its key shares with the owner's. ValidationError for the
        owner itself, which is in no bucket."""
        index = KEY_BITS - (self._key ^ self.space.keys[self._number(peer)]).bit_length()
        if index == KEY_BITS:
            raise ValidationError(f"{self.peer_id!r} is the owner of this table, which is in none of its buckets")
        return index

    def _number(self, peer: int | str) -> int:
        return self.space.find(peer) if isinstance(peer, str) else peer

    # -- looking

    def __len__(self) -> int:
        return sum(len(bucket.peers) for bucket in self.buckets)

    def __contains__(self, peer: object) -> bool:
        if not isinstance(peer, (int, str)):
            return False
        number = self._number(peer)
        index = KEY_BITS - (self._key ^ self.space.keys[number]).bit_length()
        return index < len(self.buckets) and number in self.buckets[index].peers

    def __iter__(self) -> Iterator[PeerId]:
        for peer in self.numbers():
            yield self.space.peer_id(peer)

    def numbers(self) -> list[int]:
        """Every peer, bucket by bucket, the longest silent first."""
        return [peer for bucket in self.buckets for peer in bucket.peers]

    def closest(self, key: int | bytes | str, count: int | None = None) -> list[int]:
        """The ``count`` (default: k) known peers closest to a key, nearest first.

        A key is a 256-bit number, the bytes to be hashed to one, or a peer id's text.
        """
        if not isinstance(key, int):
            key = self.space.keys[self.space.find(key)] if isinstance(key, str) else kademlia_key(key)
        wanted = self.params.k if count is None else count
        buckets, keys = self.buckets, self.space.keys
        index = KEY_BITS - (self._key ^ key).bit_length()
        # Peers in the key's own bucket share more bits with it than all others do; then come the deeper buckets, which
        # share exactly `index` bits with it; then the shallower ones, each farther than the one before.
        found = list(buckets[index].peers) if index < len(buckets) else []
        found.sort(key=lambda peer: keys[peer] ^ key)
        if len(found) < wanted and index + 1 < len(buckets):
            deeper = [peer for bucket in buckets[index + 1 :] for peer in bucket.peers]
            deeper.sort(key=lambda peer: keys[peer] ^ key)
            found += deeper
        index = min(index, len(buckets))
        while len(found) < wanted and index > 0:
            index -= 1
            found += sorted(buckets[index].peers, key=lambda peer: keys[peer] ^ key)
        return found[:wanted]

    # -- changing

    def add(self, peer: int | str, now: int = 0) -> AddResult:
        """A peer was heard of: take it in, note that it lives, or say why not. ``suspect`` is then worth a check."""
        number = self._number(peer)
        index = KEY_BITS - (self._key ^ self.space.keys[number]).bit_length()
        if index == KEY_BITS:
            return AddResult(False, "self")
        buckets = self.buckets
        while len(buckets) <= index:
            buckets.append(Bucket())
        bucket = buckets[index]
        if number in bucket.peers:
            self._hear(bucket, number, now)
            return AddResult(True, "known", index, len(bucket.peers))
        if len(bucket.peers) >= self.params.k:  # the IP limits are asked when a place becomes free
            suspect = bucket.peers[0] if bucket.checking < 0 else -1
            return AddResult(False, self._reserve(bucket, number), index, len(bucket.peers), suspect)
        limit = self._over_limit(bucket, number)
        if limit is not None:
            reason, group, members = limit
            return AddResult(False, reason, index, len(bucket.peers), -1, group, members)
        self._insert(bucket, number, now)
        return AddResult(True, "room", index, len(bucket.peers))

    def _reserve(self, bucket: Bucket, number: int) -> str:
        """Put a peer into the replacement cache; the reason, ``waiting`` where it was there already."""
        limit = self.params.k if self.params.replacements is None else self.params.replacements
        reserve = bucket.replacements
        if reserve is None:
            reserve = bucket.replacements = []
        known = number in reserve
        if known:
            reserve.remove(number)
        if limit:
            reserve.append(number)
            del reserve[:-limit]
        return "waiting" if known else "bucket full"

    def heard(self, peer: int, now: int) -> bool:
        """Note that a peer of the table lives; whether it is in the table."""
        index = KEY_BITS - (self._key ^ self.space.keys[peer]).bit_length()
        if index >= len(self.buckets):
            return False
        bucket = self.buckets[index]
        if peer not in bucket.peers:
            return False
        self._hear(bucket, peer, now)
        return True

    def remove(self, peer: int | str) -> tuple[bool, int]:
        """Take a peer out of the table and its replacement cache: whether it was in the table, and who took its place
        (-1: nobody). The latest comer of the cache whom the IP limits allow is next."""
        number = self._number(peer)
        index = KEY_BITS - (self._key ^ self.space.keys[number]).bit_length()
        if index >= len(self.buckets):
            return False, -1
        bucket = self.buckets[index]
        if bucket.checking == number:
            bucket.checking = -1
        reserve = bucket.replacements or []
        if number in reserve:
            reserve.remove(number)
        if number not in bucket.peers:
            return False, -1
        at = bucket.peers.index(number)
        heard = bucket.seen[at]
        del bucket.peers[at], bucket.seen[at]
        for candidate in reversed(reserve):
            if self._over_limit(bucket, candidate) is None:
                reserve.remove(candidate)
                self._insert(bucket, candidate, heard)
                return True, candidate
        return True, -1

    def _insert(self, bucket: Bucket, number: int, now: int) -> None:
        """Put a peer where its time belongs: a replacement was not heard of just now."""
        at = len(bucket.seen)
        while at and bucket.seen[at - 1] > now:
            at -= 1
        bucket.peers.insert(at, number)
        bucket.seen.insert(at, now)

    @staticmethod
    def _hear(bucket: Bucket, number: int, now: int) -> None:
        peers, seen = bucket.peers, bucket.seen
        if peers[-1] == number:
            seen[-1] = now
        else:
            at = peers.index(number)
            del peers[at], seen[at]
            peers.append(number)
            seen.append(now)

    def _over_limit(self, bucket: Bucket, number: int) -> tuple[str, str, int] | None:
        """Which IP limit keeps a peer out, with the group and how many of it there are; None if it may come in."""
        in_bucket, in_table = self.params.ip_limit_bucket, self.params.ip_limit_table
        if not (in_bucket or in_table):
            return None
        groups_of = self.space.groups
        for group in groups_of(number):
            if in_bucket:
                count = sum(group in groups_of(other) for other in bucket.peers)
                if count >= in_bucket:
                    return "ip limit of the bucket", group, count
            if in_table:
                count = sum(group in groups_of(other) for other in self.numbers())
                if count >= in_table:
                    return "ip limit of the table", group, count
        return None

    def fill(self, index: int, peers: list[int], now: int) -> None:
        """Replace a bucket's peers with these, at most k and all of this bucket, as heard of just now. For fill.py,
        which has already seen to the limits."""
        while len(self.buckets) <= index:
            self.buckets.append(Bucket())
        bucket = self.buckets[index]
        bucket.peers, bucket.seen = peers, [now] * len(peers)
        bucket.refreshed = now

    def clear(self) -> None:
        """Forget everybody."""
        self.buckets.clear()

    # -- refreshing

    def touched(self, key: int, now: int) -> None:
        """A lookup for this key was made: its bucket counts as refreshed."""
        index = KEY_BITS - (self._key ^ key).bit_length()
        if index < len(self.buckets):
            self.buckets[index].refreshed = now

    def stale_buckets(self, now: int, age: int) -> list[int]:
        """The buckets, up to the last one that has peers, into which no lookup was made for ``age`` ticks."""
        last = max((index for index, bucket in enumerate(self.buckets) if bucket.peers), default=-1)
        return [
            index
            for index, bucket in enumerate(self.buckets[: last + 1])
            if bucket.refreshed < 0 or now - bucket.refreshed >= age
        ]

    def silent_peers(self, now: int, age: int) -> list[int]:
        """The peers that have not been heard of for ``age`` ticks."""
        found = []
        for bucket in self.buckets:
            for peer, seen in zip(bucket.peers, bucket.seen, strict=True):
                if now - seen < age:
                    break
                found.append(peer)
        return found

    def checking(self, peer: int, now: int) -> bool:
        """A peer is about to be asked whether it lives; whether it is in the table at all."""
        if peer not in self:
            return False
        bucket = self.buckets[self.index_of(peer)]
        bucket.checking, bucket.checked = peer, now
        return True

    def checked(self, peer: int) -> None:
        """It has been asked."""
        index = self.index_of(peer)
        if index < len(self.buckets) and self.buckets[index].checking == peer:
            self.buckets[index].checking = -1

    def silence(self, peer: int, now: int) -> int:
        """For how many ticks a peer of the table has not been heard of; 0 for one that is not in it."""
        index = self.index_of(peer)
        bucket = self.buckets[index] if index < len(self.buckets) else None
        return now - bucket.seen[bucket.peers.index(peer)] if bucket is not None and peer in bucket.peers else 0

    # -- for people

    def view(self, now: int | None = None) -> list[BucketView]:
        """The buckets that hold or await somebody, farthest first. ``now`` (ticks) is what silence is reckoned to; left
        out, the latest time the table knows of."""
        if now is None:
            now = max((tick for bucket in self.buckets for tick in bucket.seen), default=0)
        info = self.space.info
        return [
            BucketView(
                prefix_length=index,
                peers=[info(peer) for peer in bucket.peers],
                silent=[max(0, now - seen) / TICKS_PER_SECOND for seen in bucket.seen],
                replacements=[info(peer) for peer in bucket.replacements or ()],
                refreshed=None if bucket.refreshed < 0 else bucket.refreshed / TICKS_PER_SECOND,
                capacity=self.params.k,
            )
            for index, bucket in enumerate(self.buckets)
            if bucket.peers or bucket.replacements
        ]

    def __repr__(self) -> str:
        rows = [
            f"routing table of {self.peer_id!r}: {plural(len(self), 'peer')}",
            "bits  peers  waiting  who (the longest silent first)",
        ]
        for bucket in self.view():
            names = ", ".join(shown(peer.name) for peer in bucket.peers[:6]) + (", …" if len(bucket.peers) > 6 else "")
            size = f"{len(bucket.peers)}/{bucket.capacity}"
            rows.append(f"{bucket.prefix_length:>4}  {size:>5}  {len(bucket.replacements):>7}  {names}")
        return "\n".join(rows)

    def _repr_html_(self) -> str:
        rows = (
            (
                bucket.prefix_length,
                f"{len(bucket.peers)}/{bucket.capacity}",
                len(bucket.replacements),
                ", ".join(shown(peer.name) for peer in bucket.peers),
            )
            for bucket in self.view()
        )
        head = ("shared bits", "peers", "waiting", "who (the longest silent first)")
        return html_table(head, rows, f"{self.peer_id!r}: {plural(len(self), 'peer')}")
