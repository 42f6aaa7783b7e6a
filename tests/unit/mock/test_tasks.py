"""Coroutines inside a mock lab: what they may wait for, how they end, and in which order they go on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any

import pytest

import p2plab
from p2plab import Lab
from p2plab.errors import InsideLabError
from p2plab.events import EventLog
from p2plab.mock.driver.tasks import Cancelled
from p2plab.mock.runtime import MockRuntime
from p2plab.network import Clock, Draws
from p2plab.stream import NetStream


class World:
    """As much of a mock world as tasks need."""

    def __init__(self) -> None:
        self.log = EventLog(10_000, lambda: self.clock.now, "all")
        self.clock = Clock(self.log)
        self.runtime = MockRuntime(self.clock, Draws(7), self.log)
        self.told: list[str] = []

    def tell(self, what: str) -> None:
        self.told.append(f"{self.clock.now / 10_000:g} {what}")

    def spawn(self, action: Callable[[], Awaitable[Any]]) -> None:
        self.runtime.spawn(action, "a test's task")
        self.clock.run()


def test_waiters_go_on_in_the_order_in_which_they_came() -> None:
    world = World()
    signal = world.runtime.waiter()

    async def wait(name: str) -> None:
        await signal.wait()
        world.tell(name)

    for name in ("one", "two", "three"):
        world.spawn(partial(wait, name))
    signal.set()
    signal.set()
    world.clock.run()
    assert world.told == ["0 one", "0 two", "0 three"]
    world.spawn(lambda: wait("late"))
    assert world.told[-1] == "0 late"


def test_within_gives_what_came_in_time() -> None:
    world = World()

    async def main() -> None:
        async def quick() -> str:
            await world.runtime.sleep(1)
            return "quick"

        async def at_once() -> str:
            return "at once"

        world.tell(await world.runtime.within(2, quick))
        world.tell(await world.runtime.within(0, at_once))
        world.tell(await world.runtime.within(None, quick))

    world.spawn(main)
    assert world.told == ["1 quick", "1 at once", "2 quick"]


def test_within_cancels_what_did_not_come_in_time_and_lets_it_clean_up() -> None:
    world = World()

    async def main() -> None:
        async def slow() -> None:
            try:
                await world.runtime.sleep(10)
            except Cancelled:
                world.tell("cancelled")
                raise
            finally:
                world.tell("cleaned up")

        with pytest.raises(TimeoutError, match="not done within 2 s"):
            await world.runtime.within(2, slow)
        world.tell("went on")

    world.spawn(main)
    assert world.told == ["2 cancelled", "2 cleaned up", "2 went on"]
    assert world.clock.next_tick() is None


def test_what_ends_with_an_error_raises_it_in_whoever_waits_for_it() -> None:
    world = World()

    async def main() -> None:
        async def fail() -> None:
            await world.runtime.sleep(1)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await world.runtime.within(2, fail)
        world.tell("went on")

    world.spawn(main)
    assert world.told == ["1 went on"]


def test_cancelling_reaches_the_innermost_wait() -> None:
    world = World()

    async def main() -> None:
        async def deepest() -> None:
            try:
                await world.runtime.sleep(100)
            finally:
                world.tell("deepest")

        async def middle() -> None:
            try:
                await world.runtime.within(50, deepest)
            finally:
                world.tell("middle")

        with pytest.raises(TimeoutError):
            await world.runtime.within(1, middle)

    world.spawn(main)
    assert world.told == ["1 deepest", "1 middle"]
    assert world.clock.next_tick() is None


def test_a_task_s_error_is_an_event_that_names_it() -> None:
    world = World()

    async def fail() -> None:
        raise ZeroDivisionError("on purpose")

    world.spawn(fail)
    (error,) = world.log.filter(kind="error")
    assert error.data == {"what": "a test's task", "type": "ZeroDivisionError", "text": "on purpose"}


def test_ending_all_tasks_lets_them_clean_up() -> None:
    world = World()

    async def wait() -> None:
        try:
            await world.runtime.sleep(10)
        finally:
            world.tell("cleaned up")

    world.runtime.spawn(wait, "waiting")
    world.clock.run(0)
    world.runtime.end_tasks()
    assert world.told == ["0 cleaned up"]
    assert not world.log.filter(kind="error")


class Foreign:
    """Something awaitable that belongs to no lab."""

    def __await__(self) -> Generator[object, None, None]:
        yield object()


async def future() -> None:
    await asyncio.get_running_loop().create_future()


FOREIGN: dict[str, Callable[[], Awaitable[Any]]] = {
    "asyncio.sleep(0)": lambda: asyncio.sleep(0),
    "a foreign awaitable": Foreign,
}


@pytest.mark.parametrize("awaitable", FOREIGN.values(), ids=FOREIGN)
def test_what_belongs_to_somebody_else_s_loop_is_refused_where_it_is_awaited(
    lab: Lab, awaitable: Callable[[], Awaitable[Any]]
) -> None:
    alice, bob = lab.start_nodes(2)
    caught: list[InsideLabError] = []

    async def handler(stream: NetStream) -> None:
        try:
            await awaitable()
        except InsideLabError as error:
            caught.append(error)
        await p2plab.sleep(0.1)
        await stream.write(b"went on")

    bob.handle("/foreign/1.0.0", handler)
    assert alice.open_stream(bob, "/foreign/1.0.0").read() == b"went on"
    assert "does not belong to the lab" in str(caught[0])
    assert "p2plab.sleep" in str(caught[0])


def test_an_asyncio_future_is_refused_too() -> None:
    """In a notebook a loop is running, so that the future can be made; it is refused where it is awaited."""

    async def cell() -> list[str]:
        with Lab(seed=7) as lab:
            alice, bob = lab.start_nodes(2)

            async def handler(stream: NetStream) -> None:
                await future()

            bob.handle("/foreign/1.0.0", handler)
            alice.open_stream(bob, "/foreign/1.0.0")
            assert lab.run_until(lambda: lab.events.filter(kind="error"), timeout=5)
            return [str((event.data or {})["type"]) for event in lab.events.filter(kind="error")]

    assert asyncio.run(cell()) == ["InsideLabError"]
