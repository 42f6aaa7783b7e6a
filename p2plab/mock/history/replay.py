"""Doing again what was done to a lab: each command at exactly its place between the calls of the clock."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, Protocol

from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import SnapshotError, ValidationError
from p2plab.mock.driver.driver import SLICE, Driver
from p2plab.mock.driver.tasks import VerbTask
from p2plab.mock.history.history import DRIVER, Command, History
from p2plab.mock.history.packing import OTHERWISE, Packer
from p2plab.mock.runtime import to_ticks
from p2plab.network import Clock

MakeWorld = Callable[[str, int, dict[str, Any]], Any]
"""What makes a world of a backend's name, a seed and settings."""


class ReplayedWorld(Protocol):
    """What commands are given to again."""

    clock: Clock
    driver: Driver
    packer: Packer

    @property
    def now(self) -> float: ...


def replayed(
    make: MakeWorld,
    history: object,
    until: float | None = None,
    watch: Callable[[Any], None] | None = None,
    every: float = 1.0,
    check: Callable[[Any, str], None] | None = None,
) -> Any:
    """A new world in which all of it was done again, up to ``until`` seconds. ``watch`` is called with it every
    ``every`` seconds of lab time, at the end of a tick; it may look, and must not act. ``check`` is called again and
    again on the way, with the world and what it is coming to; what it raises ends the replay."""
    if not isinstance(history, History):
        raise ValidationError(f"replay takes what lab.history() of a mock lab gave, not {history!r}")
    tick = None if until is None else to_ticks(until, "until")
    period = to_ticks(every, "every")
    if watch is not None and period < 1:
        raise ValidationError(f"every must be at least a tick, {1 / TICKS_PER_SECOND:g} s, not {every!r}")
    world = make("mock", history.seed, pickle.loads(history.settings))
    try:
        replay(
            world,
            history,
            tick,
            None if watch is None else _Watch(partial(watch, world), period),
            None if check is None else partial(check, world),
        )
    except BaseException:
        world.close()
        raise
    return world


@dataclass
class _Watch:
    """Somebody who looks at the world at regular moments; ``due`` is the tick of the next."""

    look: Callable[[], None]
    period: int
    due: int = 0


def replay(
    world: ReplayedWorld,
    history: History,
    until: int | None = None,
    watch: _Watch | None = None,
    check: Callable[[str], None] | None = None,
) -> None:
    """Bring a new world to where the history ends or, with ``until``, to the end of that tick.

    SnapshotError names the command that cannot be given again, or where the run went another way.
    """
    if history.torn >= 0 and (until is None or until >= history.torn):
        raise SnapshotError(
            f"at {history.torn / TICKS_PER_SECOND:.4f} s the run was interrupted in the midst of code inside the lab; "
            "how far that had come cannot be done again. Lab.replay(history, until=...) reaches any time before"
        )
    replayer = _Replayer(world, watch, check)
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
    def __init__(
        self, world: ReplayedWorld, watch: _Watch | None = None, check: Callable[[str], None] | None = None
    ) -> None:
        self._world = world
        self._watch = watch
        self._check = check
        self._slice = sys.maxsize if check is None else SLICE  # calls of the clock between two checks
        self._driver = world.driver
        self._operations: dict[int, VerbTask] = {}
        world.packer.made = self._operations

    def give(self, command: Command) -> None:
        """Give a command in its place."""
        driver = self._driver
        self._say(str(command))
        self.reach(command.tick, command.step, str(command))
        if command.target == DRIVER:
            if command.verb == "abandon":
                driver.abandon(self._operations[command.arguments[0]])
            else:
                driver.command_log.write_behind(command.arguments[0])
            return
        if command.refused and not command.carried:
            driver.give_refused(command)
            return
        if command.stuck:
            raise SnapshotError(f"{command} cannot be given again: {command.stuck}")
        try:
            owner, verb, args, kwargs = self._world.packer.unpack(command.carried)
        except SnapshotError as error:
            raise SnapshotError(f"{command} cannot be given again: {error}") from error
        call = getattr(owner, verb)
        if iscoroutinefunction(call) and not command.waits:
            raise SnapshotError(f"{command} cannot be given again: {verb} is called otherwise than it says")
        operation = driver.operation(call, args, kwargs, command.waits)
        self._operations[command.index] = operation
        driver.begin(operation)

    def reach(self, tick: int, step: int, what: str) -> None:
        """Let happen what happened before this place."""
        self._let_watch(tick - 1)
        clock, driver = self._world.clock, self._driver
        while clock.steps < step:
            clock.resume()
            if driver.advance(None, min(step - clock.steps, self._slice)) and clock.steps < step:
                break
            self._say(what)
        clock.resume()
        following = clock.next_tick()
        if clock.now < tick and (following is None or following > tick):
            clock.run(tick)
        if (clock.now, clock.steps) != (tick, step):
            raise SnapshotError(
                f"the run goes another way: {what} was at {tick / TICKS_PER_SECOND:.4f} s after {step} steps, and now "
                f"it is {self._world.now:.4f} s after {clock.steps}. {OTHERWISE}"
            )
        driver.command_log.settle()

    def _let_watch(self, tick: int) -> None:
        """Stop at each moment up to this tick at which somebody wants to look."""
        watch = self._watch
        while watch is not None and watch.due <= tick:
            self._pass(watch.due)
            self._driver.stop_leading()  # who looks asks the driver, and would wait for the one who leads
            try:
                watch.look()
            finally:
                self._driver.try_lead()
            watch.due += watch.period

    def _say(self, what: str) -> None:
        if self._check is not None:
            self._check(what)

    def pass_until(self, tick: int) -> None:
        """Let everything happen up to and in this tick."""
        self._let_watch(tick)
        self._pass(tick)

    def _pass(self, tick: int) -> None:
        if tick < self._world.clock.now:
            return
        while True:
            self._world.clock.resume()
            if self._driver.advance(tick, self._slice):
                return
            self._say(f"{tick / TICKS_PER_SECOND:.4f} s")
