"""A ping beside transfers, with priorities and without: what stream/priorities.py and stream/gate.py are for."""

from __future__ import annotations

import statistics
import threading
import time
from typing import Any

import pytest

from p2plab import Lab, Node
from p2plab.network.links import FirstInFirstOut
from p2plab.stream import NetStream
from p2plab.stream.flow.gate import FairGate

RATE = 1.25e6  # bytes a second: 10 Mbit/s
SIZE = 10_000_000


async def sink(stream: NetStream) -> None:
    while await stream.read():
        pass


@pytest.mark.parametrize("fair", [True, False], ids=["priorities", "first come first served"])
def test_a_ping_during_a_transfer_on_a_mock_line(fair: bool) -> None:
    with Lab(seed=7) as lab:
        if not fair:
            world: Any = lab.network._world
            world.links.discipline = FirstInFirstOut
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        lab.network.set_node(alice, up=RATE)
        bob.handle("/file/1.0.0", sink)
        idle = alice.ping(bob)
        stream = alice.open_stream(bob, "/file/1.0.0", priority="bulk")
        lab.at(lab.now, stream.aio.write, bytes(SIZE))
        lab.run(1)
        began, trips = lab.now, []
        while stream.bytes_out < SIZE:
            trips.append(alice.ping(bob))
        report(f"mock, 10 Mbit/s, 10 MB, {named(fair)}", idle, trips, SIZE / (lab.now - began + 1))


def named(fair: bool) -> str:
    return "priorities" if fair else "first come first served"


def report(what: str, idle: float, trips: list[float], rate: float) -> None:
    print(
        f"\n{what}: ping {idle * 1e3:.1f} ms idle, {statistics.median(trips) * 1e3:.1f} ms median and "
        f"{max(trips) * 1e3:.1f} ms at most beside the transfer, which moved {rate / 1e6:.2f} MB/s"
    )


@pytest.mark.real
@pytest.mark.parametrize("transfers", [1, 4])
@pytest.mark.parametrize("fair", [True, False], ids=["priorities", "first come first served"])
def test_a_ping_during_transfers_on_the_loopback(fair: bool, transfers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if not fair:

        async def enter(self: FairGate, flow: object, weight: int, size: int) -> None:
            """Nobody waits."""

        monkeypatch.setattr(FairGate, "enter", enter)
    with Lab("real", seed=7) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        bob.handle("/file/1.0.0", sink, priority="bulk")
        idle = statistics.median(alice.ping(bob) for _ in range(20))
        done: list[float] = []
        began = time.perf_counter()
        threads = [threading.Thread(target=send, args=(alice, bob, done)) for _ in range(transfers)]
        for thread in threads:
            thread.start()
        trips = []
        while not done:
            trips.append(alice.ping(bob))
        for thread in threads:
            thread.join()
        rate = transfers * 40e6 / (time.perf_counter() - began)
        report(f"real, loopback, {transfers} x 40 MB, {named(fair)}", idle, trips, rate)


def send(alice: Node, bob: Node, done: list[float]) -> None:
    with alice.open_stream(bob, "/file/1.0.0", priority="bulk") as stream:
        stream.write(bytes(40_000_000))
        stream.close_write()
        stream.read()
    done.append(time.perf_counter())
