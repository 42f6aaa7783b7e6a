"""The network as a graph that changes: GEXF with the times at which nodes and edges were there, and GraphML.

Edges are connections or, of a topic, the meshes (directed). GEXF has spells, which Gephi plays; GraphML knows no time,
so there each edge says from when until when it was, and an edge that came back stands there again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Final
from xml.etree import ElementTree as ET

from p2plab.events.state import FOLDED, Changes
from p2plab.exports.writers.selection import Selection

__all__ = ["write_gexf", "write_graphml"]

GEXF: Final = "http://www.gexf.net/1.2draft"
GRAPHML: Final = "http://graphml.graphdrawing.org/xmlns"
Spell = tuple[float, float]
"""From when until when, in seconds."""


@dataclass
class _Network:
    end: float = 0.0
    nodes: dict[str, list[Spell]] = field(default_factory=dict)
    edges: dict[tuple[str, str], list[Spell]] = field(default_factory=dict)


def _network(selection: Selection) -> _Network:
    """Who was there and who was joined to whom, when."""
    log, changes, found = selection.log, Changes(), _Network()
    open_nodes: dict[int, float] = {}
    open_edges: dict[tuple[int, int], float] = {}
    rows = log.rows()[0]
    found.end = log.now
    if selection.until is not None:
        found.end = min(found.end, selection.until)

    def begin(key: tuple[int, int], at: float) -> None:
        open_edges.setdefault(key, at)
        for node in key:
            found.nodes.setdefault(selection.name(node), [])

    def end(key: tuple[int, int], at: float) -> None:
        since = open_edges.pop(key, None)
        if since is not None:
            a, b = (selection.name(node) for node in key)
            found.edges.setdefault((a, b), []).append((since, at))

    for _, row in rows.of_kinds(FOLDED):
        at = row[0] / log.resolution
        if at > found.end:
            break
        for change in changes.apply(row):
            if change[0] == "node":
                if change[2] in ("running", "attached"):
                    open_nodes.setdefault(change[1], at)
                    found.nodes.setdefault(selection.name(change[1]), [])
                elif change[1] in open_nodes:
                    found.nodes[selection.name(change[1])].append((open_nodes.pop(change[1]), at))
            elif change[0] == "edge" and selection.topic is None:
                (begin if change[3] else end)((change[1], change[2]), at)
            elif change[0] == "mesh" and change[3] == selection.topic:
                (begin if change[4] else end)((change[1], change[2]), at)
    for node, since in open_nodes.items():
        found.nodes[selection.name(node)].append((since, found.end))
    for key in list(open_edges):
        end(key, found.end)
    if selection.nodes is not None:
        chosen = set(selection.nodes)
        found.nodes = {name: spells for name, spells in found.nodes.items() if name in chosen}
        found.edges = {key: spells for key, spells in found.edges.items() if chosen.issuperset(key)}
    return found


def write_gexf(selection: Selection, file: IO[bytes]) -> int:
    """Write GEXF 1.2; returns how many edges."""
    network = _network(selection)
    kind = "undirected" if selection.topic is None else "directed"
    top = ET.Element("gexf", {"xmlns": GEXF, "version": "1.2"})
    graph = ET.SubElement(
        top,
        "graph",
        {"mode": "dynamic", "timeformat": "double", "defaultedgetype": kind, "start": "0.0", "end": repr(network.end)},
    )
    nodes = ET.SubElement(graph, "nodes")
    for name, spells in network.nodes.items():
        _spells(ET.SubElement(nodes, "node", {"id": _plain(name), "label": _plain(name)}), spells)
    edges = ET.SubElement(graph, "edges")
    for number, ((a, b), spells) in enumerate(network.edges.items()):
        edge = {"id": str(number), "source": _plain(a), "target": _plain(b)}
        _spells(ET.SubElement(edges, "edge", edge), spells)
    _write(top, file)
    return len(network.edges)


def _spells(element: ET.Element, spells: list[Spell]) -> None:
    if spells:
        told = ET.SubElement(element, "spells")
        for start, end in spells:
            ET.SubElement(told, "spell", {"start": repr(start), "end": repr(end)})


def write_graphml(selection: Selection, file: IO[bytes]) -> int:
    """Write GraphML; returns how many edges."""
    network = _network(selection)
    top = ET.Element("graphml", {"xmlns": GRAPHML})
    for owner in ("node", "edge"):
        for name in ("start", "end"):
            key = {"id": f"{owner}_{name}", "for": owner, "attr.name": name, "attr.type": "double"}
            ET.SubElement(top, "key", key)
    kind = "undirected" if selection.topic is None else "directed"
    graph = ET.SubElement(top, "graph", {"edgedefault": kind})
    for name, spells in network.nodes.items():
        node = ET.SubElement(graph, "node", {"id": _plain(name)})
        if spells:
            _between(node, "node", (spells[0][0], spells[-1][1]))
    for number, ((a, b), spell) in enumerate(_each(network)):
        edge = {"id": f"e{number}", "source": _plain(a), "target": _plain(b)}
        _between(ET.SubElement(graph, "edge", edge), "edge", spell)
    _write(top, file)
    return sum(map(len, network.edges.values()))


def _each(network: _Network) -> Iterator[tuple[tuple[str, str], Spell]]:
    for key, spells in network.edges.items():
        for spell in spells:
            yield key, spell


def _between(element: ET.Element, owner: str, spell: Spell) -> None:
    for name, at in zip(("start", "end"), spell, strict=True):
        ET.SubElement(element, "data", {"key": f"{owner}_{name}"}).text = repr(at)


def _write(top: ET.Element, file: IO[bytes]) -> None:
    ET.indent(top)
    ET.ElementTree(top).write(file, encoding="utf-8", xml_declaration=True)


def _plain(text: str) -> str:
    """What XML can hold: control characters, which a peer may choose, are shown by their codes."""
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)
