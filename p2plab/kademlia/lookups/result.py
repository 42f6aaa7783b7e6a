"""What a lookup gives: the answer, and every step that led to it, as a table, as HTML and as a picture.

All is reckoned from the operation's own steps when somebody looks, so that a lookup nobody looks into costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from p2plab.constants import TICKS_PER_SECOND
from p2plab.kademlia.key import KEY_BITS, KeySpace
from p2plab.kademlia.lookups.picture import Picture, svg_of
from p2plab.kademlia.messages import ADD_PROVIDER, PUT_VALUE, DhtMessage, type_name
from p2plab.kademlia.operations import ANSWERED, ASKED, Outcome, Step
from p2plab.kademlia.storage.records import key_text
from p2plab.text import aligned, html_table, plural, says, shown
from p2plab.typing import PeerId

__all__ = ["Concluded", "Lookup", "Query", "Released"]

_LONGEST_TABLE: Final = 60
_MOST_PROBLEMS: Final = 5  # refused values whose faults are told


@says
@dataclass(frozen=True, slots=True)
class Query:
    """One query of a lookup, of the message ``type`` (``FIND_NODE``, ...); ``failed`` where no answer came. ``time``
    (seconds of lab time) is when it was asked, ``duration`` how long the answer took (None: there was none),
    ``distance`` the number of leading bits the peer's key shares with what was looked for, ``hop`` how many referrals
    led to the peer. ``closer`` are the peers it referred to; ``entered`` and ``left`` are who came into and went out of
    the k closest known because of it."""

    time: float
    peer: PeerId
    type: str
    distance: int
    hop: int
    answer: str
    duration: float | None = None
    failed: bool = False
    closer: tuple[PeerId, ...] = ()
    entered: tuple[PeerId, ...] = ()
    left: tuple[PeerId, ...] = ()

    def __str__(self) -> str:
        took = "no answer" if self.duration is None else f"after {self.duration * 1000:.0f} ms"
        return f"{self.type} to {self.peer!r}, hop {self.hop}, {self.distance} bits, {took}: {self.answer}"


class Concluded(Protocol):
    """What a Lookup is made of: an ``Operation`` that is over, or something that was seen to go the same way. Times are
    ticks, ``event`` is -1 where none recorded the end, ``target`` the Kademlia key that was looked for."""

    kind: str
    key: bytes
    ref: str
    event: int
    reason: str
    started: int
    ended: int
    steps: list[Step]

    @property
    def target(self) -> int: ...
    def outcome(self) -> Outcome: ...


class Released:
    """An operation that goes on, as it is when nobody needs to wait for it any more."""

    def __init__(self, operation: Concluded, now: int) -> None:
        self.kind = operation.kind
        self.key = operation.key
        self.ref = operation.ref
        self.event = operation.event
        self.reason = "enough stored"
        self.started = operation.started
        self.ended = now
        self.steps = list(operation.steps)
        self.target = operation.target
        self._outcome = replace(operation.outcome(), peers=tuple(operation.outcome().peers))

    def outcome(self) -> Outcome:
        return self._outcome


class Lookup:
    """The result of ``put``, ``get``, ``provide``, ``find_providers``, ``find_peer`` and ``closest_peers``.

    ``value`` is what a get found (None: nothing), ``providers`` who provides, ``peer`` the peer that was found,
    ``peers`` the k closest that answered, or, of a put and a provide, those that took the record. ``reason`` says why
    it ended and ``event`` which event recorded that; times are seconds.
    """

    def __init__(self, operation: Concluded, space: KeySpace, me: int, k: int) -> None:
        self.kind = operation.kind
        self.key = operation.key
        self.ref = operation.ref
        self.event: int | None = operation.event if operation.event >= 0 else None
        self.reason = operation.reason
        self.started = operation.started / TICKS_PER_SECOND
        self.ended = operation.ended / TICKS_PER_SECOND
        outcome = operation.outcome()
        self.value = outcome.value
        self.providers = [space.info(peer, addresses) for peer, addresses in outcome.providers.items()]
        self.peer = None if outcome.peer is None else space.info(outcome.peer)
        self.peers = [space.info(peer) for peer in outcome.peers]
        self._refused = tuple(outcome.refused)
        self._k = k
        self._me = me
        self._target = operation.target
        self._space = space
        self._steps: Sequence[Step] = tuple(operation.steps)
        self._seeds = tuple(outcome.seeds)
        self._path: list[Query] | None = None

    @property
    def found(self) -> bool:
        """Whether it gave what was asked for."""
        if self.kind == "get":
            return self.value is not None
        if self.kind == "find_providers":
            return bool(self.providers)
        return self.peer is not None if self.kind == "find_peer" else bool(self.peers)

    @property
    def duration(self) -> float:
        """Seconds it took."""
        return self.ended - self.started

    @property
    def path(self) -> list[Query]:
        """Every query, in the order in which they were asked."""
        if self._path is None:
            self._path = _Replay(self._steps, self._seeds, self._me, self._target, self._k, self._space).queries()
        return self._path

    @property
    def hops(self) -> int:
        """How many referrals led to the closest peer that answered; 1 where it was known from the start."""
        answered = [query for query in self.path if not query.failed and query.duration is not None]
        return min(answered, key=lambda query: -query.distance).hop if answered else 0

    @property
    def messages(self) -> dict[str, int]:
        """How many requests were sent, by their type: of a ``provide`` FIND_NODE, to find the k closest peers, and
        ADD_PROVIDER, to tell them."""
        counts: dict[str, int] = {}
        for query in self.path:
            counts[query.type] = counts.get(query.type, 0) + 1
        return counts

    def why(self) -> str:
        """Why it ended as it did, in a sentence."""
        failures: dict[str, int] = {}
        for query in self.path:
            if query.failed:
                failures[query.answer] = failures.get(query.answer, 0) + 1
        answered = sum(query.duration is not None and not query.failed for query in self.path)
        asked = f"{plural(len(self.path), 'query', 'queries')}, {answered} answered"
        if failures:
            asked += ", " + ", ".join(f"{count} failed ({why})" for why, count in failures.items())
        ending = f"{self.reason}; {asked}"
        if self.kind == "get" and self.found and not self.path and self.reason != "held here":
            ending = f"held here; {ending}"
        if self._refused:
            problems = "; ".join(shown(problem, 200) for problem in dict.fromkeys(self._refused[:_MOST_PROBLEMS]))
            ending += f", {plural(len(self._refused), 'value')} refused ({problems})"
        if self.found:
            return ending
        if self.kind == "get":
            return f"no value: {ending}; none of those who answered held a valid one"
        if self.kind == "find_providers":
            return f"no providers: {ending}; none of those who answered knew one"
        if self.kind == "find_peer":
            return f"not found: {ending}; it did not answer, whether or not somebody named it"
        return f"no peers: {ending}"

    # -- for people

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        head = f"{self.kind} {shown(key_text(self.key))}: {self._outcome()} in {self.duration:.3f} s ({self.reason})"
        rows = [("#", "t (s)", "peer", "bits", "hop", "took", "answer", "k closest")]
        rows += [
            (
                str(number),
                f"{query.time:.3f}",
                repr(query.peer),
                str(query.distance),
                str(query.hop),
                "" if query.duration is None else f"{query.duration * 1000:.0f} ms",
                _shown(query),
                _change(query),
            )
            for number, query in enumerate(self.path[:_LONGEST_TABLE], 1)
        ]
        if len(rows) == 1:
            return head
        more = len(self.path) - _LONGEST_TABLE
        return "\n".join([head, aligned(rows), *([f"… and {more} more"] if more > 0 else [])])

    def _outcome(self) -> str:
        if self.kind == "get":
            return "nothing found" if self.value is None else f"a value of {plural(len(self.value), 'byte')}"
        if self.kind == "find_providers":
            return plural(len(self.providers), "provider")
        if self.kind == "find_peer":
            return f"found {self.peer.name}" if self.peer else "not found"
        if self.kind in ("put", "provide"):
            return f"stored at {plural(len(self.peers), 'peer')}"
        return plural(len(self.peers), "peer")

    def _repr_html_(self) -> str:
        rows = (
            (
                number,
                f"{query.time:.3f}",
                repr(query.peer),
                query.distance,
                query.hop,
                None if query.duration is None else f"{query.duration * 1000:.0f} ms",
                _shown(query),
                _change(query),
            )
            for number, query in enumerate(self.path[:_LONGEST_TABLE], 1)
        )
        text = f"{self.kind} {shown(key_text(self.key))}: {self._outcome()} in {self.duration:.3f} s ({self.reason})"
        return html_table(("#", "t (s)", "peer", "bits", "hop", "took", "answer", "k closest"), rows, text)

    def to_svg(self) -> str:
        """A picture: each query a line from its question to its answer, the closer to what was looked for the lower."""
        return svg_of(self)

    def picture(self) -> Picture:
        """The same for a notebook to show."""
        return Picture(self.to_svg(), str(self))

    def __getstate__(self) -> dict[str, Any]:
        """Pickled with its path and without the world it was made in."""
        state = {**self.__dict__, "_path": self.path, "_steps": (), "_seeds": (), "_space": None}
        return state


def _shown(query: Query) -> str:
    text = shown(query.answer if query.type == "FIND_NODE" else f"{query.type}: {query.answer}", 500)
    return f"✗ {text}" if query.failed else text


def _change(query: Query) -> str:
    parts = []
    if query.entered:
        parts.append(f"+{len(query.entered)}")
    if query.left:
        parts.append(f"−{len(query.left)}")
    return " ".join(parts)


class _Replay:
    """Goes through the steps again and notes how the shortlist changed."""

    def __init__(
        self, steps: Sequence[Step], seeds: Sequence[int], me: int, target: int, k: int, space: KeySpace
    ) -> None:
        self._steps = steps
        self._space = space
        self._target = target
        self._k = k
        self._hops: dict[int, int] = {**dict.fromkeys(seeds, 1), me: 0}
        self._alive: dict[int, None] = dict.fromkeys(seeds)
        self._closest = self._rank()

    def _rank(self) -> list[int]:
        keys = self._space.keys
        return sorted(self._alive, key=lambda peer: keys[peer] ^ self._target)[: self._k]

    def queries(self) -> list[Query]:
        asked: dict[tuple[int, int], int] = {}
        found: list[Query] = []
        for tick, peer, message_type, what, detail in self._steps:
            if what == ASKED:
                asked[peer, message_type] = len(found)
                shared = KEY_BITS - (self._space.keys[peer] ^ self._target).bit_length()
                found.append(
                    Query(
                        tick / TICKS_PER_SECOND,
                        self._space.peer_id(peer),
                        type_name(message_type),
                        shared,
                        self._hops.get(peer, 1),
                        "no answer yet",
                    )
                )
            elif (peer, message_type) in asked:
                at = asked[peer, message_type]
                found[at] = self._answered(found[at], tick, peer, what, detail)
        return found

    def _answered(self, query: Query, tick: int, peer: int, what: int, detail: Any) -> Query:
        peer_id = self._space.peer_id
        closer: list[int] = []
        if what == ANSWERED:
            closer = list(detail.closer)
            for other in closer:
                if other not in self._hops:
                    self._hops[other] = query.hop + 1
                    self._alive[other] = None
            answer = _said(detail)
        else:
            self._alive.pop(peer, None)
            answer = str(detail)
        before, self._closest = self._closest, self._rank()
        return Query(
            query.time,
            query.peer,
            query.type,
            query.distance,
            query.hop,
            answer,
            tick / TICKS_PER_SECOND - query.time,
            what != ANSWERED,
            tuple(peer_id(other) for other in closer),
            tuple(peer_id(other) for other in self._closest if other not in before),
            tuple(peer_id(other) for other in before if other not in self._closest),
        )


def _said(reply: DhtMessage) -> str:
    if reply.type in (PUT_VALUE, ADD_PROVIDER):
        return "stored"
    parts = []
    if reply.record is not None:
        parts.append(f"a value of {plural(len(reply.record.value), 'byte')}")
    if reply.providers:
        parts.append(plural(len(reply.providers), "provider"))
    if reply.closer:
        parts.append(plural(len(reply.closer), "peer"))
    return ", ".join(parts) or "nobody"
