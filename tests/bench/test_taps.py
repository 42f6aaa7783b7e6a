"""What it costs to be able to look: labs whose connections have taps beside labs without, all at once and in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

import trio

from p2plab import Lab
from p2plab.real.taps.streams import StreamTap
from p2plab.real.taps.upgrade import NodeTap
from p2plab.stream import NetStream

ROUNDS = 200
WARMING = 4  # turns that are not like the others
SIZE = 500_000  # bytes echoed
NODES = 12

Work = Callable[[], Awaitable[None]]


async def echo(stream: NetStream) -> None:
    while data := await stream.read():
        await stream.write(data)


@contextmanager
def without_taps() -> Iterator[None]:
    """Labs whose connections and streams are the library's own."""
    with mock.patch.object(NodeTap, "put_on"), mock.patch.object(StreamTap, "opened"):
        yield


def echoes(lab: Lab) -> Work:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    bob.handle("/echo/1", echo)
    alice.connect(bob)
    host = lab.world.hosts()["alice"]

    async def once() -> None:
        stream = await host.open_stream("bob", ["/echo/1"])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.write, bytes(SIZE))
            got = 0
            while got < SIZE:
                got += len(await stream.read())
        await stream.close()

    return once


def gossip(lab: Lab) -> Work:
    lab.start_nodes(NODES)
    lab.wire("random", degree=4)
    hosts = list(lab.world.hosts().values())
    queues = [lab.world.call(host.subscribe, "news") for host in hosts]
    lab.run(2)  # in all labs: two heartbeats for the meshes

    async def once() -> None:
        hosts[0].publish("news", b"x" * 100)
        for queue in queues:
            await queue.receive(10)

    return once


def test_the_price_of_looking() -> None:
    """The second lab without taps tells how far two measurements of the same thing are apart here."""
    for name, make in ((f"echo of {SIZE / 1e6:.0f} MB", echoes), (f"gossip to {NODES} nodes", gossip)):
        with ExitStack() as stack:
            levels = {"without taps": "messages", "the same": "messages", "with taps": "messages", "level all": "all"}
            labs = {how: stack.enter_context(Lab("real", seed=1, recording=level)) for how, level in levels.items()}
            with without_taps():
                works = {how: make(labs[how]) for how in ("without taps", "the same")}
            works |= {how: make(labs[how]) for how in ("with taps", "level all")}
            spent: dict[str, list[float]] = {how: [] for how in labs}
            order = list(works)
            for number in range(ROUNDS + WARMING):
                order.append(order.pop(0))
                for how in order:
                    began = time.process_time()
                    labs[how].world.run(works[how])
                    if number >= WARMING:
                        spent[how].append(time.process_time() - began)
        print(f"\n{name}: ms CPU, median of {ROUNDS}; how much more than without, median of the turns")
        for how, seconds in spent.items():
            more = statistics.median(a / b for a, b in zip(seconds, spent["without taps"], strict=True)) - 1
            print(f"  {how:12} {statistics.median(seconds) * 1e3:8.2f}  {more:+.1%}")
