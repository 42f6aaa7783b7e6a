"""The in-memory transport: a stream in order over links that are slow, lose and are cut; nodes live on it."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from libp2p.abc import IRawConnection
from multiaddr import Multiaddr

from p2plab import Lab, Node
from p2plab.errors import DialError, ValidationError
from p2plab.real.transports.memory import MemoryListener, MemoryNetwork, MemoryStream, MemoryTransport
from p2plab.real.transports.memory_link import MemoryLink

ONE = Multiaddr("/memory/1")


def refused(address: str, error: Exception) -> None:
    raise error


async def connected(nursery: trio.Nursery) -> tuple[IRawConnection, MemoryStream, MemoryLink]:
    """Both ends of a connection from a to b, and the link that leads there."""
    accepted: list[MemoryStream] = []

    async def accept(stream: MemoryStream) -> None:
        accepted.append(stream)

    listener = MemoryListener("b", accept, refused)  # type: ignore[arg-type]
    listener.background_nursery = nursery
    await listener.listen(ONE)
    here = await MemoryTransport("a", refused).dial(ONE)
    await trio.testing.wait_all_tasks_blocked()
    return here, accepted[0], MemoryNetwork.current().link("a", "b")


def test_bytes_arrive_in_order_after_the_links_delay() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            here, there, link = await connected(nursery)
            link.set(delay=1.5)
            await here.write(b"slow")
            link.set(delay=0.5)
            await here.write(b"fast")
            assert (await there.read(100), trio.current_time() - began) == (b"slow", 1.5)
            assert await there.read(2) + await there.read(100) == b"fast"
            assert trio.current_time() - began == 1.5  # it came sooner, and had to wait for what was before it
            await here.close()
            assert await there.read(100) == b""
            assert trio.current_time() - began == 2.0

    clock = trio.testing.MockClock(autojump_threshold=0)
    began = clock.current_time()
    trio.run(main, clock=clock)


def test_what_is_lost_comes_later_and_nothing_is_missing() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            here, there, link = await connected(nursery)
            link.set(loss=0.5, retry=1.0)
            for number in range(20):
                await here.write(bytes([number]))
            got = b""
            while len(got) < 20:
                got += await there.read(1)
            assert got == bytes(range(20))
            assert trio.current_time() - began >= 1.0

    clock = trio.testing.MockClock(autojump_threshold=0)
    began = clock.current_time()
    trio.run(main, clock=clock)


def test_a_cut_holds_everything_back_until_it_heals() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            here, there, link = await connected(nursery)
            await here.write(b"under way")
            link.set(cut=True)
            await here.close()
            with trio.move_on_after(60) as scope:
                await there.read(100)
            assert scope.cancelled_caught
            with pytest.raises(OSError, match="cut"):
                await MemoryTransport("a", refused).dial(ONE)
            link.set(cut=False)
            assert [await there.read(100), await there.read(100)] == [b"under way", b""]

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_a_writer_waits_for_a_reader_that_is_far_behind() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            here, there, _ = await connected(nursery)
            sent = 0
            with trio.move_on_after(1):
                while True:
                    await here.write(bytes(100_000))
                    sent += 100_000
            assert 1_000_000 < sent < 1_300_000
            await there.read(200_000)
            await here.write(b"goes on")

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_links_follow_the_default_until_they_are_set() -> None:
    network = MemoryNetwork()
    link = network.link("a", "b")
    network.default.set(delay=0.25)
    assert (link.delay, network.link("b", "a").delay) == (0.25, 0.25)
    link.set(delay=0.0)
    assert (link.delay, network.link("b", "a").delay) == (0.0, 0.25)
    link.reset()
    assert link.delay == 0.25
    with pytest.raises(ValidationError, match="loss=2"):
        link.set(delay=9.0, loss=2)
    assert link.delay == 0.25


def cut(lab: Lab, one: Node, other: Node, cut: bool) -> None:
    def set_both() -> None:
        network = MemoryNetwork.current()
        for link in (network.link(one.peer_id, other.peer_id), network.link(other.peer_id, one.peer_id)):
            link.set(cut=cut)

    lab.world.call(set_both)


def test_nodes_on_memory_links_are_parted_and_reunited() -> None:
    with Lab("real", seed=7, transports=["memory"]) as lab:
        alice, bob, carol = lab.start_node("alice"), lab.start_node("bob"), lab.start_node("carol")
        assert alice.connect(bob).transport == "memory"
        news = bob.subscribe("news")
        assert lab.run_until(lambda: bool(alice.mesh("news") or alice.subscribe("news") is None), timeout=20)
        cut(lab, alice, bob, True)
        cut(lab, alice, carol, True)
        with pytest.raises(DialError, match="unreachable"):
            alice.connect(carol)
        alice.publish("news", b"while parted")
        with pytest.raises(TimeoutError):
            alice.ping(bob, timeout=0.2)
        assert news.messages == []
        cut(lab, alice, bob, False)
        assert news.get(timeout=20).data == b"while parted"
        assert alice.ping(bob) > 0


def test_an_address_in_memory_is_kept_over_a_crash_and_is_one_nodes() -> None:
    with Lab("real", seed=7, transports=["memory"]) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob", listen="/memory/77")
        assert bob.addresses == [f"/memory/77/p2p/{bob.peer_id}"]
        with pytest.raises(ValueError, match="/memory/77"):
            lab.start_node("carol", listen="/memory/77")
        alice.connect(bob)
        bob.crash()
        with pytest.raises(DialError, match="refused"):
            alice.connect(bob)
        bob.restart()
        assert alice.connect(bob).remote_address == "/memory/77"
