"""GraphSync 2.0: part of a graph, as a selector says it, from one peer, block by block
(ipld.io/specs/transport/graphsync; the messages as go-graphsync's schema has them)."""

from __future__ import annotations

from p2plab.content.graphsync.selector import EVERYTHING, everything, parse_selector
from p2plab.content.graphsync.walk import Load, VisitedNode, WalkLimits, walk_selector

__all__ = ["EVERYTHING", "Load", "VisitedNode", "WalkLimits", "everything", "parse_selector", "walk_selector"]
