"""Reachability as the log tells it: boxes, relays and their slots, circuits, hole punches step by step."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any, Final

from p2plab.events import EventLog
from p2plab_widgets.graph.scene import Scene
from p2plab_widgets.text import shown

__all__ = ["REACH", "Reach"]

REACH: Final = (
    "nat.box", "nat.removed", "nat.dropped",
    "relay.served", "relay.reserved", "relay.lost", "relay.circuit", "relay.ended",
    "dcutr.started", "dcutr.exchanged", "dcutr.packet", "dcutr.ended",
)  # fmt: skip
SEEN: Final = 5.0  # seconds for which the outcome of a punch stays in the picture
DROPPED: Final = 1.5  # and a packet that a box has dropped
MOST: Final = 40  # punches and dropped packets shown at once
_MET: Final = ("SUCCESS", "CONNECTION_REVERSED")

Row = Any


@dataclass
class _Punch:
    """One attempt of two nodes to get a direct connection, by names; ``last`` is the tick of the last thing said."""

    a: str
    b: str
    last: int
    said: str = "the exchange of addresses begins"
    outcome: str = ""
    packets: list[tuple[str, str]] = field(default_factory=list)
    dropped: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class _Standing:
    """What there is at a moment, by names."""

    boxes: dict[str, dict[str, Any]] = field(default_factory=dict)
    relays: dict[str, None] = field(default_factory=dict)
    slots: dict[tuple[str, str], None] = field(default_factory=dict)  # (relay, whose)
    circuits: dict[tuple[str, Any], tuple[str, str]] = field(default_factory=dict)  # (relay, number) -> (from, to)
    punches: dict[frozenset[str], _Punch] = field(default_factory=dict)
    drops: list[tuple[int, str, str, str]] = field(default_factory=list)  # (tick, from, to, words)


class Reach:
    """Keeps the rows of the kinds in ``REACH``; what stood at a moment is folded from them when it is asked for."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._rows: list[Row] = []
        self._ticks: list[int] = []
        self._last: tuple[int, _Standing] = (0, _Standing())

    def __bool__(self) -> bool:
        return bool(self._rows)

    def take(self, row: Row) -> None:
        """One more row."""
        self._rows.append(row)
        self._ticks.append(row[0])

    def content(self, scene: Scene, tick: int | None) -> dict[str, Any]:
        """What stood at a tick, by the scene's numbers; {} where there is neither a box nor a relay in the log."""
        if not self._rows:
            return {}
        now = round(self._log.now * self._log.resolution) if tick is None else tick
        standing = self._standing(tick)
        number = scene.index
        young = now - round(SEEN * self._log.resolution)
        fresh = now - round(DROPPED * self._log.resolution)
        boxes = []
        for name, box in standing.boxes.items():
            nodes = [index for each in box["nodes"] if (index := number(each)) is not None]
            boxes.append({"label": shown(f"{name}, {box['kind']}", 48), "nodes": sorted(nodes)})
        return {
            "boxes": boxes,
            "relays": sorted(index for name in standing.relays if (index := number(name)) is not None),
            "slots": _flat(scene, standing.slots),
            "circuits": _flat(scene, [(relay, *ends) for (relay, _), ends in standing.circuits.items()]),
            "punches": [
                {
                    "pair": _flat(scene, [(punch.a, punch.b)]),
                    "said": shown(punch.outcome or punch.said, 80),
                    "packets": _flat(scene, punch.packets),
                    "dropped": _flat(scene, punch.dropped),
                    "over": bool(punch.outcome),
                    "met": punch.outcome.startswith(_MET),
                }
                for punch in list(standing.punches.values())[-MOST:]
                if not punch.outcome or punch.last >= young
            ],
            "drops": [
                {"pair": pair, "said": said}
                for at, a, b, said in standing.drops[-MOST:]
                if at >= fresh and (pair := _flat(scene, [(a, b)]))
            ],
        }

    def sentence(self, tick: int | None) -> str:
        """The punch that is under way, or what a box has just dropped; empty where there is neither."""
        if not self._rows:
            return ""
        now = round(self._log.now * self._log.resolution) if tick is None else tick
        standing, second = self._standing(tick), self._log.resolution
        young, fresh = now - round(SEEN * second), now - round(DROPPED * second)
        punch = next(reversed(standing.punches.values()), None)
        if punch is not None and (not punch.outcome or punch.last >= young):
            what = "a hole punch: " if not punch.outcome else "a hole punch ended: "
            return f"{shown(punch.a, 24)} and {shown(punch.b, 24)}, {what}{punch.outcome or punch.said}"
        if standing.drops and standing.drops[-1][0] >= fresh:
            _, a, b, said = standing.drops[-1]
            return f"a packet from {shown(a, 24)} to {shown(b, 24)} was dropped: {said}"
        return ""

    def _standing(self, tick: int | None) -> _Standing:
        place = len(self._rows) if tick is None else bisect_right(self._ticks, tick)
        done, standing = self._last
        if place < done:
            done, standing = 0, _Standing()
        for row in self._rows[done:place]:
            self._apply(standing, row)
        self._last = (place, standing)
        return standing

    def _apply(self, standing: _Standing, row: Row) -> None:
        kind, data = row[2], row[10] or {}
        node = self._log.name_of(row[3]) if row[3] >= 0 else ""
        peer = self._log.name_of(row[4]) if row[4] >= 0 else ""
        family = kind.partition(".")[0]
        if kind == "nat.dropped":
            self._dropped(standing, row[0], node, peer, f"{row[8] or 'dropped'} ({data.get('rule', '')})")
        elif family == "nat":
            self._box(standing, kind, data)
        elif family == "relay":
            self._relay(standing, kind, node, peer, data)
        else:
            self._punched(standing, row, node, peer, data)

    def _box(self, standing: _Standing, kind: str, data: dict[str, Any]) -> None:
        name, nodes = str(data.get("box", "")), [str(each) for each in data.get("nodes", ())]
        if kind == "nat.box":
            standing.boxes[name] = {"kind": data.get("kind") or data.get("filtering") or "NAT", "nodes": nodes}
        elif name in standing.boxes:
            left = [each for each in standing.boxes[name]["nodes"] if each not in nodes]
            standing.boxes[name]["nodes"] = left
            if not left or not nodes:
                del standing.boxes[name]

    def _relay(self, standing: _Standing, kind: str, node: str, peer: str, data: dict[str, Any]) -> None:
        if kind == "relay.reserved":
            standing.relays[peer] = standing.slots[peer, node] = None
        elif kind == "relay.lost":
            standing.slots.pop((peer, node), None)
        elif kind == "relay.served":
            standing.relays[node] = None
        elif kind == "relay.circuit":
            standing.relays[node] = None
            if data.get("status") == "OK":
                standing.circuits[node, data.get("circuit")] = (peer, str(data.get("target", "")))
        else:
            standing.circuits.pop((node, data.get("circuit")), None)

    def _punched(self, standing: _Standing, row: Row, node: str, peer: str, data: dict[str, Any]) -> None:
        pair = frozenset((node, peer))
        if row[2] == "dcutr.started" or pair not in standing.punches:
            standing.punches.pop(pair, None)  # the newest is the last
            standing.punches[pair] = _Punch(node, peer, row[0])
            standing.drops = [drop for drop in standing.drops if {drop[1], drop[2]} != pair]
        punch = standing.punches[pair]
        punch.last = row[0]
        if row[2] == "dcutr.exchanged":
            trip = data.get("round_trip")
            took = f", round trip {trip:.3g} s" if isinstance(trip, float) else ""
            punch.said = f"attempt {data.get('attempt', 1)}: both know the other's addresses{took}"
            punch.packets, punch.dropped = [], []
        elif row[2] == "dcutr.packet":
            punch.packets.append((node, peer))
            count = len(punch.packets)
            punch.said = f"{count} punching packet{'' if count == 1 else 's'} under way"
        elif row[2] == "dcutr.ended":
            tries = data.get("attempts")
            how_many = f" after {tries} attempt{'' if tries == 1 else 's'}" if isinstance(tries, int) and tries else ""
            punch.outcome = f"{row[8] or 'ended'}{how_many}"

    def _dropped(self, standing: _Standing, tick: int, node: str, peer: str, said: str) -> None:
        standing.drops.append((tick, node, peer, shown(said, 120)))
        del standing.drops[:-MOST]
        punch = standing.punches.get(frozenset((node, peer)))
        if punch is not None and not punch.outcome:
            standing.drops.pop()
            punch.dropped.append((node, peer))
            punch.last, punch.said = tick, f"a packet was dropped: {said}"


def _flat(scene: Scene, tuples: Any) -> list[int]:
    """Names as numbers one after the other; tuples with a name that the scene does not know are left out."""
    found: list[int] = []
    for names in tuples:
        numbers = [scene.index(name) for name in names]
        if None not in numbers:
            found.extend(number for number in numbers if number is not None)
    return found
