"""A command as the line of Python that does the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from p2plab.commands.table import CommandSpec

_SPREAD: Final = re.compile(r"(.+)\(\*(\w+)\)")  # a verb that takes a list's items as its arguments


def python_line(command: CommandSpec, owner: object, values: Mapping[str, Any]) -> str:
    """The line, for a lab that is called ``lab``: the verb itself where the command is just one, else
    ``lab.execute_command``. ``owner`` is the node or the lab, ``values`` are checked arguments."""
    given = {
        parameter.name: values[parameter.name]
        for parameter in command.parameters
        if parameter.required or values[parameter.name] != parameter.default
    }
    if not command.verb:
        node = {"node": str(owner)} if command.scope == "node" else {}
        arguments = [literal(command.name), *(f"{name}={literal(value)}" for name, value in {**node, **given}.items())]
        return f"lab.execute_command({', '.join(arguments)})"
    verb, arguments = command.verb, []
    spread = _SPREAD.fullmatch(verb)
    if spread:
        verb = spread[1]
        items = given.pop(spread[2], ())
        arguments = [literal(item) for item in (items if isinstance(items, (list, tuple)) else [items])]
    plain = [parameter.name for parameter in command.parameters if parameter.required]
    plain = plain or [parameter.name for parameter in command.parameters[:1] if not parameter.is_flag]
    for name, value in given.items():
        arguments.append(literal(value) if name in plain else f"{name}={literal(value)}")
    target = f"lab[{literal(str(owner))}]" if command.scope == "node" else "lab"
    return f"{target}.{verb}({', '.join(arguments)})"


def literal(value: Any) -> str:
    """The value as Python writes it, text in double quotes where that needs no escapes."""
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    text = repr(value)
    if isinstance(value, str) and text[0] == "'" and '"' not in text:
        return f'"{text[1:-1]}"'
    return text
