"""Events that only a real world has."""

from __future__ import annotations

from p2plab.events.kinds._table import DECISIONS, Kind

KINDS = {
    "node.attached": Kind(DECISIONS, "a node outside the lab got a name in it; data: peer_id, addresses, agent"),
    "node.detached": Kind(DECISIONS, "the lab no longer watches a node outside it"),
    "node.lost": Kind(DECISIONS, "an attached node can no longer be reached; data: text"),
    "node.found": Kind(DECISIONS, "an attached node that was lost answers again"),
}

REASONS = {
    "unsupported": "the address is of a kind that this node does not dial",
    "outbound queue full": "more RPCs waited for the peer than its queue holds; this one went",
    "killed by the library": "py-libp2p let an exception through that ended the node's stack",
}
