"""What the nodes' colours mean: one quantity at a time, a number a node. colour.js and svg.py draw it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from p2plab_widgets.graph.frames import NodeLook
from p2plab_widgets.graph.scene import Scene
from p2plab_widgets.graph.wave import Wave

COLOURS: Final = ("auto", "identity", "delay", "hops", "degree", "score", "role", "region", "state")
FEW: Final = 12  # nodes up to which a colour of its own tells each from the others
MAX_CATEGORIES: Final = 8

# Viridis (van der Walt and Smith, 2015) at 17 even steps. On a light ground its dark part is used: every colour then
# stands out from the ground.
VIRIDIS: Final = (
    "#440154", "#481769", "#472a7a", "#433d84", "#3d4e8a", "#355e8d", "#2e6d8e", "#297b8e", "#23898e", "#1f978b",
    "#21a585", "#2eb37c", "#46c06f", "#65cb5e", "#89d548", "#b0dd2f", "#fde725",
)  # fmt: skip
LIGHT_PART: Final = 0.62
BELOW, ZERO, ABOVE = "#b8430a", "#858c96", "#1d5fbf"
CATEGORIES: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442", "#1f2933")


@dataclass(frozen=True)
class Paint:
    """``kind`` is identity, sequence, diverging or category; ``values`` one a node, nan where there is none."""

    by: str = "identity"
    kind: str = "identity"
    label: str = ""
    unit: str = ""
    without: str = "unknown"
    low: float = 0.0
    high: float = 0.0
    categories: tuple[str, ...] = ()
    values: Sequence[float] = field(default=(), repr=False)

    def colour(self, index: int) -> str | None:
        """The colour on a light ground; None where the node has no value."""
        value = self.values[index] if index < len(self.values) else math.nan
        if math.isnan(value):
            return None
        if self.kind == "category":
            return CATEGORIES[int(value)] if 0 <= value < len(CATEGORIES) else None
        if self.kind == "diverging":
            most = max(abs(self.low), abs(self.high)) or 1.0
            return mixed(ZERO, BELOW if value < 0 else ABOVE, min(abs(value) / most, 1.0))
        span = self.high - self.low
        return ramp((value - self.low) / span if span > 0 else 0.0)

    def as_content(self) -> dict[str, Any]:
        """For the browser, which knows no nan, and which has arrivals and hops from the message's way already."""
        names = ("by", "kind", "label", "unit", "without", "low", "high")
        known = () if self.by in ("delay", "hops") else self.values
        values = [None if math.isnan(value) else round(value, 4) for value in known]
        return {**{name: getattr(self, name) for name in names}, "categories": list(self.categories), "values": values}


def mixed(one: str, other: str, part: float) -> str:
    """A colour between two, as #rrggbb."""
    pairs = [(int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pairs)


def ramp(part: float) -> str:
    """A place, 0 to 1, on the ramp for a light ground."""
    place = min(max(part, 0.0), 1.0) * LIGHT_PART * (len(VIRIDIS) - 1)
    at = min(int(place), len(VIRIDIS) - 2)
    return mixed(VIRIDIS[at], VIRIDIS[at + 1], place - at)


def chosen(by: str, scene: Scene, wave: Wave | None, given: Mapping[str, Mapping[str, Any]]) -> Paint:
    """The paint for a choice out of COLOURS. ``given``: what is known of nodes by name, per quantity (score, role,
    region). A few nodes have colours of their own; of many, the message's arrival is shown, or the connections."""
    if by == "auto":
        few = len(scene.shown_nodes()) <= FEW
        by = "identity" if few else "delay" if wave is not None else "degree"
    if by in ("delay", "hops"):
        return _of_wave(by, scene, wave)
    if by == "degree":
        return _sequence(by, "connections", "", [float(scene.degree(i)) for i in range(len(scene.names))])
    if by == "score":
        scores = [float(given.get("score", {}).get(name, math.nan)) for name in scene.names]
        known = [value for value in scores if not math.isnan(value)]
        low, high = min(known, default=0.0), max(known, default=0.0)
        return Paint(by, "diverging", "score, mean over its peers", "", "not scored", min(low, 0.0), high, (), scores)
    if by == "state":
        words = {NodeLook.GONE: "down", NodeLook.RUNNING: "running", NodeLook.OUTSIDE: "not of this lab"}
        return _categories(by, "state", [words.get(look, "attached") for look in scene.looks])
    if by in ("role", "region"):
        return _categories(by, by, [given.get(by, {}).get(name) for name in scene.names])
    return Paint()


def _of_wave(by: str, scene: Scene, wave: Wave | None) -> Paint:
    if wave is None:
        return Paint(by, "sequence", "no message yet", without="does not have it", values=[math.nan] * len(scene.names))
    values = [math.nan] * len(scene.names)
    for index, (seconds, hop) in wave.arrivals.items():
        values[index] = seconds if by == "delay" else float(hop)
    label, unit = ("arrival", "s") if by == "delay" else ("hops", "")
    return _sequence(by, label, unit, values, without="does not have it", low=0.0)


def _sequence(
    by: str, label: str, unit: str, values: list[float], without: str = "unknown", low: float | None = None
) -> Paint:
    known = [value for value in values if not math.isnan(value)]
    least = min(known, default=0.0) if low is None else low
    return Paint(by, "sequence", label, unit, without, least, max(known, default=0.0), (), values)


def _categories(by: str, label: str, words: Sequence[str | None]) -> Paint:
    """At most eight, the commonest first; the rest are one."""
    counts: dict[str, int] = {}
    for word in words:
        if word is not None:
            counts[word] = counts.get(word, 0) + 1
    names = sorted(counts, key=lambda word: (-counts[word], word))
    if len(names) > MAX_CATEGORIES:
        names = [*names[: MAX_CATEGORIES - 1], "others"]
    number = {name: float(at) for at, name in enumerate(names)}
    last = float(len(names) - 1)
    values = [math.nan if word is None else number.get(word, last) for word in words]
    return Paint(by, "category", label, categories=tuple(names), values=values)
