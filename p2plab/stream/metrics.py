"""How the negotiations of a lab went, by protocol: a projection of the event log."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from p2plab.events import EventLog

__all__ = ["NegotiationStats", "negotiations"]


@dataclass(frozen=True, slots=True)
class NegotiationStats:
    """The negotiations that diallers began for one protocol: how many were ``agreed`` and ``refused``, and the seconds
    (of lab time) that the agreed ones cost, the ``mean`` and the ``slowest``."""

    protocol: str
    agreed: int
    refused: int
    mean: float
    slowest: float


def negotiations(log: EventLog, node: object = None) -> list[NegotiationStats]:
    """One line for each protocol that somebody, or ``node``, opened a stream for, sorted by protocol."""
    seconds: dict[str, list[float]] = {}
    refused: dict[str, int] = {}
    for event in log.filter(kind="stream.opened", node=node):
        data = event.data or {}
        if data.get("direction") == "outbound" and "negotiation" in data:
            seconds.setdefault(data["protocol"], []).append(data["negotiation"])
    for event in log.filter(kind="stream.refused", node=node):
        for protocol in (event.data or {}).get("protocols", ()):
            refused[protocol] = refused.get(protocol, 0) + 1
    return [
        NegotiationStats(
            protocol,
            len(times := seconds.get(protocol, [])),
            refused.get(protocol, 0),
            math.fsum(times) / len(times) if times else 0.0,
            max(times, default=0.0),
        )
        for protocol in sorted(seconds.keys() | refused.keys())
    ]
