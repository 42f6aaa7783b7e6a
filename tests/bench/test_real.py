"""A real lab beside the same things written straight on py-libp2p with the same settings, in turns, in one run."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Awaitable, Callable

import trio

from p2plab import Lab
from p2plab.api.topology import pairs_of
from p2plab.stream import NetStream
from p2plab.worlds import Host
from tests.bench.straight import StraightNode, running

ROUNDS = 30
SIZE = 4_000_000  # bytes echoed
NODES, DEGREE, MESSAGES = 20, 4, 30


async def echo(stream: NetStream) -> None:
    while data := await stream.read():
        await stream.write(data)


class Timed:
    """The wall seconds of each call, and the CPU seconds of all."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.cpu = 0.0

    async def call(self, action: Callable[..., Awaitable[object]], *args: object) -> None:
        """Make a call, and keep its time."""
        began, cpu = time.perf_counter(), time.process_time()
        await action(*args)
        self.seconds.append(time.perf_counter() - began)
        self.cpu += time.process_time() - cpu

    def __str__(self) -> str:
        wall, cpu = statistics.median(self.seconds) * 1e3, self.cpu / len(self.seconds) * 1e3
        return f"median {wall:8.2f} ms, {cpu:8.2f} ms CPU each"


def report(what: str, straight: Timed, lab: Timed) -> None:
    more = lab.cpu / len(lab.seconds) / (straight.cpu / len(straight.seconds)) - 1
    print(f"\n{what}\n  py-libp2p  {straight}\n  p2plab     {lab}  ({more:+.1%} CPU)")


def test_connect() -> None:
    """TCP, Noise, Yamux, and pubsub ready; p2plab has asked the peer who it is as well."""
    plain, timed = Timed(), Timed()

    async def straight() -> None:
        async with running(ROUNDS + 1) as nodes:
            for other in nodes[1:]:
                await plain.call(nodes[0].connect, other)

    trio.run(straight)
    with Lab("real") as lab:
        nodes = lab.start_nodes(ROUNDS + 1)
        host = lab.world.hosts()["n0"]

        async def inside() -> None:
            for node in nodes[1:]:
                await timed.call(host.connect, node.name)

        lab.world.run(inside)
    report("connect", plain, timed)


def test_ping_and_echo() -> None:
    plain_pings, plain_echoes, pings, echoes = Timed(), Timed(), Timed(), Timed()

    async def straight() -> None:
        async with running(2) as (alice, bob):
            await alice.connect(bob)
            for _ in range(ROUNDS * 5):
                await plain_pings.call(alice.ping, bob)
            for _ in range(ROUNDS // 3):
                await plain_echoes.call(alice.echo, bob, SIZE)

    trio.run(straight)
    with Lab("real") as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        bob.handle("/echo/1", echo)
        alice.connect(bob)
        host = lab.world.hosts()["alice"]

        async def echoed() -> None:
            stream = await host.open_stream("bob", ["/echo/1"])
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stream.write, bytes(SIZE))
                got = 0
                while got < SIZE:
                    got += len(await stream.read())
            await stream.close()

        async def inside() -> None:
            for _ in range(ROUNDS * 5):
                await pings.call(host.ping, "bob")
            for _ in range(ROUNDS // 3):
                await echoes.call(echoed)

        lab.world.run(inside)
    report("ping, a new stream each", plain_pings, pings)
    report(f"echo of {SIZE / 1e6:.0f} MB", plain_echoes, echoes)
    for name, each in (("py-libp2p", plain_echoes), ("p2plab", echoes)):
        print(f"  {name:10} {SIZE / 1e6 / statistics.median(each.seconds):6.1f} MB/s")


def test_gossip() -> None:
    """From publish to the last of the subscribers."""
    names = [f"n{number}" for number in range(NODES)]
    pairs = pairs_of("random", names, DEGREE, random.Random(1))
    plain, timed = Timed(), Timed()

    async def straight() -> None:
        async with running(NODES) as nodes, trio.open_nursery() as nursery:
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

            async def publish(node: StraightNode) -> None:
                nonlocal left, arrived
                left, arrived = NODES, trio.Event()
                await node.pubsub.publish("news", b"x" * 100)
                await arrived.wait()

            for node in nodes:
                nursery.start_soon(read, node)
            await trio.sleep(2)  # at both: two heartbeats for the meshes
            for number in range(MESSAGES):
                await plain.call(publish, nodes[number % NODES])
            nursery.cancel_scope.cancel()

    trio.run(straight)
    with Lab("real") as lab:
        lab.start_nodes(NODES)
        lab.world.run(lab.world.wire, pairs)
        hosts = list(lab.world.hosts().values())

        async def inside() -> None:
            queues = [host.subscribe("news") for host in hosts]
            await trio.sleep(2)

            async def publish(host: Host) -> None:
                host.publish("news", b"x" * 100)
                for queue in queues:
                    await queue.receive(10)

            for number in range(MESSAGES):
                await timed.call(publish, hosts[number % NODES])

        lab.world.run(inside)
    report(f"gossip, {NODES} nodes of degree {DEGREE}, {NODES - 1} deliveries each", plain, timed)


def test_start_and_close() -> None:
    for count in (1, 20, 100):
        lab = Lab("real")
        began = time.perf_counter()
        lab.start_nodes(count)
        started = time.perf_counter()
        lab.wire("ring")
        wired = time.perf_counter()
        lab.close()
        closed = time.perf_counter()
        print(f"\n{count:3} nodes: start {started - began:.2f} s, connect in a ring {wired - started:.2f} s")
        print(f"           close {closed - wired:.2f} s")
