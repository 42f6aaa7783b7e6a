"""Why a message did not arrive somewhere, and why a peer is treated as it is: answers read from the event log."""

from __future__ import annotations

from p2plab.absence.inquiry import why_missing as why_missing
from p2plab.absence.standing import why_peer as why_peer

__all__ = ["why_missing", "why_peer"]
