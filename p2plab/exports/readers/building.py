"""An event log of what another tool recorded: its events in the order of time, and what it does not tell.

Nothing is made up. A node is there from its first event on; the topic of a message that some event names is filled in
where other events about the same message do not; everything else that is missing is missing, and said.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from p2plab.errors import EventLogError
from p2plab.events import EventLog
from p2plab.events.event import Row
from p2plab.events.log import LIMIT
from p2plab.progress import watched

__all__ = ["LogBuilder", "reading"]

RESOLUTION: Final = 1_000_000_000  # traces have nanoseconds
MOST_TEXT: Final = 4_096  # characters of a topic, an id or a reason
_ABOUT: Final = ("pubsub.receive", "pubsub.deliver", "pubsub.duplicate", "pubsub.reject", "pubsub.ignore")


class LogBuilder:
    """Takes events in any order. ``most`` is how many are kept at most; ``full`` says when there are so many."""

    def __init__(self, most: int = LIMIT) -> None:
        self._log = EventLog(RESOLUTION, clock=lambda: 0, level="all")
        self._rows: list[list[Any]] = []
        self._most = most
        self._topics: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self.notes: dict[str, None] = {}

    @property
    def full(self) -> bool:
        """Whether no more is taken."""
        return len(self._rows) >= self._most

    def __len__(self) -> int:
        return len(self._rows)

    def name(self, name: str) -> int:
        """The index that stands for a node or a peer."""
        return self._log.register(self.text(name))

    def text(self, text: str) -> str:
        """A text, bounded, and one object for all that say the same."""
        text = text[:MOST_TEXT]
        return self._texts.setdefault(text, text)

    def topic_of(self, ref: str, topic: str) -> None:
        """Say which topic a message is of, for events about it that do not."""
        if topic:
            self._topics.setdefault(self.text(ref), self.text(topic))

    def note(self, sentence: str) -> None:
        """Say something of the trace, once."""
        self.notes[sentence] = None

    def add(
        self,
        at: int,
        kind: str,
        node: str,
        peer: str = "",
        topic: str = "",
        ref: str = "",
        size: int | None = None,
        reason: str = "",
        data: dict[str, Any] | None = None,
    ) -> None:
        """Take an event. ``at`` is in nanoseconds, from wherever the trace counts."""
        if self.full:
            return
        self._rows.append(
            [
                at,
                len(self._rows),
                kind,
                self.name(node) if node else -1,
                self.name(peer) if peer else -1,
                self.text(topic) or None,
                self.text(ref) or None,
                size,
                self.text(reason) or None,
                -1,
                data,
            ]
        )

    def log(self, what: str) -> EventLog:
        """The log. EventLogError where there is nothing in it."""
        if not self._rows:
            raise EventLogError(f"{what} has no events that p2plab knows")
        self._rows.sort(key=lambda row: (row[0], row[1]))
        begin = self._rows[0][0]
        rows: list[Row] = []
        seen: set[int] = set()
        received: dict[tuple[int, str], int] = {}
        topics = self._topics
        for at, _, kind, node, peer, topic, ref, size, reason, _cause, data in self._rows:
            tick = at - begin
            if node >= 0 and node not in seen:
                seen.add(node)
                rows.append((tick, len(rows), "node.started", node, -1, None, None, None, "first seen", -1, None))
            if topic is None and ref is not None and kind in _ABOUT:
                topic = topics.get(ref)
            cause = -1
            if ref is not None:
                if kind == "pubsub.receive":
                    received[node, ref] = len(rows)
                elif kind in ("pubsub.deliver", "pubsub.reject", "pubsub.ignore"):
                    cause = received.get((node, ref), -1)
            rows.append((tick, len(rows), kind, node, peer, topic, ref, size, reason, cause, data))
        self._rows = []
        if len(rows) >= self._most:
            self.note(f"Only the first {self._most:,} events were read: p2plab keeps no more.")
        self._log.adopt(rows)
        told = tuple(self.notes)
        self._log.assumed = lambda: told
        return self._log


@contextmanager
def reading(path: Path, done: list[int]) -> Iterator[None]:
    """Show how much of a file was read; ``done`` has the bytes at its first place."""
    with watched(f"reading {path.name}", max(path.stat().st_size, 1), lambda: done[0], " bytes"):
        yield
