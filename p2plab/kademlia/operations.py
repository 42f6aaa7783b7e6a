"""What a node does on its own account (kad-dht/README.md, "DHT operations"): what all operations have in common.

An operation asks peers and is told of their answers and failures; it adds effects to ``out``, in order: an Ask for
each request, a Note for each event, and OperationDone when it is over. Its ``steps``
are all that happened, in order, as plain tuples; ``result.py`` makes of them what a user sees.

Most begin with a lookup (``LookupOperation``); those about peers and providers are in searches.py, those about values
in values.py. PING is never sent: whether a peer lives is asked with FIND_NODE (``Check``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from p2plab.effects import FIRST, Ask, Note, OperationDone
from p2plab.kademlia.key import KEY_BITS, kademlia_key
from p2plab.kademlia.lookups.lookup import IterativeLookup
from p2plab.kademlia.messages import FIND_NODE, PUT_VALUE, DhtMessage, type_name
from p2plab.kademlia.storage.records import key_text

if TYPE_CHECKING:
    from p2plab.kademlia.node import KademliaNode
    from p2plab.kademlia.params import DhtParams

__all__ = [
    "ANSWERED",
    "ASKED",
    "FAILED",
    "CausedEffects",
    "Check",
    "Effects",
    "LookupOperation",
    "Operation",
    "Outcome",
    "Step",
    "count_steps",
    "note",
]

ASKED, ANSWERED, FAILED = range(3)

Effects: TypeAlias = "list[Note | Ask[Operation, DhtMessage] | OperationDone[Operation]]"
Step = tuple[int, int, int, int, Any]
"""Tick, peer, message type, ASKED | ANSWERED | FAILED, and the answer or the reason of the failure."""


def note(
    kind: str, peer: int = -1, ref: str | None = None, reason: str | None = None, data: dict[str, Any] | None = None
) -> Note:
    """An event of the DHT: the first of an answer is what happened, and the others follow from it."""
    return Note(kind, peer, None, ref, None, reason, data, FIRST)


_OVER_LIMIT: Final = "ip limit of the lookup"
_NO_PEERS: Final = "empty table"


def count_steps(steps: Sequence[Step]) -> dict[str, int]:
    """How many queries there were, and how many were answered and failed."""
    counts = [0, 0, 0]
    for step in steps:
        counts[step[3]] += 1
    return {"queries": counts[ASKED], "answers": counts[ANSWERED], "failures": counts[FAILED]}


class CausedEffects(list[Any]):
    """Effects that follow from an event which is recorded already."""

    def __init__(self, event: int) -> None:
        super().__init__()
        self.event = event


@dataclass(frozen=True)
class Outcome:
    """What an operation came to, for ``Lookup``: peers are indices, ``seeds`` whom it asked first, ``refused`` what was
    wrong with the values that were not taken."""

    peers: Sequence[int] = ()
    seeds: Sequence[int] = ()
    value: bytes | None = None
    providers: Mapping[int, Sequence[str]] = field(default_factory=dict)
    peer: int | None = None
    refused: Sequence[str] = ()


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
        self.released = False  # whoever waits need not wait to the end
        self.steps: list[Step] = []
        self.event = -1  # seq of the event that recorded its end; the shell sets it
        self.then: Callable[[int, Effects], None] | None = None

    @property
    def target(self) -> int:
        return kademlia_key(self.key)

    def start(self, node: KademliaNode, now: int, out: Effects) -> None:
        raise NotImplementedError

    def answered(self, node: KademliaNode, peer: int, reply: DhtMessage, now: int, out: Effects) -> None:
        raise NotImplementedError

    def failed(self, node: KademliaNode, peer: int, why: str, now: int, out: Effects) -> None:
        raise NotImplementedError

    def asked_again(self, params: DhtParams, peer: int, attempt: int, text: str) -> Effects:
        """The stream of a request broke: it is sent again, for the ``attempt``-th time, or, where nothing is answered
        here, has failed."""
        if attempt > params.retries or self.ended >= 0:
            return []
        data = {"attempt": attempt, "text": text[:200]}
        return [note("dht.retry", peer, ref=self.ref, reason="stream broken", data=data)]

    def stop(self, node: KademliaNode, reason: str, now: int, out: Effects) -> None:
        """End it here, with what there is."""
        self.finish(node, reason, now, out)

    def finish(self, node: KademliaNode, reason: str, now: int, out: Effects) -> None:
        """It is over."""
        if self.ended >= 0:
            return
        self.ended, self.reason = now, reason
        if self.shown:
            data = {"kind": self.kind, **self.numbers()}
            out.append(note("dht.done", ref=self.ref, reason=reason, data=data))
        out.append(OperationDone(self))
        node.forget(self)
        if self.then is not None:
            self.then(now, out)

    def broken_off(self, node: KademliaNode, now: int, out: Effects) -> None:
        """The node's core, a user's own, raised over it: it ends, if need be a second time, since whoever waits for it
        was not told of the first."""
        if self.ended < 0:
            self.started = now if self.started < 0 else self.started
            self.stop(node, "core raised", now, out)
        else:
            out.append(OperationDone(self))

    def outcome(self) -> Outcome:
        """What it came to."""
        return Outcome()

    def numbers(self) -> dict[str, int]:
        """How much it took."""
        return count_steps(self.steps)

    def _ask(self, node: KademliaNode, peer: int, message: DhtMessage, now: int, out: Effects) -> None:
        self.steps.append((now, peer, message.type, ASKED, None))
        shared = KEY_BITS - (node.space.keys[peer] ^ self.target).bit_length()
        data = {"type": type_name(message.type), "distance": shared}
        out.append(note("dht.query", peer, ref=self.ref, data=data))
        out.append(Ask(self, peer, message))


class LookupOperation(Operation):
    """An operation that begins with a lookup. Subclasses take what answers bring (``take``) and say what follows when
    the lookup is over (``concluded``)."""

    message_type = FIND_NODE

    def __init__(self, key: bytes) -> None:
        super().__init__(key)
        self._target = kademlia_key(key)
        self.lookup: IterativeLookup | None = None
        self._counted: dict[str, int] = {}  # by IP group: those that answered and count
        self._concluded = False
        self._wider: dict[int, None] = {}  # peers beyond the closest, whose answers it still waits for
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
        self._request = DhtMessage(self.message_type, self.key)
        seeds = node.seeds(self._target)
        data = {"kind": self.kind, "key": key_text(self.key), "seeds": len(seeds)}
        out.append(note("dht.lookup", ref=self.ref, data=data))
        node.table.touched(self._target, now)
        lookup.start(seeds)
        self._go_on(node, now, out)

    def answered(self, node: KademliaNode, peer: int, reply: DhtMessage, now: int, out: Effects) -> None:
        assert self.lookup is not None
        self.steps.append((now, peer, reply.type, ANSWERED, reply))
        if peer in self._storing:
            self.stored.append(peer)
            out.append(note("dht.answer", peer, ref=self.ref, data={"type": type_name(reply.type)}))
            self._store_ended(node, peer, now, out)
            return
        if peer in self._wider:
            wider: dict[str, Any] = {"type": type_name(reply.type)}
            out.append(note("dht.answer", peer, ref=self.ref, data=wider))
            self.take(node, peer, reply, now, out, wider)
            self._wider_ended(node, peer, now, out)
            return
        full = self._full_group(node, peer)
        if full is not None:
            self.steps[-1] = (now, peer, reply.type, FAILED, _OVER_LIMIT)
            members = {"group": full, "members": self._counted[full]}
            out.append(note("dht.set_aside", peer, ref=self.ref, reason=_OVER_LIMIT, data=members))
            self.lookup.failed(peer)
            self._go_on(node, now, out)
            return
        fresh = self.lookup.answered(peer, reply.closer)
        data: dict[str, Any] = {"type": type_name(reply.type), "peers": len(reply.closer), "new": fresh}
        out.append(note("dht.answer", peer, ref=self.ref, data=data))
        self.take(node, peer, reply, now, out, data)
        self._go_on(node, now, out)

    def failed(self, node: KademliaNode, peer: int, why: str, now: int, out: Effects) -> None:
        assert self.lookup is not None
        storing = peer in self._storing
        self.steps.append((now, peer, self.store_type if storing else self.message_type, FAILED, why))
        if storing:
            self._store_ended(node, peer, now, out)
        elif peer in self._wider:
            self._wider_ended(node, peer, now, out)
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
        if self.lookup.reason is not None and not self._concluded and self.ended < 0:
            self._concluded = True
            self.concluded(node, self.lookup.reason, now, out)

    def _full_group(self, node: KademliaNode, peer: int) -> str | None:
        """The IP group of a peer from which enough have answered already; the peer itself may always be found."""
        limit = node.params.ip_limit_lookup
        if not limit or node.space.keys[peer] == self._target:
            return None
        groups, counted = node.space.groups(peer), self._counted
        for group in groups:
            if counted.get(group, 0) >= limit:
                return group
        for group in groups:
            counted[group] = counted.get(group, 0) + 1
        return None

    def outcome(self) -> Outcome:
        return Outcome(self.found_peers(), self.lookup.seeds) if self.lookup is not None else Outcome()

    def found_peers(self) -> Sequence[int]:
        """The peers it is about: the k closest that answered, or whoever took a record."""
        return self.lookup.closest() if self.lookup is not None else []

    # -- what subclasses say

    store_type = PUT_VALUE

    def take(
        self, node: KademliaNode, peer: int, reply: DhtMessage, now: int, out: Effects, data: dict[str, Any]
    ) -> None:
        """Use what an answer brings beside peers, and add to ``data`` what the event should say of it."""

    def concluded(self, node: KademliaNode, reason: str, now: int, out: Effects) -> None:
        """The lookup is over."""
        self.finish(node, reason, now, out)

    def wider_over(self, node: KademliaNode, now: int, out: Effects) -> None:
        """The peers beyond the closest have answered or failed."""

    def ask_wider(self, node: KademliaNode, peers: Sequence[int], now: int, out: Effects) -> None:
        """Ask those of these peers that the lookup has not asked, all at once."""
        asked = {step[1] for step in self.steps}
        self._wider = {peer: None for peer in peers if peer not in asked}
        for peer in list(self._wider):
            self._ask(node, peer, self._request, now, out)
        if not self._wider:
            self.wider_over(node, now, out)

    def _wider_ended(self, node: KademliaNode, peer: int, now: int, out: Effects) -> None:
        del self._wider[peer]
        if not self._wider and self.ended < 0:
            self.wider_over(node, now, out)

    # -- the second half of a put or a provide

    def _store(self, node: KademliaNode, message: DhtMessage, peers: Sequence[int], now: int, out: Effects) -> None:
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

    def answered(self, node: KademliaNode, peer: int, reply: DhtMessage, now: int, out: Effects) -> None:
        self._open -= 1
        node.table.checked(peer)
        self._go_on(node, now, out)

    def failed(self, node: KademliaNode, peer: int, why: str, now: int, out: Effects) -> None:
        self._open -= 1
        node.table.checked(peer)
        self._go_on(node, now, out)

    def _go_on(self, node: KademliaNode, now: int, out: Effects) -> None:
        message = DhtMessage(FIND_NODE, self.key)
        while self._waiting and self._open < node.params.alpha:
            peer = self._waiting.pop(0)
            if not node.table.checking(peer, now):
                continue
            self._open += 1
            data = {"bucket": node.table.index_of(peer)}
            out.append(note("dht.check", peer, ref=self.ref, data=data))
            out.append(Ask(self, peer, message))
        if not self._open:
            self.finish(node, "nobody left", now, out)
