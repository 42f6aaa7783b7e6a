"""Waiting for a condition that is user code, without polling.

The condition is looked at whenever the lab's tasks have done all they could for now, before the thread goes to wait for
the network or the clock: nothing in the lab can change between two such moments.
"""

from __future__ import annotations

from collections.abc import Callable

import trio


class Watch(trio.abc.Instrument):
    """Evaluates a condition after every round of the lab's thread, until it holds or raises."""

    def __init__(self, condition: Callable[[], object]) -> None:
        self._condition = condition
        self._token = trio.lowlevel.current_trio_token()
        self._over = trio.Event()
        self._error: BaseException | None = None

    def before_io_wait(self, timeout: float) -> None:
        """Called by trio."""
        if self._over.is_set():
            return
        try:
            holds = bool(self._condition())
        except BaseException as error:  # noqa: BLE001  # the user's; handed to whoever waits
            self._error, holds = error, True
        if holds:
            self._over.set()
            # The thread has already decided how long to sleep; this wakes it.
            self._token.run_sync_soon(lambda: None)

    async def wait(self) -> None:
        """Return once the condition holds; what it raises is raised here."""
        trio.lowlevel.add_instrument(self)
        try:
            await self._over.wait()
        finally:
            trio.lowlevel.remove_instrument(self)
        if self._error is not None:
            raise self._error


async def until(condition: Callable[[], object], timeout: float | None) -> bool:
    """Whether the condition came to hold within ``timeout`` seconds (None: no limit)."""
    if condition():
        return True
    with trio.move_on_after(float("inf") if timeout is None else timeout):
        await Watch(condition).wait()
        return True
    return bool(condition())
