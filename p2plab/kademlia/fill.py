"""Tables as they are after hours of life, made at once: for lessons that are not about joining.

Every server's bucket gets peers drawn at random from all servers that belong there, up to k and as the IP limits allow.
The peers of a bucket share a prefix, so in the sorted list of all keys they stand side by side.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

from p2plab.kademlia.key import KEY_BITS
from p2plab.kademlia.node import KademliaNode
from p2plab.typing import Chance

__all__ = ["fill_tables"]


def fill_tables(nodes: Sequence[KademliaNode], draws: Callable[[KademliaNode], Chance], now: int) -> int:
    """Fill the routing tables of these nodes with the servers among them, as heard of at tick ``now``; returns how many
    entries that made. Clients get a table too, but are in nobody's. ``draws`` gives a node's random numbers."""
    if not nodes:
        return 0
    keys = nodes[0].space.keys
    servers = sorted((keys[node.me], node.me) for node in nodes if node.mode == "server")
    places = [key for key, _ in servers]
    peers = [peer for _, peer in servers]
    grouped = any(nodes[0].space.groups(peer) for peer in peers)
    return sum(_fill(node, places, peers, draws(node), now, grouped) for node in nodes)


def _fill(node: KademliaNode, places: list[int], peers: list[int], random: Chance, now: int, grouped: bool) -> int:
    table, k = node.table, node.params.k
    key = table.key
    low, high = 0, len(places)  # where the peers stand that share `length` bits with the node
    at = bisect_left(places, key)
    itself = at < high and places[at] == key  # a client is not in the list
    in_table: dict[str, int] = {}
    total = 0
    table.clear()
    for length in range(KEY_BITS):
        if high - low <= itself:
            break
        bit = 1 << (KEY_BITS - 1 - length)
        middle = bisect_left(places, (key | bit) & ~(bit - 1), low, high)
        if key & bit:
            begin, end, low = low, middle, middle
        else:
            begin, end, high = middle, high, middle
        size = end - begin
        if not size:
            continue
        if not grouped:
            chosen = peers[begin:end] if size <= k else [peers[at] for at in random.sample(range(begin, end), k)]
        else:
            chosen = _within_limits(node, peers[begin:end], random, in_table)
        if size <= k:
            random.shuffle(chosen)
        table.fill(length, chosen, now)
        total += len(chosen)
    for bucket in table.buckets:
        bucket.refreshed = now  # the empty ones too: a table that is fresh needs no joining
    return total


def _within_limits(node: KademliaNode, candidates: list[int], random: Chance, in_table: dict[str, int]) -> list[int]:
    """Up to k of the candidates, at random, no more of an IP group than the limits allow."""
    params, groups_of = node.params, node.space.groups
    in_bucket: dict[str, int] = {}
    chosen: list[int] = []
    for _ in range(min(len(candidates), 4 * params.k)):
        if len(chosen) == params.k:
            break
        at = random.randrange(len(candidates))
        peer, candidates[at] = candidates[at], candidates[-1]
        candidates.pop()
        groups = groups_of(peer)
        if params.ip_limit_bucket and any(in_bucket.get(group, 0) >= params.ip_limit_bucket for group in groups):
            continue
        if params.ip_limit_table and any(in_table.get(group, 0) >= params.ip_limit_table for group in groups):
            continue
        for group in groups:
            in_bucket[group] = in_bucket.get(group, 0) + 1
            in_table[group] = in_table.get(group, 0) + 1
        chosen.append(peer)
    return chosen
