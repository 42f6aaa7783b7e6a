"""One measurement of py-libp2p alone in a process of its own, since its Yamux window is chosen before the import:

python -m tests.bench.beside defaults|tuned

``defaults``: as ``new_host`` and ``GossipSub`` come; ``tuned``: as p2plab sets them (``straight.py``). Prints JSON.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

TUNED = sys.argv[1:] == ["tuned"]
if not TUNED:
    os.environ["PY_YAMUX_RELEASE_ON_READ"] = "1"

import libp2p
import trio
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.pubsub import Pubsub
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr

from tests.bench.straight import ECHO, PROTOCOLS, StraightNode, echo

ROUNDS, SIZE, NODES, MESSAGES = 15, 4_000_000, 10, 15
SETTLE = 3.0  # seconds for the meshes


class DefaultNode(StraightNode):
    """A host as py-libp2p makes it, with GossipSub in the version that all speak."""

    def __init__(self, number: int) -> None:
        self.host: Any = libp2p.new_host(key_pair=create_new_key_pair(number.to_bytes(32, "big")))
        self.router = GossipSub(PROTOCOLS, 6, 4, 12)
        self.pubsub = Pubsub(self.host, self.router)
        self.host.set_stream_handler(ECHO, echo)


async def timed(action: Callable[..., Awaitable[object]], *args: Any) -> float:
    """Seconds."""
    began = time.perf_counter()
    await action(*args)
    return time.perf_counter() - began


async def measure() -> dict[str, float]:
    """All of it; times in seconds."""
    made = [(StraightNode if TUNED else DefaultNode)(number) for number in range(ROUNDS + 1)]
    found: dict[str, float] = {}
    async with AsyncExitStack() as stack:
        began = time.perf_counter()
        for node in made:
            await stack.enter_async_context(node.host.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]))
            await stack.enter_async_context(background_trio_service(node.pubsub))
            await stack.enter_async_context(background_trio_service(node.router))
            await node.pubsub.wait_until_ready()
        found["start of a node"] = (time.perf_counter() - began) / len(made)
        first, second, *_ = made
        found["connect"] = statistics.median([await timed(first.connect, other) for other in made[1:]])
        found["ping"] = statistics.median([await timed(first.ping, second) for _ in range(5 * ROUNDS)])
        echoes = [await timed(first.echo, second, SIZE) for _ in range(5)]
        found["echo, MB/s"] = SIZE / 1e6 / statistics.median(echoes)
        found["gossip"] = await gossip(made[:NODES])
        with trio.CancelScope(shield=True):
            async with trio.open_nursery() as nursery:
                for node in made:
                    nursery.start_soon(node.host.close)
                    node.pubsub.seen_messages.stop()
    return found


async def gossip(nodes: list[StraightNode]) -> float:
    """The median time from publish to the last of the nodes, in a ring with chords; infinite where one never came."""
    for number, node in enumerate(nodes):
        for step in (1, 3):
            await node.connect(nodes[(number + step) % len(nodes)])
    left, arrived, times = 0, trio.Event(), list[float]()

    async def read(node: StraightNode) -> None:
        nonlocal left
        async for _ in await node.pubsub.subscribe("news"):
            left -= 1
            if left == 0:
                arrived.set()

    async with trio.open_nursery() as nursery:
        for node in nodes:
            nursery.start_soon(read, node)
        await trio.sleep(SETTLE)
        for number in range(MESSAGES):
            left, arrived, began = len(nodes), trio.Event(), time.perf_counter()
            await nodes[number % len(nodes)].pubsub.publish("news", b"x" * 100)
            with trio.move_on_after(10) as limit:
                await arrived.wait()
            times.append(float("inf") if limit.cancelled_caught else time.perf_counter() - began)
        nursery.cancel_scope.cancel()
    return statistics.median(times)


if __name__ == "__main__":
    print(json.dumps(trio.run(measure)))
