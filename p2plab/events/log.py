"""The log itself: rows are appended while the lab runs, and become ``Event`` objects when somebody looks.

Rules it lives by:
- The order of rows is the order in which things happened; ``seq`` counts every event, recorded or not, so that it is
  the same at every level.
- ``cause`` is ambient: whoever runs an event sets ``log.cause`` to what led to it, and everything recorded meanwhile
  inherits it unless told otherwise.
- Only the lab's own thread records. Any thread may read: rows are immutable and the list only grows at its end.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from p2plab.errors import EventLogError, ValidationError
from p2plab.events.causes import Chain
from p2plab.events.event import Event, Row
from p2plab.events.kinds import KINDS, LEVELS

if TYPE_CHECKING:
    import pandas

_LEVEL_OF = {name: kind.level for name, kind in KINDS.items()}


class Follower:
    """A reader's own queue of new rows of some kinds, to be drained from any thread. Bounded: the oldest rows go, and
    ``missed`` counts them."""

    def __init__(self, log: EventLog, kinds: frozenset[str], limit: int) -> None:
        self._log = log
        self.kinds = kinds
        self._rows: deque[Row] = deque(maxlen=limit)
        self.missed = 0

    def put(self, row: Row) -> None:
        """For the log only."""
        if len(self._rows) == self._rows.maxlen:
            self.missed += 1
        self._rows.append(row)

    def drain(self) -> list[Event]:
        """What has come since the last call, oldest first."""
        rows = self._rows
        return [self._log.event(rows.popleft()) for _ in range(len(rows))]

    def close(self) -> None:
        """Stop following."""
        self._log.unfollow(self)


class EventLog:
    """A sequence of ``Event``. ``resolution`` is the number of ticks in a second, ``clock`` gives the current tick."""

    def __init__(
        self, resolution: int, clock: Callable[[], int], level: str = "messages", limit: int = 2_000_000
    ) -> None:
        self.resolution = resolution
        self.cause = -1
        self.counts: dict[str, int] = {}
        self.dropped = 0
        self._clock = clock
        self._limit = limit
        self._rows: list[Row] = []
        self._seq = 0
        self._names: list[str] = []
        self._index_of: dict[str, int] = {}
        self._followers: tuple[Follower, ...] = ()
        self._followed: frozenset[str] = frozenset()
        self._forgotten = hashlib.sha256()
        self._listeners: list[Callable[[], None]] = []
        self.level = level

    # -- recording, for the lab's rooms

    @property
    def level(self) -> str:
        """How much is recorded: ``counters``, ``decisions``, ``messages`` or ``all``. It can be set at any time."""
        return LEVELS[self._level]

    @level.setter
    def level(self, level: str) -> None:
        if level not in LEVELS:
            raise ValidationError(f"recording level {level!r} is not known; take one of {', '.join(LEVELS)}")
        self._level = LEVELS.index(level)
        self._wants_changed()

    def on_level(self, listener: Callable[[], None]) -> None:
        """Have ``listener`` called whenever ``wants`` may answer otherwise than before."""
        self._listeners.append(listener)

    def _wants_changed(self) -> None:
        for listener in self._listeners:
            listener()

    def wants(self, kind: str) -> bool:
        """Whether a row of this kind would be kept or followed: lets hot paths skip what makes it."""
        return _LEVEL_OF[kind] <= self._level or kind in self._followed

    def register(self, name: str) -> int:
        """The index that stands for this node or peer in rows; the same name gives the same index."""
        index = self._index_of.get(name)
        if index is None:
            index = self._index_of[name] = len(self._names)
            self._names.append(name)
        return index

    def record(
        self,
        kind: str,
        node: int = -1,
        peer: int = -1,
        topic: str | None = None,
        ref: str | None = None,
        size: int | None = None,
        reason: str | None = None,
        data: dict[str, Any] | None = None,
        cause: int | None = None,
    ) -> int:
        """Add an event; returns its ``seq``, to be given as the cause of what follows from it."""
        seq = self._seq
        self._seq = seq + 1
        counts = self.counts
        counts[kind] = counts.get(kind, 0) + 1
        kept = _LEVEL_OF[kind] <= self._level
        if not kept and kind not in self._followed:
            return seq
        if cause is None:
            cause = self.cause
        row: Row = (self._clock(), seq, kind, node, peer, topic, ref, size, reason, cause, data)
        if kept:
            self._rows.append(row)
            if len(self._rows) > self._limit:
                self._forget()
        if kind in self._followed:
            for follower in self._followers:
                if kind in follower.kinds:
                    follower.put(row)
        return seq

    def _forget(self) -> None:
        """Drop the oldest eighth, after feeding it to the digest, so that the digest still speaks of all rows."""
        count = max(1, self._limit // 8)
        for row in self._rows[:count]:
            self._forgotten.update(self._line(row))
        self._rows = self._rows[count:]
        self.dropped += count

    def follow(self, kinds: Iterable[str], limit: int = 100_000) -> Follower:
        """A queue of the rows of these kinds from now on, whatever the level, for a reader in any thread."""
        wanted = frozenset(kinds)
        unknown = sorted(wanted - KINDS.keys())
        if unknown:
            raise ValidationError(f"no such kind of event: {', '.join(unknown)}; p2plab.events.KINDS lists them")
        follower = Follower(self, wanted, limit)
        self._set_followers((*self._followers, follower))
        return follower

    def unfollow(self, follower: Follower) -> None:
        """Undo ``follow``."""
        self._set_followers(tuple(other for other in self._followers if other is not follower))

    def _set_followers(self, followers: tuple[Follower, ...]) -> None:
        self._followers = followers
        self._followed = frozenset(kind for follower in followers for kind in follower.kinds)
        self._wants_changed()

    # -- reading

    def event(self, row: Row) -> Event:
        """The row with its names and seconds."""
        t, seq, kind, node, peer, topic, ref, size, reason, cause, data = row
        names = self._names
        return Event(
            t / self.resolution,
            seq,
            kind,
            names[node] if node >= 0 else None,
            names[peer] if peer >= 0 else None,
            topic,
            ref,
            size,
            reason,
            cause if cause >= 0 else None,
            data,
        )

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Event]:
        return map(self.event, list(self._rows))

    def __getitem__(self, index: int) -> Event:
        return self.event(self._rows[index])

    def by_seq(self, seq: int) -> Event | None:
        """The event with this ``seq``, or None where the level did not keep it or the bound dropped it."""
        rows = self._rows
        at = bisect_left(rows, seq, key=lambda row: row[1])
        return self.event(rows[at]) if at < len(rows) and rows[at][1] == seq else None

    def filter(
        self,
        kind: str | None = None,
        node: object = None,
        peer: object = None,
        topic: str | None = None,
        since: float | None = None,
        until: float | None = None,
        ref: str | None = None,
        reason: str | None = None,
    ) -> list[Event]:
        """The events that match all that is given, in order. ``kind`` may be a whole family (``"pubsub"``), ``node``
        and ``peer`` a Node or a name; ``since`` and ``until`` are seconds, both included."""
        kinds = self._kinds_named(kind)
        node_index, peer_index = self._index_named(node), self._index_named(peer)
        rows = self._rows
        start = 0 if since is None else bisect_left(rows, since, key=lambda row: row[0] / self.resolution)
        found = []
        for row in rows[start:]:
            if until is not None and row[0] / self.resolution > until:
                break
            if (
                (kinds is None or row[2] in kinds)
                and (node_index is None or row[3] == node_index)
                and (peer_index is None or row[4] == peer_index)
                and (topic is None or row[5] == topic)
                and (ref is None or row[6] == ref)
                and (reason is None or row[8] == reason)
            ):
                found.append(self.event(row))
        return found

    def _kinds_named(self, kind: str | None) -> frozenset[str] | None:
        if kind is None:
            return None
        kinds = frozenset(name for name in KINDS if name == kind or name.startswith(kind.rstrip(".*") + "."))
        if not kinds:
            raise ValidationError(f"no kind of event is called {kind!r}; p2plab.events.KINDS lists them")
        return kinds

    def _index_named(self, node: object) -> int | None:
        return None if node is None else self._index_of.get(str(node), -2)

    def chain(self, event: Event) -> Chain:
        """The causes of an event, oldest first, the event itself last."""
        links = [event]
        missing = False
        while links[-1].cause is not None:
            before = self.by_seq(links[-1].cause)
            if before is None:
                missing = True
                break
            links.append(before)
        note = (
            f"an earlier cause is not in the log (level {self.level}, {self.dropped} rows dropped)" if missing else ""
        )
        return Chain(tuple(reversed(links)), note)

    # -- leaving the process

    def adopt(self, rows: list[Row]) -> None:
        """Take rows read from a file as this log's own."""
        self._rows = rows
        self._seq = rows[-1][1] + 1 if rows else 0
        for row in rows:
            self.counts[row[2]] = self.counts.get(row[2], 0) + 1

    def _line(self, row: Row) -> bytes:
        from p2plab.events.jsonl import line_of

        return line_of(self.event(row))

    def digest(self) -> str:
        """The sha256 (64 hex digits) of the canonical JSONL of every row recorded so far."""
        sha = self._forgotten.copy()
        for row in self._rows:
            sha.update(self._line(row))
        return sha.hexdigest()

    def save(self, path: str | Path) -> Path:
        """Write the canonical JSONL (compressed where the name ends in ``.gz``); returns the path."""
        from p2plab.events.jsonl import save

        if self.dropped:
            raise EventLogError(
                f"{self.dropped} rows went when the log reached its bound of {self._limit}; "
                "raise it with Lab(log_limit=...)"
            )
        return save(self, path)

    @classmethod
    def load(cls, path: str | Path) -> EventLog:
        """Read what ``save`` wrote. EventLogError where it is no such file; a file cut in the middle gives what there
        is, with a warning that says where it stopped."""
        from p2plab.events.jsonl import load

        return load(path)

    def to_pandas(self) -> pandas.DataFrame:
        """A DataFrame with a column for each field of ``Event``. MissingExtraError without pandas."""
        from p2plab.events.frame import to_frame

        return to_frame(self)

    def __repr__(self) -> str:
        return f"<EventLog: {len(self)} rows, level {self.level}>"
