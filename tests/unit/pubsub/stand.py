"""A test stand for one router: it is told what happens, and what it answers is kept."""

from __future__ import annotations

import math
import random
from typing import Any

from p2plab.constants import TICKS_PER_SECOND
from p2plab.effects import DialPeer, Note, Reconnect, Withdraw
from p2plab.pubsub import GossipSub, GossipSubParams
from p2plab.pubsub.message import Publication
from p2plab.pubsub.router import Effects
from p2plab.pubsub.rpc import RPC, Control, Prune

V10, V11, V12, V13 = "/meshsub/1.0.0", "/meshsub/1.1.0", "/meshsub/1.2.0", "/meshsub/1.3.0"
FLOOD = "/floodsub/1.0.0"
TOPIC = "news"


class Stand:
    """``sent`` lists (peer, rpc), ``notes`` (kind, peer, topic, reason, data), ``wishes`` the other effects. Peers
    are 1, 2, ...; the router itself is 0."""

    def __init__(self, params: GossipSubParams | None = None, seed: int = 0, router: GossipSub | None = None) -> None:
        self.router = router if router is not None else GossipSub(params)
        self.router.attach(0, random.Random(seed), self)
        self.now = 0
        self.sent: list[tuple[int, RPC]] = []
        self.notes: list[tuple[str, int, str | None, str | None, dict[str, Any] | None]] = []
        self.wishes: list[DialPeer | Reconnect | Withdraw] = []
        self.rtts: dict[int, float] = {}
        self._count = 0

    # -- the directory

    def introduce(self, peer: int) -> tuple[bytes, bytes]:
        return b"peer %d" % peer, b"record %d" % peer

    def names(self, peer: int) -> tuple[str, ...]:
        return (f"n{peer}",)

    def rtt(self, peer: int) -> float:
        return self.rtts.get(peer, math.inf)

    # -- what happens

    def do(self, effects: Effects) -> None:
        for effect in effects:
            if isinstance(effect, tuple):
                assert effect[1], "an RPC to nobody"
                self.sent += [(peer, effect[2]) for peer in effect[1]]
            elif isinstance(effect, Note):
                self.notes.append((effect.kind, effect.peer, effect.topic, effect.reason, effect.data))
            else:
                self.wishes.append(effect)

    def add(
        self,
        *peers: int,
        protocol: str = V12,
        outbound: bool = False,
        topics: tuple[str, ...] = (TOPIC,),
        ip: str | None = None,
    ) -> None:
        for peer in peers:
            self.do(self.router.add_peer(peer, protocol, outbound, ip or f"10.0.{peer // 250}.{peer % 250}", self.now))
            for topic in topics:
                self.do(self.router.subscribed(peer, topic, self.now))

    def remove(self, peer: int) -> None:
        self.do(self.router.remove_peer(peer, self.now))

    def join(self, topic: str = TOPIC) -> None:
        self.do(self.router.join(topic, self.now))

    def leave(self, topic: str = TOPIC) -> None:
        self.do(self.router.leave(topic, self.now))

    def wait(self, seconds: float) -> None:
        self.now += round(seconds * TICKS_PER_SECOND)

    def beat(self, count: int = 1) -> None:
        for _ in range(count):
            assert self.router.heartbeat_interval is not None
            self.wait(self.router.heartbeat_interval)
            self.do(self.router.heartbeat(self.now))

    def message(self, topic: str = TOPIC, size: int = 5, origin: int = -1) -> Publication:
        self._count += 1
        return Publication(topic, bytes(size), b"author", self._count.to_bytes(8, "big"), origin=origin)

    def receive(self, peer: int, message: Publication | None = None, topic: str = TOPIC) -> Publication:
        """A valid message arrives from a peer for the first time."""
        message = message or self.message(topic)
        self.router.seen.add(message.id, self.now)
        if len(message.data) >= self.router.arrival_size:
            self.do(self.router.arrived(peer, message, message.id, self.now))
        self.do(self.router.forward(peer, message, message.id, self.now))
        return message

    def duplicate(self, peer: int, message: Publication) -> None:
        if self.router.watches_duplicates:
            self.do(self.router.duplicate(peer, message, message.id, self.now))

    def publish(self, message: Publication | None = None, topic: str = TOPIC) -> Publication:
        message = message or self.message(topic, origin=0)
        self.router.seen.add(message.id, self.now)
        self.do(self.router.publish(message, message.id, self.now))
        return message

    def control(self, peer: int, **parts: Any) -> None:
        self.rpc(peer, RPC(control=Control(**parts)))

    def rpc(self, peer: int, rpc: RPC) -> None:
        if peer in self.router.watched:
            effects = self.router.admits(peer, rpc, self.now)
            if effects is None:
                return
            self.do(effects)
        if rpc.control is not None or rpc.test_extension:
            self.do(self.router.control(peer, rpc, self.now))

    # -- what came of it

    def forget(self) -> None:
        """Begin to look at what comes from now on."""
        self.sent.clear()
        self.notes.clear()
        self.wishes.clear()

    @property
    def mesh(self) -> list[int]:
        return sorted(self.router.mesh(TOPIC))

    def got(self, message: Publication) -> list[int]:
        """The peers the message was sent to."""
        return sorted(peer for peer, rpc in self.sent if message in rpc.publish)

    def controls(self, part: str) -> list[tuple[int, Any]]:
        """(peer, content) of every GRAFT, PRUNE, ... sent, ``part`` being the field's name."""
        return [
            (peer, content)
            for peer, rpc in self.sent
            if rpc.control is not None
            for content in getattr(rpc.control, part) or ()
        ]

    def grafted(self) -> list[int]:
        return sorted(peer for peer, _ in self.controls("graft"))

    def pruned(self) -> list[int]:
        return sorted(peer for peer, _ in self.controls("prune"))

    def prunes_to(self, peer: int) -> list[Prune]:
        return [prune for other, prune in self.controls("prune") if other == peer]

    def ihaves(self) -> dict[int, list[bytes]]:
        """Peer -> ids advertised to it."""
        found: dict[int, list[bytes]] = {}
        for peer, (_, ids) in self.controls("ihave"):
            found.setdefault(peer, []).extend(ids)
        return found

    def reasons(self, kind: str, peer: int | None = None) -> list[str | None]:
        return [note[3] for note in self.notes if note[0] == kind and peer in (None, note[1])]

    def data(self, kind: str, index: int = -1) -> dict[str, Any]:
        data = [note[4] for note in self.notes if note[0] == kind][index]
        assert data is not None
        return data
