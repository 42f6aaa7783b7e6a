"""The DHT: values, providers, peers, and what the tables look like. Keys are paths, peer ids or names of nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from typing_extensions import TypedDict

from p2plab.commands.arguments import About, Cid
from p2plab.commands.running import finished
from p2plab.commands.table import command

if TYPE_CHECKING:
    from p2plab.api.aio.node import AsyncNode

A_CID = "bafkreidon73zkcrwdb5iafqtijxildoonbwnpv7dyd6ef3qdgads2jc4su"


class Announced(TypedDict):
    announced: bool
    cid: str


class Mode(TypedDict):
    mode: str


@command(verb="routing.provide", examples=[f"libp2p_announce_content {A_CID}"])
async def announce_content(node: AsyncNode, cid: Cid) -> Announced:
    """Announce content, as other libraries' ``execute_command`` does.

    Announced means that the node answers for it from now on, and has told the closest peers there are, if any.
    """
    await finished(node.routing.provide(cid))
    return Announced(announced=True, cid=cid)


@command(verb="dht.set_mode", examples=["dht_mode alice client"])
async def dht_mode(
    node: AsyncNode,
    mode: Annotated[Literal["client", "server"], About("a client answers nothing, and is in nobody's table", "mode")],
) -> Mode:
    """Make a node a client or a server of the DHT, and tell its peers."""
    node.dht.set_mode(mode)
    return Mode(mode=node.dht.mode)
