"""What nodes thought of their peers at a moment, from what their heartbeats recorded at the level ``all``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from p2plab.events.reading import LogReader

__all__ = ["recorded_scores"]


def recorded_scores(log: LogReader, seq: int, down: list[str]) -> dict[str, dict[str, Any]] | None:
    """By node and peer, as the last heartbeat of each node up to the event ``seq`` had them, without the nodes that are
    down; None where none recorded any."""
    found: dict[str, dict[str, Any]] = {}
    for event in log.filter(kind="pubsub.scores"):
        if event.seq > seq:
            break
        if event.node is not None:
            found[event.node] = (event.data or {}).get("scores", {})
    if not found:
        return None
    return {node: scores for node, scores in found.items() if node not in down}
