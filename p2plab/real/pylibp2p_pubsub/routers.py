"""py-libp2p's GossipSub and FloodSub, subclassed where a laboratory needs them to behave otherwise.

A node's ``GossipSubParams`` are followed as far as py-libp2p has what they speak of: D, D_low, D_high, the heartbeat,
the fanout's life, the message cache, the backoffs, peer exchange, and the protocol versions up to 1.2. Scores are
counted with its own weights, which are zero.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from libp2p.custom_types import TProtocol
from libp2p.peer.id import ID
from libp2p.pubsub.floodsub import FloodSub
from libp2p.pubsub.pb import rpc_pb2

from p2plab.constants import FLOODSUB_ID, GOSSIPSUB_IDS
from p2plab.pubsub import GossipSubParams
from p2plab.real.pylibp2p.remedies import Remedies
from p2plab.real.pylibp2p_pubsub.pubsub import Topics
from p2plab.real.taps.router import Fanouts, TappedGossipSub

TOLD: Final = 32  # refused GRAFTs and IHAVEs of a peer that are recorded between two heartbeats
HEARTBEAT: Final = 120  # seconds: the library's own
SPOKEN: Final = (*GOSSIPSUB_IDS, FLOODSUB_ID)

_why: ContextVar[str] = ContextVar("p2plab_mesh_reason", default="heartbeat")


def new_router(name: str, params: GossipSubParams, topics: Topics, remedies: Remedies) -> LabGossipSub | LabFloodSub:
    """A router for one node."""
    return LabFloodSub() if name == "floodsub" else LabGossipSub(params, topics, remedies)


@contextmanager
def because(reason: str) -> Iterator[None]:
    """Whatever changes a mesh in this block does so for this reason of ``p2plab.events.kinds.pubsub``."""
    token = _why.set(reason)
    try:
        yield
    finally:
        _why.reset(token)


class Mesh(set[ID]):
    """A topic's mesh, which tells of every peer that enters or leaves it."""

    def __init__(self, peers: Iterable[ID], changed: Callable[[ID, bool, str, int], None]) -> None:
        super().__init__()
        self._changed = changed
        for peer in peers:
            self.add(peer)

    def add(self, peer: ID) -> None:
        if peer not in self:
            super().add(peer)
            self._changed(peer, True, _why.get(), len(self))

    def discard(self, peer: object) -> None:
        if isinstance(peer, ID) and peer in self:
            super().discard(peer)
            self._changed(peer, False, _why.get(), len(self))


class RecordedMeshes(dict[str, set[ID]]):
    """The meshes by topic; whatever set is put in becomes a ``Mesh``."""

    def __init__(self, topics: Topics) -> None:
        super().__init__()
        self._topics = topics

    def __setitem__(self, topic: str, peers: set[ID]) -> None:
        def changed(peer: ID, entered: bool, reason: str, size: int) -> None:
            self._topics.mesh_changed(topic, peer, entered, reason, size)

        super().__setitem__(topic, Mesh(peers, changed))

    def pop(self, topic: str, *default: Any) -> Any:
        for peer in list(self.get(topic, ())):
            self[topic].discard(peer)
        return super().pop(topic, *default)


class LabGossipSub(TappedGossipSub):
    """GossipSub as the specs have it: without what 0.8.1 adds to them, and with meshes that both sides believe in."""

    def __init__(self, params: GossipSubParams, topics: Topics, remedies: Remedies) -> None:
        self._remedies = remedies
        interval: Any = params.heartbeat_interval if remedies.on("heartbeat") else HEARTBEAT  # only ever slept for
        protocols = [TProtocol(protocol) for protocol in params.protocols if protocol in SPOKEN]
        super().__init__(
            protocols,
            params.D,
            params.D_low,
            params.D_high,
            time_to_live=round(params.fanout_ttl),
            gossip_window=params.mcache_gossip,
            gossip_history=params.mcache_len,
            heartbeat_interval=interval,  # remedy "heartbeat"
            do_px=params.peer_exchange,
            px_peers_count=params.prune_peers,
            prune_back_off=round(params.prune_backoff),
            unsubscribe_back_off=round(params.unsubscribe_backoff),
            max_idontwant_messages=params.max_idontwant_messages,
            spam_protection_enabled=not remedies.on("no spam protection"),
            adaptive_gossip_enabled=not remedies.on("no adaptive extras"),  # with the two methods below
            eclipse_protection_enabled=not remedies.on("no adaptive extras"),
        )
        self._topics = topics
        self._gossips = False
        self._idontwant_threshold = params.idontwant_message_threshold
        self.mesh = RecordedMeshes(topics)
        self.note = topics.note
        self.fanout = Fanouts(self.note)
        self._unknown: dict[ID, int] = {}  # GRAFTs and IHAVEs of a peer for topics unknown here, in a heartbeat

    def _perform_opportunistic_grafting(self, topic: str, peers_to_graft: Any) -> int:
        # Remedy "no adaptive extras", here and below.
        if self._remedies.on("no adaptive extras"):
            return 0
        return super()._perform_opportunistic_grafting(topic, peers_to_graft)

    async def _maintain_mesh_quality(self, topic: str) -> None:
        if not self._remedies.on("no adaptive extras"):
            await super()._maintain_mesh_quality(topic)

    def mesh_heartbeat(self) -> tuple[defaultdict[ID, list[str]], defaultdict[ID, list[str]]]:
        self._unknown.clear()
        sizes = {topic: len(peers) for topic, peers in self.mesh.items()}
        full = [topic for topic, size in sizes.items() if size > self.degree_high]
        with because("mesh above D_high" if full else "mesh below D_low"):
            grafts, prunes = super().mesh_heartbeat()
        # Remedy "whole meshes": the original lets the next heartbeat graft again whom this one prunes.
        if self._remedies.on("whole meshes"):
            for peer, topics in prunes.items():
                for topic in topics:
                    self._add_back_off(peer, topic, False)
        return grafts, prunes

    def gossip_heartbeat(self) -> defaultdict[ID, dict[str, list[bytes]]]:
        self._gossips = True
        try:
            return super().gossip_heartbeat()
        finally:
            self._gossips = False

    def _get_in_topic_gossipsub_peers_from_minus(
        self, topic: str, num_to_select: int, minus: Iterable[ID], backoff_check: bool = False
    ) -> list[ID]:
        # Remedy "gossip during a backoff".
        heeded = backoff_check and not (self._gossips and self._remedies.on("gossip during a backoff"))
        return super()._get_in_topic_gossipsub_peers_from_minus(topic, num_to_select, minus, heeded)

    async def _emit_idontwant_for_message(self, msg_id: bytes, topic_ids: Iterable[str]) -> None:
        # Remedy "IDONTWANT for large messages".
        message = self.mcache.get(msg_id) if self._remedies.on("IDONTWANT for large messages") else None
        if message is None or message.ByteSize() > self._idontwant_threshold:
            await super()._emit_idontwant_for_message(msg_id, topic_ids)

    async def _emit_control_msgs(
        self,
        peers_to_graft: dict[ID, list[str]],
        peers_to_prune: dict[ID, list[str]],
        peers_to_gossip: dict[ID, dict[str, list[bytes]]],
    ) -> None:
        # Remedy "control messages of one's own".
        if not self._remedies.on("control messages of one's own"):
            await super()._emit_control_msgs(peers_to_graft, peers_to_prune, peers_to_gossip)
            return
        for peer in {**peers_to_graft, **peers_to_prune, **peers_to_gossip}:
            control = self.pack_control_msgs(
                [
                    rpc_pb2.ControlIHave(topicID=topic, messageIDs=ids)
                    for topic, ids in peers_to_gossip.get(peer, {}).items()
                ],
                [rpc_pb2.ControlGraft(topicID=topic) for topic in peers_to_graft.get(peer, ())],
                [
                    rpc_pb2.ControlPrune(topicID=topic, backoff=self.prune_back_off)
                    for topic in peers_to_prune.get(peer, ())
                ],
            )
            await self.emit_control_message(control, peer)

    # -- what is to be seen

    async def join(self, topic: str) -> None:
        with because("joined"):
            await super().join(topic)

    async def leave(self, topic: str) -> None:
        with because("left the topic"):
            await super().leave(topic)

    async def on_peer_subscribed(self, peer_id: ID, topic: str) -> None:
        with because("mesh below D_low"):
            await super().on_peer_subscribed(peer_id, topic)

    async def flush_pending_messages(self, peer_id: ID) -> None:
        # Remedy "grafted when greeted": called the moment a peer has been, before anything else can be published.
        if self._remedies.on("grafted when greeted") and self.pubsub is not None:
            for topic in [topic for topic in self.mesh if peer_id in self.pubsub.peer_topics.get(topic, ())]:
                await self.on_peer_subscribed(peer_id, topic)
        await super().flush_pending_messages(peer_id)

    async def handle_graft(self, graft_msg: rpc_pb2.ControlGraft, sender_peer_id: ID) -> None:
        topic = graft_msg.topicID
        if not self._heeds(topic):
            self._not_heeded("pubsub.graft_refused", sender_peer_id, topic, {"mesh": 0})
            return
        with because("peer asked"):
            await super().handle_graft(graft_msg, sender_peer_id)

    async def handle_prune(self, prune_msg: rpc_pb2.ControlPrune, sender_peer_id: ID) -> None:
        # The original keeps the backoff of a topic for good, whatever a peer calls one. A fanout heeds it.
        if self._heeds(prune_msg.topicID) or prune_msg.topicID in self.fanout:
            with because("peer asked"):
                await super().handle_prune(prune_msg, sender_peer_id)

    async def handle_ihave(self, ihave_msg: rpc_pb2.ControlIHave, sender_peer_id: ID) -> None:
        topic = ihave_msg.topicID
        if not self._heeds(topic):  # the original asks for them all, with an RPC for each IHAVE
            self._not_heeded("pubsub.ihave_ignored", sender_peer_id, topic, {"ids": len(ihave_msg.messageIDs)})
            return
        await super().handle_ihave(ihave_msg, sender_peer_id)

    def _heeds(self, topic: str) -> bool:
        """Remedy "silence about unknown topics" (gossipsub-v1.1.md, "Spam Protection Measures")."""
        return topic in self.mesh or not self._remedies.on("silence about unknown topics")

    def _not_heeded(self, kind: str, peer: ID, topic: str, data: dict[str, Any]) -> None:
        self._unknown[peer] = count = self._unknown.get(peer, 0) + 1
        if count <= TOLD:
            self.note(kind, peer, topic, "not subscribed", data)

    def remove_peer(self, peer_id: ID) -> None:
        with because("peer gone"):
            super().remove_peer(peer_id)

    def _handle_dropped_rpc(self, peer_id: ID, rpc: rpc_pb2.RPC, reason: str) -> None:
        self._topics.dropped(peer_id, rpc, reason)
        super()._handle_dropped_rpc(peer_id, rpc, reason)

    def score_of(self, peer: ID) -> dict[str, Any]:
        """A peer's ``score``, and by topic the counters it is made of."""
        topics = list(self.mesh)
        stats = {topic: dict(self.scorer.get_score_stats(peer, topic)) for topic in topics} if self.scorer else {}
        return {"score": self.scorer.score(peer, topics) if self.scorer else 0.0, "topics": stats}


class LabFloodSub(FloodSub):
    """FloodSub, as it is."""

    def __init__(self) -> None:
        super().__init__([TProtocol(FLOODSUB_ID)])
