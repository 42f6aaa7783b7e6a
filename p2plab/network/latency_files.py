"""Reading files of latencies: tables (CSV, what ``numpy.savetxt`` writes) and graphs (GML, as Shadow has them).

The GML attributes, their units and their defaults are those of Shadow's docs/network_graph_spec.md and, for the names
of bandwidths in newer files, its configuration: latencies are one way and, without a unit, seconds; packets take the
path of least latency; ``jitter`` has no effect there, so a file that sets one is taken with a warning.
"""

from __future__ import annotations

import csv
import re
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from p2plab.errors import MissingExtraError, ValidationError
from p2plab.errors.checked import one_of, path_of
from p2plab.network.matrix import MOST_SITES, LatencyMatrix
from p2plab.network.text_files import read_text

__all__ = ["load_matrix"]

UNITS: Final = {
    **dict.fromkeys(("ns", "nanosecond", "nanoseconds"), 1e-9),
    **dict.fromkeys(("us", "μs", "microsecond", "microseconds"), 1e-6),
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
}
_BINARY: Final = {"": 1.0, "k": 2.0**10, "m": 2.0**20, "g": 2.0**30, "t": 2.0**40}
_DECIMAL: Final = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}
_NUMBER: Final = r"([0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+)"
_KNOWN_OF_EDGE: Final = ("latency", "packet_loss", "label", "jitter")
_KNOWN_OF_NODE: Final = (
    "label", "weight", "host_bandwidth_up", "host_bandwidth_down", "bandwidth_up", "bandwidth_down",
    "country_code", "city_code", "ip_address",
)  # fmt: skip
_EXAMPLE: Final = "its first row is 'site,a,b' (or 'site,weight,a,b'), and each row after it a site and its times"


def load_matrix(path: str | Path, unit: str | None = None, round_trip: bool | None = None) -> LatencyMatrix:
    """Read latencies between sites from a ``.gml`` graph as Shadow has them, or from a table (any other name).

    A table has a header of sites, then a row a site, its name first (``site,weight,a,b``: a column named ``weight`` has
    the share of nodes at each); or numbers only, as ``numpy.savetxt`` writes: the sites are then ``0``, ``1``, ... Its
    cells lie between commas, semicolons, tabs or spaces.
    ``unit`` is that of plain numbers: of a table ``ms``, of a graph ``s`` unless told otherwise. ``round_trip``: the
    times are there and back, so they are halved: true of a table, false of a graph unless told otherwise. A graph's
    ``packet_loss`` and bandwidths are taken over; sites without an edge talk over the fastest path there is.
    Raises ValidationError, which says what is wrong with the file and where; warns of attributes that do nothing here.
    """
    path = path_of(path, "the path of a file of latencies")
    if unit is not None:
        one_of(unit, UNITS, "the unit of its times")
    if round_trip is not None and not isinstance(round_trip, bool):
        raise ValidationError(f"round_trip is True, False or None (what the kind of file says), not {round_trip!r}")
    if not path.is_file():
        raise ValidationError(f"there is no file {path}")
    graph = path.suffix.lower() == ".gml"
    scale = 0.5 if (not graph if round_trip is None else round_trip) else 1.0
    if graph:
        return _from_gml(path, unit or "s", scale)
    return _from_table(path, UNITS[unit or "ms"] * scale)


# -- tables


def _from_table(path: Path, scale: float) -> LatencyMatrix:
    rows = _rows(path)
    if all(_is_number(cell) for cell in rows[0][1]):
        return LatencyMatrix(
            [str(at) for at in range(len(rows))],
            [_times(path, number, cells, len(rows), 1, scale) for number, cells in rows],
            source=str(path),
        )
    weighed = len(rows[0][1]) > 1 and rows[0][1][1].lower() in ("weight", "weights")
    first = 2 if weighed else 1
    sites = rows[0][1][first:]
    if not sites:
        raise ValidationError(f"{path}, row {rows[0][0]}: {','.join(rows[0][1])[:80]!r} names no sites; {_EXAMPLE}")
    seconds, weights = [], []
    for at, (number, cells) in enumerate(rows[1:]):
        if at >= len(sites):
            raise ValidationError(f"{path}, row {number}: one row more than the {len(sites)} sites of its header")
        if cells[0] != sites[at]:
            raise ValidationError(
                f"{path}, row {number} is {cells[0]!r}'s; in the header's order {sites[at]!r} is next"
            )
        if weighed:
            weight = cells[1] if len(cells) > 1 else ""
            if not (weight.isascii() and weight.isdigit()):
                raise ValidationError(f"{path}, row {number}, column 2: weight {weight!r} is not a whole number")
            weights.append(int(weight))
        seconds.append(_times(path, number, cells[first:], len(sites), first + 1, scale))
    return LatencyMatrix(sites, seconds, weights or None, source=str(path))


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """The rows that hold something, each with its number in the file."""
    lines = read_text(path).splitlines()
    told = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not told:
        raise ValidationError(f"{path} is empty; {_EXAMPLE}")
    mark = next((mark for mark in (",", ";", "\t") if mark in told[0]), None)
    rows = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            cells = line.split() if mark is None else next(csv.reader([line], delimiter=mark))
        except csv.Error as error:
            raise ValidationError(f"{path}, row {number}: {error}; {_EXAMPLE}") from error
        rows.append((number, [cell.strip() for cell in cells]))
        if len(rows) > MOST_SITES + 1:
            raise ValidationError(f"{path} has over {MOST_SITES} sites")
    return rows


def _times(path: Path, number: int, cells: list[str], count: int, first: int, scale: float) -> list[float]:
    if len(cells) != count:
        raise ValidationError(
            f"{path}, row {number}: {len(cells)} times, where there are {count} sites; the matrix must be square"
        )
    seconds = []
    for column, cell in enumerate(cells, start=first):
        if not _is_number(cell):
            raise ValidationError(f"{path}, row {number}, column {column}: {cell!r}; times are plain numbers")
        seconds.append(float(cell) * scale)
    return seconds


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return cell.isascii()


# -- graphs


def _from_gml(path: Path, unit: str, scale: float) -> LatencyMatrix:
    try:
        import networkx
    except ImportError as error:
        raise MissingExtraError("reading GML needs networkx: pip install networkx") from error
    text = read_text(path)
    try:
        graph = networkx.parse_gml(text, label="id")
    except Exception as error:  # the parser's own way of failing depends on what is wrong: AttributeError, KeyError, …
        said = str(error) or type(error).__name__
        raise ValidationError(
            f"{path} is no GML graph ({said[:200]}); a graph is 'graph [ node [ id 0 ] … ]'"
        ) from error
    if graph.is_multigraph():
        raise ValidationError(f"{path}: it says multigraph 1, and one pair of sites has one latency; leave that out")
    _prepare_edges(path, graph, unit, scale)
    names = _names(path, graph)
    nodes = list(graph.nodes)
    seconds, loss, lossy = [], [], False
    for a in nodes:
        lengths, ways = networkx.single_source_dijkstra(graph, a, weight="seconds")
        missing = [b for b in nodes if b not in lengths]
        if missing:
            raise ValidationError(f"{path}: there is no path from {names[a]} to {names[missing[0]]}")
        own = graph.has_edge(a, a)
        seconds.append([graph.edges[a, a]["seconds"] if a == b and own else float(lengths[b]) for b in nodes])
        loss.append([_lost(graph, [a, a] if a == b and own else ways[b]) for b in nodes])
        lossy = lossy or any(loss[-1])
    rates = {way: [_rate(path, graph.nodes[node], way, names[node]) for node in nodes] for way in ("up", "down")}
    weights = [graph.nodes[node].get("weight", 1) for node in nodes]
    return LatencyMatrix(
        list(names.values()), seconds, weights, str(path), loss if lossy else None,
        **{way: values if any(values) else None for way, values in rates.items()},
    )  # fmt: skip


def _prepare_edges(path: Path, graph: Any, unit: str, scale: float) -> None:
    """Give every edge its ``seconds`` and a checked ``packet_loss``; warn of attributes that do nothing."""
    idle: dict[str, None] = {}
    for a, b, data in graph.edges(data=True):
        where = f"{path}: the edge from {a} to {b}"
        if "latency" not in data:
            raise ValidationError(f"{where} has no latency")
        idle.update(dict.fromkeys(name for name in data if name not in _KNOWN_OF_EDGE))
        if "jitter" in data and _seconds(where, "jitter", data["jitter"], unit):
            idle["jitter"] = None
        data["seconds"] = _seconds(where, "latency", data["latency"], unit) * scale
        loss = data.setdefault("packet_loss", 0.0)
        if isinstance(loss, bool) or not isinstance(loss, (int, float)) or not 0 <= loss < 1:
            raise ValidationError(f"{where} has packet_loss {loss!r}: a number from 0 up to below 1 goes")
    for _, data in graph.nodes(data=True):
        idle.update(dict.fromkeys(name for name in data if name not in _KNOWN_OF_NODE))
    if idle:
        text = "jitter does (set_link(jitter=) does it for all)" if list(idle) == ["jitter"] else ", ".join(idle)
        warnings.warn(f"{path}: attributes that change nothing here: {text}", stacklevel=5)


def _names(path: Path, graph: Any) -> dict[Any, str]:
    """By id the sites' names: their labels, or their ids where two have the same label or one has none."""
    labels = [graph.nodes[node].get("label") for node in graph.nodes]
    plain = all(isinstance(label, (str, int)) for label in labels) and len(set(labels)) == len(labels)
    return {node: str(label if plain else node) for node, label in zip(graph.nodes, labels, strict=True)}


def _lost(graph: Any, way: list[Any]) -> float:
    """The chance that a packet is lost somewhere on the way."""
    arrives = 1.0
    for a, b in pairwise(way):
        arrives *= 1.0 - graph.edges[a, b]["packet_loss"]
    return 1.0 - arrives


def _seconds(where: str, name: str, value: object, unit: str) -> float:
    """A time as GML files give it: a number, or text such as ``50 ms``."""
    match = re.fullmatch(rf"\s*{_NUMBER}\s*([a-zμ]*)\s*", str(value))
    if match is None or (match[2] or unit) not in UNITS:
        raise ValidationError(f"{where} has {name} {value!r}; write it as '50 ms' (ns, us, ms, s, min)")
    return float(match[1]) * UNITS[match[2] or unit]


def _rate(path: Path, data: dict[str, Any], way: str, name: str) -> float | None:
    """A site's bandwidth in bytes a second; None where the file has none. Plain numbers are bits a second."""
    value = data.get(f"host_bandwidth_{way}", data.get(f"bandwidth_{way}"))
    if value is None:
        return None
    match = re.fullmatch(rf"\s*{_NUMBER}\s*([kKMGT]?)(i?)(bits?|bps|B|bytes?)?\s*", str(value))
    if match is None or not float(match[1]):
        raise ValidationError(f"{path}: {name} has bandwidth_{way} {value!r}; write it as '100 Mbit', above 0")
    prefixes = _BINARY if match[3] else _DECIMAL
    bytes_each = 1.0 if (match[4] or "bit")[:2] in ("B", "by") else 0.125
    return float(match[1]) * prefixes[match[2].lower()] * bytes_each
