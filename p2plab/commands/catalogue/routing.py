"""Roles as a table, and who provides content, as other libraries' ``execute_command`` asks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import TypedDict

from p2plab.commands.arguments import Cid
from p2plab.commands.catalogue.dht import A_CID
from p2plab.commands.rows import PeerRow, peer_row
from p2plab.commands.running import finished
from p2plab.commands.table import command

if TYPE_CHECKING:
    from p2plab.api.aio.lab import AsyncLab
    from p2plab.api.aio.node import AsyncNode


class ProvidersOf(TypedDict):
    """Who provides a CID, the best provider first."""

    cid: str
    providers: list[PeerRow]
    count: int


@command(verb="routing.find_providers", examples=[f"libp2p_find_providers {A_CID}"])
async def find_providers(node: AsyncNode, cid: Cid) -> ProvidersOf:
    """Find who provides content, by every router, the providers that served this node best first."""
    found = await finished(node.routing.find_providers(cid))
    providers = [peer_row(peer) for peer in node.routing.rank(found.providers)]
    return ProvidersOf(cid=cid, providers=providers, count=len(providers))


class RoleRow(TypedDict):
    """A role, and the names of the nodes that have it."""

    name: str
    about: str
    serves: list[str]
    refuses: list[str]
    announced_by: list[str]
    pins: bool
    stores: int | None
    announces: bool
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
