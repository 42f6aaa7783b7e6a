"""The log itself: rows are appended while the lab runs, and become ``Event`` objects when somebody looks.

Rules it lives by:
- The order of rows is the order in which things happened. ``seq`` counts the rows kept, so that who follows the log
  from outside, and a hot path that skips what nobody wants, change nothing in it.
- ``cause`` is ambient: everything recorded inherits it unless told otherwise. The clock's loop sets it for each call,
  everybody else here: ``because(seq)`` and ``caused`` restore it, ``continue_from(seq)`` leaves it so for the rest of
  the call or task. An event that the level leaves out answers with its own
  cause, so that chains are whole at every level.
- Only the lab's own thread records. Any thread may read: rows are immutable and the list only grows at its end.
"""

from __future__ import annotations

import hashlib
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from p2plab.counted import counted
from p2plab.errors import EventLogError, ValidationError
from p2plab.events.causes import Because, Chain
from p2plab.events.event import Event, Row
from p2plab.events.follower import Follower
from p2plab.events.html import table
from p2plab.events.index import Indices
from p2plab.events.inferred import inferred_cause
from p2plab.events.jsonl import line_of, load, save
from p2plab.events.kinds import KINDS, LEVELS
from p2plab.events.plain import check_data
from p2plab.events.tallies import Counts

if TYPE_CHECKING:
    import pandas

    from p2plab.events.cursor import Cursor
    from p2plab.events.state import Fold, Gap, NetworkState, Scores, States

P = ParamSpec("P")
T = TypeVar("T")

LIMIT = 2_000_000  # rows kept, unless told otherwise: about 500 MB
_LEVEL_OF_STATE = LEVELS.index("decisions")
_LEVEL_OF = {name: kind.level for name, kind in KINDS.items()}


class EventLog:
    """A sequence of ``Event``. ``resolution`` is the number of ticks in a second, ``clock`` gives the current tick.

    It keeps the last ``limit`` rows, or up to an eighth fewer; ``dropped`` says how many older ones went. ``counts``
    has the number of events of each kind, kept or not, ``counts_of`` those of one node.
    """

    ref = "events"  # by which a list of commands names it

    def __init__(self, resolution: int, clock: Callable[[], int], level: str = "messages", limit: int = LIMIT) -> None:
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 8:
            raise ValidationError(f"log_limit must be a number of rows from 8 up, not {limit!r}")
        self.resolution = resolution
        self.limit = limit
        self.cause = -1
        self.dropped = 0
        self.scores_at: Scores | None = None  # where the world can tell the scores of any moment, how
        self.assumed: Callable[[], Sequence[str]] | None = None  # what the run's figures rest on, as its world tells
        self.change: Callable[[Callable[[str], None], str], None] | None = None  # how the world wants the level set
        self._clock = clock
        self._rows: list[Row] = []
        self._seq = 0
        self._names: list[str] = []
        self._tallies: list[dict[str, int]] = [{}]  # by node, one place further: the first is of events without one
        self.counts: Mapping[str, int] = Counts(self._tallies)
        self._index_of: dict[str, int] = {}
        self._followers: tuple[Follower, ...] = ()
        self._followed: frozenset[str] = frozenset()
        self._listeners: list[Callable[[], None]] = []
        self._begin_indices()
        self._forgotten: Any = hashlib.sha256()  # of the rows that went; None where those were never here
        self._level = self._coarsest = _level_number(level)
        self._gaps: list[Gap] = [] if self._level >= _LEVEL_OF_STATE else [(0, 0, level)]

    def _begin_indices(self) -> None:
        self._reading = threading.Lock()  # around the indices, and around rows and dropped when both change
        self._indices = Indices()
        self._states: States | None = None

    # -- recording, for the lab's rooms

    @property
    def level(self) -> str:
        """How much is recorded: ``counters``, ``decisions``, ``messages`` or ``all``. It can be set at any time."""
        return LEVELS[self._level]

    @level.setter
    def level(self, level: str) -> None:
        _level_number(level)
        if self.change is None:
            self._set_level(level)
        else:
            self.change(self._set_level, level)

    def _set_level(self, level: str) -> None:
        self._level = _level_number(level)
        self._coarsest = min(self._coarsest, self._level)
        self._note_gap()
        self.wants_changed()

    def _note_gap(self) -> None:
        if self._level < _LEVEL_OF_STATE and not self._gaps:
            self._gaps.append((self.dropped + len(self._rows), self._clock(), self.level))

    def on_level(self, listener: Callable[[], None]) -> None:
        """Have ``listener`` called whenever ``wants`` may answer otherwise than before."""
        self._listeners.append(listener)

    def wants_changed(self) -> None:
        """Tell them."""
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
            self._tallies.append({})
        return index

    def name_of(self, index: int) -> str:
        """The name that an index in rows stands for."""
        return self._names[index]

    def index_of(self, name: str) -> int | None:
        """The index that stands for this name already, if one does."""
        return self._index_of.get(name)

    def rename(self, name: str, new: str) -> int:
        """Call a node or peer otherwise, in the rows there are too; asked for, it goes by either. Returns its index.
        ValidationError where the new name stands for somebody else."""
        index = self.register(name)
        if self._index_of.setdefault(new, index) != index:
            raise ValidationError(f"{new!r} stands for another node in this log")
        self._names[index] = new
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
        """Add an event; returns what to give as the cause of what follows from it: its ``seq`` or, where the level
        leaves it out, its own cause."""
        tally = self._tallies[node + 1]
        tally[kind] = tally.get(kind, 0) + 1
        if cause is None:
            cause = self.cause
        kept = _LEVEL_OF[kind] <= self._level
        if not kept and kind not in self._followed:
            return cause
        if data is not None:
            check_data(kind, data)
        for text in (topic, ref, reason):
            if text is not None and not isinstance(text, str):
                raise EventLogError(f"{kind} cannot be recorded: {text!r} is no text; decode what a peer sends first")
        seq = self._seq if kept else -1
        row: Row = (self._clock(), seq, kind, node, peer, topic, ref, size, reason, cause, data)
        if kept:
            self._seq = seq + 1
            self._rows.append(row)
            if len(self._rows) > self.limit:
                self._forget()
        if kind in self._followed:
            for follower in self._followers:
                if kind in follower.kinds:
                    follower.put(row)
        return seq if kept else cause

    def because(self, cause: int) -> Because:
        """A context in which what happens follows from the event ``cause`` (-1: from nothing)."""
        return Because(self, cause)

    def continue_from(self, cause: int) -> None:
        """Have the rest of this call of the clock, or of this task, follow from the event ``cause``."""
        self.cause = cause

    def caused(self, cause: int, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same for one call, on the hot path: ``call(*args)`` with what happens in it caused by ``cause``."""
        outer, self.cause = self.cause, cause
        try:
            return call(*args, **kwargs)
        finally:
            self.cause = outer

    def count(self, kind: str, node: int) -> None:
        """Count an event that nobody ``wants``, so that it need not be made."""
        tally = self._tallies[node + 1]
        tally[kind] = tally.get(kind, 0) + 1

    def _forget(self) -> None:
        """Drop the oldest eighth, after feeding it to the digest, so that the digest still speaks of all rows."""
        count = max(1, self.limit // 8)
        with self._reading:
            for row in self._rows[:count]:
                self._forgotten.update(self.line(row))
            self._states_here().forget(self.dropped + count, self._rows, self.dropped)
            self._rows = self._rows[count:]
            self.dropped += count
            self._indices.forget(self.dropped)

    def follow(self, kinds: Iterable[str], limit: int = 100_000) -> Follower:
        """Follow what happens from now on: a queue of rows, whatever the level, for a reader in any thread.

        Args:
            kinds: kinds of events, by their full names
            limit: how many rows wait in the queue at most; beyond it the oldest are dropped, and counted

        Raises:
            ValidationError: there is no such kind.
        """
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
        self.wants_changed()

    # -- reading

    def counts_of(self, node: object) -> dict[str, int]:
        """Count the events of one node, by kind.

        Args:
            node: the node, or its name
        """
        index = self._index_of.get(str(node))
        return {} if index is None else dict(self._tallies[index + 1])

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

    def rows(self) -> tuple[list[Row], int]:
        """The rows as they are, to be read only, and how many went before the first of them."""
        with self._reading:
            return self._rows, self.dropped

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Event]:
        return map(self.event, list(self._rows))

    def __getitem__(self, index: int) -> Event:
        return self.event(self._rows[index])

    def by_seq(self, seq: int) -> Event | None:
        """Give the event with a number.

        Args:
            seq: its ``seq``

        Returns:
            The event; None if the recording level did not keep it, or the log's bound has dropped it.
        """
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
        """Give the events that match all that is asked for, in order.

        Args:
            kind: a kind of event (``"pubsub.deliver"``) or a whole family (``"pubsub"``)
            node: the node it happened at, or its name
            peer: the peer it was with, or its name
            topic: the topic it is about
            since: lab time in seconds, included
            until: lab time in seconds, included
            ref: the message (its id), lookup or stream it is about
            reason: its reason, as KINDS.md lists them

        Raises:
            ValidationError: there is no such kind, or a time that is no number.

        Example:
            >>> [(event.node, event.peer) for event in lab.events.filter(kind="connection.opened", node="alice")]
            [('alice', 'bob')]
        """
        kinds = None if kind is None else _kinds_named(kind)
        node_index, peer_index = self._index_named(node), self._index_named(peer)
        start, end = _seconds("since", since), _seconds("until", until)
        return [
            self.event(row)
            for row in self._candidates(kinds, node_index, ref, start, end)
            if (kinds is None or row[2] in kinds)
            and (node_index is None or row[3] == node_index)
            and (peer_index is None or row[4] == peer_index)
            and (topic is None or row[5] == topic)
            and (reason is None or row[8] == reason)
        ]

    def _candidates(
        self, kinds: list[str] | None, node: int | None, ref: str | None, since: float | None, until: float | None
    ) -> list[Row]:
        with self._reading:
            rows = self._rows
            start = 0 if since is None else bisect_left(rows, since, key=self._seconds_of)
            end = len(rows) if until is None else bisect_right(rows, until, key=self._seconds_of)
            return self._indices.candidates(rows, self.dropped, start, end, kinds, node, ref)

    def _seconds_of(self, row: Row) -> float:
        return row[0] / self.resolution

    def _index_named(self, node: object) -> int | None:
        return None if node is None else self._index_of.get(str(node), -2)

    def state(self, at: float | None = None, seq: int | None = None) -> NetworkState:
        """Say what the network was at any moment: nodes, edges, subscriptions, meshes, partitions.

        The first call folds the log, later ones go on from what is folded.

        Args:
            at: after every event up to this lab time, in seconds; left out, now
            seq: after the event with this number

        Raises:
            EventLogError: the level was once below ``decisions`` by then, or the rows up to there are gone.
        """
        with self._reading:
            rows, first, states = self._rows, self.dropped, self._states_here()
            end = len(rows)
        return states.find(rows, end, first, at, seq, self)

    def fold(self, place: int) -> Fold:
        """What the first ``place`` rows came to, counted from the first ever kept. EventLogError as for ``state``."""
        with self._reading:
            rows, first, states = self._rows, self.dropped, self._states_here()
        return states.fold(place, rows, first)

    def _states_here(self) -> States:
        """What folds this log, made when it is first needed; for who holds ``_reading``."""
        if self._states is None:
            from p2plab.events.state import States

            self._states = States(self.resolution, self._names, self._gaps)
        return self._states

    @property
    def now(self) -> float:
        """Seconds on the log's clock; of a log from a file, the time of its last event."""
        return self._clock() / self.resolution

    @property
    def recorded(self) -> str:
        """The coarsest level that the log was ever at: events of finer ones may be missing."""
        return LEVELS[self._coarsest]

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the model leaves out that this run's figures touch, as sentences; empty where nothing is known of it."""
        return () if self.assumed is None else tuple(self.assumed())

    @cached_property
    def cursor(self) -> Cursor:
        """The moment and the selection that all views of this log share."""
        from p2plab.events.cursor import Cursor

        return Cursor(self)

    def chain(self, event: Event) -> Chain:
        """The causes of an event, oldest first, the event itself last."""
        links = [event]
        while True:
            cause = links[-1].cause
            before = inferred_cause(self, links) if cause is None else self.by_seq(cause)
            if before is None:
                return Chain(tuple(reversed(links)), "" if cause is None else self._why_missing(cause))
            links.append(before)

    def _why_missing(self, seq: int) -> str:
        if self.dropped and (not self._rows or seq < self._rows[0][1]):
            return f"what came before, event {seq}, is gone: {self._what_went()}"
        return f"what came before, event {seq}, is not in this log"

    def _what_went(self) -> str:
        return (
            f"the first {self.dropped} rows were dropped when the log reached its bound of {self.limit}; "
            "Lab(log_limit=...) raises it"
        )

    # -- leaving the process

    def adopt(self, rows: list[Row], dropped: int = 0, base: Fold | None = None) -> None:
        """Take rows read from a file as this log's own. ``dropped``: how many there had been before them; ``base``:
        what the network was after those, where that is known."""
        self._rows = rows
        self.dropped = dropped
        if dropped:
            self._forgotten = None
            self._states_here().begin_after(dropped, base)
        last = rows[-1][0] if rows else 0
        self._clock = lambda: last
        self._seq = rows[-1][1] + 1 if rows else dropped
        for row in rows:
            tally = self._tallies[row[3] + 1]
            tally[row[2]] = tally.get(row[2], 0) + 1

    def header(self) -> dict[str, Any]:
        """What a file has to say besides its rows for ``state`` to be known: gaps, and what forgotten rows came to."""
        said: dict[str, Any] = {"gaps": [list(gap) for gap in self._gaps]} if self._gaps else {}
        if self.dropped:
            from p2plab.events.state.carried import to_plain

            with self._reading:
                base = self._states_here().base(self._rows, self.dropped)
            if base is not None:
                said["state"] = to_plain(base, self._names)
        return said

    def take_header(self, said: Mapping[str, Any]) -> Fold | None:
        """Take over what ``header`` gave; returns the state that the rows begin with, where it is there."""
        self._gaps[:] = [(int(row), int(tick), str(level)) for row, tick, level in said.get("gaps", self._gaps)]
        if "state" not in said:
            return None
        from p2plab.events.state.carried import from_plain

        return from_plain(said["state"], self.register)

    def line(self, row: Row) -> bytes:
        """A row as one line of canonical JSON."""
        return line_of(row, self._names, self.resolution)

    def digest(self, level: str | None = None) -> str:
        """Give the fingerprint of all that happened: the sha256 (64 hex digits) of the canonical JSONL of every row.

        Args:
            level: only the rows of this level (``decisions``, ``messages``, ``all``), numbered anew, so that runs
                recorded at different levels can be compared; left out, all rows

        Raises:
            EventLogError: rows that it needs are not here.
        """
        if level is not None:
            sha = hashlib.sha256()
            for row in self._rows_of(level):
                sha.update(self.line(row))
            return sha.hexdigest()
        with self._reading:
            rows, sha = self._rows, self._forgotten
            if sha is None:
                raise EventLogError(f"the digest needs all rows, and the first {self.dropped} were not in the file")
            sha = sha.copy()
        for row in rows[:]:
            sha.update(self.line(row))
        return str(sha.hexdigest())

    def _rows_of(self, level: str) -> Iterator[Row]:
        """The rows that recording at ``level`` would have given."""
        number = _level_number(level)
        if number > self._coarsest:
            raise EventLogError(
                f"level {level!r} needs rows that were not recorded: the level was {LEVELS[self._coarsest]!r}"
            )
        rows, dropped = self.rows()
        if dropped:
            raise EventLogError(f"the digest of a level needs all rows, and {self._what_went()}")
        place: dict[int, int] = {-1: -1}  # of each row or, where it is left out, of its nearest cause
        count = 0
        for row in rows:
            cause = place.get(row[9], -1)
            if _LEVEL_OF.get(row[2], 0) > number:
                place[row[1]] = cause
                continue
            place[row[1]] = count
            yield (row[0], count, *row[2:9], cause, row[10])
            count += 1

    def save(self, path: str | Path) -> Path:
        """Write the log to a file, as canonical JSONL; the header says how many rows were dropped before the first.

        Args:
            path: the file; it is compressed if its name ends in ``.gz``

        Returns:
            The path.

        Raises:
            ConfigurationError: the file cannot be written.
        """
        return save(self, path)

    @classmethod
    def load(cls, path: str | Path) -> EventLog:
        """Read a log from a file that ``save`` wrote. One cut in the middle gives what there is, with a warning.

        Args:
            path: the file

        Raises:
            ConfigurationError: no file can be read there.
            EventLogError: it is another kind of file.
        """
        return load(path)

    def to_pandas(self) -> pandas.DataFrame:
        """A DataFrame with a column for each field of ``Event``. MissingExtraError without pandas."""
        from p2plab.events.frame import to_frame

        return to_frame(self)

    def __getstate__(self) -> dict[str, Any]:
        """All but who reads it. EventLogError once rows were dropped: their part of the digest cannot be carried."""
        if self.dropped:
            raise EventLogError(self._what_went())
        left_out = ("_reading", "_indices", "_forgotten", "_followers", "_followed", "_states", "cursor", "scores_at")
        return {name: value for name, value in self.__dict__.items() if name not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forgotten = hashlib.sha256()
        self._followers, self._followed, self.scores_at = (), frozenset(), None
        self._begin_indices()

    def __repr__(self) -> str:
        gone = f", {self.dropped} older ones dropped at the bound of {self.limit}" if self.dropped else ""
        return f"<EventLog: {counted(len(self), 'row')}, level {self.level}{gone}>"

    def _repr_html_(self) -> str:
        rows, dropped = self.rows()
        note = f"the last {min(10, len(rows))} of {counted(len(rows), 'event')}, level {self.level}"
        return table(map(self.event, rows[-10:]), note + (f"; {self._what_went()}" if dropped else ""))


def _level_number(level: object) -> int:
    if level not in LEVELS:
        raise ValidationError(f"recording level {level!r} is not known; take one of {', '.join(LEVELS)}")
    return LEVELS.index(str(level))


def _kinds_named(kind: str) -> list[str]:
    family = kind.rstrip(".*") + "."
    kinds = [name for name in KINDS if name == kind or name.startswith(family)]
    if not kinds:
        raise ValidationError(f"no kind of event is called {kind!r}; p2plab.events.KINDS lists them")
    return kinds


def _seconds(name: str, value: float | None) -> float | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or value != value):
        raise ValidationError(f"{name} is a number of seconds of lab time, not {value!r}")
    return value
