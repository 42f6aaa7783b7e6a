"""A rendezvous point: who is registered where, and what it answers (rendezvous/README.md).

Rules it lives by, with the spec's sections:
- A registration is of one peer in one namespace, and replaces the one before ("Registration Lifetime"). It ends when
  its TTL has passed, to the tick, or with UNREGISTER; that the peer hangs up changes nothing.
- A registration needs a signed record of the very peer that registers; another's is E_NOT_AUTHORIZED, one that does not
  hold E_INVALID_SIGNED_PEER_RECORD ("Registration").
- Registrations are numbered as they come, and an answer's cookie says the number it ended with, so that pages never
  overlap: every registration is given once ("Discovering peers"). One that is renewed with the same record keeps its
  number; another record is news, and gets a new one.
- rust-libp2p's client reads only records that are signed as its own are, and throws an answer with others away: it is
  given no others.
- Whatever a peer can have more of is bounded: registrations, bytes, results, requests a minute.

A core: time comes in as ticks, and the shell calls ``expire`` when ``due`` says so.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from p2plab.constants import TICKS_PER_SECOND
from p2plab.discovery.rendezvous.cookie import make_cookie, read_cookie
from p2plab.discovery.rendezvous.messages import (
    Discover,
    Discovered,
    Register,
    Registered,
    Status,
    Unregister,
    registration_size,
)
from p2plab.discovery.rendezvous.params import MAX_NAMESPACE, RendezvousParams
from p2plab.errors import ProtocolViolation
from p2plab.identity.peer_record import is_legacy, read_record
from p2plab.typing import PeerId

__all__ = ["Registration", "RendezvousPoint", "RendezvousReply"]

_MINUTE: Final = 60 * TICKS_PER_SECOND
_ANSWER: Final = 1 << 19  # bytes of registrations in one answer


@dataclass(frozen=True, slots=True)
class Registration:
    """``number`` is its place in the order in which they came, ``expires`` the tick at which it is gone."""

    number: int
    peer: PeerId
    namespace: bytes
    record: bytes
    expires: int


@dataclass(frozen=True, slots=True)
class RendezvousReply:
    """What to answer with (None: nothing), the event that says so, and what changed for the store."""

    message: Registered | Discovered | None
    kind: str
    reason: str | None
    data: dict[str, Any]
    kept: Registration | None = None
    gone: Registration | None = None


class _Shelf:
    """Registrations by number."""

    __slots__ = ("by_number", "numbers")

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.by_number: dict[int, Registration] = {}

    def put(self, registration: Registration) -> None:
        if registration.number not in self.by_number:
            insort(self.numbers, registration.number)
        self.by_number[registration.number] = registration

    def take(self, number: int) -> None:
        del self.by_number[number]
        del self.numbers[bisect_right(self.numbers, number) - 1]

    def after(self, number: int) -> Iterator[Registration]:
        """Those that came after this number."""
        for place in range(bisect_right(self.numbers, number), len(self.numbers)):
            yield self.by_number[self.numbers[place]]


class RendezvousPoint:
    """``secret`` makes its cookies its own."""

    def __init__(self, params: RendezvousParams, secret: bytes) -> None:
        self.params = params
        self._secret = secret
        self._all = _Shelf()
        self._shelves: dict[bytes, _Shelf] = {}
        self._of_peer: dict[str, dict[bytes, Registration]] = {}
        self._bytes = 0
        self._last = 0  # the number of the last registration
        self._ends: list[tuple[int, int]] = []  # (tick, number): a heap, which may hold what is gone already
        self._minute = 0
        self._asked: dict[str, int] = {}  # requests of each peer in this minute

    def __len__(self) -> int:
        return len(self._all.numbers)

    def registrations(self) -> list[Registration]:
        """All of them, in the order in which they came."""
        return [self._all.by_number[number] for number in self._all.numbers]

    def restore(self, registrations: list[Registration], last: int, now: int) -> None:
        """Take over what was kept, and the number it had come to; what has ended meanwhile is left out."""
        for registration in sorted(registrations, key=lambda one: one.number):
            if registration.expires > now:
                self._put(registration)
        self._last = max(self._last, last)

    def forget(self) -> None:
        """Everything is lost."""
        self.__init__(self.params, self._secret)  # type: ignore[misc]  # all of its state is made there

    # -- requests

    def answer(
        self, peer: PeerId, message: Register | Unregister | Discover, now: int, only_legacy: bool = False
    ) -> RendezvousReply:
        """What to say to a request of this peer, and what came of it; ``only_legacy``: it reads no other records than
        those as rust-libp2p signs them."""
        if isinstance(message, Register):
            return self._register(peer, message, now)
        if isinstance(message, Unregister):
            return self._unregister(peer, message)
        return self._discover(peer, message, now, only_legacy)

    def _busy(self, peer: PeerId, now: int) -> bool:
        minute = now // _MINUTE
        if minute != self._minute:
            self._minute, self._asked = minute, {}
        count = self._asked[peer] = self._asked.get(peer, 0) + 1
        return count > self.params.requests

    def _register(self, peer: PeerId, message: Register, now: int) -> RendezvousReply:
        namespace = _shown(message.namespace)
        refused = self._refusal(peer, message, now)
        if refused is not None:
            status, text = refused
            data = {"request": "REGISTER", "namespace": namespace, "text": text}
            return RendezvousReply(Registered(status, text), "rendezvous.refused", status.name, data)
        asked = self.params.ttl if message.ttl is None or message.ttl == 0 else message.ttl
        seconds = int(asked)
        before = self._of_peer.get(peer, {}).get(message.namespace)
        same = before is not None and before.record == message.record and before.expires > now
        if before is not None:
            self._take(before)
        if same and before is not None:
            number = before.number
        else:
            self._last += 1
            number = self._last
        kept = Registration(number, peer, message.namespace, message.record, now + seconds * TICKS_PER_SECOND)
        self._put(kept)
        told: dict[str, Any] = {"namespace": namespace, "ttl": seconds, "renewed": before is not None}
        told["number"] = number
        gone = None if same else before
        return RendezvousReply(Registered(Status.OK, "", seconds), "rendezvous.registered", None, told, kept, gone)

    def _refusal(self, peer: PeerId, message: Register, now: int) -> tuple[Status, str] | None:
        params = self.params
        if self._busy(peer, now):
            return Status.E_UNAVAILABLE, f"over {params.requests} requests in this minute"
        bad = _bad_namespace(message.namespace)
        if bad is not None:
            return Status.E_INVALID_NAMESPACE, bad
        if message.ttl and not params.min_ttl <= message.ttl <= params.max_ttl:
            return Status.E_INVALID_TTL, f"{message.ttl} s; from {params.min_ttl:g} to {params.max_ttl:g} s are taken"
        try:
            record = read_record(message.record, legacy=True)
        except ProtocolViolation as error:
            return Status.E_INVALID_SIGNED_PEER_RECORD, str(error)[:200]
        if record.peer_id != peer:
            return Status.E_NOT_AUTHORIZED, f"the record is of {record.peer_id}, not of {peer}"
        mine = self._of_peer.get(peer, {})
        before = mine.get(message.namespace)
        if before is None and len(mine) >= params.per_peer:
            return Status.E_NOT_AUTHORIZED, f"{len(mine)} registrations of this peer: no more are taken"
        more = len(message.record) + len(message.namespace) - (0 if before is None else _size(before))
        if (before is None and len(self) >= params.registrations) or self._bytes + more > params.total_bytes:
            return Status.E_UNAVAILABLE, f"full: {len(self)} registrations with {self._bytes} bytes"
        return None

    def _unregister(self, peer: PeerId, message: Unregister) -> RendezvousReply:
        gone = self._of_peer.get(peer, {}).get(message.namespace)
        if gone is not None:
            self._take(gone)
        data = {"namespace": _shown(message.namespace), "registered": gone is not None}
        return RendezvousReply(None, "rendezvous.removed", "unregistered", data, gone=gone)

    def _discover(self, peer: PeerId, message: Discover, now: int, only_legacy: bool) -> RendezvousReply:
        namespace = message.namespace or None  # go-libp2p's client says "" for all
        shown = None if namespace is None else _shown(namespace)
        status, text, since = Status.OK, "", 0
        if self._busy(peer, now):
            status, text = Status.E_UNAVAILABLE, f"over {self.params.requests} requests in this minute"
        elif namespace is not None and (bad := _bad_namespace(namespace)) is not None:
            status, text = Status.E_INVALID_NAMESPACE, bad
        elif message.cookie:
            read = read_cookie(self._secret, namespace, message.cookie)
            if read is None or read > self._last:
                status, text = Status.E_INVALID_COOKIE, "not a cookie of this point for this namespace"
            else:
                since = read
        if status != Status.OK:
            data: dict[str, Any] = {"request": "DISCOVER", "namespace": shown, "text": text}
            return RendezvousReply(Discovered(status, text=text), "rendezvous.refused", status.name, data)
        shelf = self._all if namespace is None else self._shelves.get(namespace, _Shelf())
        most = self.params.results if not message.limit else min(message.limit, self.params.results)
        given: list[Register] = []
        size = 0
        for registration in shelf.after(since):
            if len(given) >= most:
                break
            if only_legacy and not is_legacy(registration.record):
                since = registration.number
                continue
            left = max(1, -(-(registration.expires - now) // TICKS_PER_SECOND))
            one = Register(registration.namespace, registration.record, left)
            size += registration_size(one)
            if size > _ANSWER and given:
                break
            given.append(one)
            since = registration.number
        cookie = make_cookie(self._secret, namespace, since)
        data = {"namespace": shown, "registrations": len(given), "of": len(shelf.numbers)}
        return RendezvousReply(Discovered(Status.OK, tuple(given), cookie), "rendezvous.discovered", None, data)

    # -- the end of registrations

    @property
    def due(self) -> int | None:
        """The tick at which the next registration ends; None where there is none."""
        while self._ends:
            end, number = self._ends[0]
            registration = self._all.by_number.get(number)
            if registration is not None and registration.expires == end:
                return end
            heapq.heappop(self._ends)
        return None

    def expire(self, now: int) -> list[Registration]:
        """Take out what has ended by now, and say what that was."""
        gone = []
        while (due := self.due) is not None and due <= now:
            registration = self._all.by_number[self._ends[0][1]]
            self._take(registration)
            gone.append(registration)
        return gone

    def _put(self, registration: Registration) -> None:
        self._all.put(registration)
        self._shelves.setdefault(registration.namespace, _Shelf()).put(registration)
        self._of_peer.setdefault(registration.peer, {})[registration.namespace] = registration
        self._bytes += _size(registration)
        heapq.heappush(self._ends, (registration.expires, registration.number))

    def _take(self, registration: Registration) -> None:
        self._all.take(registration.number)
        shelf = self._shelves[registration.namespace]
        shelf.take(registration.number)
        if not shelf.numbers:
            del self._shelves[registration.namespace]
        mine = self._of_peer[registration.peer]
        del mine[registration.namespace]
        if not mine:
            del self._of_peer[registration.peer]
        self._bytes -= _size(registration)


def _size(registration: Registration) -> int:
    return len(registration.record) + len(registration.namespace)


def _bad_namespace(namespace: bytes) -> str | None:
    if not 1 <= len(namespace) <= MAX_NAMESPACE:
        return f"{len(namespace)} bytes; 1 to {MAX_NAMESPACE} are taken"
    try:
        namespace.decode()
    except UnicodeDecodeError:
        return "it is no UTF-8"
    return None


def _shown(namespace: bytes) -> str:
    return namespace[:MAX_NAMESPACE].decode("utf-8", "replace")
