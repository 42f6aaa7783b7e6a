"""A real lab's history as a program on py-libp2p alone."""

from __future__ import annotations

import inspect
import keyword
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from p2plab.identity.keys import Identity
from p2plab.real.history import plain
from p2plab.real.history.command_log import Command
from p2plab.real.pylibp2p.remedies import OUTBOUND_QUEUE
from p2plab.text import plural

if TYPE_CHECKING:
    from p2plab.real.world import RealWorld

__all__ = ["script"]

PAUSE: Final = 0.05  # seconds between two commands from which the script waits as long
LONGEST: Final = 60.0  # seconds of a pause

AFTER: Final = 60.0  # seconds after which the program ends, whatever is under way then

# Remedy "yamux window": before libp2p is imported.
ENVIRONMENT: Final = ["import os", "", 'os.environ.setdefault("PY_YAMUX_RELEASE_ON_READ", "0")']

Lines = Iterator[str]


def script(world: RealWorld, commands: Sequence[Command], forgotten: int) -> str:
    """The program."""
    return _Script(world).whole(commands, forgotten)


class _Script:
    def __init__(self, world: RealWorld) -> None:
        self._world = world
        self._functions: dict[str, str] = {}  # sources, by name
        self._streams: dict[tuple[int, int], str] = {}
        self._started: set[str] = set()  # the nodes that a command started which did all it was to do

    def whole(self, commands: Sequence[Command], forgotten: int) -> str:
        body = [f"# {plural(forgotten, 'command')} before these were forgotten"] if forgotten else []
        end: float | None = None
        whole = [one for one in commands if one.verb == "start_nodes" and not one.raised]
        self._started = {name for one in whole for name in one.args[0]}
        for command in commands:
            if end is not None and command.t - end >= PAUSE:
                body.append(f"await trio.sleep({min(LONGEST, command.t - end):.2f})")
            body += self._command(command)
            end = command.t + (command.took or 0.0)
        lasts = max((command.t for command in commands), default=0.0) + AFTER
        environment = ENVIRONMENT if self._world.node_settings.remedies.on("yamux window") else []
        head, marker, rest = inspect.getsource(plain).partition("from __future__ import annotations\n")
        return "\n".join(
            [
                head + marker,
                *environment,
                rest,
                *(f"\n{source}\n" for source in self._functions.values()),
                "\nasync def main() -> None:",
                "    async with trio.open_nursery() as nursery:",
                "        tasks.append(nursery)",
                f"        with trio.move_on_after({lasts:.0f}):",
                *(f"            {line}" for line in body or ["pass"]),
                "        nursery.cancel_scope.cancel()",
                "",
                "",
                "trio.run(main)",
                "",
            ]
        )

    def _command(self, command: Command) -> Lines:
        kind = command.target.partition(" ")[0]
        say = SAYINGS.get((kind, command.verb))
        lines = None if say is None else say(self, command)
        if lines is None:
            yield f"# {str(command)[:160]}"
            yield "#   is p2plab's own: py-libp2p has no words for it"
            return
        if command.raised:
            yield f"# in the lab this raised {command.raised.splitlines()[0][:120]}"
        yield from lines

    # -- values

    def node(self, name: str | None) -> str:
        """A node, as the program names it."""
        name = str(name)
        return name if name.isidentifier() and not keyword.iskeyword(name) and name not in TAKEN else f"nodes[{name!r}]"

    def target(self, named: str) -> str | None:
        """Whom a dial is for, as an expression; None where it cannot be told."""
        found = self._world.find(named)
        if found is not None:
            return self.node(found.name)
        return repr(named) if named.startswith("/") and "/p2p/" in named else None

    def function(self, function: Any) -> str | None:
        """The name of a handler whose source goes to the top; None where there is none."""
        try:
            source = textwrap.dedent(inspect.getsource(function)).rstrip()
        except (OSError, TypeError):
            return None
        name = getattr(function, "__name__", "")
        if not name.isidentifier() or not source.startswith(("async def ", "def ")):
            return None
        self._functions[name] = source
        return str(name)

    def came_up(self, name: str, command: Command) -> bool:
        """Whether this command started the node: one that fails may have started others, or none."""
        return not command.raised or (name not in self._started and self._world.find(name) is not None)

    def start(self, name: str, settings: dict[str, Any]) -> Lines:
        """One node."""
        checked = self._world.node_settings.with_changes(settings)
        params, remedies = checked.gossipsub, checked.remedies
        derived, host = Identity.derive(self._world.seed, name), self._world.find(name)
        if host is not None and host.peer_id != derived.peer_id:  # a key that is kept is not for a bug report
            yield f"# with another key than in the lab, where it was {host.peer_id!s}: that one is kept, and a secret"
        given = {
            "seed": f"bytes.fromhex({derived.seed.hex()!r})",
            "listen": repr(list(checked.listen)),
            "degrees": repr((params.D, params.D_low, params.D_high)),
            "heartbeat": repr(params.heartbeat_interval if remedies.on("heartbeat") else 120),
            "per_peer": repr(1 if remedies.on("one connection a peer") else 3),
            "spam_protection": repr(not remedies.on("no spam protection")),
            "queue": repr(OUTBOUND_QUEUE if remedies.on("room in the queues") else 32),
        }
        own = {name: value for name, value in settings.items() if name not in ("listen", "gossipsub", "remedies")}
        if own:
            yield f"# with settings of p2plab's: {', '.join(f'{name}={value!r}' for name, value in own.items())[:150]}"
        arguments = ", ".join(f"{name}={value}" for name, value in given.items())
        variable = self.node(name)
        assign = "" if variable.startswith("nodes[") else f"{variable} = "
        yield f"{assign}await start({name!r}, {arguments})"


def _start_nodes(script: _Script, command: Command) -> Lines:
    names, settings = command.args[0], command.args[1] if len(command.args) > 1 else {}
    for name in names:
        yield from script.start(name, settings) if script.came_up(name, command) else [f"# {name} did not start"]


def _wire(script: _Script, command: Command) -> Lines:
    for dialler, listener in command.args[0]:
        yield f"await tried(connect, {script.node(dialler)}, {script.node(listener)})"


def _towards(verb: str) -> Say:
    def say(script: _Script, command: Command) -> Lines | None:
        target = script.target(command.args[0])
        return None if target is None else iter([f"await tried({verb}, {script.node(command.node)}, {target})"])

    return say


def _with_arguments(verb: str, count: int) -> Say:
    def say(script: _Script, command: Command) -> Lines:
        given = [script.node(command.node), *map(repr, command.args[:count])]
        yield f"await tried({verb}, {', '.join(given)})"

    return say


def _handle(script: _Script, command: Command) -> Lines | None:
    name = script.function(command.args[1])
    return None if name is None else iter([f"handle({script.node(command.node)}, {command.args[0]!r}, {name})"])


def _open_stream(script: _Script, command: Command) -> Lines | None:
    target = script.target(command.args[0])
    if target is None:
        return None
    name = f"stream{len(script._streams) + 1}"
    if command.stream is not None:
        script._streams[command.stream] = name
    return iter(
        [f"{name} = await tried(open_stream, {script.node(command.node)}, {target}, {list(command.args[1])!r})"]
    )


def _on_stream(script: _Script, command: Command) -> Lines | None:
    name = None if command.stream is None else script._streams.get(command.stream)
    if name is None:
        return None
    return iter([f"await tried({name}.{command.verb}{''.join(f', {arg!r}' for arg in command.args)})"])


def _receive(script: _Script, command: Command) -> Lines:
    yield f"await tried(receive, {script.node(command.node)}, {command.topic!r})"


Say = Callable[[_Script, Command], "Lines | None"]

TAKEN: Final = frozenset(
    "await nodes start connect tried handle open_stream receive subscribe publish ping put get trio os main sys".split()
)

SAYINGS: Final[dict[tuple[str, str], Say]] = {
    ("lab", "start_nodes"): _start_nodes,
    ("lab", "wire"): _wire,
    ("node", "connect"): _towards("connect"),
    ("node", "disconnect"): _towards("disconnect"),
    ("node", "ping"): _towards("ping"),
    ("node", "subscribe"): _with_arguments("subscribe", 1),
    ("node", "publish"): _with_arguments("publish", 2),
    ("node", "stop"): _with_arguments("stop", 0),
    ("node", "handle"): _handle,
    ("node", "open_stream"): _open_stream,
    ("dht", "put"): _with_arguments("put", 2),
    ("dht", "get"): _with_arguments("get", 1),
    ("routing", "put"): _with_arguments("put", 2),
    ("routing", "get"): _with_arguments("get", 1),
    ("subscription", "receive"): _receive,
    **{("stream", verb): _on_stream for verb in ("write", "read", "close", "reset", "close_write")},
}
