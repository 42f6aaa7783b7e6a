"""What a pubsub router is: a state machine that is told what happens, and answers with effects.

Rules every router lives by:
- Peers are small ints, time is a whole number of ticks of 100 µs and is given; random numbers come from the one source
  given to ``attach``. A router never sends, sleeps or reads a clock, and no decision follows a set's order.
- Who is connected, who subscribes to what, and which topics the node has joined is kept here and nowhere else; the
  shell (``PubSubManager``) reads it.
- The answers are those of ``p2plab.effects``: ``(SEND, peers, rpc)``, Note, DialPeer, Reconnect and Withdraw.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypeAlias

from p2plab.chance import Stream
from p2plab.constants import TICKS_PER_SECOND
from p2plab.effects import DialPeer, Note, Reconnect, Send, Withdraw, note
from p2plab.errors.overrides import guard_overrides
from p2plab.pubsub.answers import ANSWERS
from p2plab.pubsub.message import Publication
from p2plab.pubsub.rpc import RPC, Control, RpcLimits
from p2plab.pubsub.seen import SeenCache
from p2plab.typing import Chance

__all__ = ["NEVER", "NOTHING", "Effect", "Effects", "PeerFacts", "Router"]

Effect: TypeAlias = Send[RPC] | Note | DialPeer | Reconnect | Withdraw
Effects: TypeAlias = Sequence[Effect]
NOTHING: Effects = ()

MAX_TOPICS: Final = RpcLimits().subscriptions  # that are remembered of a peer
NEVER = 1 << 62  # as a size or a tick: larger than any


class PeerFacts(Protocol):
    """What a router can look up about a peer, beside what it is told of it."""

    def introduce(self, peer: int) -> tuple[bytes, bytes]:
        """How to name it to others: its id in binary, and its signed record or b""."""

    def names(self, peer: int) -> tuple[str, ...]:
        """How parameters may name it: the name it has in the lab, if any, and its peer id."""

    def rtt(self, peer: int) -> float:
        """The last measured round trip to a peer in seconds: the handshake's, then each ping's; ``inf`` before any.
        ``peer`` is its index in the event log."""


_INPUTS: Final[dict[str, Callable[[], Any]]] = {
    **dict.fromkeys(
        (
            "add_peer", "admits", "arrived", "control", "duplicate", "forward", "heartbeat", "ignored", "join", "leave",
            "publish", "refused", "rejected", "remove_peer", "subscribed", "take_subscription", "unsubscribed",
        ),
        tuple,
    ),
    "validating": lambda: None,
}  # fmt: skip


class Router:
    """A router that routes nothing: what FloodSub and GossipSub have in common.

    Every input takes the time in ticks last and answers with effects. The inputs about messages are called in this
    order: ``arrived`` (first sight, above ``arrival_size`` bytes of data only), ``validating`` (only where validation
    takes time), then one of ``forward``, ``rejected``, ``ignored``. ``duplicate`` is called for further copies, where
    ``watches_duplicates``; ``refused`` for what never came to be seen.

    The arguments of all inputs: ``peer`` is a peer's index in the event log (``directory.names(peer)`` gives its name
    and peer id), ``publication`` the message (``topic``, ``data``, ``origin``), ``message_id`` its id in binary,
    ``topic`` a topic's name, ``rpc`` what a peer sent, ``now`` the lab's time in ticks of 100 µs.
    """

    protocols: tuple[str, ...] = ()  # newest first
    heartbeat_interval: float | None = None  # seconds; None: no heartbeat
    heartbeat_initial_delay: float = 0.0  # seconds before the first heartbeat may come
    seen_ttl: float = 120.0  # seconds; gossipsub-v1.0.md, "Parameters"
    arrival_size = NEVER
    watches_duplicates = False

    __slots__ = (
        "directory", "joined", "me", "peers", "raised", "rng", "seen", "topic_counts", "topics", "watched",
    )  # fmt: skip

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        guard_overrides(cls, _INPUTS, answers=ANSWERS)

    def __init__(self) -> None:
        self.raised: Callable[[str, BaseException], object] | None = None  # told what a subclass of a user's raised
        self.me = -1
        self.rng: Chance = Stream(b"")  # until ``attach``
        self.peers: dict[int, Any] = {}
        self.topics: dict[str, dict[int, None]] = {}  # who subscribes to what, in the order it was learnt
        self.topic_counts: dict[int, int] = {}  # how many topics are known of each peer
        self.joined: dict[str, None] = {}
        self.watched: dict[int, None] = {}  # peers whose RPCs are shown to ``admits`` first
        self.seen = SeenCache(round(self.seen_ttl * TICKS_PER_SECOND))  # ids met lately; the shell adds to it
        self.directory: PeerFacts | None = None

    def attach(self, me: int, rng: Chance, directory: PeerFacts | None = None) -> None:
        """Tell it, before anything else: who it is, where chance comes from, and whom to ask for names."""
        self.me = me
        self.rng = rng
        self.directory = directory

    # -- peers and topics

    def hello(self, peer: int) -> Control | None:
        """What the first RPC to this peer carries beside the subscriptions."""
        return None

    def add_peer(self, peer: int, protocol: str, outbound: bool, ip: str, now: int) -> Effects:
        """A peer that speaks ``protocol`` is connected; ``outbound``: we dialled it."""
        self.peers[peer] = protocol
        return NOTHING

    def remove_peer(self, peer: int, now: int) -> Effects:
        """The peer is gone."""
        self.peers.pop(peer, None)
        self.topic_counts.pop(peer, None)
        for topic in [topic for topic, members in self.topics.items() if peer in members]:
            self._forget(peer, topic)
        return NOTHING

    def take_subscription(self, peer: int, on: bool, topic: str, now: int) -> Effects:
        """A connected peer says that it subscribes to the topic, or no longer does. Saying so twice changes nothing,
        and of so many topics that no RPC could list them the later ones are not remembered."""
        if peer not in self.peers or on == (peer in self.topics.get(topic, ())):
            return NOTHING
        count = self.topic_counts.get(peer, 0)
        if on and count >= MAX_TOPICS:
            data = {"subscriptions": count, "limit": MAX_TOPICS}
            return (note("pubsub.drop", peer, topic, reason="too many topics", data=data),)
        self.topic_counts[peer] = count + (1 if on else -1)
        if on:
            return (note("pubsub.peer_subscribed", peer, topic), *self.subscribed(peer, topic, now))
        return (note("pubsub.peer_unsubscribed", peer, topic), *self.unsubscribed(peer, topic, now))

    def subscribed(self, peer: int, topic: str, now: int) -> Effects:
        """The peer says it subscribes to the topic."""
        self.topics.setdefault(topic, {})[peer] = None
        return NOTHING

    def unsubscribed(self, peer: int, topic: str, now: int) -> Effects:
        """The peer says it no longer subscribes to the topic."""
        self._forget(peer, topic)
        return NOTHING

    def _forget(self, peer: int, topic: str) -> None:
        members = self.topics.get(topic)
        if members is not None:
            members.pop(peer, None)
            if not members:
                del self.topics[topic]

    def join(self, topic: str, now: int) -> Effects:
        """The node's first subscription to the topic."""
        self.joined[topic] = None
        return NOTHING

    def leave(self, topic: str, now: int) -> Effects:
        """The node's last subscription to the topic ended."""
        self.joined.pop(topic, None)
        return NOTHING

    # -- messages and control

    def admits(self, peer: int, rpc: RPC, now: int) -> Effects | None:
        """An RPC of a peer in ``watched`` came; None where it is to go unread."""
        return NOTHING

    def arrived(self, peer: int, publication: Publication, message_id: bytes, now: int) -> Effects:
        """A message was seen for the first time, before it is validated."""
        return NOTHING

    def validating(self, peer: int, publication: Publication, message_id: bytes, now: int) -> None:
        """The message is being validated, which takes lab time."""

    def duplicate(self, peer: int, publication: Publication, message_id: bytes, now: int) -> Effects:
        """One more copy of a message came."""
        return NOTHING

    def forward(self, peer: int, publication: Publication, message_id: bytes, now: int) -> Effects:
        """The message is valid: pass it on."""
        return NOTHING

    def refused(self, peer: int, publication: Publication, message_id: bytes, now: int) -> Effects:
        """The message breaks the rules of pubsub itself (size, signature), whoever else may send it."""
        return NOTHING

    def rejected(self, peer: int, publication: Publication, message_id: bytes, now: int) -> Effects:
        """A validator rejected the message: whoever sends it is to blame."""
        return NOTHING

    def ignored(self, peer: int, publication: Publication, message_id: bytes, now: int) -> Effects:
        """The message was dropped without blame."""
        return NOTHING

    def publish(self, publication: Publication, message_id: bytes, now: int) -> Effects:
        """The node's own new message."""
        return NOTHING

    def control(self, peer: int, rpc: RPC, now: int) -> Effects:
        """The control part of an RPC; its messages have been dealt with."""
        return NOTHING

    def first_heartbeat(self) -> float:
        """Seconds until the first heartbeat: after ``heartbeat_initial_delay``, at random within one interval from
        then on, so that a network's heartbeats do not fall together."""
        spread = self.rng.randrange(1, TICKS_PER_SECOND) / TICKS_PER_SECOND
        return self.heartbeat_initial_delay + spread * (self.heartbeat_interval or 0.0)

    def heartbeat(self, now: int) -> Effects:
        """A heartbeat interval has passed."""
        return NOTHING

    def idle_beats(self, now: int, period: int) -> int:
        """How many heartbeats after the one at tick ``now`` would decide nothing, if nothing else happened meanwhile;
        they may be left out. ``period`` is the ticks between two."""
        return 0

    def pass_beats(self, last: int, period: int, count: int) -> None:
        """``count`` of these were left out after the one at tick ``last``: make up for them."""

    # -- looking in

    def rtt(self, peer: int) -> float:
        """The last measured round trip to a peer in seconds: the handshake's, then each ping's; ``inf`` before any."""
        return math.inf if self.directory is None else self.directory.rtt(peer)

    def mesh(self, topic: str) -> list[int]:
        """The peers in the node's mesh of the topic."""
        return []

    def fanout(self, topic: str) -> list[int]:
        """The peers the node publishes to without being subscribed."""
        return []

    def score_of(self, peer: int) -> dict[str, Any]:
        """A peer's ``score`` and its components; empty for a router that keeps no scores."""
        return {}
