"""Memory a mock node, by tracemalloc, as a lab is built up, and by what makes it; a million rows of a log; starting a
hundred thousand nodes. A report."""

from __future__ import annotations

import gc
import time
import tracemalloc

import pytest

from p2plab import Lab

NODES, DEGREE = 400, 20
MANY = 100_000
ROWS = 200_000


def by_kind(before: tracemalloc.Snapshot, nodes: int) -> str:
    """Which modules' objects there are more of since then, in kB a node, the largest first."""
    gc.collect()
    found = tracemalloc.take_snapshot().compare_to(before, "filename")
    told = [(one.size_diff / nodes / 1e3, one.traceback[0].filename.partition("p2plab/")[2]) for one in found]
    return ", ".join(f"{name} {size:.1f}" for size, name in sorted(told, reverse=True) if name and size >= 0.1)


@pytest.mark.parametrize("level", ["counters", "messages"])
def test_memory_a_node(level: str) -> None:
    with Lab(seed=9) as warm:  # what is imported and cached at first use is no node's
        for node in warm.start_nodes(10):
            node.subscribe("news")
        warm.wire("random", degree=4)
        warm.run(5)
    gc.collect()
    tracemalloc.start()
    before, nothing = tracemalloc.get_traced_memory()[0], tracemalloc.take_snapshot()

    def held(what: str) -> str:
        gc.collect()
        return f"{what} {(tracemalloc.get_traced_memory()[0] - before) / NODES / 1e3:.1f}"

    with Lab(seed=1, recording=level) as lab:
        nodes = lab.start_nodes(NODES)
        told = [held("started")]
        lab.wire("random", degree=DEGREE)
        lab.run(3)
        told.append(held("wired, after 3 s"))
        wired = by_kind(nothing, NODES)
        for node in nodes:
            node.subscribe("news")
        lab.run(5)
        told.append(held("with a topic"))
        for node in nodes[:10]:
            node.publish("news", bytes(100))
            lab.run(1)
        lab.run(10)
        told.append(held("after ten messages"))
    tracemalloc.stop()
    print(f"\n{NODES} nodes of degree {DEGREE}, recording {level}; kB a node: {', '.join(told)}")
    print(f"wired, by the module that makes it: {wired}")


def test_memory_of_a_kademlia_table() -> None:
    with Lab(seed=9) as warm:
        warm.start_nodes(10)
        warm.dht.fill()
    with Lab(seed=1, recording="counters") as lab:
        lab.start_nodes(NODES)
        gc.collect()
        tracemalloc.start()
        before, nothing = tracemalloc.get_traced_memory()[0], tracemalloc.take_snapshot()
        lab.dht.fill()
        gc.collect()
        size = (tracemalloc.get_traced_memory()[0] - before) / NODES / 1e3
        told = by_kind(nothing, NODES)
        tracemalloc.stop()
    print(f"\na DHT in a lab of {NODES}, its table filled: {size:.1f} kB a node; {told}")


@pytest.mark.parametrize("level", ["messages", "all"])
def test_memory_of_a_million_rows(level: str) -> None:
    with Lab(seed=5, latency=0.05, jitter=0.02, recording=level) as lab:
        nodes = lab.start_nodes(100)
        lab.wire("random", degree=DEGREE)
        for node in nodes:
            node.subscribe("news")
        tracemalloc.start()
        number = 0
        while len(lab.events) < ROWS:
            nodes[number % 100].publish("news", bytes(100))
            lab.run(0.1)
            number += 1
        lab.run(3)
        rows, _ = lab.events.rows()
        gc.collect()
        before, count = tracemalloc.get_traced_memory()[0], len(rows)
        lab.events.__dict__.clear()  # the rows go, the lab stays
        del rows
        gc.collect()
        size = (before - tracemalloc.get_traced_memory()[0]) / count
        tracemalloc.stop()
    print(f"\n{count:,} rows of 100 nodes, recording {level}: {size:.0f} MB a million")


def test_a_hundred_thousand_nodes_start() -> None:
    began = time.process_time()
    with Lab(recording="counters") as lab:
        lab.start_nodes(10_000)
        few = time.process_time() - began
        lab.start_nodes(MANY, "m")
        many = time.process_time() - began - few
        assert len(lab) == MANY + 10_000
    print(f"\n10,000 nodes start in {few:.2f} s of CPU, {MANY:,} more in {many:.2f}")
