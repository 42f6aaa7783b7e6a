"""``lab.compare``: one scenario in the mock world and in the real one, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from p2plab.api.backends import settings_of
from p2plab.events.assumptions import together
from p2plab.runs.measured import measured
from p2plab.runs.scenario import Scenario, check_scenario, name_of, numbers, perform
from p2plab.text import aligned, html_table

__all__ = ["Comparison", "compare"]

WORLDS = ("mock", "real")


@dataclass(frozen=True)
class Comparison:
    """What a scenario with one ``seed`` returned in either world (``values``), what its event log was ``measured`` to
    say (delivered, latencies, duplicates, lookups; seconds of lab time), and how many events of each kind there were,
    by backend.

    ``left_out`` are the settings of the lab that a world does not have, by backend; ``assumptions`` what the figures
    rest on.
    """

    scenario: str
    seed: int
    values: Mapping[str, Mapping[str, float]]
    events: Mapping[str, Mapping[str, int]]
    left_out: Mapping[str, list[str]]
    measured: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: {world: {} for world in WORLDS})
    assumptions: tuple[str, ...] = ()

    def _cells(self) -> list[list[str]]:
        rows = [["", *WORLDS, "real / mock"]]
        for table in (self.values, self.measured, self.events):
            for name in dict.fromkeys(name for world in WORLDS for name in table[world]):
                mock, real = (table[world].get(name) for world in WORLDS)
                ratio = f"{real / mock:.3g}" if mock and real is not None else "–"
                rows.append([name, _shown(mock), _shown(real), ratio])
        return rows

    def _notes(self) -> list[str]:
        notes = [f"{self.scenario}, seed {self.seed}: what it returned, what was measured, the events of each kind"]
        for world, names in self.left_out.items():
            if names:
                notes.append(f"the {world} lab was made without {', '.join(names)}, which it does not have")
        return notes + list(self.assumptions)

    def __repr__(self) -> str:
        return "\n".join([aligned(self._cells()), *self._notes()])

    def _repr_html_(self) -> str:
        head, *rows = self._cells()
        return html_table(head, rows, notes=self._notes())


def compare(scenario: Scenario, seed: int, settings: Mapping[str, Any], parameters: Mapping[str, Any]) -> Comparison:
    """Run the scenario in a mock lab and in a real one. What it raises in either is raised; MissingExtraError without
    py-libp2p."""
    check_scenario(scenario)
    values, events, left_out, logged, assumed = {}, {}, {}, {}, []
    known = {world: settings_of(world) for world in WORLDS}
    # A home is one lab's at a time, and what is compared begins with nothing.
    settings = {name: value for name, value in settings.items() if name != "home"}
    for world in WORLDS:
        left_out[world] = [name for name in settings if name not in known[world]]
        taken = {name: value for name, value in settings.items() if name in known[world]}
        if world == "mock" and _is_library_dht(taken.get("dht")):
            del taken["dht"]
            left_out[world].append("dht")
        run = perform(scenario, world, seed, taken, parameters)
        if run.error is not None:
            raise run.error
        values[world] = {} if run.value is None else numbers(run.value)
        events[world] = dict(run.events.counts)
        logged[world] = measured(run.events)
        assumed.append(run.events.assumptions)
    return Comparison(name_of(scenario), seed, values, events, left_out, logged, together(assumed, 1))


def _is_library_dht(dht: object) -> bool:
    """Whether this asks for py-libp2p's own DHT, which no mock node has."""
    from p2plab.kademlia import LibraryDhtParams  # here, for the sake of a light import of p2plab

    return dht == "libp2p" or isinstance(dht, LibraryDhtParams)


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.6g}"
