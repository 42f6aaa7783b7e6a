"""The one driver of a mock lab: whoever moves it, from whichever thread or loop, does it through here.

Rules:
- At most one party drives at a time. A blocking verb drives until its own result is there; so does an awaited one, as
  the leader of all that wait on the same loop; while ``play`` runs, a task of the kernel's loop drives.
- Everybody else only adds to the inbox, which is drained between two calls of the clock. Each command is written down
  with its tick and step, so that a replay can put it at exactly the same place.
- Code that runs inside the lab must not wait for the lab: a blocking verb there raises InsideLabError.
- An interrupt (SIGINT) takes effect between two calls of the clock. See ``mock.interrupts``.
- Who only lets time pass, or looks on, is no part of the lab. See ``mock.driver.waits``.
- Closing ends what is under way: by the party that closes or, where another one drives, by that one, between two calls.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from p2plab.errors import ClosedError, InsideLabError, LabError
from p2plab.events import EventLog
from p2plab.inside import current_world, set_current_world, would_block
from p2plab.mock.driver.interpreter import Interrupts, fewer_collections
from p2plab.mock.driver.pace import Pace
from p2plab.mock.driver.tasks import Cancelled, Task, VerbTask
from p2plab.mock.driver.waits import Waits
from p2plab.mock.history.history import Command, CommandLog, command_of, own
from p2plab.mock.history.packing import Packer
from p2plab.network import Clock

if TYPE_CHECKING:
    from p2plab.worlds import World

T = TypeVar("T")
P = ParamSpec("P")

SLICE = 256  # calls of the clock between two looks at the wall clock, while paced or awaited
GLANCE = 0.25  # seconds after which a thread that waits looks whether it was interrupted


class Driver:
    """Moves a Clock on behalf of the verbs, and keeps a log of the commands given from outside."""

    def __init__(
        self, world: World, clock: Clock, log: EventLog, packer: Packer, end_tasks: Callable[[], None]
    ) -> None:
        self._world = world
        self._packer = packer
        self._end_tasks = end_tasks  # cancels what runs beside the operations
        self.clock = clock
        self.command_log = CommandLog(clock, log)
        self.pace: Pace | None = None
        self.closed = False
        self._log = log
        self._inbox: deque[VerbTask] = deque()
        self._under_way: dict[VerbTask, None] = {}
        self._changed = threading.Condition()  # the inbox, who drives, or an operation's being done
        self._driving = False
        self.interrupts = Interrupts(clock)
        self.waits = Waits(clock)
        self._halted: Exception | None = None
        self.submitted = 0  # operations that ever came in
        self.wakers: list[Callable[[], None]] = []  # how to wake a loop that waits for the inbox

    def __reduce__(self) -> tuple[Any, ...]:
        """Who waits for the lab, and in which thread, is nothing that a snapshot could hold."""
        parts = (self._world, self.clock, self._log, self._packer, self._end_tasks)
        return Driver, parts, {"command_log": self.command_log}

    # -- the ways in

    @property
    def inside(self) -> bool:
        """Whether the caller runs inside the lab."""
        return current_world() is self._world

    def run(self, verb: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a coroutine verb and move the lab until it is done."""
        if self.inside:
            raise would_block(getattr(verb, "__name__", "this verb"))
        self.raise_halt()
        operation = self.operation(verb, args, kwargs, is_coroutine=True)
        with fewer_collections():
            self._wait_out(operation, self._drive)
        self.raise_halt()
        return operation.outcome()  # type: ignore[no-any-return]  # an Operation does not know its verb's type

    def call(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a call that takes no lab time, between two calls of the clock, and write it down as a command."""
        if self.inside:
            return verb(*args, **kwargs)
        self.raise_halt()
        result: T = self._at_once(self.operation(verb, args, kwargs, is_coroutine=False))
        self.raise_halt()
        return result

    def read(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same for a call that changes nothing, which is not written down."""
        result: T = self._at_once(VerbTask("a look", lambda: verb(*args, **kwargs), None, is_coroutine=False))
        return result

    def _at_once(self, operation: VerbTask) -> Any:
        if self.inside:
            return operation.verb()
        self._wait_out(operation, lambda operation: self.drain())
        return operation.outcome()

    def _wait_out(self, operation: VerbTask, drive: Callable[[VerbTask], None]) -> None:
        """Submit an operation and return when it is done, driving whenever nobody else does."""
        with self.interrupts.expected():
            try:
                self.submit(operation)
                while not operation.done:
                    if self._lead(operation):
                        try:
                            drive(operation)
                        finally:
                            self.stop_leading()
            except BaseException:  # interrupted: nobody waits for it any more
                self.withdraw(operation)
                raise

    def step(self, count: int) -> int:
        """Make the next ``count`` calls of the clock; returns how many there were."""
        if self.inside:
            raise InsideLabError("step would move the lab from inside it; schedule with lab.at instead")
        self.check_open()
        self.raise_halt()
        before = self.clock.steps
        with self.interrupts.expected(), fewer_collections():
            self._lead(None)
            try:
                while self.clock.steps - before < count and self._halted is None:
                    self.drain()
                    self.interrupts.check()
                    if self.closed or self.advance(None, count - (self.clock.steps - before)):
                        break
            finally:
                self.stop_leading()
        self.raise_halt()
        return self.clock.steps - before

    # -- the inbox

    def operation(self, verb: Any, args: tuple[Any, ...], kwargs: dict[str, Any], is_coroutine: bool) -> VerbTask:
        what, outside = getattr(verb, "__name__", "a verb"), getattr(verb, "outside", None)
        if outside is not None:
            return VerbTask(what, partial(outside, verb.__self__, *args, **kwargs), None, is_coroutine)
        command = command_of(verb, args, kwargs, is_coroutine, self._packer)
        return VerbTask(what, partial(verb, *args, **kwargs), command, is_coroutine)

    def submit(self, operation: VerbTask) -> None:
        with self._changed:
            self.check_open()
            self._inbox.append(operation)
            self.submitted += 1
            self.clock.stop()
            self._changed.notify_all()
        self.announce()

    def announce(self) -> None:
        """Tell every loop that waits for the lab that something changed."""
        for wake in list(self.wakers):
            wake()

    def check_open(self) -> None:
        """ClosedError once the lab is closed."""
        if self.closed:
            raise ClosedError("this lab is closed; make a new one with Lab()")

    def drain(self) -> None:
        """Start what has come in. Only for whoever drives."""
        self.clock.resume()
        self.command_log.settle()
        while self._inbox:
            self.begin(self._inbox.popleft())

    def begin(self, operation: VerbTask) -> None:
        """Start an operation, after writing it down. Only for whoever drives."""
        if operation.command is not None:
            self.command_log.write(operation.command)
        with self._entered():
            if operation.is_coroutine:
                operation.task = Task(self.clock, operation.verb, operation.what, partial(self._finish, operation))
                self._under_way[operation] = None
                operation.task.start()
            else:
                try:
                    operation.result = operation.verb()
                except Exception as error:  # noqa: BLE001  handed to the caller by outcome()
                    operation.error = error
                finally:
                    self._finished(operation)
            if operation.command is not None:
                self.clock.look()
        self._log.continue_from(-1)

    def give_refused(self, command: Command) -> None:
        """Write down one that was refused in another run, of which this one is a replay. Only for whoever drives."""
        self.command_log.write_refused(command)
        self.clock.look()
        self._log.continue_from(-1)

    @contextmanager
    def _entered(self) -> Iterator[None]:
        """Around everything that runs inside the lab."""
        before = set_current_world(self._world)
        try:
            yield
        finally:
            set_current_world(before)

    def _finish(self, operation: VerbTask, task: Task) -> None:
        self._under_way.pop(operation, None)
        if operation.done:  # given up already
            return
        operation.result, operation.error = task.result, task.error
        if self.closed and isinstance(task.error, Cancelled):
            operation.error = ClosedError(f"the lab was closed while {task.what} was under way")
        self._finished(operation)

    def _finished(self, operation: VerbTask) -> None:
        if operation.command is not None:
            own(operation.result, operation.command)
            self.command_log.write_end(operation.command, operation.error)
        if isinstance(operation.error, LabError) and self._log.cause >= 0 and operation.error.event is None:
            operation.error.event = self._log.cause
        self._tell_of_end(operation)

    def _tell_of_end(self, operation: VerbTask) -> None:
        with self._changed:
            operation.done = True
            self.clock.stop()
            self._changed.notify_all()
        if operation.when_done is not None:
            operation.when_done()

    # -- driving, for threads

    def try_lead(self) -> bool:
        """Become the driver if nobody is; never waits."""
        with self._changed:
            if self._driving:
                return False
            self._driving = True
            return True

    def _lead(self, operation: VerbTask | None) -> bool:
        """Wait until nobody else drives (True: the caller does now) or the operation is done (False)."""
        with self._changed:
            while self._driving and not (operation is not None and operation.done):
                self._wait()
                self.interrupts.check()
            if operation is not None and operation.done:
                return False
            self._driving = True
            return True

    def stop_leading(self) -> None:
        try:
            if self.closed:
                self._end()
        finally:
            with self._changed:
                self._driving = False
                self._changed.notify_all()
            self.announce()

    def _wait(self, seconds: float | None = None) -> None:
        """Wait for a change, or for a moment, holding ``_changed``; an interrupt is raised from here. Never for long:
        one that comes just before the wait begins would not end it."""
        with self.interrupts.raised_at_once():
            self._changed.wait(GLANCE if seconds is None else min(seconds, GLANCE))

    def _drive(self, operation: VerbTask) -> None:
        """Move the lab until the operation is done, at the wall clock's pace where one is set."""
        while True:
            self.drain()
            if operation.done or self.closed:
                return
            self.interrupts.check()
            pace = self.pace
            if pace is None:
                idle = self.advance(None)
            else:
                idle = self.advance(pace.due(), SLICE)
                self.say_if_behind(pace)
                if idle and not operation.done:
                    self._wait_for(pace)
            if idle and not operation.done and not self._inbox and self.next_tick() is None:
                what = f"nothing is left to happen in the lab, so {operation.what} would wait for ever"
                self.abandon(operation, LabError(what))

    def advance(self, until: int | None, limit: int | None = None) -> bool:
        """Let the clock run, and whoever waits for a tick go on when it is over; whether nothing was left to do."""
        with self._entered():
            return self.waits.let_pass(until, limit)

    def next_tick(self) -> int | None:
        """When something is to happen, or somebody's wait is over; None where nothing is left."""
        ticks = [tick for tick in (self.clock.next_tick(), self.waits.next_tick()) if tick is not None]
        return min(ticks, default=None)

    def _wait_for(self, pace: Pace) -> None:
        """Sleep until the next call is due or something comes in."""
        tick = self.next_tick()
        with self._changed:
            if not self._inbox and self.pace is pace and not self.closed:
                self._wait(None if tick is None else pace.seconds_until(tick))

    def withdraw(self, operation: VerbTask) -> None:
        """Cancel an operation, now or as soon as whoever drives gets to it."""
        if operation.done or self.closed:
            return
        self.submit(VerbTask("giving up", lambda: self.abandon(operation), None, is_coroutine=False))
        if self.try_lead():
            try:
                self.drain()
            finally:
                self.stop_leading()

    def abandon(self, operation: VerbTask, error: Exception | None = None) -> None:
        """Cancel an operation that nobody waits for any more or, with an error, that is to end with it."""
        if operation.done:
            return
        operation.error, operation.done = error, True
        if operation.task is None:
            self._inbox.remove(operation)
        else:
            with self._log.because(self._log.cause):
                if operation.command is not None:
                    self.command_log.write_abandoned(operation.command)
                with self._entered():
                    operation.task.cancel()
        self._tell_of_end(operation)

    # -- halting

    def halt(self, error: Exception) -> None:
        """Stop the run: every verb under way ends with this error, or else the next one does."""
        self._halted = error
        self.pace = None
        for operation in list(self._under_way):
            self.abandon(operation, error)
        self.clock.stop()

    def raise_halt(self) -> None:
        """The error that the run was stopped with, if it was, once."""
        error, self._halted = self._halted, None
        if error is not None:
            raise error

    # -- pace

    def set_pace(self, pace: Pace | None) -> None:
        """Keep to the wall clock from now on (None: run as fast as can be)."""
        with self._changed:
            self.pace = pace
            self.clock.stop()
            self._changed.notify_all()
        self.announce()

    def say_if_behind(self, pace: Pace) -> None:
        """Put it into the log when the lab could not keep up with the pace."""
        lag = 0.0 if self.clock.next_tick() is None else pace.give_in(self.clock.now)
        if lag:
            self.command_log.write_behind(round(lag, 3))

    # -- the end

    def close(self) -> None:
        """End every operation under way with ClosedError, and every task; nothing can be submitted after."""
        if self.inside:
            raise InsideLabError("a lab cannot be closed from inside it; close it where it was made")
        with self._changed:
            if self.closed:
                return
            self.closed = True
            self.clock.stop()
            self._changed.notify_all()
        self.announce()
        self._lead(None)
        self.stop_leading()

    def _end(self) -> None:
        """What closing comes down to, once nothing runs."""
        while self._inbox:
            operation = self._inbox.popleft()
            operation.error = ClosedError("the lab was closed before this began")
            self._finished(operation)
        with self._entered():
            for operation in list(self._under_way):
                if operation.task is not None:
                    operation.task.cancel()
            self._end_tasks()
