"""Driving a mock lab from an event loop: awaited verbs (``AsyncLab``) and ``play``.

Rules:
- Of all coroutines that wait for the lab on a loop, one pumps: it moves the lab for all of them, in slices, and holds
  the driver only during a slice, never across an await. Each of the others is woken when its own verb is done, and one
  of them when the pump is free.
- Time moves only when no task of the loop has anything left to do: after an operation is done, the pump lets the loop
  go round until nothing is ready to run but itself, so that what its waiter asks for next happens at the same instant.
  (Not for ever: a task that always has something to do must not keep the lab's time from moving.)
- The loop may be asyncio's (a notebook's) or trio's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from p2plab.mock.driver.driver import SLICE, Driver

if TYPE_CHECKING:
    import anyio

T = TypeVar("T")
P = ParamSpec("P")

ROUNDS = 12  # of a loop that does not tell what is ready to run, until it is taken for quiet
PATIENCE = 200  # rounds without anything new, after which time moves though others are still busy
SHORTEST = 0.001  # seconds below which a wait is one turn of the loop
BUSY = 0.020  # wall seconds the lab may run before the loop gets a turn


class LoopDriver:
    """The face of a Driver towards event loops."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._pumping = False
        self._waiting: dict[_Changed, None] = {}  # who could pump, in the order in which they came
        self._woken = 0  # operations done since the loop last went round
        self._player: asyncio.Task[None] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return LoopDriver, (self._driver,)

    async def run(self, verb: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Await a coroutine verb; inside the lab it is simply a part of the caller."""
        driver = self._driver
        if driver.inside:
            return await verb(*args, **kwargs)
        driver.raise_halt()
        operation = driver.operation(verb, args, kwargs, is_coroutine=True)
        changed = _Changed()

        def when_done() -> None:
            self._woken += 1
            changed.wake()

        operation.when_done = when_done
        driver.submit(operation)
        try:
            await self._wait(changed, lambda: operation.done)
        except BaseException:  # cancelled: nobody waits for it any more
            driver.withdraw(operation)
            raise
        driver.raise_halt()
        return operation.outcome()  # type: ignore[no-any-return]  # an Operation does not know its verb's type

    async def _wait(self, changed: _Changed, done: Callable[[], bool]) -> None:
        """Wait until ``done()``, pumping whenever nobody else does."""
        self._waiting[changed] = None
        try:
            while not done():
                if self._pumping:
                    await changed.wait()
                else:
                    await self._pump(changed, done)
        finally:
            del self._waiting[changed]
            if not self._pumping and self._waiting:
                next(iter(self._waiting)).wake()

    async def _pump(self, changed: _Changed, done: Callable[[], bool]) -> None:
        """Move the lab for everybody on this loop until ``done()``."""
        self._pumping = True
        self._driver.wakers.append(changed.wake)
        try:
            while not done():
                await self._settle()
                if done():
                    return
                idle = self._slice()
                pace = self._driver.pace
                if not idle:
                    await _checkpoint()
                elif not done() and not self._woken:
                    tick = self._driver.next_tick()
                    await changed.wait(None if pace is None or tick is None else pace.seconds_until(tick))
        finally:
            self._driver.wakers.remove(changed.wake)
            self._pumping = False

    async def _settle(self) -> None:
        """Let the loop go round until no other task of it has anything left to do."""
        since, quiet, seen = 0, 0, self._driver.submitted
        self._woken = 0
        while since < PATIENCE:
            others = await _checkpoint()
            if seen != self._driver.submitted:
                since, quiet, seen = 0, 0, self._driver.submitted
            elif others == 0:
                break
            else:
                since, quiet = since + 1, quiet + 1 if others is None else 0
                if quiet == ROUNDS:
                    break
        self._woken = 0

    def _slice(self) -> bool:
        """Move the lab for a moment, unless another thread does; whether there is nothing to do for now."""
        driver = self._driver
        if not driver.try_lead():
            return True
        try:
            began, pace = time.perf_counter(), driver.pace
            while time.perf_counter() - began < BUSY and not driver.closed and driver.pace is pace:
                driver.drain()
                idle = driver.advance(None if pace is None else pace.due(), SLICE)
                if pace is not None:
                    driver.say_if_behind(pace)
                if idle or self._woken:
                    return idle and not self._woken
            return False
        finally:
            driver.stop_leading()

    # -- play

    def play(self) -> None:
        """Keep the lab moving on the running asyncio loop until ``stop``; without one, only the pace is set."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if self._player is None or self._player.done():
            self._player = loop.create_task(self._play(), name="p2plab play")

    async def _play(self) -> None:
        driver = self._driver
        await self._wait(_Changed(), lambda: driver.pace is None or driver.closed)


class _Changed:
    """Wakes one coroutine when something changed, from whichever thread."""

    def __init__(self) -> None:
        import anyio

        self._call_soon = _call_soon()
        self._called = False
        self._event: anyio.Event = anyio.Event()

    def wake(self) -> None:
        if not self._called:
            self._called = True
            try:
                self._call_soon(self._set)
            except RuntimeError:  # the loop was closed under whoever waited
                self._called = False

    def _set(self) -> None:
        self._called = False
        self._event.set()

    async def wait(self, seconds: float | None = None) -> None:
        import anyio

        if seconds is not None and seconds < SHORTEST:  # a browser's loop refuses what is due before it has been set
            await anyio.sleep(0)
        else:
            with anyio.move_on_after(seconds):
                await self._event.wait()
        self._event = anyio.Event()


def _call_soon() -> Callable[[Callable[[], Any]], Any]:
    """How any thread can have a function called on the running loop."""
    try:
        return asyncio.get_running_loop().call_soon_threadsafe
    except RuntimeError:
        import trio

        return trio.lowlevel.current_trio_token().run_sync_soon


async def _checkpoint() -> int | None:
    """Let the loop go round once; how many others are ready to run, or None where that cannot be told for sure."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        import trio

        await trio.lowlevel.checkpoint()
        # Of those that are still to run in this round trio tells nothing, so that none left is not for sure.
        return trio.lowlevel.current_statistics().tasks_runnable or None
    await asyncio.sleep(0)
    ready = getattr(loop, "_ready", None)  # private, and there on every loop of the standard library's; not on uvloop's
    return None if ready is None else len(ready)
