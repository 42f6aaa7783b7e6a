"""Roles: what a node is there for, as a table that can be read and changed, and how its peers hear of it."""

from __future__ import annotations

from p2plab.roles.role import SERVICES as SERVICES
from p2plab.roles.role import Role as Role
from p2plab.roles.table import ALIASES as ALIASES
from p2plab.roles.table import RoleTable as RoleTable

__all__ = ["ALIASES", "SERVICES", "Role", "RoleTable"]
