"""GossipSub's forwarding on SimPy, as lean as it may be: meshes, a seen cache, IHAVE and IWANT; what the workload costs
without a protocol's rules.

There are no GRAFTs, scores, backoffs, subscriptions, signatures, sizes or events: meshes are drawn once, of degree 6 to
12 as GossipSub's are, and own messages go to every neighbour, as in flood publishing.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import simpy

D, D_HIGH, D_LAZY = 6, 12, 6
HEARTBEAT = 1.0  # seconds
WINDOW, CACHE = 3, 5  # heartbeats that a message is gossiped about, and kept


class LeanNode:
    """One node. ``mesh`` is symmetric."""

    def __init__(self, network: LeanNetwork) -> None:
        self.network = network
        self.neighbours: list[LeanNode] = []
        self.mesh: list[LeanNode] = []
        self.seen: set[int] = set()
        self.cache: list[list[int]] = [[] for _ in range(CACHE)]

    def publish(self, message: int) -> None:
        """The node's own new message."""
        self.deliver(message)
        for peer in self.neighbours:
            self.network.send(peer.receive, (self, message))

    def deliver(self, message: int) -> None:
        """Count it, and keep it for those who ask."""
        self.seen.add(message)
        self.cache[0].append(message)
        self.network.deliveries += 1

    def receive(self, event: Any) -> None:
        """A message came."""
        sender, message = event.value
        if message in self.seen:
            self.network.duplicates += 1
            return
        self.deliver(message)
        for peer in self.mesh:
            if peer is not sender:
                self.network.send(peer.receive, (self, message))

    def ihave(self, event: Any) -> None:
        """A peer told what it has."""
        sender, messages = event.value
        missing = [message for message in messages if message not in self.seen]
        if missing:
            self.network.send(sender.iwant, (self, missing))

    def iwant(self, event: Any) -> None:
        """A peer asked for messages."""
        sender, messages = event.value
        kept = {message for window in self.cache for message in window}
        for message in messages:
            if message in kept:
                self.network.send(sender.receive, (self, message))

    def heartbeat(self, event: Any) -> None:
        """Gossip, and forget the oldest."""
        network = self.network
        recent = [message for window in self.cache[:WINDOW] for message in window]
        if recent:
            others = [peer for peer in self.neighbours if peer not in self.mesh]
            for peer in network.random.sample(others, min(len(others), D_LAZY)):
                network.send(peer.ihave, (self, recent))
        self.cache.pop()
        self.cache.insert(0, [])
        network.after(HEARTBEAT, self.heartbeat)


class LeanNetwork:
    """``edges`` are pairs of numbers below ``count``; ``latency`` and ``jitter`` are one way and in seconds."""

    def __init__(self, count: int, edges: Sequence[tuple[int, int]], latency: float, jitter: float, seed: int) -> None:
        self.environment = simpy.Environment()
        self.random = random.Random(seed)
        self.low, self.high = latency - jitter, latency + jitter
        self.events = self.deliveries = self.duplicates = 0
        self.nodes = [LeanNode(self) for _ in range(count)]
        for a, b in edges:
            self.nodes[a].neighbours.append(self.nodes[b])
            self.nodes[b].neighbours.append(self.nodes[a])
        for node in self.nodes:
            self._fill(node)
            self.after(self.random.random() * HEARTBEAT, node.heartbeat)

    def _fill(self, node: LeanNode) -> None:
        others = [peer for peer in node.neighbours if peer not in node.mesh and len(peer.mesh) < D_HIGH]
        for peer in self.random.sample(others, max(0, min(len(others), D - len(node.mesh)))):
            node.mesh.append(peer)
            peer.mesh.append(node)

    def send(self, receive: Any, what: Any) -> None:
        """Have it arrive."""
        self.events += 1
        self.environment.timeout(self.random.uniform(self.low, self.high), what).callbacks.append(receive)

    def after(self, seconds: float, action: Any) -> None:
        """Have it happen."""
        self.events += 1
        self.environment.timeout(seconds).callbacks.append(action)
