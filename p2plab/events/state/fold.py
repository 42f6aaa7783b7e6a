"""The fold: rows of the log go in one by one, and what the network was after them stands in its fields.

Rules:
- Only rows of the level ``decisions`` change it, so it is the same for logs of every level from there up.
- An end of a connection opens with ``connection.opened`` and closes with ``connection.closed`` at its node. A node that
  crashes or stops holds no ends, meshes and fanouts any more, whether or not it could still say so. What a real node's
  stack still says while it ends (of a message it had read, say) makes none.
- A node that restarts keeps its subscriptions and its routing table, unless its state was lost.
- Everybody is an index of the log here; a peer outside the lab has one too, and a name once it is attached.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from p2plab.events.event import Row
from p2plab.events.state.shared import Shared

__all__ = ["FOLDED", "Fold"]

ENTERED_FANOUT: Final = ("chosen", "refilled")


class Fold:
    """What the network was after ``place`` rows of the log. ``t`` is the last row's tick and ``seq`` its number.

    Of each node, ``ends`` has (peer, connection) pairs, ``topics`` what it subscribes to, ``meshes`` and ``fanouts``
    (topic, peer) pairs, ``tables`` peers. ``filled``: routing tables were filled without a word of what is in them.
    """

    __slots__ = (
        "attached",
        "cuts",
        "down",
        "ends",
        "fanouts",
        "filled",
        "lost",
        "meshes",
        "place",
        "seq",
        "started",
        "t",
        "tables",
        "topics",
    )

    def __init__(self) -> None:
        self.place = 0
        self.t = 0
        self.seq = -1
        self.started: dict[int, None] = {}
        self.down: dict[int, None] = {}
        self.attached: dict[int, None] = {}
        self.lost: dict[int, None] = {}  # attached, and not answering
        self.cuts: tuple[tuple[tuple[str, ...], ...], ...] = ()
        self.ends: Shared[int] = Shared()
        self.topics: Shared[int] = Shared()
        self.meshes: Shared[int] = Shared()
        self.fanouts: Shared[int] = Shared()
        self.tables: Shared[int] = Shared()
        self.filled = False

    def copy(self) -> Fold:
        """Another one in the same state."""
        other = Fold()
        other.place, other.t, other.seq = self.place, self.t, self.seq
        other.started, other.down = self.started.copy(), self.down.copy()
        other.attached, other.lost = self.attached.copy(), self.lost.copy()
        other.cuts, other.filled = self.cuts, self.filled
        other.ends, other.topics = self.ends.copy(), self.topics.copy()
        other.meshes, other.fanouts, other.tables = self.meshes.copy(), self.fanouts.copy(), self.tables.copy()
        return other

    @property
    def weight(self) -> int:
        """How many entries a copy of it makes."""
        shared = len(self.ends) + len(self.topics) + len(self.meshes) + len(self.fanouts) + len(self.tables)
        return shared + len(self.started) + len(self.down) + len(self.attached)

    def apply(self, row: Row) -> None:
        """Take one row in, and count it."""
        self.place += 1
        self.t, self.seq = row[0], row[1]
        change = _CHANGES.get(row[2])
        if change is not None:
            change(self, row)

    # -- what each kind does

    def _started(self, row: Row) -> None:
        self.started[row[3]] = None
        self.down.pop(row[3], None)

    def _went(self, row: Row) -> None:
        node = row[3]
        self.started.setdefault(node)  # its beginning may not be in a log cut at the front
        self.down[node] = None
        self.ends.drop(node)
        self.meshes.drop(node)
        self.fanouts.drop(node)

    def _restarted(self, row: Row) -> None:
        node = row[3]
        self.started.setdefault(node)
        self.down.pop(node, None)
        if (row[10] or {}).get("state") == "lost":
            self.topics.drop(node)
            self.tables.drop(node)

    def _attached(self, row: Row) -> None:
        self.attached[row[3]] = None
        self.lost.pop(row[3], None)

    def _detached(self, row: Row) -> None:
        self.attached.pop(row[3], None)
        self.lost.pop(row[3], None)

    def _lost(self, row: Row) -> None:
        self.lost[row[3]] = None

    def _found(self, row: Row) -> None:
        self.lost.pop(row[3], None)

    def _opened(self, row: Row) -> None:
        if row[3] not in self.down:
            self.ends.add(row[3], (row[4], _connection(row)))

    def _closed(self, row: Row) -> None:
        node, peer, connection = row[3], row[4], _connection(row)
        if not self.ends.remove(node, (peer, connection)) and connection < 0:
            # A log of another tool names no connections: the peer is gone.
            for end in [end for end in self.ends.get(node) if end[0] == peer]:
                self.ends.remove(node, end)

    def _cut(self, row: Row) -> None:
        self.cuts = (*self.cuts, _groups(row))

    def _healed(self, row: Row) -> None:
        groups = _groups(row)
        if not groups:
            self.cuts = ()
            return
        kept = list(self.cuts)
        if groups in kept:
            kept.remove(groups)
        self.cuts = tuple(kept)

    def _subscribed(self, row: Row) -> None:
        if row[5] is not None:
            self.topics.add(row[3], row[5])

    def _unsubscribed(self, row: Row) -> None:
        if row[5] is not None:
            self.topics.remove(row[3], row[5])

    def _grafted(self, row: Row) -> None:
        if row[5] is not None and row[3] not in self.down:
            self.meshes.add(row[3], (row[5], row[4]))

    def _pruned(self, row: Row) -> None:
        if row[5] is not None:
            self.meshes.remove(row[3], (row[5], row[4]))

    def _fanout(self, row: Row) -> None:
        if row[5] is None or row[3] in self.down:
            return
        if row[8] in ENTERED_FANOUT:
            self.fanouts.add(row[3], (row[5], row[4]))
        else:
            self.fanouts.remove(row[3], (row[5], row[4]))

    def _inserted(self, row: Row) -> None:
        self.tables.add(row[3], row[4])

    def _evicted(self, row: Row) -> None:
        self.tables.remove(row[3], row[4])

    def _filled(self, row: Row) -> None:
        self.filled = True


def _connection(row: Row) -> int:
    number = (row[10] or {}).get("connection", -1)
    return number if isinstance(number, int) else -1


def _groups(row: Row) -> tuple[tuple[str, ...], ...]:
    groups: Any = (row[10] or {}).get("groups")
    if not isinstance(groups, (list, tuple)):
        return ()
    # A file may say anything.
    return tuple(tuple(map(str, group)) if isinstance(group, (list, tuple)) else (str(group),) for group in groups)


_CHANGES: Final[dict[str, Callable[[Fold, Row], None]]] = {
    "node.started": Fold._started,
    "node.restarted": Fold._restarted,
    "node.stopped": Fold._went,
    "node.crashed": Fold._went,
    "node.attached": Fold._attached,
    "node.detached": Fold._detached,
    "node.lost": Fold._lost,
    "node.found": Fold._found,
    "connection.opened": Fold._opened,
    "connection.closed": Fold._closed,
    "network.partition": Fold._cut,
    "network.heal": Fold._healed,
    "pubsub.subscribe": Fold._subscribed,
    "pubsub.unsubscribe": Fold._unsubscribed,
    "pubsub.graft": Fold._grafted,
    "pubsub.prune": Fold._pruned,
    "pubsub.fanout": Fold._fanout,
    "dht.inserted": Fold._inserted,
    "dht.evicted": Fold._evicted,
    "dht.filled": Fold._filled,
}

FOLDED: Final = frozenset(_CHANGES)  # the kinds that change what the network is
