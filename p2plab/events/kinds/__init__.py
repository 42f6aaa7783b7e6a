"""Every kind of event and every reason, with the level at which it is recorded and one line of explanation.

One file a room; this module joins them. A kind that is not in ``KINDS`` cannot be recorded.
"""

from __future__ import annotations

from p2plab.events.kinds import admission, content, dht, discovery, lab, nat, network, pubsub, real, routing, streams
from p2plab.events.kinds._table import ALL, COUNTERS, DECISIONS, LEVELS, MESSAGES, Kind

__all__ = ["ALL", "COUNTERS", "DECISIONS", "KINDS", "LEVELS", "MESSAGES", "REASONS", "ROOMS", "Kind"]

ROOMS = (lab, network, admission, streams, pubsub, dht, discovery, routing, content, nat, real)

KINDS: dict[str, Kind] = {name: kind for room in ROOMS for name, kind in room.KINDS.items()}
REASONS: dict[str, str] = {name: text for room in ROOMS for name, text in room.REASONS.items()}
