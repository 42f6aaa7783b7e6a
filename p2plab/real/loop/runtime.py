"""The ``Runtime`` of a real lab: trio and the wall clock, behind what shells around protocol cores ask for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from p2plab.chance import Stream, stream_of
from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import ValidationError
from p2plab.real.loop.log import TrioEventLog
from p2plab.text import raised

T = TypeVar("T")


class TrioTimer:
    """A call that a task of its own makes later."""

    def __init__(self) -> None:
        self.scope = trio.CancelScope()

    def cancel(self) -> None:
        """Make it not happen."""
        self.scope.cancel()


class TrioRuntime:
    """Implements ``p2plab.typing.Runtime``. Everything here must be called in the lab's thread."""

    def __init__(self, nursery: trio.Nursery, log: TrioEventLog, seed: int) -> None:
        self._nursery = nursery
        self._log = log
        self._seed = seed
        self._streams: dict[str, Stream] = {}

    def now(self) -> float:
        return self._log.now

    def ticks(self) -> int:
        return int(self._log.now * TICKS_PER_SECOND)

    def timer(self, delay: float, action: Callable[[], None]) -> TrioTimer:
        timer = TrioTimer()

        async def fire() -> None:
            with timer.scope:
                await trio.sleep(checked_seconds(delay))
                action()

        self.spawn(fire, "a timer's call")
        return timer

    def waiter(self) -> trio.Event:
        return trio.Event()

    def spawn(self, action: Callable[[], Awaitable[object]], what: str) -> None:
        self._nursery.start_soon(self.guarded, action, what, name=f"p2plab {what}")

    async def guarded(self, action: Callable[[], Awaitable[object]], what: str) -> None:
        """Await it; what it raises becomes an ``error`` event."""
        try:
            await action()
        except trio.Cancelled:
            raise
        except BaseException as error:  # noqa: BLE001  # user code's SystemExit must not end the lab either
            self.report(error, what)

    def report(self, error: BaseException, what: str, node: int = -1, reason: str = "task") -> int:
        """Put an exception into the log; returns the event's ``seq``."""
        return self._log.record("error", node, reason=reason, data=raised(what, error))

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(checked_seconds(seconds))

    async def within(self, seconds: float | None, action: Callable[[], Awaitable[T]]) -> T:
        if seconds is None:
            return await action()
        with trio.move_on_after(checked_seconds(seconds)):
            return await action()
        raise TimeoutError(f"not done within {seconds:g} s")

    def random(self, purpose: str) -> Stream:
        stream = self._streams.get(purpose)
        if stream is None:
            # The same derivation as in a mock lab, so that what draws from a stream draws alike in both.
            stream = self._streams[purpose] = stream_of(self._seed, purpose)
        return stream


def checked_seconds(seconds: float) -> float:
    """ValidationError for what is no duration."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < 1e9:
        raise ValidationError(f"a duration must be a number of seconds from 0 up, not {seconds!r}")
    return float(seconds)
