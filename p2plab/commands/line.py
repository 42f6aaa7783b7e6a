"""A command as a line of text: ``connect alice bob``, ``publish alice news "hello there"``, ``ping bob timeout=5s``.

The name comes first. Values follow in the order of the arguments, or as ``name=value``; those that may be left out are
given by name. A command of a node takes the node first; where there are just enough values without it, it is left out,
and the lab's first node is meant (unless the first value names a node and the argument is no peer). ``#`` begins a
comment.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Sequence
from typing import Any, Final

from p2plab.commands.table import CommandSpec, Parameter, find
from p2plab.errors import ValidationError

_NAMED: Final = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)


def words_of(line: str) -> list[str]:
    """The words of a line, as a shell splits it. ValidationError where a quotation is not closed."""
    try:
        return shlex.split(line, comments=True)
    except ValueError as error:
        raise ValidationError(f"the line {line[:80]!r} cannot be read: {str(error).lower()}") from None


def parse_line(line: str, nodes: Collection[str] = ()) -> tuple[str, dict[str, Any]]:
    """The name and the arguments, as text, of a line; ``nodes`` are the names of the lab's nodes.

    ValidationError for an unknown command, and for values that are too many."""
    words = words_of(line)
    if not words:
        raise ValidationError("the line is empty: give a command, such as 'connect alice bob'; 'commands' lists them")
    return words[0], parse_words(find(words[0]), words[1:], nodes)


def parse_words(command: CommandSpec, words: Sequence[str], nodes: Collection[str] = ()) -> dict[str, Any]:
    """The arguments that the words after a command's name stand for."""
    known = {parameter.name: parameter for parameter in command.parameters}
    arguments: dict[str, Any] = {}
    values: list[str] = []
    for word in words:
        named = _NAMED.fullmatch(word)
        if named and (named[1] in known or (named[1] == "node" and command.scope == "node")):
            if named[1] in arguments:
                raise ValidationError(f"{command.name}: {named[1]} is given twice")
            arguments[named[1]] = named[2]
        else:
            values.append(word)
    slots = _slots(command, arguments, values, nodes)
    if len(values) > len(slots):
        raise ValidationError(
            f"{command.name}: {values[len(slots)]!r} is one value too many; it is written {command.usage}"
            + (" (text with spaces goes in quotes)" if len(slots) else "")
        )
    arguments.update(zip(slots, values, strict=False))
    return arguments


def _slots(command: CommandSpec, given: dict[str, Any], values: list[str], nodes: Collection[str]) -> list[str]:
    """The arguments that values without a name stand for, in order."""
    open_ones = [parameter for parameter in command.parameters if parameter.name not in given]
    required = [parameter for parameter in open_ones if parameter.required]
    slots = [parameter.name for parameter in required]
    if command.scope == "lab":
        return slots or [parameter.name for parameter in open_ones if _goes_alone(parameter)]
    if "node" in given:
        return slots
    if required and len(values) == len(required):
        names_a_node = values[0] in nodes and required[0].about.kind != "peer"
        return ["node", *slots] if names_a_node else slots
    return ["node", *slots]


def _goes_alone(parameter: Parameter) -> bool:
    """Whether a value that names no argument may mean this one, though it need not be given: the words of a choice,
    a number, a message's id. Names of nodes are for arguments that are named."""
    return parameter.about.kind not in ("node", "nodes", "flag")


def line_of(command: CommandSpec, arguments: dict[str, Any]) -> str:
    """A line that gives these arguments, for showing; bytes as their text or hex."""
    words = [command.name]
    if command.scope == "node" and "node" in arguments:
        words.append(str(arguments["node"]))
    for parameter in command.parameters:
        if parameter.name in arguments:
            text = text_of(arguments[parameter.name])
            words.append(text if parameter.required else f"{parameter.name}={text}")
    return " ".join(shlex.quote(word) if word else "''" for word in words)


def text_of(value: Any) -> str:
    """An argument's value as text, as it would be typed."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        separator = "|" if any(isinstance(item, (list, tuple)) for item in value) else ","
        return separator.join(text_of(item) for item in value)
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return str(value)
