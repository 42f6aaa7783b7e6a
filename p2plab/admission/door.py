"""The door of one node: what its host asks before it opens anything, the same in every world.

It puts together what the gate, the authorization, the ledger and the watermarks say, writes every no into the event
log, and raises it as an error. A node that was never told anything about admission has none, and pays nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from p2plab.admission.gate import Gate
from p2plab.admission.ledger import Entry, Ledger, Usage
from p2plab.admission.limits import Limits
from p2plab.admission.request import Refusal, RefusedError, Request
from p2plab.admission.settings import Admission, check
from p2plab.admission.watermarks import Candidate, Tags, trim
from p2plab.constants import TICKS_PER_SECOND
from p2plab.stream.errors import StreamError
from p2plab.typing import Connection, Direction, PeerId, Runtime, Timer

if TYPE_CHECKING:
    from p2plab.events import EventLog

__all__ = ["Door", "House"]


class House(Protocol):
    """What a door needs of the node it belongs to."""

    name: str
    index: int

    def index_of_peer(self, peer: PeerId) -> int:
        """What stands for a peer in the event log."""

    def peer_named(self, peer: str) -> PeerId:
        """The peer id of a node's name or a peer id. UnknownNodeError or PeerIdError."""

    def close_connection(self, number: int, reason: str, cause: int) -> None:
        """Close a connection from this end."""

    def connections(self) -> list[Connection]:
        """Those that are open."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a stream is opened: its connection, and the peer and address at the other end."""

    connection: int
    peer: PeerId
    address: str | None


class Door:
    """One node's. ``admission`` is what it goes by; it can be changed at any time with ``change``."""

    def __init__(self, house: House, runtime: Runtime, log: EventLog, admission: Admission) -> None:
        self.ref = f"door {house.name}"
        self.admission = admission
        self.tags = Tags()
        self._house = house
        self._runtime = runtime
        self._log = log
        self._ledger = Ledger(admission.limits or Limits())
        self._open: dict[int, Entry] = {}  # the connections, by number
        self._addresses: dict[int, str | None] = {}
        self._streams: dict[int, int] = {}  # how many streams, by connection
        self._trimming = False  # about to
        self._later: Timer | None = None  # when to look again, for those that are new

    # -- connections

    def dial(self, peer: PeerId | None, address: str | None) -> Entry:
        """Before an address is dialled. RefusedError."""
        return self._begin(Request("dial", "outbound", peer, address))

    def accept(self, address: str | None) -> Entry:
        """When somebody has dialled, before the first byte is read. RefusedError."""
        return self._begin(Request("accept", "inbound", None, address))

    def _begin(self, request: Request) -> Entry:
        refusal = self._gate(request)
        if refusal is None:
            entry = self._ledger.connection(request.direction, request.peer)
            if isinstance(entry, Entry):
                return entry
            refusal = entry
        raise self._refused(refusal, request)

    def proved(self, entry: Entry, peer: PeerId, address: str | None) -> None:
        """When the peer has proved who it is. RefusedError, and the entry is struck out."""
        request = Request("secured", entry.direction, peer, address)
        refusal = self._gate(request) or self._ledger.proved(entry, peer)
        if refusal is not None:
            self.ended(entry)
            raise self._refused(refusal, request)

    def opened(self, entry: Entry | None, connection: Connection) -> None:
        """The connection is ready, and has a number. ``entry``: None where it was begun before there was a door."""
        if entry is None:
            self.adopt([connection])
            return
        entry.connection, entry.opened_at = connection.id, self._runtime.ticks()
        self._open[connection.id] = entry
        self._addresses[connection.id] = connection.remote_address or None
        self._trim_soon()

    def ended(self, entry: Entry | None) -> None:
        """A connection or a stream has ended, or was never opened after all."""
        if entry is None or not entry.scopes:
            return
        self._ledger.strike(entry)
        if not entry.is_stream:
            self._open.pop(entry.connection, None)
            self._addresses.pop(entry.connection, None)
        elif entry.connection in self._streams:
            self._streams[entry.connection] -= 1
            if not self._streams[entry.connection]:
                del self._streams[entry.connection]

    def all_ended(self) -> None:
        """The node went down, and everything with it."""
        self._ledger.strike_all()
        for kept in (self._open, self._addresses, self._streams):
            kept.clear()

    def forget(self) -> None:
        """The node has lost what it knew: its tags and protections."""
        self.tags = Tags()

    def entry_of(self, number: int) -> Entry | None:
        """The entry of an open connection."""
        return self._open.get(number)

    def adopt(self, connections: Iterable[Connection]) -> None:
        """Write down the connections there were before the door."""
        for connection in connections:
            entry = Entry(connection.direction, {"connections": 1, f"connections_{connection.direction}": 1})
            self._ledger.adopt(entry, connection.peer)
            entry.connection = connection.id
            entry.opened_at = round(connection.opened_at * TICKS_PER_SECOND)
            self._open[connection.id] = entry
            self._addresses[connection.id] = connection.remote_address or None
        self._trim_soon()

    # -- streams

    def outgoing(self, site: Site, protocols: Sequence[str], memory: int) -> tuple[Entry, list[str]]:
        """Before a stream is opened: its entry, and those of the protocols that may be asked for. StreamError of kind
        ``refused`` or ``limit`` where none may."""
        refusals: list[tuple[Refusal, Request]] = []
        allowed: list[str] = []
        for protocol in protocols:
            request = Request("stream", "outbound", site.peer, site.address, protocol)
            refusal = self._gate(request) or self._ledger.fits("outbound", protocol, memory)
            if refusal is None:
                allowed.append(protocol)
            else:
                refusals.append((refusal, request))
        if not allowed:
            raise self._stream_refused(*refusals[0])
        entry = self._ledger.stream("outbound", site.peer, memory)
        if isinstance(entry, Refusal):
            raise self._stream_refused(entry, Request("stream", "outbound", site.peer, site.address, allowed[0]))
        return self._stream(entry, site), allowed

    def incoming(self, site: Site, memory: int) -> Entry:
        """When a peer has opened a stream, before it has said what for. StreamError of kind ``limit``."""
        entry = self._ledger.stream("inbound", site.peer, memory)
        if isinstance(entry, Refusal):
            raise self._stream_refused(entry, Request("stream", "inbound", site.peer, site.address))
        return self._stream(entry, site)

    def agreed(self, entry: Entry, site: Site, protocol: str, served: str | None = None) -> None:
        """When a protocol is about to be agreed on, which this node has registered as ``served``. StreamError of kind
        ``refused`` or ``limit``."""
        if entry.protocol is not None:
            return
        request = Request("stream", entry.direction, site.peer, site.address, protocol)
        refusal = None
        if entry.direction == "inbound":  # of an outgoing one this has been asked already
            refusal = self._gate(request)
            if refusal is None and self.admission.authorize is not None:
                refusal = self.admission.authorize.judge(request)
        refusal = refusal or self._ledger.agreed(entry, served or protocol)
        if refusal is not None:
            raise self._stream_refused(refusal, request)

    def adopt_stream(self, direction: Direction, site: Site, protocol: str | None, memory: int) -> Entry:
        """Write down a stream that was there before the door."""
        entry = Entry(direction, {"streams": 1, f"streams_{direction}": 1, "memory": memory})
        self._ledger.adopt(entry, site.peer, protocol)
        return self._stream(entry, site)

    def _stream(self, entry: Entry, site: Site) -> Entry:
        entry.connection = site.connection
        self._streams[site.connection] = self._streams.get(site.connection, 0) + 1
        return entry

    def overran(self, site: Site, excess: int) -> None:
        """A peer has sent more than a stream's window had room for: its connection is closed."""
        text = f"{site.peer!r} sent {excess} bytes more than the window of its stream had room for"
        peer = self._house.index_of_peer(site.peer)
        data = {"stage": "stream", "excess": excess, "text": text}
        kind, reason = "stream.refused", "protocol violation"
        cause = self._log.record(kind, self._house.index, peer, reason=reason, data=data)
        self._house.close_connection(site.connection, reason, cause)

    # -- saying no

    def _gate(self, request: Request) -> Refusal | None:
        gate = self.admission.gate
        return None if gate is None else gate.judge(request)

    def _refused(self, refusal: Refusal, request: Request) -> RefusedError:
        error = RefusedError(refusal)
        error.event = self._record("connection.refused", refusal, request)
        return error

    def _stream_refused(self, refusal: Refusal, request: Request) -> StreamError:
        kind = "limit" if refusal.reason == "limit" else "refused"
        error = StreamError(kind, f"{self._house.name} opens no stream: {refusal}")  # type: ignore[arg-type]
        error.event = self._record("stream.refused", refusal, request)
        return error

    def _record(self, kind: str, refusal: Refusal, request: Request) -> int:
        peer = -1 if request.peer is None else self._house.index_of_peer(request.peer)
        cause = None
        if refusal.error is not None:
            error = {"type": type(refusal.error).__name__, "text": str(refusal.error)[:500]}
            what = {"what": f"{refusal.reason} of {self._house.name}", **error}
            cause = self._log.record("error", self._house.index, peer, reason="admission", data=what)
        data = {**request.facts(), **refusal.numbers, "text": refusal.text}
        return self._log.record(kind, self._house.index, peer, reason=refusal.reason, data=data, cause=cause)

    # -- letting go

    def _trim_soon(self) -> None:
        if self.admission.watermarks is not None and not self._trimming:
            self._trimming = True
            self._runtime.timer(0.0, self._trim)

    def _trim(self) -> None:
        self._trimming = False
        if self._later is not None:
            self._later.cancel()
            self._later = None
        marks = self.admission.watermarks
        if marks is None:
            return
        connections = [
            Candidate(number, str(entry.peer), entry.direction, entry.opened_at, self._streams.get(number, 0))
            for number, entry in self._open.items()
        ]
        now = self._runtime.ticks()
        found = trim(marks, connections, self.tags, now, round(marks.grace * TICKS_PER_SECOND))
        for one, value in found.close:
            entry = self._open[one.connection]
            peer = -1 if entry.peer is None else self._house.index_of_peer(entry.peer)
            data = {
                "connection": one.connection,
                "value": value,
                "streams": one.streams,
                "count": found.count,
                "low": marks.low,
                "high": marks.high,
            }
            seq = self._log.record("connection.trimmed", self._house.index, peer, reason="trimmed", data=data)
            self._house.close_connection(one.connection, "trimmed", seq)
        if found.again is not None:
            self._later = self._runtime.timer((found.again - now) / TICKS_PER_SECOND, self._trim)

    # -- what users ask of it

    def change(self, what: str, value: Any) -> None:
        """Go by another ``gate``, ``authorize``, ``limits`` or ``watermarks`` (None: none). ValidationError.

        Connections that the new gate would not let in are closed; streams that are open stay so.
        """
        checked = check(what, value)
        self.admission = replace(self.admission, **{what: checked})
        self._changed(what, repr(checked))
        if what == "limits":
            self._ledger.limits = checked or Limits()
        elif what == "gate":
            self._close_refused()
        elif what == "watermarks":
            self._trim_soon()

    def _close_refused(self) -> None:
        for number, entry in list(self._open.items()):
            request = Request("secured", entry.direction, entry.peer, self._addresses.get(number))
            refusal = self._gate(request)
            if refusal is not None:
                self._house.close_connection(
                    number, refusal.reason, self._record("connection.refused", refusal, request)
                )

    def block(self, what: Any) -> None:
        """Add a rule to what the gate blocks."""
        self.change("gate", (self.admission.gate or Gate()).blocking(what))

    def unblock(self, what: Any) -> bool:
        """Take a rule away from what the gate blocks; whether it was there."""
        before = self.admission.gate or Gate()
        after = before.unblocking(what)
        if after != before:
            self.change("gate", after)
        return after != before

    def protect(self, peer: str, tag: str) -> None:
        """Keep a peer's connections from being trimmed, for the sake of this tag."""
        named = self._house.peer_named(peer)
        self.tags.protect(str(named), tag)
        self._tagged(named, "protect", tag)

    def unprotect(self, peer: str, tag: str) -> bool:
        """Take a protection away; whether others still protect the peer."""
        named = self._house.peer_named(peer)
        still = self.tags.unprotect(str(named), tag)
        self._tagged(named, "unprotect", tag)
        return still

    def tag(self, peer: str, tag: str, value: int) -> None:
        """Give a peer a value under a tag."""
        named = self._house.peer_named(peer)
        self.tags.tag(str(named), tag, value)
        self._tagged(named, "tag", f"{tag}={value}")

    def untag(self, peer: str, tag: str) -> bool:
        """Take a tag away; whether it was there."""
        named = self._house.peer_named(peer)
        was_there = self.tags.untag(str(named), tag)
        self._tagged(named, "untag", tag)
        return was_there

    def tags_of(self, peer: str) -> dict[str, int]:
        """The tags of a peer, and their values."""
        return dict(self.tags.values.get(str(self._house.peer_named(peer)), {}))

    def protections_of(self, peer: str) -> list[str]:
        """The tags that protect a peer."""
        return list(self.tags.protections.get(str(self._house.peer_named(peer)), {}))

    def _tagged(self, peer: PeerId, what: str, to: str) -> None:
        self._changed(what, to, self._house.index_of_peer(peer))
        self._trim_soon()

    def _changed(self, what: str, to: str, peer: int = -1) -> None:
        self._log.record("admission.changed", self._house.index, peer, data={"what": what, "to": to[:500]})

    def usage(self) -> list[Usage]:
        """What is held, and what the limits are."""
        return self._ledger.usage()
