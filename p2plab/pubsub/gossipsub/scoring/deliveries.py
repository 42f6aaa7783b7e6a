"""Who else delivered a message, and whether that earns or costs (gossipsub-v1.1.md, "P₃ and P₃b", "P₄").

- A copy that comes while the message is validated, or within the window after that, is a near-first delivery.
- A copy of a message found invalid is invalid too. Copies of an ignored one are neither.
- Each peer's copy of a message counts once.
"""

from __future__ import annotations

from p2plab.pubsub.gossipsub.scoring.score import Scores
from p2plab.pubsub.seen import SeenCache

_VALIDATING, _VALID, _INVALID = range(3)


class _TrackedMessage:
    """``until`` is the last tick at which a copy of a valid message is a near-first delivery. ``at_once``: it was found
    valid when it came, with the parameters there are."""

    __slots__ = ("at_once", "peers", "since", "status", "topic", "until")

    def __init__(self, status: int, topic: str, since: int) -> None:
        self.status = status
        self.at_once = status == _VALID
        self.topic = topic
        self.since = self.until = since
        self.peers: dict[int, None] = {}


class Deliveries:
    """The messages whose further copies may count. ``len`` is 0 where none may, so that copies need not be looked at.

    ``ttl`` is how many ticks an invalid message is remembered. ``seen`` is told from what age on a copy of any message
    changes nothing (``settled``), unless ``watches_all``: a user's router may count otherwise.
    """

    __slots__ = ("_known", "_scores", "_seen", "_ttl", "_watches_all")

    def __init__(self, scores: Scores, ttl: int, seen: SeenCache, watches_all: bool = False) -> None:
        self._scores = scores
        self._seen = seen
        self._watches_all = watches_all
        self._ttl = ttl
        self._known: dict[bytes, _TrackedMessage] = {}
        self._settle()

    def __len__(self) -> int:
        return len(self._known)

    def _settle(self) -> None:
        at_once = not self._watches_all and all(delivery.at_once for delivery in self._known.values())
        self._seen.settled = self._scores.longest_window if at_once else SeenCache.NEVER

    def configured(self) -> None:
        """The scores have other parameters."""
        for delivery in self._known.values():
            delivery.at_once = False
        self._settle()

    def validating(self, message_id: bytes, topic: str, now: int) -> None:
        """Validation takes time; copies that come meanwhile wait for its outcome."""
        self._known[message_id] = _TrackedMessage(_VALIDATING, topic, now)
        self._seen.settled = SeenCache.NEVER

    def valid(self, message_id: bytes, topic: str, peer: int, now: int) -> None:
        """The message from ``peer`` is valid."""
        self._scores.first_delivery(peer, topic)
        delivery = self._known.get(message_id)
        if delivery is None:
            if not self._scores.rates_deliveries:
                return
            delivery = self._known[message_id] = _TrackedMessage(_VALID, topic, now)
        delivery.status, delivery.since = _VALID, now
        delivery.until = now + self._scores.window(topic)
        for other in delivery.peers:
            if other != peer:
                self._scores.near_first_delivery(other, topic)
        delivery.peers[peer] = None

    def invalid(self, message_id: bytes, topic: str, peer: int, now: int) -> list[int]:
        """The message from ``peer`` is invalid; the peers it is to be blamed on."""
        delivery = self._known.get(message_id)
        if delivery is None:
            delivery = self._known[message_id] = _TrackedMessage(_INVALID, topic, now)
        delivery.at_once, self._seen.settled = False, SeenCache.NEVER
        delivery.status, delivery.since = _INVALID, now
        delivery.peers[peer] = None
        for one in delivery.peers:
            self._scores.invalid_message(one, topic)
        return list(delivery.peers)

    def ignored(self, message_id: bytes) -> None:
        """The message was ignored: its copies mean nothing."""
        self._known.pop(message_id, None)

    def duplicate(self, message_id: bytes, peer: int, now: int) -> bool:
        """A further copy came; whether it is an invalid one."""
        delivery = self._known.get(message_id)
        if delivery is None or (delivery.status == _VALID and now > delivery.until) or peer in delivery.peers:
            return False
        if delivery.status == _INVALID:
            delivery.peers[peer] = None
            self._scores.invalid_message(peer, delivery.topic)
            return True
        if delivery.status == _VALID:
            counters = self._scores.counters(peer, delivery.topic)
            if counters is None:
                return False
            counters.count_near_first()
        delivery.peers[peer] = None
        return False

    def forget(self, now: int) -> None:
        """Drop what no copy can change any more: valid ones as old as the longest window, others ``ttl`` ticks old."""
        window, ttl = self._scores.longest_window, self._ttl
        for message_id, delivery in list(self._known.items()):
            age = now - delivery.since
            if age > (window if delivery.status == _VALID else ttl):
                del self._known[message_id]
        if self._seen.settled != window:
            self._settle()
