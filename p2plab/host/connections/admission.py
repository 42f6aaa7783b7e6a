"""What admission is told of a node (``p2plab.admission``): who its peers are, and which connections there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from p2plab.host.names import peer_id_of
from p2plab.typing import Connection, PeerId

if TYPE_CHECKING:
    from p2plab.admission import Admission
    from p2plab.admission.core import Remote
    from p2plab.admission.shell.control import AdmissionControl
    from p2plab.host.protocols import HostConnection
    from p2plab.host.verbs.streams import StreamVerbs

__all__ = ["HostForAdmission", "late_control", "new_control"]


def new_control(host: StreamVerbs[Any]) -> AdmissionControl | None:
    """A node's, where its settings, or its lab's, say anything about admission."""
    admission = host.admission_settings
    return _control(host, admission) if admission.is_set else None


def late_control(host: StreamVerbs[Any]) -> AdmissionControl:
    """One for a node that had none, which knows of the connections and streams there are."""
    control = _control(host, host.admission_settings)
    control.adopt(connection.info for connection in host.each_connection())
    protocols = {(stream.connection.id, stream.id, stream.direction): stream.protocol for stream in host.streams()}
    for connection in host.each_connection():
        remote = remote_of(connection)
        for raw in connection.open_streams():
            protocol = protocols.get((connection.id, raw.id, raw.direction))
            raw.entry = control.adopt_stream(raw.direction, remote, protocol, host.world.stream_window)
    return control


def _control(host: StreamVerbs[Any], admission: Admission) -> AdmissionControl:
    from p2plab.admission.shell.control import AdmissionControl

    return AdmissionControl(HostForAdmission(host), host.world.runtime, host.world.events, admission)


def remote_of(connection: HostConnection) -> Remote:
    """Where the streams of a connection are opened."""
    from p2plab.admission.core import Remote

    info = connection.info
    return Remote(info.id, info.peer, info.remote_address or None)


class HostForAdmission:
    """Implements ``p2plab.admission.shell.control.AdmissionHost`` for a node of any world."""

    def __init__(self, host: StreamVerbs[Any]) -> None:
        self.name = host.name
        self.index = host.index
        self._host = host

    def index_of_peer(self, peer: PeerId) -> int:
        """What stands for a peer in the event log; -1 for one that is not of this lab."""
        return self._host.world.index_of(peer)

    def peer_named(self, peer: str) -> PeerId:
        """The peer id of a node's name or a peer id. Raises UnknownNodeError or PeerIdError."""
        return peer_id_of(self._host, peer)

    def close_connection(self, number: int, reason: str, cause: int) -> None:
        """Close a connection from this end."""
        events = self._host.world.events
        for connection in self._host.each_connection():
            if connection.id == number:
                with events.because(cause):
                    connection.close(reason)

    def connections(self) -> list[Connection]:
        """Those that are open."""
        return [connection.info for connection in self._host.each_connection()]
