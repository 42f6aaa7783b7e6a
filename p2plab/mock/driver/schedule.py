"""What ``lab.at`` and ``lab.every`` set up: calls of the user's, inside the lab."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol

from p2plab.events import EventLog
from p2plab.mock.driver.tasks import Cancelled, Task
from p2plab.mock.runtime import MockRuntime
from p2plab.network import Clock


class Lab(Protocol):
    """What a scheduled call is made in."""

    clock: Clock
    events: EventLog
    runtime: MockRuntime

    def call(self, verb: Callable[[], None]) -> None:
        """Call a verb, as a command."""


class Scheduled:
    """A call to be made once, or every ``period`` ticks; ``cancel`` ends it. Implements ``p2plab.typing.Timer``."""

    def __init__(
        self, world: Lab, period: int, action: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self._world = world
        self.made_by = -1  # the command
        self._period = period
        self._action = action
        self._args = args
        self._kwargs = kwargs
        self._cancelled = False
        self.name = getattr(action, "__name__", type(action).__name__)

    def cancel(self) -> None:
        self._world.call(self._cancel)

    def _cancel(self) -> None:
        self._cancelled = True

    def fire(self, _: object, __: object) -> None:
        """For the clock: make the call, and queue the next."""
        if self._cancelled:
            return
        world, log = self._world, self._world.events
        if self._period:
            world.clock.after(self._period, self.fire)
        log.continue_from(log.record("lab.action", data={"action": self.name}))
        world.runtime.task(self._call, f"the scheduled {self.name}", self._done).start()

    async def _call(self) -> None:
        result = self._action(*self._args, **self._kwargs)
        if inspect.isawaitable(result):
            await result

    def _done(self, task: Task) -> None:
        if task.error is not None and not isinstance(task.error, Cancelled):
            self._world.runtime.report(task.error, task.what, reason="action")

    def __repr__(self) -> str:
        return f"<Scheduled {self.name}{', cancelled' if self._cancelled else ''}>"
