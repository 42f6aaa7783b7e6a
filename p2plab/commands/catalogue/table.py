"""The table about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from typing_extensions import TypedDict

from p2plab.commands.arguments import About
from p2plab.commands.table import REQUIRED, TABLE, command, find, names

if TYPE_CHECKING:
    from p2plab.api.aio.lab import AsyncLab

CommandName = Annotated[str, Field(min_length=1, max_length=80), About("the name of a command", "command")]


class CommandRow(TypedDict):
    name: str
    summary: str
    worlds: str


class Commands(TypedDict):
    commands: list[CommandRow]
    count: int


class ArgumentRow(TypedDict):
    """An argument: ``default`` is its default as text, empty where it must be given."""

    name: str
    type: str
    what: str
    default: str


class Help(TypedDict, total=False):
    """What a command is; or, where none was named, all of them by subject, and how many there are."""

    name: str
    summary: str
    usage: str
    worlds: str
    arguments: list[ArgumentRow]
    examples: list[str]
    subjects: dict[str, list[CommandRow]]
    count: int


@command(examples=["commands"])
async def commands(lab: AsyncLab) -> Commands:
    """List every command."""
    rows = [_row(name) for name in names()]
    return Commands(commands=rows, count=len(rows))


@command(examples=["help connect", "help"])
async def help(lab: AsyncLab, name: CommandName = "") -> Help:
    """Explain a command: its arguments, where it works, examples; or list all of them by subject, a line each."""
    if not name:
        return _by_subject()
    found = find(name)
    rows = [
        ArgumentRow(
            name=parameter.name,
            type=parameter.type,
            what=parameter.what,
            default="" if parameter.default is REQUIRED else repr(parameter.default),
        )
        for parameter in found.parameters
    ]
    return Help(
        name=found.name,
        summary=found.summary,
        usage=found.usage,
        worlds=found.worlds,
        arguments=rows,
        examples=[example.line for example in found.examples],
    )


def _row(name: str) -> CommandRow:
    return CommandRow(name=name, summary=TABLE[name].summary, worlds=TABLE[name].worlds)


def _by_subject() -> Help:
    subjects: dict[str, list[CommandRow]] = {}
    for name in names():
        subjects.setdefault(TABLE[name].group, []).append(_row(name))
    return Help(subjects={subject: subjects[subject] for subject in sorted(subjects)}, count=len(names()))
