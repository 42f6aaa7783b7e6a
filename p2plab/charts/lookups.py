"""The chart of DHT lookups: how long they take and how many peers they ask."""

from __future__ import annotations

from typing import Any

from p2plab.charts.chart import Chart
from p2plab.charts.description import Axis, Description, Panel, Series, quantile, thinned
from p2plab.charts.painters.text import number, plain
from p2plab.charts.source import source_of
from p2plab.errors.frames import faced
from p2plab.text import plural

__all__ = ["lookups"]


@faced
def lookups(
    source: object, *, topic: str | None = None, since: float | None = None, until: float | None = None
) -> Chart:
    """How long the DHT's lookups took and how many queries they sent: the share of lookups by either, for each kind.

    ``source``: a lab, an event log, or what ``p2plab.open`` gave. Lookups are those that began from ``since`` to
    ``until`` (s). ``topic`` picks one kind of lookup (``get``, ``put``, ``find_peer``, ``provide``, ...). Rows: lookup,
    node, kind, key, began, seconds, queries, answers, failures, reason (None where it has not ended).
    Raises ValidationError.
    """
    given = source_of("lookups", source, None, since, until)
    kinds_there = sorted({str((event.data or {}).get("kind", "lookup")) for event in given.events("dht.lookup")})
    ended = {str(event.ref): event for event in given.log.filter(kind="dht.done")}
    rows: list[list[Any]] = []
    for event in given.events("dht.lookup"):
        data = event.data or {}
        kind = str(data.get("kind", "lookup"))
        if topic is not None and kind != topic:
            continue
        done = ended.get(str(event.ref))
        if done is not None and not given.within(done.t):
            done = None
        numbers = {} if done is None else done.data or {}
        rows.append(
            [
                event.ref,
                event.node,
                kind,
                plain(data.get("key", "")),
                event.t,
                None if done is None else done.t - event.t,
                numbers.get("queries"),
                numbers.get("answers"),
                numbers.get("failures"),
                None if done is None else done.reason,
            ]
        )
    finished = [row for row in rows if row[5] is not None]
    kinds = list(dict.fromkeys(str(row[2]) for row in finished))
    unknown = topic is not None and bool(kinds_there) and topic not in kinds_there
    sentence = (
        f"no lookup of kind {plain(topic, 40)}; there are {', '.join(kinds_there)}"
        if unknown
        else _sentence(rows, finished)
    )
    panels = tuple(
        Panel(
            Axis(label, unit, low=0.0),
            Axis("share of lookups", low=0.0, high=1.0),
            tuple(_share(kind, [float(row[column]) for row in finished if row[2] == kind]) for kind in kinds),
            empty=sentence,
        )
        for column, label, unit in ((5, "time a lookup took", "s"), (6, "queries a lookup sent", "requests"))
    )
    columns = ("lookup", "node", "kind", "key", "began", "seconds", "queries", "answers", "failures", "reason")
    missing = "" if given.records("decisions") else f"lookups are not recorded at level {given.log.level}"
    return Chart(
        Description("DHT lookups", sentence, panels, given.notes(missing)), columns, rows,
        lambda: lookups(source, topic=topic, since=since, until=until),
    )  # fmt: skip


def _sentence(rows: list[list[Any]], finished: list[list[Any]]) -> str:
    if not finished:
        return "no lookup has ended" if rows else "no lookup was made"
    times = sorted(float(row[5]) for row in finished)
    queries = sum(int(row[6]) for row in finished) / len(finished)
    open_ones = len(rows) - len(finished)
    return (
        f"{plural(len(finished), 'lookup')}: half within {number(quantile(times, 0.5))} s, the longest "
        f"{number(times[-1])} s, {number(queries)} queries each"
        + (f"; {plural(open_ones, 'lookup has', 'lookups have')} not ended" if open_ones else "")
    )


def _share(name: str, values: list[float]) -> Series:
    ordered = sorted(values)
    points = thinned([(0.0, 0.0), *((value, at / len(ordered)) for at, value in enumerate(ordered, start=1))])
    return Series(plain(name), "step", tuple(p[0] for p in points), tuple(p[1] for p in points))
