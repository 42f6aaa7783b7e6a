"""Peers, connections and addresses, as rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from p2plab.commands.rows.row import row_of
from p2plab.errors.likely import Nothing
from p2plab.typing import Connection, PeerInfo

if TYPE_CHECKING:
    from p2plab.protocols.capabilities import Capability
    from p2plab.routing.address_book import AddressTable


class PeerRow(TypedDict):
    """A peer: its name in this lab (else the end of its id), its id, its multiaddrs."""

    name: str
    peer_id: str
    addresses: list[str]


class _Peers(TypedDict):
    peers: list[PeerRow]
    count: int


class Peers(_Peers, total=False):
    """Peers; ``note`` says why there are none where a name is unknown, and stands there only then."""

    note: str


class Identified(TypedDict):
    """What a peer tells of itself by identify."""

    name: str
    peer_id: str
    addresses: list[str]
    protocols: list[str]
    agent_version: str
    protocol_version: str
    observed_address: str | None


class KnownPeer(TypedDict):
    """A peer under the names that other libraries' ``execute_command`` gives its id and addresses."""

    id: str
    addrs: list[str]


class ConnectionRow(TypedDict):
    """A connection as its node sees it. ``opened_at`` is in seconds of lab time."""

    peer: str
    peer_id: str
    direction: str
    transport: str
    security: str
    muxer: str
    remote_address: str
    relayed: bool
    opened_at: float
    id: int


class Connections(TypedDict):
    connections: list[ConnectionRow]
    count: int


class CapabilityRow(TypedDict):
    """What a protocol of a peer's can do."""

    name: str
    versions: list[str]
    features: list[str]


class Capabilities(TypedDict):
    capabilities: list[CapabilityRow]
    count: int


def peer_row(peer: PeerInfo) -> PeerRow:
    return PeerRow(name=peer.name, peer_id=str(peer.peer_id), addresses=list(peer.addresses))


@row_of("list[PeerInfo]")
def peer_rows(peers: list[PeerInfo]) -> Peers:
    rows = Peers(peers=[peer_row(peer) for peer in peers], count=len(peers))
    if isinstance(peers, Nothing):
        rows["note"] = peers.why
    return rows


@row_of("PeerInfo")
def identified_row(info: PeerInfo) -> Identified:
    return Identified(
        name=info.name,
        peer_id=str(info.peer_id),
        addresses=list(info.addresses),
        protocols=list(info.protocols),
        agent_version=info.agent_version,
        protocol_version=info.protocol_version,
        observed_address=info.observed_address,
    )


def known_rows(peers: Iterable[PeerInfo]) -> list[KnownPeer]:
    return [KnownPeer(id=str(peer.peer_id), addrs=list(peer.addresses)) for peer in peers]


class AddressRow(TypedDict):
    """An address of a peer, and where it is from; times in seconds of lab time, ``expires`` None where it stays."""

    peer_id: str
    address: str
    by: str
    told_by: str | None
    learnt: float
    expires: float | None
    certified: bool


class AddressBookRow(TypedDict):
    addresses: list[AddressRow]
    count: int


@row_of("AddressTable")
def address_rows(table: AddressTable) -> AddressBookRow:
    rows = [
        AddressRow(
            peer_id=row.peer,
            address=row.address,
            by=row.by,
            told_by=row.told_by,
            learnt=row.learnt,
            expires=row.expires,
            certified=row.certified,
        )
        for row in table
    ]
    return AddressBookRow(addresses=rows, count=len(rows))


@row_of("Connection")
def connection_row(connection: Connection) -> ConnectionRow:
    peer = connection.peer
    return ConnectionRow(
        peer=peer.name or peer.short,
        peer_id=str(peer),
        direction=connection.direction,
        transport=connection.transport,
        security=connection.security,
        muxer=connection.muxer,
        remote_address=connection.remote_address,
        relayed=connection.relayed,
        opened_at=connection.opened_at,
        id=connection.id,
    )


@row_of("list[Connection]")
def connection_rows(connections: list[Connection]) -> Connections:
    return Connections(connections=[connection_row(one) for one in connections], count=len(connections))


@row_of("list[Capability]")
def capability_rows(found: list[Capability]) -> Capabilities:
    rows = [CapabilityRow(name=one.name, versions=list(one.versions), features=list(one.features)) for one in found]
    return Capabilities(capabilities=rows, count=len(rows))
