"""The roles of a lab: those that there are from the start, and those that were added or changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from p2plab.errors import ValidationError
from p2plab.errors.likely import did_you_mean
from p2plab.roles.role import Role

__all__ = ["ALIASES", "BUILT_IN", "ROLE_SETTING", "RoleTable"]

BUILT_IN: Final = (
    Role("relay", "carries connections for nodes that cannot be dialled", serves=("relay",)),
    Role(
        "bootstrap",
        "is where new nodes join: known to all, always a DHT server and a rendezvous point",
        serves=("dht", "rendezvous"),
    ),
    Role(
        "gateway",
        "gives content, and answers those that speak no libp2p",
        serves=("dht", "blocks", "routing", "content"),
    ),
    Role("pinner", "keeps content for others and announces it", serves=("dht", "blocks"), pins=True, announces=True),
    Role("fetcher", "takes content and gives none; a DHT client", refuses=("dht", "blocks")),
)
ROLE_SETTING: Final = (
    f"what the node is there for: {', '.join(role.name for role in BUILT_IN)}, or a p2plab.roles.Role of one's own"
)
ALIASES: Final = {"master": "bootstrap", "worker": "pinner", "leecher": "fetcher"}
MAX_ROLES: Final = 1_000


class RoleTable:
    """Roles by name, in the order in which they came. Aliases stand for the names in ``ALIASES``."""

    def __init__(self) -> None:
        self._roles = {role.name: role for role in BUILT_IN}

    def __getitem__(self, name: str) -> Role:
        """ValidationError for a role that there is not."""
        role = self._roles.get(ALIASES.get(name, name)) if isinstance(name, str) else None
        if role is None:
            known = [*self._roles, *ALIASES]
            raise ValidationError(f"there is no role {name!r}; {did_you_mean(name, known)}there are {', '.join(known)}")
        return role

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and ALIASES.get(name, name) in self._roles

    def __iter__(self) -> Iterator[Role]:
        return iter(list(self._roles.values()))

    def __len__(self) -> int:
        return len(self._roles)

    def given(self, role: Any) -> Role | None:
        """The role that a setting stands for: a name, an alias, a Role of one's own, or None.
        Raises ValidationError."""
        if role is None:
            return None
        if not isinstance(role, Role):
            if not isinstance(role, str):
                raise ValidationError(f"role={role!r}: take the name of a role, or p2plab.roles.Role(...)")
            if role not in self:
                names = [*self._roles, *ALIASES]
                raise ValidationError(f"role={role!r}: {did_you_mean(role, names)}there are {', '.join(names)}")
            return self[role]
        self.check(role)
        known = self._roles.get(role.name)
        if known is not None and known != role:
            raise ValidationError(
                f"there is another role {role.name!r} already: lab.roles.change({role.name!r}, ...) changes it"
            )
        return role

    def check(self, role: Role) -> None:
        """ValidationError for one that cannot be put in."""
        if role.name in ALIASES:
            raise ValidationError(f"{role.name!r} is another name of the role {ALIASES[role.name]!r}")
        if role.name not in self._roles and len(self._roles) >= MAX_ROLES:
            raise ValidationError(f"a lab has at most {MAX_ROLES} roles")

    def put(self, role: Role) -> None:
        """Put a role in, in place of the one of that name."""
        self.check(role)
        self._roles[role.name] = role
