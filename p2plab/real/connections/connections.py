"""The connections of one real node: what is known of each, and the tap that notices their coming and going."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

import trio
from libp2p.abc import INetConn, INetStream, INetwork, INotifee
from libp2p.connection_types import ConnectionType
from libp2p.network.stream.net_stream import NetStream as LibraryStream
from libp2p.rcmgr import Direction as LibraryDirection
from multiaddr import Multiaddr

from p2plab.errors import ClosedError
from p2plab.host.connections.admission import remote_of
from p2plab.real.connections.directory import Directory
from p2plab.real.connections.streams import RealStream
from p2plab.real.connections.trail import CircuitEnded, ConnectionClosed, StreamOpened
from p2plab.real.transports.muxed import see
from p2plab.stream import StreamError
from p2plab.stream.flow.gate import FairGate
from p2plab.stream.priorities import WEIGHTS
from p2plab.typing import Connection, Direction, PeerId

if TYPE_CHECKING:
    from p2plab.admission.ledger import Admitted
    from p2plab.real.basis import RealBasis
    from p2plab.real.pylibp2p.stack import Stack


CONTROL: Final = WEIGHTS["control"]


class RealConnection:
    """An open connection on a stack; implements ``p2plab.host.HostConnection``.

    ``introduced`` is set once identify is done, and pubsub, if the peer speaks it, is ready; ``closed`` once the
    connection is gone. Its streams write through its ``gate``."""

    def __init__(self, host: RealBasis, connection: Connection, library: Any, peer: int, stack: Stack) -> None:
        self.info = connection
        self.peer = peer
        self.stack = stack
        self.gate = FairGate(host.world.runtime)
        self.library = library
        self.muxed = see(library.muxed_conn)
        self.introduced = trio.Event()
        self.closed = trio.Event()
        self.closing_here = False
        self.doomed = False  # the other end is down or cut off, which this one has not noticed yet
        self.why = "closed here"  # where this end closes it
        self._host = host
        self._streams: WeakSet[RealStream] = WeakSet()
        self._opening = 0  # streams that this end is about to open
        self._closing_cause = -1

    @property
    def id(self) -> int:
        return self.info.id

    @property
    def direction(self) -> Direction:
        return self.info.direction

    @property
    def usable(self) -> bool:
        """Whether neither end has begun to close it."""
        return not self.closing_here and not self.doomed and not self.muxed.closing

    # -- streams

    def raw(self, library: LibraryStream, direction: Direction, weight: int = CONTROL) -> RealStream:
        """A stream of the library's as the host sees it."""
        stack = self.stack
        directory = self._host.world.directory
        ended = partial(self.cause_of_end, directory)
        raw = RealStream(
            library, self.info, direction, stack.start, self.gate, weight, stack.remedies, directory.trail, ended
        )
        self._streams.add(raw)
        return raw

    def open_streams(self) -> list[RealStream]:
        """Those that have not ended."""
        return sorted((raw for raw in self._streams if not raw.over), key=lambda raw: (raw.direction, raw.id))

    async def open_stream(self, weight: int, entry: Admitted | None = None) -> RealStream:
        """A new stream. StreamError of kind ``limit`` where the muxer has no room for another, ``reset``."""
        if self.muxed.room <= self._opening and self.stack.remedies.on("room for a stream"):
            raise self._no_room()
        self._opening += 1
        try:
            raw = await self._open_uncut(weight)
        finally:
            self._opening -= 1
        raw.entry = entry
        if entry is not None:
            self._host.gater.keep_window(raw, remote_of(self))
        return raw

    def _no_room(self) -> StreamError:
        used = sum(raw.direction == "outbound" for raw in self.open_streams())
        text = f"{self.info.muxer} takes no more streams to {self.info.peer!r}: {used} are open that this end opened"
        error, data = StreamError("limit", text), {"direction": "outbound", "used": used, "text": text}
        error.event = self._host.record("stream.refused", self.peer, "limit", data)
        return error

    async def _open_uncut(self, weight: int) -> RealStream:
        """Remedy "uncut I/O": opened in a task of the stack's; if the caller is cancelled meanwhile, it is reset."""
        if not self.stack.remedies.on("uncut I/O"):
            return self.raw(await self.library.new_stream(), "outbound", weight)
        opened: list[RealStream] = []
        failures: list[StreamError] = []
        done = trio.Event()
        abandoned = False
        directory, events = self._host.world.directory, self._host.world.events

        async def open_it() -> None:
            try:
                library = await self.library.new_stream()
            except Exception as error:  # noqa: BLE001  # the library raises more kinds than it names
                failures.append(StreamError("reset", f"no stream could be opened to {self.info.peer!r}: {error}"))
            else:
                raw = self.raw(library, "outbound", weight)
                directory.trail.leave(StreamOpened(self.id, raw.id), events.cause)
                opened.append(raw)
                if abandoned:
                    await raw.reset()
            finally:
                done.set()

        if not self.stack.start(open_it, "opening a stream"):
            raise ClosedError(f"{self._host.name} is not running")
        try:
            await done.wait()
        except trio.Cancelled:
            abandoned = True
            if opened:
                await opened[0].reset()
            raise
        if not opened:
            raise failures[0] if failures else ClosedError(f"{self._host.name} was stopped")
        return opened[0]

    # -- the end

    def close(self, reason: str) -> None:
        """Close it from this end, for the running task's cause."""
        self.close_here(self._host.world.events.cause, reason)
        self.stack.start(self.library.close, "closing a connection")

    def close_here(self, cause: int, reason: str = "closed here") -> None:
        """Note that this end is about to close it, for what reason, and the event that led to it."""
        if not self.closing_here:
            self.closing_here, self._closing_cause, self.why = True, cause, reason

    def cause_of_end(self, directory: Directory) -> int:
        """The event that led to its end: what made this end close it, or the other end's closing, or
        that of a relay in between."""
        if self.closing_here:
            return self._closing_cause
        over = self.muxed.ends.over
        relays = -1 if over is None else directory.trail.follow(CircuitEnded(*over.stream))
        return max(relays, directory.trail.follow(ConnectionClosed(self.id)))

    @property
    def gone(self) -> trio.Event:
        """Set by the library's muxer the moment the connection is unusable."""
        return self.muxed.gone


def describe(conn: Any, directory: Directory, local: PeerId, now: float) -> Connection:
    """A connection of the library's as a user sees it."""
    muxed = see(conn.muxed_conn)
    ends = muxed.ends
    direction: Direction = "inbound" if conn.direction == LibraryDirection.INBOUND else "outbound"
    return Connection(
        id=directory.connection_id(*ends.pair),
        local=local,
        peer=directory.peer(conn.muxed_conn.peer_id.to_bytes()),
        direction=direction,
        transport=ends.transport,
        security=muxed.security,
        muxer=muxed.muxer,
        local_address=ends.local,
        remote_address=ends.remote,
        opened_at=now,
        relayed=conn.get_connection_type() == ConnectionType.RELAYED,
        limited=ends.over is not None and ends.over.limited,
    )


class Tap(INotifee):
    """Tells of every new connection, of every new stream, whose protocol is not known yet, and of streams that are
    gone. The library waits for it, so it only notes."""

    def __init__(
        self,
        opened: Callable[[Any], None],
        opened_stream: Callable[[INetStream], None],
        closed_stream: Callable[[INetStream], None],
    ) -> None:
        self._opened = opened
        self._opened_stream = opened_stream
        self._closed_stream = closed_stream

    async def connected(self, network: INetwork, conn: INetConn) -> None:
        self._opened(conn)

    # The end of a connection is seen sooner by watching its muxer: this comes 0.2 s late.
    async def disconnected(self, network: INetwork, conn: INetConn) -> None: ...

    async def opened_stream(self, network: INetwork, stream: INetStream) -> None:
        self._opened_stream(stream)

    async def closed_stream(self, network: INetwork, stream: INetStream) -> None:
        self._closed_stream(stream)

    async def listen(self, network: INetwork, multiaddr: Multiaddr) -> None: ...

    async def listen_close(self, network: INetwork, multiaddr: Multiaddr) -> None: ...
