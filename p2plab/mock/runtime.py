"""The ``Runtime`` of the simulated network: what shells around protocol cores may ask of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from p2plab.chance import Stream
from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import ValidationError
from p2plab.events import EventLog
from p2plab.mock.driver.tasks import Cancelled, Signal, Task
from p2plab.network import Clock, Draws
from p2plab.network.clock import TIMERS
from p2plab.text import raised

T = TypeVar("T")


def to_ticks(seconds: float, what: str = "a duration") -> int:
    """Seconds as ticks, rounded to the nearest; ValidationError for what is no duration."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < 1e9:
        raise ValidationError(f"{what} must be a number of seconds from 0 up, not {seconds!r}")
    return round(seconds * TICKS_PER_SECOND)


class Queued:
    """A call that the clock makes once, unless it is cancelled before."""

    __slots__ = ("_action", "_clock", "_tick")

    _action: Callable[[], None] | None

    @property
    def pending(self) -> bool:
        """Whether it has neither been made nor cancelled."""
        return self._action is not None

    def fire(self, _: object, __: object) -> None:
        """For the clock only."""
        action, self._action = self._action, None
        if action is not None:
            action()


class TickTimer(Queued):
    """A call queued for later."""

    __slots__ = ()

    def __init__(self, clock: Clock, ticks: int, action: Callable[[], None]) -> None:
        self._action = action
        self._clock = clock
        self._tick = clock.now + ticks
        clock.after(ticks, self.fire)

    def cancel(self) -> None:
        """Make it not happen."""
        if self._action is not None:
            self._action = None
            self._clock.forget(self._tick, TIMERS)


class Heartbeat(Queued):
    """A node's next heartbeat, which has its place behind all else of its tick."""

    __slots__ = ("_node",)

    def __init__(self, clock: Clock, tick: int, node: int, action: Callable[[], None]) -> None:
        self._action = action
        self._clock = clock
        self._node = node
        self._tick = tick
        clock.beat(tick, node, self.fire)

    def cancel(self) -> None:
        """Make it not come."""
        if self._action is not None:
            self._action = None
            self._clock.forget_beat(self._tick, self._node)


class NodePulse:
    """Implements ``p2plab.pubsub.shell.beating.Pulse`` for one node."""

    __slots__ = ("_clock", "_node")

    def __init__(self, clock: Clock, node: int) -> None:
        self._clock = clock
        self._node = node

    def at(self, tick: int, action: Callable[[], None]) -> Heartbeat:
        return Heartbeat(self._clock, tick, self._node, action)

    def over(self, tick: int) -> bool:
        return self._clock.beat_over(tick, self._node)

    def left_out(self, whether: bool) -> None:
        self._clock.resting += 1 if whether else -1


class MockRuntime:
    """Implements ``p2plab.typing.Runtime`` on a Clock."""

    def __init__(self, clock: Clock, draws: Draws, log: EventLog) -> None:
        self.clock = clock
        self._draws = draws
        self._log = log
        self._tasks: dict[Task, None] = {}  # those under way that nobody waits for

    def now(self) -> float:
        return self.clock.now / TICKS_PER_SECOND

    def ticks(self) -> int:
        return self.clock.now

    def timer(self, delay: float, action: Callable[[], None]) -> TickTimer:
        return TickTimer(self.clock, to_ticks(delay), action)

    def waiter(self) -> Signal:
        return Signal(self.clock)

    def spawn(self, action: Callable[[], Awaitable[object]], what: str) -> None:
        def start(_: object, __: object) -> None:
            self.task(action, what, self._report).start()

        self.clock.soon(start)

    def task(self, action: Callable[[], Awaitable[object]], what: str, on_done: Callable[[Task], None]) -> Task:
        """A task that ends with the lab, to be started by the caller."""

        def done(task: Task) -> None:
            self._tasks.pop(task, None)
            on_done(task)

        task = Task(self.clock, action, what, done)
        self._tasks[task] = None
        return task

    def _report(self, task: Task) -> None:
        if task.error is not None and not isinstance(task.error, Cancelled):
            self.report(task.error, task.what)

    def end_tasks(self) -> None:
        """Cancel every task that is not done."""
        for task in list(self._tasks):
            task.cancel()

    def report(self, error: BaseException, what: str, node: int = -1, reason: str = "task") -> int:
        """Put an exception of user code into the log; returns the event's ``seq``."""
        return self._log.record("error", node, reason=reason, data=raised(what, error))

    async def sleep(self, seconds: float) -> None:
        signal = Signal(self.clock)
        timer = self.timer(seconds, signal.set)
        try:
            await signal.wait()
        finally:
            timer.cancel()

    async def within(self, seconds: float | None, action: Callable[[], Awaitable[T]]) -> T:
        if seconds is None:
            return await action()
        task = Task(self.clock, action, "a call with a time limit")
        task.start()
        expired = False

        def expire() -> None:
            nonlocal expired
            expired = True
            task.cancel()

        timer = None if task.done.is_set else self.timer(seconds, expire)
        try:
            await task.done.wait()
        finally:
            if timer is not None:
                timer.cancel()
            task.cancel()
        if task.error is None:
            return task.result  # type: ignore[no-any-return]  # a Task does not know what its coroutine returns
        if expired and isinstance(task.error, Cancelled):
            under_way = str(task.error)
            raise TimeoutError(f"not done within {seconds:g} s of lab time{under_way and ': '}{under_way}")
        raise task.error

    def random(self, purpose: str) -> Stream:
        return self._draws.stream(purpose)
