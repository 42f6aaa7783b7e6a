"""An event log of what another tool recorded: its events in the order of time, and what it does not tell.

Nothing is made up. A node is there from its first event on, and a peer of whom the trace has no events of its own is an
outside node from when a node connects with it or has it in its mesh. The topic and the size of a message that some
event names are filled in where other events about the same message do not; everything else that is missing is missing,
and said.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from p2plab.errors import EventLogError
from p2plab.events import EventLog
from p2plab.events.log import LIMIT
from p2plab.events.rows import Rows
from p2plab.progress import watched

__all__ = ["LogBuilder", "reading"]

RESOLUTION: Final = 1_000_000_000  # traces have nanoseconds
MOST_TEXT: Final = 4_096  # characters of a topic, an id or a reason
_OUTSIDE: Final = ("connection.opened", "pubsub.graft")  # kinds whose peer is known to be there
_ABOUT: Final = (
    *("pubsub.publish", "pubsub.receive", "pubsub.deliver", "pubsub.duplicate", "pubsub.reject", "pubsub.ignore"),
)


class LogBuilder:
    """Takes events in any order. ``most`` is how many are kept at most; ``full`` says when there are so many."""

    def __init__(self, most: int = LIMIT) -> None:
        self._log = EventLog(RESOLUTION, clock=lambda: 0, level="all")
        self._rows: list[list[Any]] = []
        self._most = most
        self._topics: dict[str, str] = {}
        self._sizes: dict[str, int] = {}
        self._scores: dict[tuple[int, str], dict[str, Any]] = {}
        self._agents: dict[int, dict[str, Any]] = {}
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

    def size_of(self, ref: str, size: int) -> None:
        """Say how many bytes a message has, for events about it that do not."""
        self._sizes.setdefault(self.text(ref), size)

    def agent_of(self, peer: str, agent: str, address: str) -> None:
        """Say what is known of a peer outside, as the first who met it had it."""
        known = {"agent": self.text(agent), "addresses": [self.text(address)] if address else []}
        self._agents.setdefault(self.name(peer), {name: value for name, value in known.items() if value})

    def score(self, at: int, node: str, peer: str, score: float) -> None:
        """Take a peer's score. Those that a node has at one moment become one event."""
        scores = self._scores.get((at, node))
        if scores is None:
            scores = self._scores[at, node] = {}
            self.add(at, "pubsub.scores", node, reason="heartbeat", data={"scores": scores})
        scores[self.text(peer)] = {"score": score}

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
        rows = Rows()
        nodes = {row[3] for row in self._rows}
        seen: set[int] = set()
        received: dict[tuple[int, str], int] = {}
        topics, sizes = self._topics, self._sizes
        for at, _, kind, node, peer, topic, ref, size, reason, _cause, data in self._rows:
            tick = at - begin
            if node >= 0 and node not in seen:
                seen.add(node)
                rows.append((tick, len(rows), "node.started", node, -1, None, None, None, "first seen", -1, None))
            if kind in _OUTSIDE and peer >= 0 and peer not in nodes and peer not in seen:
                seen.add(peer)
                known = self._agents.get(peer) or None
                rows.append((tick, len(rows), "node.attached", peer, -1, None, None, None, "first seen", -1, known))
            cause = -1
            if ref is not None:
                if kind in _ABOUT:
                    topic = topic or topics.get(ref)
                    size = sizes.get(ref) if size is None else size
                if kind == "pubsub.receive":
                    if (node, ref) in received:
                        continue  # two tables tell of the same arrival
                    received[node, ref] = len(rows)
                elif kind in ("pubsub.deliver", "pubsub.reject", "pubsub.ignore"):
                    cause = received.get((node, ref), -1)
                    peer = rows[cause][4] if peer < 0 <= cause else peer
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
