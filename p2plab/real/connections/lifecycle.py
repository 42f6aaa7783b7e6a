"""The connections of one real node, from when py-libp2p has them to their end.

Every connection has a task that waits for its end, so that nothing is listed that is gone.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import trio

from p2plab.errors import ClosedError, ProtocolViolation
from p2plab.real.connections.connections import RealConnection, describe
from p2plab.real.connections.trail import CircuitEnded, ConnectionClosed, Dialled
from p2plab.real.pylibp2p.stack import Stack
from p2plab.real.transports.muxed import see
from p2plab.stream import StreamError

if TYPE_CHECKING:
    from p2plab.real.basis import RealBasis


QUIET = 20.0  # seconds between two pings of a peer outside the lab; js-libp2p's connection monitor takes 10
ANSWER = 10.0  # seconds that it has to answer


class Lifecycle:
    """Of one host's."""

    def __init__(self, host: RealBasis) -> None:
        self._host = host
        self._world = host.world

    def opened(self, library: Any, stack: Stack) -> None:
        """The library has a new connection."""
        if stack.over.is_set():  # it was under way when the node went
            return
        host, world = self._host, self._world
        info = describe(library, world.directory, host.peer_id, world.now)
        connection = RealConnection(host, info, library, world.directory.index(info.peer), stack)
        if world.severs(host.name, info.peer.name):  # it was under way when the two were cut apart
            stack.start(see(library.muxed_conn).hang_up, "cutting a connection")
        ends = (host.peer_id, info.peer) if info.direction == "outbound" else (info.peer, host.peer_id)
        cause = world.directory.trail.follow(Dialled(*ends))
        if info.muxer == "quic":  # which does in one step what others do in four
            step = {"step": "quic", "connection": info.id}
            host.record("connection.step", connection.peer, data=step, cause=cause)
        entry = host.gater.entry_of(library.muxed_conn)
        event = host.connection_opened(connection, entry=entry, cause=cause)
        stack.start(partial(self._watch, connection), "watching a connection")
        stack.start(partial(self._introduce, connection, event), "getting to know a peer")
        if world.find(info.peer) is None:  # of a node of the lab it is known when it goes
            stack.start(partial(self._listen_for, connection), "listening for a peer")

    async def _listen_for(self, connection: RealConnection) -> None:
        """Remedy "silent peers": ping the peer now and then, and close the connection once it answers nothing.

        Not every end is told: a process that hangs keeps its sockets, and js-libp2p leaves them open when it aborts a
        connection over a WebSocket with Mplex, which knows no goodbye."""
        if not connection.stack.remedies.on("silent peers"):
            return
        await connection.introduced.wait()
        while connection.usable:
            with trio.move_on_after(QUIET):
                await connection.gone.wait()
                return
            try:
                with trio.fail_after(ANSWER):
                    await self._host.switch.ping(connection)
            except (ClosedError, ProtocolViolation):
                continue  # it has gone, or has answered something
            except (trio.TooSlowError, StreamError) as error:
                if isinstance(error, StreamError) and error.kind != "deadline":
                    continue  # it does not take a ping: it is there
                connection.close_here(self._world.events.cause, "silent")
                await connection.muxed.hang_up()
                return

    async def _introduce(self, connection: RealConnection, cause: int) -> None:
        self._world.events.continue_from(cause)
        try:
            await self._host.introduce(connection)
        finally:
            connection.introduced.set()

    async def _watch(self, connection: RealConnection) -> None:
        await connection.gone.wait()
        other = self._world.find(connection.info.peer)
        reason = "crashed" if other is not None and other.crashed else self._relays_reason(connection)
        self._closed(connection, connection.why if connection.closing_here else reason)
        self._host.pubsub.connection_closed(connection)

    def _relays_reason(self, connection: RealConnection) -> str:
        """Why it has ended: a relay of the lab may have ended it."""
        over = connection.muxed.ends.over
        seq = -1 if over is None else self._world.directory.trail.follow(CircuitEnded(*over.stream))
        ended = None if seq < 0 else self._world.events.by_seq(seq)
        return "closed by peer" if ended is None or ended.reason is None else ended.reason

    def _closed(self, connection: RealConnection, reason: str | None) -> None:
        if not self.has(connection.id):
            return
        connection.closed.set()
        connection.introduced.set()
        directory = self._world.directory
        event = self._host.connection_closed(connection, reason, connection.cause_of_end(directory))
        directory.trail.leave(ConnectionClosed(connection.id), self._world.events.cause if reason is None else event)

    def all_gone(self, quietly: bool) -> None:
        """The stack under the connections is gone. ``quietly``: with nobody left here to take note."""
        self._host.note_dialled()
        for connection in self._host.each_connection():
            other = self._world.find(connection.info.peer)
            if other is not None:
                other.lifecycle.doom(connection.id)
            self._closed(connection, None if quietly else "closed here")

    def doom(self, number: int) -> None:
        """The other end of a connection is gone: it must not be used again, though its end is yet to be noticed."""
        for connection in self._host.each_connection():
            connection.doomed = connection.doomed or connection.id == number

    def doubt(self, connection: RealConnection) -> None:
        """Doom a connection without another end: the peer's node went down just before it was opened there."""
        other = self._world.find(connection.info.peer)
        if other is not None and not other.lifecycle.has(connection.id):
            connection.doomed = True
            connection.stack.start(connection.library.close, "closing a connection")

    def leaving(self) -> None:
        """This end is about to close them all, for the running task's cause."""
        for connection in self._host.each_connection():
            connection.close_here(self._world.events.cause)

    async def end_of(self, number: int) -> None:
        """Wait until this end, too, has noticed the end of a connection."""
        for connection in self._host.each_connection():
            if connection.id == number:
                await connection.closed.wait()

    def has(self, number: int) -> bool:
        """Whether this end of a connection is open."""
        return any(connection.id == number for connection in self._host.each_connection())
