"""Admission, the core: what one node says when something is about to be opened, and what it closes.

It puts together what the gate, the authorization, the ledger and the watermarks say. It is given the time, keeps the
open connections and streams, and answers with effects (``p2plab.effects``): a Note for every refusal, CloseConnection,
and WakeAt for when to look at the watermarks again. ``shell/control.py`` carries them out.

Rules it lives by:
- Everything that is opened has an entry in the ledger, from before it is opened until it has ended.
- A request is judged anew at every stage, on what has become known (``request.py``).
- Connections are trimmed after what is happening now is done, never in the middle of it: ``WakeAt(now)``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

from p2plab.admission.gate import Gate
from p2plab.admission.ledger import Admitted, ResourceLedger, Usage
from p2plab.admission.limits import Limits
from p2plab.admission.request import Refusal, Request
from p2plab.admission.settings import Admission, check
from p2plab.admission.watermarks import Candidate, Tags, trim
from p2plab.constants import TICKS_PER_SECOND
from p2plab.effects import LAST, CloseConnection, Note, WakeAt
from p2plab.text import raised
from p2plab.typing import Connection, Direction, PeerId

__all__ = ["AdmissionCore", "Effects", "PeerIndex", "RefusedRequest", "Remote"]

Effects: TypeAlias = "list[Note | CloseConnection | WakeAt]"


class PeerIndex(Protocol):
    """What stands for a peer in the event log."""

    def index_of_peer(self, peer: PeerId) -> int:
        """-1 for one that the log has nothing to say of."""


@dataclass(frozen=True, slots=True)
class Remote:
    """The other end of a connection: the connection's number (-1: none), the peer, and its address."""

    connection: int
    peer: PeerId
    address: str | None


@dataclass(frozen=True, slots=True)
class RefusedRequest:
    """A no, and what was asked for."""

    refusal: Refusal
    request: Request


class AdmissionCore:
    """One node's. ``admission`` is what it goes by; ``change`` takes another ``gate``, ``authorize``, ``limits`` or
    ``watermarks`` at any time. ``name`` is the node's."""

    def __init__(self, name: str, admission: Admission, peers: PeerIndex) -> None:
        self.admission = admission
        self.tags = Tags()
        self._name = name
        self._peers = peers
        self._ledger = ResourceLedger(admission.limits or Limits())
        self._open: dict[int, Admitted] = {}  # the connections, by number
        self._addresses: dict[int, str | None] = {}
        self._streams: dict[int, int] = {}  # how many streams, by connection
        self._wakes_at: int | None = None  # the tick of the last WakeAt that is still to come

    # -- connections

    def connect(self, request: Request) -> Admitted | RefusedRequest:
        """A connection is about to be dialled, or was dialled by a peer: its entry, or a no."""
        refusal = self._gate(request)
        if refusal is None:
            entry = self._ledger.connection(request.direction, request.peer)
            if isinstance(entry, Admitted):
                return entry
            refusal = entry
        return RefusedRequest(refusal, request)

    def proved(self, entry: Admitted, peer: PeerId, address: str | None) -> RefusedRequest | None:
        """The peer of a connection has proved who it is. After a no the entry is struck out."""
        request = Request("secured", entry.direction, peer, address)
        refusal = self._gate(request) or self._ledger.proved(entry, peer)
        if refusal is None:
            return None
        self.ended(entry)
        return RefusedRequest(refusal, request)

    def opened(self, entry: Admitted, connection: Connection, now: int) -> Effects:
        """A connection is ready, and has a number."""
        entry.connection, entry.opened_at = connection.id, now
        self._open[connection.id] = entry
        self._addresses[connection.id] = connection.remote_address or None
        return self._trim_soon(now)

    def adopt(self, connections: Iterable[Connection], now: int) -> Effects:
        """Enter connections that were opened before admission was asked about anything."""
        for connection in connections:
            entry = Admitted(connection.direction, {"connections": 1, f"connections_{connection.direction}": 1})
            self._ledger.adopt(entry, connection.peer)
            entry.connection = connection.id
            entry.opened_at = round(connection.opened_at * TICKS_PER_SECOND)
            self._open[connection.id] = entry
            self._addresses[connection.id] = connection.remote_address or None
        return self._trim_soon(now)

    def ended(self, entry: Admitted | None) -> None:
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

    def entry_of(self, number: int) -> Admitted | None:
        """The entry of an open connection."""
        return self._open.get(number)

    # -- streams

    def outgoing(
        self, remote: Remote, protocols: Sequence[str], memory: int
    ) -> tuple[Admitted, list[str]] | RefusedRequest:
        """A stream is about to be opened, with a window of ``memory`` bytes: its entry, and those of the protocols that
        may be asked for. A no where none may."""
        refused: list[RefusedRequest] = []
        allowed: list[str] = []
        for protocol in protocols:
            request = Request("stream", "outbound", remote.peer, remote.address, protocol)
            refusal = self._gate(request) or self._ledger.fits("outbound", protocol, memory)
            if refusal is None:
                allowed.append(protocol)
            else:
                refused.append(RefusedRequest(refusal, request))
        if not allowed:
            return refused[0]
        entry = self._ledger.stream("outbound", remote.peer, memory)
        if isinstance(entry, Refusal):
            return RefusedRequest(entry, Request("stream", "outbound", remote.peer, remote.address, allowed[0]))
        return self._stream(entry, remote), allowed

    def incoming(self, remote: Remote, memory: int) -> Admitted | RefusedRequest:
        """A peer has opened a stream, and has not said yet what for."""
        entry = self._ledger.stream("inbound", remote.peer, memory)
        if isinstance(entry, Refusal):
            return RefusedRequest(entry, Request("stream", "inbound", remote.peer, remote.address))
        return self._stream(entry, remote)

    def agreed(
        self, entry: Admitted, remote: Remote, protocol: str, served: str | None = None
    ) -> RefusedRequest | None:
        """A protocol is about to be agreed on, which this node has registered as ``served``."""
        if entry.protocol is not None:
            return None
        request = Request("stream", entry.direction, remote.peer, remote.address, protocol)
        refusal = None
        if entry.direction == "inbound":  # of an outgoing one this has been asked already
            refusal = self._gate(request)
            if refusal is None and self.admission.authorize is not None:
                refusal = self.admission.authorize.judge(request)
        refusal = refusal or self._ledger.agreed(entry, served or protocol)
        return None if refusal is None else RefusedRequest(refusal, request)

    def adopt_stream(self, direction: Direction, remote: Remote, protocol: str | None, memory: int) -> Admitted:
        """Enter a stream that was opened before admission was asked about anything."""
        entry = Admitted(direction, {"streams": 1, f"streams_{direction}": 1, "memory": memory})
        self._ledger.adopt(entry, remote.peer, protocol)
        return self._stream(entry, remote)

    def _stream(self, entry: Admitted, remote: Remote) -> Admitted:
        entry.connection = remote.connection
        self._streams[remote.connection] = self._streams.get(remote.connection, 0) + 1
        return entry

    def overran(self, remote: Remote, excess: int) -> Effects:
        """A peer has sent more than a stream's window had room for: its connection is closed."""
        text = f"{remote.peer!r} sent {excess} bytes more than the window of its stream had room for"
        data = {"stage": "stream", "excess": excess, "text": text}
        peer, reason = self._peers.index_of_peer(remote.peer), "protocol violation"
        note = Note("stream.refused", peer, reason=reason, data=data)
        return [note, CloseConnection(remote.connection, reason)]

    # -- refusals

    def _gate(self, request: Request) -> Refusal | None:
        gate = self.admission.gate
        return None if gate is None else gate.judge(request)

    def told(self, kind: str, refused: RefusedRequest) -> Effects:
        """The event of a refusal, after that of the error that led to it, if a callable of the user's raised one."""
        refusal, request = refused.refusal, refused.request
        peer = -1 if request.peer is None else self._peers.index_of_peer(request.peer)
        data = {**request.facts(), **refusal.numbers, "text": refusal.text}
        if refusal.error is None:
            return [Note(kind, peer, reason=refusal.reason, data=data)]
        judge = "authorize" if refusal.reason == "unauthorized" else refusal.reason
        return [
            Note("error", peer, reason="admission", data=raised(f"{judge} of {self._name}", refusal.error)),
            Note(kind, peer, reason=refusal.reason, data=data, after=LAST),
        ]

    # -- trimming

    def _trim_soon(self, now: int) -> Effects:
        if self.admission.watermarks is None or (self._wakes_at is not None and self._wakes_at <= now):
            return []
        self._wakes_at = now
        return [WakeAt(now)]

    def wake(self, now: int) -> Effects:
        """The tick of the last WakeAt has come: close the least valuable connections above the high watermark."""
        self._wakes_at = None
        marks = self.admission.watermarks
        if marks is None:
            return []
        connections = [
            Candidate(number, str(entry.peer), entry.direction, entry.opened_at, self._streams.get(number, 0))
            for number, entry in self._open.items()
        ]
        found = trim(marks, connections, self.tags, now, round(marks.grace * TICKS_PER_SECOND))
        effects: Effects = []
        for one, value in found.close:
            entry = self._open[one.connection]
            peer = -1 if entry.peer is None else self._peers.index_of_peer(entry.peer)
            numbers = {"connection": one.connection, "value": value, "streams": one.streams}
            data = {**numbers, "count": found.count, "low": marks.low, "high": marks.high}
            effects.append(Note("connection.trimmed", peer, reason="trimmed", data=data))
            effects.append(CloseConnection(one.connection, "trimmed"))
        if found.again is not None:
            self._wakes_at = found.again
            effects.append(WakeAt(found.again))
        return effects

    # -- what users change

    def change(self, what: str, value: Any, now: int) -> Effects:
        """Go by another ``gate``, ``authorize``, ``limits`` or ``watermarks`` (None: none). Raises ValidationError.

        Connections that the new gate would not let in are closed; streams that are open stay so.
        """
        checked = check(what, value)
        self.admission = replace(self.admission, **{what: checked})
        effects: Effects = [_changed(what, repr(checked))]
        if what == "limits":
            self._ledger.limits = checked or Limits()
        elif what == "gate":
            effects += self._close_refused()
        elif what == "watermarks":
            effects += self._trim_soon(now)
        return effects

    def _close_refused(self) -> Effects:
        effects: Effects = []
        for number, entry in self._open.items():
            request = Request("secured", entry.direction, entry.peer, self._addresses.get(number))
            refusal = self._gate(request)
            if refusal is not None:
                effects += self.told("connection.refused", RefusedRequest(refusal, request))
                effects.append(CloseConnection(number, refusal.reason))
        return effects

    def block(self, what: Any, now: int) -> Effects:
        """Add a rule to what the gate blocks."""
        return self.change("gate", (self.admission.gate or Gate()).blocking(what), now)

    def unblock(self, what: Any, now: int) -> tuple[bool, Effects]:
        """Take a rule away from what the gate blocks; whether it was there."""
        before = self.admission.gate or Gate()
        after = before.unblocking(what)
        return (False, []) if after == before else (True, self.change("gate", after, now))

    def tagged(self, peer: PeerId, what: str, to: str, now: int) -> Effects:
        """A peer's tags or protections have changed: note it, and look at the watermarks."""
        return [_changed(what, to, self._peers.index_of_peer(peer)), *self._trim_soon(now)]

    def forget(self) -> None:
        """The node has lost what it knew: its tags and protections."""
        self.tags = Tags()

    def usage(self) -> list[Usage]:
        """What is held, and what the limits are."""
        return self._ledger.usage()


def _changed(what: str, to: str, peer: int = -1) -> Note:
    return Note("admission.changed", peer, data={"what": what, "to": to[:500]})
