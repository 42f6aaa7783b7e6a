"""Peer scores: what one node thinks of its peers (gossipsub-v1.1.md, "Peer Scoring").

    score = TopicCap(Σ topic_weight × (w1 P1 + w2 P2 + w3 P3 + w3b P3b + w4 P4)) + w5 P5 + w6 P6 + w7 P7

Rules it lives by:
- Counters decay by multiplication, once per ``decay_interval``. The multiplications of intervals in which nobody looked
  are made up for when somebody does, one by one and in order, so the numbers are those of a router that decays every
  counter every time, to the last bit.
- Sums are plain additions in one fixed order: topics as they were met, P1 to P4 in each; no ``sum``, no ``pow``.
- Weights have the signs the specs ask for (``ScoreParams`` sees to it), so only a peer with a penalty can score below
  zero. Those peers are kept in ``suspects``; all others need no arithmetic to be known good.
- Time in mesh (P1, and the activation of P3) is reckoned at the decays, as the specs say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from p2plab.pubsub.gossipsub.peers import ticks
from p2plab.pubsub.gossipsub.scoring.addresses import Addresses
from p2plab.pubsub.gossipsub.scoring.counters import PeerScore, TopicCounters, decayed
from p2plab.pubsub.gossipsub.scoring.params import ScoreParams


class Scores:
    """The scores of all peers of one node, the disconnected ones too while they are retained."""

    __slots__ = (
        "_addresses", "_interval", "_known", "_next_decay", "_own", "_retain", "_retained", "decayed_at", "epoch",
        "longest_window", "params", "peers", "rates_deliveries", "suspects", "topics",
    )  # fmt: skip

    def __init__(self, params: ScoreParams, known: dict[int, Any] | None = None) -> None:
        self._known = {} if known is None else known
        self._own = known is None
        self.peers: dict[int, PeerScore] = {}  # of whom there is something to remember
        self.topics: dict[str, dict[int, TopicCounters]] = {}  # of connected peers
        self.suspects: dict[int, PeerScore] = {}
        self.epoch = 0
        self.decayed_at = 0  # tick of the last decay
        self._next_decay = -1
        self._retained: dict[int, PeerScore] = {}
        self._addresses = Addresses(params)
        self.configure(params)

    def configure(self, params: ScoreParams) -> None:
        """Use other parameters from now on; counters stay."""
        self.params = params
        self._interval = max(1, ticks(params.decay_interval))
        self._retain = ticks(params.retain_score)
        every = [*params.topics.values(), *([params.default_topic] if params.default_topic else [])]
        # Whether the rate of deliveries in the mesh (P3) counts in any topic: it has to be watched all the time.
        self.longest_window = max((ticks(topic.mesh_message_deliveries_window) for topic in every), default=0)
        self.rates_deliveries = any(topic.mesh_message_deliveries_weight for topic in every)
        for topic, members in self.topics.items():
            for peer, old in list(members.items()):
                fresh = self._new_counters(topic)
                if fresh is None:
                    del members[peer]
                else:
                    fresh.copy_counts(old)
                    members[peer] = fresh
        for peer in self._known:
            self._suspect(peer)
        self._addresses.begin(params)
        for score in (*self.suspects.values(), *self._retained.values()):
            self._enter_ip(score.ip)

    # -- who is there

    def add_peer(self, peer: int, ip: str) -> None:
        """A peer is connected; if its score was retained, it goes on from there."""
        score = self._retained.pop(peer, None)
        if self._own:
            self._known[peer] = PeerScore(peer, ip, self.epoch)
        if score is not None:
            self._addresses.leave(score.ip)
            score.ip = ip
            # Scores do not decay while their peers are away (go-libp2p-pubsub; the specs do not say).
            score.epoch = self.epoch
            for topic, counters in (score.retained or {}).items():
                counters.epoch = self.epoch
                self.topics.setdefault(topic, {})[peer] = counters
            score.retained = None
            self.suspects[peer] = self.peers[peer] = score
        self._enter_ip(ip)

    def _look(self, peer: int) -> PeerScore | None:
        """What there is to know of a connected peer; not kept, where that is its IP alone."""
        score = self.peers.get(peer)
        if score is None and peer in self._known:
            return PeerScore(peer, self._known[peer].ip, self.epoch)
        return score

    def _kept(self, peer: int) -> PeerScore:
        """The same, from now on kept. Raises KeyError."""
        score = self.peers.get(peer)
        if score is None:
            score = self.peers[peer] = PeerScore(peer, self._known[peer].ip, self.epoch)
        return score

    def _suspect(self, peer: int) -> None:
        self.suspects[peer] = self._kept(peer)

    def remove_peer(self, peer: int, now: int) -> None:
        """The peer is gone. Its score is kept for ``retain_score`` (a positive one where ``retain_positive`` says so);
        deliveries it was first with are forgotten, and what it owed the mesh is booked (P3b)."""
        score = self._look(peer)
        if score is None:
            return
        keep = bool(self._retain) and (self.params.retain_positive or self._reckon(score) <= 0)
        self.peers.pop(peer, None)
        if self._own:
            del self._known[peer]
        self.suspects.pop(peer, None)
        score.retained = retained = {}
        for topic, members in self.topics.items():
            counters = members.pop(peer, None)
            if counters is not None and keep:
                self._catch_up(counters)
                if not self.params.retain_positive:
                    counters.first = 0.0
                self._book_deficit(counters)
                counters.in_mesh = False
                retained[topic] = counters
        if keep:
            score.expires = now + self._retain
            self._retained[peer] = score
        else:
            self._addresses.leave(score.ip)

    def _enter_ip(self, ip: str) -> None:
        if self._addresses.enter(ip):
            for peer, known in self._known.items():
                if known.ip == ip:
                    self._suspect(peer)

    # -- decay

    def tick(self, now: int) -> None:
        """Let decays fall due; call it at every heartbeat."""
        if self._next_decay < 0:
            self._next_decay = now + self._interval
        while now >= self._next_decay:
            self.epoch += 1
            self.decayed_at = self._next_decay
            self._next_decay += self._interval
            if self.rates_deliveries:
                self._suspect_slow()
            if self._retained:
                self._forget_expired(now)

    def pass_beats(self, last: int, period: int, count: int) -> None:
        """Let the decays fall due that ``count`` heartbeats would have seen, after the one at tick ``last``, ``period``
        ticks apart."""
        now, due = last + count * period, self._next_decay
        if now < due:
            return
        decays = (now - due) // self._interval + 1
        self.epoch += decays
        self.decayed_at = due + (decays - 1) * self._interval
        self._next_decay = due + decays * self._interval
        if self.rates_deliveries:
            self._suspect_slow()
        if self._retained:
            self._forget_expired(now - (now - self.decayed_at) // period * period)  # the beat that saw the last one

    def _suspect_slow(self) -> None:
        for members in self.topics.values():
            for peer, counters in members.items():
                if counters.in_mesh and peer not in self.suspects and self._deficit(counters):
                    self._suspect(peer)

    def _forget_expired(self, now: int) -> None:
        for score in [score for score in self._retained.values() if score.expires <= now]:
            del self._retained[score.peer]
            self._addresses.leave(score.ip)

    def _catch_up(self, counters: TopicCounters) -> None:
        missed = self.epoch - counters.epoch
        if not missed:
            return
        counters.epoch = self.epoch
        params, zero = counters.params, self.params.decay_to_zero
        counters.first = decayed(counters.first, params.first_message_deliveries_decay, missed, zero)
        counters.mesh = decayed(counters.mesh, params.mesh_message_deliveries_decay, missed, zero)
        counters.failures = decayed(counters.failures, params.mesh_failure_penalty_decay, missed, zero)
        counters.invalid = decayed(counters.invalid, params.invalid_message_deliveries_decay, missed, zero)

    # -- what peers do

    def counters(self, peer: int, topic: str) -> TopicCounters | None:
        """A peer's counters in a topic, up to date; None where the topic is not scored or the peer not known."""
        members = self.topics.get(topic)
        counters = None if members is None else members.get(peer)
        if counters is None:
            counters = self._new_counters(topic)
            if counters is None or peer not in self._known:
                return None
            self.topics.setdefault(topic, {})[peer] = counters
        elif counters.epoch != self.epoch:
            self._catch_up(counters)
        return counters

    def _counters_of(self, peer: int) -> Iterator[tuple[str, TopicCounters]]:
        for topic, members in self.topics.items():
            counters = members.get(peer)
            if counters is not None:
                yield topic, counters

    def _new_counters(self, topic: str) -> TopicCounters | None:
        params = self.params.topics.get(topic, self.params.default_topic)
        return None if params is None else TopicCounters(params, self.epoch)

    def window(self, topic: str) -> int:
        """For how many ticks after a first delivery further copies count (P3); 0 where the topic is not scored."""
        params = self.params.topics.get(topic, self.params.default_topic)
        return 0 if params is None else ticks(params.mesh_message_deliveries_window)

    def grafted(self, peer: int, topic: str, now: int) -> None:
        """The peer is in our mesh of the topic."""
        counters = self.counters(peer, topic)
        if counters is not None:
            counters.in_mesh = True
            counters.grafted_at = now

    def pruned(self, peer: int, topic: str) -> None:
        """The peer is no longer in our mesh of the topic; what it owes is booked (P3b)."""
        counters = self.counters(peer, topic)
        if counters is not None and counters.in_mesh:
            if self._book_deficit(counters):
                self._suspect(peer)
            counters.in_mesh = False

    def _book_deficit(self, counters: TopicCounters) -> float:
        deficit = self._deficit(counters) if counters.in_mesh else 0.0
        counters.failures += deficit * deficit
        return deficit

    def first_delivery(self, peer: int, topic: str) -> None:
        """The peer was the first to bring a valid message (P2, and P3 where it is in the mesh)."""
        counters = self.counters(peer, topic)
        if counters is not None:
            counters.count_first()

    def near_first_delivery(self, peer: int, topic: str) -> None:
        """A mesh peer brought a valid message within the window after its first delivery (P3)."""
        counters = self.counters(peer, topic)
        if counters is not None:
            counters.count_near_first()

    def invalid_message(self, peer: int, topic: str) -> None:
        """The peer brought an invalid message (P4)."""
        counters = self.counters(peer, topic)
        if counters is not None:
            counters.invalid += 1.0
            self._suspect(peer)

    def penalise(self, peer: int, count: int = 1) -> None:
        """The peer misbehaved (P7)."""
        if peer in self._known:
            score = self._kept(peer)
            self._decay_penalty(score)
            score.penalty += count
            self.suspects[peer] = score

    def _decay_penalty(self, score: PeerScore) -> None:
        missed = self.epoch - score.epoch
        score.epoch = self.epoch
        if missed:
            score.penalty = decayed(
                score.penalty, self.params.behaviour_penalty_decay, missed, self.params.decay_to_zero
            )

    def set_app(self, peer: int, value: float) -> None:
        """The application's own opinion of a connected peer (P5)."""
        if peer in self._known:
            score = self._kept(peer)
            score.app = value
            if value < 0:
                self.suspects[peer] = score

    # -- the score

    def score(self, peer: int) -> float:
        """The peer's score now; 0 for one that is not connected."""
        score = self._look(peer)
        return 0.0 if score is None else self._reckon(score)

    def below_zero(self, peer: int) -> bool:
        """Whether the score is negative; costs one look-up for a peer without any penalty."""
        score = self.suspects.get(peer)
        return score is not None and self._suspicion(score) < 0

    def below(self, peer: int, threshold: float) -> bool:
        """Whether the score is below a threshold that is not over zero."""
        score = self.suspects.get(peer)
        return score is not None and self._suspicion(score) < threshold

    def _suspicion(self, score: PeerScore) -> float:
        """The score of a suspect, who is cleared of suspicion when no penalty is left."""
        if self._blameless(score):
            del self.suspects[score.peer]
            return 0.0
        return self._reckon(score)

    def _blameless(self, score: PeerScore) -> bool:
        if score.app < 0 or self._addresses.surplus(score.ip):
            return False
        self._decay_penalty(score)
        if score.penalty:
            return False
        for _, counters in self._counters_of(score.peer):
            self._catch_up(counters)
            if counters.failures or counters.invalid or self._deficit(counters):
                return False
        return True

    def _deficit(self, counters: TopicCounters) -> float:
        """By how much the deliveries in the mesh fall short (P3 is the square); 0 until they are activated."""
        params = counters.params
        if not (counters.in_mesh and params.mesh_message_deliveries_weight):
            return 0.0
        if self.decayed_at - counters.grafted_at <= counters.activation:
            return 0.0
        self._catch_up(counters)
        return max(0.0, params.mesh_message_deliveries_threshold - counters.mesh)

    def _reckon(self, score: PeerScore) -> float:
        topics = 0.0
        for _, counters in self._counters_of(score.peer):
            p1, p2, p3, p3b, p4 = self.points_in_topic(counters)
            topics += (0.0 + p1 + p2 + p3 + p3b + p4) * counters.params.topic_weight
        p5, p6, p7 = self._points_beside(score)
        return self._capped(topics) + (0.0 + p5 + p6 + p7)

    def _capped(self, topics: float) -> float:
        cap = self.params.topic_score_cap
        return cap if cap and topics > cap else topics

    def points_in_topic(self, counters: TopicCounters) -> tuple[float, float, float, float, float]:
        """The weighted shares of P1, P2, P3, P3b and P4 in a topic, before the topic's weight."""
        if counters.epoch != self.epoch:
            self._catch_up(counters)
        params = counters.params
        in_mesh = 0.0
        if counters.in_mesh and self.decayed_at > counters.grafted_at:
            in_mesh = min(float((self.decayed_at - counters.grafted_at) // counters.quantum), params.time_in_mesh_cap)
        deficit, invalid = self._deficit(counters), counters.invalid
        return (
            in_mesh * params.time_in_mesh_weight,
            counters.first * params.first_message_deliveries_weight,
            deficit * deficit * params.mesh_message_deliveries_weight,
            counters.failures * params.mesh_failure_penalty_weight,
            invalid * invalid * params.invalid_message_deliveries_weight,
        )

    def _points_beside(self, score: PeerScore) -> tuple[float, float, float]:
        """The weighted shares of P5, P6 and P7."""
        params = self.params
        self._decay_penalty(score)
        surplus = float(self._addresses.surplus(score.ip))
        excess = max(0.0, score.penalty - params.behaviour_penalty_threshold)
        return (
            score.app * params.app_specific_weight,
            surplus * surplus * params.ip_colocation_factor_weight,
            excess * excess * params.behaviour_penalty_weight,
        )

    def components(self, peer: int) -> dict[str, float]:
        """The score and its weighted components, P1 to P4 summed over the topics with their weights. What the cap on
        topics takes away is ``cap``."""
        p1 = p2 = p3 = p3b = p4 = p5 = p6 = p7 = topics = 0.0
        score = self._look(peer)
        if score is not None:
            for members in self.topics.values():
                counters = members.get(peer)
                if counters is not None:
                    a, b, c, d, e = self.points_in_topic(counters)
                    weight = counters.params.topic_weight
                    p1, p2, p3 = p1 + a * weight, p2 + b * weight, p3 + c * weight
                    p3b, p4 = p3b + d * weight, p4 + e * weight
                    topics += (0.0 + a + b + c + d + e) * weight
            p5, p6, p7 = self._points_beside(score)
        capped = self._capped(topics)
        return {
            "score": capped + (0.0 + p5 + p6 + p7),
            "P1": p1,
            "P2": p2,
            "P3": p3,
            "P3b": p3b,
            "P4": p4,
            "cap": capped - topics,
            "P5": p5,
            "P6": p6,
            "P7": p7,
        }
