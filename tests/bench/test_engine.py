"""The simulated network: calls a second against a plain heap loop and SimPy, memory a node, the price of recording."""

from __future__ import annotations

import heapq
import random
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from p2plab import Lab
from p2plab.events import LEVELS
from p2plab.network import Clock

CALLS = 300_000
SPREAD = 1_000  # ticks over which the pending calls lie: a network's latencies


class Nowhere:
    """What a Clock needs of an event log."""

    cause = -1


def on_clock(pending: int) -> Callable[[], None]:
    clock, draw = Clock(Nowhere()), random.Random(1).randrange

    def again(a: object, b: object) -> None:
        clock.at(clock.now + draw(1, SPREAD), again, a, b, -1)

    for number in range(pending):
        clock.at(draw(SPREAD), again, number, None, -1)
    return lambda: assert_true(not clock.run(limit=CALLS))


def assert_true(holds: bool) -> None:
    assert holds


def on_heap(pending: int) -> Callable[[], None]:
    draw = random.Random(1).randrange
    heap: list[tuple[int, int, Callable[[int, object], None], int, None]] = []
    count = 0

    def again(a: int, b: object) -> None:
        nonlocal count
        count += 1
        heapq.heappush(heap, (now + draw(1, SPREAD), count, again, a, None))

    now = 0
    for number in range(pending):
        count += 1
        heapq.heappush(heap, (draw(SPREAD), count, again, number, None))

    def run() -> None:
        nonlocal now
        for _ in range(CALLS):
            now, _count, function, a, b = heapq.heappop(heap)
            function(a, b)

    return run


def on_simpy(pending: int) -> Callable[[], None]:
    simpy = pytest.importorskip("simpy")
    environment, draw = simpy.Environment(), random.Random(1).randrange

    def again(event: object) -> None:
        environment.timeout(draw(1, SPREAD)).callbacks.append(again)

    for _ in range(pending):
        environment.timeout(draw(SPREAD)).callbacks.append(again)

    def run() -> None:
        for _ in range(CALLS):
            environment.step()

    return run


def seconds(make: Callable[[int], Callable[[], None]], pending: int) -> float:
    best = float("inf")
    for _ in range(3):
        run = make(pending)
        began = time.process_time()
        run()
        best = min(best, time.process_time() - began)
    return best


@pytest.mark.parametrize("pending", [1_000, 100_000])
def test_calls_a_second(pending: int) -> None:
    heap = seconds(on_heap, pending)
    print(f"\n{pending:,} pending calls:")
    for name, make in (("heap of tuples", on_heap), ("p2plab's clock", on_clock), ("SimPy", on_simpy)):
        took = seconds(make, pending)
        print(f"  {name:15} {CALLS / took:12,.0f} calls a second, {heap / took:5.2f} times the heap")


MEMORY = """
import sys, time
import psutil
from p2plab import Lab
process = psutil.Process()
before = process.memory_info().rss
began = time.process_time()
lab = Lab(seed=1, recording="counters")
lab.start_nodes(int(sys.argv[1]))
lab.wire("random", degree=20)
took = time.process_time() - began
print(took, (process.memory_info().rss - before) / 2**20)
"""


@pytest.mark.parametrize("nodes", [1_000, 10_000])
def test_start_and_wire(nodes: int) -> None:
    ran = subprocess.run([sys.executable, "-c", MEMORY, str(nodes)], capture_output=True, text=True, check=True)
    took, megabytes = map(float, ran.stdout.split())
    each = megabytes / nodes * 1024
    print(f"\n{nodes:,} nodes of degree 20: {took:.2f} s CPU, {megabytes:.0f} MB, {each:.1f} kB a node")


@pytest.mark.parametrize("level", LEVELS)
def test_gossip_among_a_thousand(level: str) -> None:
    lab = Lab(seed=5, latency=0.050, jitter=0.020, recording=level)
    nodes = lab.start_nodes(1_000)
    lab.wire("random", degree=20)
    subscriptions = [node.subscribe("blocks") for node in nodes]
    lab.run(5)
    draw = random.Random(1).randrange
    steps, began = lab.world.clock.steps, time.process_time()  # type: ignore[attr-defined]  # the mock world's own
    for _ in range(100):
        nodes[draw(1_000)].publish("blocks", bytes(100))
        lab.run(0.1)
    lab.run(10)
    took = time.process_time() - began
    steps = lab.world.clock.steps - steps  # type: ignore[attr-defined]
    assert {len(subscription.messages) for subscription in subscriptions} == {100}
    rate = steps / took
    print(
        f"\nGossipSub, 1,000 nodes, 100 messages, 20 s, recording {level}: {took:.2f} s CPU, {rate:,.0f} calls a second"
    )
