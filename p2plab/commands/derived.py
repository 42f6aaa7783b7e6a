"""The commands that are verbs: made of the verbs' own declarations, by what ``@commanded`` adds to them.

A command's name, arguments, defaults and words are the verb's: its signature and the ``Args:`` of its docstring. What
an argument may be is told by its name (``KINDS`` in ``arguments``: a ``peer`` is a peer everywhere), else by its
annotation. What the verb gives becomes a row by the annotation of what it returns (``ROWS`` in ``rows``), else it is
the field that ``result=`` names.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Literal

from typing_extensions import TypedDict

from p2plab.commanded import FACES, MARK, Commanded
from p2plab.commands import arguments
from p2plab.commands.arguments import KINDS, About
from p2plab.commands.plain import Pictured
from p2plab.commands.rows import ROWS
from p2plab.commands.running import finished
from p2plab.commands.table import REQUIRED, CommandSpec, Example, Parameter, about_of, register
from p2plab.errors import ConfigurationError

__all__ = ["Words", "derive", "words_of"]

_SECTION: Final = re.compile(r"^(Args|Returns|Raises|Example|Settings[\w ]*):$")
_SIMPLE: Final[dict[str, Any]] = {"Any": Any, "None": None, "bytes": bytes, "Literal": Literal}


@dataclass(frozen=True, slots=True)
class Words:
    """A docstring in its parts: the first paragraph, what follows it, and a line on each argument."""

    summary: str
    text: str
    arguments: Mapping[str, str]


def words_of(docstring: str | None) -> Words:
    """The parts of a docstring."""
    head, *rest = inspect.cleandoc(docstring or "").split("\n\n", 1)
    text: list[str] = []
    told: dict[str, str] = {}
    section = last = ""
    for line in "".join(rest).split("\n"):
        found = _SECTION.match(line)
        if found:
            section = found[1]
        elif not section:
            text.append(line)
        elif section == "Args" and line.strip():
            name = re.match(r"    \*{0,2}(\w+): (.*)", line)
            if name:
                last = name[1]
                told[last] = name[2]
            elif last:
                told[last] += " " + line.strip()
    return Words(" ".join(head.split()), "\n".join(text).strip(), told)


def derive() -> None:
    """Put the commands of every face that was offered into the table."""
    import_module("p2plab.api")  # by name: it stands above this room, and offers the faces
    for (scope, path), face in FACES.items():
        module, _, name = face.partition(":")
        for verb, made in _marked(getattr(import_module(module), name)):
            register(_command(scope, path, verb, made))


def _marked(face: type) -> Iterator[tuple[Any, Commanded]]:
    """The verbs of a class that are commands, its bases' first, each in the order of its declarations."""
    seen: set[str] = set()
    for base in reversed(face.__mro__):
        for name, verb in vars(base).items():
            function = verb.fget if isinstance(verb, property) else verb
            made = getattr(function, MARK, None)
            if made is not None and name not in seen:
                seen.add(name)
                yield verb, made


def _command(scope: Any, path: str, verb: Any, made: Commanded) -> CommandSpec:
    function: Any = verb.fget if isinstance(verb, property) else verb
    where = f"{path}." if path else ""
    words = words_of(function.__doc__)
    parameters = tuple(_parameters(function, made, words))
    repeated = [parameter for parameter in inspect.signature(function).parameters.values() if _is_spread(parameter)]
    call = f"{where}{function.__name__}" + (f"(*{repeated[0].name})" if repeated else "")
    shape = _Shape(function, made, {parameter.name: parameter.annotation for parameter in parameters})
    return CommandSpec(
        name=made.name or f"{where}{function.__name__}".replace(".", "_"),
        summary=words.summary,
        text=words.text,
        scope=scope,
        worlds=made.worlds,
        group=made.group,
        parameters=parameters,
        function=_runner(path, verb, function.__name__, repeated[0].name if repeated else "", shape),
        result=shape.result,
        examples=tuple(_example(line) for line in made.examples),
        verb="" if isinstance(verb, property) else call,
    )


def _is_spread(parameter: inspect.Parameter) -> bool:
    return parameter.kind is parameter.VAR_POSITIONAL


def _example(line: str) -> Example:
    *before, last = (part.strip() for part in line.split(";"))
    return Example(last, tuple(before))


# -- arguments


def _parameters(function: Callable[..., Any], made: Commanded, words: Words) -> Iterator[Parameter]:
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        name = parameter.name
        if name in made.without or parameter.kind is parameter.VAR_KEYWORD:
            continue
        annotation = _annotation(function, parameter, made)
        about = about_of(annotation) or About(words.arguments.get(name, name))
        default = REQUIRED if _is_spread(parameter) else parameter.default
        yield Parameter(name, annotation, about, default, words.arguments.get(name, ""))


def _annotation(function: Callable[..., Any], parameter: inspect.Parameter, made: Commanded) -> Any:
    """What pydantic checks an argument by."""
    written = str(parameter.annotation)
    kind = getattr(arguments, made.takes[parameter.name]) if parameter.name in made.takes else KINDS.get(parameter.name)
    base = written.removesuffix(" | None")
    if kind is None:
        kind = arguments.PLAIN.get(base)
    if kind is None and base.startswith("Literal["):
        kind = _evaluated(base)
    if kind is None:
        raise ConfigurationError(
            f"{function.__qualname__} cannot be a command with its argument {parameter.name}: {written}; give the "
            "argument a kind in p2plab.commands.arguments, or leave it out with without="
        )
    return kind | None if parameter.default is None else kind


# -- results


class _Shape:
    """What a command gives: the arguments it repeats, what the verb gave, and what it reads afterwards."""

    def __init__(self, function: Callable[..., Any], made: Commanded, kinds: Mapping[str, Any]) -> None:
        returned = str(inspect.signature(function).return_annotation)
        self._made = made
        self._row = None if made.result or not made.gives else ROWS.get(returned)
        if self._row is None and not made.result and made.gives and returned != "None":
            raise ConfigurationError(
                f"{function.__qualname__} gives {returned}, of which p2plab.commands.rows makes no row; name the field "
                "that has it with result=, leave it out with gives=False, or make a row"
            )
        fields: dict[str, Any] = {name: kinds[name] for name in made.echo}
        if self._row is not None:
            fields |= self._row.fields
        elif made.result:
            fields[made.result] = _evaluated(returned)
        fields |= dict.fromkeys(made.after, Any)
        self._done = not fields
        made_here: Any = TypedDict  # mypy knows only those that are written out
        self.result: Any = made_here(f"{function.__name__} result", fields or {"done": bool})

    def __call__(self, owner: Any, arguments: Mapping[str, Any], value: Any) -> dict[str, Any]:
        made = self._made
        row = {} if self._row is None else self._row.make(value)
        told = {name: arguments[name] for name in made.echo}
        if made.result:
            told[made.result] = value
        after = {name: getattr(owner, name) for name in made.after}
        if isinstance(row, Pictured):
            row.update(told | after)
            return row
        return {"done": True} if self._done else {**told, **row, **after}


def _evaluated(written: str) -> Any:
    """The type that an annotation names, where it is one of Python's own; Any where it is another."""
    try:
        return eval(written, {"__builtins__": {}}, _SIMPLE | {kind.__name__: kind for kind in _BUILT_IN})
    except NameError:
        return Any


_BUILT_IN: Final = (bool, dict, float, int, list, str, tuple)


def _runner(path: str, verb: Any, name: str, spread: str, shape: _Shape) -> Callable[..., Any]:
    async def derived(owner: Any, /, **given: Any) -> dict[str, Any]:
        target = owner
        for step in path.split(".") if path else ():
            target = getattr(target, step)
        found = getattr(target, name)
        if not isinstance(verb, property):
            named = {key: value for key, value in given.items() if key != spread}
            found = await finished(found(*given.get(spread, ()), **named))
        return shape(owner, given, found)

    derived.__name__ = name
    return derived
