"""Putting and getting values (kad-dht/README.md, "Value storage and retrieval").

- A put finds the k closest peers with FIND_NODE and sends each a PUT_VALUE.
- A get asks with GET_VALUE until it has a quorum of valid values, takes the best, and sends it to those of the k
  closest that gave a worse one or none, and to everybody who gave a worse one. That correction is an operation of its
  own, which nobody waits for.
- A value is put again by whoever put it first, at an interval of ours, and only if a get finds nothing better
  meanwhile: otherwise an old value would come back. (The specifications leave putting again to whoever publishes.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from p2plab.kademlia.lookups.region import widened
from p2plab.kademlia.messages import GET_VALUE, PUT_VALUE, DhtMessage, DhtRecord
from p2plab.kademlia.operations import Effects, LookupOperation, Operation, Outcome, note
from p2plab.kademlia.storage.records import key_text

if TYPE_CHECKING:
    from p2plab.kademlia.node import KademliaNode

__all__ = ["GetValue", "PutValue", "Republish"]


class PutValue(LookupOperation):
    """Store a value at the k closest peers, and here."""

    kind = "put"

    def __init__(self, key: bytes, value: bytes) -> None:
        super().__init__(key)
        self.value = value

    def concluded(self, node: KademliaNode, reason: str, now: int, out: Effects) -> None:
        widened(self, node, now, out, self._send)

    def found_peers(self) -> Sequence[int]:
        return self.stored

    def _send(self, node: KademliaNode, peers: list[int], now: int, out: Effects) -> None:
        self._store(node, DhtMessage(PUT_VALUE, self.key, DhtRecord(self.key, self.value)), peers, now, out)


class GetValue(LookupOperation):
    """Find the value under a key. ``quorum`` values end the search (0: none do); what the node holds itself is one."""

    kind = "get"
    message_type = GET_VALUE

    def __init__(self, key: bytes, quorum: int) -> None:
        super().__init__(key)
        self.quorum = quorum
        self.values: list[tuple[int, bytes]] = []  # who gave which valid value, in order
        self.value: bytes | None = None
        self.refused: list[str] = []  # what was wrong with values that are none

    def start(self, node: KademliaNode, now: int, out: Effects) -> None:
        own = node.own_value(self.key, now, self.refused)
        if own is not None:
            self.values.append((node.me, own))
            if self.quorum == 1:
                self.value = own
                data = {"kind": self.kind, "key": key_text(self.key), "seeds": 0}
                out.append(note("dht.lookup", ref=self.ref, data=data))
                self.finish(node, "held here", now, out)
                return
        super().start(node, now, out)

    def take(
        self, node: KademliaNode, peer: int, reply: DhtMessage, now: int, out: Effects, data: dict[str, Any]
    ) -> None:
        assert self.lookup is not None
        record = reply.record
        if record is None:
            return
        problem = (
            "it stands under another key" if record.key != self.key else node.problem_with(self.key, record.value, now)
        )
        if problem:
            self.refused.append(problem)
            said = {"key": key_text(self.key), "text": problem}
            out.append(note("dht.value_refused", peer, ref=self.ref, reason="invalid record", data=said))
            return
        data["value"] = len(record.value)
        self.values.append((peer, record.value))
        if self.quorum and len(self.values) >= self.quorum:
            self.lookup.end("quorum reached")

    def concluded(self, node: KademliaNode, reason: str, now: int, out: Effects) -> None:
        if reason == "quorum reached":
            self.wider_over(node, now, out)
        else:
            widened(self, node, now, out, self.ask_wider)

    def wider_over(self, node: KademliaNode, now: int, out: Effects) -> None:
        self.value = self._best(node)
        assert self.lookup is not None
        self.finish(node, self.lookup.reason or "", now, out)
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

    def outcome(self) -> Outcome:
        return replace(super().outcome(), value=self.value, refused=tuple(self.refused))

    def numbers(self) -> dict[str, int]:
        return {**super().numbers(), "found": len(self.values)}


class Republish(GetValue):
    """Put a value again that this node put before (``replicate``: that it holds), unless a better one is found."""

    def __init__(self, key: bytes, own: bytes, kind: str = "republish") -> None:
        super().__init__(key, 0)
        self.kind = kind
        self.own = own
        self.superseded = False

    def concluded(self, node: KademliaNode, reason: str, now: int, out: Effects) -> None:
        assert self.lookup is not None
        values = [self.own, *(value for peer, value in self.values if peer != node.me)]
        self.value = node.best_of(self.key, values)
        if self.value != self.own:
            self.superseded = True
            if self.value is not None and self.kind == "replicate":
                node.keep(self.key, self.value, now, out)
            self.finish(node, reason, now, out)
            return
        widened(self, node, now, out, self._send)

    def _send(self, node: KademliaNode, peers: list[int], now: int, out: Effects) -> None:
        self._store(node, DhtMessage(PUT_VALUE, self.key, DhtRecord(self.key, self.own)), peers, now, out)


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
        message = DhtMessage(PUT_VALUE, self.key, DhtRecord(self.key, self.value))
        for peer in self.peers:
            self._ask(node, peer, message, now, out)

    def answered(self, node: KademliaNode, peer: int, reply: DhtMessage, now: int, out: Effects) -> None:
        out.append(note("dht.corrected", peer, ref=self.ref, data={"key": key_text(self.key)}))
        self._ended(node, now, out)

    def failed(self, node: KademliaNode, peer: int, why: str, now: int, out: Effects) -> None:
        self._ended(node, now, out)

    def _ended(self, node: KademliaNode, now: int, out: Effects) -> None:
        self._open -= 1
        if not self._open:
            self.finish(node, "stored", now, out)
