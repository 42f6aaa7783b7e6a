"""Labs whose charts are checked: one gossips, one looks up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from p2plab import Lab
from p2plab.pubsub import Message


@pytest.fixture(scope="module")
def gossip() -> Iterator[tuple[Lab, list[Message]]]:
    """Twelve nodes of which ten subscribe; eight messages, the last ones after a node has crashed."""
    with Lab(seed=7, recording="all", latency=0.03, jitter=0.01) as lab:
        nodes = lab.start_nodes(12)
        lab.wire("random", degree=5)
        for node in nodes[:10]:
            node.subscribe("news")
        lab.run(3)
        messages = []
        for number in range(8):
            messages.append(nodes[number % 3].publish("news", b"x" * (100 + number)))
            lab.run(0.5)
            if number == 5:
                nodes[9].crash()
        yield lab, messages


@pytest.fixture(scope="module")
def dht() -> Iterator[Lab]:
    """Sixteen nodes with full tables: three values put and got."""
    with Lab(seed=5) as lab:
        nodes = lab.start_nodes(16)
        lab.wire("random", degree=4)
        lab.dht.fill()
        for number in range(3):
            nodes[number].dht.put(f"/lab/{number}", b"hi")
            nodes[number + 8].dht.get(f"/lab/{number}")
        yield lab
