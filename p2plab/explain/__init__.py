"""Why: from a message, an error, a peer or a lookup to the chain of its causes, read from the event log."""

from __future__ import annotations

from p2plab.explain.messages import why_missing as why_missing
from p2plab.explain.peers import why_peer as why_peer

__all__ = ["why_missing", "why_peer"]
