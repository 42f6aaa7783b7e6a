"""What mock nodes send each other, as the bytes that real ones would send, for who records frames.

A mock lab hands its messages over as objects; here they get their wire encoding, in Yamux frames (yamux/README.md) on
streams numbered as Yamux numbers them. A frame is told where it is sent, and once. What is said on a connection before
it has a muxer is not in it, and a DHT's request to a peer without a connection is a connection of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from p2plab.identity.varint import encode_varint
from p2plab.kademlia.messages import DhtMessage, encode_message
from p2plab.mock.connections.line import CLOSE, CREDIT, DATA, END, OPEN, RESET
from p2plab.mock.connections.transports import common, spoken
from p2plab.pubsub.rpc import RPC, encode_rpc
from p2plab.stream.framing.frames import Sinks, Wire
from p2plab.stream.framing.yamux import frame

if TYPE_CHECKING:
    from p2plab.mock.basis import MockBasis
    from p2plab.mock.connections.connection import MockConnection

EPHEMERAL: Final = 32_768  # the first of the ports that diallers have
PUBSUB, DHT = "pubsub", "dht"  # what has messages on a connection without having streams

# The kind of a frame, and the Yamux frame that it is.
FRAMES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    OPEN: ("window update", ("SYN",)),
    DATA: ("data", ()),
    CREDIT: ("window update", ()),
    END: ("data", ("FIN",)),
    RESET: ("window update", ("RST",)),
}


class MockTaps(Sinks):
    """One a lab."""

    def __init__(self) -> None:
        super().__init__()
        self.changed()

    def changed(self) -> None:
        if not self.sinks:
            self._offsets: dict[tuple[int, bool], int] = {}  # bytes that each end of a connection has sent
            self._streams: dict[tuple[int, object], int] = {}
            self._next: dict[tuple[int, bool], int] = {}  # the number of the next stream that an end opens
            self._strangers = 0

    def sent(self, end: MockConnection, kind: str, receive: Callable[[Any], object], what: Any, flow: int) -> None:
        """An end sends a frame of one of its streams, or that it is closing."""
        if kind == CLOSE:
            wire = _wire(end.host, end.remote.host, end.id, end.direction == "outbound")
            for sink in self.sinks:
                sink.closed(wire, "sent", self._offsets.get((end.id, wire.outbound), 0))
        elif flow and kind in FRAMES:
            twin: Any = receive.__self__  # type: ignore[attr-defined]  # a method of the stream at the other end
            opened_here = twin.direction == "inbound"
            number = self._number(end.id, flow, opened_here == (end.direction == "outbound"))
            name, flags = FRAMES[kind]
            body = what if kind == DATA else b""
            data = frame(name, number, flags, what if kind == CREDIT else 0, body)
            self._tell(end.host, end.remote.host, end.id, end.direction == "outbound", data, twin.twin.protocol)

    def rpc(self, end: MockConnection, rpc: RPC) -> None:
        """An end sends an RPC of publish-subscribe."""
        outbound = end.direction == "outbound"
        number = self._number(end.id, (PUBSUB, outbound), outbound)
        self._message(end.host, end.remote.host, end.id, outbound, number, encode_rpc(rpc), end.pubsub_protocol or "")

    def request(self, asker: MockBasis, asked: MockBasis, message: DhtMessage, protocol: str) -> int:
        """A node sends a request; returns what its answer is told with."""
        end = next(iter(asker.connected.get(asked.index)), None)
        if end is None:
            self._strangers += 1
        connection = -self._strangers if end is None else end.id
        outbound = end is None or end.direction == "outbound"
        number = self._number(connection, (DHT, asker.index, self._strangers if end is None else 0), outbound)
        data = encode_message(message, asker.world.dht.space)
        self._message(asker, asked, connection, outbound, number, data, protocol)
        return connection

    def answer(self, asker: MockBasis, asked: MockBasis, connection: int, reply: DhtMessage, protocol: str) -> None:
        """A node answers a request."""
        data = encode_message(reply, asker.world.dht.space)
        end = next((end for end in asked.connected.get(asker.index) if end.id == connection), None)
        outbound = end is not None and end.direction == "outbound"
        number = self._number(connection, (DHT, asker.index, -min(0, connection)), not outbound)
        self._message(asked, asker, connection, outbound, number, data, protocol)

    def _message(
        self, node: MockBasis, peer: MockBasis, connection: int, outbound: bool, number: int, data: bytes, protocol: str
    ) -> None:
        body = encode_varint(len(data)) + data
        self._tell(node, peer, connection, outbound, frame("data", number, body=body), protocol)

    def _number(self, connection: int, stream: object, by_dialler: bool) -> int:
        """Who dialled opens odd streams, who listened even ones."""
        number = self._streams.get((connection, stream))
        if number is None:
            number = self._next.get((connection, by_dialler), 1 if by_dialler else 2)
            self._next[connection, by_dialler] = number + 2
            self._streams[connection, stream] = number
        return number

    def _tell(
        self, node: MockBasis, peer: MockBasis, connection: int, outbound: bool, data: bytes, protocol: str
    ) -> None:
        wire = _wire(node, peer, connection, outbound)
        offset = self._offsets.get((connection, outbound), 0)
        self._offsets[connection, outbound] = offset + len(data)
        for sink in self.sinks:
            sink.frame(wire, "sent", offset, data, protocol)


def _wire(node: MockBasis, peer: MockBasis, connection: int, outbound: bool) -> Wire:
    """Who dialled does so from a port of each connection's own: what a mock connection has none of, TCP needs."""
    end = next((end for end in node.connected.get(peer.index) if end.id == connection), None)
    transport = end.out.transport if end is not None else common(node, peer) if outbound else common(peer, node)
    dialler = f"/ip4/{(node if outbound else peer).ip}/tcp/{EPHEMERAL + connection % EPHEMERAL}"
    there, here = peer.address_over(transport), node.address_over(transport)
    local, remote = (dialler, there) if outbound else (here, dialler)
    return Wire(connection, node.name, peer.peer_id, spoken(transport), local, remote, outbound)
