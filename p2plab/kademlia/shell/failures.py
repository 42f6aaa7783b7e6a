"""Why a request came to nothing, as a reason of the event log."""

from __future__ import annotations

from typing import Final

from p2plab.errors import LabError, ProtocolViolation
from p2plab.stream.errors import StreamError

__all__ = ["failure_of"]

_OF_STREAMS: Final = {"protocol not supported": "client", "limit": "bad answer", "deadline": "timeout"}


def failure_of(error: Exception) -> tuple[str, str]:
    """The reason and the text of what a request raised; no reason (empty) for what no world should raise."""
    if isinstance(error, TimeoutError):
        return "timeout", ""
    if isinstance(error, StreamError):
        return _OF_STREAMS.get(error.kind, "stream broken"), str(error)
    if isinstance(error, ProtocolViolation):
        return "bad answer", str(error)
    return ("unreachable peer", str(error)) if isinstance(error, (LabError, OSError)) else ("", str(error))
