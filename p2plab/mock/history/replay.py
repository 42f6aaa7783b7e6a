"""Doing again what was done to a lab: each command at exactly its place between the calls of the clock."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import SnapshotError, ValidationError
from p2plab.mock.driver.operation import Operation
from p2plab.mock.history.carry import OTHERWISE
from p2plab.mock.history.history import DRIVER, Command, History
from p2plab.mock.runtime import to_ticks

if TYPE_CHECKING:
    from p2plab.mock.world import MockWorld

MakeWorld = Callable[[str, int, dict[str, Any]], Any]
"""What makes a world of a backend's name, a seed and settings."""


def replayed(make: MakeWorld, history: object, until: float | None = None) -> MockWorld:
    """A new world in which all of it was done again, up to ``until`` seconds."""
    if not isinstance(history, History):
        raise ValidationError(f"replay takes what lab.history() of a mock lab gave, not {history!r}")
    tick = None if until is None else to_ticks(until, "until")
    world: MockWorld = make("mock", history.seed, pickle.loads(history.settings))
    replay(world, history, tick)
    return world


def replay(world: MockWorld, history: History, until: int | None = None) -> None:
    """Bring a new world to where the history ends or, with ``until``, to the end of that tick.

    SnapshotError names the command that cannot be given again, or where the run went another way.
    """
    if history.torn >= 0 and (until is None or until >= history.torn):
        raise SnapshotError(
            f"at {history.torn / TICKS_PER_SECOND:.4f} s the run was interrupted in the midst of code inside the lab; "
            "how far that had come cannot be done again. Lab.replay(history, until=...) reaches any time before"
        )
    replayer = _Replayer(world)
    world.driver.try_lead()
    try:
        for command in history.commands:
            if until is not None and command.tick > until:
                break
            replayer.give(command)
        if until is None:
            replayer.reach(history.tick, history.step, "the end")
        else:
            replayer.pass_until(until)
    finally:
        world.driver.stop_leading()


class _Replayer:
    def __init__(self, world: MockWorld) -> None:
        self._world = world
        self._driver = world.driver
        self._operations: dict[int, Operation] = {}
        world.carrier.made = self._operations

    def give(self, command: Command) -> None:
        """Give a command in its place."""
        driver = self._driver
        self.reach(command.tick, command.step, str(command))
        if command.target == DRIVER:
            if command.verb == "abandon":
                driver.abandon(self._operations[command.arguments[0]])
            else:
                driver.journal.write_behind(command.arguments[0])
            return
        if command.stuck:
            raise SnapshotError(f"{command} cannot be given again: {command.stuck}")
        try:
            owner, verb, args, kwargs = self._world.carrier.unpack(command.carried)
        except SnapshotError as error:
            raise SnapshotError(f"{command} cannot be given again: {error}") from error
        operation = driver.operation(getattr(owner, verb), args, kwargs, command.waits)
        self._operations[command.index] = operation
        driver.begin(operation)

    def reach(self, tick: int, step: int, what: str) -> None:
        """Let happen what happened before this place."""
        clock, driver = self._world.clock, self._driver
        while clock.steps < step:
            clock.resume()
            if driver.advance(None, step - clock.steps) and clock.steps < step:
                break
        clock.resume()
        following = clock.next_tick()
        if clock.now < tick and (following is None or following > tick):
            clock.run(tick)
        if (clock.now, clock.steps) != (tick, step):
            raise SnapshotError(
                f"the run goes another way: {what} was at {tick / TICKS_PER_SECOND:.4f} s after {step} steps, and now "
                f"it is {self._world.now:.4f} s after {clock.steps}. {OTHERWISE}"
            )
        driver.journal.settle()

    def pass_until(self, tick: int) -> None:
        """Let everything happen up to and in this tick."""
        if tick < self._world.clock.now:
            return
        while True:
            self._world.clock.resume()
            if self._driver.advance(tick):
                return
