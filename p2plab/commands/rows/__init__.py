"""Results as rows: what a command gives for each kind of thing that a verb can give.

``ROWS`` has them by the annotation of what the verb returns; a row's fields are those of the TypedDict that makes it.
"""

from __future__ import annotations

from p2plab.commands.rows.events import EventRow, Reason, event_row, reason_row
from p2plab.commands.rows.lookups import lookup_row
from p2plab.commands.rows.messages import Captured, Delivered, capture_row, message_row
from p2plab.commands.rows.nodes import NodeRow, Wired, node_row, pair_rows
from p2plab.commands.rows.peers import KnownPeer, PeerRow, known_rows, peer_row
from p2plab.commands.rows.reachability import reachability_row
from p2plab.commands.rows.routing import routed_row
from p2plab.commands.rows.row import ROWS, row_of

__all__ = [
    "ROWS",
    "Captured",
    "Delivered",
    "EventRow",
    "KnownPeer",
    "NodeRow",
    "PeerRow",
    "Reason",
    "Wired",
    "capture_row",
    "event_row",
    "known_rows",
    "lookup_row",
    "message_row",
    "node_row",
    "pair_rows",
    "peer_row",
    "reachability_row",
    "reason_row",
    "routed_row",
    "row_of",
]
