"""The least that GossipSub v1.1 with scores and counters takes in Python: the forwarding of ``simpy_gossip.py`` on
p2plab's clock, and nothing else but the books that a run has to keep.

These books are: events by kind and node, bytes by connection and direction, frames of a connection in order, jitter
from a stream of random numbers for each direction (so that a run is the same everywhere), the first sight of each
message, what a subscription received, the counters behind P1 to P4 with their decay, and promises. There are no GRAFTs,
backoffs, subscriptions, standings, validators, effects, causes, or anything that a user may change: a router that
has all these cannot be faster than this.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from heapq import heappush
from typing import Any

from p2plab.chance import Stream
from p2plab.constants import TICKS_PER_SECOND
from p2plab.network import Clock, Draws, Link
from p2plab.network.clock import CLASSES
from p2plab.network.link import LinkTicks
from p2plab.pubsub import TopicScoreParams
from p2plab.pubsub.gossipsub.scoring.counters import TopicCounters, decayed
from tests.bench.simpy_gossip import CACHE, D_HIGH, D_LAZY, HEARTBEAT, WINDOW, D

SIZE, SHORT = 300, 40  # bytes of a message, and of an IHAVE or IWANT beside its ids
ID = 40  # bytes
ZERO = 0.01  # a counter below it is none


class Ambient:
    """What the clock sets for each call."""

    cause = -1


class LeanEnd:
    """One end of a connection: the node here, the other end, what went each way, and what the peer did."""

    __slots__ = ("counters", "last", "node", "received", "remote", "sent", "stream")
    remote: LeanEnd
    stream: Stream

    def __init__(self, node: LedgerNode, counters: TopicCounters) -> None:
        self.node = node
        self.counters = counters
        self.sent = self.received = self.last = 0


class LedgerNode:
    """One node. ``mesh`` is symmetric."""

    def __init__(self, network: LedgerNetwork) -> None:
        self.network = network
        self.ends: list[LeanEnd] = []
        self.mesh: list[LeanEnd] = []
        self.seen: dict[int, int] = {}
        self.cache: list[list[int]] = [[] for _ in range(CACHE)]
        self.inbox: list[tuple[int, int]] = []
        self.counts: Counter[str] = Counter()
        self.promises: dict[int, int] = {}
        self.suspects: dict[LeanEnd, float] = {}
        self.epoch = 0

    def publish(self, message: int, _: object) -> None:
        """The node's own new message, to every neighbour."""
        self.deliver(message, self.network.clock.now)
        self.network.send(self.ends, SIZE, receive, message)

    def deliver(self, message: int, now: int) -> None:
        """Keep it, for the node's subscription and for those who ask."""
        self.seen[message] = now
        self.cache[0].append(message)
        self.inbox.append((message, now))
        self.counts["deliver"] += 1

    def counters_of(self, end: LeanEnd) -> TopicCounters:
        """A peer's, decayed up to now."""
        counters = end.counters
        missed = self.epoch - counters.epoch
        if missed:
            params = counters.params
            counters.epoch = self.epoch
            counters.first = decayed(counters.first, params.first_message_deliveries_decay, missed, ZERO)
            counters.mesh = decayed(counters.mesh, params.mesh_message_deliveries_decay, missed, ZERO)
        return counters

    def heartbeat(self, _: object, __: object) -> None:
        """Decay, look who fell short (P3), gossip, and forget the oldest."""
        network, now = self.network, self.network.clock.now
        self.epoch += 1
        for end in self.mesh:
            counters = end.counters
            if now - counters.grafted_at > counters.activation:
                deficit = counters.params.mesh_message_deliveries_threshold - self.counters_of(end).mesh
                if deficit > 0:
                    self.suspects[end] = deficit
        for message in [message for message, due in self.promises.items() if due < now]:
            del self.promises[message]
        recent = [message for window in self.cache[:WINDOW] for message in window]
        if recent:
            others = [end for end in self.ends if end not in self.mesh]
            self.counts["gossip"] += 1
            chosen = network.random.sample(others, min(len(others), D_LAZY))
            network.send(chosen, SHORT + ID * len(recent), ihave, recent)
        self.cache.pop()
        self.cache.insert(0, [])
        network.clock.beat(now + network.interval, network.number[self], self.heartbeat)


def receive(end: LeanEnd, message: int) -> None:
    """A message came to this end."""
    node = end.node
    network, now = node.network, node.network.clock.now
    end.received += SIZE
    first = node.seen.get(message)
    if first is not None:
        node.counts["duplicate"] += 1
        if now - first <= network.window:
            node.counters_of(end).count_near_first()
        return
    node.counts["receive"] += 1
    node.deliver(message, now)
    node.counters_of(end).count_first()
    if message in node.promises:
        del node.promises[message]
    network.send([other for other in node.mesh if other is not end], SIZE, receive, message)


def ihave(end: LeanEnd, messages: list[int]) -> None:
    """The peer told what it has."""
    node = end.node
    end.received += SHORT + ID * len(messages)
    missing = [message for message in messages if message not in node.seen]
    if missing:
        node.counts["iwant"] += 1
        node.promises.setdefault(missing[0], node.network.clock.now + 3 * TICKS_PER_SECOND)
        node.network.send((end,), SHORT + ID * len(missing), iwant, missing)


def iwant(end: LeanEnd, messages: list[int]) -> None:
    """The peer asked for messages."""
    node = end.node
    end.received += SHORT + ID * len(messages)
    kept = {message for window in node.cache for message in window}
    for message in messages:
        if message in kept:
            node.network.send((end,), SIZE, receive, message)


class LedgerNetwork:
    """``edges`` are pairs of numbers below ``count``; ``latency`` and ``jitter`` are one way and in seconds."""

    def __init__(
        self,
        count: int,
        edges: Sequence[tuple[int, int]],
        latency: float,
        jitter: float,
        seed: int,
        params: TopicScoreParams,
    ) -> None:
        self.clock = Clock(Ambient())
        self.random = random.Random(seed)
        self.interval = round(HEARTBEAT * TICKS_PER_SECOND)
        self.window = round(params.mesh_message_deliveries_window * TICKS_PER_SECOND)
        self.delays = LinkTicks(Link(latency, jitter)).delays
        self.nodes = [LedgerNode(self) for _ in range(count)]
        self.number = {node: number for number, node in enumerate(self.nodes)}
        draws = Draws(seed)
        for pair in edges:
            ends = [LeanEnd(self.nodes[number], TopicCounters(params, 0)) for number in pair]
            for end, other, (source, target) in zip(ends, reversed(ends), (pair, pair[::-1]), strict=True):
                end.remote, end.stream = other, draws.between("link.jitter", source, target)
                end.node.ends.append(end)
        for node in self.nodes:
            self._fill(node)
            self.clock.beat(1 + self.random.randrange(self.interval), self.number[node], node.heartbeat)

    def _fill(self, node: LedgerNode) -> None:
        others = [end for end in node.ends if end not in node.mesh and len(end.remote.node.mesh) < D_HIGH]
        for end in self.random.sample(others, max(0, min(len(others), D - len(node.mesh)))):
            for side in (end, end.remote):
                side.node.mesh.append(side)
                side.counters.in_mesh = True

    def send(self, ends: Iterable[LeanEnd], size: int, arrive: Callable[[LeanEnd, Any], None], what: Any) -> None:
        """Have it arrive at the other end of each."""
        clock, delays = self.clock, self.delays
        now, buckets, keys = clock.now, clock.buckets, clock.keys
        for end in ends:
            end.sent += size
            left = end.stream.left
            arrival = now + delays[left.pop() if left else end.stream.byte()]
            if arrival < end.last:
                arrival = end.last
            else:
                end.last = arrival
            key = arrival << CLASSES
            bucket = buckets.get(key)
            if bucket is not None:
                bucket.append((arrive, end.remote, what, -1))
            else:
                buckets[key] = [(arrive, end.remote, what, -1)]
                heappush(keys, key)

    def total(self, kind: str) -> int:
        """How many events of a kind there were."""
        return sum(node.counts[kind] for node in self.nodes)
