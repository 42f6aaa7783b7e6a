"""The table: every command with its name, what it takes, what it gives, where it works, and examples.

A command is a function whose first argument is ``node`` (a command of a node, named by the argument ``node`` or, left
out, the lab's first) or ``lab``. Its docstring's first line is its description, its annotations are its checks.
"""

from __future__ import annotations

import difflib
import inspect
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar, overload

from p2plab.commands.arguments import About
from p2plab.errors import ConfigurationError, ValidationError

__all__ = ["REQUIRED", "TABLE", "CommandSpec", "Example", "Parameter", "command", "find", "names"]

REQUIRED: Final = inspect.Parameter.empty
PREFIX: Final = "libp2p_"
Scope = Literal["node", "lab"]
Worlds = Literal["both", "mock", "real"]
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument. ``about`` says what it takes; ``default`` is REQUIRED where it must be given. ``meaning`` says what
    it is for, where its verb does."""

    name: str
    annotation: Any
    about: About
    default: Any = REQUIRED
    meaning: str = ""

    @property
    def what(self) -> str:
        """What it is, for people who read about it."""
        return self.meaning or self.about.text

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is REQUIRED

    @property
    def choices(self) -> tuple[str, ...]:
        """The words it may be, where there are only a few."""
        return _choices(self.annotation)

    @property
    def is_flag(self) -> bool:
        """Whether it is true or false."""
        return _base(self.annotation) is bool

    @property
    def type(self) -> str:
        """Its type in a word or two."""
        if self.choices:
            return " | ".join(self.choices)
        return "true | false" if self.is_flag else _type_name(self.annotation)


@dataclass(frozen=True, slots=True)
class Example:
    """A line that works in a lab whose nodes alice, bob and carol are connected, after the lines ``before`` it."""

    line: str
    before: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """A row of the table. ``verb`` is the Python verb that it is, such as ``connect``, ``dht.put`` or
    ``network.heal``, where it is just one and takes the same arguments; ``result`` the TypedDict it gives."""

    name: str
    summary: str
    text: str
    scope: Scope
    worlds: Worlds
    group: str
    parameters: tuple[Parameter, ...]
    function: Callable[..., Any]
    result: Any = None
    examples: tuple[Example, ...] = ()
    verb: str = ""
    own: bool = field(default=False, compare=False)  # registered by a user, who may register it again

    @property
    def usage(self) -> str:
        """How a line of it looks: ``connect [node] PEER [timeout=SECONDS]``."""
        parts = [self.name, *(["[NODE]"] if self.scope == "node" else [])]
        for parameter in self.parameters:
            parts.append(parameter.name.upper() if parameter.required else f"[{parameter.name}=…]")
        return " ".join(parts)

    def __str__(self) -> str:
        return self.name


TABLE: dict[str, CommandSpec] = {}


@overload
def command(name: F) -> F: ...
@overload
def command(
    name: str = "",
    *,
    worlds: Worlds = "both",
    verb: str = "",
    group: str = "",
    examples: Sequence[str | Example] = (),
) -> Callable[[F], F]: ...
def command(
    name: str | Callable[..., Any] = "",
    *,
    worlds: Worlds = "both",
    verb: str = "",
    group: str = "",
    examples: Sequence[str | Example] = (),
) -> Any:
    """Put a function into the table, as ``@command``, ``@command("name")`` or with more about it.

    Its name, left out, is the function's own. The function may be plain or ``async``: an async one awaits verbs with
    ``p2plab.commands.finished``, and then works with an ``AsyncLab`` too. What it returns must be plain JSON, bytes or
    dataclasses. ConfigurationError for a name that p2plab itself has, or a first argument that is neither ``node`` nor
    ``lab``; a command of your own may be registered again.
    """
    if callable(name):
        register(_made(name, "", "both", "", "", ()))
        return name

    def registered(function: Callable[..., Any]) -> Callable[..., Any]:
        register(_made(function, name, worlds, verb, group, examples))
        return function

    return registered


def register(made: CommandSpec) -> None:
    """Put a command into the table."""
    there = TABLE.get(made.name)
    if there is not None and not there.own:
        raise ConfigurationError(f"p2plab has a command {made.name!r} already; register yours under another name")
    TABLE[made.name] = made


def _made(
    function: Callable[..., Any],
    name: str,
    worlds: Worlds,
    verb: str,
    group: str,
    examples: Sequence[str | Example],
) -> CommandSpec:
    plain_name = plain_form(name or function.__name__)
    if not plain_name.isidentifier():
        raise ConfigurationError(f"{name!r} cannot be a command's name: take a word of letters, digits and _")
    signature = inspect.signature(function)
    first = next(iter(signature.parameters), None)
    if first not in ("node", "lab"):
        raise ConfigurationError(
            f"the first argument of a command is 'node' or 'lab', and that of {function.__name__} is {first!r}"
        )
    hints = _hints(function)
    lines = inspect.cleandoc(function.__doc__ or "").split("\n\n", 1)
    parameters = tuple(
        _parameter(parameter, hints.get(parameter.name, Any)) for parameter in list(signature.parameters.values())[1:]
    )
    is_own = not function.__module__.startswith("p2plab.")
    return CommandSpec(
        plain_name,
        " ".join(lines[0].split()) or f"A command of your own, from {function.__module__}.",
        lines[1].strip() if len(lines) > 1 else "",
        "node" if first == "node" else "lab",
        worlds,
        group or ("your own" if is_own else function.__module__.rpartition(".")[2]),
        parameters,
        function,
        hints.get("return"),
        tuple(Example(example) if isinstance(example, str) else example for example in examples),
        verb,
        is_own,
    )


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations, of which that of the first argument need not be importable."""
    first = next(iter(inspect.signature(function).parameters), "")
    wanted = {name: hint for name, hint in inspect.get_annotations(function).items() if name != first}
    holder = types.SimpleNamespace(__annotations__=wanted)
    try:
        return typing.get_type_hints(holder, function.__globals__, include_extras=True)
    except NameError as error:
        raise ConfigurationError(f"an annotation of {function.__name__} cannot be found: {error}") from error


def _parameter(parameter: inspect.Parameter, annotation: Any) -> Parameter:
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise ConfigurationError(f"a command takes named arguments, and {parameter} is none")
    about = about_of(annotation) or About(_type_name(annotation))
    return Parameter(parameter.name, annotation, about, parameter.default)


def about_of(annotation: Any) -> About | None:
    """What an annotation says of itself, wherever in it that stands."""
    found = [extra for extra in getattr(annotation, "__metadata__", ()) if isinstance(extra, About)]
    if found:
        return found[-1]
    inner = [about_of(part) for part in typing.get_args(annotation) if part is not type(None)]
    return next((about for about in inner if about is not None), None)


def _base(annotation: Any) -> Any:
    """The type that an annotation is about, without what it says besides."""
    return typing.get_args(annotation)[0] if typing.get_origin(annotation) is typing.Annotated else annotation


def _choices(annotation: Any) -> tuple[str, ...]:
    if typing.get_origin(annotation) is Literal:
        return tuple(str(choice) for choice in typing.get_args(annotation))
    for part in typing.get_args(annotation):
        if _choices(part):
            return _choices(part)
    return ()


def _type_name(annotation: Any) -> str:
    """A type in words: ``text``, ``number``, ``list``."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _type_name(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return " | ".join(_type_name(part) for part in typing.get_args(annotation) if part is not type(None))
    names = {str: "text", int: "whole number", float: "number", bool: "true | false", bytes: "bytes", Any: "any"}
    if annotation in names:
        return names[annotation]
    return "list" if origin is list else getattr(annotation, "__name__", str(annotation))


def plain_form(name: str) -> str:
    """A name without its ``libp2p_``, and with underscores for dots and dashes."""
    return name.strip().removeprefix(PREFIX).replace(".", "_").replace("-", "_")


def find(name: object) -> CommandSpec:
    """The command of this name, with or without ``libp2p_``. ValidationError, with those that are like it."""
    if not isinstance(name, str):
        raise ValidationError(f"a command's name is text, not {type(name).__name__}")
    found = TABLE.get(plain_form(name))
    if found is None:
        near = difflib.get_close_matches(plain_form(name).lower(), TABLE, n=3, cutoff=0.5)
        meant = f"did you mean {' or '.join(near)}? " if near else ""
        raise ValidationError(f"there is no command {name[:80]!r}; {meant}the command 'commands' lists them all")
    return found


def names() -> list[str]:
    """The names of all commands, sorted."""
    return sorted(TABLE)
