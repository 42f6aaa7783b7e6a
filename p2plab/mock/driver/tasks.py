"""Coroutines inside the simulated network: what they may wait for, the tasks that drive them, and verbs on their way
through the driver.

Rules:
- A coroutine of the lab only ever waits for a ``Signal``. Anything else it awaits (an asyncio future, a trio sleep)
  belongs to somebody else's loop, which does not run inside the lab: InsideLabError is raised where it awaited.
- Setting a signal queues its waiters behind what this tick still has to do, in the order in which they came.
- Cancelling a task raises Cancelled where it waits, so that its ``finally`` blocks run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import coroutine
from typing import TYPE_CHECKING, Any

from p2plab.errors import InsideLabError
from p2plab.network import Clock

if TYPE_CHECKING:
    from p2plab.mock.history.history import Command


class Cancelled(BaseException):
    """Raised inside a task that was cancelled; not an Exception, so that user code does not swallow it. Its text, where
    it has one, says what was under way."""


@coroutine
def _suspend(signal: Signal) -> Generator[Signal, None, None]:
    yield signal


class Signal:
    """A one-shot event in lab time."""

    __slots__ = ("_clock", "_tasks", "is_set")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tasks: list[Task] = []
        self.is_set = False

    def set(self) -> None:
        """Wake everybody who waits; again: nothing."""
        if not self.is_set:
            self.is_set = True
            tasks, self._tasks = self._tasks, []
            for task in tasks:
                self._clock.soon(task.resume, self)

    async def wait(self) -> None:
        """Return at once where it is set, else when it will be."""
        if not self.is_set:
            await _suspend(self)

    def add(self, task: Task) -> None:
        """For Task only."""
        self._tasks.append(task)

    def remove(self, task: Task) -> None:
        """For Task only."""
        if task in self._tasks:
            self._tasks.remove(task)


class Task:
    """``action()`` being awaited. ``result`` or ``error`` is there once ``done`` is set; ``on_done`` is called then."""

    __slots__ = ("_action", "_clock", "_coroutine", "_on_done", "_waits_for", "done", "error", "result", "what")

    def __init__(
        self,
        clock: Clock,
        action: Callable[[], Awaitable[Any]],
        what: str,
        on_done: Callable[[Task], None] | None = None,
    ) -> None:
        self._clock = clock
        self._action = action
        self._coroutine: Coroutine[Any, Any, Any] | None = None
        self._on_done = on_done
        self._waits_for: Signal | None = None
        self.what = what
        self.done = Signal(clock)
        self.result: Any = None
        self.error: BaseException | None = None

    @property
    def suspended(self) -> Coroutine[Any, Any, Any] | None:
        """The coroutine that waits; None before the start and after the end."""
        return self._coroutine

    def start(self) -> None:
        """Run it up to its first wait, now; nothing if it was cancelled before."""
        if not self.done.is_set:
            self._coroutine = _awaiting(self._action)
            self._step(self._coroutine, None)

    def resume(self, signal: Signal, _: object = None) -> None:
        """Go on after the signal it waits for was set; nothing if it was cancelled meanwhile."""
        if self._waits_for is signal and self._coroutine is not None:
            self._waits_for = None
            self._step(self._coroutine, None)

    def cancel(self) -> None:
        """Raise Cancelled where it waits, now; nothing if it is done."""
        if self.done.is_set:
            return
        if self._coroutine is None:
            self._finish(Cancelled())
        elif self._waits_for is not None:
            self._waits_for.remove(self)
            self._waits_for = None
            self._step(self._coroutine, Cancelled())

    def _step(self, coroutine: Coroutine[Any, Any, Any], error: BaseException | None) -> None:
        while True:
            try:
                waits_for = coroutine.send(None) if error is None else coroutine.throw(error)
            except StopIteration as stop:
                self.result = stop.value
            except KeyboardInterrupt as leaving:
                self._finish(leaving)
                raise
            except BaseException as raised:  # noqa: BLE001  kept for whoever waits for the task, who reports it
                self.error = raised
            else:
                if isinstance(waits_for, Signal):
                    waits_for.add(self)
                    self._waits_for = waits_for
                    return
                error = InsideLabError(
                    f"{self.what} awaited {waits_for!r}, which does not belong to the lab: inside a mock lab only its "
                    "own verbs can be awaited (a stream's, stream.node's, lab.aio's, p2plab.sleep)"
                )
                continue
            self._finish(self.error)
            return

    def _finish(self, error: BaseException | None) -> None:
        self.error = error
        self._coroutine = None
        self.done.set()
        if self._on_done is not None:
            self._on_done(self)


async def _awaiting(action: Callable[[], Awaitable[Any]]) -> Any:
    """A coroutine whatever kind of awaitable ``action()`` gives."""
    return await action()


class VerbTask:
    """A verb on its way through the driver: in the inbox, then running as a task, then done. ``command`` is its entry
    in the history, if any."""

    def __init__(self, what: str, verb: Callable[[], Any], command: Command | None, is_coroutine: bool) -> None:
        self.what = what
        self.verb = verb
        self.command = command
        self.is_coroutine = is_coroutine
        self.task: Task | None = None
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = None
        self.when_done: Callable[[], None] | None = None

    def outcome(self) -> Any:
        """What the verb returned; raises what it raised."""
        if self.error is not None:
            raise self.error
        return self.result
