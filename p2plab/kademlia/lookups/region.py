"""Asking a whole region of the key space, where the closest peers look like an eclipse (eclipse.py).

A put, a provide, a get and a search for providers come here when their lookup is over, if ``eclipse_threshold`` is set:

- If too few lookups for random keys have been seen to know how many peers there are, some are made.
- If the closest peers are as chance would have them, the operation goes on as it would.
- Otherwise lookups for keys of every depth of the region find who is there, and the operation goes on with all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from p2plab.kademlia.key import KEY_BITS, MAX_PREIMAGE_BITS, preimage
from p2plab.kademlia.lookups.eclipse import divergence, region_length
from p2plab.kademlia.operations import Effects, LookupOperation, Operation, note
from p2plab.kademlia.storage.records import key_text

if TYPE_CHECKING:
    from p2plab.kademlia.node import KademliaNode

__all__ = ["RegionSearch", "widened"]

_SAMPLES: Final = 8  # lookups for random keys, before the first test
_WIDEST: Final = 12  # times k: more peers of a region are not used

GoOn = Callable[["KademliaNode", list[int], int, Effects], None]


def widened(operation: LookupOperation, node: KademliaNode, now: int, out: Effects, go_on: GoOn) -> None:
    """Go on with the closest peers that the lookup found, or with all of their region if they look like an eclipse."""
    assert operation.lookup is not None
    closest = operation.lookup.closest()
    if node.params.eclipse_threshold is None or len(closest) < node.params.k:
        go_on(node, closest, now, out)
        return
    search = RegionSearch(operation, closest)
    search.then = partial(_over, operation, search, node, go_on)
    node.begin(search, now, out)


def _over(operation: Operation, search: RegionSearch, node: KademliaNode, go_on: GoOn, now: int, out: Effects) -> None:
    if operation.ended < 0:
        go_on(node, search.peers, now, out)


class RegionProbe(LookupOperation):
    """A lookup on the way: ``sample`` for a random key, ``region`` for one of the region."""

    def __init__(self, key: bytes, kind: str) -> None:
        super().__init__(key)
        self.kind = kind

    def concluded(self, node: KademliaNode, reason: str, now: int, out: Effects) -> None:
        if self.kind == "sample":
            node.observe(self)
        super().concluded(node, reason, now, out)


class RegionSearch(Operation):
    """The test, and the search that may follow it. ``peers`` are who the operation goes on with, nearest first;
    ``eclipsed`` whether the test found something."""

    kind = "region search"
    shown = False

    def __init__(self, operation: LookupOperation, closest: Sequence[int]) -> None:
        super().__init__(operation.key)
        self._of = operation.ref
        self._target = operation.target
        self.peers = list(closest)
        self.eclipsed = False
        self._samples = 0

    def start(self, node: KademliaNode, now: int, out: Effects) -> None:
        self.ref = self._of
        self._sample(node, now, out)

    def _sample(self, node: KademliaNode, now: int, out: Effects) -> None:
        if not node.sizes.enough and self._samples < _SAMPLES:
            self._samples += 1
            probe = RegionProbe(node.random.randbytes(32), "sample")
            probe.then = partial(self._sample, node)
            node.begin(probe, now, out)
        else:
            self._test(node, now, out)

    def _test(self, node: KademliaNode, now: int, out: Effects) -> None:
        size, limit = node.sizes.size(), node.params.eclipse_threshold
        if size is None or limit is None:
            self.finish(node, "nobody left", now, out)
            return
        keys, target = node.space.keys, self._target
        found = divergence([KEY_BITS - (keys[peer] ^ target).bit_length() for peer in self.peers], size)
        length = region_length(size, node.params.k)
        data = {
            "key": key_text(self.key),
            "divergence": round(found, 4),
            "limit": limit,
            "size": size,
            "region": length,
        }
        self.eclipsed = found > limit
        reason = "closer than chance" if self.eclipsed else "as by chance"
        out.append(note("dht.eclipse_test", ref=self.ref, reason=reason, data=data))
        if self.eclipsed:
            deepest = length
            while size >> (deepest + 1) and deepest + 1 < MAX_PREIMAGE_BITS:
                deepest += 1
            self._search(node, length, deepest, length, now, out)
        else:
            self.finish(node, "closest answered", now, out)

    def _search(self, node: KademliaNode, length: int, deepest: int, depth: int, now: int, out: Effects) -> None:
        """Look for a key that shares exactly ``depth`` bits with the one that is attacked."""
        if depth > deepest or depth >= MAX_PREIMAGE_BITS:
            self._gather(node, now, out)
            return
        probe = RegionProbe(preimage(self._target, depth, node.random), "region")
        probe.then = partial(self._searched, node, probe, length, deepest, depth)
        node.begin(probe, now, out)

    def _searched(
        self, node: KademliaNode, probe: RegionProbe, length: int, deepest: int, depth: int, now: int, out: Effects
    ) -> None:
        assert probe.lookup is not None
        keys, known = node.space.keys, set(self.peers)
        for peer in probe.lookup.closest():
            if peer not in known and KEY_BITS - (keys[peer] ^ self._target).bit_length() >= length:
                self.peers.append(peer)
        self._search(node, length, deepest, depth + 1, now, out)

    def _gather(self, node: KademliaNode, now: int, out: Effects) -> None:
        keys = node.space.keys
        self.peers.sort(key=lambda peer: keys[peer] ^ self._target)
        del self.peers[_WIDEST * node.params.k :]
        self.finish(node, "region searched", now, out)
