"""The streams of one node: opened, negotiated, answered, and kept until they end.

Protocols, their versions, features and priorities stand in a ``ProtocolTable``. A world that negotiates by itself hands
what came of it to ``accepted``; any other just says that a peer has opened a stream (``answer``). Protocols whose
messages go as objects (``Host.served``) have their streams negotiated here too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from p2plab.constants import IDENTIFY_ID, IDENTIFY_PUSH_ID, PING_ID
from p2plab.errors import ProtocolViolation
from p2plab.host.built_in import BUILT_IN
from p2plab.host.connections.admission import remote_of
from p2plab.host.protocols import HostConnection, HostStream
from p2plab.protocols.capabilities import (
    Capability,
    capabilities_of,
    check_features,
)
from p2plab.protocols.identify import Identify
from p2plab.protocols.ping import ping
from p2plab.protocols.updates import ProtocolUpdates
from p2plab.stream import NetStream, StreamError, StreamHandler, serve
from p2plab.stream.flow.fair_lock import FairLock
from p2plab.stream.negotiation.negotiate import Negotiated, OnStep, accept, select
from p2plab.stream.negotiation.versions import is_range, proposals
from p2plab.stream.priorities import Priority, check_priority, weight_of
from p2plab.stream.protocols import ProtocolTable
from p2plab.stream.raw import RawStream
from p2plab.stream.table import StreamTable

if TYPE_CHECKING:
    from p2plab.admission.core import Remote
    from p2plab.admission.shell.control import AdmissionControl
    from p2plab.host.verbs.peers import PeerVerbs

__all__ = ["Switch", "step_recorder"]

C = TypeVar("C", bound=HostConnection)


def step_recorder(host: PeerVerbs[Any], peer: int, about: dict[str, int]) -> OnStep | None:
    """What records every message of a negotiation, where the log wants them."""
    if not host.world.events.wants("stream.step"):
        return None

    def note(way: str, line: str) -> None:
        host.record("stream.step", peer, data={**about, way: line})

    return note


class Switch(Generic[C]):
    """One node's; made when its first stream is."""

    def __init__(self, host: PeerVerbs[C]) -> None:
        self._host = host
        self.open_streams = StreamTable()
        self.protocols = ProtocolTable()
        for protocol in host.built_in:
            built_in = BUILT_IN[protocol]
            self.protocols.handle(protocol, built_in.handler(self), most=built_in.most)
        self.updates: ProtocolUpdates[int] = ProtocolUpdates(self)
        self._told: dict[int, None] = {}  # peers that have asked what this node speaks
        self._pings: dict[int, FairLock] = {}

    # -- opening

    async def open(
        self, connection: C, wanted: Sequence[str], lazy: bool = False, priority: Priority | None = None
    ) -> NetStream:
        """A stream on this connection with a protocol agreed. Raises StreamError, ProtocolViolation."""
        raw, agreed = await self.negotiate(connection, wanted, lazy, priority)
        return self._net(raw, agreed, connection, agreed.took)

    async def negotiate(
        self, connection: C, wanted: Sequence[str], lazy: bool = False, priority: Priority | None = None
    ) -> tuple[HostStream, Negotiated]:
        """The same, without a NetStream around it."""
        host, world, control = self._host, self._host.world, self._host.admission_control
        asked, remote, entry = self._plain(connection, wanted), None, None
        weight = None if priority is None else weight_of(check_priority(priority))
        if control is not None:
            remote = remote_of(connection)
            entry, asked = control.outgoing(remote, asked, world.stream_window)
        share = weight_of(self.protocols.priority(asked[0])) if weight is None else weight
        try:
            raw = await connection.open_stream(share, entry)
        except BaseException:
            if control is not None:
                control.ended(entry)
            raise
        try:
            note = step_recorder(host, connection.peer, {"stream": raw.id})
            agreed = await select(raw, asked, world.runtime, lazy, on_step=note)
            if control is not None and entry is not None and remote is not None:
                control.agreed(entry, remote, agreed.protocol)
        except BaseException as error:
            if isinstance(error, StreamError) and error.event is None:
                self._note_refused(connection, raw, asked, error)
            if isinstance(error, StreamError) and error.kind == "protocol not supported":
                await raw.refused()
            else:
                await raw.reset()
            if control is not None:
                control.ended(raw.entry)
            raise
        raw.agreed(agreed.protocol)
        if weight is None:
            raw.weight = weight_of(self.protocols.priority(agreed.protocol))
        return raw, agreed

    def _plain(self, connection: C, wanted: Sequence[str]) -> list[str]:
        """The ids to propose; a range needs to know what either end speaks."""
        if any(is_range(protocol) for protocol in wanted):
            return proposals(wanted, [*self._host.said_by(connection.peer), *self.protocols])
        return list(wanted)

    def _note_refused(self, connection: C, raw: HostStream, asked: Sequence[str], error: StreamError) -> None:
        """Put it on record that the peer refused a stream, with what it had against it where that is known."""
        if error.kind == "protocol not supported" or (error.kind == "reset" and connection.usable):
            data = {"protocols": list(asked)}
            error.event = self._host.record("stream.refused", connection.peer, error.kind, data, raw.turned_away)

    def _net(self, raw: HostStream, agreed: RawStream, connection: C, took: float | None) -> NetStream:
        host, world = self._host, self._host.world
        ended, face = partial(self._ended, raw), world.face(host)
        stream = NetStream(agreed, world.runtime, face, world.events, host.index, connection.peer, ended, took)
        self.open_streams.add(stream)
        raw.when_gone = partial(self._gone, stream, raw)
        return stream

    def _ended(self, raw: HostStream, stream: NetStream) -> None:
        self.open_streams.discard(stream)
        if stream.reset_event is not None:
            raw.turn_away(stream.reset_event)
        if self._host.admission_control is not None:
            self._host.admission_control.ended(raw.entry)

    def _gone(self, stream: NetStream, raw: HostStream, reason: str) -> None:
        stream.torn_down(reason, raw.turned_away)

    def all_gone(self) -> None:
        """The connections under the streams are gone."""
        for stream in self.open_streams:
            stream.torn_down("connection closed")

    # -- answering

    async def answer(self, raw: HostStream, connection: C, admit: Callable[[], None] | None = None) -> None:
        """A peer opened a stream on a connection to this node. ``admit()`` finds room for it, or raises StreamError."""
        host, world, control = self._host, self._host.world, self._host.admission_control
        match: Callable[[str], str | None] = self.match
        try:
            if control is not None:
                remote = remote_of(connection)
                raw.entry = control.incoming(remote, world.stream_window)
                match = partial(self._match_admitted, control, raw, remote)
            if admit is not None:
                admit()
            note = step_recorder(host, connection.peer, {"stream": raw.id})
            agreed = await accept(raw, match, world.runtime, host.protocols, on_step=note)
            raw.agreed(agreed.protocol)
            served = self.protocols.served(agreed.protocol) or host.served(agreed.protocol, raw)
            if served is None:
                return  # its messages do not come as streams
            peer = connection.info.peer
            if served.most is not None and self.open_streams.inbound(peer, agreed.protocol) >= served.most:
                raise StreamError("limit", f"{peer!r} has {served.most} streams of {agreed.protocol} open")
        except (StreamError, ProtocolViolation) as error:
            await self._refuse(raw, connection, error)
            return
        stream = self.accepted(raw, agreed, connection, agreed.took)
        await serve(served.handler, stream, world.events, host.index, connection.peer)

    def accepted(self, raw: HostStream, agreed: RawStream, connection: C, took: float | None = None) -> NetStream:
        """A peer's stream whose protocol is agreed, to be served; ``agreed`` is ``raw``, or what stands on it."""
        raw.weight = weight_of(self.protocols.priority(agreed.protocol))
        return self._net(raw, agreed, connection, took)

    async def _refuse(self, raw: HostStream, connection: C, error: StreamError | ProtocolViolation) -> None:
        """Say why, unless the stream or its connection went, which is told elsewhere."""
        reason = error.kind if isinstance(error, StreamError) else "protocol violation"
        if error.event is not None:  # refused by admission; already logged
            self._host.world.events.continue_from(error.event)
            raw.turn_away(error.event)
        elif reason != "reset":
            data = {"direction": "inbound", "stream": raw.id, "text": str(error)}
            self._host.record("stream.refused", connection.peer, reason, data)
        if reason != "protocol not supported":
            await raw.reset()

    def match(self, proposal: str) -> str | None:
        """The id under which the node answers a protocol that a peer proposes, or None."""
        matched = self.protocols.match(proposal)
        return proposal if matched is None and proposal in self._host.own_protocols() else matched

    def _match_admitted(self, control: AdmissionControl, raw: HostStream, remote: Remote, proposal: str) -> str | None:
        """The same, where the peer may have it: what it may not, is not spoken with it. StreamError of kind ``limit``
        where there is no room for it."""
        matched = self.match(proposal)
        if matched is None or raw.entry is None:
            return None
        try:
            control.agreed(raw.entry, remote, proposal, matched)
        except StreamError as error:
            if error.kind == "limit":
                raise
            if error.event is not None:
                raw.turn_away(error.event)
            return None
        return matched

    # -- protocols

    def handle(
        self, protocol: str, handler: StreamHandler, features: Sequence[str] = (), priority: Priority | None = None
    ) -> None:
        """Answer a protocol, and tell the peers that asked what this node speaks."""
        self.protocols.handle(protocol, handler, check_features(features), priority)
        self.updates.tell()

    def remove(self, protocol: str) -> bool:
        """Answer it no longer; whether it was answered."""
        removed = self.protocols.remove(protocol)
        if removed:
            self.updates.tell()
        return removed

    def describe(self, stream: NetStream) -> Identify:
        self._told[self._index_of(stream)] = None
        return self._host.describe(stream)

    def declare(self, stream: NetStream) -> list[Capability]:
        self._told[self._index_of(stream)] = None
        return capabilities_of(self._host.protocols(), self.protocols.features())

    def learn(self, stream: NetStream, said: Identify) -> None:
        peer = self._index_of(stream)
        self.updates.forget(peer)
        self._host.learnt(peer, said)

    def _index_of(self, stream: NetStream) -> int:
        return self._host.world.index_of(stream.peer)

    def disconnected(self, peer: int) -> None:
        """The last connection to a peer is gone."""
        self.updates.gone(peer)
        self._told.pop(peer, None)

    # -- Neighbours, for protocol updates

    def acquainted(self) -> list[int]:
        """The connected peers that have asked what this node speaks (all of them, where the world answers that), and
        take updates of it."""
        return [peer for peer in self._asked() if IDENTIFY_PUSH_ID in self.said_by(peer)]

    def unheard(self) -> list[int]:
        """The same, of those that have not said yet what they speak."""
        return [peer for peer in self._asked() if self._host.said(peer) is None]

    def _asked(self) -> list[int]:
        connected = self._host.connected
        asked = self._told if IDENTIFY_ID in self._host.built_in else connected
        return [peer for peer in asked if peer in connected]

    def said_by(self, peer: int) -> Sequence[str]:
        """The protocols of a peer."""
        return self._host.said_by(peer)

    async def open_to(self, peer: int, protocols: Sequence[str]) -> NetStream:
        """A stream to a connected peer."""
        connections = self._host.connections_to(peer)
        if not connections:
            named = self._host.world.peer_id_at(peer)
            raise StreamError("reset", f"the connection to {named.name or named.short} has gone")
        return await self.open(connections[0], protocols)

    def note(self, kind: str, peer: int, reason: str | None, data: dict[str, Any]) -> None:
        """Record an event of this node's."""
        self._host.record(kind, peer, reason, data)

    def spawn(self, action: Callable[[], Awaitable[Any]], what: str) -> None:
        """Run a coroutine that ends with the node."""
        self._host.spawn(action, f"{self._host.name} {what}")

    def moved(self) -> Sequence[str]:
        """For protocol updates: the node's addresses, where these may change."""
        return () if self._host.reachability is None else self._host.bases

    def offered(self) -> list[str]:
        """The protocols it answers."""
        return self._host.protocols()

    # -- ping

    async def ping(self, connection: C) -> float:
        """ping/ping.md: the dialler has one stream open to a peer at a time, so pings to one peer take turns."""
        runtime = self._host.world.runtime
        lock = self._pings.setdefault(connection.peer, FairLock(runtime))

        await lock.acquire(lambda wait: wait())
        try:
            async with await self.open(connection, [PING_ID]) as stream:
                return await ping(stream, runtime, runtime.random(f"ping/{self._host.name}"))
        finally:
            lock.release()
