"""What py-libp2p's KadDHT does for a verb, noted step by step as p2plab's own core would: events, and a ``Lookup``.

Which verb a query belongs to, and what kind of query it is, is known by context: the library's tasks inherit it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from p2plab.events import EventLog
from p2plab.kademlia.key import KEY_BITS, KeySpace, kademlia_key
from p2plab.kademlia.messages import GET_VALUE, DhtMessage, type_name
from p2plab.kademlia.operations import ANSWERED, ASKED, FAILED, Outcome, Step, count_steps
from p2plab.kademlia.storage.records import key_text
from p2plab.typing import Runtime

MAX_QUERIES: Final = 400  # remedy "an end to every lookup"

_asking: ContextVar[int] = ContextVar("p2plab_kad_asking", default=-1)
_watch: ContextVar[WatchedVerb | None] = ContextVar("p2plab_kad_watch", default=None)


@contextmanager
def asking(message_type: int) -> Iterator[None]:
    """What is asked inside is a query of this type."""
    token = _asking.set(message_type)
    try:
        yield
    finally:
        _asking.reset(token)


class WatchedQuery:
    """One query under way. Exactly one of ``answered`` and ``failed`` counts, the first."""

    def __init__(self, watch: WatchedVerb, peer: int, message_type: int, seq: int) -> None:
        self._watch = watch
        self._peer = peer
        self.type = message_type
        self.seq = seq
        self.over = False

    def answered(self, reply: DhtMessage) -> None:
        """The peer has answered."""
        if not self.over:
            self.over = True
            self._watch.answered(self, self._peer, reply)

    def failed(self, why: str, text: str = "") -> None:
        """There will be no answer."""
        if not self.over:
            self.over = True
            self._watch.failed(self, self._peer, why, text)


class WatchedVerb:
    """A verb that py-libp2p carries out; implements ``p2plab.kademlia.lookups.result.Concluded``. ``result`` is what
    it came to and ``reason`` why it ended, which the verb says."""

    def __init__(
        self, kind: str, key: bytes, ref: str, me: int, space: KeySpace, runtime: Runtime, log: EventLog
    ) -> None:
        self.kind = kind
        self.key = key
        self.target = kademlia_key(key)
        self.ref = ref
        self.started = self.ended = self.event = -1
        self.reason = ""
        self.steps: list[Step] = []
        self.values: list[tuple[int, bytes]] = []  # who gave which value
        self.result = Outcome()
        self._me = me
        self._space = space
        self._runtime = runtime
        self._log = log
        self._named: dict[int, int] = {}  # by peer: the event of the answer that named it first
        self._begun = -1
        self._providers: set[bytes] = set()

    def outcome(self) -> Outcome:
        """What it came to."""
        return self.result

    @contextmanager
    def under_way(self, seeds: Sequence[int]) -> Iterator[None]:
        """What is asked inside, and in tasks begun there, belongs to it; its end is noted however it comes."""
        self.started = self._runtime.ticks()
        data = {"kind": self.kind, "key": key_text(self.key), "seeds": len(seeds)}
        self._begun = self._log.record("dht.lookup", self._me, ref=self.ref, data=data)
        token = _watch.set(self)
        try:
            yield
        finally:
            _watch.reset(token)
            self.ended, self.reason = self._runtime.ticks(), self.reason or "stopped"
            said = {"kind": self.kind, **count_steps(self.steps)}
            self.event = self._log.record(
                "dht.done", self._me, ref=self.ref, reason=self.reason, data=said, cause=self._begun
            )

    def asked(self, peer: int) -> WatchedQuery:
        """A query is about to be sent. The reason of the verb's end is set where there were too many."""
        message_type = _asking.get()
        shared = KEY_BITS - (self._space.keys[peer] ^ self.target).bit_length()
        cause = self._named.get(peer, self._begun)
        data = {"type": type_name(message_type), "distance": shared}
        seq = self._log.record("dht.query", self._me, peer, ref=self.ref, data=data, cause=cause)
        self.steps.append((self._runtime.ticks(), peer, message_type, ASKED, None))
        return WatchedQuery(self, peer, message_type, seq)

    @property
    def exhausted(self) -> bool:
        """Whether it has sent as many queries as a lookup may."""
        return sum(step[3] == ASKED for step in self.steps) >= MAX_QUERIES

    def answered(self, query: WatchedQuery, peer: int, reply: DhtMessage) -> None:
        """For queries: one was answered."""
        self.steps.append((self._runtime.ticks(), peer, query.type, ANSWERED, reply))
        data: dict[str, object] = {"type": type_name(query.type), "peers": len(reply.closer)}
        if query.type == GET_VALUE and reply.record is not None and reply.record.key == self.key:
            self.values.append((peer, reply.record.value))
            data["value"] = len(reply.record.value)
        if reply.providers:
            data["providers"] = len(reply.providers)
        seq = self._log.record("dht.answer", self._me, peer, ref=self.ref, data=data, cause=query.seq)
        for other in reply.closer:
            self._named.setdefault(other, seq)

    def failed(self, query: WatchedQuery, peer: int, why: str, text: str) -> None:
        """For queries: one came to nothing."""
        self.steps.append((self._runtime.ticks(), peer, query.type, FAILED, why))
        data = {"type": type_name(query.type), **({"text": text[:200]} if text else {})}
        self._log.record("dht.query_failed", self._me, peer, ref=self.ref, reason=why, data=data, cause=query.seq)

    def is_new(self, provider: bytes) -> bool:
        """Whether nobody has named this provider before."""
        named = provider in self._providers
        self._providers.add(provider)
        return not named

    # -- what the verbs make of it

    def answering(self, *types: int) -> list[int]:
        """The peers that answered a query of one of these types (of any: none given), each once."""
        found = (step[1] for step in self.steps if step[3] == ANSWERED and (not types or step[2] in types))
        return list(dict.fromkeys(found))

    def silent(self) -> set[int]:
        """The peers that were asked and never answered."""
        return {step[1] for step in self.steps if step[3] == FAILED} - set(self.answering())


def current_watch() -> WatchedVerb | None:
    """The verb for which the running code asks."""
    return _watch.get()
