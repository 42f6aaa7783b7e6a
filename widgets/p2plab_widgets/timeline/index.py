"""Where the events of each node lie in a log, by what they are about: any window of a million is found at once.

It is built once, and goes on where the log has grown. Nothing here keeps an event: the log is asked for those that are
to be seen.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Final

from p2plab.events import EventLog

SUBJECTS: Final = ("messages", "mesh", "connections", "streams", "dht", "faults", "lab", "reachability")
MESSAGES, MESH, CONNECTIONS, STREAMS, DHT, FAULTS, LAB, REACHABILITY = range(len(SUBJECTS))

_SAID: Final = (
    "publish",
    "receive",
    "deliver",
    "duplicate",
    "reject",
    "ignore",
    "drop",
    "withheld",
    "withdrawn",
    "route",
)
_FAULTS: Final = ("error", "node", "network", "link")
_LAB: Final = ("lab", "timer", "task")
_REACHABILITY: Final = ("nat", "autonat", "relay", "dcutr")
_HARMLESS: Final = ("node.started", "node.attached", "node.found")
_CONNECTIONS: Final = ("connection", "bootstrap", "admission", "identify", "ping")
_FRAMES: Final = ("link.sent", "link.arrived")  # of every link, where all is recorded


def subject_of(kind: str) -> int:
    """What an event of this kind is about: a place in SUBJECTS."""
    family, _, rest = kind.partition(".")
    if family == "pubsub":
        return MESSAGES if rest in _SAID else MESH
    if family in _LAB or kind in _HARMLESS:
        return LAB
    if family in ("dht", "mdns"):
        return DHT
    if family in _REACHABILITY:
        return REACHABILITY
    if family in _CONNECTIONS or kind in _FRAMES:
        return CONNECTIONS
    return FAULTS if family in _FAULTS else STREAMS


class TimelineIndex:
    """The events of each node and subject: their ticks and their numbers, counted from the log's beginning."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._subjects: dict[str, int] = {}
        self._ticks: dict[tuple[int, int], array[int]] = {}
        self._numbers: dict[tuple[int, int], array[int]] = {}
        self._done = 0
        self.nodes: dict[int, str] = {}  # index in the log -> name, in the order in which they first did something
        self.first = self.last = 0  # ticks

    def update(self) -> bool:
        """Take in what has been recorded since; whether that was anything."""
        rows, dropped = self._log.rows()
        start, end = max(self._done - dropped, 0), len(rows)
        if start >= end:
            return False
        subjects, ticks, numbers = self._subjects, self._ticks, self._numbers
        seen = rows.scan("t", "kind", "node", start=start, stop=end)
        for number, (tick, kind, node) in enumerate(seen, dropped + start):
            subject = subjects.get(kind)
            if subject is None:
                subject = subjects[kind] = subject_of(kind)
            key = (node, subject)
            line = ticks.get(key)
            if line is None:
                line = ticks[key] = array("q")
                numbers[key] = array("q")
                if node not in self.nodes and node >= 0:
                    self.nodes[node] = self._log.name_of(node)
            line.append(tick)
            numbers[key].append(number)
        if not self._done:
            self.first = rows.field("t")[start]
        self.last = rows.field("t")[end - 1]
        self._done = dropped + end
        return True

    def tells_of(self, subject: int) -> bool:
        """Whether any event is about it."""
        return any(about == subject for _, about in self._ticks)

    def count(self, nodes: Iterable[int], subjects: Sequence[int], start: int, end: int) -> int:
        """How many events these nodes have from one tick to another, both included."""
        total = 0
        for node in nodes:
            for subject in subjects:
                line = self._ticks.get((node, subject))
                if line is not None:
                    total += bisect_right(line, end) - bisect_left(line, start)
        return total

    def numbers(self, nodes: Iterable[int], subjects: Sequence[int], start: int, end: int) -> list[int]:
        """The numbers of those events, in order."""
        found: list[int] = []
        for node in nodes:
            for subject in subjects:
                line = self._ticks.get((node, subject))
                if line is not None:
                    found.extend(self._numbers[node, subject][bisect_left(line, start) : bisect_right(line, end)])
        found.sort()
        return found

    def bins(self, node: int, subjects: Sequence[int], edges: Sequence[int]) -> tuple[list[int], list[int]]:
        """How many events a node has between each two of these ticks, and what most of them are about."""
        counts, subject_of_most, most = [0] * (len(edges) - 1), [0] * (len(edges) - 1), [0] * (len(edges) - 1)
        for subject in subjects:
            line = self._ticks.get((node, subject))
            if line is None:
                continue
            before = bisect_left(line, edges[0])
            for at in range(len(counts)):
                after = bisect_left(line, edges[at + 1], before)
                number = after - before
                counts[at] += number
                if number > most[at]:
                    most[at], subject_of_most[at] = number, subject
                before = after
        return counts, subject_of_most
