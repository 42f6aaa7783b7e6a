"""The ways into the lab's thread: from threads, from asyncio and trio, from inside; interrupted, cancelled, closed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
import trio

from p2plab import AsyncLab, Lab
from p2plab.errors import ClosedError, InsideLabError
from p2plab.inside import current_world
from p2plab.real import RealWorld
from p2plab.real.loop.portal import Portal

WAIT = 20.0  # seconds; far more than anything here takes


@pytest.fixture
def portal() -> Iterator[Portal]:
    portal = Portal()
    yield portal
    portal.close()


class Gate:
    """A verb that waits inside, and says what became of it."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.left = threading.Event()
        self.cancelled = False

    async def wait(self) -> None:
        self.entered.set()
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            self.cancelled = True
            raise
        finally:
            self.left.set()


async def double(number: int) -> int:
    await trio.sleep(0)
    return 2 * number


async def fail() -> None:
    raise LookupError("nothing there")


def test_run_gives_the_result_to_any_thread(portal: Portal) -> None:
    results: list[int] = []
    threads = [threading.Thread(target=lambda n=n: results.append(portal.run(double, n))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert sorted(results) == [0, 2, 4, 6, 8, 10, 12, 14]


def test_what_a_verb_raises_is_raised_where_it_was_called(portal: Portal) -> None:
    with pytest.raises(LookupError, match="nothing there"):
        portal.run(fail)
    assert portal.run(double, 4) == 8


def test_a_verb_that_leaves_python_does_not_end_the_thread(portal: Portal) -> None:
    async def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        portal.run(leave)
    assert portal.run(double, 4) == 8


def test_do_runs_in_the_lab_and_look_from_inside_is_direct(portal: Portal) -> None:
    inside = portal.call(threading.get_ident)
    assert inside != threading.get_ident()
    assert portal.call(lambda: portal.call(threading.get_ident)) == inside


def test_run_inside_names_the_way_round(portal: Portal) -> None:
    async def misuse() -> None:
        portal.run(double, 1)

    with pytest.raises(InsideLabError, match=r"await lab\.aio"):
        portal.run(misuse)


def test_arun_inside_is_part_of_the_caller(portal: Portal) -> None:
    async def use() -> int:
        return await portal.arun(double, 21)

    assert portal.run(use) == 42


def test_arun_works_on_asyncio_side_by_side(portal: Portal) -> None:
    async def main() -> list[int]:
        return await asyncio.gather(*(portal.arun(double, n) for n in range(5)))

    assert asyncio.run(main()) == [0, 2, 4, 6, 8]


def test_arun_works_in_another_trio_thread(portal: Portal) -> None:
    async def main() -> int:
        return await portal.arun(double, 5)

    assert trio.run(main) == 10


def test_a_lab_can_be_made_and_used_inside_a_trio_program() -> None:
    async def main() -> tuple[float, float]:
        async with AsyncLab("real") as lab:
            alice, bob = await lab.start_nodes(2)
            await alice.connect(bob)
            first = await alice.ping(bob)
        with Lab("real") as blocking:
            one, two = blocking.start_nodes(2)
            return first, one.ping(two)

    first, second = trio.run(main)
    assert first > 0
    assert second > 0


def test_a_cancelled_asyncio_task_cancels_its_verb(portal: Portal) -> None:
    gate = Gate()

    async def main() -> None:
        task = asyncio.ensure_future(portal.arun(gate.wait))
        await asyncio.to_thread(gate.entered.wait, WAIT)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert gate.left.wait(WAIT)
    assert gate.cancelled
    assert portal.run(double, 1) == 2


def test_a_cancelled_trio_scope_cancels_its_verb(portal: Portal) -> None:
    gate = Gate()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(portal.arun, gate.wait)
            await trio.to_thread.run_sync(gate.entered.wait, WAIT)
            nursery.cancel_scope.cancel()

    trio.run(main)
    assert gate.left.wait(WAIT)
    assert gate.cancelled


def test_closing_ends_what_is_under_way_with_closed_error() -> None:
    portal, gate, errors = Portal(), Gate(), []

    def wait() -> None:
        try:
            portal.run(gate.wait)
        except ClosedError as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    assert gate.entered.wait(WAIT)
    portal.close()
    thread.join(WAIT)
    assert len(errors) == 1
    assert not portal.alive


def test_after_closing_every_way_in_says_so() -> None:
    portal = Portal()
    portal.close()
    portal.close()
    with pytest.raises(ClosedError):
        portal.run(double, 1)
    with pytest.raises(ClosedError):
        portal.call(threading.get_ident)
    with pytest.raises(ClosedError):
        asyncio.run(portal.arun(double, 1))


def test_the_world_is_the_current_one_in_its_own_thread_only() -> None:
    world = RealWorld(1)
    try:
        assert world.call(current_world) is world
        assert current_world() is None
    finally:
        world.close()


def test_a_world_cannot_be_closed_from_inside_but_goes_on() -> None:
    world = RealWorld(1)
    try:
        with pytest.raises(InsideLabError):
            world.call(world.close)
        world.run(world.sleep, 0)
    finally:
        world.close()
    assert world.closed
