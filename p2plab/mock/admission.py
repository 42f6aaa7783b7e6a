"""The doors of mock nodes (``p2plab.admission``): how they are made, and what they are asked and told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from p2plab.errors import UnknownNodeError
from p2plab.identity.keys import parse_peer_id
from p2plab.stream.errors import StreamError
from p2plab.typing import Connection, Direction, PeerId

if TYPE_CHECKING:
    from p2plab.admission.door import Door, Site
    from p2plab.admission.ledger import Entry
    from p2plab.admission.settings import Admission
    from p2plab.mock.connection import End
    from p2plab.mock.host import MockHost


SHORTEST_PEER_ID = 32  # characters; what is shorter was meant as a name


class MockHouse:
    """Implements ``p2plab.admission.door.House`` for a node."""

    def __init__(self, host: MockHost) -> None:
        self.name = host.name
        self.index = host.index
        self._host = host

    def index_of_peer(self, peer: PeerId) -> int:
        """What stands for a peer in the event log; -1 for one that is not of this lab."""
        found = self._host.world.find(str(peer))
        return -1 if found is None else found.index

    def peer_named(self, peer: str) -> PeerId:
        """The peer id of a node's name or a peer id. UnknownNodeError or PeerIdError."""
        found = self._host.world.find(peer)
        if found is not None:
            return found.peer_id
        if len(peer) < SHORTEST_PEER_ID or not peer.isalnum():
            raise UnknownNodeError(f"no node of this lab is {peer!r}; lab.nodes lists them")
        return parse_peer_id(peer)

    def close_connection(self, number: int, reason: str, cause: int) -> None:
        """Close a connection from this end."""
        events = self._host.world.events
        for ends in list(self._host.ends.values()):
            for end in list(ends):
                if end.id == number:
                    before, events.cause = events.cause, cause
                    end.close(reason)
                    events.cause = before

    def connections(self) -> list[Connection]:
        """Those that are open."""
        return self._host.connections()


def new_door(host: MockHost) -> Door | None:
    """A node's door, where the lab or its own settings say anything about admission."""
    admission = host.world.admission
    if host.settings:
        admission = admission.with_changes(host.settings)
    return _door(host, admission) if admission.is_set else None


def late_door(host: MockHost) -> Door:
    """A door for a node that had none, which knows of the connections and streams there are."""
    door = _door(host, host.world.admission.with_changes(host.settings))
    door.adopt(host.connections())
    protocols = {stream.id: stream.protocol for stream in host.streams()}
    for ends in host.ends.values():
        for end in ends:
            site = site_of(end)
            for raw in (end.streams or {}).values():
                raw.entry = door.adopt_stream(raw.direction, site, protocols.get(raw.id), host.world.stream_window)
    return door


def _door(host: MockHost, admission: Admission) -> Door:
    from p2plab.admission.door import Door

    return Door(MockHouse(host), host.world.runtime, host.world.events, admission)


def site_of(end: End) -> Site:
    """Where the streams of a connection are opened."""
    from p2plab.admission.door import Site

    other = end.remote.host
    return Site(end.id, other.peer_id, other.address)


def named(host: MockHost, peer_id: PeerId | None) -> PeerId | None:
    """A peer id with the name that its node has in the lab, if it is one of it."""
    found = None if peer_id is None else host.world.find(peer_id)
    return peer_id if found is None else found.peer_id


@contextmanager
def admitted(host: MockHost, other: MockHost, direction: Direction, protocol: str) -> Iterator[None]:
    """Around a request and its answer whose stream is not played, nor its connection where there is none (the DHT's):
    what they take, and what one end's door says to them. RefusedError; StreamError of kind ``refused`` or ``limit``."""
    door = host.door
    if door is None:
        yield
        return
    from p2plab.admission.door import Site

    connection = stream = None
    ends = host.ends.get(other.index)
    try:
        if not ends:
            connection = (
                door.dial(other.peer_id, other.address) if direction == "outbound" else door.accept(other.address)
            )
            door.proved(connection, other.peer_id, other.address)
        site = site_of(ends[0]) if ends else Site(-1, other.peer_id, other.address)
        if direction == "outbound":
            stream, _ = door.outgoing(site, [protocol], host.world.stream_window)
        else:
            stream = door.incoming(site, host.world.stream_window)
        door.agreed(stream, site, protocol)
        yield
    finally:
        door.ended(stream)
        door.ended(connection)


def may_speak(end: End, protocol: str) -> bool:
    """Whether both doors let one end of a wired connection open its pubsub stream, which is not played either."""
    here, there = end.host, end.remote.host
    try:
        with admitted(here, there, "outbound", protocol), admitted(there, here, "inbound", protocol):
            return True
    except StreamError:  # on record
        return False


def admit_wired(dialler: MockHost, listener: MockHost) -> tuple[Entry | None, Entry | None]:
    """Ask both doors about a connection that is set up without its handshakes. DialError where one says no."""
    from p2plab.admission.request import RefusedError

    out = None
    try:
        if dialler.door is not None:
            out = dialler.door.dial(listener.peer_id, listener.address)
        if listener.door is None:
            return out, None
        into = listener.door.accept(dialler.address)
        listener.door.proved(into, dialler.peer_id, dialler.address)
        return out, into
    except RefusedError as error:
        if dialler.door is not None:
            dialler.door.ended(out)
        by_itself = out is None and dialler.door is not None
        why = str(error) if by_itself else "handshake failed: the listener closed the connection"
        events = dialler.world.events
        before, events.cause = events.cause, -1 if error.event is None else error.event
        failed = dialler.reach.failed(listener.name, listener, [(listener.address, 0.0, why)])
        events.cause = before
        raise failed from error
