"""Looking at a whole DHT: who holds a record and who should, and what a crawler would find.

``holders`` looks from above, into every node of a lab. ``Crawl`` looks as one participant can: it asks each peer for
the contents of its buckets, one FIND_NODE a bucket, and goes on to whomever that names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from p2plab.effects import Ask
from p2plab.kademlia.key import KEY_BITS, MAX_PREIMAGE_BITS, KeySpace, kademlia_key, preimage
from p2plab.kademlia.messages import FIND_NODE, DhtMessage
from p2plab.kademlia.node import KademliaNode
from p2plab.kademlia.operations import Effects, Operation, note
from p2plab.kademlia.storage.records import key_text
from p2plab.text import plural, says
from p2plab.typing import PeerInfo

__all__ = ["Crawl", "CrawlResult", "Holders", "KeySpaceView", "Place", "holders", "view_of"]


@dataclass(frozen=True)
class Holders:
    """Who holds a record (``holding``) and which k servers are closest to its key (``should``). A publisher holds its
    own record wherever it is."""

    key: bytes
    holding: list[PeerInfo]
    should: list[PeerInfo]

    @property
    def missing(self) -> list[PeerInfo]:
        """Those that should hold it and do not."""
        ids = {peer.peer_id for peer in self.holding}
        return [peer for peer in self.should if peer.peer_id not in ids]

    @property
    def extra(self) -> list[PeerInfo]:
        """Those that hold it and are not among the closest."""
        ids = {peer.peer_id for peer in self.should}
        return [peer for peer in self.holding if peer.peer_id not in ids]

    def __repr__(self) -> str:
        kept = len(self.should) - len(self.missing)
        holding = plural(len(self.holding), "node")
        lines = [f"{key_text(self.key)}: held by {holding}, {kept} of the {len(self.should)} closest"]
        for title, peers in (("missing", self.missing), ("extra", self.extra)):
            if peers:
                lines.append(f"  {title}: {', '.join(peer.name for peer in peers)}")
        return "\n".join(lines)


def holders(nodes: Sequence[KademliaNode], key: bytes, now: int) -> Holders:
    """Who of these nodes holds the value or the provider records under a key, nearest first, and who should."""
    if not nodes:
        return Holders(key, [], [])
    space, k = nodes[0].space, nodes[0].params.k
    target = kademlia_key(key)
    ranked = sorted(nodes, key=lambda node: space.keys[node.me] ^ target)
    holding = [node for node in ranked if node.store.get_value(key, now) or node.store.providers(key, now)]
    should = [node for node in ranked if node.mode == "server"][:k]
    return Holders(key, [space.info(node.me) for node in holding], [space.info(node.me) for node in should])


@says
@dataclass(frozen=True)
class Place:
    """Where a node sits in the key space: ``position`` on a ring from 0 to 1, ``bits`` that it shares with the key
    asked about (None: there was none), whether it is a DHT server, and whether it holds what is under that key."""

    peer: PeerInfo
    position: float
    bits: int | None
    server: bool
    holds: bool

    def __str__(self) -> str:
        near = "" if self.bits is None else f", {plural(self.bits, 'bit')} shared"
        return (
            f"{self.peer} at {self.position:.3f}{near}{'' if self.server else ', a client'}{', holds it' * self.holds}"
        )


@says
@dataclass(frozen=True)
class KeySpaceView:
    """What a picture of the key space is drawn from: the nodes in the order of their keys, and where ``key`` is."""

    key: bytes | None
    position: float | None
    places: list[Place]

    def __str__(self) -> str:
        where = "" if self.position is None else f", the key at {self.position:.3f}"
        return f"of {plural(len(self.places), 'node')}{where}"


def view_of(nodes: Sequence[KademliaNode], key: bytes | None, now: int) -> KeySpaceView:
    """Where these nodes sit, and how that lies to a key."""
    target = None if key is None else kademlia_key(key)
    found = []
    for node in sorted(nodes, key=lambda node: node.space.keys[node.me]):
        own = node.space.keys[node.me]
        bits = None if target is None else KEY_BITS - (own ^ target).bit_length()
        holds = key is not None and bool(node.store.get_value(key, now) or node.store.providers(key, now))
        found.append(Place(node.space.info(node.me), _position(own), bits, node.mode == "server", holds))
    return KeySpaceView(key, None if target is None else _position(target), found)


def _position(key: int) -> float:
    return (key >> (KEY_BITS - 53)) / (1 << 53)


class Crawl(Operation):
    """Ask everybody for everybody, ``alpha`` peers at once. ``tables`` are the peers each one named; ``silent`` why the
    others said nothing."""

    kind = "crawl"

    def __init__(self, start: Sequence[int], limit: int = 100_000) -> None:
        super().__init__(b"crawl")
        self.tables: dict[int, dict[int, None]] = {}
        self.silent: dict[int, str] = {}
        self.requests = 0
        self._limit = limit
        self._waiting = list(dict.fromkeys(start))
        self._known: dict[int, None] = dict.fromkeys(self._waiting)
        self._depth: dict[int, int] = {}  # of those being asked: the bucket asked for

    def start(self, node: KademliaNode, now: int, out: Effects) -> None:
        out.append(note("dht.lookup", ref=self.ref, data={"kind": self.kind, "seeds": len(self._waiting)}))
        self._go_on(node, now, out)

    def _go_on(self, node: KademliaNode, now: int, out: Effects) -> None:
        while self._waiting and len(self._depth) < node.params.alpha and len(self.tables) < self._limit:
            peer = self._waiting.pop()
            self.tables[peer] = {}
            self._request(node, peer, 0, out)
        if not self._depth:
            self.finish(node, "nobody left", now, out)

    def _request(self, node: KademliaNode, peer: int, depth: int, out: Effects) -> None:
        self._depth[peer] = depth
        self.requests += 1
        key = preimage(node.space.keys[peer], depth, node.random)
        out.append(Ask(self, peer, DhtMessage(FIND_NODE, key)))

    def answered(self, node: KademliaNode, peer: int, reply: DhtMessage, now: int, out: Effects) -> None:
        depth, keys = self._depth[peer], node.space.keys
        shallower = False
        for other in reply.closer:
            self.tables[peer][other] = None
            shallower = shallower or KEY_BITS - (keys[other] ^ keys[peer]).bit_length() < depth
            if other not in self._known and other != node.me:
                self._known[other] = None
                self._waiting.append(other)
        # The answer lists this bucket, then all deeper ones, then shallower ones: once it has come to those, or was
        # not filled, there is nothing left to ask for.
        if depth + 1 < MAX_PREIMAGE_BITS and not shallower and len(reply.closer) >= node.params.k:
            self._request(node, peer, depth + 1, out)
        else:
            del self._depth[peer]
        self._go_on(node, now, out)

    def failed(self, node: KademliaNode, peer: int, why: str, now: int, out: Effects) -> None:
        del self._depth[peer]
        self.silent[peer] = why
        if not self.tables[peer]:
            del self.tables[peer]
        self._go_on(node, now, out)

    def numbers(self) -> dict[str, int]:
        return {"queries": self.requests, "answers": len(self.tables), "failures": len(self.silent)}


class CrawlResult:
    """What a crawl found: ``nodes`` that answered, ``edges`` (who has whom in its table), ``silent`` ones and why."""

    def __init__(self, crawl: Crawl, space: KeySpace) -> None:
        self.requests = crawl.requests
        self.reason = crawl.reason
        self.nodes: list[PeerInfo] = [space.info(peer) for peer in crawl.tables]
        self.edges: list[tuple[str, str]] = [
            (space.info(peer).name, space.info(other).name) for peer, others in crawl.tables.items() for other in others
        ]
        self.silent: list[tuple[PeerInfo, str]] = [(space.info(peer), why) for peer, why in crawl.silent.items()]

    def __repr__(self) -> str:
        return (
            f"<CrawlResult: {plural(len(self.nodes), 'node')} answered, {len(self.silent)} silent, "
            f"{plural(len(self.edges), 'table entry', 'table entries')}, {plural(self.requests, 'request')}>"
        )
