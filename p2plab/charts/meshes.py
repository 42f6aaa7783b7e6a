"""The chart of meshes: how many peers nodes have in the mesh of a topic, over time."""

from __future__ import annotations

from typing import Any

from p2plab.charts.chart import Chart
from p2plab.charts.description import Axis, Description, Panel, ReferenceLine, Series, quantile
from p2plab.charts.messages import bins_of
from p2plab.charts.painters.text import number, plain
from p2plab.charts.source import LogSource, source_of
from p2plab.errors.frames import faced
from p2plab.events import Event
from p2plab.text import plural

__all__ = ["mesh_sizes"]

POINTS = 120  # moments at which the sizes are looked at
MOST = 8  # topics drawn
GONE = ("node.crashed", "node.stopped")


@faced
def mesh_sizes(
    source: object, *, topic: str | None = None, since: float | None = None, until: float | None = None
) -> Chart:
    """The size of each subscriber's mesh over time: the median, and the band from the smallest to the largest.

    ``source``: a lab, an event log, or what ``p2plab.open`` gave, at level ``decisions`` or finer. Without a ``topic``
    the eight busiest topics have a curve each. Lines at D_low, D and D_high where the log tells them. Rows: topic, t
    (s), nodes (subscribers that run), smallest, median, mean, largest. Raises ValidationError.

    Example:
        >>> news = [node.subscribe("news") for node in (alice, bob, carol)]
        >>> lab.run(5)
        >>> chart = p2plab.charts.mesh_sizes(lab, topic="news")
        >>> chart.rows[-1][2:5]  # nodes, smallest, median
        [3, 1, 1.0]
    """
    given = source_of("mesh_sizes", source, topic, since, until)
    low, high = given.span()
    starts, width = bins_of(low, high, POINTS)
    # the last bin may begin at the end itself, or a rounding error before it
    moments = [*[start for start in starts if low < start < high - width / 1000], high] if high > low else [high]
    rows = _rows(given, [low, *moments] if high > low else moments)
    topics = _busiest(rows)
    series = []
    for name in topics:
        mine = [row for row in rows if row[0] == name]
        columns = [tuple(float(row[at]) for row in mine) for at in (1, 4, 3, 6)]
        series.append(Series(plain(name), "step", columns[0], columns[1], columns[2], columns[3]))
    marks = tuple(ReferenceLine("y", float(value), f"{name} = {value:g}") for name, value in _degrees(given).items())
    left_out = len({row[0] for row in rows}) - len(topics)
    if rows:
        last = [row for row in rows if row[1] == rows[-1][1]]
        sentence = "; ".join(
            f"{plain(row[0], 30)}: median {number(row[4])}, {row[3]:g} to {row[6]:g} at {plural(row[2], 'subscriber')}"
            for row in last[:3]
        )
        sentence = f"at {number(rows[-1][1])} s, {sentence}" if last else sentence
    else:
        sentence = "no node has subscribed to a topic" + (" in this part of the log" if since or until else "")
    panel = Panel(
        Axis("lab time", "s", low=low, high=high),
        Axis("mesh size", "peers", low=0.0),
        tuple(series),
        marks if rows else (),
        interval="Line: the median of the subscribers; band: from the smallest to the largest mesh." if rows else "",
        empty=sentence,
    )
    notes = given.notes(
        "" if given.records("decisions") else f"meshes are not recorded at level {given.log.level}",
        f"{plural(left_out, 'topic is', 'topics are')} in the rows and not drawn" if left_out else "",
        f"sizes as they were every {number(width)} s",
    )
    columns_named = ("topic", "t", "nodes", "smallest", "median", "mean", "largest")
    return Chart(
        Description("Mesh sizes", sentence, (panel,), notes), columns_named, rows,
        lambda: mesh_sizes(source, topic=topic, since=since, until=until),
    )  # fmt: skip


def _rows(given: LogSource, moments: list[float]) -> list[list[Any]]:
    """The sizes at each moment, from the grafts and prunes until then."""
    kinds = ("subscribe", "unsubscribe", "graft", "prune")
    events: list[Event] = [event for kind in kinds for event in given.events(f"pubsub.{kind}", whole=True)]
    events += [event for kind in (*GONE, "node.restarted") for event in given.log.filter(kind=kind, until=given.until)]
    events.sort(key=lambda event: event.seq)
    meshes: dict[str, dict[str, dict[str, None]]] = {}
    down: dict[str, None] = {}
    rows: list[list[Any]] = []
    at = 0
    for moment in moments:
        while at < len(events) and events[at].t <= moment:
            _apply(events[at], meshes, down)
            at += 1
        for topic, nodes in meshes.items():
            sizes = sorted(len(mesh) for node, mesh in nodes.items() if node not in down)
            if sizes:
                mean = sum(sizes) / len(sizes)
                rows.append([topic, moment, len(sizes), sizes[0], quantile(sizes, 0.5), mean, sizes[-1]])
    return rows


def _apply(event: Event, meshes: dict[str, dict[str, dict[str, None]]], down: dict[str, None]) -> None:
    node = str(event.node)
    if event.kind in GONE:
        down[node] = None
        for nodes in meshes.values():
            if node in nodes:
                nodes[node] = {}
        return
    if event.kind == "node.restarted":
        down.pop(node, None)
        return
    nodes = meshes.setdefault(str(event.topic), {})
    if event.kind == "pubsub.subscribe":
        nodes.setdefault(node, {})
    elif event.kind == "pubsub.unsubscribe":
        nodes.pop(node, None)
    elif event.kind == "pubsub.graft":
        nodes.setdefault(node, {})[str(event.peer)] = None
    elif node in nodes:
        nodes[node].pop(str(event.peer), None)


def _busiest(rows: list[list[Any]]) -> list[str]:
    most: dict[str, int] = {}
    for row in rows:
        most[str(row[0])] = max(most.get(str(row[0]), 0), int(str(row[2])))
    return sorted(most, key=lambda name: -most[name])[:MOST]


def _degrees(given: LogSource) -> dict[str, float]:
    """D_low, D and D_high, each where all grafts name the same."""
    found: dict[str, dict[float, None]] = {}
    for event in given.events("pubsub.graft", whole=True)[:5000]:
        for name in ("D_low", "D", "D_high"):
            value = (event.data or {}).get(name)
            if isinstance(value, (int, float)):
                found.setdefault(name, {})[float(value)] = None
    return {name: next(iter(values)) for name, values in sorted(found.items()) if len(values) == 1}
