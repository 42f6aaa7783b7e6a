"""What peers are scored by (gossipsub-v1.1.md, "Peer Scoring"): weights, caps, decays and thresholds.

Durations are seconds. Names are the spec's.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

from p2plab.errors import ConfigurationError, ValidationError
from p2plab.errors.checked import list_of
from p2plab.errors.likely import known_fields

__all__ = ["ScoreParams", "TopicScoreParams", "check_numbers", "demand"]


def demand(holds: bool, what: str) -> None:
    """ConfigurationError, which says what does not hold."""
    if not holds:
        raise ConfigurationError(what)


def check_numbers(params: object) -> None:
    """Every int and float field holds a finite number of its kind (a bool is none)."""
    for entry in dataclasses.fields(params):  # type: ignore[arg-type]  # every caller is a dataclass
        value, kind = getattr(params, entry.name), entry.type
        if kind == "int":
            good = isinstance(value, int) and not isinstance(value, bool) and value >= 0
            wanted = "a whole number from 0 up"
        elif kind == "float":
            good = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15
            wanted = "a number"
        elif kind == "bool":
            good, wanted = isinstance(value, bool), "True or False"
        else:
            continue
        if not good:
            raise ValidationError(f"{entry.name} must be {wanted}, not {value!r}")


@known_fields
@dataclass(frozen=True)
class TopicScoreParams:
    """How a peer's behaviour in one topic counts (gossipsub-v1.1.md, "The Score Function"): P1 to P4.

    Weights of rewards are 0 or more, weights of penalties 0 or less; a decay is the factor by which a counter shrinks
    every ``decay_interval``. Raises ConfigurationError for values that contradict each other.

    - ``topic_weight``: what the topic's sum is multiplied by.
    - ``time_in_mesh_weight``, ``time_in_mesh_quantum`` (seconds), ``time_in_mesh_cap``: P1, a reward for each quantum
      in our mesh, up to the cap (in quanta).
    - ``first_message_deliveries_weight``, ``first_message_deliveries_decay``, ``first_message_deliveries_cap``: P2, a
      reward for each valid message the peer was the first to bring.
    - ``mesh_message_deliveries_weight``, ``mesh_message_deliveries_decay``, ``mesh_message_deliveries_cap``: P3, a
      penalty for a mesh peer that brings too few messages; a weight of 0 switches it off.
    - ``mesh_message_deliveries_threshold``: how many it should bring; the square of what is missing counts.
    - ``mesh_message_deliveries_window``: seconds after the first copy within which a copy counts as brought.
    - ``mesh_message_deliveries_activation``: seconds in the mesh before P3 applies.
    - ``mesh_failure_penalty_weight``, ``mesh_failure_penalty_decay``: P3b, a penalty for what was missing when a peer
      left the mesh.
    - ``invalid_message_deliveries_weight``, ``invalid_message_deliveries_decay``: P4, a penalty for the square of the
      number of invalid messages.
    """

    topic_weight: float = 0.1
    time_in_mesh_weight: float = 0.0
    time_in_mesh_quantum: float = 1.0
    time_in_mesh_cap: float = 3600.0
    first_message_deliveries_weight: float = 0.0
    first_message_deliveries_decay: float = 0.5
    first_message_deliveries_cap: float = 100.0
    mesh_message_deliveries_weight: float = 0.0
    mesh_message_deliveries_decay: float = 0.5
    mesh_message_deliveries_cap: float = 100.0
    mesh_message_deliveries_threshold: float = 20.0
    mesh_message_deliveries_window: float = 0.010
    mesh_message_deliveries_activation: float = 60.0
    mesh_failure_penalty_weight: float = 0.0
    mesh_failure_penalty_decay: float = 0.5
    invalid_message_deliveries_weight: float = 0.0
    invalid_message_deliveries_decay: float = 0.5

    def __post_init__(self) -> None:
        check_numbers(self)
        for name in ("topic_weight", "time_in_mesh_weight", "first_message_deliveries_weight"):
            demand(getattr(self, name) >= 0, f"{name} rewards, so it is 0 or more, not {getattr(self, name)}")
        for name in ("mesh_message_deliveries", "mesh_failure_penalty", "invalid_message_deliveries"):
            weight = getattr(self, f"{name}_weight")
            demand(weight <= 0, f"{name}_weight penalises, so it is 0 or less, not {weight}")
        for entry in dataclasses.fields(self):
            if entry.name.endswith("_decay"):
                value = getattr(self, entry.name)
                demand(0 < value < 1, f"{entry.name} is a factor between 0 and 1, not {value}")
        demand(self.time_in_mesh_quantum > 0, "time_in_mesh_quantum must be over 0")
        for name in ("time_in_mesh_cap", "first_message_deliveries_cap", "mesh_message_deliveries_threshold",
                     "mesh_message_deliveries_window", "mesh_message_deliveries_activation"):  # fmt: skip
            demand(getattr(self, name) >= 0, f"{name} must be 0 or more, not {getattr(self, name)}")
        demand(
            self.mesh_message_deliveries_cap >= self.mesh_message_deliveries_threshold,
            f"mesh_message_deliveries_cap ({self.mesh_message_deliveries_cap}) must not be below "
            f"mesh_message_deliveries_threshold ({self.mesh_message_deliveries_threshold})",
        )


@known_fields
@dataclass(frozen=True)
class ScoreParams:
    """How peers are scored (gossipsub-v1.1.md, "Peer Scoring"): thresholds, P5 to P7, decay, and the topics.

    Raises ConfigurationError for values that contradict each other.

    - ``gossip_threshold``: below this score no IHAVE or IWANT is exchanged with a peer.
    - ``publish_threshold``: below it we send the peer none of our own messages.
    - ``graylist_threshold``: below it the peer's RPCs go unread.
    - ``accept_px_threshold``: from this score up we dial the peers that a peer recommends.
    - ``opportunistic_graft_threshold``: a mesh with a median score below it takes in better peers.
    - ``decay_interval``: seconds between two decays; ``decay_to_zero``: a counter below this becomes 0.
    - ``retain_score``: seconds that a score is remembered after the peer has left; ``retain_positive``: whether one
      over 0 is too.
    - ``topic_score_cap``: the most that all topics together may add (0: no cap).
    - ``app_specific_weight``: P5, what the application's own score is multiplied by; ``app_specific``: that score, by
      name or id of the peer.
    - ``ip_colocation_factor_weight``: P6, a penalty for the square of the number of peers on one IP address over
      ``ip_colocation_factor_threshold``; ``ip_colocation_factor_whitelist``: CIDR blocks where they are not counted.
    - ``behaviour_penalty_weight``, ``behaviour_penalty_threshold``, ``behaviour_penalty_decay``: P7, a penalty for the
      square of the misbehaviour counted (early GRAFTs, broken promises) over the threshold.
    - ``topics``: the parameters of each topic by name; ``default_topic``: those of all others (None: they do not
      count).
    """

    gossip_threshold: float = -10.0
    publish_threshold: float = -50.0
    graylist_threshold: float = -80.0
    accept_px_threshold: float = 0.0
    opportunistic_graft_threshold: float = 1.0
    decay_interval: float = 1.0
    decay_to_zero: float = 0.01
    retain_score: float = 3600.0
    retain_positive: bool = True
    topic_score_cap: float = 0.0
    app_specific_weight: float = 1.0
    ip_colocation_factor_weight: float = 0.0
    ip_colocation_factor_threshold: int = 10
    ip_colocation_factor_whitelist: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    behaviour_penalty_weight: float = 0.0
    behaviour_penalty_threshold: float = 0.0
    behaviour_penalty_decay: float = 0.5
    default_topic: TopicScoreParams | None = None
    topics: Mapping[str, TopicScoreParams] = field(default_factory=dict)
    app_specific: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_numbers(self)
        demand(self.gossip_threshold <= 0, f"gossip_threshold must not be over 0, as {self.gossip_threshold} is")
        demand(
            self.graylist_threshold <= self.publish_threshold <= self.gossip_threshold,
            "the thresholds must be ordered: graylist <= publish <= gossip <= 0, not "
            f"{self.graylist_threshold}, {self.publish_threshold}, {self.gossip_threshold}",
        )
        demand(self.accept_px_threshold >= 0, "accept_px_threshold must be 0 or more")
        demand(self.opportunistic_graft_threshold >= 0, "opportunistic_graft_threshold must be 0 or more")
        demand(self.app_specific_weight >= 0, "app_specific_weight must be 0 or more; the score itself may be negative")
        demand(self.ip_colocation_factor_weight <= 0, "ip_colocation_factor_weight penalises, so it is 0 or less")
        demand(self.ip_colocation_factor_threshold >= 1, "ip_colocation_factor_threshold must be at least 1")
        demand(self.behaviour_penalty_weight <= 0, "behaviour_penalty_weight penalises, so it is 0 or less")
        demand(0 < self.behaviour_penalty_decay < 1, "behaviour_penalty_decay is a factor between 0 and 1")
        demand(self.decay_interval > 0, "decay_interval must be over 0")
        for name in ("retain_score", "topic_score_cap", "behaviour_penalty_threshold"):
            demand(getattr(self, name) >= 0, f"{name} must be 0 or more, not {getattr(self, name)}")
        demand(0 < self.decay_to_zero < 1, "decay_to_zero must be between 0 and 1")
        whitelist = tuple(list_of(self.ip_colocation_factor_whitelist, "ip_colocation_factor_whitelist"))
        object.__setattr__(self, "ip_colocation_factor_whitelist", whitelist)
        for block in whitelist:
            try:
                ipaddress.ip_network(block)
            except ValueError as error:
                raise ConfigurationError(f"ip_colocation_factor_whitelist: {error}") from error
        _check_topics(self)


def _check_topics(params: ScoreParams) -> None:
    if params.default_topic is not None and not isinstance(params.default_topic, TopicScoreParams):
        raise ValidationError(f"default_topic is TopicScoreParams or None, not {params.default_topic!r}")
    for name, kind in (("topics", TopicScoreParams), ("app_specific", (int, float))):
        given = getattr(params, name)
        if not isinstance(given, Mapping):
            raise ValidationError(f"{name} is a dict by name, not {given!r}")
        for key, value in given.items():
            if not isinstance(key, str) or isinstance(value, bool) or not isinstance(value, kind) or value != value:
                wanted = "TopicScoreParams by topic" if name == "topics" else "numbers by the name or id of a peer"
                raise ValidationError(f"{name} holds {wanted}, not {key!r}: {value!r}")
