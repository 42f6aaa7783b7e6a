"""Admission of real nodes (``p2plab.admission``): where py-libp2p's stack asks them, and what it tells them.

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
from libp2p.transport.exceptions import SecurityUpgradeFailure
from libp2p.transport.upgrader import TransportUpgrader
from multiaddr import Multiaddr

from p2plab.admission.core import Remote
from p2plab.admission.ledger import Admitted
from p2plab.admission.request import RefusedError, ip_of
from p2plab.admission.shell.control import AdmissionControl
from p2plab.errors import LabError
from p2plab.host.connections.admission import remote_of
from p2plab.identity.address import parse_address
from p2plab.real.connections.trail import Dialled, DialRefused, StreamOpened, StreamRefused
from p2plab.real.pylibp2p.windows import keep_window
from p2plab.real.transports.ends import find_ends
from p2plab.real.transports.muxed import see
from p2plab.stream import StreamError
from p2plab.stream.flow.window import WINDOW

if TYPE_CHECKING:
    from p2plab.real.basis import RealBasis


class OpeningConnection:
    """A connection on its way to being one: ``entry`` is what it takes, ``address`` where its other end is."""

    def __init__(self, gater: StackGater, entry: Admitted, address: str | None) -> None:
        self.gater = gater
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


class OpeningStream:
    """A stream on its way to its protocol; ``number`` is its connection's for it."""

    def __init__(
        self,
        gater: StackGater,
        control: AdmissionControl,
        entry: Admitted,
        remote: Remote,
        protocols: Sequence[str] = (),
        number: int = -1,
    ) -> None:
        self.gater = gater
        self.entry = entry
        self.remote = remote
        self.protocols = list(protocols)
        self.number = number
        self._control = control

    def may_speak(self, protocol: str) -> bool:
        """Whether a protocol may be agreed on. StreamError of kind ``limit`` where there is no room for it."""
        try:
            self._control.agreed(self.entry, self.remote, protocol, self.gater.served(protocol))
        except StreamError as error:
            self.gater.turned_away(self.remote, self.number, error)
            if error.kind == "limit":
                raise
            return False
        return True


_opening_connection: ContextVar[OpeningConnection | None] = ContextVar(
    "the connection that this task opens", default=None
)
_opening_stream: ContextVar[OpeningStream | None] = ContextVar("the stream that this task negotiates", default=None)


class AskingUpgrader(TransportUpgrader):
    """Asks admission between security and muxer, and whether a peer is the one that its relay has named. RefusedError,
    SecurityUpgradeFailure."""

    async def upgrade_connection(self, conn: Any, peer_id: ID) -> Any:
        over = find_ends(conn).over
        if over is not None and str(peer_id) != over.peer:
            raise SecurityUpgradeFailure("peer id mismatch: the relay has named somebody else")
        opening = _opening_connection.get()
        if opening is not None:
            opening.resolved(conn.get_remote_address())
            opening.gater.proved(opening, peer_id)
        return await super().upgrade_connection(conn, peer_id)


def may_speak(protocol: str) -> bool:
    """Whether the stream that this task negotiates may have this protocol. StreamError of kind ``limit``."""
    opening = _opening_stream.get()
    return opening is None or opening.may_speak(protocol)


class StackGater:
    """What the stack of one node asks; without admission control nothing is."""

    def __init__(self, host: RealBasis) -> None:
        self._host = host
        self._directory = host.world.directory
        self._entries: WeakKeyDictionary[Any, Admitted] = WeakKeyDictionary()  # of connections, until they are listed
        self._streams: WeakKeyDictionary[INetStream, Admitted] = WeakKeyDictionary()  # of those that the library opened

    @property
    def _control(self) -> AdmissionControl | None:
        return self._host.admission_control

    # -- connections

    @contextmanager
    def letting_in(self, remote: Multiaddr | None, listener: Multiaddr) -> Iterator[bool]:
        """Around all that is done with a connection that came in: whether to do it."""
        control = self._control
        if control is None:
            yield True
            return
        address = None if remote is None else _as_listened(remote, listener)
        self._host.world.events.continue_from(-1)  # not from the verb that had this node listen
        try:
            entry = control.accept(address)
        except RefusedError as error:
            self._leave("", error)
            yield False
            return
        token = _opening_connection.set(OpeningConnection(self, entry, address))
        try:
            yield True
        finally:
            _opening_connection.reset(token)
            control.ended(entry)

    @contextmanager
    def dialling(self, peer_id: str, address: str) -> Iterator[None]:
        """Around a dial. Raises RefusedError."""
        control = self._control
        if control is None:
            yield
            return
        entry = control.dial(self._directory.named(peer_id), address)
        token = _opening_connection.set(OpeningConnection(self, entry, address))
        try:
            yield
        except BaseException:
            control.ended(entry)
            raise
        finally:
            _opening_connection.reset(token)

    def proved(self, opening: OpeningConnection, peer: ID) -> None:
        """The peer has proved who it is. Raises RefusedError."""
        if opening.proved or self._control is None:
            return
        opening.proved = True
        named = self._directory.peer(peer.to_bytes())
        if opening.entry.direction == "inbound":
            dialled = Dialled(named, self._host.peer_id)
            self._host.world.events.continue_from(self._directory.trail.follow(dialled))
        try:
            self._control.proved(opening.entry, named, opening.address)
        except RefusedError as error:
            self._leave(named, error)
            raise

    def admit(self, muxed: Any, direction: str) -> None:
        """A connection is about to be listed. Raises RefusedError."""
        control = self._control
        if control is None:
            return
        opening = _opening_connection.get()
        if opening is None or opening.taken:  # made in some other way than by dialling and listening
            named = self._directory.peer(muxed.peer_id.to_bytes())
            entry = control.dial(named, None) if direction == "outbound" else control.accept(None)
            opening = OpeningConnection(self, entry, None)
        self.proved(opening, muxed.peer_id)
        opening.taken = True
        self._entries[muxed] = opening.entry

    def dropped(self, muxed: Any) -> None:
        """It was not listed after all."""
        if self._control is not None:
            self._control.ended(self._entries.pop(muxed, None))

    def entry_of(self, muxed: Any) -> Admitted | None:
        """What a connection that is listed from now on takes."""
        return self._entries.pop(muxed, None)

    def refused_by(self, peer_id: str) -> int:
        """The event of the last time that a peer of this lab turned this node away, or -1."""
        follow, me = self._directory.trail.follow, self._host.peer_id
        return max(follow(DialRefused(me, peer_id)), follow(DialRefused("", peer_id)))

    def _leave(self, peer: str, error: LabError) -> None:
        if error.event is not None:
            self._directory.trail.leave(DialRefused(peer, self._host.peer_id), error.event)

    # -- streams that the library opens and answers

    @contextmanager
    def negotiating(self, stream: INetStream) -> Iterator[None]:
        """Around all that is done with a stream that came in. StreamError of kind ``limit``."""
        control = self._control
        if control is None:
            yield
            return
        remote, number = self._remote(stream), _number(stream)
        opened = StreamOpened(remote.connection, number)
        self._host.world.events.continue_from(self._directory.trail.follow(opened))
        try:
            entry = control.incoming(remote, WINDOW)
        except StreamError as error:
            self.turned_away(remote, number, error)
            raise
        self.keep_window(stream, remote)
        token = _opening_stream.set(OpeningStream(self, control, entry, remote, number=number))
        try:
            yield
        finally:
            _opening_stream.reset(token)
            control.ended(entry)

    @contextmanager
    def opening(self, peer: ID, protocols: Sequence[str]) -> Iterator[OpeningStream | None]:
        """Around the opening of a stream of the library's own. StreamFailure where admission refuses."""
        control = self._control
        if control is None:
            yield None
            return
        named = self._directory.peer(peer.to_bytes())
        connections = self._host.connections_to(self._directory.index(named))
        remote = remote_of(connections[0]) if connections else Remote(-1, named, None)
        try:
            entry, allowed = control.outgoing(remote, protocols, WINDOW)
        except StreamError as error:
            raise StreamFailure(str(error)) from error
        opening = OpeningStream(self, control, entry, remote, allowed)
        try:
            yield opening
        except BaseException:
            control.ended(entry)
            raise

    def keep(self, opening: OpeningStream, stream: INetStream) -> None:
        """A stream of the library's own is open. StreamFailure where there is no room for its protocol."""
        try:
            opening.may_speak(str(stream.get_protocol()))
        except StreamError as error:
            raise StreamFailure(str(error)) from error
        self.keep_window(stream, opening.remote)
        self._streams[stream] = opening.entry

    def closed_stream(self, stream: INetStream) -> None:
        """A stream of the library's is gone."""
        if self._control is not None:
            self._control.ended(self._streams.pop(stream, None))

    def turned_away(self, remote: Remote, number: int, error: StreamError) -> None:
        """A stream that came in does not get what it asked for; its other end can find out why."""
        if error.event is not None:
            self._directory.trail.leave(StreamRefused(remote.connection, number), error.event)

    def keep_window(self, stream: Any, remote: Remote) -> None:
        """Remedy "kept windows": keep a stream to the window that it is counted with, where there are limits."""
        control = self._control
        if control is not None and control.admission.limits is not None and self._host.remedies.on("kept windows"):
            keep_window(stream.muxed_stream, partial(control.overran, remote))

    def served(self, protocol: str) -> str | None:
        """The id under which this node answers a protocol."""
        return self._host.switch.protocols.match(protocol)

    def _remote(self, stream: INetStream) -> Remote:
        known: Any = stream
        for connection in self._host.each_connection():
            if connection.library is known.swarm_conn:
                return remote_of(connection)
        return Remote(-1, self._directory.peer(stream.muxed_conn.peer_id.to_bytes()), None)


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
