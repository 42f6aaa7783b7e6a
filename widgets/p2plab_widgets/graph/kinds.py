"""The kinds of events that a graph follows: what changes its structure, and what is said over it."""

from __future__ import annotations

from typing import Final

from p2plab_widgets.graph.frames import CopyLook

MESH: Final = ("pubsub.graft", "pubsub.prune")
STRUCTURE: Final = (
    "node.started",
    "node.restarted",
    "node.stopped",
    "node.crashed",
    "node.attached",
    "node.detached",
    "node.lost",
    "node.found",
    "connection.opened",
    "connection.closed",
    "pubsub.subscribe",
    "pubsub.unsubscribe",
    *MESH,
)
TRAFFIC: Final = ("pubsub.publish", "pubsub.deliver", "pubsub.reject")
DUPLICATES: Final = ("pubsub.duplicate",)

COPIES: Final = {
    "pubsub.deliver": CopyLook.FIRST,
    "pubsub.duplicate": CopyLook.DUPLICATE,
    "pubsub.reject": CopyLook.REJECTED,
}
