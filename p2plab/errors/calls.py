"""What is wrong with a call that Python refused, in its maker's words: the verb, the argument that it has not or lacks,
and the likely one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter
from typing import Any, Final

from p2plab.errors import CallError
from p2plab.errors.likely import did_you_mean
from p2plab.text import plural

__all__ = ["explained"]

_PLACED: Final = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_NAMED: Final = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


def explained(
    error: Exception, verb: Callable[..., Any], args: Sequence[object], kwargs: Mapping[str, object]
) -> CallError:
    """The error of a call that ``verb`` does not take, made of what Python said of it."""
    every = list(inspect.signature(verb).parameters.values())
    name = verb.__name__
    if every and every[0].name in ("self", "cls") and args:
        every, args, owner = every[1:], args[1:], args[0]
        if name == "__init__":
            name = type(owner).__name__
    return CallError(_wrong(name, every, len(args), kwargs) or f"{name}: {error}")


def _wrong(name: str, every: Sequence[Parameter], given: int, kwargs: Mapping[str, object]) -> str:
    """The first thing that is wrong; empty where nothing is."""
    kinds = {one.kind for one in every}
    named = [one.name for one in every if one.kind in _NAMED]
    placed = [one.name for one in every if one.kind in _PLACED]
    how = f"{name}({', '.join(map(_shown, every))})"
    for unknown in kwargs:
        if unknown not in named and Parameter.VAR_KEYWORD not in kinds:
            return f"{name} takes no argument {unknown!r}; {did_you_mean(unknown, named)}it is called as {how}"
    if given > len(placed) and Parameter.VAR_POSITIONAL not in kinds:
        most = plural(len(placed), "argument") if placed else "no argument"
        return f"{name} takes {most} by position, and {given} were given; it is called as {how}"
    for one in placed[:given]:
        if one in kwargs and one in named:
            return f"{name} was given {one} twice, by its position and by its name; it is called as {how}"
    missing = [one.name for one in every if one.default is one.empty and one.name not in kwargs]
    lacks = [one for one in missing if one in (*placed, *named) and one not in placed[:given]]
    return f"{name} needs {' and '.join(lacks)} too; it is called as {how}" if lacks else ""


def _shown(one: Parameter) -> str:
    """An argument as a call has it; of one that may be left out, what it is then."""
    if one.kind is Parameter.VAR_POSITIONAL:
        return f"*{one.name}"
    if one.kind is Parameter.VAR_KEYWORD:
        return f"**{one.name}"
    if one.default is one.empty:
        return one.name if one.kind in _PLACED else f"{one.name}="
    return f"{one.name}={one.default!r}"
