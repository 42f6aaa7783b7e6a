"""A reader's queue of new events."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from p2plab.errors.checked import whole
from p2plab.events.event import Event, Row

if TYPE_CHECKING:
    from p2plab.events.log import EventLog


class Follower:
    """A reader's own queue of new rows of some kinds, to be drained from any thread. Bounded: the oldest rows go, and
    ``missed`` counts them. Rows that the log's level leaves out have the ``seq`` -1."""

    def __init__(self, log: EventLog, kinds: frozenset[str], limit: int) -> None:
        self._log = log
        self.kinds = kinds
        self._rows: deque[Row] = deque(maxlen=whole(limit, "limit", "how many rows wait at most", 1))
        self.missed = 0

    def put(self, row: Row) -> None:
        """For the log only."""
        if len(self._rows) == self._rows.maxlen:
            self.missed += 1
        self._rows.append(row)

    def drain(self) -> list[Event]:
        """What has come since the last call, oldest first."""
        return [self._log.event(row) for row in self.drain_rows()]

    def drain_rows(self) -> list[Row]:
        """What has come since the last call as rows (tuples), oldest first: quicker than ``drain`` for very many."""
        rows = self._rows
        return [rows.popleft() for _ in range(len(rows))]

    @property
    def log(self) -> EventLog:
        """The log whose rows come here."""
        return self._log

    def close(self) -> None:
        """Stop following."""
        self._log.unfollow(self)
