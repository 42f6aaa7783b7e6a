"""Nodes outside the lab, in any language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from typing_extensions import TypedDict

from p2plab.commands.arguments import About, PeerName
from p2plab.commands.table import Example, command

if TYPE_CHECKING:
    from p2plab.api.aio.lab import AsyncLab

SOMEBODY = "/ip4/127.0.0.1/tcp/4002/p2p/12D3KooWDtRJs7bmwLHooFDzzC8cQqc1dZMLtVv8XZASdByzTik4"


class Detached(TypedDict):
    detached: bool
    name: str


@command(verb="detach", worlds="real", examples=[Example("detach js", (f"attach {SOMEBODY} name=js",))])
async def detach(lab: AsyncLab, node: Annotated[PeerName, About("an attached node's name", "attached")]) -> Detached:
    """Watch an attached node no longer; connections to it stay as they are."""
    lab.detach(node)
    return Detached(detached=True, name=node)
