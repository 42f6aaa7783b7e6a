"""What the log says of edges and nodes beside the network itself: traffic, open streams, who attacks.

A log is read once, and goes on where it has grown; any moment of it can then be asked for. Nodes are the log's own
indices here, in pairs with the smaller first.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from p2plab.events import EventLog
from p2plab_widgets.graph.layers.reach import REACH, Reach
from p2plab_widgets.graph.scene import Scene
from p2plab_widgets.text import shown

__all__ = ["Overlays"]

_COPIES: Final = ("pubsub.deliver", "pubsub.duplicate", "pubsub.reject", "pubsub.ignore")
_ENDS: Final = ("stream.closed", "stream.reset")
_GONE: Final = ("node.crashed", "node.stopped")
MOST_PROTOCOLS: Final = 6  # that are told apart; the rest are one
LONGEST: Final = 24  # signs of a protocol's id
OTHERS: Final = "other protocols"

Pair = tuple[int, int]
Row = Any


def _pair(a: int, b: int) -> Pair:
    return (a, b) if a < b else (b, a)


class _Line:
    """What went over one edge: at which ticks, and how much by then."""

    __slots__ = ("sums", "ticks")

    def __init__(self) -> None:
        self.ticks = array("q")
        self.sums = array("q")

    def add(self, tick: int, amount: int) -> None:
        self.ticks.append(tick)
        self.sums.append(amount + (self.sums[-1] if self.sums else 0))

    def until(self, tick: int | None) -> int:
        """How much by then; None: by the end."""
        at = len(self.ticks) if tick is None else bisect_right(self.ticks, tick)
        return self.sums[at - 1] if at else 0


class Overlays:
    """Reads a log as far as it goes. ``update`` takes in what is new."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._done = 0
        self._counted = 0  # rows whose copies and frames were added up, which is done when they are asked for
        self._spoke = False
        self._framed = False
        self._copies: dict[Pair, _Line] = {}
        self._frames: dict[Pair, _Line] = {}
        self._attackers: dict[int, int] = {}  # node -> the tick of its first harm
        self._streams: list[list[Any]] = []  # [opened, ended or None, pair, protocol, whose end]
        self._open: dict[tuple[int, Any], list[Any]] = {}
        self._roles: list[tuple[int, int, str, str]] = []  # tick, node, what it was there for before and from then on
        self.reach = Reach(log)
        takes: dict[str, Callable[[Row], None]] = {
            **dict.fromkeys(_COPIES, self._speaks),
            **dict.fromkeys(_ENDS, self._ended),
            **dict.fromkeys(_GONE, self._gone),
            **dict.fromkeys(REACH, self.reach.take),
            "link.sent": self._frames_are,
            "stream.opened": self._opened,
            "pubsub.withheld": self._withheld,
            "node.role": self._takes_role,
        }
        self._takes = takes

    def update(self) -> None:
        """Take in what has been recorded since."""
        rows, dropped = self._log.rows()
        takes, end = self._takes, len(rows)
        for _, row in rows.of_kinds(takes, max(self._done - dropped, 0), end):
            take = takes.get(row[2])
            if take is not None:
                take(row)
        self._done = dropped + end

    # -- taking in

    def _speaks(self, row: Row) -> None:
        """Somebody sent a message: of the kinds that say so the first row is enough, until it is asked how many."""
        if row[3] >= 0 and row[4] >= 0 and row[3] != row[4]:
            self._spoke = True
            for kind in _COPIES:
                self._takes.pop(kind, None)

    def _frames_are(self, row: Row) -> None:
        self._framed = True
        del self._takes["link.sent"]

    def _count(self) -> None:
        """Add up what went over each edge since it was asked for."""
        rows, dropped = self._log.rows()
        end = len(rows)
        seen = rows.scan("kind", "t", "node", "peer", "size", start=max(self._counted - dropped, 0), stop=end)
        for kind, tick, node, peer, size in seen:
            if kind in _COPIES:
                if node != peer:
                    self._add(self._copies, tick, node, peer, 1)
            elif kind == "link.sent":
                self._add(self._frames, tick, node, peer, size or 0)
        self._counted = dropped + end

    def _add(self, lines: dict[Pair, _Line], tick: int, node: int, peer: int, amount: int) -> None:
        if node >= 0 and peer >= 0:
            lines.setdefault(_pair(node, peer), _Line()).add(tick, amount)

    def _withheld(self, row: Row) -> None:
        if row[8] == "attack":
            self._attackers.setdefault(row[3], row[0])

    def _takes_role(self, row: Row) -> None:
        before, after = ((row[10] or {}).get(name) or "" for name in ("before", "role"))
        self._roles.append((row[0], row[3], str(before), str(after)))

    def _opened(self, row: Row) -> None:
        data = row[10] or {}
        if row[4] >= 0 and "stream" in data:
            stream = [row[0], None, _pair(row[3], row[4]), str(data.get("protocol") or "?"), row[3]]
            self._streams.append(stream)
            self._open[row[3], data["stream"]] = stream

    def _ended(self, row: Row) -> None:
        stream = self._open.pop((row[3], (row[10] or {}).get("stream")), None)
        if stream is not None:
            stream[1] = row[0]

    def _gone(self, row: Row) -> None:
        """Nobody says of the streams of a node that has crashed that they have ended."""
        for key in [key for key, stream in self._open.items() if row[3] in stream[2]]:
            self._open.pop(key)[1] = row[0]

    # -- what is asked for

    def tick(self, at: float | None) -> int | None:
        """A moment in the log's own ticks."""
        return None if at is None else round(at * self._log.resolution)

    def traffic(self, scene: Scene, at: float | None) -> dict[str, Any]:
        """How much went over each edge by then: bytes where frames were recorded, else copies of messages.
        ``values`` are triples: two nodes and the amount."""
        self._count()
        tick = self.tick(at)
        lines, unit = (self._frames, "bytes") if self._frames else (self._copies, "copies")
        values = []
        for pair, line in lines.items():
            numbers, amount = self._numbers(scene, pair), line.until(tick)
            if numbers is not None and amount:
                values.append((*numbers, amount))
        return {"unit": unit, "values": [number for triple in sorted(values) for number in triple]}

    def streams(self, scene: Scene, at: float | None) -> dict[str, Any]:
        """The streams that are open: ``protocols`` by name, the most used first, and ``values``, quadruples of two
        nodes, a protocol's number and how many."""
        tick = self.tick(at)
        counts: Counter[tuple[Pair, str, int]] = Counter()
        streams = self._open.values() if tick is None else self._streams
        for opened, ended, pair, protocol, whose in streams:
            if tick is None or (opened <= tick and (ended is None or ended > tick)):
                counts[pair, protocol, whose] += 1
        # Both ends of a stream say that it is there.
        most: dict[tuple[Pair, str], int] = {}
        for (pair, protocol, _), count in counts.items():
            most[pair, protocol] = max(count, most.get((pair, protocol), 0))
        used: Counter[str] = Counter()
        for (_, protocol), count in most.items():
            used[protocol] += count
        names = sorted(used, key=lambda name: (-used[name], name))
        kept = names if len(names) <= MOST_PROTOCOLS else [*names[: MOST_PROTOCOLS - 1], OTHERS]
        number = {name: min(place, len(kept) - 1) for place, name in enumerate(names)}
        together: Counter[tuple[int, int, int]] = Counter()
        for (pair, protocol), count in most.items():
            numbers = self._numbers(scene, pair)
            if numbers is not None:
                together[(*numbers, number[protocol])] += count
        return {
            "protocols": [_brief(name) for name in kept],
            "values": [value for key, count in sorted(together.items()) for value in (*key, count)],
        }

    def attackers(self, scene: Scene, at: float | None) -> list[int]:
        """The nodes that have done harm on purpose by then."""
        tick = self.tick(at)
        found = (self._index(scene, node) for node, first in self._attackers.items() if tick is None or first <= tick)
        return sorted(index for index in found if index is not None)

    def roles(self, tick: int | None, now: Mapping[str, str]) -> dict[str, str]:
        """What nodes were there for at a tick, by name. ``now``: what they are there for, as far as it is known without
        the log, which has only what changed."""
        found = {self._log.name_of(node): after for _, node, _, after in self._roles} | dict(now)
        for at, node, before, _ in reversed(self._roles):
            if tick is not None and at > tick:
                found[self._log.name_of(node)] = before
        return {name: role for name, role in found.items() if role}

    @property
    def known(self) -> dict[str, str]:
        """The layers that have nothing to show, and why."""
        missing = {
            "traffic": "" if self._framed or self._spoke else "no message recorded",
            "streams": "" if self._streams else "no stream recorded",
            "boxes": "" if self.reach else "no NAT and no relay",
            "attackers": "" if self._attackers else "nobody attacks",
        }
        return {name: why for name, why in missing.items() if why}

    def _index(self, scene: Scene, node: int) -> int | None:
        return scene.index(self._log.name_of(node))

    def _numbers(self, scene: Scene, pair: Pair) -> Pair | None:
        a, b = self._index(scene, pair[0]), self._index(scene, pair[1])
        return None if a is None or b is None else _pair(a, b)


def _brief(protocol: str) -> str:
    """A protocol's id, without its beginning where it is long: the end tells it from the others."""
    text = shown(protocol, 200)
    return text if len(text) <= LONGEST else "…" + text[1 - LONGEST :]
