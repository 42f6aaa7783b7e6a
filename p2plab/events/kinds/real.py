"""Events that only a real world has."""

from __future__ import annotations

from p2plab.events.kinds._table import ALL, DECISIONS, Kind

KINDS = {
    "mdns.found": Kind(DECISIONS, "a peer told by multicast where it is; data: addresses"),
    "node.attached": Kind(DECISIONS, "a node outside the lab got a name in it; data: peer_id, addresses, agent"),
    "node.detached": Kind(DECISIONS, "the lab no longer watches a node outside it"),
    "node.lost": Kind(DECISIONS, "an attached node can no longer be reached; data: text"),
    "node.found": Kind(DECISIONS, "an attached node that was lost answers again"),
    "pubsub.rpc_sent": Kind(ALL, "an RPC went to the peer; data: how many of each it has, of ids where they are ids"),
    "pubsub.rpc_received": Kind(ALL, "an RPC came from the peer; data: the same"),
    "pubsub.violation": Kind(DECISIONS, "what came on the peer's pubsub stream is no RPC: it was reset; data: text"),
}

REASONS = {
    "rate limit": "more of these came from the peer in a second than py-libp2p reads",
    "malformed": "the bytes are no RPC, or one with more in it than the limits allow",
    "outbound queue full": "more RPCs waited for the peer than its queue holds; this one went",
    "killed by the library": "py-libp2p let an exception through that ended the node's stack",
}
