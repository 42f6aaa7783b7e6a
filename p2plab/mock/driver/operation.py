"""A verb on its way through the driver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from p2plab.mock.driver.tasks import Task
from p2plab.mock.history.history import Command


class Operation:
    """A verb: in the inbox, then running as a task, then done. ``command`` is its entry in the history, if any."""

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
