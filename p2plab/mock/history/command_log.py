"""Where the driver writes down what is done to a lab from outside, with its place between the calls of the clock."""

from __future__ import annotations

from dataclasses import replace

from p2plab.errors import ConfigurationError, NotInThisWorldError, ValidationError
from p2plab.events import EventLog
from p2plab.mock.history.history import Command, internal
from p2plab.network import Clock

_REFUSALS = (ConfigurationError, NotInThisWorldError, ValidationError)  # of a call, with which nothing was done


class CommandLog:
    """The commands so far, and the events that tell of them."""

    def __init__(self, clock: Clock, log: EventLog) -> None:
        self.commands: list[Command] = []
        self._clock = clock
        self._log = log
        self._ended: list[Command] = []

    def write(self, command: Command) -> None:
        """A command begins; what it leads to is caused by its event."""
        self._place(command)
        shown = command.shown()
        command.seq = self._log.record("lab.command", self._node(command), reason="requested", data=shown, cause=-1)
        self._log.continue_from(command.seq)

    def write_end(self, command: Command, error: BaseException | None) -> None:
        """A command is done. Where that was is known once the clock has stopped: ``settle``."""
        command.raised = "" if error is None else type(error).__name__
        if isinstance(error, _REFUSALS) and self._nothing_since(command):
            command.refused, command.stuck = True, ""
        self._ended.append(command)

    def write_refused(self, command: Command) -> None:
        """A command that was refused in the run that is done again, and that cannot be carried from there."""
        again = replace(command)
        self.write(again)
        self._ended.append(again)

    def _nothing_since(self, command: Command) -> bool:
        """Whether the clock and the log stand where they did when it began."""
        recorded = command.seq >= 0 and self._log.by_seq(command.seq + 1) is not None
        return self._clock.steps == command.step and not recorded

    def write_abandoned(self, command: Command) -> None:
        """A command is given up before it is done."""
        self._place(internal("abandon", command.index))
        self._ended.append(command)
        data = {"verb": command.verb}
        seq = self._log.record("lab.abandoned", self._node(command), data=data, cause=command.seq)
        self._log.continue_from(seq)

    def write_behind(self, seconds: float) -> None:
        """The lab could not keep up with the wall clock, by so many seconds."""
        self._place(internal("behind", seconds))
        self._log.record("lab.behind", reason="cannot keep up", data={"seconds": seconds})

    def settle(self) -> None:
        """The clock stands still."""
        for command in self._ended:
            command.end_tick, command.end_step = self._clock.now, self._clock.steps
        self._ended.clear()

    def _place(self, command: Command) -> None:
        following = self._clock.next_tick()
        command.settled = following is None or following > self._clock.now
        command.index, command.tick, command.step = len(self.commands), self._clock.now, self._clock.steps
        self.commands.append(command)

    def _node(self, command: Command) -> int:
        return self._log.register(command.node) if command.node else -1
