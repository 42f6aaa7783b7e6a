"""A node's side of publish-subscribe on py-libp2p's router: its subscriptions, its validators, what it publishes, and
what is recorded; see ``pubsub`` for how the two are joined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import trio
from libp2p.peer.id import ID
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.validators import PUBSUB_SIGNING_PREFIX

from p2plab.constants import MAX_MESSAGE_SIZE
from p2plab.errors import ClosedError, NotInThisWorldError, ProtocolViolation, ValidationError
from p2plab.errors.checked import data_of, topic_of
from p2plab.pubsub import GossipSubParams, Message, Topic, TopicQueue, TopicValidator, ValidationResult
from p2plab.pubsub.shell.validation_queue import ValidationQueue
from p2plab.pubsub.validation import ValidationTally
from p2plab.real.connections.trail import MeshChanged, MessageSent, SubscriptionSent
from p2plab.real.pubsub.rpc_trail import RpcTrail
from p2plab.real.pylibp2p_pubsub.library_pubsub import LibraryPubsub
from p2plab.real.pylibp2p_pubsub.pubsub import Arrival
from p2plab.real.pylibp2p_pubsub.routers import LabGossipSub
from p2plab.text import raised

if TYPE_CHECKING:
    from p2plab.real.basis import RealBasis
    from p2plab.real.connections.connections import RealConnection
    from p2plab.real.pylibp2p.stack import Stack
    from p2plab.real.settings import NodeSettings

GREETING = 5.0  # seconds that a new peer's pubsub stream is waited for
OVERHEAD = 4_096  # bytes that an RPC may have beside its message's data: the topic, the signature, the sender's record


class NodeTopics:
    """Implements ``NodePubsub``, and ``p2plab.real.pylibp2p_pubsub.pubsub.Topics`` for the library's side of it."""

    def __init__(self, host: RealBasis, settings: NodeSettings) -> None:
        world = host.world
        self._runtime = world.runtime
        self._log = world.events
        self._directory = world.directory
        self._name = host.name
        self._me = host.index
        self._settings = settings
        self._trail = RpcTrail(self._log, self._directory, self._me)
        self._topics: dict[str, Topic] = {}
        self._made: LibraryPubsub | None = None  # the newest stack's
        self._running: LibraryPubsub | None = None
        self._validation = ValidationQueue(self._runtime, self._validator_raised)

    # -- the node's life

    def service(self, stack: Stack) -> LibraryPubsub:
        self._made = LibraryPubsub(stack, self, self._settings)
        return self._made

    def came_up(self, stack: Stack) -> None:
        assert self._made is not None
        service = self._running = self._made
        stack.start(service.carry_out_orders, "pubsub's orders")
        for topic in self.topics():
            service.order(partial(service.pubsub.subscribe, topic))

    def went_down(self) -> None:
        self._running = None

    @property
    def running(self) -> LibraryPubsub:
        """The library's side. ClosedError while the node does not run."""
        if self._running is None:
            raise ClosedError(f"{self._name} is not running; start it again first")
        return self._running

    # -- its peers

    async def meet(self, link: RealConnection, protocols: Sequence[str]) -> None:
        service = self._running
        if service is not None and any(protocol in protocols for protocol in service.pubsub.protocols):
            await service.pubsub.wait_for_peer(link.library.muxed_conn.peer_id, GREETING)

    def connection_closed(self, link: RealConnection) -> None:
        if self._running is not None:
            self._running.pubsub.forget(link.library.muxed_conn.peer_id)

    def topic_peers(self, topic: str) -> list[int]:
        return self._indices(self.running.pubsub.peer_topics.get(topic, ()))

    def mesh(self, topic: str) -> list[int]:
        return self._indices(self.running.router.mesh.get(topic, ()))

    def fanout(self, topic: str) -> list[int]:
        router = self.running.router
        return self._indices(router.fanout.get(topic, ())) if isinstance(router, LabGossipSub) else []

    def scores(self) -> dict[int, dict[str, Any]]:
        service = self.running
        if not isinstance(service.router, LabGossipSub):
            return {}
        return {self._index(peer): service.router.score_of(peer) for peer in service.pubsub.peers}

    def params(self) -> GossipSubParams:
        return self._settings.gossipsub

    def set_params(self, params: GossipSubParams) -> None:
        raise NotInThisWorldError(
            "py-libp2p's router takes its parameters when the node starts: start another with gossipsub=... or with "
            "pubsub='p2plab', or change them in a mock lab"
        )

    def _indices(self, peers: Iterable[ID]) -> list[int]:
        return [self._index(peer) for peer in peers]

    # -- subscriptions

    def topics(self) -> list[str]:
        """The topics subscribed to, in the order they were joined."""
        return [topic.name for topic in self._topics.values() if topic.queues]

    def _topic(self, name: str) -> Topic:
        topic = self._topics.get(name)
        if topic is None:
            topic = self._topics[topic_of(name)] = Topic(name)
        return topic

    def subscribe(self, name: str) -> TopicQueue:
        """A new, independent subscription."""
        service, topic = self.running, self._topic(name)
        queue = TopicQueue(
            name, self._runtime, owner=self._name, on_drop=self._queue_dropped, on_close=self.unsubscribe
        )
        topic.queues.append(queue)
        if len(topic.queues) == 1:
            seq = self._log.record("pubsub.subscribe", self._me, topic=name)
            self._directory.trail.leave(SubscriptionSent(name, self._me), seq)
            service.order(partial(service.pubsub.subscribe, name))
        return queue

    def unsubscribe(self, queue: TopicQueue) -> None:
        """End a subscription and close its queue; the topic is left with the last one."""
        topic = self._topics.get(queue.topic)
        if topic is None or queue not in topic.queues:
            return
        topic.queues.remove(queue)
        queue.close()
        if not topic.queues:
            seq = self._log.record("pubsub.unsubscribe", self._me, topic=queue.topic)
            self._directory.trail.leave(SubscriptionSent(queue.topic, self._me), seq)
            service = self._running
            if service is not None:
                service.order(partial(service.pubsub.unsubscribe, queue.topic))

    def measured(self, peer: int, rtt: float) -> None:
        """py-libp2p's routers choose without round-trip times."""

    def close(self) -> None:
        """Close every subscription, without a word to the peers."""
        for topic in self._topics.values():
            for queue in list(topic.queues):
                topic.queues.remove(queue)
                queue.close()

    def add_validator(self, name: str, validator: TopicValidator | Callable[[Message], Any]) -> None:
        """Have the topic's messages checked, after the validators it has already."""
        self._topic(name).validators.append(TopicValidator.of(validator))

    # -- publishing

    def publish(self, name: str, data: bytes | str) -> Message:
        """Send a message to the topic's peers and to the node's own subscriptions, past its own validators."""
        service = self.running
        pubsub = service.pubsub
        topic_of(name)
        data = data_of(data, "a message", MAX_MESSAGE_SIZE)
        if len(data) + len(name.encode()) > MAX_MESSAGE_SIZE - OVERHEAD:
            raise ValidationError(
                f"a message of {len(data)} bytes does not fit into an RPC of at most {MAX_MESSAGE_SIZE}; send less"
            )
        message = self._signed(service, name, data)
        arrival = Arrival(message, pubsub.get_message_id(message), pubsub.my_id)
        reason = None if pubsub.peer_topics.get(name) else "no peers"
        ref = arrival.id.hex()
        arrival.at = self._log.now
        arrival.seq = self._log.record("pubsub.publish", self._me, -1, name, ref, len(data), reason)
        self._directory.trail.leave(MessageSent(arrival.id, self._me), arrival.seq)
        pubsub.seen_messages.add(arrival.id)
        shown = self._shown(arrival)

        def conclude(verdict: ValidationTally) -> None:
            if verdict.result is ValidationResult.ACCEPT:
                self.deliver(arrival)
                service.order(partial(service.router.publish, pubsub.my_id, message))
            else:
                self._turn_away(arrival, verdict)

        with self._log.because(arrival.seq):  # of what the validators raise
            self._validation.judge(self._topic(name).validators, shown, conclude, lambda: None)
        return shown

    def _signed(self, service: LibraryPubsub, name: str, data: bytes) -> rpc_pb2.Message:
        """The message as ``Pubsub.publish`` makes it (pubsub/README.md, "Message Signing")."""
        pubsub, host = service.pubsub, service.stack.host
        message = rpc_pb2.Message(
            data=data, topicIDs=[name], from_id=pubsub.my_id.to_bytes(), seqno=pubsub._next_seqno()
        )
        unsigned = PUBSUB_SIGNING_PREFIX.encode() + message.SerializeToString()
        message.signature = host.get_private_key().sign(unsigned)
        message.key = host.get_public_key().serialize()
        return message

    # -- what arrives

    async def judge(self, arrival: Arrival) -> ValidationResult:
        """Record that a message came, authentic and for the first time, and ask the validators."""
        forwarder = self._index(arrival.forwarder)
        topic = arrival.message.topicIDs[0]
        cause = self._directory.trail.follow(MessageSent(arrival.id, forwarder))
        size = arrival.message.ByteSize()
        arrival.at = self._log.now
        seq = self._log.record("pubsub.receive", self._me, forwarder, topic, arrival.id.hex(), size, cause=cause)
        arrival.seq = seq
        self._log.continue_from(seq)
        self._directory.trail.leave(MessageSent(arrival.id, self._me), seq)
        validators = self._topic(topic).validators
        if not validators:
            return ValidationResult.ACCEPT
        decided, verdicts = trio.Event(), []

        def conclude(verdict: ValidationTally) -> None:
            verdicts.append(verdict)
            decided.set()

        # Remedy "guarded validators": what they raise is an event, and ends nothing.
        self._validation.judge(validators, self._shown(arrival), conclude, lambda: None)
        await decided.wait()
        if verdicts[0].result is not ValidationResult.ACCEPT:
            self._turn_away(arrival, verdicts[0])
        return verdicts[0].result

    def deliver(self, arrival: Arrival) -> None:
        """Hand a message to the node's subscriptions."""
        shown: Message | None = None
        for name in arrival.message.topicIDs:
            topic = self._topics.get(name)
            if topic is None or not topic.queues:
                continue
            shown = shown or self._shown(arrival)
            size = arrival.message.ByteSize()
            self._log.record(
                "pubsub.deliver", self._me, self._source(arrival), name, arrival.id.hex(), size, cause=arrival.seq
            )
            for queue in list(topic.queues):
                queue.put(shown)

    def duplicate(self, forwarder: ID, message: rpc_pb2.Message, message_id: bytes) -> None:
        """A copy of a message that is known already."""
        peer = self._index(forwarder)
        cause = self._directory.trail.follow(MessageSent(message_id, peer))
        topic = message.topicIDs[0] if message.topicIDs else None
        self._log.record("pubsub.duplicate", self._me, peer, topic, message_id.hex(), message.ByteSize(), cause=cause)

    def refused(self, arrival: Arrival) -> None:
        """The library turned it away before any validator saw it: for its signature, as far as is known here."""
        reason = "bad signature" if arrival.message.signature else "missing signature"
        self._log.record(
            "pubsub.reject",
            self._me,
            self._index(arrival.forwarder),
            arrival.message.topicIDs[0] if arrival.message.topicIDs else None,
            arrival.id.hex(),
            arrival.message.ByteSize(),
            reason,
        )

    def peer_subscribed(self, peer: ID, topic: str, subscribed: bool) -> None:
        """A peer told of a subscription, or of the end of one."""
        kind = "pubsub.peer_subscribed" if subscribed else "pubsub.peer_unsubscribed"
        index = self._index(peer)
        cause = self._directory.trail.follow(SubscriptionSent(topic, index))
        self._log.record(kind, self._me, index, topic, cause=cause)

    def mesh_changed(self, topic: str, peer: ID, entered: bool, reason: str, size: int) -> None:
        """A peer entered or left the mesh."""
        index = self._index(peer)
        kind = "pubsub.graft" if entered else "pubsub.prune"
        asked = MeshChanged(kind, topic, index, self._me)
        cause = self._directory.trail.follow(asked) if reason == "peer asked" else None
        seq = self._log.record(kind, self._me, index, topic, None, None, reason, {"mesh": size}, cause)
        self._directory.trail.leave(MeshChanged(kind, topic, self._me, index), seq)

    def dropped(self, peer: ID, rpc: rpc_pb2.RPC, reason: str) -> None:
        """The library lost an RPC to a bound."""
        for message in rpc.publish:
            ref = (message.from_id + message.seqno).hex()
            topic = message.topicIDs[0] if message.topicIDs else None
            self._log.record(
                "pubsub.drop", self._me, self._index(peer), topic, ref, message.ByteSize(), "outbound queue full"
            )

    def violated(self, peer: ID, error: ProtocolViolation) -> None:
        """A peer sent what is no RPC, or one over the bounds."""
        data = {"text": str(error)[:500]}
        self._log.record("pubsub.violation", self._me, self._index(peer), reason="malformed", data=data)

    def note(
        self,
        kind: str,
        peer: ID | None,
        topic: str | None,
        reason: str,
        data: dict[str, Any],
        ref: bytes | None = None,
    ) -> None:
        """The library's router decided something."""
        index = -1 if peer is None else self._index(peer)
        cause = -1 if ref is None else self._directory.trail.follow(MessageSent(ref, self._me))
        shown = None if ref is None else ref.hex()
        self._log.record(kind, self._me, index, topic, shown, None, reason, data or None, cause if cause >= 0 else None)

    def sees_rpcs(self, kind: str) -> bool:
        """Whether such an RPC is to be shown; counted it is anyhow."""
        wanted = self._log.wants(kind)
        if not wanted:
            self._log.count(kind, self._me)
        return wanted

    def rpc_seen(self, kind: str, peer: ID, rpc: bytes) -> None:
        """An RPC of the library's was sent or received."""
        self._trail.shown(kind, self._index(peer), rpc)

    # -- the rest

    def _shown(self, arrival: Arrival) -> Message:
        message = arrival.message
        return Message(
            topic=message.topicIDs[0],
            data=message.data,
            sender=self._directory.peer(message.from_id),
            received_from=self._directory.peer(arrival.forwarder.to_bytes()),
            id=arrival.id.hex(),
            seqno=int.from_bytes(message.seqno, "big") if message.seqno else None,
            received_at=arrival.at,
        )

    def _index(self, peer: ID) -> int:
        return self._directory.index(self._directory.peer(peer.to_bytes()))

    def _source(self, arrival: Arrival) -> int:
        index = self._index(arrival.forwarder)
        return -1 if index == self._me else index

    def _turn_away(self, arrival: Arrival, verdict: ValidationTally) -> None:
        kind = "pubsub.reject" if verdict.result is ValidationResult.REJECT else "pubsub.ignore"
        topic, size = arrival.message.topicIDs[0], arrival.message.ByteSize()
        cause = arrival.seq if verdict.cause is None else verdict.cause
        self._log.record(
            kind, self._me, self._source(arrival), topic, arrival.id.hex(), size, verdict.reason, cause=cause
        )

    def _validator_raised(self, validator: TopicValidator, error: BaseException, message: Message) -> int:
        data = raised(f"validator {validator.name}", error)
        index = self._directory.index(message.received_from)
        source = -1 if index == self._me else index
        return self._log.record("error", self._me, source, message.topic, reason="validator", data=data)

    def _queue_dropped(self, queue: TopicQueue, lost: Message) -> None:
        data = {"limit": queue.limit, "dropped": queue.dropped}
        self._log.record("pubsub.drop", self._me, -1, queue.topic, lost.id, len(lost.data), "queue full", data)
