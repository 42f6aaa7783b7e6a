"""Memory a mock node, by tracemalloc, as a lab is built up; and starting a hundred thousand. A report."""

from __future__ import annotations

import gc
import time
import tracemalloc

import pytest

from p2plab import Lab

NODES, DEGREE = 400, 20
MANY = 100_000


@pytest.mark.parametrize("level", ["counters", "messages"])
def test_memory_a_node(level: str) -> None:
    with Lab(seed=9) as warm:  # what is imported and cached at first use is no node's
        for node in warm.start_nodes(10):
            node.subscribe("news")
        warm.wire("random", degree=4)
        warm.run(5)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]

    def held(what: str) -> str:
        gc.collect()
        return f"{what} {(tracemalloc.get_traced_memory()[0] - before) / NODES / 1e3:.1f}"

    with Lab(seed=1, recording=level) as lab:
        nodes = lab.start_nodes(NODES)
        told = [held("started")]
        lab.wire("random", degree=DEGREE)
        lab.run(3)
        told.append(held("wired, after 3 s"))
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


def test_a_hundred_thousand_nodes_start() -> None:
    began = time.process_time()
    with Lab(recording="counters") as lab:
        lab.start_nodes(10_000)
        few = time.process_time() - began
        lab.start_nodes(MANY, "m")
        many = time.process_time() - began - few
        assert len(lab) == MANY + 10_000
    print(f"\n10,000 nodes start in {few:.2f} s of CPU, {MANY:,} more in {many:.2f}")
