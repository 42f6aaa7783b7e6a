"""Executing a command: from a name and arguments to an envelope, which is there whatever goes wrong."""

from __future__ import annotations

import inspect
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from p2plab.commands.checking import checked, shown
from p2plab.commands.plain import Pictured, plain
from p2plab.commands.python import python_line
from p2plab.commands.running import driven, finished, is_lab
from p2plab.commands.table import CommandSpec, find
from p2plab.commands.text import as_text
from p2plab.errors import DialError, NotInThisWorldError, ValidationError

if TYPE_CHECKING:
    from p2plab.api.aio.lab import AsyncLab
    from p2plab.api.aio.node import AsyncNode

__all__ = ["CommandOutcome", "failure", "perform", "perform_async"]

FIRST_NODE = "alice"  # started where a command of a node finds none


@dataclass(frozen=True)
class CommandOutcome:
    """What a command gave. ``envelope`` is what ``execute_command`` returns; ``python`` the line of Python that does
    the same, ``picture`` the result as SVG, where there is one."""

    envelope: dict[str, Any]
    python: str = ""
    picture: str = field(default="", repr=False)

    @property
    def success(self) -> bool:
        """Whether the command did what it was to do."""
        return bool(self.envelope["success"])

    @property
    def result(self) -> Any:
        """What it gave; None of a failed one."""
        return self.envelope.get("result")

    @property
    def error(self) -> str:
        """What went wrong: the error's type and its message, or nothing."""
        return "" if self.success else f"{self.envelope['error_type']}: {self.envelope['error']}"

    def __str__(self) -> str:
        return as_text(self.result) if self.success else self.error


def perform(face: Any, name: str, arguments: Mapping[str, Any]) -> CommandOutcome:
    """Execute a command over a Lab or a Node; it returns when that is done, and raises nothing that a command can."""
    return driven(perform_async(face, name, arguments))


async def perform_async(face: Any, name: str, arguments: Mapping[str, Any]) -> CommandOutcome:
    """The same over an AsyncLab or an AsyncNode."""
    python = picture = ""
    try:
        command = find(name)
        owner, given = await _owner(command, face, dict(arguments))
        python = _as_given(command, owner, given)
        values = checked(command, given, face.world)
        python = python_line(command, owner, values)
        _check_world(command, face)
        try:
            result = command.function(owner, **values)
            if inspect.isawaitable(result):
                result = await result
        except DialError as error:
            if is_lab(face) and "node" not in arguments and str(owner) in map(str, values.values()):
                raise ValidationError(_alone(command, str(owner))) from error
            raise
        picture = result.picture if isinstance(result, Pictured) else ""
        envelope = _envelope(True, name, face.world.now, result=plain(result))
    except Exception as error:  # noqa: BLE001  the contract: whatever a command raises is its answer
        envelope = failure(name, error, face.world.now)
    return CommandOutcome(envelope, python, picture)


def _as_given(command: CommandSpec, owner: Any, given: Mapping[str, Any]) -> str:
    """The line of Python of arguments that may yet be refused; nothing where they are not plain values, or too few."""
    needed = {parameter.name for parameter in command.parameters if parameter.required}
    if not all(type(value) in (str, int, float, bool) for value in given.values()) or needed - given.keys():
        return ""
    return python_line(command, owner, {one.name: given.get(one.name, one.default) for one in command.parameters})


def failure(name: object, error: Exception, now: float = 0.0) -> dict[str, Any]:
    """The envelope of a command that came to nothing; ``now`` is the lab's time."""
    return _envelope(False, name, now, error=_message(error), error_type=type(error).__name__)


def _envelope(success: bool, name: object, now: float, **outcome: Any) -> dict[str, Any]:
    command = name if isinstance(name, str) else shown(name)
    return {"success": success, "command": command, "timestamp": time.time(), "time": now, **outcome}


def _alone(command: CommandSpec, node: str) -> str:
    """What is wrong with ``connect alice``: without a node the first one is meant, and that is alice too."""
    return (
        f"{command.name}: {node} alone would be both ends, since the lab's first node is meant where none is named; "
        f"name both: {command.usage}"
    )


async def _owner(command: CommandSpec, face: Any, arguments: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The lab or node whose command it is, and the arguments that are left."""
    if command.scope == "lab":
        if not is_lab(face):
            raise ValidationError(f"{command.name} is a command of the lab: lab.execute_command({command.name!r}, ...)")
        return face, arguments
    named = arguments.pop("node", None)
    if is_lab(face):
        return await node_of(face, named), arguments
    if named is not None and named != face and named != str(face):
        raise ValidationError(f"node={shown(named)}: this is {face}; ask that node itself, or the lab")
    return face, arguments


async def node_of(lab: AsyncLab, named: Any) -> AsyncNode:
    """The node of this name; the first where none is named, started where there is none."""
    if named is None:
        nodes = lab.nodes
        first: AsyncNode = nodes[0] if nodes else await finished(lab.start_node(FIRST_NODE))
        return first
    world = getattr(named, "world", None)
    if world is not None and world is not lab.world:
        raise ValidationError(f"node={shown(named)} is a node of another lab")
    if world is None and not isinstance(named, str):
        raise ValidationError(f"node={shown(named)} is refused; it takes a node's name, or the Node")
    return lab[str(named)]


def _check_world(command: CommandSpec, face: Any) -> None:
    backend = face.world.backend
    if command.worlds not in ("both", backend):
        raise NotInThisWorldError(
            f"{command.name} works in a {command.worlds} lab only, and this one is {backend}; "
            f"the command 'commands' says which work in both"
        )


def _message(error: Exception) -> str:
    try:
        return str(error) or type(error).__name__
    except Exception:  # noqa: BLE001  a user's exception, whose text may do anything
        return type(error).__name__
