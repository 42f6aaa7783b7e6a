"""Calls that are cancelled or run out of time at any moment leave no connection that is listed but dead."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

import pytest
import trio

from p2plab import Lab, Node
from p2plab.errors import DialError, LabError
from p2plab.stream import NetStream, StreamError
from p2plab.worlds import Host

WAIT = 20.0
ROUNDS, EACH = 4, 20

Verb = Callable[[Host, str], Awaitable[object]]


async def echo(stream: NetStream) -> None:
    while data := await stream.read():
        await stream.write(data)


async def connect(host: Host, peer: str) -> None:
    await host.connect(peer)


async def dial_anew(host: Host, peer: str) -> None:
    await host.disconnect(peer)
    await host.connect(peer)


async def use(host: Host, peer: str) -> None:
    stream = await host.open_stream(peer, ["/echo/1"])
    await stream.write(bytes(300_000))
    while await stream.read():
        pass


async def lazily(host: Host, peer: str) -> None:
    stream = await host.open_stream(peer, ["/echo/1"], True)
    await stream.write(b"x")
    await stream.read()
    await stream.close()


async def ping(host: Host, peer: str) -> None:
    await host.ping(peer)


async def identify(host: Host, peer: str) -> None:
    await host.identify(peer)


async def look_up(host: Host, peer: str) -> None:
    await host.dht_verbs.get(f"/lab/{peer}")


VERBS: list[Verb] = [connect, dial_anew, use, lazily, ping, identify, look_up]


def dead(lab: Lab) -> list[str]:
    """The connections that one end goes on listing though they cannot be used."""
    found = []
    for node in lab.nodes:
        for connection in node.connections():
            try:
                node.ping(connection.peer, timeout=WAIT)
            except (TimeoutError, DialError, StreamError) as error:
                if not lab.run_until(lambda: connection.id not in ids(node), timeout=WAIT):  # noqa: B023
                    found.append(f"{connection}: {error}")
    return found


def ids(node: Node) -> list[int]:
    return [connection.id for connection in node.connections()]


def alive_at_both_ends(nodes: list[Node]) -> bool:
    ends = [sorted(connection.id for connection in node.connections()) for node in nodes]
    return all(sum(number in other for other in ends) == 2 for end in ends for number in end)


@pytest.mark.parametrize("seed", [1, 2])
def test_random_cancels_leave_no_dead_connection(lab: Lab, seed: int) -> None:
    chance = random.Random(seed)
    nodes = lab.start_nodes(3)
    for node in nodes:
        node.handle("/echo/1", echo)
    hosts = list(lab.world.hosts().values())

    async def one(host: Host, peer: str, verb: Verb, after: float) -> None:
        with trio.move_on_after(after):
            try:
                await verb(host, peer)
            except (LabError, TimeoutError):
                return  # cut short by another one's disconnect

    async def many() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(EACH):
                host, other = chance.sample(hosts, 2)
                nursery.start_soon(one, host, other.name, chance.choice(VERBS), chance.uniform(0, 0.06))

    for _ in range(ROUNDS):
        lab.world.run(many)
        assert lab.run_until(lambda: alive_at_both_ends(nodes), timeout=WAIT)
        assert dead(lab) == []
        assert lab.run_until(lambda: alive_at_both_ends(nodes), timeout=WAIT)
    lab.wire("full")
    assert len(lab.edges()) == 3
    assert [event for event in lab.events.filter(kind="error") if event.reason == "library"] == []


def test_a_dial_that_ran_out_of_time_leaves_nothing(lab: Lab) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    for milliseconds in range(0, 30, 2):
        try:
            alice.connect(bob, timeout=milliseconds / 1000)
        except DialError:
            assert alice.connections() == []
        else:
            alice.disconnect(bob)
    assert lab.run_until(lambda: bob.connections() == [], timeout=WAIT)
    assert alice.connect(bob).peer == bob.peer_id
    assert dead(lab) == []
