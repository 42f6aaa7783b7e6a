"""GossipSub v1.1 with scores among ten thousand nodes; the thousand of the design's table are in ``test_engine.py``."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from p2plab import Lab

if TYPE_CHECKING:  # what is measured below is the memory of a process without pytest
    import pytest

LATENCY, JITTER = 0.050, 0.020


def workload(nodes: int, messages: int, seconds: float, recording: str) -> tuple[float, int]:
    """CPU seconds of a network of degree 20 in which ``messages`` of 100 B are published over ten seconds, after five
    in which meshes form; and the deliveries."""
    with Lab(seed=7, latency=LATENCY, jitter=JITTER, recording=recording) as lab:
        made = lab.start_nodes(nodes)
        lab.wire("random", degree=20)
        for node in made:
            node.subscribe("news")
        rng = random.Random(5)
        for number in range(messages):
            lab.at(5.0 + 10.0 * number / messages, rng.choice(made).publish, "news", b"x" * 100)
        began = time.process_time()
        lab.run(seconds)
        return time.process_time() - began, lab.events.counts["pubsub.deliver"]


def test_ten_thousand_nodes_and_ten_messages(capsys: pytest.CaptureFixture[str]) -> None:
    # In a process of its own, whose peak memory is this workload's.
    code = (
        "import resource, sys; sys.path.insert(0, '.');"
        "from tests.bench.test_gossipsub import workload;"
        "print(*workload(10_000, 10, 18.0, 'counters'), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, deliveries, megabytes = done.stdout.split()
    assert int(deliveries) == 10 * 10_000
    with capsys.disabled():
        print(f"\nGossipSub, 10,000 nodes, 10 messages: {float(seconds):.1f} s CPU, {megabytes} MB")
