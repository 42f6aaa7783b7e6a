"""The log itself: rows are appended while the lab runs, and become ``Event`` objects when somebody looks.

Rules it lives by:
- The order of rows is the order in which things happened. ``seq`` counts the rows kept, so that who follows the log
  from outside, and a hot path that skips what nobody wants, change nothing in it.
- ``cause`` is ambient: everything recorded inherits it unless told otherwise. The clock's loop sets it for each call,
  everybody else here: ``because(seq)`` and ``caused`` restore it, ``continue_from(seq)`` leaves it so for the rest of
  the call or task. An event that the level leaves out answers with its own cause, so that chains are always whole.
- Only the lab's own thread records. Any thread may read: rows are immutable and only become more at their end. All but
  the newest are packed (``events/rows``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from p2plab.errors import EventLogError, ValidationError
from p2plab.errors.checked import list_of
from p2plab.errors.frames import faced
from p2plab.events.causes import Because
from p2plab.events.event import Row
from p2plab.events.files.jsonl import load, save
from p2plab.events.follower import Follower
from p2plab.events.kinds import KINDS, LEVELS
from p2plab.events.plain import check_data
from p2plab.events.reading import LogReader
from p2plab.events.tallies import Counts

if TYPE_CHECKING:
    from p2plab.events.rows import Rows
    from p2plab.events.state import Fold, Gap, Scores
    from p2plab.typing import Moment

P = ParamSpec("P")
T = TypeVar("T")

LIMIT = 2_000_000  # rows kept, unless told otherwise: about 100 MB
_LEVEL_OF_STATE = LEVELS.index("decisions")
_TEXT = frozenset((str, type(None)))
_LEVEL_OF = {name: kind.level for name, kind in KINDS.items()}


class EventLog(LogReader):
    """A sequence of ``Event``. ``resolution`` is the number of ticks in a second, ``clock`` gives the current tick.

    It keeps the last ``limit`` rows, or up to an eighth fewer; ``dropped`` says how many older ones went. ``counts``
    has the number of events of each kind, kept or not, ``counts_of`` those of one node.
    """

    ref = "events"  # by which a list of commands names it

    def __init__(self, resolution: int, clock: Callable[[], int], level: str = "messages", limit: int = LIMIT) -> None:
        from p2plab.events.rows import Rows  # importing p2plab stays light

        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 8:
            raise ValidationError(f"log_limit must be a number of rows from 8 up, not {limit!r}")
        self.resolution = resolution
        self.limit = limit
        self.cause = -1
        self.dropped = 0
        self.scores_at: Scores | None = None  # where the world can tell the scores of any moment, how
        self.assumed: Callable[[], Sequence[str]] | None = None  # what the run's figures rest on, as its world tells
        self.model: int | None = None  # the version of the model that computed the run; None: none did
        self.change: Callable[[Callable[[str], None], str], None] | None = None  # how the world wants the level set
        self._clock = clock
        self.moment: Moment | None = None  # the same clock, where its tick can be read without a call
        self._use(Rows())
        self._seq = 0
        self._names: list[str] = []
        self._tallies: list[dict[str, int]] = [{}]  # by node, one place further: the first is of events without one
        self.counts: Mapping[str, int] = Counts(self._tallies)
        self._index_of: dict[str, int] = {}
        self._followers: tuple[Follower, ...] = ()
        self._followed: frozenset[str] = frozenset()
        self.unwanted: frozenset[str] = frozenset()  # kinds of which no row would be kept or followed
        self._listeners: list[Callable[[], None]] = []
        self._begin_indices()
        self._forgotten: Any = hashlib.sha256()  # of the rows that went; None where those were never here
        self._level = self._coarsest = _level_number(level)
        self._look_what_is_wanted()
        self._gaps: list[Gap] = [] if self._level >= _LEVEL_OF_STATE else [(0, 0, level)]

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
        if self._level < _LEVEL_OF_STATE and not self._gaps:
            self._gaps.append((self.dropped + len(self._rows), self._clock(), self.level))
        self.wants_changed()

    def on_level(self, listener: Callable[[], None]) -> None:
        """Have ``listener`` called whenever ``wants`` may answer otherwise than before."""
        self._listeners.append(listener)

    def wants_changed(self) -> None:
        """Tell them."""
        self._look_what_is_wanted()
        for listener in self._listeners:
            listener()

    def _look_what_is_wanted(self) -> None:
        self.unwanted = frozenset(kind for kind in KINDS if not self.wants(kind))

    def keeps(self, kind: str) -> bool:
        """Whether a row of this kind would be kept at this level, whoever follows."""
        return _LEVEL_OF[kind] <= self._level

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
        if kind in self.unwanted:
            return cause
        kept = _LEVEL_OF[kind] <= self._level
        if data is not None:
            check_data(kind, data)
        if topic.__class__ not in _TEXT or ref.__class__ not in _TEXT or reason.__class__ not in _TEXT:
            _check_texts(kind, topic, ref, reason)
        seq, moment = self._seq if kept else -1, self.moment
        tick = self._clock() if moment is None else moment.now
        row: Row = (tick, seq, kind, node, peer, topic, ref, size, reason, cause, data)
        if kept:
            self._seq = seq + 1
            newest = self._newest
            newest.append(row)
            if len(newest) > self._room:
                self._make_room()
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

    def tally(self, node: int) -> dict[str, int]:
        """How many events of each kind there were at a node, to count in what nobody ``wants``."""
        return self._tallies[node + 1]

    def _use(self, rows: Rows) -> None:
        """Keep these rows, and know how many more the newest of them may become."""
        self._rows = rows
        self._newest, self._room = rows.newest, rows.room(self.limit)

    def _make_room(self) -> None:
        """Drop the oldest eighth where there are too many, else pack what is older than the newest."""
        if len(self._rows) > self.limit:
            self._forget()
        else:
            self._rows.pack()
            self._use(self._rows)

    def _forget(self) -> None:
        """Feed the rows that go to the digest first, so that it still speaks of all rows."""
        count = max(1, self.limit // 8)
        with self._reading:
            for row in self._rows.between(0, count):
                self._forgotten.update(self.line(row))
            self._states_here().forget(self.dropped + count, self._rows, self.dropped)
            self._use(self._rows.without(count))
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
        named = list_of(kinds, "kinds", "['pubsub.deliver']")
        unknown = [kind for kind in named if not isinstance(kind, str) or kind not in KINDS]
        if unknown:
            names = ", ".join(map(str, unknown[:8]))
            raise ValidationError(f"no such kind of event: {names}; p2plab.events.KINDS lists them")
        wanted = frozenset(named)
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

    # -- leaving the process

    def adopt(self, rows: Rows, dropped: int = 0, base: Fold | None = None) -> None:
        """Take rows read from a file as this log's own. ``dropped``: how many there had been before them; ``base``:
        what the network was after those, where that is known."""
        self._use(rows)
        self.dropped = dropped
        if dropped:
            self._forgotten = None
            self._states_here().begin_after(dropped, base)
        last = rows[-1][0] if rows else 0
        self._clock, self.moment = lambda: last, None
        self._seq = rows[-1][1] + 1 if rows else dropped
        for node, kind in rows.scan("node", "kind"):
            tally = self._tallies[node + 1]
            tally[kind] = tally.get(kind, 0) + 1

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

    @faced
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
        for row in rows:
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

    @faced
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
    @faced
    def load(cls, path: str | Path) -> EventLog:
        """Read a log from a file that ``save`` wrote. One cut in the middle gives what there is, with a warning.

        Args:
            path: the file

        Raises:
            ConfigurationError: no file can be read there.
            EventLogError: it is another kind of file.
        """
        return load(path)

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
        self._look_what_is_wanted()
        self._begin_indices()


def _check_texts(kind: str, *texts: object) -> None:
    for text in texts:
        if text is not None and not isinstance(text, str):
            raise EventLogError(f"{kind} cannot be recorded: {text!r} is no text; decode what a peer sends first")


def _level_number(level: object) -> int:
    if level not in LEVELS:
        raise ValidationError(f"recording level {level!r} is not known; take one of {', '.join(LEVELS)}")
    return LEVELS.index(str(level))
