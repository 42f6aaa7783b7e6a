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
        rows = log.rows()[0]
        return rows.at(
            [
                place
                for place, (t, node, peer, topic, ref) in enumerate(rows.scan("t", "node", "peer", "topic", "ref"))
                if first <= t <= last
                and (wanted is None or node in wanted or peer in wanted)
                and (self.topic is None or topic is None or topic == self.topic)
                and (self.message is None or ref == self.message)
            ]
        )

    def name(self, index: int) -> str:
        """The name of a node or peer of a row; empty where there is none."""
        return self.log.name_of(index) if index >= 0 else ""
