"""What a node's processor costs its pubsub (``cpu=``): a core that takes so long for each message, one after the other.

What comes meanwhile waits its turn, control messages too, since a node reads its streams in one order. Off by default:
then nodes compute in no time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import ValidationError

if TYPE_CHECKING:
    from p2plab.network import Clock
    from p2plab.pubsub.rpc import RPC

__all__ = ["Processor", "check_cpu"]

SECOND = 1_000_000_000  # ns
TICK = SECOND // TICKS_PER_SECOND  # ns


def check_cpu(seconds: Any) -> Any:
    """The seconds that a message costs. ValidationError for what is none."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds <= 60:
        raise ValidationError(f"cpu is how many seconds of a core a message takes, 0 to 60, not {seconds!r}")
    return seconds


class Processor:
    """One node's. ``cost`` is in seconds a message."""

    __slots__ = ("_busy_until", "_clock", "_cost")

    def __init__(self, clock: Clock, cost: float) -> None:
        self._clock = clock
        self._cost = round(cost * SECOND)
        self._busy_until = 0  # ns

    def takes(self, read: Callable[[RPC, object], object], rpc: RPC, cause: int) -> bool:
        """Whether an RPC has to wait; ``read(rpc, None)`` is called when it has been dealt with."""
        now = self._clock.now * TICK
        until = max(self._busy_until, now) + self._cost * len(rpc.publish)
        if until <= now:
            return False
        self._busy_until = until
        self._clock.at(-(-until // TICK), read, rpc, None, cause)
        return True
