"""What a graph shows beside the structure itself: groups and scores of nodes, places, grounds, layers."""

from __future__ import annotations

import weakref
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

from p2plab.errors import EventLogError
from p2plab.events import EventLog
from p2plab_widgets.graph.layers.overlays import Overlays
from p2plab_widgets.graph.layers.quantities import keys, regions, roles, scores
from p2plab_widgets.graph.places import Place, places
from p2plab_widgets.graph.scene import Scene
from p2plab_widgets.graph.wave import Wave

if TYPE_CHECKING:
    from p2plab_widgets.graph.widget import PeerGraph

__all__ = ["LAYERS", "USUAL", "Beside"]

# What can be drawn over and under the nodes, and what of it is drawn unless something else is said.
LAYERS: Final = (
    *("connections", "mesh", "tree", "duplicates", "partitions"),
    *("traffic", "streams", "neighbours", "boxes", "attackers"),
)
USUAL: Final = ("connections", "mesh", "tree", "duplicates", "partitions", "boxes", "attackers")
SLOW: Final = 5  # looks between two questions for what costs time to ask for: scores
MANY: Final = 400  # nodes from which on those are rarer


class Beside:
    """Asked by a graph, at each look. ``positions`` and ``regions`` are what the user gave, ``attackers`` too."""

    def __init__(
        self,
        graph: PeerGraph,
        log: EventLog,
        positions: Mapping[str, Place],
        regions: Mapping[str, str],
        attackers: Collection[str],
    ) -> None:
        self._graph_of = weakref.ref(graph)  # no circle: a graph that was refused while it was made goes at once
        self.positions = positions
        self._regions = regions
        self._attackers = tuple(attackers)
        self._scores: Mapping[str, float] = {}
        self._looks = 0
        self._roles: Mapping[str, str] = {}
        self._regions_of: tuple[int, Mapping[str, str]] = (-1, {})  # how many nodes were asked, and what they said
        self._asked: int | None = None  # how many nodes were asked for their roles
        self._overlays = Overlays(log)

    @property
    def _graph(self) -> PeerGraph:
        graph = self._graph_of()
        assert graph is not None  # it is the graph that asks
        return graph

    def ask_anew(self) -> None:
        """What is asked for rarely is to be asked for at the next look."""
        self._looks = 0
        self._asked = None

    # -- of the nodes

    def groups(self) -> Mapping[str, str]:
        """The region of each node that has one."""
        lab = self._graph.lab
        if self._regions or lab is None or lab.closed:
            return self._regions
        count = len(lab.nodes)
        if count < MANY or self._regions_of[0] != count:
            self._regions_of = (count, regions(lab))
        return self._regions_of[1]

    def given(self, scene: Scene, at: float | None, groups: Mapping[str, str]) -> dict[str, Mapping[str, Any]]:
        """What is known of nodes beside the network: their regions, roles, scores."""
        given: dict[str, Mapping[str, Any]] = {"region": groups}
        lab = self._graph.lab
        given["role"] = {} if lab is None or lab.closed else self._roles_of(lab, scene)
        if at is not None or not given["role"]:
            self._overlays.update()
            given["role"] = self._overlays.roles(self._overlays.tick(at), given["role"])
        if self._graph.colour == "score":
            rare = SLOW if len(scene.names) < MANY else 10 * SLOW
            if at is not None:
                given["score"] = self._scores_at(at)
            elif lab is not None and not lab.closed and self._looks % rare == 0:
                self._scores = scores(lab)
            given.setdefault("score", self._scores)
            self._looks += 1
        return given

    def _roles_of(self, lab: Any, scene: Scene) -> Mapping[str, str]:
        """What nodes say of their roles; many of them are asked when their colours say it, else when others come."""
        count = len(scene.names)
        if count < MANY or self._graph.colour == "role" or self._asked != count:
            self._roles = roles(lab)
            self._asked = count
        return self._roles

    def _scores_at(self, at: float) -> dict[str, float]:
        sums: dict[str, list[float]] = {}
        for given in (self._graph.state(at).scores or {}).values():
            for peer, row in given.items():
                value = row.get("score") if isinstance(row, Mapping) else row
                if isinstance(value, (int, float)):
                    sums.setdefault(peer, []).append(float(value))
        return {peer: sum(values) / len(values) for peer, values in sums.items()}

    # -- of what can be chosen

    def offered(self, wave: Wave | None, given: Mapping[str, Mapping[str, Any]], scene: Scene) -> dict[str, str]:
        """Choices that show nothing now, and why."""
        missing: dict[str, str] = {}
        if wave is None:
            missing |= dict.fromkeys(("delay", "hops", "layout tree"), "no message yet")
        missing |= {by: "none known" for by in ("role", "region") if not given.get(by)}
        if not given["region"]:
            missing["layout regions"] = "none known"
        if not self.positions:
            missing["layout given"] = "no positions were given"
        without = self._overlays.known
        if self._attackers:
            without.pop("attackers", None)
        if len(scene.names) > MANY:
            without["neighbours"] = f"only up to {MANY} nodes"
        return missing | {f"layer {name}": why for name, why in without.items()}

    # -- of places

    def places(self, scene: Scene, wave: Wave | None, groups: Mapping[str, str]) -> list[Place | None] | None:
        """Where the chosen layout puts each node; None where forces do."""
        kind, lab = self._graph.layout_kind, self._graph.lab
        if kind == "force":
            return None
        ordered = keys(lab, scene.names) if kind == "circle" and lab is not None else None
        return places(kind, scene, wave, ordered, groups, self.positions)

    def placed(self, scene: Scene, wave: Wave | None, groups: Mapping[str, str]) -> dict[str, Any]:
        """The same for the browser."""
        found = self.places(scene, wave, groups)
        if found is None:
            return {"kind": "force", "values": []}
        values = [None if place is None else round(place[side], 3) for place in found for side in (0, 1)]
        return {"kind": self._graph.layout_kind, "values": values}

    # -- of layers

    def layers(self, scene: Scene, at: float | None, wanted: Collection[str]) -> dict[str, Any]:
        """What the layers show that are ``wanted``."""
        overlays = self._overlays
        overlays.update()
        found: dict[str, Any] = {}
        if "neighbours" in wanted:
            found["neighbours"] = self._neighbours(scene, at)
        if "traffic" in wanted:
            found["traffic"] = overlays.traffic(scene, at)
        if "streams" in wanted:
            found["streams"] = overlays.streams(scene, at)
        if "boxes" in wanted:
            found["reach"] = overlays.reach.content(scene, overlays.tick(at))
        if "attackers" in wanted:
            told = (scene.index(name) for name in self._attackers)
            found["attackers"] = sorted({*overlays.attackers(scene, at), *(i for i in told if i is not None)})
        return found

    def reaching(self, at: float | None) -> str:
        """What happens between boxes at the moment, in words; empty where nothing does."""
        self._overlays.update()
        return self._overlays.reach.sentence(self._overlays.tick(at))

    def _neighbours(self, scene: Scene, at: float | None) -> list[int]:
        """Who has whom in its routing table, as pairs of numbers one after the other; none in larger networks, whose
        tables would be a carpet, and none that were not recorded."""
        if len(scene.names) > MANY:
            return []
        try:
            state = self._graph.state(at)
        except EventLogError:  # too little was recorded, which the live picture does without
            return []
        pairs = {
            (min(a, b), max(a, b))
            for name, peers in (state.tables or {}).items()
            if name not in state.down
            for peer in peers
            if (a := scene.index(name)) is not None and (b := scene.index(peer)) is not None
        }
        return [index for pair in sorted(pairs) for index in pair]
