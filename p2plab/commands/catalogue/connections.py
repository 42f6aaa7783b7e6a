"""Dialling, hanging up, and asking peers who they are."""

from __future__ import annotations

from typing import Annotated

from typing_extensions import TypedDict

from p2plab.commands.arguments import About, Addresses, PeerIdText, PeerName, Timeout
from p2plab.commands.catalogue.results import (
    Connected,
    KnownPeer,
    Peer,
    connection_row,
    known_rows,
    peer_rows,
)
from p2plab.commands.table import Example, command
from p2plab.commands.verbs import NodeVerbs, finished
from p2plab.typing import Connection, PeerInfo


class ConnectedPeer(TypedDict):
    connected: bool
    peer_id: str


class Disconnected(TypedDict):
    """``disconnected``: whether there was a connection."""

    disconnected: bool
    peer: str


class Connections(TypedDict):
    connections: list[Connected]
    count: int


class Peers(TypedDict):
    peers: list[Peer]
    count: int


class PeerList(TypedDict):
    peers: list[KnownPeer]


class KnownPeers(TypedDict):
    peers: list[KnownPeer]
    count: int


class RoundTrip(TypedDict):
    """``seconds`` there and back."""

    peer: str
    seconds: float


class Identified(TypedDict):
    name: str
    peer_id: str
    addresses: list[str]
    protocols: list[str]
    agent_version: str
    protocol_version: str
    observed_address: str | None


class Registered(TypedDict):
    node_id: str
    registered: bool


class Protocols(TypedDict):
    protocols: list[str]


NOBODY = "12D3KooWGRUfvqMAzYbVY2DBjTZyb7Tk6r8sQk5xzKDkA1nHkaVZ"
A_MULTIADDR = f"/ip4/127.0.0.1/tcp/4001/p2p/{NOBODY}"


@command(verb="connect", examples=["connect alice bob", "connect bob"])
async def connect(node: NodeVerbs, peer: PeerName, timeout: Timeout = None) -> Connected:
    """Dial a node, a peer id or a multiaddr; where there is a connection, that one is given."""
    return connection_row(await finished(node.connect(peer, timeout)))


@command(verb="connect", examples=["libp2p_connect_peer alice bob"])
async def connect_peer(node: NodeVerbs, peer_addr: PeerName) -> ConnectedPeer:
    """Dial a peer, as other libraries' ``execute_command`` does."""
    connection: Connection = await finished(node.connect(peer_addr))
    return ConnectedPeer(connected=True, peer_id=str(connection.peer))


@command(verb="disconnect", examples=["disconnect alice bob"])
async def disconnect(node: NodeVerbs, peer: PeerName) -> Disconnected:
    """Close every connection to a peer."""
    return Disconnected(disconnected=await finished(node.disconnect(peer)), peer=peer)


@command(verb="connections", examples=["connections alice", "connections alice peer=bob"])
async def connections(
    node: NodeVerbs, peer: Annotated[PeerName | None, About("only those to this peer; left out: all", "peer")] = None
) -> Connections:
    """List a node's open connections."""
    rows = [connection_row(connection) for connection in node.connections(peer)]
    return Connections(connections=rows, count=len(rows))


@command(verb="peers", examples=["peers bob"])
async def peers(node: NodeVerbs) -> Peers:
    """List the peers a node is connected to."""
    rows = peer_rows(node.peers())
    return Peers(peers=rows, count=len(rows))


@command(verb="peers", examples=["libp2p_get_peers"])
async def get_peers(node: NodeVerbs) -> PeerList:
    """List the peers a node is connected to, as other libraries' ``execute_command`` does."""
    return PeerList(peers=known_rows(node.peers()))


@command(verb="known_peers", examples=["list_known_peers alice"])
async def list_known_peers(node: NodeVerbs) -> KnownPeers:
    """List a node's address book: every peer it has an address of."""
    rows = known_rows(node.known_peers())
    return KnownPeers(peers=rows, count=len(rows))


@command(verb="register_peer", examples=[f"register_node alice {NOBODY} {A_MULTIADDR}"])
async def register_node(node: NodeVerbs, node_id: PeerIdText, addrs: Addresses) -> Registered:
    """Add multiaddrs of a peer to a node's address book."""
    node.register_peer(node_id, addrs)
    known = any(str(peer.peer_id) == node_id for peer in node.known_peers())
    return Registered(node_id=node_id, registered=known)


@command(verb="ping", examples=["ping alice bob", "ping alice bob timeout=5s"])
async def ping(node: NodeVerbs, peer: PeerName, timeout: Timeout = None) -> RoundTrip:
    """Measure the round-trip time to a peer; it is dialled if need be."""
    return RoundTrip(peer=peer, seconds=await finished(node.ping(peer, timeout)))


@command(verb="identify", examples=["identify alice bob"])
async def identify(node: NodeVerbs, peer: PeerName, timeout: Timeout = None) -> Identified:
    """Ask a peer who it is; it is dialled if need be."""
    info: PeerInfo = await finished(node.identify(peer, timeout))
    return Identified(
        name=info.name,
        peer_id=str(info.peer_id),
        addresses=list(info.addresses),
        protocols=list(info.protocols),
        agent_version=info.agent_version,
        protocol_version=info.protocol_version,
        observed_address=info.observed_address,
    )


@command(verb="protocols", examples=["protocols alice", Example("protocols bob", ("serve bob /echo/1.0.0",))])
async def protocols(node: NodeVerbs) -> Protocols:
    """List the protocol ids a node answers."""
    return Protocols(protocols=list(node.protocols()))
