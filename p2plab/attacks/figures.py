"""What an attack came to, in the terms of the evaluation report (PL-TechRep-2020-001): messages delivered, in time,
after how long; who sits in the meshes; what scores say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

DEADLINE = 6.0  # seconds; the report's deadline for Filecoin's blocks

__all__ = ["DEADLINE", "delivery_figures", "mesh_figures", "score_figures"]


def delivery_figures(
    lab: Any, publishers: Sequence[str], receivers: Sequence[str], since: float, until: float, name: str
) -> dict[str, float]:
    """Of the messages that ``publishers`` published in a time: the share delivered to ``receivers`` at all and within
    the deadline, and the latencies' median, 99th percentile and maximum in seconds."""
    wanted = set(receivers)
    published = {
        event.ref: (event.t, event.node)
        for event in lab.events.filter(kind="pubsub.publish", since=since, until=until)
        if event.node in publishers
    }
    latencies = []
    for event in lab.events.filter(kind="pubsub.deliver", since=since):
        start = published.get(event.ref)
        if start is not None and event.node in wanted and event.node != start[1]:
            latencies.append(event.t - start[0])
    expected = sum(len(wanted) - (publisher in wanted) for _, publisher in published.values())
    latencies.sort()
    figures = {
        "delivered": len(latencies) / expected if expected else 1.0,
        "in time": sum(1 for latency in latencies if latency <= DEADLINE) / expected if expected else 1.0,
    }
    if latencies:
        figures["p50"] = latencies[len(latencies) // 2]
        figures["p99"] = latencies[min(len(latencies) - 1, len(latencies) * 99 // 100)]
        figures["max"] = latencies[-1]
    return {f"{name} {figure}": round(value, 4) for figure, value in figures.items()}


def mesh_figures(lab: Any, topic: str, observers: Sequence[str], honest: Sequence[str]) -> dict[str, float]:
    """Of the observers' meshes: the share of honest peers, and how many observers have none (are eclipsed)."""
    good = set(honest)
    shares = []
    for name in observers:
        mesh = [peer.name for peer in lab[name].mesh(topic)]
        shares.append(sum(1 for peer in mesh if peer in good) / len(mesh) if mesh else 0.0)
    return {
        "honest in mesh": round(sum(shares) / len(shares), 4),
        "eclipsed": float(sum(1 for share in shares if not share)),
    }


def score_figures(lab: Any, observers: Sequence[str], honest: Sequence[str]) -> dict[str, float]:
    """The mean score that the observers give honest peers, and the others."""
    good = set(honest)
    totals = {True: [0.0, 0], False: [0.0, 0]}
    for name in observers:
        for peer, score in lab[name].scores().items():
            entry = totals[peer in good]
            entry[0] += score["score"]
            entry[1] += 1
    named = {"honest score": totals[True], "sybil score": totals[False]}
    return {name: round(total / count, 2) for name, (total, count) in named.items() if count}
