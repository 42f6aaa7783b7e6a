"""A mock lab on an event loop: what is awaited together, ``play``, and blocking verbs beside both."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import p2plab
from p2plab import AsyncLab, Lab
from p2plab.errors import ClosedError
from p2plab.stream import NetStream


async def script(lab: AsyncLab) -> None:
    """Much at once, in groups of groups, with waits in lab time in between."""
    nodes = await lab.start_nodes(6)
    await lab.wire("ring")
    subscriptions = [node.subscribe("news") for node in nodes]

    async def talk(number: int) -> None:
        node = nodes[number]
        await lab.sleep(0.1 * (number % 3))
        await asyncio.gather(node.ping(nodes[(number + 2) % 6]), node.identify(nodes[(number + 3) % 6]))
        for count in range(3):
            node.publish("news", b"%d-%d" % (number, count))
            await asyncio.gather(*(one.get() for one in subscriptions[:2]), lab.sleep(0.05))
        await node.disconnect(nodes[(number + 2) % 6])

    await asyncio.gather(
        asyncio.gather(talk(0), talk(1)), asyncio.gather(asyncio.gather(talk(2)), talk(3)), talk(4), talk(5)
    )


def run(script: Callable[[AsyncLab], Awaitable[Any]], **settings: Any) -> str:
    async def main() -> str:
        async with AsyncLab(seed=7, jitter=0.010, **settings) as lab:
            await script(lab)
            return lab.events.digest()

    return asyncio.run(main())


def test_what_is_awaited_together_runs_in_a_reproducible_order() -> None:
    assert len({run(script) for _ in range(5)}) == 1


def test_time_moves_only_when_no_task_has_anything_left_to_do() -> None:
    async def main() -> None:
        async with AsyncLab(seed=7) as lab:
            times: list[float] = []

            async def chain(wait: float) -> None:
                await lab.sleep(wait)
                for _ in range(3):
                    await asyncio.gather(*(asyncio.sleep(0) for _ in range(3)))
                    times.append(lab.now)

            await asyncio.gather(lab.sleep(100), *(chain(1.0) for _ in range(5)))
            assert times == [1.0] * 15

    asyncio.run(main())


def test_many_wait_at_once_and_each_is_woken_in_time() -> None:
    async def main() -> None:
        async with AsyncLab(seed=7) as lab:
            woken: list[int] = []

            async def one(number: int) -> None:
                await lab.sleep(number / 100)
                assert lab.now == number / 100
                woken.append(number)

            await asyncio.gather(*(one(number) for number in range(300)))
            assert woken == list(range(300))

    asyncio.run(main())


def test_cancelling_a_dial_leaves_no_half_open_connection() -> None:
    async def main() -> None:
        async with AsyncLab(seed=7, latency=0.1) as lab:
            alice, bob = await lab.start_nodes(2)
            dial = asyncio.ensure_future(alice.connect(bob))
            await lab.sleep(0.35)
            assert not dial.done()
            dial.cancel()
            with pytest.raises(asyncio.CancelledError):
                await dial
            await lab.sleep(10)
            assert lab.edges() == []
            assert alice.connections() == bob.connections() == []
            assert not lab.events.filter(kind="error")
            assert await alice.ping(bob) > 0

    asyncio.run(main())


def test_a_timeout_of_the_loop_s_own_cancels_a_verb() -> None:
    async def main() -> None:
        async with AsyncLab(seed=7) as lab:
            (alice,) = await lab.start_nodes(1)
            news = alice.subscribe("news")
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(news.get(timeout=None), 0.001)
            alice.publish("news", b"x")
            assert (await news.get()).data == b"x"

    asyncio.run(main())


def test_a_blocking_verb_works_in_an_async_cell() -> None:
    async def main() -> None:
        with Lab(seed=7) as lab:
            alice, bob = lab.start_nodes(2)
            sleeping = asyncio.ensure_future(lab.aio.sleep(5))
            assert alice.ping(bob) > 0
            assert await lab.aio["n1"].ping("n0") > 0
            lab.run(10)
            await sleeping
            assert lab.now >= 10

    asyncio.run(main())


def test_other_loops_in_other_threads_can_wait_for_the_same_lab() -> None:
    with Lab(seed=7) as lab:
        lab.start_nodes(4)
        lab.wire("full")
        results: list[float] = []

        def body(number: int) -> None:
            async def main() -> None:
                for other in range(4):
                    if other != number:
                        results.append(await lab.aio[f"n{number}"].ping(f"n{other}"))

            asyncio.run(main())

        threads = [threading.Thread(target=body, args=[number]) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert len(results) == 12


# -- play


async def played(lab: Lab, until: float, speed: float = 200.0) -> None:
    """Let the lab play until its time is ``until``."""
    arrived = asyncio.Event()
    lab.at(until, arrived.set)
    lab.play(speed)
    await asyncio.wait_for(arrived.wait(), 20)


def test_play_moves_the_lab_by_itself_until_pause() -> None:
    async def main() -> None:
        with Lab(seed=7) as lab:
            ticks: list[float] = []
            lab.every(1.0, lambda: ticks.append(lab.now))
            await played(lab, 5.0)
            assert ticks[:5] == [1.0, 2.0, 3.0, 4.0, 5.0]
            lab.pause()
            for _ in range(30):
                await asyncio.sleep(0)
            now = lab.now
            for _ in range(100):
                await asyncio.sleep(0)
            assert lab.now == now

    asyncio.run(main())


def test_play_can_be_taken_up_again_and_changed_in_speed() -> None:
    async def main() -> None:
        with Lab(seed=7) as lab:
            lab.every(1.0, lambda: None)
            await played(lab, 2.0)
            lab.pause()
            await played(lab, lab.now + 2.0, speed=100.0)
            later = lab.now + 2.0  # it has played on since
            await played(lab, later, speed=500.0)
            assert lab.now >= later

    asyncio.run(main())


def test_blocking_verbs_awaited_verbs_and_clicks_work_while_the_lab_plays() -> None:
    async def main() -> None:
        with Lab(seed=7) as lab:
            alice, bob = lab.start_nodes(2)
            alice.connect(bob)
            news = bob.subscribe("news")
            await played(lab, 2.0)
            assert alice.ping(bob) > 0
            assert await lab.aio["n1"].ping("n0") > 0
            clicked = await asyncio.to_thread(alice.publish, "news", b"clicked")
            assert await asyncio.to_thread(bob.ping, alice) > 0
            assert news.get(timeout=100).id == clicked.id
            at = lab.now
            await played(lab, at + 1.0)
            assert lab.now >= at + 1.0

    asyncio.run(main())


def test_what_handlers_do_goes_on_while_the_lab_plays() -> None:
    async def main() -> None:
        with Lab(seed=7) as lab:
            alice, bob = lab.start_nodes(2)
            counted: list[float] = []

            async def count(stream: NetStream) -> None:
                while True:
                    await p2plab.sleep(1.0)
                    counted.append(lab.now)
                    await stream.write(b".")

            bob.handle("/count/1.0.0", count)
            alice.open_stream(bob, "/count/1.0.0")
            await played(lab, 10.0)
            assert len([at for at in counted if at <= 10.0]) == 9  # it plays on past that

    asyncio.run(main())


def test_play_does_not_keep_the_loop_from_others() -> None:
    """However much there is to do, the loop goes round in between."""

    async def main() -> None:
        with Lab(seed=7) as lab:
            lab.every(0.0001, lambda: None)
            lab.play(1e6)
            rounds = 0
            while lab.now < 3.0:
                rounds += 1
                await asyncio.sleep(0)
            assert rounds > 10

    asyncio.run(main())


def test_closing_ends_play() -> None:
    async def main() -> None:
        lab = Lab(seed=7)
        lab.every(0.1, lambda: None)
        await played(lab, 1.0)
        lab.close()
        with pytest.raises(ClosedError):
            lab.play()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            _, unfinished = await asyncio.wait(others, timeout=20)
            assert not unfinished

    asyncio.run(main())


def test_a_loop_that_ends_while_the_lab_plays_does_not_harm_it() -> None:
    with Lab(seed=7) as lab:
        nodes = lab.start_nodes(2)
        asyncio.run(played(lab, 1.0))
        lab.pause()
        assert nodes[0].ping(nodes[1]) > 0
        asyncio.run(played(lab, lab.now + 1.0))
        assert nodes[1].ping(nodes[0]) > 0
