"""GossipSub beside others, each in turn in one run: a thousand mock nodes beside a lean router on SimPy, and twenty
nodes on every router there is. A report: nothing passes or fails by time."""

from __future__ import annotations

import random
import statistics
import time

import pytest
import trio

from p2plab import Lab
from p2plab.api.topology import pairs_of
from p2plab.constants import TICKS_PER_SECOND
from p2plab.network.clock import TIMERS
from p2plab.pubsub import GossipSubParams, ScoreParams, TopicScoreParams
from tests.bench.test_engine import CALLS, on_heap, seconds
from tests.bench.test_gossipsub import JITTER, LATENCY

NODES, DEGREE, MESSAGES = 1_000, 20, 100
FORMING, GAP, REST = 5.0, 0.1, 5.0  # seconds: until the first message, between two, after the last
FEW, FEW_DEGREE, FEW_MESSAGES = 20, 4, 40


def scored() -> GossipSubParams:
    """v1.1 in full: every part of the score has a weight, and nobody deserves a penalty."""
    topic = TopicScoreParams(
        topic_weight=1.0,
        time_in_mesh_weight=0.01,
        first_message_deliveries_weight=1.0,
        mesh_message_deliveries_weight=-0.1,
        mesh_message_deliveries_threshold=1.0,
        mesh_message_deliveries_activation=30.0,
        mesh_failure_penalty_weight=-0.1,
        invalid_message_deliveries_weight=-10.0,
    )
    return GossipSubParams.spec(score=ScoreParams(topics={"blocks": topic}, behaviour_penalty_weight=-1.0))


def mock_thousand(
    level: str, params: GossipSubParams, nodes: int = NODES, messages: int = MESSAGES
) -> tuple[float, int, int]:
    """CPU seconds of the workload, the deliveries, and the duplicates."""
    with Lab(seed=5, latency=LATENCY, jitter=JITTER, recording=level, gossipsub=params) as lab:
        made = lab.start_nodes(nodes)
        lab.wire("random", degree=DEGREE)
        for node in made:
            node.subscribe("blocks")
        draw = random.Random(1)
        for number in range(messages):
            lab.at(FORMING + number * GAP, draw.choice(made).publish, "blocks", bytes(100))
        began = time.process_time()
        lab.run(FORMING + messages * GAP + REST)
        took, counts = time.process_time() - began, lab.events.counts
        return took, counts["pubsub.deliver"], counts["pubsub.duplicate"]


def simpy_thousand(nodes: int = NODES, messages: int = MESSAGES) -> tuple[float, int, int, int]:
    """The same of the lean router, and how many events there were."""
    pytest.importorskip("simpy")
    from tests.bench.simpy_gossip import LeanNetwork

    names = [str(number) for number in range(nodes)]
    edges = [(int(a), int(b)) for a, b in pairs_of("random", names, DEGREE, random.Random(5))]
    network = LeanNetwork(nodes, edges, LATENCY, JITTER, seed=5)
    draw = random.Random(1)
    for number in range(messages):
        publisher = draw.choice(network.nodes)
        network.after(FORMING + number * GAP, lambda _, node=publisher, number=number: node.publish(number))
    began = time.process_time()
    network.environment.run(until=FORMING + messages * GAP + REST)
    return time.process_time() - began, network.deliveries, network.duplicates, network.events


def ledger_thousand(nodes: int = NODES, messages: int = MESSAGES) -> tuple[float, int, int]:
    """CPU seconds of the same with p2plab's clock and the books of a scored run, deliveries and duplicates."""
    from tests.bench.lean_gossip import LedgerNetwork

    score = scored().score
    assert score is not None
    names = [str(number) for number in range(nodes)]
    edges = [(int(a), int(b)) for a, b in pairs_of("random", names, DEGREE, random.Random(5))]
    network = LedgerNetwork(nodes, edges, LATENCY, JITTER, 5, score.topics["blocks"])
    draw = random.Random(1)
    for number in range(messages):
        tick = round((FORMING + number * GAP) * TICKS_PER_SECOND)
        network.clock.queue(TIMERS, tick, draw.choice(network.nodes).publish, number, None, -1)
    began = time.process_time()
    network.clock.run(round((FORMING + messages * GAP + REST) * TICKS_PER_SECOND))
    return time.process_time() - began, network.total("deliver"), network.total("duplicate")


def test_a_thousand_nodes_beside_simpy() -> None:
    heap = CALLS / seconds(on_heap, 10_000)
    lean, delivered, again, events = simpy_thousand()
    assert delivered == NODES * MESSAGES
    span = FORMING + MESSAGES * GAP + REST
    print(f"\n{NODES:,} nodes of degree {DEGREE}, {MESSAGES} messages of 100 B, {span:.0f} s; CPU of the run")
    print(f"  a plain heap loop here         {heap:,.0f} calls a second")
    print(
        f"  a lean router on SimPy         {lean:6.2f} s   ({again / delivered:.1f} duplicates each, "
        f"{events / lean:,.0f} events a second)"
    )
    least, delivered, again = ledger_thousand()
    assert delivered == NODES * MESSAGES
    print(
        f"  that and the books, our clock  {least:6.2f} s   ({again / delivered:.1f} duplicates each, "
        f"{least / lean:.2f} times SimPy): the least for v1.1 with scores, counters"
    )
    base = 0.0
    for what, level, params in (
        ("spec, no scores, counters", "counters", GossipSubParams.spec()),
        ("v1.1 with scores, counters", "counters", scored()),
        ("v1.1 with scores, decisions", "decisions", scored()),
        ("v1.1 with scores, messages", "messages", scored()),
        ("v1.1 with scores, all", "all", scored()),
    ):
        took, delivered, again = mock_thousand(level, params)
        assert delivered == NODES * MESSAGES
        base = took if what.endswith("scores, counters") and params.score is not None else base
        more = f", {took / base:.2f} times counters" if base and level != "counters" else ""
        print(
            f"  p2plab: {what:28} {took:6.2f} s   ({again / delivered:.1f} duplicates each, "
            f"{took / lean:.2f} times SimPy{more})"
        )


class Few:
    """What twenty nodes took: seconds from each publication to the last delivery, and CPU seconds of all."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.cpu = 0.0

    def __str__(self) -> str:
        deliveries = len(self.seconds) * (FEW - 1)
        median, worst = statistics.median(self.seconds) * 1e3, max(self.seconds) * 1e3
        return f"median {median:8.2f} ms, worst {worst:8.2f} ms, {self.cpu / deliveries * 1e3:6.2f} ms CPU a delivery"


def few_real(lab: Lab) -> Few:
    """Twenty nodes of a real lab, asked from inside it."""
    few = Few()
    names = [node.name for node in lab.start_nodes(FEW)]
    lab.world.run(lab.world.wire, pairs_of("random", names, FEW_DEGREE, random.Random(1)))
    hosts = list(lab.world.hosts().values())

    async def inside() -> None:
        queues = [host.subscribe("news") for host in hosts]
        await trio.sleep(3)
        cpu = time.process_time()
        for number in range(FEW_MESSAGES):
            began = time.perf_counter()
            hosts[number % FEW].publish("news", b"x" * 100)
            for queue in queues:
                await queue.receive(30)
            few.seconds.append(time.perf_counter() - began)
        few.cpu = time.process_time() - cpu

    lab.world.run(inside)
    return few


def few_mock(lab: Lab) -> Few:
    """Twenty nodes of a mock lab; its seconds are lab time."""
    few = Few()
    nodes = lab.start_nodes(FEW)
    lab.world.run(lab.world.wire, pairs_of("random", [node.name for node in nodes], FEW_DEGREE, random.Random(1)))
    for node in nodes:
        node.subscribe("news")
    lab.run(3)
    cpu = time.process_time()
    sent: list[tuple[str, float]] = []
    for number in range(FEW_MESSAGES):
        sent.append((nodes[number % FEW].publish("news", b"x" * 100).id, lab.now))
        lab.run(GAP)
    few.cpu = time.process_time() - cpu
    for message_id, began in sent:
        delivered = lab.events.filter(kind="pubsub.deliver", ref=message_id)
        assert len(delivered) == FEW
        few.seconds.append(delivered[-1].t - began)
    return few


def few_straight() -> Few:
    """Twenty nodes written straight on py-libp2p."""
    from tests.bench.straight import StraightNode, running

    few, names = Few(), [f"n{number}" for number in range(FEW)]
    pairs = pairs_of("random", names, FEW_DEGREE, random.Random(1))

    async def straight() -> None:
        async with running(FEW) as nodes, trio.open_nursery() as nursery:
            by_name = dict(zip(names, nodes, strict=True))
            for a, b in pairs:
                await by_name[a].connect(by_name[b])
            left, arrived = 0, trio.Event()

            async def read(node: StraightNode) -> None:
                nonlocal left
                async for _ in await node.pubsub.subscribe("news"):
                    left -= 1
                    if left == 0:
                        arrived.set()

            for node in nodes:
                nursery.start_soon(read, node)
            await trio.sleep(3)
            cpu = time.process_time()
            for number in range(FEW_MESSAGES):
                left, arrived = FEW, trio.Event()
                began = time.perf_counter()
                await nodes[number % FEW].pubsub.publish("news", b"x" * 100)
                await arrived.wait()
                few.seconds.append(time.perf_counter() - began)
            few.cpu = time.process_time() - cpu
            nursery.cancel_scope.cancel()

    trio.run(straight)
    return few


def test_twenty_nodes_on_every_router() -> None:
    print(
        f"\n{FEW} nodes of degree {FEW_DEGREE}, {FEW_MESSAGES} messages of 100 B, one after the other, to all of them"
    )
    print(f"  py-libp2p, straight            {few_straight()}")
    with Lab("real", seed=1) as lab:
        print(f"  real, pubsub='libp2p'          {few_real(lab)}")
    with Lab("real", seed=1, pubsub="p2plab") as lab:
        print(f"  real, pubsub='p2plab'          {few_real(lab)}")
    with Lab(seed=1, network="lan") as lab:
        print(f"  mock, network='lan'            {few_mock(lab)}  (latencies in lab time)")
