"""The handshakes of a real node's connections, step by step, and the taps that are put on them.

``connection.step`` says ``tcp`` (the socket is there), ``multistream-select /noise`` (security is agreed), ``noise``
(it is done, and the peer known) and ``multistream-select /yamux/1.0.0``, as in a mock lab, and here at both ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from libp2p.abc import IMuxedConn, IRawConnection, ISecureConn, ISecureTransport
from libp2p.custom_types import TProtocol, TSecurityOptions
from libp2p.peer.id import ID
from libp2p.security.security_multistream import SecurityMultistream
from libp2p.transport.upgrader import TransportUpgrader

from p2plab.real.connections.directory import Directory
from p2plab.real.taps.frames import TappedConn, TappedRaw, Taps
from p2plab.real.taps.streams import StreamTap
from p2plab.real.transports.ends import find_ends
from p2plab.stream.framing.frames import Wire
from p2plab.typing import PeerId


class NodeTap:
    """What one node's connections and streams are seen by. ``index`` stands for the node in the log; ``answers`` says
    whether p2plab answers a protocol itself."""

    def __init__(self, taps: Taps, directory: Directory, name: str, index: int, answers: Callable[[str], bool]) -> None:
        self.taps = taps
        self.directory = directory
        self.streams = StreamTap(taps.log, directory, index, answers)
        self._name = name
        self._index = index

    def put_on(self, swarm: Any) -> None:
        """Watch the handshakes and the connections of a swarm, which has none yet."""
        swarm.upgrader = TappedUpgrader(swarm.upgrader, self)

    def wire(self, raw: IRawConnection, outbound: bool, peer: ID | None) -> Wire:
        """The connection that a raw one becomes, with the number it will have."""
        ends = find_ends(raw)
        number = self.directory.begin_connection(*ends.pair)
        peer_id = PeerId("") if peer is None else self.directory.peer(peer.to_bytes())
        return Wire(number, self._name, peer_id, ends.transport, ends.local, ends.remote, outbound)

    def step(self, wire: Wire, step: str) -> None:
        """A step of a handshake is done."""
        peer = self.directory.index(wire.peer) if wire.peer else -1
        self.taps.log.record("connection.step", self._index, peer, data={"step": step, "connection": wire.connection})


class _SteppedSecurity(SecurityMultistream):
    """Tells of the protocol agreed on, before it is spoken."""

    def __init__(self, transports: TSecurityOptions, tap: NodeTap) -> None:
        super().__init__(transports)
        self.wires: WeakKeyDictionary[IRawConnection, Wire] = WeakKeyDictionary()
        self._tap = tap

    async def select_transport_and_protocol(
        self, conn: IRawConnection, is_initiator: bool
    ) -> tuple[TProtocol, ISecureTransport]:
        protocol, transport = await super().select_transport_and_protocol(conn, is_initiator)
        self._tap.step(self.wires[conn], f"multistream-select {protocol}")
        return protocol, transport


class TappedUpgrader(TransportUpgrader):
    """Upgrades connections as ``plain`` does, with a tap on each, telling ``tap`` of every step."""

    security_multistream: _SteppedSecurity

    def __init__(self, plain: TransportUpgrader, tap: NodeTap) -> None:
        self.security_multistream = _SteppedSecurity(plain.security_multistream.transports, tap)
        self.muxer_multistream = plain.muxer_multistream
        self._plain = plain
        self._tap = tap

    async def upgrade_security(
        self, raw_conn: IRawConnection, is_initiator: bool, peer_id: ID | None = None
    ) -> ISecureConn:
        tap, taps = self._tap, self._tap.taps
        wire = tap.wire(raw_conn, is_initiator, peer_id)
        tap.step(wire, wire.transport)
        watched = TappedRaw(raw_conn, wire, taps) if taps.packets else raw_conn
        self.security_multistream.wires[watched] = wire
        secured: Any = await super().upgrade_security(watched, is_initiator, peer_id)
        peer = tap.directory.peer(secured.get_remote_peer().to_bytes())
        wire = replace(wire, peer=peer)
        tap.step(wire, str(secured.negotiated_security_protocol).strip("/").partition("/")[0])
        return TappedConn(secured, wire, taps)

    async def upgrade_connection(self, conn: ISecureConn, peer_id: ID) -> IMuxedConn:
        muxed = await self._plain.upgrade_connection(conn, peer_id)
        if isinstance(conn, TappedConn):
            muxer = str(getattr(muxed, "negotiated_muxer_protocol", ""))
            conn.muxed(muxer)
            self._tap.step(conn.wire, f"multistream-select {muxer}")
        return muxed
