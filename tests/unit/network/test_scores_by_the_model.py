"""MODEL.md, "Scores": reckoned from a run's events by what is written there, they are a lab's to the last bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from p2plab import Lab
from p2plab.pubsub import GossipSubParams, ScoreParams, TopicScoreParams
from tests.unit.network.by_the_model import SECOND, Stream

TOPIC: Final = TopicScoreParams(
    topic_weight=0.7, time_in_mesh_weight=0.013, time_in_mesh_quantum=1.0, time_in_mesh_cap=30.0,
    first_message_deliveries_weight=1.1, first_message_deliveries_decay=0.9, first_message_deliveries_cap=2.5,
    mesh_message_deliveries_weight=-0.021, mesh_message_deliveries_decay=0.8, mesh_message_deliveries_cap=6.0,
    mesh_message_deliveries_threshold=2.0, mesh_message_deliveries_window=0.012,
    mesh_message_deliveries_activation=3.0, mesh_failure_penalty_weight=-0.017, mesh_failure_penalty_decay=0.95,
    invalid_message_deliveries_weight=-3.3, invalid_message_deliveries_decay=0.97,
)  # fmt: skip
SCORE: Final = ScoreParams(
    topics={"news": TOPIC}, gossip_threshold=-500.0, publish_threshold=-1000.0, graylist_threshold=-20_000.0,
    opportunistic_graft_threshold=0.0, ip_colocation_factor_weight=0.0, behaviour_penalty_weight=-1.0,
    behaviour_penalty_threshold=0.0, behaviour_penalty_decay=0.9, decay_interval=1.5, decay_to_zero=0.01,
)  # fmt: skip
PARAMS: Final = GossipSubParams.go(
    score=SCORE, flood_publish=True, D=4, D_low=3, D_high=5, D_score=2, prune_backoff=3.0
)
# What a heartbeat grafts and prunes for: behind its decay.
BEATS: Final = ("mesh below D_low", "mesh above D_high", "too few outbound", "opportunistic", "negative score")


@dataclass
class Counters:
    first: float = 0.0
    invalid: float = 0.0
    penalty: float = 0.0
    mesh: float = 0.0
    failures: float = 0.0
    grafted: int = -1  # -1: not in the mesh

    def decay(self) -> None:
        self.first = shrunk(self.first, TOPIC.first_message_deliveries_decay)
        self.invalid = shrunk(self.invalid, TOPIC.invalid_message_deliveries_decay)
        self.penalty = shrunk(self.penalty, SCORE.behaviour_penalty_decay)
        self.mesh = shrunk(self.mesh, TOPIC.mesh_message_deliveries_decay)
        self.failures = shrunk(self.failures, TOPIC.mesh_failure_penalty_decay)

    def brought(self) -> None:
        if self.grafted >= 0:
            self.mesh = min(self.mesh + 1.0, TOPIC.mesh_message_deliveries_cap)

    def deficit(self, decayed: int) -> float:
        active = self.grafted >= 0 and decayed - self.grafted > TOPIC.mesh_message_deliveries_activation * SECOND
        return max(0.0, TOPIC.mesh_message_deliveries_threshold - self.mesh) if active else 0.0

    def score(self, decayed: int) -> float:
        quanta = (decayed - self.grafted) // SECOND if 0 <= self.grafted < decayed else 0
        topic = 0.0
        topic += min(float(quanta), TOPIC.time_in_mesh_cap) * TOPIC.time_in_mesh_weight
        topic += self.first * TOPIC.first_message_deliveries_weight
        deficit = self.deficit(decayed)
        topic += deficit * deficit * TOPIC.mesh_message_deliveries_weight
        topic += self.failures * TOPIC.mesh_failure_penalty_weight
        topic += self.invalid * self.invalid * TOPIC.invalid_message_deliveries_weight
        peer = 0.0
        peer += self.penalty * self.penalty * SCORE.behaviour_penalty_weight
        return topic * TOPIC.topic_weight + peer


def shrunk(value: float, factor: float) -> float:
    return 0.0 if value * factor < SCORE.decay_to_zero else value * factor


Row = tuple[int, str, str, str, str, dict[str, Any]]  # tick, kind, reason, peer, message, data


def reckoned(name: str, rows: list[Row], seed: int, end: int) -> dict[str, float]:
    """The scores that a node gives, by its events in order."""
    beat = round(
        SECOND * (PARAMS.heartbeat_initial_delay + (Stream(seed, f"pubsub/{name}").block() % 9_999 + 1) / SECOND)
    )
    interval = round(SCORE.decay_interval * SECOND)
    due, decayed = beat + interval, 0
    peers: dict[str, Counters] = {}
    invalid: dict[str, set[str]] = {}  # by message, who brought it
    accepted: dict[str, tuple[int, set[str]]] = {}  # by message, when, and who brought it
    window = round(TOPIC.mesh_message_deliveries_window * SECOND)
    for tick, kind, reason, peer, message, data in [*rows, (end + 1, "", "", "", "", {})]:
        while beat < tick or (beat == tick and reason in BEATS):  # a heartbeat comes behind all else of its tick
            while beat >= due:
                for one in peers.values():
                    one.decay()
                decayed, due = due, due + interval
            beat += SECOND
        if not kind:
            break
        counters = peers.setdefault(peer, Counters())
        if kind == "pubsub.graft":
            counters.grafted = tick
        elif kind == "pubsub.prune":
            deficit = counters.deficit(decayed)
            counters.failures += deficit * deficit
            counters.grafted = -1
        elif kind == "pubsub.deliver":
            counters.first = min(counters.first + 1.0, TOPIC.first_message_deliveries_cap)
            counters.brought()
            accepted[message] = tick, {peer}
        elif kind == "pubsub.penalty":
            counters.penalty += data["count"]
        elif kind == "pubsub.reject" or (message in invalid and peer not in invalid[message]):
            invalid.setdefault(message, set()).add(peer)
            counters.invalid += 1.0
        elif message in accepted and tick <= accepted[message][0] + window and peer not in accepted[message][1]:
            accepted[message][1].add(peer)
            counters.brought()
    return {peer: counters.score(decayed) for peer, counters in peers.items()}


def test_scores_reckoned_from_events_are_a_labs() -> None:
    with Lab(seed=9, latency=0.040, jitter=0.015, gossipsub=PARAMS) as lab:
        nodes = lab.start_nodes(20)
        lab.wire("random", degree=10)
        honest = nodes[:16]
        for node in nodes:
            node.subscribe("news")
        for node in honest:
            node.add_validator("news", lambda message: not message.data.startswith(b"bad"))
        lab.run(4)
        for number in range(25):
            nodes[number % 20].publish("news", f"good {number}")
            nodes[16 + number % 4].publish("news", f"bad {number}")
            lab.run(0.7)
        assert len(lab.events.filter(kind="pubsub.reject")) > 100
        every: set[float] = set()
        left = [event for event in lab.events.filter(kind="pubsub.prune") if event.reason in BEATS]
        assert len(left) > 10
        for node in honest:
            rows = [
                (
                    round(event.t * SECOND),
                    event.kind,
                    str(event.reason),
                    str(event.peer),
                    str(event.ref),
                    dict(event.data or {}),
                )
                for event in lab.events.filter(node=node.name)
                if event.peer is not None
                and event.kind.removeprefix("pubsub.")
                in ("graft", "prune", "deliver", "reject", "duplicate", "penalty")
            ]
            expected = reckoned(node.name, rows, 9, round(lab.now * SECOND))
            assert {str(peer): row["score"] for peer, row in node.scores().items()} == {
                str(peer): expected.get(str(peer), 0.0) for peer in node.scores()
            }
            every.update(expected.values())
        assert len(every) > 50
        assert min(every) < 0 < max(every)
