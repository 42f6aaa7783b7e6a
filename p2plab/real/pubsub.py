"""py-libp2p's Pubsub and GossipSub, subclassed where a laboratory needs them to behave otherwise.

What a host decides about messages (validators, delivery) and what it wants to see is behind ``Topics``; nothing here
records anything.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Protocol

from libp2p.abc import IHost, INetStream, IPubsubRouter
from libp2p.custom_types import TProtocol
from libp2p.exceptions import ValidationError as LibraryValidationError
from libp2p.peer.id import ID
from libp2p.pubsub.floodsub import FloodSub
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.pubsub import Pubsub
from libp2p.pubsub.rpc_queue import RpcQueue

from p2plab.constants import FLOODSUB_ID, GOSSIPSUB_IDS
from p2plab.pubsub import ValidationResult
from p2plab.real.remedies import OUTBOUND_QUEUE

HEARTBEAT = 1  # seconds
# Without 1.2, whose IDONTWANT doubles the number of RPCs for messages that are smaller than it.
PROTOCOLS = [TProtocol(protocol) for protocol in (*GOSSIPSUB_IDS[1:], FLOODSUB_ID)]


class Arrival:
    """A message on its way through ``push_msg``. ``seq`` is the event that says it came."""

    def __init__(self, message: rpc_pb2.Message, message_id: bytes, forwarder: ID) -> None:
        self.message = message
        self.id = message_id
        self.forwarder = forwarder
        self.seq = -1
        self.judged = False


class Topics(Protocol):
    """What the node's own side of pubsub is to the library's."""

    def duplicate(self, forwarder: ID, message: rpc_pb2.Message, message_id: bytes) -> None: ...

    async def judge(self, arrival: Arrival) -> ValidationResult: ...

    def refused(self, arrival: Arrival) -> None:
        """The library turned it away before any validator saw it."""

    def deliver(self, arrival: Arrival) -> None: ...

    def peer_subscribed(self, peer: ID, topic: str, subscribed: bool) -> None: ...

    def dropped(self, peer: ID, rpc: rpc_pb2.RPC, reason: str) -> None: ...


class _Ignored(Exception):
    """A message that is neither delivered nor held against anybody."""


class _RoomyQueues(dict[ID, RpcQueue]):
    """Remedy "room in the queues": every queue put in here gets more room, before anything is put into it."""

    def __setitem__(self, peer: ID, queue: RpcQueue) -> None:
        queue._queue.max_size = OUTBOUND_QUEUE
        super().__setitem__(peer, queue)


class LabPubsub(Pubsub):
    """Pubsub whose messages go to ``topics``."""

    def __init__(self, host: IHost, router: IPubsubRouter, topics: Topics) -> None:
        super().__init__(host, router)
        self.topics = topics
        self.peer_queues = _RoomyQueues()
        self._under_way: dict[bytes, Arrival] = {}
        # Remedy "no sweeper thread": the cache goes on without its thread, and is swept below.
        self.seen_messages.stop()

    async def _validation_cache_cleanup(self) -> None:
        import trio

        while self.manager.is_running:
            await trio.sleep(self.seen_messages.sweep_interval)
            self.seen_messages._sweep()

    async def continuously_read_stream(self, stream: INetStream) -> None:
        try:
            await super().continuously_read_stream(stream)
        finally:
            # The original forgets the peer after some errors only; it may have ended its stream, or sent garbage.
            if stream.muxed_conn.is_closed:
                self.forget(stream.muxed_conn.peer_id)

    def forget(self, peer: ID) -> None:
        """Remedy "prompt farewell": a connection is closed; drop the peer if its pubsub stream was on it."""
        stream = self.peers.get(peer)
        if stream is not None and stream.muxed_conn.is_closed:
            self._handle_dead_peer(peer)

    def handle_subscription(self, origin_id: ID, sub_message: rpc_pb2.RPC.SubOpts) -> None:
        topic = sub_message.topicid
        before = origin_id in self.peer_topics.get(topic, ())
        super().handle_subscription(origin_id, sub_message)
        after = origin_id in self.peer_topics.get(topic, ())
        if before != after:
            self.topics.peer_subscribed(origin_id, topic, after)

    async def push_msg(self, msg_forwarder: ID, msg: rpc_pb2.Message) -> None:
        message_id = self.get_message_id(msg)
        # Remedy "validated once": the original marks a message as seen only after its validation.
        if message_id in self._under_way or self.seen_messages.has(message_id):
            self.topics.duplicate(msg_forwarder, msg, message_id)
            return
        arrival = self._under_way[message_id] = Arrival(msg, message_id, msg_forwarder)
        try:
            await super().push_msg(msg_forwarder, msg)
            if not arrival.judged:
                self.topics.refused(arrival)
        except _Ignored:
            return
        finally:
            del self._under_way[message_id]

    async def validate_msg(self, msg_forwarder: ID, msg: rpc_pb2.Message) -> None:
        arrival = self._under_way[self.get_message_id(msg)]
        arrival.judged = True
        result = await self.topics.judge(arrival)
        if result is ValidationResult.ACCEPT:
            return
        self._mark_msg_seen(msg)
        if result is ValidationResult.IGNORE:
            raise _Ignored
        raise LibraryValidationError("rejected by a validator")

    def notify_subscriptions(self, publish_message: rpc_pb2.Message) -> None:
        # Remedy "direct delivery".
        self.topics.deliver(self._under_way[self.get_message_id(publish_message)])


class LabGossipSub(GossipSub):
    """GossipSub as the specs have it: without what 0.8.1 adds to them, and with meshes that both sides believe in."""

    topics: Topics

    def __init__(self, degree: int, degree_low: int, degree_high: int, **more: Any) -> None:
        settings: dict[str, Any] = {
            "heartbeat_interval": HEARTBEAT,  # remedy "heartbeat"
            "spam_protection_enabled": False,  # remedy "no spam protection"
            "adaptive_gossip_enabled": False,  # remedy "no adaptive extras", with the methods below
            "eclipse_protection_enabled": False,
        }
        super().__init__(PROTOCOLS, degree, degree_low, degree_high, **settings | more)

    def mesh_heartbeat(self) -> tuple[defaultdict[ID, list[str]], defaultdict[ID, list[str]]]:
        # Remedy "whole meshes": the original lets the next heartbeat graft again whom this one prunes.
        grafts, prunes = super().mesh_heartbeat()
        for peer, topics in prunes.items():
            for topic in topics:
                self._add_back_off(peer, topic, False)
        return grafts, prunes

    def _perform_opportunistic_grafting(self, topic: str, peers_to_graft: Any) -> int:
        return 0

    async def _maintain_mesh_quality(self, topic: str) -> None:
        return

    async def _emit_control_msgs(
        self,
        peers_to_graft: dict[ID, list[str]],
        peers_to_prune: dict[ID, list[str]],
        peers_to_gossip: dict[ID, dict[str, list[bytes]]],
    ) -> None:
        # Remedy "control messages of one's own".
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

    def _handle_dropped_rpc(self, peer_id: ID, rpc: rpc_pb2.RPC, reason: str) -> None:
        self.topics.dropped(peer_id, rpc, reason)
        super()._handle_dropped_rpc(peer_id, rpc, reason)


class LabFloodSub(FloodSub):
    """FloodSub, as it is."""

    topics: Topics

    def __init__(self) -> None:
        super().__init__([TProtocol(FLOODSUB_ID)])
