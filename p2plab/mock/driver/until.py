"""Waiting for a condition of the user's to hold (``lab.run_until``): it is looked at whenever something happened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import LabError
from p2plab.mock.driver.tasks import Signal
from p2plab.mock.driver.waits import Wait, Waits
from p2plab.network import Clock

__all__ = ["until_held"]

GLANCES: Final = TICKS_PER_SECOND // 10  # ticks between two looks at a condition, where nothing happens
QUIET: Final = 86_400 * TICKS_PER_SECOND  # ticks without anything but heartbeats that decide nothing
_NOTHING: Final = (
    "nothing has happened in the lab for a day of its time, and the condition does not hold: it would be waited for "
    "without end; run_until(..., timeout=seconds) gives up sooner"
)


async def until_held(
    clock: Clock,
    waits: Waits,
    held: Signal,
    condition: Callable[[], object],
    wait: Callable[[], Awaitable[object]],
    endless: bool,
) -> bool:
    """Await ``wait()``, and set ``held`` as soon as the condition holds; whether it does in the end. What the condition
    raises is raised. LabError where the wait is ``endless``, without a timeout, and nothing happens for a day."""
    if condition():
        return True
    raised: list[Exception] = []
    found = False

    def look() -> None:
        nonlocal found
        try:
            found = found or bool(condition())
        except Exception as error:  # noqa: BLE001  the user's condition: handed to whoever waits
            raised.append(error)
        if found or raised:
            held.set()

    glance: Wait | None = None
    steps, quiet_since = clock.steps, clock.now

    def look_again() -> None:
        nonlocal glance, steps, quiet_since
        look()
        if clock.steps != steps:
            steps, quiet_since = clock.steps, clock.now
        elif endless and clock.now - quiet_since >= QUIET and not held.is_set:
            raised.append(LabError(_NOTHING))
            held.set()
        # Heartbeats that decide nothing do not come, and so nothing may happen for long; but time passes.
        if not held.is_set and (clock.resting or clock.next_tick() is not None):
            glance = waits.at(clock.now + GLANCES, look_again)

    clock.watch(look)
    look_again()
    try:
        await wait()
    finally:
        clock.unwatch(look)
        if glance is not None:
            glance.cancel()
    if raised:
        raise raised[0]
    return found or bool(condition())
