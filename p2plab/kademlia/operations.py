"""What a node does on its own account: lookups, and what follows them (kad-dht/README.md, "DHT operations").

An operation asks peers and is told of their answers and failures; it adds effects to ``out``, in order:
``(ASK, operation, peer, message)``, ``(NOTE, kind, peer, ref, reason, data)`` and ``(DONE, operation)``. Its ``steps``
are all that happened, in order, as plain tuples; ``result.py`` makes of them what a user sees.

- A put finds the k closest with FIND_NODE and sends each PUT_VALUE; a provide likewise with ADD_PROVIDER.
- A get asks with GET_VALUE until it has a quorum of valid values, takes the best, and sends it to those of the k
  closest that gave a worse one or none, and to everybody who gave a worse one. That correction is an operation of its
  own, which nobody waits for.
- A value is put again by whoever put it first, at an interval of ours, and only if a get finds nothing better
  meanwhile: otherwise an old value would come back. (The specifications leave putting again to whoever publishes.)
- PING is never sent: whether a peer lives is asked with FIND_NODE.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from p2plab.kademlia.key import KEY_BITS, kademlia_key
from p2plab.kademlia.lookup import IterativeLookup
from p2plab.kademlia.messages import (
    ADD_PROVIDER,
    FIND_NODE,
    GET_PROVIDERS,
    GET_VALUE,
    PUT_VALUE,
    Message,
    Record,
    type_name,
)
from p2plab.kademlia.records import key_text

if TYPE_CHECKING:
    from p2plab.kademlia.node import KademliaNode

__all__ = [
    "ANSWERED",
    "ASK",
    "ASKED",
    "DONE",
    "FAILED",
    "NOTE",
    "Check",
    "ClosestPeers",
    "FindPeer",
    "FindProviders",
    "GetValue",
    "Operation",
    "Provide",
    "PutValue",
    "Republish",
    "Step",
]

ASK, NOTE, DONE = "ask", "note", "done"
ASKED, ANSWERED, FAILED = range(3)

Effects = list[tuple[Any, ...]]
Step = tuple[int, int, int, int, Any]
"""Tick, peer, message type, ASKED | ANSWERED | FAILED, and the answer or the reason of the failure."""

_NO_PEERS: Final = "empty table"


class Operation:
    """Something a node is doing. ``ended`` is the tick at which it was over (-1: not yet), ``reason`` why it was."""

    kind = ""
    shown = True  # whether its beginning and end are events of their own

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.ref = ""
        self.started = -1
        self.ended = -1
        self.reason = ""
        self.steps: list[Step] = []
        self.event = -1  # seq of the event that recorded its end; the shell sets it
        self.then: Callable[[int, Effects], None] | None = None

    @property
    def target(self) -> int:
        return kademlia_key(self.key)

    def start(self, node: KademliaNode, now: int, out: Effects) -> None:
        raise NotImplementedError

    def answered(self, node: KademliaNode, peer: int, reply: Message, now: int, out: Effects) -> None:
        raise NotImplementedError

    def failed(self, node: KademliaNode, peer: int, why: str, now: int, out: Effects) -> None:
        raise NotImplementedError

    def stop(self, node: KademliaNode, reason: str, now: int, out: Effects) -> None:
        """End it here, with what there is."""
        self.finish(node, reason, now, out)

    def finish(self, node: KademliaNode, reason: str, now: int, out: Effects) -> None:
        """It is over."""
        if self.ended >= 0:
            return
        self.ended, self.reason = now, reason
        if self.shown:
            out.append((NOTE, "dht.done", -1, self.ref, reason, {"kind": self.kind, **self.numbers()}))
        out.append((DONE, self))
        node.forget(self)
        if self.then is not None:
            self.then(now, out)

    def numbers(self) -> dict[str, int]:
        """How much it took."""
        counts = [0, 0, 0]
        for step in self.steps:
            counts[step[3]] += 1
        return {"queries": counts[ASKED], "answers": counts[ANSWERED], "failures": counts[FAILED]}

    def _ask(self, node: KademliaNode, peer: int, message: Message, now: int, out: Effects) -> None:
        self.steps.append((now, peer, message.type, ASKED, None))
        shared = KEY_BITS - (node.space.keys[peer] ^ self.target).bit_length()
        data = {"type": type_name(message.type), "distance": shared}
        out.append((NOTE, "dht.query", peer, self.ref, None, data))
        out.append((ASK, self, peer, message))


class _Lookup(Operation):
    """An operation that begins with a lookup. Subclasses take what answers bring (``take``) and say what follows when
    the lookup is over (``concluded``)."""

    message_type = FIND_NODE

    def __init__(self, key: bytes) -> None:
        super().__init__(key)
        self._target = kademlia_key(key)
        self.lookup: IterativeLookup | None = None
        self._storing: dict[int, None] = {}  # whose answers the second half still waits for
        self.stored: list[int] = []

    @property
    def target(self) -> int:
        return self._target

    def start(self, node: KademliaNode, now: int, out: Effects) -> None:
        params = node.params
        self.lookup = lookup = IterativeLookup(
            self._target,
            node.me,
            node.space.keys,
            params.k,
            params.alpha,
            params.resiliency,
            params.max_queries,
            node.doubts,
            lambda: node.more_seeds(self._target),
        )
        self._request = Message(self.message_type, self.key)
        seeds = node.seeds(self._target)
        data = {"kind": self.kind, "key": key_text(self.key), "seeds": len(seeds)}
        out.append((NOTE, "dht.lookup", -1, self.ref, None, data))
        node.table.touched(self._target, now)
        lookup.start(seeds)
        self._go_on(node, now, out)

    def answered(self, node: KademliaNode, peer: int, reply: Message, now: int, out: Effects) -> None:
        assert self.lookup is not None
        self.steps.append((now, peer, reply.type, ANSWERED, reply))
        if peer in self._storing:
            self.stored.append(peer)
            out.append((NOTE, "dht.answer", peer, self.ref, None, {"type": type_name(reply.type)}))
            self._store_ended(node, peer, now, out)
            return
        fresh = self.lookup.answered(peer, reply.closer)
        data: dict[str, Any] = {"type": type_name(reply.type), "peers": len(reply.closer), "new": fresh}
        out.append((NOTE, "dht.answer", peer, self.ref, None, data))
        self.take(node, peer, reply, now, out, data)
        self._go_on(node, now, out)

    def failed(self, node: KademliaNode, peer: int, why: str, now: int, out: Effects) -> None:
        assert self.lookup is not None
        storing = peer in self._storing
        self.steps.append((now, peer, self.store_type if storing else self.message_type, FAILED, why))
        if storing:
            self._store_ended(node, peer, now, out)
        else:
            self.lookup.failed(peer)
            self._go_on(node, now, out)

    def stop(self, node: KademliaNode, reason: str, now: int, out: Effects) -> None:
        if self.lookup is not None:
            self.lookup.end(reason)
        super().stop(node, reason, now, out)

    def _go_on(self, node: KademliaNode, now: int, out: Effects) -> None:
        assert self.lookup is not None
        for peer in self.lookup.ask():
            self._ask(node, peer, self._request, now, out)
        if self.lookup.reason is not None and not self._storing and self.ended < 0:
            self.concluded(node, self.lookup.reason, now, out)

    # -- what subclasses say

    store_type = PUT_VALUE

    def take(self, node: KademliaNode, peer: int, reply: Message, now: int, out: Effects, data: dict[str, Any]) -> None:
        """Use what an answer brings beside peers, and add to ``data`` what the event should say of it."""

    def concluded(self, node: KademliaNode, reason: str, now: int, out: Effects) -> None:
        """The lookup is over."""
        self.finish(node, reason, now, out)

    # -- the second half of a put or a provide

    def _store(self, node: KademliaNode, message: Message, peers: Sequence[int], now: int, out: Effects) -> None:
        """Send a record to these peers; the operation ends when all have answered or failed."""
        if not peers:
            self.finish(node, self.lookup.reason if self.lookup and self.lookup.reason else _NO_PEERS, now, out)
            return
        self._storing = dict.fromkeys(peers)
        for peer in peers:
            self._ask(node, peer, message, now, out)

    def _store_ended(self, node: KademliaNode, peer: int, now: int, out: Effects) -> None:
        del self._storing[peer]
        if not self._storing:
            self.finish(node, "stored", now, out)

    def numbers(self) -> dict[str, int]:
        return {**super().numbers(), **({"stored": len(self.stored)} if self.stored else {})}


class ClosestPeers(_Lookup):
    """Find the k peers closest to a key. ``kind`` is ``closest_peers``, ``refresh`` or ``bootstrap``."""

    def __init__(self, key: bytes, kind: str = "closest_peers") -> None:
        super().__init__(key)
        self.kind = kind


class FindPeer(_Lookup):
    """Find one peer. It is found when it answers, or when it is reached but speaks no DHT (a client): then ``failed``
    says ``client``. One that is only named, and cannot be reached, is not found."""

    kind = "find_peer"

    def __init__(self, peer: int, key: bytes) -> None:
        super().__init__(key)
        self.wanted = peer
        self.found = False
        self.named_by: list[int] = []

    def start(self, node: KademliaNode, now: int, out: Effects) -> None:
        if self.wanted in node.contacts:
            self.found = True
            out.append(
                (NOTE, "dht.lookup", -1, self.ref, None, {"kind": self.kind, "key": key_text(self.key), "seeds": 0})
            )
            self.finish(node, "held here", now, out)
        else:
            super().start(node, now, out)

    def take(self, node: KademliaNode, peer: int, reply: Message, now: int, out: Effects, data: dict[str, Any]) -> None:
        assert self.lookup is not None
        if self.wanted in reply.closer:
            self.named_by.append(peer)
            data["names_it"] = True
        if peer == self.wanted:
            self.found = True
            self.lookup.end("peer found")

    def failed(self, node: KademliaNode, peer: int, why: str, now: int, out: Effects) -> None:
        if peer == self.wanted and why == "client" and self.lookup is not None:
            self.found = True
            self.lookup.end("peer found")
        super().failed(node, peer, why, now, out)

    def numbers(self) -> dict[str, int]:
        return {**super().numbers(), "named_by": len(self.named_by), "found": int(self.found)}


class PutValue(_Lookup):
    """Store a value at the k closest peers, and here."""

    kind = "put"

    def __init__(self, key: bytes, value: bytes) -> None:
        super().__init__(key)
        self.value = value

    def concluded(self, node: KademliaNode, reason: str, now: int, out: Effects) -> None:
        assert self.lookup is not None
        message = Message(PUT_VALUE, self.key, Record(self.key, self.value))
        self._store(node, message, self.lookup.closest(), now, out)


class GetValue(_Lookup):
    """Find the value under a key. ``quorum`` values end the search (0: none do); what the node holds itself is one."""

    kind = "get"
    message_type = GET_VALUE

    def __init__(self, key: bytes, quorum: int) -> None:
        super().__init__(key)
        self.quorum = quorum
        self.values: list[tuple[int, bytes]] = []  # who gave which valid value, in order
        self.value: bytes | None = None

    def start(self, node: KademliaNode, now: int, out: Effects) -> None:
        own = node.own_value(self.key, now)
        if own is not None:
            self.values.append((node.me, own))
            if self.quorum == 1:
                self.value = own
                data = {"kind": self.kind, "key": key_text(self.key), "seeds": 0}
                out.append((NOTE, "dht.lookup", -1, self.ref, None, data))
                self.finish(node, "held here", now, out)
                return
        super().start(node, now, out)

    def take(self, node: KademliaNode, peer: int, reply: Message, now: int, out: Effects, data: dict[str, Any]) -> None:
        assert self.lookup is not None
        record = reply.record
        if record is None:
            return
        problem = (
            "it stands under another key" if record.key != self.key else node.problem_with(self.key, record.value, now)
        )
        if problem:
            said = {"key": key_text(self.key), "text": problem}
            out.append((NOTE, "dht.value_refused", peer, self.ref, "invalid record", said))
            return
        data["value"] = len(record.value)
        self.values.append((peer, record.value))
        if self.quorum and len(self.values) >= self.quorum:
            self.lookup.end("quorum reached")

    def concluded(self, node: KademliaNode, reason: str, now: int, out: Effects) -> None:
        self.value = self._best(node)
        self.finish(node, reason, now, out)
        if self.value is not None:
            self._correct(node, self.value, now, out)

    def stop(self, node: KademliaNode, reason: str, now: int, out: Effects) -> None:
        self.value = self._best(node)
        super().stop(node, reason, now, out)

    def _best(self, node: KademliaNode) -> bytes | None:
        return node.best_of(self.key, [value for _, value in self.values]) if self.values else None

    def _correct(self, node: KademliaNode, best: bytes, now: int, out: Effects) -> None:
        assert self.lookup is not None
        holders = {peer for peer, value in self.values if value == best}
        worse = [peer for peer, value in self.values if value != best]
        wanting = dict.fromkeys([*self.lookup.leading(), *worse])
        if node.me in wanting:
            node.keep(self.key, best, now, out)
        peers = [peer for peer in wanting if peer not in holders and peer != node.me]
        if peers:
            node.begin(_Correct(self.key, best, peers, self.ref), now, out)

    def numbers(self) -> dict[str, int]:
        return {**super().numbers(), "found": len(self.values)}


class Republish(GetValue):
    """Put a value again that this node put before, unless a better one is found."""

    kind = "republish"

    def __init__(self, key: bytes, own: bytes) -> None:
        super().__init__(key, 0)
        self.own = own
        self.superseded = False

    def concluded(self, node: KademliaNode, reason: str, now: int, out: Effects) -> None:
        assert self.lookup is not None
        values = [self.own, *(value for peer, value in self.values if peer != node.me)]
        self.value = node.best_of(self.key, values)
        if self.value != self.own:
            self.superseded = True
            self.finish(node, reason, now, out)
            return
        message = Message(PUT_VALUE, self.key, Record(self.key, self.own))
        self._store(node, message, self.lookup.closest(), now, out)


class _Correct(Operation):
    """Send the best value to peers that should have it."""

    kind = "correct"
    shown = False

    def __init__(self, key: bytes, value: bytes, peers: list[int], ref: str) -> None:
        super().__init__(key)
        self.value = value
        self.peers = peers
        self._of = ref
        self._open = len(peers)

    def start(self, node: KademliaNode, now: int, out: Effects) -> None:
        self.ref = self._of
        message = Message(PUT_VALUE, self.key, Record(self.key, self.value))
        for peer in self.peers:
            self._ask(node, peer, message, now, out)

    def answered(self, node: KademliaNode, peer: int, reply: Message, now: int, out: Effects) -> None:
        out.append((NOTE, "dht.corrected", peer, self.ref, None, {"key": key_text(self.key)}))
        self._ended(node, now, out)

    def failed(self, node: KademliaNode, peer: int, why: str, now: int, out: Effects) -> None:
        self._ended(node, now, out)

    def _ended(self, node: KademliaNode, now: int, out: Effects) -> None:
        self._open -= 1
        if not self._open:
            self.finish(node, "stored", now, out)


class Provide(_Lookup):
    """Announce at the k closest peers that this node provides what has this multihash."""

    kind = "provide"
    store_type = ADD_PROVIDER

    def __init__(self, key: bytes, kind: str = "provide") -> None:
        super().__init__(key)
        self.kind = kind

    def concluded(self, node: KademliaNode, reason: str, now: int, out: Effects) -> None:
        assert self.lookup is not None
        own = tuple(node.space.addresses(node.me))
        message = Message(ADD_PROVIDER, self.key, providers=((node.me, own),))
        self._store(node, message, self.lookup.closest(), now, out)


class FindProviders(_Lookup):
    """Find who provides what has this multihash. ``count`` of them end the search (0: none do)."""

    kind = "find_providers"
    message_type = GET_PROVIDERS

    def __init__(self, key: bytes, count: int) -> None:
        super().__init__(key)
        self.count = count
        self.providers: dict[int, tuple[str, ...]] = {}

    def start(self, node: KademliaNode, now: int, out: Effects) -> None:
        self.providers.update(node.store.providers(self.key, now))
        super().start(node, now, out)

    def take(self, node: KademliaNode, peer: int, reply: Message, now: int, out: Effects, data: dict[str, Any]) -> None:
        assert self.lookup is not None
        for provider, addresses in reply.providers:
            if addresses or provider not in self.providers:
                self.providers[provider] = tuple(addresses)
        if reply.providers:
            data["providers"] = len(reply.providers)
        if self.count and len(self.providers) >= self.count:
            self.lookup.end("providers found")

    def numbers(self) -> dict[str, int]:
        return {**super().numbers(), "found": len(self.providers)}


class Check(Operation):
    """Ask peers of the table whether they live, with a FIND_NODE for oneself, so many at once."""

    kind = "check"
    shown = False

    def __init__(self, key: bytes, peers: Sequence[int]) -> None:
        super().__init__(key)
        self._waiting = list(peers)
        self._open = 0

    def start(self, node: KademliaNode, now: int, out: Effects) -> None:
        self._go_on(node, now, out)

    def answered(self, node: KademliaNode, peer: int, reply: Message, now: int, out: Effects) -> None:
        self._open -= 1
        node.table.checked(peer)
        self._go_on(node, now, out)

    def failed(self, node: KademliaNode, peer: int, why: str, now: int, out: Effects) -> None:
        self._open -= 1
        node.table.checked(peer)
        self._go_on(node, now, out)

    def _go_on(self, node: KademliaNode, now: int, out: Effects) -> None:
        message = Message(FIND_NODE, self.key)
        while self._waiting and self._open < node.params.alpha:
            peer = self._waiting.pop(0)
            if not node.table.checking(peer):
                continue
            self._open += 1
            data = {"bucket": node.table.index_of(peer)}
            out.append((NOTE, "dht.check", peer, self.ref, None, data))
            out.append((ASK, self, peer, message))
        if not self._open:
            self.finish(node, "nobody left", now, out)
