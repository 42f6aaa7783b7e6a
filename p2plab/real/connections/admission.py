"""The doors of real nodes (``p2plab.admission``): where py-libp2p's stack asks them, and what it tells them.

A connection is asked about before it is dialled or read from, and again when its peer has proved who it is: between
security and muxer, so that whoever is turned away learns it from a handshake that fails; of transports that bring their
own muxer (QUIC, ...) when they hand their connection over. A stream is asked about before it is opened, when it comes
in, and for each protocol that its peer proposes.

What is asked in one place of the library and needed in another travels in the task's context.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from libp2p.abc import INetStream
from libp2p.host.exceptions import StreamFailure
from libp2p.peer.id import ID
from libp2p.transport.upgrader import TransportUpgrader
from multiaddr import Multiaddr

from p2plab.admission.door import Door, Site
from p2plab.admission.ledger import Entry
from p2plab.admission.request import RefusedError, ip_of
from p2plab.errors import LabError
from p2plab.host.admission import site_of
from p2plab.identity.address import parse_address
from p2plab.real.pylibp2p.windows import keep_window
from p2plab.real.transports.muxed import see
from p2plab.stream import StreamError
from p2plab.stream.flow.window import WINDOW

if TYPE_CHECKING:
    from p2plab.real.host import RealHost


class Passage:
    """A connection on its way to being one: ``entry`` is what it takes, ``address`` where its other end is."""

    def __init__(self, entrance: Entrance, entry: Entry, address: str | None) -> None:
        self.entrance = entrance
        self.entry = entry
        self.address = address
        self.proved = False
        self.taken = False

    def resolved(self, socket: tuple[str, int] | None) -> None:
        """Note where the connection has come to: the address may have been a name, which is no way round a subnet."""
        if socket is not None and (self.address is None or ip_of(self.address) is None):
            with suppress(ValueError):  # a transport without IP addresses
                ip = ip_address(socket[0])
                self.address = f"/ip{ip.version}/{ip}/tcp/{socket[1]}"


class Visit:
    """A stream on its way to its protocol; ``number`` is its connection's for it."""

    def __init__(
        self,
        entrance: Entrance,
        door: Door,
        entry: Entry,
        site: Site,
        protocols: Sequence[str] = (),
        number: int = -1,
    ) -> None:
        self.entrance = entrance
        self.entry = entry
        self.site = site
        self.protocols = list(protocols)
        self.number = number
        self._door = door

    def may_speak(self, protocol: str) -> bool:
        """Whether a protocol may be agreed on. StreamError of kind ``limit`` where there is no room for it."""
        try:
            self._door.agreed(self.entry, self.site, protocol, self.entrance.served(protocol))
        except StreamError as error:
            self.entrance.turned_away(self.site, self.number, error)
            if error.kind == "limit":
                raise
            return False
        return True


_passage: ContextVar[Passage | None] = ContextVar("the connection that this task opens", default=None)
_visit: ContextVar[Visit | None] = ContextVar("the stream that this task negotiates", default=None)


class AskingUpgrader(TransportUpgrader):
    """Asks the door between security and muxer. RefusedError."""

    async def upgrade_connection(self, conn: Any, peer_id: ID) -> Any:
        passage = _passage.get()
        if passage is not None:
            passage.resolved(conn.get_remote_address())
            passage.entrance.proved(passage, peer_id)
        return await super().upgrade_connection(conn, peer_id)


def may_speak(protocol: str) -> bool:
    """Whether the stream that this task negotiates may have this protocol. StreamError of kind ``limit``."""
    visit = _visit.get()
    return visit is None or visit.may_speak(protocol)


class Entrance:
    """What the stack of one node asks; with no door nothing is asked."""

    def __init__(self, host: RealHost) -> None:
        self._host = host
        self._directory = host.world.directory
        self._entries: WeakKeyDictionary[Any, Entry] = WeakKeyDictionary()  # of connections, until they are listed
        self._streams: WeakKeyDictionary[INetStream, Entry] = WeakKeyDictionary()  # of those that the library opened

    @property
    def _door(self) -> Door | None:
        return self._host.door

    # -- connections

    @contextmanager
    def letting_in(self, remote: Multiaddr | None, listener: Multiaddr) -> Iterator[bool]:
        """Around all that is done with a connection that came in: whether to do it."""
        door = self._door
        if door is None:
            yield True
            return
        address = None if remote is None else _as_listened(remote, listener)
        self._host.world.events.cause = -1  # not of whoever had this node listen
        try:
            entry = door.accept(address)
        except RefusedError as error:
            self._leave("", error)
            yield False
            return
        token = _passage.set(Passage(self, entry, address))
        try:
            yield True
        finally:
            _passage.reset(token)
            door.ended(entry)

    @contextmanager
    def dialling(self, peer_id: str, address: str) -> Iterator[None]:
        """Around a dial. RefusedError."""
        door = self._door
        if door is None:
            yield
            return
        entry = door.dial(self._directory.named(peer_id), address)
        token = _passage.set(Passage(self, entry, address))
        try:
            yield
        except BaseException:
            door.ended(entry)
            raise
        finally:
            _passage.reset(token)

    def proved(self, passage: Passage, peer: ID) -> None:
        """The peer has proved who it is. RefusedError."""
        if passage.proved or self._door is None:
            return
        passage.proved = True
        named = self._directory.peer(peer.to_bytes())
        if passage.entry.direction == "inbound":
            self._host.world.events.cause = self._directory.follow(("dial", named, self._host.peer_id))
        try:
            self._door.proved(passage.entry, named, passage.address)
        except RefusedError as error:
            self._leave(named, error)
            raise

    def admit(self, muxed: Any, direction: str) -> None:
        """A connection is about to be listed. RefusedError."""
        door = self._door
        if door is None:
            return
        passage = _passage.get()
        if passage is None or passage.taken:  # made in some other way than by dialling and listening
            named = self._directory.peer(muxed.peer_id.to_bytes())
            entry = door.dial(named, None) if direction == "outbound" else door.accept(None)
            passage = Passage(self, entry, None)
        self.proved(passage, muxed.peer_id)
        passage.taken = True
        self._entries[muxed] = passage.entry

    def dropped(self, muxed: Any) -> None:
        """It was not listed after all."""
        if self._door is not None:
            self._door.ended(self._entries.pop(muxed, None))

    def entry_of(self, muxed: Any) -> Entry | None:
        """What a connection that is listed from now on takes."""
        return self._entries.pop(muxed, None)

    def refused_by(self, peer_id: str) -> int:
        """The event of the last time that a peer of this lab turned this node away, or -1."""
        follow, me = self._directory.follow, self._host.peer_id
        return max(follow(("refused", me, peer_id)), follow(("refused", "", peer_id)))

    def _leave(self, peer: str, error: LabError) -> None:
        if error.event is not None:
            self._directory.leave(("refused", peer, self._host.peer_id), error.event)

    # -- streams that the library opens and answers

    @contextmanager
    def visiting(self, stream: INetStream) -> Iterator[None]:
        """Around all that is done with a stream that came in. StreamError of kind ``limit``."""
        door = self._door
        if door is None:
            yield
            return
        site, number = self._site(stream), _number(stream)
        self._host.world.events.cause = self._directory.follow(("stream", site.connection, number))
        try:
            entry = door.incoming(site, WINDOW)
        except StreamError as error:
            self.turned_away(site, number, error)
            raise
        self.keep_window(stream, site)
        token = _visit.set(Visit(self, door, entry, site, number=number))
        try:
            yield
        finally:
            _visit.reset(token)
            door.ended(entry)

    @contextmanager
    def opening(self, peer: ID, protocols: Sequence[str]) -> Iterator[Visit | None]:
        """Around the opening of a stream of the library's own. StreamFailure where the door says no."""
        door = self._door
        if door is None:
            yield None
            return
        named = self._directory.peer(peer.to_bytes())
        connections = self._host.connections_to(self._directory.index(named))
        site = site_of(connections[0]) if connections else Site(-1, named, None)
        try:
            entry, allowed = door.outgoing(site, protocols, WINDOW)
        except StreamError as error:
            raise StreamFailure(str(error)) from error
        visit = Visit(self, door, entry, site, allowed)
        try:
            yield visit
        except BaseException:
            door.ended(entry)
            raise

    def keep(self, visit: Visit, stream: INetStream) -> None:
        """A stream of the library's own is open. StreamFailure where there is no room for its protocol."""
        try:
            visit.may_speak(str(stream.get_protocol()))
        except StreamError as error:
            raise StreamFailure(str(error)) from error
        self.keep_window(stream, visit.site)
        self._streams[stream] = visit.entry

    def closed_stream(self, stream: INetStream) -> None:
        """A stream of the library's is gone."""
        if self._door is not None:
            self._door.ended(self._streams.pop(stream, None))

    def turned_away(self, site: Site, number: int, error: StreamError) -> None:
        """A stream that came in does not get what it asked for; its other end can find out why."""
        if error.event is not None:
            self._directory.leave(("turned away", site.connection, number), error.event)

    def keep_window(self, stream: Any, site: Site) -> None:
        """Remedy "kept windows": keep a stream to the window that it is counted with, where there are limits."""
        door = self._door
        if door is not None and door.admission.limits is not None and self._host.remedies.on("kept windows"):
            keep_window(stream.muxed_stream, partial(door.overran, site))

    def served(self, protocol: str) -> str | None:
        """The id under which this node answers a protocol."""
        return self._host.switch.protocols.match(protocol)

    def _site(self, stream: INetStream) -> Site:
        known: Any = stream
        for connection in self._host.each_connection():
            if connection.library is known.swarm_conn:
                return site_of(connection)
        return Site(-1, self._directory.peer(stream.muxed_conn.peer_id.to_bytes()), None)


def _number(stream: Any) -> int:
    return see(stream.muxed_conn).stream(stream.muxed_stream).id


def _as_listened(remote: Multiaddr, listener: Multiaddr) -> str:
    """The other end of a connection, of which the library knows an IP address and a port, with the protocols that this
    end listens with."""
    there, here = parse_address(str(remote)), parse_address(str(listener))
    parts = [there.parts[0]]
    for name, value in here.parts[1:]:
        if name in ("tcp", "udp"):
            parts.append((name, str(there.port)))
        elif name not in ("certhash", "p2p"):
            parts.append((name, value))
    return "".join(f"/{name}" if value is None else f"/{name}/{value}" for name, value in parts)
