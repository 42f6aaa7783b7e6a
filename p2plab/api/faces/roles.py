"""``lab.roles``: the table of what nodes are there for, to be read and changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from p2plab.errors import ValidationError
from p2plab.errors.frames import Faced
from p2plab.roles import ALIASES, Role
from p2plab.text import Tabular
from p2plab.worlds import World

__all__ = ["LabRoles"]


class LabRoles(Tabular, Faced):
    """Roles by name. ``lab.roles["worker"]`` and the other names of the seed's cluster stand for these: master is
    bootstrap, worker is pinner, leecher is fetcher.

    Example:
        >>> [role.name for role in lab.roles]
        ['relay', 'bootstrap', 'gateway', 'pinner', 'fetcher']
        >>> role = lab.roles.define("archivist", like="pinner", about="keeps the old issues")
        >>> dave = lab.start_node("dave", role="archivist")
        >>> alice.identify(dave).roles
        ['archivist']
    """

    _HEAD = ("role", "serves", "refuses", "keeps for others", "announced by", "nodes", "about")

    def __init__(self, world: World) -> None:
        self._world = world

    def __getitem__(self, name: str) -> Role:
        return self._world.roles[name]

    def __contains__(self, name: object) -> bool:
        return name in self._world.roles

    def __iter__(self) -> Iterator[Role]:
        return iter(self._world.roles)

    def __len__(self) -> int:
        return len(self._world.roles)

    @property
    def aliases(self) -> dict[str, str]:
        """Other names of roles."""
        return dict(ALIASES)

    def define(self, name: str, like: str | None = None, **fields: Any) -> Role:
        """Add a role of one's own.

        Args:
            name: 1 to 32 lower-case letters, digits and -
            like: a role to begin from; left out, one that serves and refuses nothing
            fields: ``about``, ``serves``, ``refuses``, ``pins``, ``stores``, ``announces``, ``announced_by``, in place
                of those it begins with; see ``p2plab.roles.Role``

        Returns:
            The Role.

        Raises:
            ValidationError: no such name or field, or a role that there is already.
        """
        if name in self:
            raise ValidationError(f"there is a role {name!r} already: lab.roles.change({name!r}, ...) changes it")
        start = Role(name) if like is None else self[like].with_changes(name=name)
        return self._put(start.with_changes(**fields))

    def change(self, name: str, **fields: Any) -> Role:
        """Change a role; the nodes that have it go by it from now on, and tell their peers.

        Args:
            name: the role's name, or another name of it
            fields: ``about``, ``serves``, ``refuses``, ``pins``, ``stores``, ``announces``, ``announced_by``; those
                left out stay as they are

        Returns:
            The Role as it is now.

        Raises:
            ValidationError: no such role or field.
            NotInThisWorldError: a node that has it cannot serve that in this world; nothing has changed then.
        """
        role = self[name]
        if "name" in fields:
            raise ValidationError("a role keeps its name; lab.roles.define(..., like=...) makes another one")
        return self._put(role.with_changes(**fields))

    def _put(self, role: Role) -> Role:
        self._world.call(self._world.change_role, role)
        return role

    def of(self, node: Any) -> Role | None:
        """Give the role of a node; None where nobody said what it is there for.

        Args:
            node: a node of this lab, or its name
        """
        from p2plab.host.names import unknown

        hosts = self._world.read(self._world.hosts)
        if str(node) not in hosts:
            raise unknown(str(node), hosts)
        return hosts[str(node)].role

    def nodes(self, role: str) -> list[str]:
        """List the names of the nodes that have a role.

        Args:
            role: its name, or another name of it

        Raises:
            ValidationError: there is no such role.
        """
        wanted = self[role].name
        hosts = self._world.read(self._world.hosts)
        return [name for name, host in hosts.items() if host.role is not None and host.role.name == wanted]

    def rows(self) -> list[dict[str, Any]]:
        """Give the table as plain data, a dict for each role: its fields, and ``nodes``, the names of those who have
        it."""
        return [{**asdict(role), "nodes": self.nodes(role.name)} for role in self]

    def _cells(self) -> list[tuple[str, ...]]:
        return [
            (
                row["name"],
                ", ".join(row["serves"]),
                ", ".join(row["refuses"]),
                _kept(row),
                ", ".join(row["announced_by"]),
                ", ".join(row["nodes"]),
                row["about"],
            )
            for row in self.rows()
        ]


def _kept(row: dict[str, Any]) -> str:
    """What a role keeps of what it is asked to keep, in words."""
    if not row["pins"]:
        return ""
    room = "any" if row["stores"] is None else f"{row['stores']:,} bytes"
    return f"{room}{', announced' if row['announces'] else ''}"
