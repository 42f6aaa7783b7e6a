"""Latencies between sites: from a file of one's own (CSV or GML), or the table of regions that comes with p2plab."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from p2plab.errors import MissingExtraError, ValidationError
from p2plab.network.link import check_number

__all__ = ["LatencyMatrix", "load_matrix", "regions"]

UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
MOST_SITES = 20_000


class LatencyMatrix:
    """One-way latencies in seconds between sites. ``weights`` say how many nodes live at each (whole numbers)."""

    def __init__(
        self,
        sites: Sequence[str],
        seconds: Sequence[Sequence[float]],
        weights: Sequence[int] | None = None,
        source: str = "",
    ) -> None:
        count = len(sites)
        if not 1 <= count <= MOST_SITES:
            raise ValidationError(f"{source or 'a latency matrix'} has {count} sites; 1 to {MOST_SITES} go")
        if len(set(sites)) < count:
            twice = next(site for site in sites if list(sites).count(site) > 1)
            raise ValidationError(f"{source or 'the latency matrix'} names the site {twice!r} twice")
        if len(seconds) != count or any(len(row) != count for row in seconds):
            raise ValidationError(f"{source or 'a latency matrix'} has {count} sites, so {count} rows of {count} times")
        for site, row in zip(sites, seconds, strict=True):
            for other, value in zip(sites, row, strict=True):
                check_number(f"the latency from {site} to {other}", value, 3600.0, "0 up to an hour, in seconds")
        self.sites = list(sites)
        self.seconds = [list(row) for row in seconds]
        self.weights = list(weights) if weights is not None else [1] * count

    def __len__(self) -> int:
        return len(self.sites)

    def __repr__(self) -> str:
        return f"<LatencyMatrix of {len(self)} sites: {', '.join(self.sites[:6])}{', …' if len(self) > 6 else ''}>"


@cache
def regions() -> LatencyMatrix:
    """Six regions of the world with the round-trip times and the shares of nodes of ``regions.csv``."""
    text = (files("p2plab.network") / "regions.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    names = [row["region"] for row in rows]
    return LatencyMatrix(
        names, [[float(row[name]) / 2000 for name in names] for row in rows], [int(row["weight"]) for row in rows]
    )


def load_matrix(path: str | Path, unit: str = "ms", round_trip: bool = True) -> LatencyMatrix:
    """Read a matrix from ``.csv`` (a header of sites, then a row a site, its name first) or ``.gml`` (edges with a
    ``latency``, as Shadow writes them; sites without an edge talk over the fastest path there is).

    ``unit`` is that of plain numbers; ``round_trip``: they are there and back, so halved. ValidationError says what is
    wrong with the file, and where.
    """
    path = Path(path)
    if unit not in UNITS:
        raise ValidationError(f"unit {unit!r} is not known: take one of {', '.join(UNITS)}")
    if not path.is_file():
        raise ValidationError(f"there is no file {path}")
    scale = 0.5 if round_trip else 1.0
    if path.suffix.lower() == ".gml":
        return _from_gml(path, unit, scale)
    return _from_csv(path, UNITS[unit] * scale)


def _from_csv(path: Path, scale: float) -> LatencyMatrix:
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.reader(file) if row and not row[0].startswith("#")]
    if not rows:
        raise ValidationError(f"{path} is empty; its first row names the sites")
    sites = [name.strip() for name in rows[0][1:]]
    seconds = []
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(sites) + 1 or number > len(sites) + 1:
            raise ValidationError(
                f"{path}, row {number}: {len(row) - 1} times, where the header names {len(sites)} sites; "
                "the matrix must be square"
            )
        if row[0].strip() != sites[number - 2]:
            raise ValidationError(
                f"{path}, row {number} is {row[0]!r}'s; in the header's order {sites[number - 2]!r} is next"
            )
        try:
            seconds.append([float(cell) * scale for cell in row[1:]])
        except ValueError as error:
            raise ValidationError(f"{path}, row {number}: {error}; times are plain numbers") from error
    return LatencyMatrix(sites, seconds, source=str(path))


def _from_gml(path: Path, unit: str, scale: float) -> LatencyMatrix:
    try:
        import networkx
    except ImportError as error:
        raise MissingExtraError("reading GML needs networkx: pip install networkx") from error
    try:
        graph = networkx.read_gml(path, label="id")
    except (networkx.NetworkXError, ValueError) as error:
        raise ValidationError(f"{path} is no GML graph: {error}") from error
    for a, b, data in graph.edges(data=True):
        if "latency" not in data:
            raise ValidationError(f"{path}: the edge from {a} to {b} has no latency")
        data["seconds"] = _seconds(data["latency"], unit) * scale
    nodes = list(graph.nodes)
    lengths: dict[Any, dict[Any, float]] = dict(networkx.all_pairs_dijkstra_path_length(graph, weight="seconds"))
    seconds = []
    for a in nodes:
        unreachable = [b for b in nodes if b not in lengths[a]]
        if unreachable:
            raise ValidationError(f"{path}: there is no path from {a} to {unreachable[0]}")
        seconds.append([_own(graph, a) if a == b else lengths[a][b] for b in nodes])
    return LatencyMatrix([str(graph.nodes[node].get("label", node)) for node in nodes], seconds, source=str(path))


def _own(graph: Any, node: Any) -> float:
    """Within one site: the latency of its loop, if it has one."""
    return float(graph.edges[node, node]["seconds"]) if graph.has_edge(node, node) else 0.0


def _seconds(value: object, unit: str) -> float:
    """A latency as GML files give it: a number, or text such as ``50 ms``."""
    match = re.fullmatch(r"\s*([0-9.eE+-]+)\s*(ns|us|ms|s)?\s*", str(value))
    if match is None:
        raise ValidationError(f"{value!r} is no latency; write it as '50 ms'")
    try:
        return float(match[1]) * UNITS[match[2] or unit]
    except ValueError as error:
        raise ValidationError(f"{value!r} is no latency: {error}") from error
