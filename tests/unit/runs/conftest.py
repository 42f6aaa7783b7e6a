"""A lab in which something of everything happens, and its history."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from p2plab import Lab
from p2plab.pubsub import Message
from p2plab.stream import NetStream


def play_a_run(lab: Lab) -> None:
    """Nodes, streams with a handler that reaches other nodes and keeps count, faults, scheduled actions, waits of every
    kind, failing verbs, a changed recording level, a DHT."""
    nodes = lab.start_nodes(10)
    zoe = lab.start_node("zoe", ip="10.1.2.3")
    lab.wire("random", degree=4)
    seen: list[str] = []

    async def relay(stream: NetStream) -> None:
        data = await stream.read()
        seen.append(data.decode())
        await stream.node.connect(zoe.name)
        zoe.publish("relayed", data)
        await stream.write(f"{len(seen)} {data!r}".encode())

    nodes[3].handle("/relay/1.0.0", relay)

    def without_bad(message: Message) -> bool:
        return b"bad" not in message.data

    news = [node.subscribe("news") for node in nodes[2:8]]
    lab.run(1.5)
    nodes[0].publish("news", "hello")
    news[0].get()
    with nodes[0].open_stream(nodes[3], "/relay/1.0.0") as stream:
        stream.write(b"over")
        assert stream.read().startswith(b"1 ")
    nodes[6].add_validator("news", without_bad)
    cut = lab.network.partition(nodes[:3], nodes[3:])
    lab.at(lab.now + 0.7, nodes[0].publish, "news", b"cut off")
    lab.run_until(lambda: len(lab.events.filter(kind="pubsub.publish")) >= 3, timeout=5)
    lab.run_until(lambda: False, timeout=0.25)
    cut.heal()
    ticking = lab.every(0.4, nodes[4].publish, "news", b"tick")
    lab.events.level = "all"
    lab.network.set_link(loss=0.02, jitter=0.004)
    lab.step(7)
    nodes[5].publish("news", b"bad")
    lab.run(1)
    lab.events.level = "messages"
    ticking.cancel()
    for verb in (lambda: zoe.connect("/ip4/203.0.113.9/tcp/4001", timeout=0.5), lambda: news[1].get(timeout=3)):
        try:
            while True:
                verb()
        except (OSError, TimeoutError):
            continue
    nodes[8].dht.put("/lab/greeting", b"hi")
    nodes[7].crash()
    news[2].close()
    lab.run(2)
    nodes[7].restart()
    lab.run(1.3)


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(seed=11, jitter=0.003, latency=0.015) as lab:
        play_a_run(lab)
        yield lab
