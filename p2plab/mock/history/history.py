"""The commands given to a lab from outside: with the seed and the parameters, they are the run. The driver writes them
down in a ``CommandLog``, with their places between the calls of the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from p2plab.constants import MODEL_VERSION, TICKS_PER_SECOND
from p2plab.errors import ConfigurationError, NotInThisWorldError, SnapshotError, ValidationError
from p2plab.events import EventLog
from p2plab.host.told import arguments_of, target_of
from p2plab.mock.history.packing import Packer
from p2plab.network import Clock
from p2plab.text import says

FORMAT = 3  # of a pickled history; 1 names modules and verbs that are elsewhere now, 2 does not say its model
_REFUSALS = (ConfigurationError, NotInThisWorldError, ValidationError)  # of a call, with which nothing was done
DRIVER = "driver"  # the target of what the driver does to itself, which is written down for the sake of replays


@says
@dataclass
class Command:
    """A verb called from outside the lab.

    ``target`` names the object it was called on (``node alice``, ``stream 3``, ``subscription to 'news'``), ``node``
    the node that it is or belongs to, ``arguments`` what it was called with, for people to read. ``tick`` and ``step``
    say between which two calls of the clock it came in, ``end_tick`` and ``end_step`` where it was done (-1: it is not
    yet). ``seq`` is its event in the log.
    """

    target: str
    node: str | None
    verb: str
    arguments: list[Any] = field(default_factory=list)
    index: int = -1
    tick: int = -1
    step: int = -1
    end_tick: int = -1
    end_step: int = -1
    seq: int = -1
    settled: bool = True  # whether everything of its tick had happened when it came in
    raised: str = ""  # the type of what it raised, if it did
    waits: bool = False  # whether it takes lab time
    carried: bytes = b""  # the call as it was when it came in: later, its arguments may know what it led to
    stuck: str = ""  # why it cannot be carried, if it cannot
    refused: bool = False  # for its arguments, so that nothing was done: one that cannot be carried is not given again

    def __str__(self) -> str:
        arguments = ", ".join(map(str, self.arguments))
        return f"{self.tick / TICKS_PER_SECOND:.4f}s  {self.target}  {self.verb}({arguments})"

    def shown(self) -> dict[str, Any]:
        """What the event log says of it."""
        return {"target": self.target, "verb": self.verb, "arguments": self.arguments}


@dataclass(frozen=True)
class History:
    """What was done to a lab from outside so far. With ``Lab.replay`` it is the run again.

    ``settings`` are the lab's, packed; ``tick`` and ``step`` are where it stood; ``torn`` is the tick at which an
    interrupt left code of the lab half done (-1: none did). ``print(history)`` shows it as Python that does the same.
    """

    seed: int
    settings: bytes
    commands: tuple[Command, ...]
    tick: int
    step: int
    torn: int = -1

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "format": FORMAT, "model": MODEL_VERSION}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """SnapshotError for a history of another format, or of a model that computes something else from it."""
        written = state.pop("format", 1)
        if written != FORMAT:
            raise SnapshotError(
                f"this history has format {written} and this p2plab reads format {FORMAT}: replay it with the p2plab "
                "that recorded it, or run its script, print(history), here"
            )
        if (model := state.pop("model", None)) != MODEL_VERSION:
            raise SnapshotError(
                f"this history is of model {model} and this p2plab computes by model {MODEL_VERSION}: it would come "
                "out otherwise; replay it with the p2plab that recorded it, or run its script, print(history), here"
            )
        self.__dict__.update(state)

    def __len__(self) -> int:
        return len(self.commands)

    def __iter__(self) -> Iterator[Command]:
        return iter(self.commands)

    def __getitem__(self, index: int) -> Command:
        return self.commands[index]

    def as_libp2p_script(self) -> str:
        """NotInThisWorldError: what simulated nodes did at simulated times is no program on py-libp2p."""
        raise NotInThisWorldError(
            "as_libp2p_script() is of a real lab's history; print(history) shows a mock lab's as Python, which runs in "
            "Lab('real') where its words are those of both worlds"
        )

    def __str__(self) -> str:
        from p2plab.mock.history.script import script

        return script(self)

    __repr__ = __str__


class CommandLog:
    """The commands so far, and the events that tell of them: what the driver writes down."""

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


def command_of(verb: Any, args: tuple[Any, ...], kwargs: dict[str, Any], waits: bool, packer: Packer) -> Command:
    """The command that calling this bound method is."""
    owner = getattr(verb, "__self__", None)
    target, node = target_of(owner)
    arguments = arguments_of(args, kwargs)
    command = Command(target, node, getattr(verb, "__name__", "call"), arguments, waits=waits)
    try:
        if packer.name_of(owner) is None:
            raise SnapshotError(f"{target} has no name by which another lab could find it")
        command.carried = packer.pack((owner, command.verb, args, kwargs))
    except SnapshotError as error:
        command.stuck = str(error)
    return command


def internal(verb: str, argument: float) -> Command:
    """Something that the driver does to itself."""
    return Command(DRIVER, None, verb, [argument])


def own(result: Any, command: Command) -> None:
    """Note on an object that a command made which command it was, so that later ones can refer to it."""
    if getattr(result, "made_by", None) == -1:
        result.made_by = command.index


F = TypeVar("F", bound=Callable[..., Any])


def unrecorded(outside: Callable[..., Any]) -> Callable[[F], F]:
    """Marks a verb that only looks on, and so does not belong into the history; from outside the lab, ``outside`` is
    called in its place."""

    def mark(verb: F) -> F:
        verb.outside = outside  # type: ignore[attr-defined]  # functions take attributes, mypy knows none
        return verb

    return mark
