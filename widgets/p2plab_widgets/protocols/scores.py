"""Scores as they were seen while a view was shown. Looking at a lab's scores changes nothing in it."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from p2plab.errors import LabError

__all__ = ["COMPONENTS", "ScoreKeeper"]

COMPONENTS = ("P1", "P2", "P3", "P3b", "P4", "P5", "P6", "P7")
MOST = 1_000  # looks kept of one node
NODES = 32  # nodes of which looks are kept
THRESHOLDS = ("gossip_threshold", "publish_threshold", "graylist_threshold")


class ScoreKeeper:
    """By node: the moments looked at, and what it thought of its peers then. ``thresholds`` are those of the node
    looked at last."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[list[float], list[dict[str, dict[str, Any]]]]] = {}
        self.thresholds: dict[str, float] = {}

    def look(self, lab: Any, name: str) -> None:
        """Look at a node's scores now. Nothing is kept where they are as they were, or the node is gone."""
        try:
            node = lab[name]
            if not node.running:
                return
            t, scores = float(lab.now), node.scores()
            params = getattr(node.params, "score", None)
        except LabError:
            return
        self.thresholds = {} if params is None else {
            one.removesuffix("_threshold"): float(getattr(params, one)) for one in THRESHOLDS
        }  # fmt: skip
        times, seen = self._seen.setdefault(name, ([], []))
        if times and (t <= times[-1] or (len(seen) > 1 and seen[-1] == scores == seen[-2])):
            if t > times[-1]:
                times[-1] = t
            else:
                seen[-1] = scores
            return
        times.append(t)
        seen.append(scores)
        if len(times) > MOST:  # every other look of the older half goes
            half = MOST // 2
            times[:half], seen[:half] = times[:half:2], seen[:half:2]
        while len(self._seen) > NODES:
            self._seen.pop(next(iter(self._seen)))

    def at(self, node: str, moment: float) -> dict[str, dict[str, Any]]:
        """The latest scores seen up to a moment; {} where none were."""
        times, seen = self._seen.get(node, ([], []))
        place = bisect_right(times, moment + 1e-9)
        return {peer: dict(parts) for peer, parts in seen[place - 1].items() if _is_scored(parts)} if place else {}

    def curves(self, node: str, until: float) -> dict[str, list[tuple[float, float]]]:
        """By peer: its scores over time, up to a moment."""
        times, seen = self._seen.get(node, ([], []))
        curves: dict[str, list[tuple[float, float]]] = {}
        for t, scores in zip(times, seen, strict=True):
            if t > until + 1e-9:
                break
            for peer, parts in scores.items():
                if _is_scored(parts):
                    curves.setdefault(peer, []).append((t, float(parts["score"])))
        return curves


def _is_scored(parts: Any) -> bool:
    return isinstance(parts, dict) and isinstance(parts.get("score"), (int, float))
