"""Events that only a real world has."""

from __future__ import annotations

from p2plab.events.kinds._table import Kind

KINDS: dict[str, Kind] = {}

REASONS = {
    "unsupported": "the address is of a kind that this node does not dial",
    "outbound queue full": "more RPCs waited for the peer than its queue holds; this one went",
    "killed by the library": "py-libp2p let an exception through that ended the node's stack",
}
