"""Priorities: who goes first on a busy link, by start-time fair queueing.

P. Goyal, H. Vin, H. Cheng, "Start-time Fair Queuing", SIGCOMM 1996. Every frame gets a start tag, the larger of the
virtual time and the finish tag of its flow's frame before it; the finish tag lies its size divided by the flow's weight
later. The frame with the smallest start tag is served, and its start tag becomes the virtual time.

What follows from it: of two flows that always have something to send, each gets its weight's share of the link; a flow
that has been idle goes ahead of those that have not, so that a ping under a bulk transfer waits for about one frame;
and nothing starves, since every flow's tags are finite and the virtual time passes them.

Tags are integers. Of equal ones the heavier flow's goes first, then what came first: the same run every time.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable
from typing import Final, Generic, Literal, TypeVar

from p2plab.constants import IDENTIFY_ID, IDENTIFY_PUSH_ID, PING_ID
from p2plab.errors import ValidationError

__all__ = ["WEIGHTS", "FairQueue", "Priorities", "Priority", "check_priority", "weight_of"]

Priority = Literal["control", "interactive", "bulk"] | int
"""A class of protocols, or a weight from 1 to 1000: a flow's share of a busy link is its weight over the sum of all."""

WEIGHTS: Final[dict[str, int]] = {"control": 256, "interactive": 16, "bulk": 1}
_BY_THEMSELVES: Final[dict[str, Priority]] = dict.fromkeys((PING_ID, IDENTIFY_ID, IDENTIFY_PUSH_ID), "control")
_HEAVIEST: Final = 1000
_KEPT: Final = 1000  # tags of flows that have nothing waiting, before they are gone through
_SCALE: Final = 1 << 20  # parts of a byte, so that division by a weight keeps enough digits

T = TypeVar("T")


def check_priority(priority: Priority) -> Priority:
    """The priority itself. ValidationError where it is none."""
    weight_of(priority)
    return priority


def weight_of(priority: Priority) -> int:
    """The weight of a class, or the weight given. Raises ValidationError."""
    if isinstance(priority, str) and priority in WEIGHTS:
        return WEIGHTS[priority]
    if isinstance(priority, int) and not isinstance(priority, bool) and 1 <= priority <= _HEAVIEST:
        return priority
    raise ValidationError(
        f"a priority is {', '.join(map(repr, WEIGHTS))} or a weight from 1 to {_HEAVIEST}, not {priority!r}"
    )


class Priorities:
    """The priority of each protocol at one node; ``interactive`` where nothing else was said."""

    __slots__ = ("_of",)

    def __init__(self) -> None:
        self._of: dict[str, Priority] = {}

    def __getitem__(self, protocol: str) -> Priority:
        return self._of.get(protocol) or _BY_THEMSELVES.get(protocol, "interactive")

    def set(self, protocol: str, priority: Priority) -> None:
        """From now on. Raises ValidationError."""
        self._of[protocol] = check_priority(priority)


class FairQueue(Generic[T]):
    """Frames that wait for a link. A flow is whatever can be a key, such as a stream's id; sizes are bytes."""

    __slots__ = ("_count", "_finish", "_heap", "_latest", "_now", "_queued")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, int, Hashable, int, T]] = []  # start tag, -weight, arrival, ...
        self._finish: dict[Hashable, int] = {}  # the last finish tag of each flow, and
        self._latest: dict[Hashable, int] = {}  # the highest of each group
        self._queued: dict[Hashable, int] = {}
        self._count = 0
        self._now = 0

    def push(self, flow: Hashable, weight: int, size: int, item: T, group: Hashable = None, last: bool = False) -> None:
        """Have ``item`` of ``size`` bytes wait. The items of one flow are served in the order in which they came;
        ``last`` puts this one behind all that wait of its ``group`` of flows, such as a connection's."""
        start = max(self._now, self._finish.get(flow, 0))
        if last:
            start = max(start, self._latest.get(group, 0))
        finish = self._finish[flow] = start + max(size, 1) * _SCALE // weight
        self._latest[group] = max(finish, self._latest.get(group, 0))
        self._queued[flow] = self._queued.get(flow, 0) + size
        heapq.heappush(self._heap, (start, -weight, self._count, flow, size, item))
        self._count += 1

    def pop(self) -> T:
        """Whose turn it is. IndexError where nothing waits."""
        start, _, _, flow, size, item = heapq.heappop(self._heap)
        self._now = start
        self._unqueue(flow, size)
        if not self._heap:
            self._rest()
        elif len(self._finish) + len(self._latest) > 2 * len(self._heap) + _KEPT:
            self._prune()
        return item

    def remove(self, flow: Hashable) -> list[T]:
        """Take everything of a flow out, such as that of a stream that was reset; gives what it was, in order."""
        gone = sorted((entry for entry in self._heap if entry[3] == flow), key=lambda entry: entry[2])
        if gone:
            self._heap = [entry for entry in self._heap if entry[3] != flow]
            heapq.heapify(self._heap)
        self._finish.pop(flow, None)
        self._queued.pop(flow, None)
        if not self._heap:
            self._rest()
        return [entry[5] for entry in gone]

    def refit(self, flow: Hashable, size_of: Callable[[T], int | None]) -> None:
        """Ask anew the size of what waits of a flow, and take out what has none (None); what waited behind moves up."""
        mine = sorted((entry for entry in self._heap if entry[3] == flow), key=lambda entry: entry[2])
        if not mine:
            return
        others = [entry for entry in self._heap if entry[3] != flow]
        tag, queued = mine[0][0], 0
        for _, weight, number, _, _, item in mine:
            size = size_of(item)
            if size is not None:
                others.append((tag, weight, number, flow, size, item))
                tag += max(size, 1) * _SCALE // -weight
                queued += size
        heapq.heapify(others)
        self._heap = others
        self._finish[flow] = tag
        if queued:
            self._queued[flow] = queued
        else:
            self._queued.pop(flow, None)
        if not others:
            self._rest()

    def queued(self, flow: Hashable) -> int:
        """Bytes of this flow that wait."""
        return self._queued.get(flow, 0)

    def __len__(self) -> int:
        return len(self._heap)

    def _unqueue(self, flow: Hashable, size: int) -> None:
        left = self._queued[flow] - size
        if left:
            self._queued[flow] = left
        else:
            del self._queued[flow]

    def _prune(self) -> None:
        """Forget tags that the virtual time has passed: they no longer decide anything."""
        self._finish = {flow: tag for flow, tag in self._finish.items() if tag > self._now}
        self._latest = {group: tag for group, tag in self._latest.items() if tag > self._now}

    def _rest(self) -> None:
        """Nobody waits: what flows have had so far no longer counts, and nothing of them is kept."""
        self._finish.clear()
        self._latest.clear()
        self._queued.clear()
        self._now = 0
