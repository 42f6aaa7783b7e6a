"""Every error p2plab raises. A message says what was wrong, with what value, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from p2plab.errors.frames import Framed, faced, shown
from p2plab.text import legible

if TYPE_CHECKING:
    from p2plab.events import Chain, Event

__all__ = [
    "AddressError",
    "BackendError",
    "CallError",
    "ClosedError",
    "ConfigurationError",
    "ContentError",
    "DialError",
    "DiscoveryError",
    "DivergenceError",
    "EventLogError",
    "ExpectationError",
    "InsideLabError",
    "InvariantError",
    "LabError",
    "MissingExtraError",
    "NotInThisWorldError",
    "NotOursError",
    "OverloadedError",
    "PeerIdError",
    "ProtocolViolation",
    "ResolutionError",
    "SnapshotError",
    "UnknownNodeError",
    "ValidationError",
    "tracebacks",
]


class LabError(Framed):
    """The root of p2plab's errors. ``event`` is the ``seq`` of the event that recorded it, for ``lab.why(error)``;
    ``full_traceback`` has the frames that were cut where it left a public verb (see ``p2plab.tracebacks``)."""

    event: int | None = None

    def __init__(self, *said: object) -> None:
        super().__init__(*(legible(one) if isinstance(one, str) else one for one in said))


class ValidationError(LabError, ValueError):
    """An argument of the wrong type or out of range; nothing was changed."""


class CallError(ValidationError, TypeError):
    """A verb was called with an argument that it has not, without one that it needs, or with too many."""


class ConfigurationError(LabError, ValueError):
    """A name used again with other settings, or settings that contradict each other."""


class BackendError(LabError, ValueError):
    """A backend p2plab does not know."""


class MissingExtraError(LabError, ImportError):
    """A part that needs an optional package; the message names the extra that installs it."""


class NotInThisWorldError(LabError):
    """Something only the other world (mock or real) can do."""


class NotOursError(LabError):
    """A node outside the lab was to be stopped, crashed or restarted by it."""


class ClosedError(LabError):
    """The lab, the node or the subscription has been closed."""


class InsideLabError(LabError, RuntimeError):
    """Code that runs inside the lab used a verb that would block it, or awaited what is not the lab's."""


class SnapshotError(LabError):
    """A history or a snapshot that cannot be made, read or replayed; the message says what stands in the way."""


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


class ResolutionError(LabError):
    """A name in an address could not be resolved; the text begins with the reason and a colon."""


class DiscoveryError(LabError):
    """Nothing could be advertised or found. ``code`` is what a rendezvous point refused it with, such as
    ``E_INVALID_TTL``; ``failures`` says of each way why it failed."""

    def __init__(self, message: str, code: str | None = None, failures: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.failures = failures or {}


class ProtocolViolation(LabError):
    """A peer sent what its protocol does not allow."""


class ContentError(LabError):
    """Content that is not there, or not what it was taken for."""


class OverloadedError(LabError):
    """A stated limit was reached; the message names the limit and its value."""


class DivergenceError(LabError):
    """Two runs with the same seed went different ways. ``events`` are the first two that differ, one of each run; None
    where a run had ended."""

    def __init__(self, message: str, events: tuple[Event | None, Event | None]) -> None:
        super().__init__(message)
        self.events = events


class InvariantError(LabError):
    """What was said of the lab with ``always`` or ``eventually`` is not so. ``name`` is what it was called, ``chain``
    the event after which that was noticed, with its causes."""

    def __init__(self, message: str, name: str, chain: Chain | None) -> None:
        super().__init__(message)
        self.name = name
        self.chain = chain


class ExpectationError(LabError, AssertionError):
    """What was expected of the lab did not come true in time. ``expectation`` is the text, ``value`` what was measured
    (None where nothing could be)."""

    def __init__(self, message: str, expectation: str, value: object = None) -> None:
        super().__init__(message)
        self.expectation = expectation
        self.value = value


class EventLogError(LabError):
    """An event log that cannot be read or asked that way."""


@faced
def tracebacks(show: Literal["short", "full"] | None = None) -> str:
    """Say how much of a traceback p2plab's errors show.

    Args:
        show: ``"short"``, your own lines and the message; ``"full"``, p2plab's frames as well, for whoever looks for a
            fault in p2plab itself; left out: nothing changes

    Returns:
        What held before.

    Example:
        >>> import p2plab
        >>> p2plab.tracebacks("full")
        'short'
        >>> p2plab.tracebacks("short")
        'full'
    """
    if show not in (None, "short", "full"):
        raise ValidationError(f"tracebacks are 'short' or 'full', not {show!r}")
    return shown(show)
