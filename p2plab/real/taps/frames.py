"""Where a real lab's connections can be looked at: every byte between muxer and cipher, as frames.

Every upgraded connection has a ``TappedConn`` between its muxer and its cipher. While nobody wants frames it only keeps
its place in them. QUIC, WebRTC and WebTransport bring a cipher and a muxer of their own and pass it by.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

from libp2p.abc import IRawConnection, ISecureConn
from libp2p.connection_types import ConnectionType
from libp2p.crypto.keys import PrivateKey, PublicKey
from libp2p.peer.id import ID
from multiaddr import Multiaddr

from p2plab.constants import YAMUX_ID
from p2plab.events import EventLog
from p2plab.stream.framing.frames import Sinks, Way, Wire
from p2plab.stream.framing.yamux import FrameCutter, parse_header

if TYPE_CHECKING:
    from libp2p.network.stream.net_stream import NetStream as LibraryStream

TRAIL: Final = 65_536  # frames on their way whose events are remembered; the oldest go


class Taps(Sinks):
    """Who in a lab wants to see frames: the log at level ``all``, and captures."""

    def __init__(self, log: EventLog) -> None:
        super().__init__()
        self.log = log
        self.frames = False  # whether anybody wants them decrypted
        self.packets = False  # or as they cross the network
        self._logged = False
        self._trail: OrderedDict[tuple[int, bool, int], int] = OrderedDict()
        log.on_level(self.changed)
        self.changed()

    def changed(self) -> None:
        self._logged = self.log.wants("link.sent") or self.log.wants("link.arrived")
        self.frames = self._logged or any(not sink.encrypted for sink in self.sinks)
        self.packets = any(sink.encrypted for sink in self.sinks)

    def frame(self, wire: Wire, way: Way, offset: int, data: bytes, protocol: str) -> None:
        """A frame, decrypted."""
        for sink in self.sinks:
            if not sink.encrypted:
                sink.frame(wire, way, offset, data, protocol)
        if self._logged:
            self._record(wire, way, offset, data, protocol)

    def packet(self, wire: Wire, way: Way, offset: int, data: bytes) -> None:
        """Bytes as they cross the network."""
        for sink in self.sinks:
            if sink.encrypted:
                sink.frame(wire, way, offset, data, "")

    def closed(self, wire: Wire, way: Way, offset: int, encrypted: bool) -> None:
        """Nothing more comes in this direction."""
        for sink in self.sinks:
            if sink.encrypted == encrypted:
                sink.closed(wire, way, offset)

    def _record(self, wire: Wire, way: Way, offset: int, frame: bytes, protocol: str) -> None:
        log = self.log
        about: dict[str, Any] = {"connection": wire.connection}
        header = parse_header(frame)
        if header is not None:
            about |= {"frame": header.type, "flags": list(header.flags), "stream": header.stream}
        if protocol:
            about["protocol"] = protocol
        node = log.register(wire.node)
        peer = log.register(wire.peer.name or str(wire.peer))
        key = (wire.connection, wire.outbound == (way == "sent"), offset)
        if way == "sent":
            self._trail[key] = log.record("link.sent", node, peer, size=len(frame), data=about)
            if len(self._trail) > TRAIL:
                self._trail.popitem(last=False)
        else:
            cause = self._trail.pop(key, -1)
            log.record("link.arrived", node, peer, size=len(frame), data=about, cause=cause)


class _Tapped(IRawConnection):
    """What both taps have in common: they count, and hand everything else through."""

    def __init__(self, inner: Any, wire: Wire, taps: Taps) -> None:
        self.wire = wire
        self._inner = inner
        self._taps = taps
        self._sent = 0
        self._received = 0
        self._closed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._taps.closed(self.wire, "sent", self._sent, isinstance(self, TappedRaw))
        await self._inner.close()

    # What the library declares, and the connection inside knows.

    def get_remote_address(self) -> tuple[str, int] | None:
        address: tuple[str, int] | None = self._inner.get_remote_address()
        return address

    def get_transport_addresses(self) -> list[Multiaddr]:
        addresses: list[Multiaddr] = self._inner.get_transport_addresses()
        return addresses

    def get_connection_type(self) -> ConnectionType:
        kind: ConnectionType = self._inner.get_connection_type()
        return kind


class TappedRaw(_Tapped):
    """A connection under its cipher, while a capture wants what crosses the network."""

    async def write(self, data: bytes) -> None:
        offset = self._sent
        self._sent += len(data)
        self._taps.packet(self.wire, "sent", offset, data)
        await self._inner.write(data)

    async def read(self, n: int | None = None) -> bytes:
        data: bytes = await self._inner.read(n)
        if data:
            self._taps.packet(self.wire, "received", self._received, data)
            self._received += len(data)
        return data


class TappedConn(_Tapped, ISecureConn):
    """A secured connection whose reads and writes are seen."""

    def __init__(self, inner: Any, wire: Wire, taps: Taps) -> None:
        super().__init__(inner, wire, taps)
        self.streams: WeakValueDictionary[int, LibraryStream] = WeakValueDictionary()  # by Yamux's number
        self._cutter: FrameCutter | None = None  # from when Yamux speaks on it
        self._negotiating = True
        self._said = bytearray()  # the message of the negotiation that is being read, byte by byte

    def muxed(self, muxer: str) -> None:
        """From now on this muxer speaks on it."""
        self._negotiating = False
        if muxer == YAMUX_ID:
            self._cutter = FrameCutter()
            self._cutter.offset = self._received

    async def write(self, data: bytes) -> None:
        offset = self._sent
        self._sent += len(data)
        if self._taps.frames:
            self._taps.frame(self.wire, "sent", offset, data, self._protocol(data))
        await self._inner.write(data)

    async def read(self, n: int | None = None) -> bytes:
        data: bytes = await self._inner.read(n)
        self._received += len(data)
        cutter, taps = self._cutter, self._taps
        if not taps.frames:
            if cutter is not None:
                cutter.skip(data)
        elif cutter is not None:
            for offset, frame in cutter.feed(data, True):
                taps.frame(self.wire, "received", offset, frame, self._protocol(frame))
        else:
            self._said += data
            # Each message has its length in front, which is one byte for all that is said here.
            if not self._negotiating or len(self._said) > self._said[0]:
                said, self._said = bytes(self._said), bytearray()
                taps.frame(self.wire, "received", self._received - len(said), said, "")
        return data

    def _protocol(self, frame: bytes) -> str:
        """The protocol of the stream that a frame belongs to, as far as it is agreed."""
        stream = None if self._cutter is None else self.streams.get(int.from_bytes(frame[4:8], "big"))
        return "" if stream is None else str(stream.get_protocol() or "")

    def get_local_peer(self) -> ID:
        peer: ID = self._inner.get_local_peer()
        return peer

    def get_local_private_key(self) -> PrivateKey:
        key: PrivateKey = self._inner.get_local_private_key()
        return key

    def get_remote_peer(self) -> ID:
        peer: ID = self._inner.get_remote_peer()
        return peer

    def get_remote_public_key(self) -> PublicKey:
        key: PublicKey = self._inner.get_remote_public_key()
        return key
