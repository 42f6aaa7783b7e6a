"""The streams of one mock node: opened, negotiated, answered, and kept until they end.

Protocols, their versions, features and priorities stand in a ``ProtocolTable``; the negotiation is byte for byte.
Pubsub and the DHT negotiate theirs here too, and then hand whole messages over as objects (see ``End``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from p2plab.constants import IDENTIFY_ID, IDENTIFY_PUSH_ID, PING_ID
from p2plab.errors import OverloadedError, ProtocolViolation
from p2plab.mock.admission import site_of
from p2plab.mock.stream import MockStream
from p2plab.protocols.capabilities import (
    CAPABILITIES_ID,
    CapabilitiesHandler,
    Capability,
    capabilities_of,
    check_features,
)
from p2plab.protocols.identify import Identify, IdentifyHandler, IdentifyPushHandler
from p2plab.protocols.news import News
from p2plab.protocols.ping import MAX_INBOUND_STREAMS, answer_ping, ping
from p2plab.stream import NetStream, StreamError, StreamHandler, serve
from p2plab.stream.flow.turns import Turns
from p2plab.stream.negotiation.negotiate import Negotiated, OnStep, accept, select
from p2plab.stream.negotiation.versions import is_range, proposals
from p2plab.stream.priorities import Priority, check_priority, weight_of
from p2plab.stream.protocols import ProtocolTable
from p2plab.stream.table import StreamTable

if TYPE_CHECKING:
    from p2plab.admission.door import Door, Site
    from p2plab.admission.ledger import Entry
    from p2plab.mock.connection import End
    from p2plab.mock.host import MockHost

BUILT_IN: Final = (PING_ID, IDENTIFY_ID, IDENTIFY_PUSH_ID, CAPABILITIES_ID)


def step_recorder(host: MockHost, peer: int, about: dict[str, int]) -> OnStep | None:
    """What records every message of a negotiation, where the log wants them."""
    events = host.world.events
    if not events.wants("stream.step"):
        return None

    def note(way: str, line: str) -> None:
        events.record("stream.step", host.index, peer, data={**about, way: line})

    return note


class Switch:
    """One node's switch; made when its first stream is."""

    def __init__(self, host: MockHost) -> None:
        self._host = host
        self.open_streams = StreamTable()
        self.protocols = ProtocolTable()
        self.protocols.handle(PING_ID, answer_ping, most=MAX_INBOUND_STREAMS)
        self.protocols.handle(IDENTIFY_ID, IdentifyHandler(self._describe))
        self.protocols.handle(IDENTIFY_PUSH_ID, IdentifyPushHandler(self._learn))
        self.protocols.handle(CAPABILITIES_ID, CapabilitiesHandler(self._declare))
        self.news: News[int] = News(self)
        self._told: dict[int, None] = {}  # peers that have asked what this node speaks
        self._pings: dict[int, Turns] = {}

    # -- opening

    async def open(
        self, end: End, wanted: Sequence[str], lazy: bool = False, priority: Priority | None = None
    ) -> NetStream:
        """A stream on this connection with a protocol agreed. StreamError, ProtocolViolation."""
        raw, agreed = await self.negotiate(end, wanted, lazy, priority)
        return self._net(raw, agreed, end)

    async def negotiate(
        self, end: End, wanted: Sequence[str], lazy: bool = False, priority: Priority | None = None
    ) -> tuple[MockStream, Negotiated]:
        """The same, without a NetStream around it."""
        host, world = self._host, self._host.world
        asked, site, entry = self._plain(end, wanted), None, None
        if host.door is not None:
            site = site_of(end)
            entry, asked = host.door.outgoing(site, asked, world.stream_window)
        weight = weight_of(self.protocols.priority(asked[0]) if priority is None else check_priority(priority))
        number = world.next_number()
        raw, twin = MockStream(end, number, "outbound", weight), MockStream(end.remote, number, "inbound", weight)
        raw.twin, twin.twin, raw.entry = twin, raw, entry
        raw.account = host.traffic.account(end.peer, "")
        twin.account = end.remote.host.traffic.account(host.index, "")
        self._admit(raw)
        end.send(0, twin.on_open, None, number, weight)
        try:
            note = step_recorder(host, end.peer, {"stream": raw.id})
            agreed = await select(raw, asked, world.runtime, lazy, on_step=note)
            if entry is not None and site is not None and host.door is not None:
                host.door.agreed(entry, site, agreed.protocol)
        except BaseException as error:
            if isinstance(error, StreamError) and error.kind in ("protocol not supported", "reset"):
                self._note_refused(raw, asked, error)
            else:
                await raw.reset()
            raise
        raw.protocol, raw.account = agreed.protocol, host.traffic.account(end.peer, agreed.protocol)
        if priority is None:
            raw.weight = weight_of(self.protocols.priority(agreed.protocol))
        return raw, agreed

    def _note_refused(self, raw: MockStream, asked: Sequence[str], error: StreamError) -> None:
        """Put it on record that the peer refused a stream, with what it had against it where that is known."""
        host, end = self._host, raw.home
        if error.kind == "protocol not supported" or not end.is_closed:
            cause, data = None if raw.turned_away < 0 else raw.turned_away, {"protocols": asked}
            error.event = host.world.events.record(
                "stream.refused", host.index, end.peer, reason=error.kind, data=data, cause=cause
            )

    def _plain(self, end: End, wanted: Sequence[str]) -> list[str]:
        """The ids to propose; a range needs to know what either end speaks."""
        if any(is_range(protocol) for protocol in wanted):
            return proposals(wanted, [*self._host.said_by(end.peer), *self.protocols])
        return list(wanted)

    def _admit(self, raw: MockStream) -> None:
        try:
            raw.home.add_stream(raw)
        except OverloadedError as error:
            if self._host.door is not None:
                self._host.door.ended(raw.entry)
            raise StreamError("limit", str(error)) from error

    def _net(self, raw: MockStream, agreed: Negotiated, end: End) -> NetStream:
        host, world = self._host, self._host.world
        ended, face = partial(self._ended, raw), world.face(host)
        stream = NetStream(agreed, world.runtime, face, world.events, host.index, end.peer, ended, agreed.took)
        self.open_streams.add(stream)
        raw.when_gone = partial(self._gone, stream, raw)
        return stream

    def _ended(self, raw: MockStream, stream: NetStream) -> None:
        self.open_streams.discard(stream)
        if stream.reset_event is not None:
            raw.twin.turned_away = stream.reset_event

    def _gone(self, stream: NetStream, raw: MockStream, reason: str) -> None:
        known = reason == "reset by peer" and raw.turned_away >= 0
        stream.torn_down(reason, raw.turned_away if known else None)

    # -- answering

    async def answer(self, raw: MockStream) -> None:
        """A peer opened a stream on a connection to this node."""
        host, end, world = self._host, raw.home, self._host.world
        match: Callable[[str], str | None] = self._match
        try:
            if host.door is not None:
                site = site_of(end)
                raw.entry = host.door.incoming(site, world.stream_window)
                match = partial(self._match_admitted, host.door, raw, raw.entry, site)
            self._admit(raw)
            note = step_recorder(host, end.peer, {"stream": raw.id})
            agreed = await accept(raw, match, world.runtime, host.protocols, on_step=note)
            raw.protocol, raw.account = agreed.protocol, host.traffic.account(end.peer, agreed.protocol)
            served = self.protocols.served(agreed.protocol) or host.served_dht(agreed.protocol)
            if served is None:
                return  # pubsub's
            if served.most is not None and self.open_streams.inbound(end.info().peer, agreed.protocol) >= served.most:
                raise StreamError("limit", f"{end.info().peer!r} has {served.most} streams of {agreed.protocol} open")
        except (StreamError, ProtocolViolation) as error:
            await self._refuse(raw, error)
            return
        raw.weight = weight_of(self.protocols.priority(agreed.protocol))
        await serve(served.handler, self._net(raw, agreed, end), world.events, host.index, end.peer)

    async def _refuse(self, raw: MockStream, error: StreamError | ProtocolViolation) -> None:
        """Say why, unless the stream or its connection went, which is told elsewhere."""
        reason = error.kind if isinstance(error, StreamError) else "protocol violation"
        if error.event is not None:  # the door's no, which is on record
            self._host.world.events.cause = raw.twin.turned_away = error.event
        elif reason != "reset":
            data = {"direction": "inbound", "stream": raw.id, "text": str(error)}
            self._host.world.events.record("stream.refused", self._host.index, raw.home.peer, reason=reason, data=data)
        if reason != "protocol not supported":
            await raw.reset()

    def _match(self, proposal: str) -> str | None:
        matched = self.protocols.match(proposal)
        return proposal if matched is None and proposal in self._host.message_protocols() else matched

    def _match_admitted(self, door: Door, raw: MockStream, entry: Entry, site: Site, proposal: str) -> str | None:
        """The same, where the peer may have it: what it may not, is not spoken with it. StreamError of kind ``limit``
        where there is no room for it."""
        matched = self._match(proposal)
        if matched is None:
            return None
        try:
            door.agreed(entry, site, proposal, matched)
        except StreamError as error:
            if error.kind == "limit":
                raise
            if error.event is not None:
                raw.twin.turned_away = error.event
            return None
        return matched

    # -- protocols

    def handle(
        self, protocol: str, handler: StreamHandler, features: Sequence[str] = (), priority: Priority | None = None
    ) -> None:
        """Answer a protocol, and tell the peers that asked what this node speaks."""
        self.protocols.handle(protocol, handler, check_features(features), priority)
        self.news.tell()

    def remove(self, protocol: str) -> bool:
        """Answer it no longer; whether it was answered."""
        removed = self.protocols.remove(protocol)
        if removed:
            self.news.tell()
        return removed

    def _describe(self, stream: NetStream) -> Identify:
        self._told[self._host.index_of(stream.peer)] = None
        return self._host.describe(stream)

    def _declare(self, stream: NetStream) -> list[Capability]:
        self._told[self._host.index_of(stream.peer)] = None
        return capabilities_of(self._host.protocols(), self.protocols.features())

    def _learn(self, stream: NetStream, said: Identify) -> None:
        peer = self._host.index_of(stream.peer)
        self.news.forget(peer)
        self._host.learnt(peer, said)

    def disconnected(self, peer: int) -> None:
        """The last connection to a peer is gone."""
        self.news.forget(peer)
        self._told.pop(peer, None)

    # -- Neighbours, for the news

    def acquainted(self) -> list[int]:
        """The connected peers that have asked what this node speaks, and take news of it."""
        return [peer for peer in self._told if peer in self._host.ends and IDENTIFY_PUSH_ID in self.said_by(peer)]

    def said_by(self, peer: int) -> Sequence[str]:
        """The protocols of a peer."""
        return self._host.said_by(peer)

    async def open_to(self, peer: int, protocols: Sequence[str]) -> NetStream:
        """A stream to a connected peer."""
        ends = self._host.ends.get(peer)
        if not ends:
            raise StreamError("reset", f"the connection to {self._host.world.host_at(peer).name} has gone")
        return await self.open(ends[0], protocols)

    def note(self, kind: str, peer: int, reason: str | None, data: dict[str, Any]) -> None:
        """Record an event of this node's."""
        self._host.world.events.record(kind, self._host.index, peer, reason=reason, data=data)

    def spawn(self, action: Callable[[], Awaitable[Any]], what: str) -> None:
        """Run a coroutine that ends with the node."""
        if self._host.running:
            self._host.spawn(action, f"{self._host.name} {what}")

    def offered(self) -> list[str]:
        """The protocols it answers."""
        return self._host.protocols()

    # -- ping

    async def ping(self, end: End) -> float:
        """ping/ping.md: the dialler has one stream open to a peer at a time, so pings to one peer take turns."""
        runtime = self._host.world.runtime
        turns = self._pings.setdefault(end.peer, Turns(runtime))

        await turns.take(lambda wait: wait())
        try:
            async with await self.open(end, [PING_ID]) as stream:
                return await ping(stream, runtime, runtime.random("ping"))
        finally:
            turns.give()
