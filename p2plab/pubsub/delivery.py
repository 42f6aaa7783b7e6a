"""What becomes of a message that was not seen before: it is validated, delivered, and passed on."""

from __future__ import annotations

from collections.abc import Callable

from p2plab.constants import TICKS_PER_SECOND
from p2plab.identity import keys
from p2plab.pubsub.carrier import Carrier
from p2plab.pubsub.message import Message, Publication
from p2plab.pubsub.router import Router
from p2plab.pubsub.subscription import TopicQueue
from p2plab.pubsub.topic import Topic
from p2plab.pubsub.validation import ACCEPT, REJECT, TopicValidator, ValidationQueue, Verdict
from p2plab.typing import PeerId, Runtime


class Delivery(Carrier):
    """The last stations of a message in one node. Attributes are PubSubManager's."""

    __slots__ = ("_message_id", "_peer_id_of", "_runtime", "_validation", "router")

    _message_id: Callable[[Publication], bytes] | None
    _peer_id_of: Callable[[int], PeerId]
    _runtime: Runtime
    _validation: ValidationQueue
    router: Router

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
            named = publication.named = (function, message_id, message_id.hex())
        return named[1], named[2]

    def _named_or_not(self, publication: Publication) -> tuple[bytes, str] | None:
        """The same; None, and an event, where the user's function fails."""
        try:
            return self.name_of(publication)
        except Exception as error:  # noqa: BLE001  # whatever a user's function raises
            data = {"what": "message_id", "type": type(error).__name__, "text": str(error)[:500]}
            self._log.record("error", self._me, reason="message id", data=data)
            return None

    def _judge(
        self, topic: Topic | None, peer: int, publication: Publication, message_id: bytes, ref: str, arrived: int
    ) -> None:
        if topic is None or not topic.validators:
            self._accept(topic, peer, publication, message_id, ref, arrived)
            return
        log, cause = self._log, self._log.cause

        def conclude(verdict: Verdict) -> None:
            outer, log.cause = log.cause, cause
            if verdict.result is ACCEPT:
                self._accept(topic, peer, publication, message_id, ref, arrived)
            else:
                self._turn_away(peer, publication, message_id, ref, verdict)
            log.cause = outer

        def slow() -> None:
            self.router.validating(peer, publication, message_id, arrived)

        self._validation.judge(topic.validators, self._read((publication, peer, arrived)), conclude, slow)

    def _raised(self, validator: TopicValidator, error: Exception) -> int:
        data = {"what": f"validator {validator.name}", "type": type(error).__name__, "text": str(error)[:500]}
        return self._log.record("error", self._me, reason="validator", data=data)

    def _turn_away(self, peer: int, publication: Publication, message_id: bytes, ref: str, verdict: Verdict) -> None:
        rejected, router = verdict.result is REJECT, self.router
        source = -1 if peer == self._me else peer
        kind = "pubsub.reject" if rejected else "pubsub.ignore"
        log, outer = self._log, self._log.cause
        topic, size, cause = publication.topic, publication.size, verdict.cause
        log.cause = log.record(kind, self._me, source, topic, ref, size, verdict.reason, cause=cause)
        tell = router.rejected if rejected else router.ignored
        self._run(tell(peer, publication, message_id, self._runtime.ticks()))
        log.cause = outer

    def _accept(
        self, topic: Topic | None, peer: int, publication: Publication, message_id: bytes, ref: str, arrived: int
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
            self._run(self.router.publish(publication, message_id, self._runtime.ticks()))
        else:
            self._run(self.router.forward(peer, publication, message_id, self._runtime.ticks()))

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
