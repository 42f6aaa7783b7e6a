"""What becomes of a message that was not seen before: it is validated, delivered, and passed on. And how the router's
effects are carried out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from p2plab.constants import TICKS_PER_SECOND
from p2plab.effects import DialPeer, Reconnect, Runner, Withdraw
from p2plab.identity import keys
from p2plab.pubsub.message import Message, Publication
from p2plab.pubsub.router import Router
from p2plab.pubsub.rpc import RPC, rpc_size, split
from p2plab.pubsub.seen import SeenCache
from p2plab.pubsub.shell.dials import Dial, Dials
from p2plab.pubsub.shell.subscription import TopicQueue
from p2plab.pubsub.shell.topic import Topic
from p2plab.pubsub.shell.validation_queue import ValidationQueue
from p2plab.pubsub.validation import ACCEPT, REJECT, TopicValidator, ValidationTally
from p2plab.text import RAISABLE, raised
from p2plab.typing import Moment, PeerId, Runtime

if TYPE_CHECKING:
    from p2plab.events import EventLog

Send = Callable[[int, RPC, int, int], None]
SendMany = Callable[[Sequence[int], RPC, int, int], None]


_NOTHING: Final = SeenCache(0)  # always empty


class Copies:
    """What one node ``me`` has to know of one more copy of a message: most of what comes to a node, and most of it is
    only counted. Whoever has an RPC for a node may look here first, and count the copy itself where ``receive`` would
    do no more (``tests/unit/mock/test_copies.py`` holds that it comes to the same).

    A copy is only counted where its message is in ``seen``, it comes more than ``seen.settled`` ticks after it was
    first seen and before ``seen.next_expiry``, and nobody is in ``watched``.

    ``seen`` is the node's seen cache or, while each copy has to be handed on, an empty one; ``watched`` is the
    router's; ``receive(peer, rpc)`` is the node's; ``tally`` the log's number of events of each kind at the node.
    """

    __slots__ = ("_seen", "clock", "log", "me", "receive", "seen", "tally", "watched")

    def __init__(
        self, log: EventLog, me: int, router: Router, clock: Moment, receive: Callable[[int, RPC], None]
    ) -> None:
        self.clock = clock
        self.receive = receive
        self.log = log
        self.me = me
        self.tally = log.tally(me)
        self.watched = router.watched
        self._seen = self.seen = router.seen

    def hand_on(self, each: bool) -> None:
        """Have each copy handed on from now on, or not any more."""
        self.seen = _NOTHING if each else self._seen


class DeliveryPath:
    """The last stations of a message in one node ``me``. RPCs over ``max_message_size`` bytes are sent in parts.
    Attributes are PubSubManager's."""

    __slots__ = (
        "_dial",
        "_log",
        "_made_dials",
        "_made_validation",
        "_me",
        "_message_id",
        "_name",
        "_peer_id_of",
        "_router",
        "_run",
        "_runtime",
        "_send_many",
        "_withdraw",
        "max_message_size",
    )  # fmt: skip

    _dial: Dial | None
    _made_dials: Dials | None
    _made_validation: ValidationQueue | None
    _name: str
    _message_id: Callable[[Publication], bytes] | None
    _peer_id_of: Callable[[int], PeerId]
    _runtime: Runtime
    _withdraw: Callable[[int, Sequence[bytes]], None] | None
    _router: Router

    def __init__(self, log: EventLog, me: int, max_message_size: int, send: Send, send_many: SendMany | None) -> None:
        def send_each(peers: Sequence[int], rpc: RPC, size: int, cause: int) -> None:
            for peer in peers:
                send(peer, rpc, size, cause)

        self.max_message_size = max_message_size
        self._log = log
        self._me = me
        self._send_many = send_many if send_many is not None else send_each
        self._run = Runner(log, me, self).run

    @property
    def _dials(self) -> Dials:
        """Made when first needed."""
        if self._made_dials is None:
            self._made_dials = Dials(self._runtime, self._log, self._me, self._dial, self._knows)
        return self._made_dials

    @property
    def _validation(self) -> ValidationQueue:
        """Made when first needed."""
        if self._made_validation is None:
            self._made_validation = ValidationQueue(self._runtime, self._raised, self._name or str(self._me))
        return self._made_validation

    def _knows(self, peer_id: bytes) -> bool:
        """Whether this is the node itself, or connected."""
        raise NotImplementedError

    def rouse(self) -> None:
        """Something is about to happen to the router."""

    # -- carrying out effects

    def send(self, peers: Sequence[int], message: RPC, cause: int) -> None:
        """Send an RPC to peers, in parts if it is too large for one."""
        size = message.size
        if size < 0:
            size = rpc_size(message)
        if size <= self.max_message_size:
            self._send_many(peers, message, size, cause)
        else:
            for part in split(message, self.max_message_size):
                self._send_many(peers, part, rpc_size(part), cause)

    def perform(self, effect: DialPeer | Reconnect | Withdraw, cause: int) -> None:
        """Dial a peer, or take back what is queued for one."""
        if isinstance(effect, DialPeer):
            self._dials.recommended(effect.peer_id, effect.record)
        elif isinstance(effect, Reconnect):
            self._dials.call(effect.name)
        elif self._withdraw is not None:
            self._withdraw(effect.peer, effect.message_ids)

    # -- message ids

    def name_of(self, publication: Publication) -> tuple[bytes, str]:
        """The message id, and the same as hex."""
        function = self._message_id
        if function is None:
            return publication.id, publication.ref
        named = publication.named
        if named is None or named[0] is not function:
            message_id = function(publication)
            if not isinstance(message_id, bytes):
                raise TypeError(f"a message id is bytes, not {message_id!r}")
            if not message_id:
                raise ValueError("a message id is at least one byte, and message_id gave b''")
            named = publication.named = (function, message_id, message_id.hex())
        return named[1], named[2]

    def _named_or_not(self, publication: Publication) -> tuple[bytes, str] | None:
        """The same; None, and an event, where the user's function fails."""
        try:
            return self.name_of(publication)
        except RAISABLE as error:
            data = raised("message_id", error)
            self._log.record("error", self._me, reason="message id", data=data)
            return None

    # -- stations

    def _judge(
        self, topic: Topic | None, peer: int, publication: Publication, message_id: bytes, ref: str, arrived: int
    ) -> None:
        if topic is None or not topic.validators:
            self._accept(topic, peer, publication, message_id, ref, arrived, arrived)
            return
        log, cause = self._log, self._log.cause

        def conclude(verdict: ValidationTally) -> None:
            self.rouse()
            with log.because(cause):
                if verdict.result is ACCEPT:
                    self._accept(topic, peer, publication, message_id, ref, arrived, self._runtime.ticks())
                else:
                    self._turn_away(peer, publication, message_id, ref, verdict)

        def slow() -> None:
            self._router.validating(peer, publication, message_id, arrived)

        self._validation.judge(topic.validators, self._read((publication, peer, arrived)), conclude, slow)

    def _raised(self, validator: TopicValidator, error: BaseException, message: Message) -> int:
        """On record, with whom the message is from, so that it is found from that end too."""
        data = raised(f"validator {validator.name}", error)
        peer = self._log.index_of(message.received_from.name or str(message.received_from))
        source = -1 if peer is None or peer == self._me else peer
        return self._log.record("error", self._me, source, message.topic, reason="validator", data=data)

    def _turn_away(
        self, peer: int, publication: Publication, message_id: bytes, ref: str, verdict: ValidationTally
    ) -> None:
        rejected, router = verdict.result is REJECT, self._router
        source = -1 if peer == self._me else peer
        kind = "pubsub.reject" if rejected else "pubsub.ignore"
        topic, size, cause = publication.topic, publication.size, verdict.cause
        seq = self._log.record(kind, self._me, source, topic, ref, size, verdict.reason, cause=cause)
        tell = router.rejected if rejected else router.ignored
        with self._log.because(seq):
            self._run(tell(peer, publication, message_id, self._runtime.ticks()))

    def _accept(
        self,
        topic: Topic | None,
        peer: int,
        publication: Publication,
        message_id: bytes,
        ref: str,
        arrived: int,
        now: int,
    ) -> None:
        """The message is valid: deliver it, and have the router pass it on."""
        me = self._me
        if topic is not None and topic.queues:
            source = -1 if peer == me else peer
            self._log.record("pubsub.deliver", me, source, topic.name, ref, publication.size)
            entry = (publication, peer, arrived)
            for queue in topic.queues:
                queue.put(entry)
        if peer == me:
            self._run(self._router.publish(publication, message_id, now))
        else:
            effects = self._router.forward(peer, publication, message_id, now)
            if effects:
                self._run(effects)

    def _read(self, entry: tuple[Publication, int, int]) -> Message:
        """The Message of a queue's entry: what arrived, from whom, when."""
        publication, peer, arrived = entry
        sender = None
        if publication.author:
            origin = publication.origin
            sender = self._peer_id_of(origin) if origin >= 0 else keys.peer_id_from_bytes(publication.author)
        return Message(
            topic=publication.topic,
            data=publication.data,
            sender=sender,
            received_from=self._peer_id_of(peer),
            id=self.name_of(publication)[1],
            seqno=int.from_bytes(publication.seqno, "big") if publication.seqno else None,
            received_at=arrived / TICKS_PER_SECOND,
        )

    def _dropped(self, queue: TopicQueue, entry: tuple[Publication, int, int]) -> None:
        publication = entry[0]
        data = {"limit": queue.limit, "dropped": queue.dropped}
        ref = self.name_of(publication)[1]
        self._log.record("pubsub.drop", self._me, -1, queue.topic, ref, publication.size, "queue full", data)
