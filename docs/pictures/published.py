"""Makes the pictures of docs/published-figures.md: runs of ours beside numbers that others published.

``python docs/pictures/published.py``; it takes some minutes.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import p2plab
from p2plab import attacks, charts
from p2plab.pubsub import GossipSubParams

HERE = Path(__file__).parent
# Read off the figures of the report, to about 0.05: average duplicates of GossipSub v1.2 by message size in kB.
VAC = {200: 4.52, 600: 4.71, 1000: 5.64, 1400: 6.67, 1800: 7.20}
# Said in the text of the evaluation report, section 12: p99 latency in seconds at four sybils for each honest node.
COLD_BOOT = {"published, no opportunistic grafting": {4: 1.177}, "published, opportunistic grafting": {4: 1.027}}


def large_messages(lab: Any, size: int = 200, nodes: int = 200, messages: int = 5) -> dict[str, float]:
    """Average duplicates that a node receives of a message of ``size`` kB; bandwidths and latencies as published."""
    draw = random.Random(f"bandwidths and latencies {lab.seed}")
    for node in lab.start_nodes(nodes):
        rate = draw.choice([40, 80, 120, 160, 200]) * 1e6 / 8
        lab.network.set_node(node, up=rate, down=rate)
    lab.wire("random", degree=20)
    for pair in lab.edges():
        lab.network.set_link(latency=draw.choice([0.040, 0.0625, 0.085, 0.1075, 0.130]), between=pair)
    for node in lab.nodes:
        node.subscribe("large")
    lab.run(15)
    for number in range(messages):
        lab.nodes[7 * number].publish("large", bytes(1000 * size))
        lab.run(10)
    counts = lab.events.counts
    return {"average duplicates": counts["pubsub.duplicate"] / counts["pubsub.deliver"]}


def cold_boot(lab: Any, ratio: int = 4) -> dict[str, float]:
    """The 99th percentile of latencies under a cold boot attack with ``ratio`` sybils for each honest node."""
    found = attacks.cold_boot(lab, honest=50, sybils=50 * ratio, gossip_factor=0.4, attack=60.0)
    return {"p99 latency, s": found["onset p99"]}


def main() -> None:
    """Run both, and save a picture and the rows of each."""
    params = GossipSubParams(D=8, D_low=6, D_high=12, D_lazy=6, gossip_factor=0.05, flood_publish=False)
    settings = {"transport": "tcp", "gossipsub": params, "max_message_size": 4_000_000}
    found = p2plab.sweep(large_messages, seeds=range(3), grid={"size": list(VAC)}, **settings)
    chart = charts.sweep(found, topic="average duplicates", published={"published (Vac, 1,500 nodes)": VAC})
    chart.save(HERE / "published-duplicates.svg")
    found = p2plab.sweep(cold_boot, seeds=range(3), grid={"ratio": [0, 2, 4]})
    chart = charts.sweep(found, topic="p99 latency, s", published=COLD_BOOT)
    chart.save(HERE / "published-cold-boot.svg")


if __name__ == "__main__":
    main()
