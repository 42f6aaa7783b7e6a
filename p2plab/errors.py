"""Every error p2plab raises. A message says what was wrong, with what value, and what to do about it."""

from __future__ import annotations

__all__ = [
    "AddressError",
    "BackendError",
    "ClosedError",
    "ConfigurationError",
    "DialError",
    "EventLogError",
    "InsideLabError",
    "LabError",
    "MissingExtraError",
    "NotInThisWorldError",
    "OverloadedError",
    "PeerIdError",
    "ProtocolViolation",
    "UnknownNodeError",
    "ValidationError",
]


class LabError(Exception):
    """The root of p2plab's errors. ``event`` is the ``seq`` of the event that recorded it, for ``lab.why(error)``."""

    event: int | None = None


class ValidationError(LabError, ValueError):
    """An argument of the wrong type or out of range; nothing was changed."""


class ConfigurationError(LabError, ValueError):
    """A name used again with other settings, or settings that contradict each other."""


class BackendError(LabError, ValueError):
    """A backend p2plab does not know."""


class MissingExtraError(LabError, ImportError):
    """A part that needs an optional package; the message names the extra that installs it."""


class NotInThisWorldError(LabError):
    """Something only the other world (mock or real) can do."""


class ClosedError(LabError):
    """The lab, the node or the subscription has been closed."""


class InsideLabError(LabError, RuntimeError):
    """Code that runs inside the lab used a verb that would block it, or awaited what is not the lab's."""


class UnknownNodeError(LabError, KeyError):
    """No node or peer of this lab goes by that name or id."""

    def __str__(self) -> str:  # KeyError would print the repr of the message
        return str(self.args[0]) if self.args else ""


class PeerIdError(ValidationError):
    """Text that is not a peer id."""


class AddressError(ValidationError):
    """Text that is not a multiaddr, or one that cannot be dialled here."""


class DialError(LabError, ConnectionError):
    """A peer could not be reached. ``attempts`` lists (address, seconds, reason), in the order tried."""

    def __init__(self, message: str, attempts: list[tuple[str, float, str]] | None = None) -> None:
        super().__init__(message)
        self.attempts = attempts or []


class ProtocolViolation(LabError):
    """A peer sent what its protocol does not allow."""


class OverloadedError(LabError):
    """A stated limit was reached; the message names the limit and its value."""


class EventLogError(LabError):
    """An event log that cannot be read or asked that way."""
