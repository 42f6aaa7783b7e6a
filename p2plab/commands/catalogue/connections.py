"""Dialling, hanging up, and asking peers who they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from p2plab.commands.arguments import Addresses, PeerIdText, PeerName
from p2plab.commands.rows import KnownPeer, known_rows
from p2plab.commands.running import finished
from p2plab.commands.table import command
from p2plab.typing import Connection

if TYPE_CHECKING:
    from p2plab.api.aio.node import AsyncNode


class ConnectedPeerResult(TypedDict):
    connected: bool
    peer_id: str


class PeerList(TypedDict):
    peers: list[KnownPeer]


class KnownPeers(TypedDict):
    peers: list[KnownPeer]
    count: int


class RegisteredResult(TypedDict):
    node_id: str
    registered: bool


NOBODY = "12D3KooWGRUfvqMAzYbVY2DBjTZyb7Tk6r8sQk5xzKDkA1nHkaVZ"
A_MULTIADDR = f"/ip4/127.0.0.1/tcp/4001/p2p/{NOBODY}"


@command(verb="connect", examples=["libp2p_connect_peer alice bob"])
async def connect_peer(node: AsyncNode, peer_addr: PeerName) -> ConnectedPeerResult:
    """Dial a peer, as other libraries' ``execute_command`` does."""
    connection: Connection = await finished(node.connect(peer_addr))
    return ConnectedPeerResult(connected=True, peer_id=str(connection.peer))


@command(verb="peers", examples=["libp2p_get_peers"])
async def get_peers(node: AsyncNode) -> PeerList:
    """List the peers a node is connected to, as other libraries' ``execute_command`` does."""
    return PeerList(peers=known_rows(node.peers()))


@command(verb="known_peers", examples=["list_known_peers alice"])
async def list_known_peers(node: AsyncNode) -> KnownPeers:
    """List a node's address book: every peer it has an address of."""
    rows = known_rows(node.known_peers())
    return KnownPeers(peers=rows, count=len(rows))


@command(verb="register_peer", examples=[f"register_node alice {NOBODY} {A_MULTIADDR}"])
async def register_node(node: AsyncNode, node_id: PeerIdText, addrs: Addresses) -> RegisteredResult:
    """Add multiaddrs of a peer to a node's address book."""
    node.register_peer(node_id, addrs)
    known = any(str(peer.peer_id) == node_id for peer in node.known_peers())
    return RegisteredResult(node_id=node_id, registered=known)
