"""Connections between mock nodes: two ends, a pipe each way, and the streams multiplexed on them.

Sizes on the wire are those of a Yamux frame in a Noise transport message (yamux/README.md, noise/README.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from p2plab.constants import NOISE_ID, YAMUX_ID
from p2plab.errors import OverloadedError
from p2plab.mock.connections.line import CLOSE, LAST, OPEN
from p2plab.mock.connections.stream import CONTROL, HEADER, MockStream
from p2plab.mock.nat.pipes import PassingPipe, RelayedPipe
from p2plab.network import Pipe
from p2plab.stream.errors import StreamError
from p2plab.stream.flow.window import MemoryBudget
from p2plab.typing import Connection, Direction

if TYPE_CHECKING:
    from p2plab.admission.ledger import Admitted
    from p2plab.mock.basis import MockBasis
    from p2plab.pubsub.rpc import RPC
    from p2plab.pubsub.shell.delivery import Copies
    from p2plab.stream.traffic import Traffic

COPY: Final = "pubsub.duplicate"
OVERHEAD = HEADER + 18  # bytes: two of length, sixteen of authentication tag
EARLY_RPCS = 64  # kept while this end does not have its own pubsub stream yet


class Rare:
    """What only some ends of connections have: streams, or RPCs that came early."""

    __slots__ = ("cut_since", "early", "meeting", "memory", "streams")

    def __init__(self, room: int) -> None:
        self.streams: dict[int, MockStream] = {}
        self.memory = MemoryBudget(room)
        self.early: list[RPC] = []
        self.meeting = False  # this end is opening its pubsub stream, on which RPCs go as objects
        self.cut_since = -1  # the tick since which the link is cut; -1: it is not


class MockConnection:
    """One end of a connection; implements ``p2plab.host.HostConnection``.

    ``peer`` is the index of the node at the other end; ``out`` the pipe to it."""

    __slots__ = (
        "_rare",
        "copies",
        "direction",
        "host",
        "id",
        "opened_at",
        "out",
        "peer",
        "pubsub_protocol",
        "ready",
        "remote",
        "rpcs_received",
        "rpcs_sent",
    )
    remote: MockConnection

    def __init__(self, host: MockBasis, peer: int, direction: Direction, id: int, transport: str) -> None:
        self.host = host
        self.peer = peer
        self.direction = direction
        self.id = id
        self.out: Pipe = Pipe(host.world.links, host.index, peer, transport)
        self.ready = False  # upgraded: secured and multiplexed
        self.opened_at = host.world.clock.now
        self.pubsub_protocol: str | None = None  # what this end's outgoing pubsub stream speaks, once it is open
        self.rpcs_sent = 0  # bytes of pubsub's RPCs; here, since ten thousand nodes have many ends and few of the rest
        self.rpcs_received = 0
        self.copies: Copies | None = None  # how ``arrive`` may count what is nothing new, once pubsub is open here
        self._rare: Rare | None = None  # made when first needed

    @property
    def rare(self) -> Rare:
        """What most ends do not need."""
        if self._rare is None:
            self._rare = Rare(self.host.world.connection_memory)
        return self._rare

    @property
    def cut_since(self) -> int:
        """The tick since which the link is cut; -1: it is not."""
        return -1 if self._rare is None else self._rare.cut_since

    @cut_since.setter
    def cut_since(self, tick: int) -> None:
        if tick >= 0 or self._rare is not None:
            self.rare.cut_since = tick

    @property
    def overhead(self) -> int:
        """Bytes that each frame costs beside its payload."""
        return OVERHEAD if self.ready else 0

    def opened(self) -> None:
        """The handshake is done at this end."""
        self.ready = True
        socket = None if self._rare is None else self._rare.streams.get(0)
        if socket is not None:  # the bare byte stream of the handshake is the muxer's from now on
            self.remove_stream(socket)
        self.opened_at = self.host.world.clock.now

    def send(
        self,
        size: int,
        receive: Callable[[Any], object],
        what: Any,
        flow: int = 0,
        weight: int = CONTROL,
        kind: str = "",
    ) -> None:
        """Send a frame of stream ``flow`` with ``size`` bytes of payload; ``receive(what)`` is called on arrival.
        ``kind`` is one of ``line.py``, or "" in a handshake."""
        world = self.host.world
        if world.taps.sinks:
            world.taps.sent(self, kind, receive, what, flow)
        self.out.send(size + self.overhead, receive, what, world.events.cause, flow, weight, kind)

    def add_stream(self, stream: MockStream) -> None:
        """Note a stream that lives on this connection. OverloadedError where its window does not fit any more."""
        rare = self.rare
        rare.memory.reserve(self.host.world.stream_window)
        rare.streams[stream.id] = stream

    def admit(self, stream: MockStream) -> None:
        """The same, with StreamError of kind ``limit``, after which the stream counts for nothing."""
        try:
            self.add_stream(stream)
        except OverloadedError as error:
            if self.host.admission_control is not None:
                self.host.admission_control.ended(stream.entry)
            raise StreamError("limit", str(error)) from error

    async def open_stream(self, weight: int, entry: Admitted | None = None) -> MockStream:
        """A new stream, whose other end is told with its first frame. Raises StreamError."""
        host, number = self.host, self.host.world.next_number()
        raw = MockStream(self, number, "outbound", weight)
        twin = MockStream(self.remote, number, "inbound", weight)
        raw.twin, twin.twin, raw.entry = twin, raw, entry
        twin.carries_objects = self.rare.meeting
        raw.account = host.traffic.account(self.peer, "")
        twin.account = self.remote.host.traffic.account(host.index, "")
        self.admit(raw)
        self.send(0, twin.on_open, None, number, weight, OPEN)
        return raw

    def open_streams(self) -> list[MockStream]:
        """Those that have not ended."""
        return [] if self._rare is None else list(self._rare.streams.values())

    def remove_stream(self, stream: MockStream) -> None:
        """The stream has ended at this end; one that is not here changes nothing."""
        rare = self._rare
        if rare is not None and rare.streams.pop(stream.id, None) is not None:
            rare.memory.release(self.host.world.stream_window)
            if stream.entry is not None and self.host.admission_control is not None:
                self.host.admission_control.ended(stream.entry)

    @property
    def info(self) -> Connection:
        """The connection as a user sees it."""
        host, other, out = self.host, self.remote.host, self.out
        quic = out.transport == "quic"
        if isinstance(out, RelayedPipe):
            return self._relayed_info(out)
        return Connection(
            id=self.id,
            local=host.peer_id,
            peer=other.peer_id,
            direction=self.direction,
            transport="quic-v1" if quic else "tcp",
            security="tls" if quic else NOISE_ID.strip("/"),
            muxer="quic" if quic else YAMUX_ID.split("/")[1],
            local_address=host.address_over(out.transport),
            remote_address=out.seen_at if isinstance(out, PassingPipe) else other.address_over(out.transport),
            opened_at=self.opened_at / host.world.events.resolution,
        )

    def _relayed_info(self, out: RelayedPipe) -> Connection:
        limit = out.circuit.circuit
        return Connection(
            id=self.id,
            local=self.host.peer_id,
            peer=self.remote.host.peer_id,
            direction=self.direction,
            transport="p2p-circuit",
            security=NOISE_ID.strip("/"),
            muxer=YAMUX_ID.split("/")[1],
            local_address=f"{out.through}/p2p/{self.host.peer_id}",
            remote_address=f"{out.through}/p2p/{self.remote.host.peer_id}",
            opened_at=self.opened_at / self.host.world.events.resolution,
            relayed=True,
            limited=limit.limit is not None or limit.ends is not None,
        )

    # -- pubsub: RPCs are objects here, of their real wire size

    def arrive(self, rpc: RPC) -> None:
        """An RPC has come to this end, unless it has closed: what ``Pipe``, ``receive_rpc`` and ``PubSubManager``'s
        ``receive`` do, where that is to count one more copy of a message, and else through them. Most of a run is
        this."""
        copies = self.copies
        if copies is not None:
            only = rpc.only
            if only is not None and not copies.watched:
                seen, now = copies.seen, copies.clock.now
                first = seen.get(only.id)
                if first is not None and now - first > seen.settled and now < seen.next_expiry:
                    self.rpcs_received += rpc.size
                    log = copies.log
                    if COPY in log.unwanted:
                        tally = copies.tally
                        tally[COPY] = tally.get(COPY, 0) + 1
                    else:
                        log.record(COPY, copies.me, self.peer, only.topic, only.ref, only.size)
                    return
            self.rpcs_received += rpc.size
            copies.receive(self.peer, rpc)
        elif not self.is_closed:
            self.receive_rpc(rpc)

    def receive_rpc(self, rpc: RPC) -> None:
        """An RPC arrived on the peer's pubsub stream; kept until this end has a stream of its own to answer on."""
        self.rpcs_received += rpc.size
        if self.pubsub_protocol is not None:
            host = self.host
            processor = host.processor
            if processor is None or not processor.takes(self.read, rpc, host.world.events.cause):
                host.made_pubsub.receive(self.peer, rpc)  # type: ignore[union-attr]  # it agreed on the protocol
        elif len(self.rare.early) < EARLY_RPCS:
            self.rare.early.append(rpc)
        else:
            data = {"limit": EARLY_RPCS}
            self.host.world.events.record("pubsub.drop", self.host.index, self.peer, reason="no stream yet", data=data)

    def read(self, rpc: RPC, _: object = None) -> None:
        """The node's processor has come to an RPC."""
        if not self.is_closed and self.host.running:
            self.host.pubsub.receive(self.peer, rpc)

    def pubsub_opened(self, protocol: str) -> None:
        """This end's outgoing pubsub stream is open."""
        self.pubsub_protocol = protocol
        pubsub = self.host.pubsub
        self.copies = pubsub.copies if self.host.processor is None else None
        pubsub.start()
        pubsub.add_peer(self.peer, protocol, self.direction == "outbound", self.remote.host.ip)
        if self._rare is not None:
            early, self._rare.early = self._rare.early, []
            for rpc in early:
                pubsub.receive(self.peer, rpc)

    def count_rpcs(self, traffic: Traffic) -> None:
        """Add the bytes of its RPCs to what a node counts."""
        if self.pubsub_protocol is not None and (self.rpcs_sent or self.rpcs_received):
            traffic.add(self.peer, self.pubsub_protocol, self.rpcs_sent, self.rpcs_received)

    # -- the end

    def close(self, reason: str) -> None:
        """Close from this end: what was sent before still arrives, then the other end closes too."""
        if self.out.is_open:  # else the other end has gone, which this one may not have heard yet
            self.send(0, self.remote.closed, "closed by peer", LAST, kind=CLOSE)
        self.closed(reason)

    def crash(self, silent: bool) -> None:
        """The node of this end is gone: unless it went silently, its system resets what it leaves behind."""
        if not silent and self.out.is_open:
            self.send(0, self.remote.closed, "crashed", LAST, kind=CLOSE)
        self.closed("crashed", quietly=True)

    def closed(self, reason: str, quietly: bool = False) -> None:
        """This end is gone: its streams fail, and what is still on its way to it is lost. ``quietly``: with nobody left
        to take note of it."""
        incoming = self.remote.out
        if not incoming.is_open:
            return
        incoming.close()
        self.copies = None
        self.cut_since = -1
        was_ready, self.ready = self.ready, False
        for stream in self.open_streams():
            stream.connection_lost()
        if was_ready:
            self.host.connection_closed(self, None if quietly else reason)

    @property
    def usable(self) -> bool:
        """Whether this end has not closed."""
        return self.remote.out.is_open

    @property
    def is_closed(self) -> bool:
        """Whether this end has closed."""
        return not self.remote.out.is_open


def join(dialler: MockBasis, listener: MockBasis, id: int, transport: str) -> MockConnection:
    """A new pair of ends, not upgraded yet; returns the dialler's."""
    end = MockConnection(dialler, listener.index, "outbound", id, transport)
    end.remote = MockConnection(listener, dialler.index, "inbound", id, transport)
    end.remote.remote = end
    return end
