"""Keeping a node healthy: what it does by itself, and when (kad-dht/README.md, "Bootstrap process"; ipfs/specs
routing/kad-dht, "Routing Table Refresh", "Provider Record Republish Interval").

- Bootstrap: a lookup of oneself and a refresh of all buckets, when the upkeep starts and peers are known, or as soon as
  the first one comes; not where the table is fresh already.
- Refresh, every ``refresh_interval``: silent peers are checked, then every bucket into which nobody was looked for in
  that time gets a lookup, one after the other, and the last lookup is for oneself. Buckets deeper than
  MAX_PREIMAGE_BITS hold one's nearest neighbours only, whom that last lookup asks anyway.
- What the node provides is announced again within ``reprovide_interval``, each key at a moment of its own in the second
  half of it; what it put is put again likewise, within ``republish_interval``, which is ours.
- Holders leave that to whoever published, unless ``replicate_interval`` says that they put again themselves what nobody
  has put to them for that long.
- Records that have ended are thrown away every ``expiry_interval``. The first refresh and each later one come at
  random within a tenth of the interval, so that nodes started together do not work together. Nothing here runs until
  ``start``.
"""

from __future__ import annotations

from functools import partial
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Final

from p2plab.kademlia.key import MAX_PREIMAGE_BITS, preimage
from p2plab.kademlia.lookups.searches import ClosestPeers, Provide
from p2plab.kademlia.lookups.values import Republish
from p2plab.kademlia.operations import Check, Effects, Operation, note
from p2plab.kademlia.params import HOUR, ticks
from p2plab.kademlia.storage.records import key_text

if TYPE_CHECKING:
    from p2plab.kademlia.node import KademliaNode

__all__ = ["Upkeep"]

_REFRESH, _EXPIRE, _VALUE, _PROVIDER, _BOOTSTRAP, _REPLICATE = range(6)
_KINDS: Final = {_VALUE: "value", _PROVIDER: "provider"}


class Upkeep:
    """What is due when. ``due`` is the tick of the next thing (None: nothing); ``wake`` does what is due."""

    __slots__ = ("_joined", "_joining", "_node", "_number", "_queue", "_refreshing", "running")

    def __init__(self, node: KademliaNode) -> None:
        self._node = node
        self._queue: list[tuple[int, int, int, bytes]] = []
        self._number = 0
        self._refreshing = False
        self._joined = False
        self._joining = False
        self.running = False

    @property
    def due(self) -> int | None:
        return self._queue[0][0] if self._queue else None

    def start(self, now: int, join: bool = True) -> None:
        """Begin; again: nothing. Without ``join`` the node does not look itself up now, nor when somebody comes: for
        one that was asked something before it was used, since all who are asked would join at once and so ask others;
        it joins when it is started again with ``join``, or at the next refresh."""
        if self.running:
            if join and not self._joining:
                self._joining = True
                if len(self._node.table) or self._node.contacts:
                    self.peer_came(now)
            return
        self.running, self._joined, self._refreshing, self._joining = True, False, False, join
        params = self._node.params
        if params.bootstrap and (len(self._node.table) or self._node.contacts):
            fresh = len(self._node.table) and not self._node.table.stale_buckets(
                now, ticks(params.refresh_interval or HOUR)
            )
            self._joined = bool(fresh)  # a table that was filled, or kept over a restart, needs no joining
            self.peer_came(now)
        if params.refresh_interval is not None:
            self._later(now, self._spread(params.refresh_interval), _REFRESH)
        self._later(now, ticks(params.expiry_interval), _EXPIRE)
        if params.replicate_interval is not None:
            self._later(now, self._spread(params.replicate_interval), _REPLICATE)
        for published in self._node.store.published():
            self.published(published.kind, published.key, now)

    def stop(self) -> None:
        """End; what is under way is left to itself."""
        self.running = self._refreshing = False
        self._queue.clear()

    def peer_came(self, now: int) -> None:
        """There is somebody to join by."""
        if self.running and self._joining and not self._joined and self._node.params.bootstrap:
            self._joined = True
            self._later(now, 0, _BOOTSTRAP)

    def put(self, key: bytes, value: bytes, now: int) -> Effects:
        """Hold a value of this node's own, and put it again from now on. What is too far away for a full store, the k
        closest hold."""
        out: Effects = []
        self._node.keep(key, value, now, out)
        self._node.store.publish("value", key, value, now)
        self.published("value", key, now)
        return out

    def provide(self, key: bytes, now: int) -> None:
        """Be a provider of what the key names, and say so again from now on."""
        node = self._node
        node.store.add_provider(key, node.me, node.space.addresses(node.me), now)
        node.store.publish("provider", key, b"", now)
        self.published("provider", key, now)

    def published(self, kind: str, key: bytes, now: int) -> None:
        """Something was published now, and is to be again."""
        if not self.running:
            return
        params = self._node.params
        seconds = params.republish_interval if kind == "value" else params.reprovide_interval
        if seconds is not None:
            half = ticks(seconds) // 2
            self._later(
                now, half + self._node.random.randrange(half + 1), _VALUE if kind == "value" else _PROVIDER, key
            )

    def _spread(self, seconds: float) -> int:
        whole = ticks(seconds)
        return whole - self._node.random.randrange(whole // 10 + 1)

    def _later(self, now: int, delay: int, what: int, key: bytes = b"") -> None:
        heappush(self._queue, (now + delay, self._number, what, key))
        self._number += 1

    def wake(self, now: int) -> Effects:
        """Do what is due."""
        out: Effects = []
        while self._queue and self._queue[0][0] <= now:
            _, _, what, key = heappop(self._queue)
            if what == _REFRESH:
                interval = self._node.params.refresh_interval
                if interval is not None:
                    self._later(now, self._spread(interval), _REFRESH)
                    self._refresh("refresh", ticks(interval) // 2, now, out)
            elif what == _BOOTSTRAP:
                self._refresh("bootstrap", 0, now, out)
            elif what == _EXPIRE:
                self._later(now, ticks(self._node.params.expiry_interval), _EXPIRE)
                values, providers = self._node.store.expire(now)
                if values or providers:
                    out.append(note("dht.expired", data={"values": values, "providers": providers}))
            elif what == _REPLICATE:
                self._replicate(now, out)
            else:
                self._publish_again(what, key, now, out)
        return out

    # -- replicating

    def _replicate(self, now: int, out: Effects) -> None:
        """Put again, one after the other, what this node holds for others and nobody has put for an interval: the
        first holder that does so spares the others the work (Kademlia paper, 2.5)."""
        node, interval = self._node, self._node.params.replicate_interval
        if interval is None:
            return
        self._later(now, self._spread(interval), _REPLICATE)
        silent = ticks(interval) - ticks(interval) // 10  # no longer than the shortest time between two of these
        due = [
            key
            for key, stored in node.store.values(now).items()
            if now - stored.received >= silent and node.store.publication("value", key) is None
        ]
        self._replicate_next(due, now, out)

    def _replicate_next(self, due: list[bytes], now: int, out: Effects) -> None:
        while due and self.running:
            key = due.pop(0)
            value = self._node.own_value(key, now)
            if value is None:
                continue
            out.append(note("dht.republish", reason="refresh", data={"key": key_text(key), "kind": "replica"}))
            operation = Republish(key, value, "replicate")
            operation.then = partial(self._replicated, operation, due)
            self._node.begin(operation, now, out)
            return

    def _replicated(self, operation: Republish, due: list[bytes], now: int, out: Effects) -> None:
        if not operation.superseded and operation.stored:
            self._node.keep(operation.key, operation.own, now, out)  # as those to whom it was put
        self._replicate_next(due, now, out)

    # -- publishing again

    def _publish_again(self, what: int, key: bytes, now: int, out: Effects) -> None:
        node = self._node
        kind: Any = _KINDS[what]
        published = node.store.publication(kind, key)
        if published is None:
            return
        interval = node.params.republish_interval if what == _VALUE else node.params.reprovide_interval
        if interval is None or published.at + ticks(interval) // 2 > now:  # published anew since it was put on the list
            return
        shown = key_text(key) if what == _VALUE else key.hex()
        if what == _VALUE:
            problem = node.problem_with(key, published.value, now)
            if problem:
                node.store.unpublish(kind, key)
                said = {"key": shown, "text": problem}
                out.append(note("dht.value_refused", reason="invalid record", data=said))
                return
        out.append(note("dht.republish", reason="refresh", data={"key": shown, "kind": kind}))
        operation: Operation = Republish(key, published.value) if what == _VALUE else Provide(key, "reprovide")
        operation.then = lambda later, effects: self._published_again(operation, kind, later)
        node.begin(operation, now, out)

    def _published_again(self, operation: Operation, kind: Any, now: int) -> None:
        store = self._node.store
        published = store.publication(kind, operation.key)
        if published is None:
            return
        if isinstance(operation, Republish) and operation.superseded:
            store.unpublish(kind, operation.key)
            return
        store.publish(kind, operation.key, published.value, now)
        if kind == "provider":
            store.add_provider(operation.key, self._node.me, self._node.space.addresses(self._node.me), now)
        else:
            store.put_value(operation.key, published.value, now)
        self.published(kind, operation.key, now)

    # -- refreshing

    def refresh(self, reason: str, now: int, out: Effects) -> None:
        """Refresh every bucket now."""
        self._refresh(reason, 0, now, out)

    def _refresh(self, reason: str, age: int, now: int, out: Effects) -> None:
        node = self._node
        if self._refreshing or not node.seeds(node.table.key):
            return
        self._refreshing = True
        buckets = [index for index in node.table.stale_buckets(now, age) if index < MAX_PREIMAGE_BITS]
        silence = node.params.check_after
        silent = node.table.silent_peers(now, ticks(silence)) if silence is not None and reason == "refresh" else []
        data = {"buckets": len(buckets), "checks": len(silent)}
        out.append(note("dht.refresh", reason=reason, data=data))
        keys = [preimage(node.table.key, index, node.random) for index in buckets]
        keys.append(node.space.binary(node.me))
        if reason == "bootstrap":
            keys.insert(0, keys[-1])  # first whoever is near, then the rest of the key space, then near again
        check = Check(node.space.binary(node.me), silent)
        check.then = lambda later, effects: self._next_lookup(keys, reason, later, effects)
        node.begin(check, now, out)

    def _next_lookup(self, keys: list[bytes], reason: str, now: int, out: Effects) -> None:
        if not keys or not self._refreshing:
            self._refreshing = False
            return
        lookup = ClosestPeers(keys[0], reason)
        lookup.then = lambda later, effects: self._next_lookup(keys[1:], reason, later, effects)
        self._node.begin(lookup, now, out)
