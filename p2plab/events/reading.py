"""Reading a log: its rows as events, by what they are about, by their causes, and as what the network was.

Any thread may read while the lab's own records: rows are immutable, and only become more at their end.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from p2plab.errors import ValidationError
from p2plab.errors.checked import whole
from p2plab.errors.frames import faced
from p2plab.errors.likely import Nothing, did_you_mean
from p2plab.events.causes import Chain
from p2plab.events.event import Event, Row, event_of, events_of
from p2plab.events.files.jsonl import line_of
from p2plab.events.html import table
from p2plab.events.inferred import inferred_cause
from p2plab.events.kinds import KINDS, LEVELS
from p2plab.text import plural

if TYPE_CHECKING:
    import pandas

    from p2plab.events.cursor import Cursor
    from p2plab.events.rows import Rows
    from p2plab.events.state import Fold, Gap, NetworkState, Scores, States

__all__ = ["LogReader"]


class LogReader:
    """What can be asked of the rows that an ``EventLog``, which is one, has recorded."""

    resolution: int
    limit: int
    dropped: int
    assumed: Callable[[], Sequence[str]] | None
    scores_at: Scores | None
    _clock: Callable[[], int]
    _rows: Rows
    _names: list[str]
    _tallies: list[dict[str, int]]
    _index_of: dict[str, int]
    _coarsest: int
    _level: int
    _gaps: list[Gap]

    def _begin_indices(self) -> None:
        from p2plab.events.rows import Indices

        self._reading = threading.Lock()  # around the indices, and around rows and dropped when both change
        self._indices = Indices()
        self._states: States | None = None

    def counts_of(self, node: object) -> dict[str, int]:
        """Count the events of one node, by kind.

        Args:
            node: the node, or its name
        """
        index = self._index_of.get(str(node))
        return {} if index is None else dict(self._tallies[index + 1])

    def name_of(self, index: int) -> str:
        """The name that an index in rows stands for."""
        return self._names[index]

    def names(self) -> list[str]:
        """The names of the nodes and peers that it tells of, in the order in which they came."""
        return list(self._names)

    def topics(self) -> list[str]:
        """The topics that its rows are about, in the order in which they came.

        Example:
            >>> news = alice.subscribe("news")
            >>> lab.events.topics()
            ['news']
        """
        return self._texts("topic")

    def _texts(self, field: str) -> list[str]:
        return list(dict.fromkeys(text for (text,) in self._rows.scan(field) if text is not None))

    def index_of(self, name: str) -> int | None:
        """The index that stands for this name already, if one does."""
        return self._index_of.get(name)

    def event(self, row: Row) -> Event:
        """The row with its names and seconds."""
        return event_of(row, self._names, self.resolution)

    def rows(self) -> tuple[Rows, int]:
        """The rows as they are, to be read only, and how many went before the first of them."""
        with self._reading:
            return self._rows, self.dropped

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Event]:
        rows = self._rows
        return self._events(rows, range(len(rows)))

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
        at = rows.place_of(whole(seq, "seq", "the number of an event (event.seq)"))
        return None if at is None else self.event(rows[at])

    @faced
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
            ValidationError: there is no such kind, a time that is no number, or a topic or reason that is no text.

        Example:
            >>> [(event.node, event.peer) for event in lab.events.filter(kind="connection.opened", node="alice")]
            [('alice', 'bob')]
        """
        kinds = None if kind is None else _kinds_named(kind)
        if ref is not None and not isinstance(ref, (str, int)):
            raise ValidationError(f"ref is the id of a message, a lookup or a stream, as events have it, not {ref!r}")
        for name, text in (("topic", topic), ("reason", reason)):
            if text is not None and not isinstance(text, str):
                raise ValidationError(f"{name}= is text, as events have it, not {text!r}")
        node_index, peer_index = self._index_named(node), self._index_named(peer)
        start, end = _seconds("since", since), _seconds("until", until)
        rows, places = self._candidates(kinds, node_index, ref, start, end)
        asked: list[tuple[str, int | str | None]] = [("peer", peer_index), ("topic", topic), ("reason", reason)]
        wanted: list[tuple[str, set[Any]]] = [(name, {field}) for name, field in asked if field is not None]
        if ref is not None:  # else they stand among the candidates for their node and kind
            wanted += [] if kinds is None else [("kind", set(kinds))]
            wanted += [] if node_index is None else [("node", {node_index})]
        for name, fields in wanted:
            found = zip(places, rows.column(name, places), strict=True)
            places = [place for place, field in found if field in fields]
        return list(self._events(rows, places)) or self._none_of(topic, reason, node, peer)

    def _events(self, rows: Rows, places: Sequence[int]) -> Iterator[Event]:
        """``event`` of the rows at these places, which ascend; in columns, since there may be very many."""
        for columns in rows.columns(places):
            yield from events_of(columns, self._names, self.resolution)

    def _none_of(self, topic: str | None, reason: str | None, *asked: object) -> list[Event]:
        """No events; where nothing is recorded of a topic, for a reason, or of somebody, the list says so."""
        for name in asked:
            if name is not None and str(name) not in self._index_of:
                meant = did_you_mean(str(name), self._index_of)
                return Nothing(f"nothing is recorded of {str(name)[:80]!r}; {meant}".rstrip("; "))
        for field, text in (("topic", topic), ("reason", reason)):
            known = [] if text is None else self._texts(field)
            if text is not None and text not in known:
                meant = did_you_mean(text, known)
                return Nothing(f"nothing is recorded with the {field} {text[:80]!r}; {meant}".rstrip("; "))
        return []

    def _candidates(
        self, kinds: list[str] | None, node: int | None, ref: str | None, since: float | None, until: float | None
    ) -> tuple[Rows, Sequence[int]]:
        """The rows, and where in them those stand among which are all that is asked for."""
        with self._reading:
            rows, ticks = self._rows, self._rows.field("t")
            start = 0 if since is None else bisect_left(ticks, since, key=self._seconds_of)
            end = len(rows) if until is None else bisect_right(ticks, until, key=self._seconds_of)
            return rows, self._indices.candidates(rows, self.dropped, start, end, kinds, node, ref)

    def _seconds_of(self, tick: int) -> float:
        return tick / self.resolution

    def _index_named(self, node: object) -> int | None:
        return None if node is None else self._index_of.get(str(node), -2)

    @faced
    def state(self, at: float | None = None, seq: int | None = None) -> NetworkState:
        """Say what the network was at any moment: nodes, edges, subscriptions, meshes, partitions.

        The first call folds the log, later ones go on from what is folded.

        Args:
            at: after every event up to this lab time, in seconds; left out, now
            seq: after the event with this number

        Raises:
            EventLogError: the level was once below ``decisions`` by then, or the rows up to there are gone.

        Example:
            >>> carol.crash()
            >>> lab.run(1)
            >>> lab.events.state().edges
            [('alice', 'bob')]
            >>> lab.events.state(at=0).edges
            [('alice', 'bob'), ('bob', 'carol')]
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

    def line(self, row: Row) -> bytes:
        """A row as one line of canonical JSON."""
        return line_of(row, self._names, self.resolution)

    @faced
    def to_pandas(self) -> pandas.DataFrame:
        """A DataFrame with a column for each field of ``Event``. MissingExtraError without pandas."""
        from p2plab.events.frame import to_frame

        return to_frame(self)

    def __repr__(self) -> str:
        gone = f", {self.dropped} older ones dropped at the bound of {self.limit}" if self.dropped else ""
        return f"<EventLog: {plural(len(self), 'row')}, level {LEVELS[self._level]}{gone}>"

    def _repr_html_(self) -> str:
        rows, dropped = self.rows()
        note = f"the last {min(10, len(rows))} of {plural(len(rows), 'event')}, level {LEVELS[self._level]}"
        return table(map(self.event, rows[-10:]), note + (f"; {self._what_went()}" if dropped else ""))


def _kinds_named(kind: str) -> list[str]:
    if not isinstance(kind, str):
        raise ValidationError(f"a kind of event is text such as 'pubsub.deliver', not {kind!r}")
    family = kind.rstrip(".*") + "."
    kinds = [name for name in KINDS if name == kind or name.startswith(family)]
    if not kinds:
        meant = did_you_mean(kind, KINDS)
        raise ValidationError(f"no kind of event is called {kind!r}; {meant}p2plab.events.KINDS lists them")
    return kinds


def _seconds(name: str, value: float | None) -> float | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or value != value):
        raise ValidationError(f"{name} is a number of seconds of lab time, not {value!r}")
    return value
