"""A lab's history as Python that does the same.

Commands come in the order and at the times at which they were given. What cannot be said in a script of one verb after
the other (commands given side by side, or given up) stands in comments, as does whatever has no source.
"""

from __future__ import annotations

import inspect
import pickle
import textwrap
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from types import FunctionType, MethodType, ModuleType
from typing import Any

from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import SnapshotError
from p2plab.kademlia import DhtParams
from p2plab.mock.history.history import DRIVER, Command, History
from p2plab.mock.history.packing import Name, unpack
from p2plab.mock.history.spoken import SPECIAL, Call, Code
from p2plab.pubsub import GossipSubParams
from p2plab.roles import Role

MADE = {
    "subscribe": "subscription",
    "open_stream": "stream",
    "schedule": "timer",
    "_partition": "cut",
    "_churn": "churn",
    "_add_nat": "box",
}
_PUBSUB = "from p2plab.pubsub import GossipSubParams, ScoreParams, TopicScoreParams"
PARAMETERS = {
    GossipSubParams: _PUBSUB,
    DhtParams: "from p2plab.kademlia import DhtParams",
    Role: "from p2plab.roles import Role",
}
# The parts of a node that have a face of their own, by the word that names them in a history.
FACED = ("content", "dht", "discovery", "routing")
PUBLIC = {"receive": "get", "_cancel": "cancel"}


def script(history: History) -> str:
    """The lines, from the import to where the history ends."""
    return "\n".join(_Script(history).lines())


class _Script:
    def __init__(self, history: History) -> None:
        self._history = history
        self._sources: dict[str, str] = {}  # of the functions used, by name
        self._before: list[str] = []  # what the next line needs
        self._names: dict[int, str] = {}  # of what commands made, by the command
        self.imports = {"from p2plab import Lab": None}

    def lines(self) -> Iterator[str]:
        """The script."""
        settings = self.keywords(pickle.loads(self._history.settings))
        body = [f"lab = Lab({', '.join([f'seed={self._history.seed}', *settings])})", *self._body()]
        yield from sorted(self.imports)
        for source in self._sources.values():
            yield ""
            yield source.rstrip()
        yield ""
        yield from body

    def _body(self) -> Iterator[str]:
        history = self._history
        given_up = {one.arguments[0] for one in history if one.target == DRIVER and one.verb == "abandon"}
        tick = step = 0
        for command in history:
            if command.target == DRIVER:
                continue
            if command.step < step:
                yield f"# given while the one before was still under way, at {_seconds(command.tick)} s:"
            else:
                yield from _wait(tick, step, command.tick, command.step, command.settled)
                tick, step = command.tick, command.step
            lines = list(self._statement(command))
            if command.index in given_up or command.end_step < 0:
                yield "# begun and given up before it was done:"
                yield from (f"# {line}" for line in lines)
                continue
            if command.refused and not _reads_back("\n".join(lines), "exec"):
                lines = [line if line.startswith("#") else f"# refused: {line}" for line in lines]
            if command.raised and not all(line.startswith("#") for line in lines):
                self.imports["import contextlib"] = None
                yield f"with contextlib.suppress(Exception):  # {command.raised}"
                lines = [f"    {line}" for line in lines]
            yield from lines
            if command.end_step >= step:
                tick, step = command.end_tick, command.end_step
        yield from _wait(tick, step, history.tick, history.step, settled=True)

    # -- one command

    def _statement(self, command: Command) -> Iterator[str]:
        if command.refused and not command.carried:
            yield f"# {command}: refused"
            return
        try:
            if command.stuck:
                raise SnapshotError(command.stuck)
            owner, verb, args, kwargs = unpack(command.carried, self._find)
        except Exception as error:  # noqa: BLE001  whatever unpickling an object of the user's raises
            yield f"# {command}: {error}"
            return
        call = Call(owner, verb, args, kwargs)
        special = SPECIAL.get((_kind(owner), verb))
        lines = [self._plain(call, command)] if special is None else special(self, call)
        if command.verb in MADE and not command.raised:
            name = self._names[command.index] = f"{MADE[command.verb]}{command.index}"
            lines[-1] = f"{name} = {lines[-1]}"
        yield from self._before
        self._before.clear()
        yield from lines

    def _plain(self, call: Call, command: Command) -> str:
        """The verb as a user writes it or, for one that has no such face, as the lab was asked."""
        verb = PUBLIC.get(call.verb, call.verb)
        if not verb.startswith("_") and not call.owner.text.startswith("lab.world"):
            return f"{call.owner}.{verb}({self.arguments(call)})"
        way = "run" if command.waits else "call"
        arguments = self.arguments(call, whole=True)
        return f"lab.world.{way}({call.owner}.{call.verb}{', ' if arguments else ''}{arguments})"

    def arguments(self, call: Call, skip: int = 0, whole: bool = False) -> str:
        args = list(call.args[skip:])
        while args and args[-1] is None and not whole:  # left out by whoever called
            args.pop()
        return ", ".join([*map(self.code, args), *self.keywords(call.kwargs)])

    def keywords(self, values: dict[str, Any]) -> list[str]:
        return [f"{name}={self.code(value)}" for name, value in values.items() if value is not None]

    # -- values

    def code(self, value: Any) -> str:
        """A value as Python."""
        if isinstance(value, Code):
            return value.text
        if isinstance(value, str):
            return repr(str(value))  # of a peer id, too, which shows itself with its name
        if isinstance(value, MethodType):
            return f"{self.code(value.__self__)}.{value.__name__}"
        if isinstance(value, (FunctionType, type)):
            return self._defined(value)
        if isinstance(value, (list, tuple)):
            items = ", ".join(map(self.code, value))
            return f"[{items}]" if isinstance(value, list) else f"({items}{',' if len(value) == 1 else ''})"
        if isinstance(value, dict):
            return "{" + ", ".join(f"{key!r}: {self.code(item)}" for key, item in value.items()) + "}"
        if is_dataclass(value) and type(value).__module__.startswith("p2plab.admission"):
            return self._admission(value)
        for part in ("_host", "_queue", "_stream", "_inside"):  # what users hold for a node, a subscription, ...
            held = getattr(value, part, None)
            if isinstance(held, Code):
                return held.text
        if isinstance(getattr(value, "_world", None), Code):
            return "lab"
        if type(value) in PARAMETERS:
            self.imports[PARAMETERS[type(value)]] = None
        return repr(value)

    def _admission(self, value: Any) -> str:
        """A gate, limits or watermarks, without what is as it is by default."""
        name = type(value).__name__
        self.imports[f"from p2plab.admission import {name}"] = None
        plain = {f.name: getattr(value, f.name) for f in fields(value)}
        default = {f.name: f.default_factory() if callable(f.default_factory) else f.default for f in fields(value)}
        given = [f"{key}={self.code(item)}" for key, item in plain.items() if item != default[key]]
        return f"{name}({', '.join(given)})"

    def _defined(self, function: Any) -> str:
        """The name of a function or class, whose source goes to the top."""
        name: str = function.__name__
        try:
            source = textwrap.dedent(inspect.getsource(function))
        except (OSError, TypeError):
            source = ""
        if name.isidentifier() and source.startswith(("def ", "async def ", "class ", "@")):
            if isinstance(function, FunctionType):
                self._used_by(function)
            self._sources[name] = source
            self.imports["from __future__ import annotations"] = None  # theirs may name what is not here
            return name
        name = name if name.isidentifier() else "function"
        self._sources[name] = (
            f"def {name}(*args):  # its source is not to be had: put it here\n    raise NotImplementedError"
        )
        return name

    def _used_by(self, function: FunctionType) -> None:
        """What a function takes from around it, as it was when the command was given."""
        used = inspect.getclosurevars(function)
        for name, value in {**used.globals, **used.nonlocals}.items():
            if name in self._sources or value is function:
                continue
            code = self.code(value)
            if isinstance(value, ModuleType):
                self.imports[f"import {value.__name__} as {name}"] = None
            elif isinstance(value, (FunctionType, type)):
                continue  # code() has put its source there
            elif code.startswith("lab["):
                self._before.append(f"{name} = {code}")
            elif code != "lab":
                self._sources[name] = f"{name} = {code}" if _reads_back(code) else f"# {name} is {code}: put it here"

    def _find(self, name: Name) -> Code:
        kind, *rest = name
        if kind == "world":
            return Code("lab.world")
        if kind == "part":
            return Code(f"lab.{rest[0]}" if rest[0] in ("network", "dht", "events") else f"lab.world.{rest[0]}")
        if kind == "made":
            return Code(self._names.get(rest[0], f"made{rest[0]}"))
        if kind == "ref":
            what, _, node = rest[0].partition(" ")
            if what in FACED or what in ("node", "door"):
                return Code(f"lab[{node!r}]" + (f".{what}" if what in FACED else ""))
            return Code(f"lab.world.hosts()[{node!r}].service_of({what!r})")  # it has no face of its own
        return Code("_".join(map(str, name)))


def _reads_back(code: str, mode: str = "eval") -> bool:
    """Whether this is Python at all, and not some object's own way to show itself."""
    try:
        compile(code, "", mode)
    except SyntaxError:
        return False
    return True


def _kind(owner: Code) -> str:
    text = owner.text
    if text.startswith("lab."):
        return text
    return "node" if text.endswith("]") else next((name for name in FACED if text.endswith(f"].{name}")), "")


def _wait(tick: int, step: int, to_tick: int, to_step: int, settled: bool) -> Iterator[str]:
    """What lets the lab come from one place to another."""
    if (tick, step) == (to_tick, to_step):
        return
    if settled:
        yield f"lab.run_until({_seconds(to_tick)})"
    else:
        yield f"lab.step({to_step - step})  # to {_seconds(to_tick)} s"


def _seconds(tick: int) -> str:
    return f"{tick / TICKS_PER_SECOND:g}" if tick % TICKS_PER_SECOND == 0 else repr(tick / TICKS_PER_SECOND)
