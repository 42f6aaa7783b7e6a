"""Roles: what nodes are there for, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import TypedDict

from p2plab.commands.table import command

if TYPE_CHECKING:
    from p2plab.api.aio.lab import AsyncLab


class RoleRow(TypedDict):
    """A role, and the names of the nodes that have it."""

    name: str
    about: str
    serves: list[str]
    refuses: list[str]
    announced_by: list[str]
    nodes: list[str]


class Roles(TypedDict):
    """``aliases``: other names of roles."""

    roles: list[RoleRow]
    aliases: dict[str, str]


@command(examples=["roles"])
async def roles(lab: AsyncLab) -> Roles:
    """List what nodes can be there for, and who is."""
    rows: list[Any] = [
        {name: list(value) if isinstance(value, tuple) else value for name, value in row.items()}
        for row in lab.roles.rows()
    ]
    return Roles(roles=rows, aliases=lab.roles.aliases)
