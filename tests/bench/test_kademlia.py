"""The DHT: tables and lookups a second of CPU at 1,000 and 10,000 nodes and memory a node, beside PyPI's ``kademlia``
on the loopback in the same run.

The two do not do the same work: p2plab's nodes are simulated, with real wire sizes but no bytes; the others exchange
real datagrams. Both run in one thread, and their lookups ask for the same thing: the k closest, or a value.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import statistics
import time
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from p2plab import Lab

if TYPE_CHECKING:
    from kademlia.network import Server

LOOKUPS = 300
GOAL_FILL = 20.0  # seconds of CPU, 10,000 nodes
GOAL_LOOKUP = 0.003  # seconds of CPU, 10,000 nodes
PEERS = 100  # nodes of the other library, each with a socket


@pytest.mark.parametrize("recording", ["counters", "messages"])
@pytest.mark.parametrize("size", [1_000, 10_000])
def test_tables_and_lookups_a_second(size: int, recording: str) -> None:
    draw = random.Random(1)
    with Lab(seed=7, recording=recording) as lab:
        nodes = lab.start_nodes(size)
        began = time.process_time()
        entries = lab.dht.fill()
        filled = time.process_time() - began
        began = time.process_time()
        lookups = [draw.choice(nodes).dht.closest_peers(draw.randbytes(32)) for _ in range(LOOKUPS)]
        asked = time.process_time() - began
        began = time.process_time()
        for number in range(LOOKUPS // 3):
            draw.choice(nodes).dht.put(f"/lab/{number}", b"v")
            assert draw.choice(nodes).dht.get(f"/lab/{number}").value == b"v"
        both = time.process_time() - began
    hops = statistics.mean(lookup.hops for lookup in lookups)
    queries = statistics.mean(len(lookup.path) for lookup in lookups)
    print(
        f"\np2plab, {size:,} nodes, {recording}: "
        f"{size / filled:,.0f} tables/s ({entries:,} entries in {filled:.2f} s), "
        f"{LOOKUPS / asked:,.0f} lookups/s ({asked / LOOKUPS * 1000:.2f} ms, {queries:.0f} queries, {hops:.2f} hops), "
        f"{LOOKUPS / 3 / both:,.0f} puts and gets/s"
        + (f" (goals: {GOAL_FILL:.0f} s, {GOAL_LOOKUP * 1000:.0f} ms)" if size == 10_000 else "")
    )
    assert all(lookup.reason == "closest answered" for lookup in lookups)


@pytest.mark.parametrize("size", [1_000, 10_000])
def test_memory_a_node(size: int) -> None:
    gc.collect()
    tracemalloc.start()
    with Lab(seed=7, recording="counters") as lab:
        lab.start_nodes(size)
        started, _ = tracemalloc.get_traced_memory()
        entries = lab.dht.fill()
        filled, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(
        f"\np2plab, {size:,} nodes: {started / size:,.0f} B a node that runs, {(filled - started) / size:,.0f} B more "
        f"with a DHT whose table is full ({entries / size:.0f} entries)"
    )
    assert 0 < started < filled


def test_the_kademlia_package_on_the_loopback(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    count = LOOKUPS // 3
    joined, put, got = asyncio.run(_other_times(count))
    memory = asyncio.run(_other_memory())
    with Lab(seed=7, recording="counters") as lab:
        nodes = lab.start_nodes(PEERS)
        draw, began = random.Random(2), time.process_time()
        for number, node in enumerate(nodes[1:], 1):
            node.connect(nodes[number // 2])
            node.dht.bootstrap()
        joined_here = time.process_time() - began
        began = time.process_time()
        for number in range(count):
            draw.choice(nodes).dht.put(f"/lab/{number}", b"v")
        put_here = time.process_time() - began
        began = time.process_time()
        for number in range(count):
            assert draw.choice(nodes).dht.get(f"/lab/{number}", quorum=1).value == b"v"  # as the other's get
        got_here = time.process_time() - began
    print(
        f"\n{PEERS} nodes, CPU, PyPI's kademlia on the loopback | p2plab's mock: "
        f"joining {joined / PEERS * 1000:.1f} | {joined_here / PEERS * 1000:.1f} ms a node, "
        f"put {put / count * 1000:.2f} | {put_here / count * 1000:.2f} ms, "
        f"get {got / count * 1000:.2f} | {got_here / count * 1000:.2f} ms; "
        f"kademlia takes {memory / PEERS:,.0f} B a node that has joined"
    )
    assert min(joined, put, got, memory) > 0


async def _joined() -> list[Server]:
    """The other library's nodes, each joined by one that was there before."""
    from kademlia.network import Server

    servers: list[Server] = []
    for number in range(PEERS):
        server = Server()
        await server.listen(0, interface="127.0.0.1")
        if number:
            await server.bootstrap([servers[number // 2].transport.get_extra_info("sockname")])
        servers.append(server)
    return servers


async def _other_times(count: int) -> tuple[float, float, float]:
    """CPU seconds of joining, of the puts and of the gets."""
    began = time.process_time()
    servers = await _joined()
    joined = time.process_time() - began
    try:
        draw, began = random.Random(2), time.process_time()
        for number in range(count):
            assert await draw.choice(servers).set(f"key {number}", "v")
        put = time.process_time() - began
        began = time.process_time()
        for number in range(count):
            assert await draw.choice(servers).get(f"key {number}") == "v"
        return joined, put, time.process_time() - began
    finally:
        await _stopped(servers)


async def _other_memory() -> float:
    """Bytes of the other library's nodes."""
    gc.collect()
    tracemalloc.start()
    servers = await _joined()
    gc.collect()
    memory, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    await _stopped(servers)
    return memory


async def _stopped(servers: list[Server]) -> None:
    for server in servers:
        server.stop()
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
