"""The connections of one real node: what is known of each, and the tap that notices their coming and going."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import trio
from libp2p.abc import INetConn, INetStream, INetwork, INotifee
from libp2p.connection_types import ConnectionType
from libp2p.rcmgr import Direction as LibraryDirection
from multiaddr import Multiaddr

from p2plab.real.connections.directory import Directory
from p2plab.real.transports.muxed import see
from p2plab.stream.flow.gate import FairGate
from p2plab.typing import Connection, Direction, PeerId

if TYPE_CHECKING:
    from p2plab.real.pylibp2p.stack import Stack


class Link:
    """An open connection on a stack, whose streams write through its ``gate``. ``index`` stands for the peer in the
    log; ``introduced`` is set once identify is done, and pubsub, if the peer speaks it, is ready; ``closed`` once the
    connection is gone."""

    def __init__(self, connection: Connection, library: Any, index: int, stack: Stack, gate: FairGate) -> None:
        self.info = connection
        self.stack = stack
        self.gate = gate
        self.library = library
        self.muxed = see(library.muxed_conn)
        self.index = index
        self.introduced = trio.Event()
        self.closed = trio.Event()
        self.opening = 0  # streams that this end is about to open
        self.closing_here = False
        self.doomed = False  # the other end is down or cut off, which this one has not noticed yet
        self.why = "closed here"  # where this end closes it
        self._closing_cause = -1

    @property
    def usable(self) -> bool:
        """Whether neither end has begun to close it."""
        return not self.closing_here and not self.doomed and not self.muxed.closing

    def close_here(self, cause: int, reason: str = "closed here") -> None:
        """Note that this end is about to close it, for what reason, and the event that led to it."""
        if not self.closing_here:
            self.closing_here, self._closing_cause, self.why = True, cause, reason

    def cause_of_end(self, directory: Directory) -> int:
        """The event that led to its end: what made this end close it, or the other end's closing."""
        return self._closing_cause if self.closing_here else directory.follow(("closed", self.info.id))

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
        id=directory.connection_id(ends.local, ends.remote),
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
