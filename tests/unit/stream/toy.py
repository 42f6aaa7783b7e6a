"""A world for the tests of streams: virtual time, coroutines driven by hand, and pairs of raw streams in memory."""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, TypeVar

from p2plab.stream import NetStream, StreamError
from p2plab.typing import Connection, Direction, PeerId

T = TypeVar("T")


class Cancelled(BaseException):
    """Thrown into a task that ``within`` gave up."""


class ToyWaiter:
    def __init__(self, runtime: ToyRuntime) -> None:
        self._runtime = runtime
        self.is_set = False
        self.tasks: list[Task] = []

    def set(self) -> None:
        self.is_set = True
        for task in self.tasks:
            self._runtime.ready.append((task, None))
        self.tasks.clear()

    async def wait(self) -> None:
        if not self.is_set:
            await Suspend(self)


class Suspend:
    def __init__(self, waiter: ToyWaiter) -> None:
        self.waiter = waiter

    def __await__(self) -> Generator[ToyWaiter, None, None]:
        yield self.waiter


class Task:
    def __init__(self, coroutine: Coroutine[Any, Any, Any], done: ToyWaiter) -> None:
        self.coroutine = coroutine
        self.done = done
        self.result: Any = None
        self.error: BaseException | None = None
        self.waits_for: ToyWaiter | None = None


class ToyTimer:
    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self.action = None


class ToyRuntime:
    """``Runtime``, driven by ``run``; what a spawned task raises is raised from ``run``."""

    def __init__(self, seed: int = 0) -> None:
        self.time = 0.0
        self.ready: deque[tuple[Task, BaseException | None]] = deque()
        self._timers: list[tuple[float, int, ToyTimer]] = []
        self._count = 0
        self._seed = seed

    def now(self) -> float:
        return self.time

    def ticks(self) -> int:
        return round(self.time * 10_000)

    def timer(self, delay: float, action: Callable[[], None]) -> ToyTimer:
        timer = ToyTimer(action)
        self._count += 1
        heapq.heappush(self._timers, (self.time + delay, self._count, timer))
        return timer

    def waiter(self) -> ToyWaiter:
        return ToyWaiter(self)

    def spawn(self, action: Callable[[], Awaitable[Any]], what: str) -> None:
        self.start(action)

    def start(self, action: Callable[[], Awaitable[Any]]) -> Task:
        async def awaited() -> Any:
            return await action()

        task = Task(awaited(), self.waiter())
        self.ready.append((task, None))
        return task

    async def sleep(self, seconds: float) -> None:
        woken = self.waiter()
        self.timer(seconds, woken.set)
        await woken.wait()

    async def within(self, seconds: float | None, action: Callable[[], Awaitable[T]]) -> T:
        if seconds is None:
            return await action()
        task = self.start(action)
        late = False

        def give_up() -> None:
            nonlocal late
            if not task.done.is_set:
                late = True
                self.cancel(task)

        timer = self.timer(seconds, give_up)
        await task.done.wait()
        timer.cancel()
        if late:
            raise TimeoutError
        if task.error is not None:
            raise task.error
        result: T = task.result
        return result

    def random(self, purpose: str) -> random.Random:
        return random.Random(f"{self._seed} {purpose}")

    def cancel(self, task: Task) -> None:
        if task.waits_for is not None and task in task.waits_for.tasks:
            task.waits_for.tasks.remove(task)
        self.ready.append((task, Cancelled()))

    def step(self) -> bool:
        """Do the next thing; whether there was one."""
        if self.ready:
            self._resume(*self.ready.popleft())
            return True
        while self._timers:
            at, _, timer = heapq.heappop(self._timers)
            if timer.action is not None:
                self.time = max(self.time, at)
                timer.action()
                return True
        return False

    def _resume(self, task: Task, error: BaseException | None) -> None:
        if task.done.is_set:
            return
        task.waits_for = None
        try:
            waiter = task.coroutine.throw(error) if error else task.coroutine.send(None)
        except StopIteration as stop:
            task.result = stop.value
        except BaseException as raised:  # noqa: BLE001  handed to whoever waits for the task
            task.error = raised
        else:
            task.waits_for = waiter
            if waiter.is_set:
                self.ready.append((task, None))
            else:
                waiter.tasks.append(task)
            return
        task.done.set()

    def run(self, *actions: Callable[[], Awaitable[Any]]) -> list[Any]:
        """Run these side by side until all are done; what they return, or the first error in their order."""
        tasks = [self.start(action) for action in actions]
        while not all(task.done.is_set for task in tasks):
            if not self.step():
                waiting = [index for index, task in enumerate(tasks) if not task.done.is_set]
                raise AssertionError(f"nothing will ever happen again, and {waiting} of {len(tasks)} are not done")
        for task in tasks:
            if task.error is not None:
                raise task.error
        return [task.result for task in tasks]

    def drain(self) -> None:
        """Until nothing is left to do."""
        while self.step():
            pass


class Pipe:
    """One direction: at most ``window`` bytes are held, and pieces arrive in the sizes ``cut`` gives."""

    def __init__(self, runtime: ToyRuntime, window: int, cut: Callable[[int], int]) -> None:
        self._runtime = runtime
        self.window = window
        self._cut = cut
        self.held = bytearray()
        self.ended = False
        self.deaf = False
        self.broken = False
        self._change = runtime.waiter()

    def changed(self) -> None:
        change, self._change = self._change, self._runtime.waiter()
        change.set()

    async def put(self, data: bytes) -> None:
        while data:
            if self.broken:
                raise StreamError("reset", "the pipe is broken")
            if self.deaf:
                return
            room = self.window - len(self.held)
            if room > 0:
                self.held += data[:room]
                data = data[room:]
                self.changed()
            else:
                await self._change.wait()

    async def get(self, limit: int) -> bytes:
        while True:
            if self.broken:
                raise StreamError("reset", "the pipe is broken")
            if self.deaf:
                return b""
            if self.held:
                size = max(1, min(limit, self._cut(len(self.held))))
                data = bytes(self.held[:size])
                del self.held[:size]
                self.changed()
                return data
            if self.ended:
                return b""
            await self._change.wait()


class ToyRaw:
    """A ``RawStream`` of two pipes."""

    def __init__(self, runtime: ToyRuntime, incoming: Pipe, outgoing: Pipe, direction: Direction) -> None:
        names = ("alice", "bob") if direction == "outbound" else ("bob", "alice")
        local, peer = (PeerId(f"id-of-{name}", name) for name in names)
        self.id = 1
        self.protocol = "/test/1.0.0"
        self.direction: Direction = direction
        self.connection = Connection(1, local, peer, direction, "toy", "none", "none", "/toy/1", "/toy/2", 0.0)
        self._in = incoming
        self._out = outgoing
        self.calls: list[str] = []

    @property
    def queued(self) -> int:
        return len(self._in.held)

    @property
    def credit(self) -> int:
        return self._out.window - len(self._out.held)

    async def receive(self, limit: int) -> bytes:
        return await self._in.get(limit)

    async def send(self, data: bytes) -> None:
        await self._out.put(data)

    async def end(self) -> None:
        self.calls.append("end")
        if self._out.broken:
            raise StreamError("reset", "the pipe is broken")
        self._out.ended = True
        self._out.changed()

    async def stop(self) -> None:
        self.calls.append("stop")
        self._in.deaf = True
        self._in.held.clear()
        self._in.changed()

    async def reset(self) -> None:
        self.calls.append("reset")
        for pipe in (self._in, self._out):
            pipe.broken = True
            pipe.changed()


def raw_pair(
    runtime: ToyRuntime, window: int = 1 << 18, cut: Callable[[int], int] = lambda held: held
) -> tuple[ToyRaw, ToyRaw]:
    """The two ends of a raw stream, the dialler's first."""
    there, back = Pipe(runtime, window, cut), Pipe(runtime, window, cut)
    return ToyRaw(runtime, back, there, "outbound"), ToyRaw(runtime, there, back, "inbound")


def stream_pair(runtime: ToyRuntime, **settings: Any) -> tuple[NetStream, NetStream]:
    """The two ends of a stream, the dialler's first."""
    ours, theirs = raw_pair(runtime, **settings)
    return NetStream(ours, runtime), NetStream(theirs, runtime)
