"""Nodes of the lab and nodes outside it, as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from p2plab.commands.rows.row import row_of

if TYPE_CHECKING:
    from p2plab.api.aio.node import AsyncNode
    from p2plab.api.faces.outside import AttachedNode


class NodeRow(TypedDict):
    """A node: its name, its peer id, whether it runs, its multiaddrs."""

    name: str
    peer_id: str
    running: bool
    addresses: list[str]


class Nodes(TypedDict):
    nodes: list[NodeRow]
    count: int


class Wired(TypedDict):
    """Pairs of names."""

    edges: list[list[str]]
    count: int


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


@row_of("AsyncNode")
def node_row(node: AsyncNode) -> NodeRow:
    return NodeRow(name=node.name, peer_id=str(node.peer_id), running=node.running, addresses=list(node.addresses))


@row_of("list[AsyncNode]")
@row_of("list[N]")
def node_rows(nodes: list[AsyncNode]) -> Nodes:
    return Nodes(nodes=[node_row(node) for node in nodes], count=len(nodes))


@row_of("list[tuple[str, str]]")
def pair_rows(pairs: list[tuple[str, str]]) -> Wired:
    return Wired(edges=[list(pair) for pair in pairs], count=len(pairs))


@row_of("AttachedNode")
def outsider_row(node: AttachedNode) -> OutsiderRow:
    return OutsiderRow(
        name=node.name,
        peer_id=str(node.peer_id),
        addresses=list(node.addresses),
        running=node.running,
        agent_version=node.info.agent_version,
        protocols=list(node.info.protocols),
    )


@row_of("dict[str, AttachedNode]")
def outsider_rows(nodes: dict[str, AttachedNode]) -> Outsiders:
    return Outsiders(attached=[outsider_row(node) for node in nodes.values()], count=len(nodes))
