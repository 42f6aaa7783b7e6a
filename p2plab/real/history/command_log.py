"""The commands given to a real lab, in the order in which they came. There are bounds on how many are kept, on the
bytes of each argument, and on the bytes of all of them together, of which the oldest go first: a history is for a bug
report, not for a replay, which no real network allows."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from p2plab.errors import LabError
from p2plab.real.loop.log import describe
from p2plab.real.settings import without_secrets
from p2plab.stream import NetStream
from p2plab.text import plural

if TYPE_CHECKING:
    from p2plab.real.world import RealWorld

__all__ = ["Command", "CommandLog", "RealHistory"]

KEPT: Final = 10_000  # commands; the oldest go
LARGEST: Final = 64 * 1024  # bytes of an argument; of a larger one only the size is kept
MOST: Final = 8 * 1024 * 1024  # bytes of all arguments; of the oldest ones only the size is kept then
_WORD: Final = 1024  # characters of a name, an address or a topic, which stay

T = TypeVar("T")
P = ParamSpec("P")

Place = tuple[int, int]  # a stream's connection, and its number there


class Large:
    """Stands for bytes that were too many to keep."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __repr__(self) -> str:
        return f"bytes({self.size})"


@dataclass(slots=True)
class Command:
    """``t``: when, in seconds of lab time. ``target``: what the verb was called on, such as ``node alice``. ``took``:
    seconds, or None while it is under way. ``raised``: its error, if it failed. ``stream``: the one it was called on,
    or that it opened."""

    t: float
    target: str
    node: str | None
    verb: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    took: float | None = None
    raised: str = ""
    stream: Place | None = None
    topic: str | None = None

    def __str__(self) -> str:
        given = [*map(_shown, self.args), *(f"{name}={_shown(value)}" for name, value in self.kwargs.items())]
        text = f"{self.t:.4f}s  {self.target}  {self.verb.lstrip('_')}({', '.join(given)})"
        return f"{text}  # {self.raised}" if self.raised else text


class CommandLog:
    """Where a lab's commands are written down."""

    def __init__(self, world: RealWorld) -> None:
        self._world = world
        self._commands: deque[Command] = deque(maxlen=KEPT)
        self._count = 0
        self._heavy: deque[tuple[Command, int]] = deque()  # those with bytes, the oldest first, and how many
        self._bytes = 0

    def at_once(self, verb: Callable[P, T]) -> Callable[P, T]:
        """The verb, which puts itself into the log first; what it then causes says so."""

        def told(*args: P.args, **kwargs: P.kwargs) -> T:
            with self.noted(verb, args, kwargs) as done:
                result = verb(*args, **kwargs)
                done(result)
                return result

        return told

    def awaited(self, verb: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        """The same of one that is awaited."""
        if getattr(verb, "unrecorded", False):
            return verb

        async def told(*args: P.args, **kwargs: P.kwargs) -> T:
            with self.noted(verb, args, kwargs) as done:
                result = await verb(*args, **kwargs)
                done(result)
                return result

        told.__name__ = getattr(verb, "__name__", "this verb")
        return told

    @contextmanager
    def noted(self, verb: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Callable[[Any], None]]:
        """Around a verb: it is in the event log, as the cause of what follows, and in the history. What it gives is to
        be handed to the function given here."""
        log = self._world.events
        name, data = describe(verb, args, kwargs)
        node = -1 if name is None else log.register(name)
        seq = log.record("lab.command", node, reason="requested", data=data)
        log.continue_from(seq)
        command = self._begin(verb, data["target"], name, args, kwargs)

        try:
            yield partial(self._end, command)
        except BaseException as error:
            self._end(command, error=error)
            if isinstance(error, LabError):
                error.event = seq if error.event is None else error.event
            raise

    def _begin(
        self, verb: Any, target: str, node: str | None, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Command:
        """A command has come in: this bound method, called with these."""
        owner = getattr(verb, "__self__", None)
        kept = tuple(map(_kept, args))
        while kept and kept[-1] is None:  # left out by whoever called
            kept = kept[:-1]
        named = {name: _kept(value) for name, value in kwargs.items() if value is not None}
        if node is None and target.startswith("dht "):
            node = target.partition(" ")[2]
        command = Command(self._world.now, target, node, getattr(verb, "__name__", "call"), kept, named)
        if isinstance(owner, NetStream):
            command.stream = (owner.connection.id, owner.id)
        command.topic = getattr(owner, "topic", None)
        self._commands.append(command)
        self._count += 1
        self._weigh(command)
        return command

    def _weigh(self, command: Command) -> None:
        """Keep what all arguments have together within its bound, however long the lab is open."""
        size = _bytes_in(command.args) + _bytes_in(command.kwargs)
        if not size:
            return
        self._heavy.append((command, size))
        self._bytes += size
        while self._bytes > MOST or len(self._heavy) > KEPT:
            oldest, size = self._heavy.popleft()
            self._bytes -= size
            oldest.args = tuple(_kept(value, 0) for value in oldest.args)
            oldest.kwargs = {name: _kept(value, 0) for name, value in oldest.kwargs.items()}

    def _end(self, command: Command, result: Any = None, error: BaseException | None = None) -> None:
        """It is done, or has failed."""
        command.took = self._world.now - command.t
        if isinstance(result, NetStream):
            command.stream = (result.connection.id, result.id)
        if error is not None:
            command.raised = f"{type(error).__name__}: {str(error)[:200]}"

    def history(self) -> RealHistory:
        """All of it so far."""
        commands = tuple(self._commands)
        return RealHistory(self._world, commands, self._count - len(commands))


class RealHistory:
    """What was done to a real lab from outside so far: its commands. ``forgotten`` is how many more there were, before
    these."""

    def __init__(self, world: RealWorld, commands: tuple[Command, ...], forgotten: int) -> None:
        self._world = world
        self._commands = commands
        self.forgotten = forgotten
        self.seed = world.seed

    def as_libp2p_script(self) -> str:
        """A program that does the same on py-libp2p alone, without p2plab: the same keys, the same order. What
        py-libp2p has no words for stands in comments."""
        from p2plab.real.history.script import script

        return script(self._world, self._commands, self.forgotten)

    def __len__(self) -> int:
        return len(self._commands)

    def __iter__(self) -> Iterator[Command]:
        return iter(self._commands)

    def __getitem__(self, index: int) -> Command:
        return self._commands[index]

    def __repr__(self) -> str:
        head = [f"# {plural(self.forgotten, 'command')} before these were forgotten"] if self.forgotten else []
        return "\n".join([*head, *map(str, self._commands)])


def _shown(value: Any) -> str:
    """A value for people; functions by their names, without their addresses in memory."""
    return str(getattr(value, "__name__", repr(value)))


def _kept(value: Any, largest: int = LARGEST) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return Large(len(value)) if len(value) > largest else bytes(value)
    if isinstance(value, str) and len(value) > max(largest, _WORD):
        return Large(len(value))
    if isinstance(value, (list, tuple)):
        return [_kept(item, largest) for item in value]
    if isinstance(value, dict):
        return without_secrets(value) if "psk" in value else dict(value)
    return value


def _bytes_in(value: Any) -> int:
    """The bytes of what may be left out of an argument."""
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, str):
        return len(value) if len(value) > _WORD else 0
    if isinstance(value, (list, tuple)):
        return sum(map(_bytes_in, value))
    return sum(map(_bytes_in, value.values())) if isinstance(value, dict) else 0
