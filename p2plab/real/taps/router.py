"""Taps on py-libp2p's GossipSub: the decisions that it lets see become the events that p2plab's own router records.

What cannot be seen, because the library decides it inside one of its methods and says nothing:
- scores that pass a threshold and penalties (``pubsub.score``, ``pubsub.penalty``): its scorer tells the score when
  asked, and its weights are zero; ``node.scores()`` has the counters;
- the numbers behind a graft, a prune or a gossip (candidates, outbound quota): it draws from sets of its own;
- which of several IWANTs a broken promise belongs to: it keeps no promises;
- v1.3 extensions: 1.2 is the newest protocol that a lab's nodes on this router speak;
- withdrawn messages: its queues are not searched for what an IDONTWANT names.

RPCs are tapped in ``pubsub``, meshes in ``routers``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any, Protocol

from libp2p.peer.id import ID
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.pb import rpc_pb2

_answering: ContextVar[bool] = ContextVar("p2plab_answers_an_iwant", default=False)
_told: ContextVar[list[ID] | None] = ContextVar("p2plab_told_by_idontwant", default=None)


class EventRecorder(Protocol):
    """Records an event. ``ref`` is a message id."""

    def __call__(
        self,
        kind: str,
        peer: ID | None,
        topic: str | None,
        reason: str,
        data: dict[str, Any],
        ref: bytes | None = None,
    ) -> None: ...


class Fanouts(dict[str, set[ID]]):
    """The fanouts by topic, which tell who came and went whenever one is put in or taken out."""

    def __init__(self, note: EventRecorder) -> None:
        super().__init__()
        self._note = note
        self._known: dict[str, set[ID]] = {}

    def __setitem__(self, topic: str, peers: set[ID]) -> None:
        before = self._known.get(topic, set())
        self._known[topic] = set(peers)
        super().__setitem__(topic, peers)
        for peer in peers - before:
            self._note("pubsub.fanout", peer, topic, "refilled" if before else "chosen", {"fanout": len(peers)})
        for peer in before - peers:
            self._note("pubsub.fanout", peer, topic, "peer gone", {"fanout": len(peers)})

    def __delitem__(self, topic: str) -> None:
        self._left(topic, "expired")
        super().__delitem__(topic)

    def pop(self, topic: str, *default: Any) -> Any:
        self._left(topic, "joined the topic")
        return super().pop(topic, *default)

    def _left(self, topic: str, reason: str) -> None:
        for peer in self._known.pop(topic, ()):
            self._note("pubsub.fanout", peer, topic, reason, {})


class TappedGossipSub(GossipSub):
    """Changes nothing. ``note`` is to be set before anything happens."""

    note: EventRecorder

    # -- messages

    def _get_peers_to_send(
        self, topic_ids: Iterable[str], msg_forwarder: ID, origin: ID, msg_id: bytes | None = None
    ) -> Iterator[ID]:
        topics = list(topic_ids)
        if msg_id is None:
            yield from super()._get_peers_to_send(topics, msg_forwarder, origin)
            return
        chosen = list(super()._get_peers_to_send(topics, msg_forwarder, origin))
        unwanted = [peer for peer in chosen if msg_id in self.dont_send_message_ids.get(peer, ())]
        for peer in unwanted:
            self.note("pubsub.withheld", peer, topics[0], "peer does not want it", {}, msg_id)
        chosen = [peer for peer in chosen if peer not in unwanted]
        if self.pubsub is not None and origin == msg_forwarder == self.pubsub.my_id:
            mesh, known = self.mesh.get(topics[0]), self.pubsub.peer_topics.get(topics[0], ())
            data = {"peers": len(chosen), "subscribers": len(known), "mesh": len(mesh or ())}
            self.note("pubsub.route", None, topics[0], "fanout" if mesh is None else "mesh", data, msg_id)
        yield from chosen

    async def send_recent_messages(self, peer_id: ID, topic: str) -> None:
        """What it publishes or passed on lately goes to a peer that subscribes only now, at which nobody was there."""
        if self.pubsub is not None and peer_id in self.pubsub.peers:
            for msg_id in self.mcache.window(topic):
                self.note("pubsub.route", peer_id, topic, "late subscriber", {"peers": 1}, msg_id)
        await super().send_recent_messages(peer_id, topic)

    # -- IHAVE and IWANT

    def gossip_heartbeat(self) -> defaultdict[ID, dict[str, list[bytes]]]:
        gossip = super().gossip_heartbeat()
        told: dict[str, list[int]] = {}
        for by_topic in gossip.values():
            for topic, ids in by_topic.items():
                told.setdefault(topic, []).append(len(ids))
        for topic, counts in told.items():
            data = {"ids": max(counts), "peers": len(counts), "D_lazy": self.degree}
            self.note("pubsub.gossip", None, topic, "heartbeat", data)
        return gossip

    def _check_ihave_rate_limit(self, peer_id: ID, topic: str) -> bool:
        within = super()._check_ihave_rate_limit(peer_id, topic)
        if not within:
            data = {"limit": self.max_ihave_messages_per_second}
            self.note("pubsub.ihave_ignored", peer_id, topic, "rate limit", data)
        return within

    async def emit_iwant(self, msg_ids: Sequence[bytes], to_peer: ID) -> None:
        ref = bytes(msg_ids[0]) if len(msg_ids) == 1 else None
        self.note("pubsub.iwant", to_peer, None, "advertised", {"ids": len(msg_ids)}, ref)
        await super().emit_iwant(msg_ids, to_peer)

    def _check_iwant_rate_limit(self, peer_id: ID) -> bool:
        within = super()._check_iwant_rate_limit(peer_id)
        if not within:
            data = {"limit": self.max_iwant_requests_per_second}
            self.note("pubsub.iwant_ignored", peer_id, None, "rate limit", data)
        return within

    async def handle_iwant(self, iwant_msg: rpc_pb2.ControlIWant, sender_peer_id: ID) -> None:
        token = _answering.set(True)
        try:
            await super().handle_iwant(iwant_msg, sender_peer_id)
        finally:
            _answering.reset(token)

    def send_rpc(self, peer_id: ID, rpc: rpc_pb2.RPC, priority: bool = False) -> None:
        if rpc.publish and _answering.get():
            ref = rpc.publish[0].from_id + rpc.publish[0].seqno if len(rpc.publish) == 1 else None
            self.note("pubsub.iwant_served", peer_id, None, "asked", {"ids": len(rpc.publish)}, ref)
        super().send_rpc(peer_id, rpc, priority)

    # -- IDONTWANT

    async def _emit_idontwant_for_message(self, msg_id: bytes, topic_ids: Iterable[str]) -> None:
        topics, told = list(topic_ids), list[ID]()
        token = _told.set(told)
        try:
            await super()._emit_idontwant_for_message(msg_id, topics)
        finally:
            _told.reset(token)
        if told:
            self.note("pubsub.idontwant", None, topics[0], "arrived", {"peers": len(told)}, msg_id)

    async def emit_idontwant(self, msg_ids: list[bytes], to_peer: ID) -> None:
        told = _told.get()
        if told is not None:
            told.append(to_peer)
        await super().emit_idontwant(msg_ids, to_peer)

    # -- GRAFT and PRUNE

    async def handle_graft(self, graft_msg: rpc_pb2.ControlGraft, sender_peer_id: ID) -> None:
        topic = graft_msg.topicID
        backing_off = self._check_back_off(sender_peer_id, topic)
        await super().handle_graft(graft_msg, sender_peer_id)
        if sender_peer_id not in self.mesh.get(topic, ()):
            reason = "not subscribed" if topic not in self.mesh else "backing off" if backing_off else "negative score"
            self.note("pubsub.graft_refused", sender_peer_id, topic, reason, {"mesh": len(self.mesh.get(topic, ()))})

    async def _do_px(self, px_peers: list[rpc_pb2.PeerInfo]) -> None:
        self.note("pubsub.peer_exchange", None, None, "recommended", {"peers": len(px_peers)})
        await super()._do_px(px_peers)
