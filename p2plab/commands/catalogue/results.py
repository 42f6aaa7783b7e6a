"""The rows that several commands' results are made of, and what they are made from."""

from __future__ import annotations

from collections.abc import Iterable

from typing_extensions import TypedDict

from p2plab.pubsub import Message
from p2plab.typing import Connection, PeerInfo


class Peer(TypedDict):
    """A peer: its name in this lab (else the end of its id), its id, its multiaddrs."""

    name: str
    peer_id: str
    addresses: list[str]


class KnownPeer(TypedDict):
    """The same under the names that other libraries' ``execute_command`` gives them."""

    id: str
    addrs: list[str]


class Connected(TypedDict):
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


class Delivered(TypedDict):
    """A message as a node received it; ``data`` is bytes, ``received_at`` in seconds of lab time."""

    topic: str
    data: bytes
    sender: str | None
    received_from: str
    received_at: float
    id: str


def peer_rows(peers: Iterable[PeerInfo]) -> list[Peer]:
    return [Peer(name=peer.name, peer_id=str(peer.peer_id), addresses=list(peer.addresses)) for peer in peers]


def known_rows(peers: Iterable[PeerInfo]) -> list[KnownPeer]:
    return [KnownPeer(id=str(peer.peer_id), addrs=list(peer.addresses)) for peer in peers]


def connection_row(connection: Connection) -> Connected:
    peer = connection.peer
    return Connected(
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


def message_row(message: Message) -> Delivered:
    sender = message.sender
    return Delivered(
        topic=message.topic,
        data=message.data,
        sender=None if sender is None else sender.name or str(sender),
        received_from=message.received_from.name or str(message.received_from),
        received_at=message.received_at,
        id=message.id,
    )
