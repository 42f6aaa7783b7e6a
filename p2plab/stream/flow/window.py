"""Credit windows: how a slow reader slows its writer within a bounded buffer (libp2p/specs yamux/README.md, "Flow
Control").

Rules they live by:
- Each direction of a stream starts with a window of 256 KiB (or what both ends agreed on). The sender may have that
  many bytes under way or unread, and waits when it has.
- The receiver gives credit back as bytes are read, in lumps of at least half a window, so that small reads do not cost
  an update each.
- What a receiver gives back is what was read, never more: its buffer holds at most a window, whatever the peer sends.
- A connection's memory is what the windows of its streams may come to. A stream whose window does not fit any more is
  refused when it is opened, so that no stream suffers from another afterwards.
"""

from __future__ import annotations

from typing import Final

from p2plab.errors import OverloadedError, ProtocolViolation, ValidationError

__all__ = ["CONNECTION_MEMORY", "WINDOW", "MemoryBudget", "ReceiveWindow", "SendWindow", "check_memory", "check_window"]

WINDOW: Final = 256 * 1024  # bytes; yamux/README.md: the initial window of every stream
CONNECTION_MEMORY: Final = 64 * 1024 * 1024  # bytes; room for 256 streams, yamux/README.md's backlog of streams
_FEWEST: Final = 8  # streams of a connection: its own protocols need some
_LARGEST: Final = 1 << 30


def check_window(size: int) -> int:
    """The size itself, when a window can have it. Raises ValidationError."""
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= _LARGEST:
        raise ValidationError(f"a window is a number of bytes from 1 to {_LARGEST}, not {size!r}")
    return size


def check_memory(limit: int, window: int) -> int:
    """The limit itself, when a connection's memory can be bounded by it: a few windows at least.
    Raises ValidationError."""
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < _FEWEST * window:
        raise ValidationError(
            f"a connection's memory is a number of bytes with room for {_FEWEST} windows of {window} B, not {limit!r}"
        )
    return limit


class SendWindow:
    """What one end may still send. ``credit`` is in bytes."""

    __slots__ = ("credit",)

    def __init__(self, size: int = WINDOW) -> None:
        self.credit = check_window(size)

    def take(self, wanted: int) -> int:
        """How many of ``wanted`` bytes may go now, which are then spent; 0 means to wait for an update."""
        granted = min(wanted, self.credit)
        self.credit -= granted
        return granted

    def update(self, delta: int) -> None:
        """The peer gave credit back. ProtocolViolation where it cannot be meant."""
        if delta < 0 or self.credit + delta > _LARGEST:
            raise ProtocolViolation(f"a window update of {delta} bytes on top of {self.credit}")
        self.credit += delta


class ReceiveWindow:
    """What one end has room for. ``queued`` bytes have arrived and were not read; ``grow`` raises ``size``."""

    __slots__ = ("_granted", "_owed", "queued", "size")

    def __init__(self, size: int = WINDOW) -> None:
        self.size = check_window(size)
        self.queued = 0
        self._granted = self.size  # what the peer may still send
        self._owed = 0  # read, and not given back yet

    def arrived(self, count: int) -> None:
        """Bytes came. ProtocolViolation where the peer sent more than it may."""
        if count > self._granted:
            raise ProtocolViolation(f"the peer sent {count} bytes into a window that had room for {self._granted}")
        self._granted -= count
        self.queued += count

    def read(self, count: int) -> int:
        """Bytes were read (or thrown away); gives the update to send to the peer now, or 0."""
        self.queued -= count
        self._owed += count
        if self._owed * 2 < self.size:
            return 0
        delta, self._owed = self._owed, 0
        self._granted += delta
        return delta

    def grow(self, size: int) -> int:
        """Raise the window; gives the update to send to the peer."""
        delta = check_window(size) - self.size
        if delta < 0:
            raise ValidationError(f"a window of {self.size} bytes cannot shrink to {size}: the peer may have used it")
        self.size = size
        self._granted += delta
        return delta


class MemoryBudget:
    """The bytes that the receive windows of one connection may come to, together."""

    __slots__ = ("limit", "reserved")

    def __init__(self, limit: int = CONNECTION_MEMORY) -> None:
        self.limit = limit
        self.reserved = 0

    def reserve(self, size: int) -> None:
        """Room for a window. OverloadedError, which names the limit, where there is none; nothing is taken then."""
        if self.reserved + size > self.limit:
            raise OverloadedError(
                f"a window of {size} bytes more would take the connection over its limit of {self.limit} bytes "
                f"({self.reserved} are reserved)"
            )
        self.reserved += size

    def release(self, size: int) -> None:
        """The stream with this window has ended."""
        self.reserved -= size
