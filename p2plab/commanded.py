"""What makes a verb a command: ``@commanded`` on its declaration, which the table (``p2plab.commands``) reads.

The command has the verb's name, arguments and docstring. Here is only what these do not say: its group, lines that show
it at work, and the names that its result's fields have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar

__all__ = ["FACES", "MARK", "Commanded", "commanded", "offer"]

F = TypeVar("F", bound=Callable[..., Any])
MARK: Final = "__commanded__"

# The classes whose verbs may be commands, as "module:Class": by the scope (a command of a node, or of the lab) and the
# path from there, such as "dht" for node.dht. The rooms that have them put them here: the table knows no face.
FACES: dict[tuple[str, str], str] = {}


@dataclass(frozen=True, slots=True)
class Commanded:
    """What a verb's declaration says of it as a command; see ``commanded``."""

    group: str
    examples: tuple[str, ...]
    name: str = ""
    worlds: Literal["both", "mock", "real"] = "both"
    result: str = ""
    echo: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    gives: bool = True
    takes: Mapping[str, str] = field(default_factory=dict)


def commanded(
    group: str,
    *examples: str,
    name: str = "",
    worlds: Literal["both", "mock", "real"] = "both",
    result: str = "",
    echo: tuple[str, ...] = (),
    after: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
    gives: bool = True,
    takes: Mapping[str, str] | None = None,
) -> Callable[[F], F]:
    """Make a verb a command too, which takes what the verb takes.

    Args:
        group: the group of commands that it belongs to, such as ``connections``
        examples: lines that work in a lab whose nodes alice, bob and carol are connected; what must be done before is
            in front of it, with semicolons: ``"subscribe bob news; topics bob"``
        name: its name, where it is not the verb's own (``dht.get`` is ``dht_get`` by itself)
        worlds: where it works
        result: the name of the result's field that has what the verb gives, where that is no row of its own
        echo: arguments that the result repeats
        after: properties of the node or the lab that the result has, read when the verb is done
        without: arguments of the verb that no command can be given, such as a function
        gives: whether the result has what the verb gives
        takes: the kind of an argument (a name in ``p2plab.commands.arguments``), where neither its name nor its
            annotation says it
    """
    made = Commanded(group, examples, name, worlds, result, echo, after, without, gives, dict(takes or {}))

    def marked(verb: F) -> F:
        setattr(verb, MARK, made)
        return verb

    return marked


def offer(scope: Literal["lab", "node"], path: str, face: str) -> None:
    """Have the verbs of a face looked through for commands.

    Args:
        scope: whose commands they are: the lab's or a node's
        path: how one gets from there to the face: ``"dht"`` for ``node.dht``, nothing for the node itself
        face: the class, as ``"p2plab.api.aio.dht:AsyncDht"``; it is imported when the table is first used
    """
    FACES[scope, path] = face
