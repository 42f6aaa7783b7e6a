"""Which events of a log are exported, and who its nodes are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from p2plab.events import EventLog
from p2plab.events.event import Row

__all__ = ["Selection"]


@dataclass(frozen=True)
class Selection:
    """A part of a log. ``nodes`` and ``topic`` None: all; ``since`` and ``until`` in seconds. ``peer_ids`` has what
    nodes prove to be, by their names."""

    log: EventLog
    topic: str | None = None
    nodes: Collection[str] | None = None
    since: float = 0.0
    until: float | None = None
    message: str | None = None
    peer_ids: Mapping[str, str] = field(default_factory=dict)

    def rows(self) -> Iterator[Row]:
        """The rows, in order."""
        log, resolution = self.log, self.log.resolution
        first = self.since * resolution
        last = float("inf") if self.until is None else self.until * resolution
        wanted = None if self.nodes is None else {log.index_of(name) for name in self.nodes} - {None}
        for row in log.rows()[0]:
            if not first <= row[0] <= last:
                continue
            if wanted is not None and row[3] not in wanted and row[4] not in wanted:
                continue
            if self.topic is not None and row[5] not in (None, self.topic):
                continue
            if self.message is not None and row[6] != self.message:
                continue
            yield row

    def name(self, index: int) -> str:
        """The name of a node or peer of a row; empty where there is none."""
        return self.log.name_of(index) if index >= 0 else ""
