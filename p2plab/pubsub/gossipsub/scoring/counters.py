"""What is counted of a peer for its score, and how counts decay (gossipsub-v1.1.md, "Parameter Decay")."""

from __future__ import annotations

from p2plab.pubsub.gossipsub.peers import ticks
from p2plab.pubsub.gossipsub.scoring.params import TopicScoreParams


class TopicCounters:
    """The counters behind P1 to P4 of one peer in one topic. ``epoch`` is the number of decays they have seen."""

    __slots__ = (
        "activation", "epoch", "failures", "first", "grafted_at", "in_mesh", "invalid", "mesh", "params", "quantum",
    )  # fmt: skip

    def __init__(self, params: TopicScoreParams, epoch: int) -> None:
        self.params = params
        self.quantum = max(1, ticks(params.time_in_mesh_quantum))
        self.activation = ticks(params.mesh_message_deliveries_activation)
        self.first = 0.0
        self.mesh = 0.0
        self.failures = 0.0
        self.invalid = 0.0
        self.in_mesh = False
        self.grafted_at = 0
        self.epoch = epoch

    def copy_counts(self, other: TopicCounters) -> None:
        """Take over what was counted under other parameters."""
        for name in ("first", "mesh", "failures", "invalid", "in_mesh", "grafted_at", "epoch"):
            setattr(self, name, getattr(other, name))

    def count_first(self) -> None:
        """The peer was the first to bring a valid message (P2, and P3 where it is in the mesh)."""
        params = self.params
        value, cap = self.first + 1.0, params.first_message_deliveries_cap
        self.first = value if value < cap else cap
        if self.in_mesh:
            value, cap = self.mesh + 1.0, params.mesh_message_deliveries_cap
            self.mesh = value if value < cap else cap

    def count_near_first(self) -> None:
        """A valid message came within the window after its first delivery (P3): it counts from mesh peers."""
        if self.in_mesh:
            value, cap = self.mesh + 1.0, self.params.mesh_message_deliveries_cap
            self.mesh = value if value < cap else cap


class PeerScore:
    """What is remembered of one peer. ``penalty`` is the counter behind P7, ``app`` is P5; ``retained`` holds its
    counters while it is away."""

    __slots__ = ("app", "epoch", "expires", "ip", "peer", "penalty", "retained")

    def __init__(self, peer: int, ip: str, epoch: int) -> None:
        self.peer = peer
        self.ip = ip
        self.retained: dict[str, TopicCounters] | None = None
        self.penalty = 0.0
        self.app = 0.0
        self.epoch = epoch
        self.expires = 0


def decayed(value: float, factor: float, times: int, zero: float) -> float:
    """``value`` after so many decays; below ``zero`` it is 0."""
    while value and times:
        value *= factor
        if value < zero:
            return 0.0
        times -= 1
    return value
