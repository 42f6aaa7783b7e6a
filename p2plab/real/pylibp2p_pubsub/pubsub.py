"""py-libp2p's Pubsub, subclassed where a laboratory needs it to behave otherwise; ``routers`` has its routers.

What a host decides about messages (validators, delivery) and what it wants to see is behind ``Topics``; nothing here
records anything.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from contextvars import ContextVar
from functools import partial
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import trio
from libp2p.abc import IHost, INetStream, IPubsubRouter
from libp2p.exceptions import ValidationError as LibraryValidationError
from libp2p.host.exceptions import StreamFailure
from libp2p.network.exceptions import SwarmException
from libp2p.peer.id import ID
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.pubsub import Pubsub
from libp2p.pubsub.rpc_queue import RpcQueue

from p2plab.errors import ProtocolViolation
from p2plab.pubsub import ValidationResult
from p2plab.pubsub.rpc import RpcLimits, decode_rpc
from p2plab.real.pylibp2p.remedies import OUTBOUND_QUEUE, Remedies
from p2plab.real.taps.reads import ReadTap
from p2plab.real.taps.router import EventRecorder
from p2plab.stream import StreamError

NOT_SPOKEN = "protocols not supported"  # how the library words it that a peer refused them all
_TOPICS = RpcLimits().subscriptions  # that a peer may have subscribed to
GIVEN_UP = 2  # greetings that have failed, after which ``connect`` does not wait for another one

_hello: ContextVar[rpc_pb2.RPC | None] = ContextVar("the first RPC to a peer that this task greets", default=None)
_reading: ContextVar[INetStream | None] = ContextVar("the stream whose RPCs this task reads", default=None)


class Arrival:
    """A message on its way through ``push_msg``. It came ``at`` this time (seconds), as the event ``seq`` says next."""

    def __init__(self, message: rpc_pb2.Message, message_id: bytes, forwarder: ID) -> None:
        self.message = message
        self.id = message_id
        self.forwarder = forwarder
        self.seq = -1
        self.at = 0.0
        self.judged = False


class Topics(Protocol):
    """What the node's own side of pubsub is to the library's."""

    def duplicate(self, forwarder: ID, message: rpc_pb2.Message, message_id: bytes) -> None: ...

    async def judge(self, arrival: Arrival) -> ValidationResult: ...

    def refused(self, arrival: Arrival) -> None:
        """The library turned it away before any validator saw it."""

    def deliver(self, arrival: Arrival) -> None: ...

    def peer_subscribed(self, peer: ID, topic: str, subscribed: bool) -> None: ...

    def mesh_changed(self, topic: str, peer: ID, entered: bool, reason: str, size: int) -> None:
        """A peer entered or left the node's mesh, which has ``size`` peers now."""

    def dropped(self, peer: ID, rpc: rpc_pb2.RPC, reason: str) -> None: ...

    def violated(self, peer: ID, error: ProtocolViolation) -> None:
        """A peer sent what is no RPC, or one over the bounds; its stream is being reset."""

    @property
    def note(self) -> EventRecorder:
        """How the router's decisions are recorded."""

    def sees_rpcs(self, kind: str) -> bool:
        """One is sent or received, as ``kind`` says: whether anybody wants to see it; otherwise it is counted."""

    def rpc_seen(self, kind: str, peer: ID, rpc: bytes) -> None:
        """It was sent to this peer, or received from it."""


class _Ignored(Exception):
    """A message that is neither delivered nor held against anybody."""


class _RoomyQueues(dict[ID, RpcQueue]):
    """Remedy "room in the queues": every queue put in here gets more room, before anything is put into it."""

    def __setitem__(self, peer: ID, queue: RpcQueue) -> None:
        queue._queue.max_size = OUTBOUND_QUEUE
        super().__setitem__(peer, queue)


class _Heard(set[str]):
    """What a peer has subscribed to on a stream; of the RPC that is being read, how many topics were new, and whether
    the log says already that some of them were not taken."""

    fresh = 0
    told = False


class LabPubsub(Pubsub):
    """Pubsub whose messages go to ``topics``."""

    def __init__(self, host: IHost, router: IPubsubRouter, topics: Topics, remedies: Remedies) -> None:
        super().__init__(host, router)
        self.topics = topics
        self._remedies = remedies
        if remedies.on("room in the queues"):
            self.peer_queues = _RoomyQueues()
        self._ungreeted: dict[ID, int] = {}  # how often the greeting of a connected peer has failed
        self._under_way: dict[bytes, Arrival] = {}
        self._writing: WeakKeyDictionary[INetStream, trio.Lock] = WeakKeyDictionary()
        self._heard: dict[INetStream, _Heard] = {}  # what was subscribed to on the streams that are being read
        # Remedy "no sweeper thread": the cache goes on without its thread, and is swept below.
        if remedies.on("no sweeper thread"):
            self.seen_messages.stop()
        # Remedy "no number twice".
        if remedies.on("no number twice"):
            self.counter = time.time_ns()

    async def _validation_cache_cleanup(self) -> None:
        while self.manager.is_running:
            await trio.sleep(self.seen_messages.sweep_interval)
            self.seen_messages._sweep()

    async def _handle_new_peer(self, peer_id: ID) -> None:
        # Remedy "no lost announcements": the peer is told what has changed since it was greeted.
        before = list(self.topic_ids)
        try:
            await super()._handle_new_peer(peer_id)
        except StreamFailure as error:
            cause = error.__cause__
            for_good = NOT_SPOKEN in str(cause) or (isinstance(cause, StreamError) and cause.kind == "refused")
            self._not_greeted(peer_id, for_good)
            if for_good or not self._remedies.on("greeted in the end"):
                raise
            # Remedy "greeted in the end": what the caller tries again for as long as there is a connection.
            raise SwarmException(f"{peer_id} could not be greeted") from error
        self._ungreeted.pop(peer_id, None)
        hello = _hello.get()
        if hello is not None:
            self._show_sent(peer_id, hello)
            _hello.set(None)
        if not self._remedies.on("no lost announcements"):
            return
        queue = self.peer_queues.get(peer_id)
        changed = [(topic, True) for topic in self.topic_ids if topic not in before]
        changed += [(topic, False) for topic in before if topic not in self.topic_ids]
        if queue is not None and changed:
            queue.push(rpc_pb2.RPC(subscriptions=[_subscription(topic, on) for topic, on in changed]))

    def _not_greeted(self, peer_id: ID, for_good: bool) -> None:
        """Nobody is to wait for a peer that will not be greeted, or has failed to be twice: it may be at its limits."""
        self._ungreeted[peer_id] = self._ungreeted.get(peer_id, 0) + (GIVEN_UP if for_good else 1)
        if self._ungreeted[peer_id] >= GIVEN_UP:
            self._wait_no_longer(peer_id)

    def _wait_no_longer(self, peer_id: ID) -> None:
        waited_for = self._peer_added_events.pop(peer_id, None)
        if waited_for is not None:
            waited_for.set()

    async def wait_for_peer(self, peer_id: ID, timeout: float = 5.0) -> None:
        if self._ungreeted.get(peer_id, 0) < GIVEN_UP:
            await super().wait_for_peer(peer_id, timeout)

    def get_hello_packet(self) -> rpc_pb2.RPC:
        hello = super().get_hello_packet()
        _hello.set(hello)
        return hello

    def _show_sent(self, peer: ID, rpc: rpc_pb2.RPC) -> None:
        if self.topics.sees_rpcs("pubsub.rpc_sent"):
            self.topics.rpc_seen("pubsub.rpc_sent", peer, rpc.SerializeToString())

    async def write_msg(self, stream: INetStream, rpc_msg: rpc_pb2.RPC) -> bool:
        if rpc_msg.HasField("senderRecord") and self._remedies.on("one record a stream"):
            # Remedy "one record a stream"; several queues may hold this very object.
            bare = rpc_pb2.RPC()
            bare.CopyFrom(rpc_msg)
            bare.ClearField("senderRecord")
            rpc_msg = bare
        # Remedy "one writer a stream".
        alone = self._writing.setdefault(stream, trio.Lock()) if self._remedies.on("one writer a stream") else None
        async with alone or nullcontext():
            self._show_sent(stream.muxed_conn.peer_id, rpc_msg)
            return await super().write_msg(stream, rpc_msg)

    async def continuously_read_stream(self, stream: INetStream) -> None:
        peer = stream.muxed_conn.peer_id
        _reading.set(stream)
        heard = self._heard[stream] = _Heard()
        try:
            tapped: Any = ReadTap(stream, partial(self._received, peer, heard))
            await super().continuously_read_stream(tapped)
        except ProtocolViolation as error:
            self.topics.violated(peer, error)
            await stream.reset()
            self._handle_dead_peer(peer)
        finally:
            del self._heard[stream]
            # The original forgets the peer after some errors only; it may have ended its stream, or sent garbage.
            if stream.muxed_conn.is_closed:
                self.forget(peer)
                for topic in heard - self._still_heard(peer):
                    self._forget_subscription(peer, topic)

    def _received(self, peer: ID, heard: _Heard, rpc: bytes) -> None:
        heard.fresh, heard.told = 0, False
        # Remedy "bounded RPCs": what our own router would refuse, the library is not given either.
        if self._remedies.on("bounded RPCs"):
            decode_rpc(rpc, RpcLimits(size=self.max_inbound_rpc_size))
        if self.topics.sees_rpcs("pubsub.rpc_received"):
            self.topics.rpc_seen("pubsub.rpc_received", peer, rpc)

    def _still_heard(self, peer: ID) -> set[str]:
        """What a peer has subscribed to on streams that are not known to be dead."""
        streams = [stream for stream in self._heard if stream.muxed_conn.peer_id == peer]
        return {topic for stream in streams if not stream.muxed_conn.is_closed for topic in self._heard[stream]}

    def _handle_dead_peer(self, peer_id: ID) -> None:
        super()._handle_dead_peer(peer_id)
        # Remedy "subscriptions of another connection".
        if not self._remedies.on("subscriptions of another connection"):
            return
        for topic in self._still_heard(peer_id):
            super().handle_subscription(peer_id, _subscription(topic, True))

    def forget(self, peer: ID) -> None:
        """Remedy "prompt farewell": a connection is closed; drop the peer if its pubsub stream was on it."""
        self._ungreeted.pop(peer, None)
        if not self._peer_is_connected(peer):
            self._wait_no_longer(peer)
        stream = self.peers.get(peer) if self._remedies.on("prompt farewell") else None
        if stream is not None and stream.muxed_conn.is_closed:
            self._handle_dead_peer(peer)

    def handle_subscription(self, origin_id: ID, sub_message: rpc_pb2.RPC.SubOpts) -> None:
        topic, stream = sub_message.topicid, _reading.get()
        heard = None if stream is None else self._heard[stream]
        if heard is not None:
            if sub_message.subscribe and self._remedies.on("bounded RPCs"):
                # The library begins three tasks for each, and looks through all tasks to begin one.
                if len(heard) >= _TOPICS or heard.fresh >= self.max_subscriptions_per_peer:
                    self._too_many(origin_id, topic, heard)
                    return
            (heard.add if sub_message.subscribe else heard.discard)(topic)
        before = origin_id in self.peer_topics.get(topic, ())
        super().handle_subscription(origin_id, sub_message)
        after = origin_id in self.peer_topics.get(topic, ())
        if before != after:
            self.topics.peer_subscribed(origin_id, topic, after)
        if heard is not None and sub_message.subscribe:
            heard.fresh += after and not before
            if not after:
                self._too_many(origin_id, topic, heard)

    def _too_many(self, peer: ID, topic: str, heard: _Heard) -> None:
        if not heard.told:
            heard.told = True
            data = {"subscriptions": len(heard), "limit": self.max_subscriptions_per_peer}
            self.topics.note("pubsub.drop", peer, topic, "too many topics", data)

    async def push_msg(self, msg_forwarder: ID, msg: rpc_pb2.Message) -> None:
        message_id = self.get_message_id(msg)
        # Remedy "validated once": the original marks a message as seen only after its validation.
        under_way = message_id in self._under_way and self._remedies.on("validated once")
        if under_way or self.seen_messages.has(message_id):
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
            self._under_way.pop(message_id, None)  # without the remedy, one that came later may have been the first

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


def _subscription(topic: str, subscribe: bool) -> rpc_pb2.RPC.SubOpts:
    return rpc_pb2.RPC.SubOpts(subscribe=subscribe, topicid=topic)
