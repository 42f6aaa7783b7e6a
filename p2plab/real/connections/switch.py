"""The streams of one real node: opened, negotiated, answered, and kept until they end.

Protocols, their versions and features stand in a ``ProtocolTable``. Streams opened here are negotiated by p2plab, those
that come in by py-libp2p, which asks this table for what its own does not have. Priorities decide whose bytes are
handed to the muxer next (``stream.gate``); what it has been given, and the streams of the library's own pubsub, go in
the order in which they come.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import trio
from libp2p.abc import INetStream
from libp2p.custom_types import StreamHandlerFn
from libp2p.network.stream.net_stream import NetStream as LibraryStream

from p2plab.admission.door import Site
from p2plab.admission.ledger import Entry
from p2plab.constants import IDENTIFY_PUSH_ID, PING_ID
from p2plab.errors import ClosedError
from p2plab.protocols.capabilities import (
    CAPABILITIES_ID,
    CapabilitiesHandler,
    Capability,
    capabilities_of,
    check_features,
)
from p2plab.protocols.identify import Identify, IdentifyPushHandler
from p2plab.protocols.news import News
from p2plab.protocols.ping import ping
from p2plab.real.connections.admission import STREAM_MEMORY
from p2plab.real.connections.connections import Link
from p2plab.real.connections.streams import RealStream
from p2plab.stream import NetStream, StreamError, StreamHandler, serve
from p2plab.stream.flow.turns import Turns
from p2plab.stream.negotiation.negotiate import Negotiated, OnStep, select
from p2plab.stream.negotiation.versions import is_range, proposals
from p2plab.stream.priorities import Priority, weight_of
from p2plab.stream.protocols import ProtocolTable
from p2plab.stream.table import StreamTable
from p2plab.typing import Direction

if TYPE_CHECKING:
    from p2plab.real.host import RealHost


class Switch:
    """One node's switch. It outlives the node's stack."""

    def __init__(self, host: RealHost) -> None:
        self._host = host
        self._world = host.world
        self.open_streams = StreamTable()
        self.entries: dict[NetStream, Entry] = {}  # what streams take, of those that are to be struck out at their end
        self.protocols = ProtocolTable()
        self.protocols.handle(IDENTIFY_PUSH_ID, IdentifyPushHandler(self._learn))
        self.protocols.handle(CAPABILITIES_ID, CapabilitiesHandler(self._declare))
        self.news: News[str] = News(self)
        self._pings: dict[str, Turns] = {}
        self._randomness = host.world.runtime.random(f"ping/{host.name}")

    # -- opening

    async def open(
        self, link: Link, wanted: Sequence[str], lazy: bool = False, priority: Priority | None = None
    ) -> NetStream:
        """A stream on this connection with a protocol agreed. StreamError, ProtocolViolation."""
        weight = None if priority is None else weight_of(priority)
        if any(is_range(protocol) for protocol in wanted):
            wanted = proposals(wanted, [*self.said_by(link.info.peer), *self.protocols])
        door, entry = self._host.door, None
        if door is not None:
            site = Site(link.info.id, link.info.peer, link.info.remote_address or None)
            entry, wanted = door.outgoing(site, wanted, STREAM_MEMORY)
        try:
            raw = await self._new_stream(
                link, weight_of(self.protocols.priority(wanted[0])) if weight is None else weight
            )
        except BaseException:
            if door is not None:
                door.ended(entry)
            raise
        try:
            agreed = await select(raw, wanted, self._world.runtime, lazy, on_step=self._step_recorder(link, raw))
            if door is not None and entry is not None:
                door.agreed(entry, site, agreed.protocol)
                self._host.entrance.keep_window(raw, site)
        except BaseException as error:
            if door is not None:
                door.ended(entry)
            await raw.reset()
            self._note_refused(link, raw, wanted, error)
            raise
        raw.agreed(agreed.protocol)
        if weight is None:
            raw.weight = weight_of(self.protocols.priority(agreed.protocol))
        stream = self._net(raw, agreed, link, agreed.took)
        if entry is not None:
            self.entries[stream] = entry
        return stream

    def _note_refused(self, link: Link, raw: RealStream, wanted: Sequence[str], error: BaseException) -> None:
        """Put it on record that the peer refused a stream, with what it had against it where that is known."""
        if not isinstance(error, StreamError) or error.event is not None:
            return
        if error.kind == "protocol not supported" or (error.kind == "reset" and link.usable):
            cause, data = self._turned_away(link.info.id, raw.id), {"protocols": list(wanted)}
            error.event = self._world.events.record(
                "stream.refused", self._host.index, link.index, reason=error.kind, data=data, cause=cause
            )

    def _step_recorder(self, link: Link, raw: RealStream) -> OnStep | None:
        events, host = self._world.events, self._host
        if not events.wants("stream.step"):
            return None

        def note(way: str, line: str) -> None:
            events.record("stream.step", host.index, link.index, data={"stream": raw.id, way: line})

        return note

    async def _new_stream(self, link: Link, weight: int) -> RealStream:
        """StreamError of kind ``limit`` where the muxer has no room for another."""
        if link.muxed.room <= link.opening and link.stack.remedies.on("room for a stream"):
            raise self._no_room(link)
        link.opening += 1
        try:
            return await self._open_uncut(link, weight)
        finally:
            link.opening -= 1

    def _no_room(self, link: Link) -> StreamError:
        used = sum(one.direction == "outbound" for one in self.open_streams.find(connection=link.info.id))
        text = f"{link.info.muxer} takes no more streams to {link.info.peer!r}: {used} are open that this end opened"
        error, data = StreamError("limit", text), {"direction": "outbound", "used": used, "text": text}
        error.event = self._world.events.record(
            "stream.refused", self._host.index, link.index, reason="limit", data=data
        )
        return error

    async def _open_uncut(self, link: Link, weight: int) -> RealStream:
        """Remedy "uncut I/O": opened in a task of the stack's; if the caller is cancelled meanwhile, it is reset."""
        if not link.stack.remedies.on("uncut I/O"):
            return self._raw(await link.library.new_stream(), link, "outbound", weight)
        opened: list[RealStream] = []
        failures: list[StreamError] = []
        done = trio.Event()
        abandoned = False
        stack = link.stack

        async def open_it() -> None:
            try:
                library = await link.library.new_stream()
            except Exception as error:  # noqa: BLE001  # the library raises more kinds than it names
                failures.append(StreamError("reset", f"no stream could be opened to {link.info.peer!r}: {error}"))
            else:
                raw = self._raw(library, link, "outbound", weight)
                self._world.directory.leave(("stream", link.info.id, raw.id), self._world.events.cause)
                opened.append(raw)
                if abandoned:
                    await raw.reset()
            finally:
                done.set()

        if not stack.start(open_it, "opening a stream"):
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

    def _raw(self, library: LibraryStream, link: Link, direction: Direction, weight: int) -> RealStream:
        return RealStream(library, link.info, direction, link.stack.start, link.gate, weight, link.stack.remedies)

    def _net(
        self, raw: RealStream, agreed: RealStream | Negotiated, link: Link, took: float | None = None
    ) -> NetStream:
        host, world = self._host, self._world
        ended, face = self._ended, world.face(host)
        stream = NetStream(agreed, world.runtime, face, world.events, host.index, link.index, ended, took)
        self.open_streams.add(stream)
        raw.when_gone = partial(self._gone, stream)
        return stream

    def _gone(self, stream: NetStream, reason: str) -> None:
        why = self._turned_away(stream.connection.id, stream.id) if reason == "reset by peer" else None
        stream.torn_down(reason, why)

    def _turned_away(self, connection: int, stream: int) -> int | None:
        """The event that says what the other end had against a stream, where that is known."""
        why = self._world.directory.follow(("turned away", connection, stream))
        return None if why < 0 else why

    def _ended(self, stream: NetStream) -> None:
        self.open_streams.discard(stream)
        if stream.reset_event is not None:
            self._world.directory.leave(("turned away", stream.connection.id, stream.id), stream.reset_event)
        if self._host.door is not None:
            self._host.door.ended(self.entries.pop(stream, None))

    def all_gone(self) -> None:
        """The connections under the streams are gone."""
        for stream in self.open_streams:
            stream.torn_down("connection closed")

    # -- answering, for the library's negotiation

    def handler(self, proposal: str) -> StreamHandlerFn | None:
        """What answers a protocol that a peer proposes, if anything does."""
        return self._answer if self.protocols.match(proposal) is not None else None

    async def _answer(self, library: INetStream) -> None:
        assert isinstance(library, LibraryStream)
        links = self._host.peers_of_node.links
        link = next((link for link in links if link.library is library.swarm_conn), None)
        served = self.protocols.served(str(library.get_protocol()))
        if link is None or served is None:
            await library.reset()
            return
        host, events = self._host, self._world.events
        weight = weight_of(self.protocols.priority(str(library.get_protocol())))
        raw = self._raw(library, link, "inbound", weight)
        events.cause = self._world.directory.follow(("stream", link.info.id, raw.id))
        stream = self._net(raw, raw, link)
        try:
            await serve(served.handler, stream, events, host.index, link.index)
        except (SystemExit, KeyboardInterrupt) as error:  # user code's: it must not end the thread
            cause = self._world.runtime.report(error, f"handler of {stream.protocol}", host.index, "handler")
            await stream.reset(cause)

    # -- protocols

    def handle(
        self, protocol: str, handler: StreamHandler, features: Sequence[str] = (), priority: Priority | None = None
    ) -> None:
        """Answer a protocol, and tell the peers."""
        self.protocols.handle(protocol, handler, check_features(features), priority)
        self.news.tell()

    def remove(self, protocol: str) -> bool:
        """Answer it no longer; whether it was answered."""
        removed = self.protocols.remove(protocol)
        if removed:
            self.news.tell()
        return removed

    def _declare(self, stream: NetStream) -> list[Capability]:
        return capabilities_of(self._host.protocols(), self.protocols.features())

    def _learn(self, stream: NetStream, said: Identify) -> None:
        self.news.forget(stream.peer)
        link = next((link for link in self._host.peers_of_node.links if link.info == stream.connection), None)
        if link is not None:
            self._host.peers_of_node.learnt(link, said)

    # -- Neighbours, for the news

    def acquainted(self) -> list[str]:
        """The connected peers that take news of what this node speaks."""
        peers = dict.fromkeys(link.info.peer for link in self._host.peers_of_node.links)
        return [peer for peer in peers if IDENTIFY_PUSH_ID in self.said_by(peer)]

    def said_by(self, peer: str) -> Sequence[str]:
        """The protocols of a peer, from identify."""
        said = self._host.peers_of_node.said(peer)
        return () if said is None else said.protocols

    async def open_to(self, peer: str, protocols: Sequence[str]) -> NetStream:
        """A stream to a connected peer."""
        links = self._host.peers_of_node.links_to(peer)
        if not links:
            raise StreamError("reset", f"the connection to {self._world.directory.named(peer)!r} has gone")
        return await self.open(links[0], protocols)

    def note(self, kind: str, peer: str, reason: str | None, data: dict[str, Any]) -> None:
        """Record an event of this node's."""
        directory = self._world.directory
        index = directory.index(directory.named(peer))
        self._world.events.record(kind, self._host.index, index, reason=reason, data=data)

    def spawn(self, action: Callable[[], Awaitable[Any]], what: str) -> None:
        """Run a coroutine that ends with the node."""
        stack = self._host.running_stack
        if stack is not None:
            stack.start(action, what)

    def offered(self) -> list[str]:
        """The protocols it answers."""
        return self._host.protocols()

    # -- ping

    async def ping(self, link: Link) -> float:
        """ping/ping.md: the dialler has one stream open to a peer at a time, so pings to one peer take turns."""
        runtime = self._world.runtime
        turns = self._pings.setdefault(link.info.peer, Turns(runtime))

        await turns.take(lambda wait: wait())
        try:
            async with await self.open(link, [PING_ID]) as stream:
                return await ping(stream, runtime, self._randomness)
        finally:
            turns.give()
