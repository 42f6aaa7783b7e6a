"""What admission is told of a node (``p2plab.admission``): who its peers are, and which connections there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from p2plab.host.names import peer_id_of
from p2plab.typing import Connection, PeerId

if TYPE_CHECKING:
    from p2plab.admission import Admission
    from p2plab.admission.door import Door, Site
    from p2plab.host.host import Host
    from p2plab.host.protocols import HostConnection

__all__ = ["DoorOwner", "late_door", "new_door"]


def new_door(host: Host[Any]) -> Door | None:
    """A node's, where its settings, or its lab's, say anything about admission."""
    admission = host.admission_settings
    return _door(host, admission) if admission.is_set else None


def late_door(host: Host[Any]) -> Door:
    """One for a node that had none, which knows of the connections and streams there are."""
    door = _door(host, host.admission_settings)
    door.adopt(connection.info for connection in host.each_connection())
    protocols = {(stream.connection.id, stream.id, stream.direction): stream.protocol for stream in host.streams()}
    for connection in host.each_connection():
        site = site_of(connection)
        for raw in connection.open_streams():
            protocol = protocols.get((connection.id, raw.id, raw.direction))
            raw.entry = door.adopt_stream(raw.direction, site, protocol, host.world.stream_window)
    return door


def _door(host: Host[Any], admission: Admission) -> Door:
    from p2plab.admission.door import Door

    return Door(DoorOwner(host), host.world.runtime, host.world.events, admission)


def site_of(connection: HostConnection) -> Site:
    """Where the streams of a connection are opened."""
    from p2plab.admission.door import Site

    info = connection.info
    return Site(info.id, info.peer, info.remote_address or None)


class DoorOwner:
    """Implements ``p2plab.admission.door.House`` for a node of any world."""

    def __init__(self, host: Host[Any]) -> None:
        self.name = host.name
        self.index = host.index
        self._host = host

    def index_of_peer(self, peer: PeerId) -> int:
        """What stands for a peer in the event log; -1 for one that is not of this lab."""
        return self._host.world.index_of(peer)

    def peer_named(self, peer: str) -> PeerId:
        """The peer id of a node's name or a peer id. UnknownNodeError or PeerIdError."""
        return peer_id_of(self._host, peer)

    def close_connection(self, number: int, reason: str, cause: int) -> None:
        """Close a connection from this end."""
        events = self._host.world.events
        for connection in self._host.each_connection():
            if connection.id == number:
                before, events.cause = events.cause, cause
                connection.close(reason)
                events.cause = before

    def connections(self) -> list[Connection]:
        """Those that are open."""
        return [connection.info for connection in self._host.each_connection()]
