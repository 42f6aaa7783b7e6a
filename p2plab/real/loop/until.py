"""Looking on while the lab runs, without polling.

What looks is called whenever the lab's tasks have done all they could for now, before the thread goes to wait for the
network or the clock: nothing in the lab can change between two such moments.
"""

from __future__ import annotations

from collections.abc import Callable

import trio


class Watch(trio.abc.Instrument):
    """Calls ``look`` after every round of the lab's thread. What it raises goes to ``failed``, and ends the watch."""

    def __init__(self, look: Callable[[], object], failed: Callable[[BaseException], object]) -> None:
        self._look = look
        self._failed = failed
        self._token = trio.lowlevel.current_trio_token()
        self._running = True
        trio.lowlevel.add_instrument(self)

    def before_io_wait(self, timeout: float) -> None:
        """Called by trio."""
        self.look()

    def look(self) -> None:
        """Look now."""
        if not self._running:
            return
        try:
            self._look()
        except BaseException as error:  # noqa: BLE001  # user code; handed to whoever waits
            self._running = False
            self._failed(error)
        if not self._running:
            # The thread has decided already how long to sleep; this wakes it, for what was set off meanwhile.
            self._token.run_sync_soon(self.stop)

    def end(self) -> None:
        """Look no more, from within ``look``."""
        self._running = False

    def stop(self) -> None:
        """Look no more."""
        self._running = False
        try:
            trio.lowlevel.remove_instrument(self)
        except KeyError:  # stopped already
            return


async def until(condition: Callable[[], object], timeout: float | None) -> bool:
    """Whether the condition came to hold within ``timeout`` seconds (None: no limit). What it raises is raised."""
    if condition():
        return True
    over, errors = trio.Event(), list[BaseException]()

    def look() -> None:
        if condition():
            watch.end()
            over.set()

    def failed(error: BaseException) -> None:
        errors.append(error)
        over.set()

    watch = Watch(look, failed)
    try:
        with trio.move_on_after(float("inf") if timeout is None else timeout):
            await over.wait()
    finally:
        watch.stop()
    if errors:
        raise errors[0]
    return over.is_set() or bool(condition())
