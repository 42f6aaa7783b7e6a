"""The shell around a router: it keeps the subscriptions, validates and delivers, and carries out the router's effects.

One PubSubManager is one node's pubsub, the same in every world. It knows its world only by a ``Runtime``, an
``EventLog`` and the ``send`` it was given; what to send to whom is the router's to say.

A message passes these stations, in this order (pubsub/README.md, gossipsub-v1.0.md "Message Processing"):
seen already? - too large? - signature policy - our own? - first sight - validators - delivery - forwarding.
The signature comes before the seen cache: a forged copy must not keep the true message out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from p2plab.constants import MAX_MESSAGE_SIZE, TICKS_PER_SECOND
from p2plab.effects import SEND
from p2plab.errors import ValidationError
from p2plab.errors.checked import data_of, topic_of
from p2plab.identity import keys
from p2plab.pubsub.message import POLICIES, STRICT_NO_SIGN, STRICT_SIGN, Message, Publication, Signer, refusal
from p2plab.pubsub.router import Router
from p2plab.pubsub.rpc import RPC, rpc_size
from p2plab.pubsub.shell.beating import Beating, Pulse
from p2plab.pubsub.shell.delivery import Copies, Send, SendMany
from p2plab.pubsub.shell.dials import Dial, Dials
from p2plab.pubsub.shell.directory import PeerDirectory
from p2plab.pubsub.shell.subscription import HISTORY_LIMIT, QUEUE_LIMIT, TopicQueue
from p2plab.pubsub.shell.topic import Topic
from p2plab.pubsub.shell.validation_queue import ValidationQueue
from p2plab.pubsub.validation import TopicValidator
from p2plab.typing import Moment, PeerId, Runtime

if TYPE_CHECKING:
    from p2plab.events import EventLog


class PubSubManager(Beating):
    """One node's publish-subscribe.

    ``me`` and all peers are indices of the event log. ``send(peer, rpc, size, cause)`` hands an RPC to the network;
    ``send_many(peers, rpc, size, cause)``, where given, is used for several at once. ``peer_id_of(index)`` gives a
    peer's id, ``index_of(peer id in binary)`` the index of a known peer or -1. The coroutine ``dial(peer id or name,
    addresses)`` connects to peers that others recommend and to explicit peers; ``withdraw(peer, message ids)`` is
    told what need not be sent any more; ``record_of(index)`` gives a peer's signed record or b"";
    ``handshake_rtt(index)`` the round trip measured when it was connected, in seconds; ``pulse`` is given where
    heartbeats have a place of their own among what happens at once.
    ``clock`` is given where copies of messages may be counted without it (``copies``).
    ``message_id(publication)`` replaces the message id of the specs; ``seen_ttl`` (seconds) the router's own.
    """

    __slots__ = (
        "__weakref__", "_directory", "_first_seqno", "_history_limit", "_index_of", "_name", "_queue_limit", "_seqno",
        "_signer", "_topics", "policy", "seen",
    )  # fmt: skip

    def __init__(
        self,
        runtime: Runtime,
        log: EventLog,
        me: int,
        signer: Signer,
        router: Router,
        send: Send,
        *,
        peer_id_of: Callable[[int], PeerId],
        index_of: Callable[[bytes], int] = lambda peer_id: -1,
        send_many: SendMany | None = None,
        dial: Dial | None = None,
        withdraw: Callable[[int, Sequence[bytes]], None] | None = None,
        record_of: Callable[[int], bytes] | None = None,
        handshake_rtt: Callable[[int], float] | None = None,
        pulse: Pulse | None = None,
        clock: Moment | None = None,
        policy: str = STRICT_SIGN,
        message_id: Callable[[Publication], bytes] | None = None,
        max_message_size: int = MAX_MESSAGE_SIZE,
        seen_ttl: float | None = None,
        queue_limit: int = QUEUE_LIMIT,
        history_limit: int = HISTORY_LIMIT,
        first_seqno: int = 1,
        name: str = "",
    ) -> None:
        if policy not in POLICIES:
            raise ValidationError(f"signing policy {policy!r} is not known; take one of {', '.join(POLICIES)}")
        super().__init__(log, me, max_message_size, send, send_many)
        self._dial = dial
        self._made_dials: Dials | None = None
        self._withdraw = withdraw
        self._router = router
        self.policy = policy
        self.seen = router.seen
        if seen_ttl is not None:
            self.seen.ttl = max(1, round(seen_ttl * TICKS_PER_SECOND))
        self._runtime = runtime
        self._name = name
        self._signer = signer
        self._peer_id_of = peer_id_of
        self._index_of = index_of
        self._directory = PeerDirectory(peer_id_of, record_of, handshake_rtt)
        self._message_id = message_id
        self._queue_limit = queue_limit
        self._history_limit = history_limit
        self._first_seqno = self._seqno = first_seqno
        self._topics: dict[str, Topic] = {}
        self._made_validation: ValidationQueue | None = None
        self._heartbeat = None
        self._asleep = -1
        self._begun = False
        self._pulse = pulse
        self.copies = None if clock is None or message_id is not None else Copies(log, me, router, clock, self.receive)
        router.attach(me, runtime.random(f"pubsub/{name or me}"), self._directory)

    # -- life

    @property
    def untouched(self) -> bool:
        """Whether all that has happened to it is that somebody looked."""
        begun = self._begun or bool(self._router.peers) or self._seqno != self._first_seqno
        return not begun and not any(topic.queues or topic.validators for topic in self._topics.values())

    def stop(self) -> None:
        """End the heartbeat and close every subscription, without a word to the peers."""
        self.pause()
        for topic in list(self._topics.values()):
            for queue in list(topic.queues):
                topic.queues.remove(queue)
                queue.close()

    # -- the node's own verbs

    def subscribe(self, topic: str) -> TopicQueue:
        """A new, independent subscription. ValidationError for what is no topic."""
        entry = self.topic(topic)
        queue = TopicQueue(
            topic,
            self._runtime,
            owner=self._name,
            read=self._read,
            on_drop=self._dropped,
            on_close=self.unsubscribe,
            limit=self._queue_limit,
            history=self._history_limit,
        )
        entry.queues.append(queue)
        if len(entry.queues) == 1:
            self._announce(True, topic, "pubsub.subscribe")
        return queue

    def unsubscribe(self, queue: TopicQueue) -> None:
        """End a subscription and close its queue. Doing it again changes nothing."""
        entry = self._topics.get(queue.topic)
        if entry is None or queue not in entry.queues:
            return
        entry.queues.remove(queue)
        queue.close()
        if not entry.queues:
            self._announce(False, queue.topic, "pubsub.unsubscribe")

    def _announce(self, on: bool, topic: str, kind: str) -> None:
        self.rouse()
        log, router = self._log, self._router
        with log.because(log.record(kind, self._me, topic=topic)):
            if router.peers:
                self._run(((SEND, list(router.peers), RPC(subscriptions=((on, topic),))),))
            now = self._runtime.ticks()
            self._run(router.join(topic, now) if on else router.leave(topic, now))

    def publish(self, topic: str, data: bytes | str) -> Message:
        """Send a message to the topic, and to the node's own subscriptions. Takes no lab time, and needs no peers (the
        event then says ``no peers``). Validators see it first. ValidationError for what is no topic or message."""
        topic_of(topic)
        data = data_of(data, "a message", self.max_message_size)
        if self.policy == STRICT_NO_SIGN:
            publication = Publication(topic, data, origin=self._me)
        else:
            publication = Publication(
                topic,
                data,
                author=keys.peer_id_bytes(self._signer.peer_id),
                seqno=self._seqno.to_bytes(8, "big"),
                origin=self._me,
                sign=self._signer.sign,
            )
        if publication.rpc_size > self.max_message_size:
            raise ValidationError(
                f"a message of {len(data)} bytes makes an RPC of {publication.rpc_size}, "
                f"and the limit is {self.max_message_size}; send less at once"
            )
        named = self._named_or_not(publication)
        if named is None:
            raise ValidationError(
                "the node's message_id function gave no id (at least one byte) for this message; an error event says so"
            )
        self._seqno += 1
        self.rouse()
        log, now = self._log, self._runtime.ticks()
        message_id, ref = named
        if now >= self.seen.next_expiry:
            self.seen.expire(now)
        reason = None if topic in self._router.topics else "no peers"
        with log.because(log.record("pubsub.publish", self._me, -1, topic, ref, len(data), reason)):
            if message_id in self.seen:  # a message id made of the content alone, and the content again
                log.record("pubsub.ignore", self._me, -1, topic, ref, len(data), "already published")
                return replace(self._read((publication, self._me, now)), dropped="already published")
            else:
                self.seen.add(message_id, now)
                self._judge(self._topics.get(topic), self._me, publication, message_id, ref, now)
        return self._read((publication, self._me, now))

    def add_validator(self, topic: str, validator: TopicValidator | Callable[[Message], Any]) -> TopicValidator:
        """Have the topic's messages checked, after the validators it has already."""
        validator = TopicValidator.of(validator)
        self.topic(topic).validators.append(validator)
        return validator

    def remove_validator(self, topic: str, validator: TopicValidator | Callable[[Message], Any]) -> bool:
        """Undo ``add_validator``, given the same function or what it returned; whether it was there."""
        validators = self.topic(topic).validators
        for index, known in enumerate(validators):
            if known is validator or known.check is validator:
                del validators[index]
                return True
        return False

    # -- what the node knows

    def topic(self, name: str) -> Topic:
        """The topic's entry, made when first asked for."""
        entry = self._topics.get(name)
        if entry is None:
            entry = self._topics[topic_of(name)] = Topic(name)
        return entry

    def topics(self) -> list[str]:
        """The topics subscribed to, in the order they were joined."""
        return list(self._router.joined)

    def topic_peers(self, topic: str) -> list[int]:
        """Connected peers known to subscribe to the topic."""
        return list(self._router.topics.get(topic, ()))

    # -- the network's side

    def add_peer(self, peer: int, protocol: str, outbound: bool, ip: str) -> None:
        """A peer that speaks one of the router's protocols is connected; it is told our subscriptions."""
        router = self._router
        if peer in router.peers:
            return
        self.rouse()
        effects = router.add_peer(peer, protocol, outbound, ip, self._runtime.ticks())
        if peer not in router.peers:  # a user's router did not take it in
            self._run(effects)
            return
        hello = RPC((), router.hello(peer), tuple((True, topic) for topic in router.joined))
        if hello.subscriptions or hello.control is not None:
            self._run(((SEND, (peer,), hello),))
        self._run(effects)

    def remove_peer(self, peer: int) -> None:
        """The peer is gone."""
        if peer in self._router.peers:
            self.rouse()
            self._directory.forget(peer)
            self._run(self._router.remove_peer(peer, self._runtime.ticks()))

    def measured(self, peer: int, rtt: float) -> None:
        """A round trip to the peer was measured, in seconds; ``router.rtt(peer)`` is that from now on."""
        if peer in self._router.peers:
            self._directory.measured(peer, rtt)

    def receive(self, peer: int, rpc: RPC) -> None:
        """An RPC came from a connected peer."""
        if self._asleep >= 0:
            self.rouse()
        router = self._router
        if peer in router.watched:
            effects = router.admits(peer, rpc, self._runtime.ticks())
            if effects is None:
                self._log.record("pubsub.drop", self._me, peer, size=rpc_size(rpc), reason="graylisted")
                return
            self._run(effects)
        if rpc.subscriptions:
            now = self._runtime.ticks()
            for on, topic in rpc.subscriptions:
                self._run(router.take_subscription(peer, on, topic, now))
        if rpc.publish:
            now, seen, plain = self._runtime.ticks(), self.seen, self._message_id is None
            if now >= seen.next_expiry:
                seen.expire(now)
            for publication in rpc.publish:
                if plain:
                    message_id, ref = publication.id, publication.ref
                else:
                    named = self._named_or_not(publication)
                    if named is None:
                        continue
                    message_id, ref = named
                if message_id in seen:
                    self._log.record("pubsub.duplicate", self._me, peer, publication.topic, ref, publication.size)
                    if router.watches_duplicates:
                        effects = router.duplicate(peer, publication, message_id, now)
                        if effects:
                            self._run(effects)
                else:
                    self._arrive(peer, publication, message_id, ref, now)
        if rpc.control is not None or rpc.test_extension:
            effects = router.control(peer, rpc, self._runtime.ticks())
            if effects:
                self._run(effects)

    def _arrive(self, peer: int, publication: Publication, message_id: bytes, ref: str, now: int) -> None:
        """A message that was not seen before."""
        log, router, topic = self._log, self._router, publication.topic
        entry = self._topics.get(topic)
        if entry is None or not entry.queues:
            log.record("pubsub.ignore", self._me, peer, topic, ref, publication.size, "not subscribed")
            return
        known_good = publication.verified and self.policy == STRICT_SIGN
        if publication.rpc_size > self.max_message_size:
            reason: str | None = "too large"
        else:
            reason = None if known_good else refusal(publication, self.policy)
        if reason is not None:
            with log.because(log.record("pubsub.reject", self._me, peer, topic, ref, publication.size, reason)):
                self._run(router.refused(peer, publication, message_id, now))
            return
        if publication.origin == -1 and publication.author:
            publication.origin = self._index_of(publication.author)
        if publication.origin == self._me:
            log.record("pubsub.ignore", self._me, peer, topic, ref, publication.size, "own message")
            return
        self.seen.add(message_id, now)
        cause = log.record("pubsub.receive", self._me, peer, topic, ref, publication.size)
        if len(publication.data) >= router.arrival_size:
            self._run(router.arrived(peer, publication, message_id, now), cause)
        if entry.validators:
            log.caused(cause, self._judge, entry, peer, publication, message_id, ref, now)
        else:
            log.caused(cause, self._accept, entry, peer, publication, message_id, ref, now, now)

    def _knows(self, peer_id: bytes) -> bool:
        index = self._index_of(peer_id)
        return index == self._me or index in self._router.peers
