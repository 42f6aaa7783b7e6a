"""A run in which something of everything happens, and its digest. Also a program: it prints the digest."""

from __future__ import annotations

import asyncio
from typing import Any

import p2plab
from p2plab import Lab
from p2plab.errors import UnknownNodeError
from p2plab.stream import NetStream


def digest(seed: int = 7, **settings: Any) -> str:
    """The digest of the run's events."""
    with Lab(seed=seed, jitter=0.005, **settings) as lab:
        play(lab)
        return lab.events.digest("messages" if settings else None)


def play(lab: Lab) -> None:
    nodes = lab.start_nodes(12)
    lab.wire("random", degree=4)
    extra = lab.start_node("extra", ip="10.1.2.3")
    extra.connect(nodes[3])

    async def echo(stream: NetStream) -> None:
        while data := await stream.read():
            await p2plab.sleep(0.01)
            await stream.write(data)

    async def fail(stream: NetStream) -> None:
        raise ValueError("on purpose")

    nodes[0].handle("/echo/1.0.0", echo)
    nodes[0].handle("/fail/1.0.0", fail)
    subscriptions = [node.subscribe(topic) for node in nodes for topic in ("news", "sport")]
    nodes[5].add_validator("news", lambda message: len(message.data) < 20)
    lab.run(2)
    for number, node in enumerate(nodes):
        node.publish("news", b"x" * (number * 3))
        node.publish("sport", b"goal")
    lab.run(1.5)
    with extra.open_stream(nodes[0], "/echo/1.0.0") as stream:
        stream.write(bytes(100_000))
        stream.read_exactly(100_000)
    for verb in (lambda: extra.open_stream(nodes[0], "/fail/1.0.0").read(), lambda: extra.connect("nobody")):
        try:
            verb()
        except UnknownNodeError:
            lab.run(0.1)
        except ConnectionError:
            lab.run(0.2)
    nodes[1].ping(nodes[7])
    nodes[2].identify(extra)
    nodes[3].disconnect(extra)
    subscriptions[0].close()
    lab.run_until(lambda: len(subscriptions[5].messages) > 3, timeout=3)
    asyncio.run(together(lab))
    lab.run(5)


async def together(lab: Lab) -> None:
    nodes = lab.aio.nodes
    await asyncio.gather(*(node.ping(other) for node, other in zip(nodes, nodes[4:], strict=False)))


if __name__ == "__main__":
    print(digest())  # noqa: T201  # the test that starts this program reads it
