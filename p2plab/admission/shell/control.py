"""Admission, the shell: what a host asks before it opens anything, the same in every world.

``core.py`` decides; this carries its effects out (events, closing connections, one timer), and turns every no into an
error that knows its event. A node that was never told anything about admission has none, and pays nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from p2plab.admission.core import AdmissionCore, PeerIndex, RefusedRequest, Remote
from p2plab.admission.ledger import Admitted, Usage
from p2plab.admission.request import RefusedError, Request
from p2plab.admission.settings import Admission
from p2plab.constants import TICKS_PER_SECOND
from p2plab.effects import CloseConnection, Runner, WakeAt
from p2plab.stream.errors import StreamError
from p2plab.typing import Connection, Direction, PeerId, Runtime, Timer

if TYPE_CHECKING:
    from p2plab.events import EventLog

__all__ = ["AdmissionControl", "AdmissionHost"]


class AdmissionHost(PeerIndex, Protocol):
    """What admission control needs of the node it belongs to."""

    name: str
    index: int

    def peer_named(self, peer: str) -> PeerId:
        """The peer id of a node's name or a peer id. Raises UnknownNodeError or PeerIdError."""

    def close_connection(self, number: int, reason: str, cause: int) -> None:
        """Close a connection from this end."""


class AdmissionControl:
    """One node's. Raises RefusedError for a connection, StreamError of kind ``refused`` or ``limit`` for a stream; the
    error's ``event`` is the one that says why."""

    def __init__(self, host: AdmissionHost, runtime: Runtime, log: EventLog, admission: Admission) -> None:
        self.ref = f"door {host.name}"  # by which a list of commands names it
        self._host = host
        self._runtime = runtime
        self._core = AdmissionCore(host.name, admission, host)
        self._run = Runner(log, host.index, self).run
        self._timer: Timer | None = None

    @property
    def admission(self) -> Admission:
        """What it goes by."""
        return self._core.admission

    # -- carrying out effects

    def perform(self, effect: CloseConnection | WakeAt, cause: int) -> None:
        """Close a connection, or set the timer."""
        if isinstance(effect, CloseConnection):
            self._host.close_connection(effect.connection, effect.reason, cause)
            return
        if self._timer is not None:
            self._timer.cancel()
        delay = max(0, effect.tick - self._runtime.ticks()) / TICKS_PER_SECOND
        self._timer = self._runtime.timer(delay, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._run(self._core.wake(self._runtime.ticks()))

    def _refuse(self, refused: RefusedRequest) -> RefusedError:
        error = RefusedError(refused.refusal)
        error.event = self._run(self._core.told("connection.refused", refused))
        return error

    def _refuse_stream(self, refused: RefusedRequest) -> StreamError:
        kind = "limit" if refused.refusal.reason == "limit" else "refused"
        text = f"{self._host.name} opens no stream: {refused.refusal}"
        error = StreamError(kind, text)  # type: ignore[arg-type]  # either is a kind
        error.event = self._run(self._core.told("stream.refused", refused))
        return error

    # -- connections

    def dial(self, peer: PeerId | None, address: str | None) -> Admitted:
        """Ask before an address is dialled. Raises RefusedError."""
        return self._connect(Request("dial", "outbound", peer, address))

    def accept(self, address: str | None) -> Admitted:
        """Ask when a peer has dialled, before the first byte is read. Raises RefusedError."""
        return self._connect(Request("accept", "inbound", None, address))

    def _connect(self, request: Request) -> Admitted:
        answer = self._core.connect(request)
        if isinstance(answer, RefusedRequest):
            raise self._refuse(answer)
        return answer

    def proved(self, entry: Admitted, peer: PeerId, address: str | None) -> None:
        """Ask when the peer has proved who it is. RefusedError, and the entry is struck out."""
        refused = self._core.proved(entry, peer, address)
        if refused is not None:
            raise self._refuse(refused)

    def opened(self, entry: Admitted | None, connection: Connection) -> None:
        """The connection is ready, and has a number. ``entry``: None where it was begun before admission was set."""
        if entry is None:
            self.adopt([connection])
        else:
            self._run(self._core.opened(entry, connection, self._runtime.ticks()))

    def adopt(self, connections: Iterable[Connection]) -> None:
        """Enter connections that were opened before admission was set."""
        self._run(self._core.adopt(connections, self._runtime.ticks()))

    def ended(self, entry: Admitted | None) -> None:
        """A connection or a stream has ended, or was never opened after all."""
        self._core.ended(entry)

    def all_ended(self) -> None:
        """The node went down, and everything with it."""
        self._core.all_ended()

    def forget(self) -> None:
        """The node has lost what it knew: its tags and protections."""
        self._core.forget()

    def entry_of(self, number: int) -> Admitted | None:
        """The entry of an open connection."""
        return self._core.entry_of(number)

    # -- streams

    def outgoing(self, remote: Remote, protocols: Sequence[str], memory: int) -> tuple[Admitted, list[str]]:
        """Ask before a stream is opened: its entry, and those of the protocols that may be asked for. StreamError where
        none may."""
        answer = self._core.outgoing(remote, protocols, memory)
        if isinstance(answer, RefusedRequest):
            raise self._refuse_stream(answer)
        return answer

    def incoming(self, remote: Remote, memory: int) -> Admitted:
        """Ask when a peer has opened a stream, before it has said what for. Raises StreamError."""
        answer = self._core.incoming(remote, memory)
        if isinstance(answer, RefusedRequest):
            raise self._refuse_stream(answer)
        return answer

    def agreed(self, entry: Admitted, remote: Remote, protocol: str, served: str | None = None) -> None:
        """Ask when a protocol is about to be agreed on, which this node has registered as ``served``.
        Raises StreamError."""
        refused = self._core.agreed(entry, remote, protocol, served)
        if refused is not None:
            raise self._refuse_stream(refused)

    def adopt_stream(self, direction: Direction, remote: Remote, protocol: str | None, memory: int) -> Admitted:
        """Enter a stream that was opened before admission was set."""
        return self._core.adopt_stream(direction, remote, protocol, memory)

    def overran(self, remote: Remote, excess: int) -> None:
        """A peer has sent more than a stream's window had room for: close its connection."""
        self._run(self._core.overran(remote, excess))

    # -- what users ask of it

    def change(self, what: str, value: Any) -> None:
        """Go by another ``gate``, ``authorize``, ``limits`` or ``watermarks`` (None: none). Raises ValidationError.

        Connections that the new gate would not let in are closed; streams that are open stay so.
        """
        self._run(self._core.change(what, value, self._runtime.ticks()))

    def block(self, what: Any) -> None:
        """Add a rule to what the gate blocks."""
        self._run(self._core.block(what, self._runtime.ticks()))

    def unblock(self, what: Any) -> bool:
        """Take a rule away from what the gate blocks; whether it was there."""
        was_there, effects = self._core.unblock(what, self._runtime.ticks())
        self._run(effects)
        return was_there

    def protect(self, peer: str, tag: str) -> None:
        """Keep a peer's connections from being trimmed, for the sake of this tag."""
        named = self._host.peer_named(peer)
        self._core.tags.protect(str(named), tag)
        self._tagged(named, "protect", tag)

    def unprotect(self, peer: str, tag: str) -> bool:
        """Take a protection away; whether others still protect the peer."""
        named = self._host.peer_named(peer)
        still = self._core.tags.unprotect(str(named), tag)
        self._tagged(named, "unprotect", tag)
        return still

    def tag(self, peer: str, tag: str, value: int) -> None:
        """Give a peer a value under a tag."""
        named = self._host.peer_named(peer)
        self._core.tags.tag(str(named), tag, value)
        self._tagged(named, "tag", f"{tag}={value}")

    def untag(self, peer: str, tag: str) -> bool:
        """Take a tag away; whether it was there."""
        named = self._host.peer_named(peer)
        was_there = self._core.tags.untag(str(named), tag)
        self._tagged(named, "untag", tag)
        return was_there

    def _tagged(self, peer: PeerId, what: str, to: str) -> None:
        self._run(self._core.tagged(peer, what, to, self._runtime.ticks()))

    def tags_of(self, peer: str) -> dict[str, int]:
        """The tags of a peer, and their values."""
        return dict(self._core.tags.values.get(str(self._host.peer_named(peer)), {}))

    def protections_of(self, peer: str) -> list[str]:
        """The tags that protect a peer."""
        return list(self._core.tags.protections.get(str(self._host.peer_named(peer)), {}))

    def usage(self) -> list[Usage]:
        """What is held, and what the limits are."""
        return self._core.usage()
