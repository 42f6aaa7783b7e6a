"""Nodes outside the lab, in any language."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from p2plab.commands.arguments import About, Addresses, PeerName, Timeout
from p2plab.commands.table import Example, command
from p2plab.commands.verbs import LabVerbs, OutsiderVerbs, finished

SOMEBODY = "/ip4/127.0.0.1/tcp/4002/p2p/12D3KooWDtRJs7bmwLHooFDzzC8cQqc1dZMLtVv8XZASdByzTik4"

Name = Annotated[
    str | None,
    Field(min_length=1, max_length=64),
    About("its name here, 1 to 64 printable characters; left out: one made of its agent version"),
]


class OutsiderRow(TypedDict):
    """A node outside: its name here, its peer id, the multiaddrs it was attached by, whether it answers, and what it
    says of itself."""

    name: str
    peer_id: str
    addresses: list[str]
    running: bool
    agent_version: str
    protocols: list[str]


class Outsiders(TypedDict):
    attached: list[OutsiderRow]
    count: int


class Detached(TypedDict):
    detached: bool
    name: str


def _row(node: OutsiderVerbs) -> OutsiderRow:
    return OutsiderRow(
        name=node.name,
        peer_id=str(node.peer_id),
        addresses=list(node.addresses),
        running=node.running,
        agent_version=node.info.agent_version,
        protocols=list(node.info.protocols),
    )


@command(verb="attach", worlds="real", examples=[f"attach {SOMEBODY}", f"attach {SOMEBODY} timeout=5s"])
async def attach(lab: LabVerbs, address: Addresses, name: Name = None, timeout: Timeout = None) -> OutsiderRow:
    """Take a node that runs outside this program into the pictures and lists of the lab."""
    return _row(await finished(lab.attach(address, name, timeout)))


@command(verb="detach", worlds="real", examples=[Example("detach js", (f"attach {SOMEBODY} name=js",))])
async def detach(lab: LabVerbs, node: Annotated[PeerName, About("an attached node's name", "attached")]) -> Detached:
    """Watch an attached node no longer; connections to it stay as they are."""
    lab.detach(node)
    return Detached(detached=True, name=node)


@command(worlds="real", examples=["attached"])
async def attached(lab: LabVerbs) -> Outsiders:
    """List the nodes outside that were attached to the lab."""
    rows = [_row(node) for node in lab.attached.values()]
    return Outsiders(attached=rows, count=len(rows))
