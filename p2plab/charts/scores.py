"""The chart of peer scores over time (gossipsub-v1.1.md, "Peer Scoring")."""

from __future__ import annotations

from typing import Any

from p2plab.charts.chart import Chart
from p2plab.charts.description import Axis, Description, Panel, ReferenceLine, Series, quantile
from p2plab.charts.messages import bins_of
from p2plab.charts.painters.text import number, plain
from p2plab.charts.source import LogSource, source_of
from p2plab.errors import SnapshotError, ValidationError
from p2plab.errors.frames import faced
from p2plab.errors.likely import did_you_mean
from p2plab.events import EventLog
from p2plab.text import plural

__all__ = ["scores"]

COMPONENTS = ("P1", "P2", "P3", "P3b", "P4", "cap", "P5", "P6", "P7")
MOMENTS = 40
LOWEST = 5  # peers that have a curve of their own
THRESHOLDS = ("gossip_threshold", "publish_threshold", "graylist_threshold")
RECORDED = ("pubsub.scores", "pubsub.score", "pubsub.penalty")


@faced
def scores(source: Any, *, topic: str | None = None, since: float | None = None, until: float | None = None) -> Chart:
    """What nodes thought of their peers over time: the median of all scores, the lowest peers, the thresholds.

    Of a mock lab the scores are exact: the run is done again from its history, in a lab of its own, and looked at in
    passing; nothing of the lab changes. Of a real lab or a log they are what was recorded: every passing of a threshold
    and every penalty, and at level ``all`` all scores from time to time. ``topic`` keeps the scores of its subscribers
    (a score is of a peer as a whole, in all topics) or, with a peer's name, of that peer alone. Rows: t (s), node,
    peer, score, then P1, P2, P3, P3b, P4, cap, P5, P6, P7 (weighted, None where not recorded). Raises ValidationError.

    Example:
        >>> news = [node.subscribe("news") for node in (alice, bob, carol)]
        >>> lab.run(5)
        >>> chart = p2plab.charts.scores(lab, topic="news")
        >>> chart.columns[:4]
        ['t', 'node', 'peer', 'score']
    """
    given = source_of("scores", source, None, since, until)
    exact = getattr(source, "backend", None) == "mock" and hasattr(source, "history")
    obstacle = ""
    if exact:
        try:
            rows = _replayed(source, given)
        except SnapshotError as error:
            exact, obstacle = False, f"the run cannot be done again: {error}"
    if not exact:
        rows = _recorded(given)
    if topic is not None:
        peers = _meant(given.log, topic)
        rows = [row for row in rows if row[2] in peers]
    thresholds = _thresholds(source) if exact else {}
    pairs = list(dict.fromkeys((str(row[1]), str(row[2])) for row in rows))
    times = list(dict.fromkeys(float(row[0]) for row in rows))
    lowest = _lowest(rows)
    series = [_all(rows, times)] if exact and rows else []
    for node, peer in lowest:
        mine = [row for row in rows if (row[1], row[2]) == (node, peer)]
        draw: Any = "line" if exact else "points"
        series.append(
            Series(
                f"{plain(peer, 24)} at {plain(node, 24)}", draw, tuple(r[0] for r in mine), tuple(r[3] for r in mine)
            )
        )
    if rows:
        least = min(rows, key=lambda row: row[3])
        sentence = (
            f"{plural(len(pairs), 'pair')} of node and peer, scores from {number(least[3])} "
            f"({plain(least[2], 24)} at {plain(least[1], 24)}, {number(least[0])} s) to "
            f"{number(max(row[3] for row in rows))}"
        )
        worst = min(COMPONENTS, key=lambda name: least[4 + COMPONENTS.index(name)] or 0.0)
        if least[3] < 0 and (least[4 + COMPONENTS.index(worst)] or 0.0) < 0:
            sentence += f", most of the loss by {worst}"
    else:
        sentence = "no scores are in this log" if not exact else "no node has peers that it scores"
    low, high = given.span()
    marks = tuple(
        ReferenceLine("y", value, f"{name.removesuffix('_threshold')} {number(value)}")
        for name, value in thresholds.items()
        if rows and value >= 2 * min(min(row[3] for row in rows), -1.0)
    )
    panel = Panel(
        Axis("lab time", "s", low=low, high=high),
        Axis("score", "points"),
        tuple(series),
        (*marks, ReferenceLine("y", 0.0, "0")) if rows else (),
        interval="Band: from the lowest to the highest of all scores." if exact and rows else "",
        empty=sentence,
    )
    notes = given.notes(
        "scores are exact, from a replay of the run"
        if exact
        else "scores as recorded: where a threshold was passed or a penalty given, and at level all from time to time",
        obstacle,
        f"{len(pairs) - len(lowest):,} further pairs are in the rows" if len(pairs) > len(lowest) else "",
    )
    columns = ("t", "node", "peer", "score", *COMPONENTS)
    return Chart(
        Description("Peer scores", sentence, (panel,), notes), columns, rows,
        lambda: scores(source, topic=topic, since=since, until=until),
    )  # fmt: skip


def _meant(log: EventLog, topic: str) -> set[str]:
    """The subscribers of a topic, or the peer of this name. Raises ValidationError."""
    if topic in log.names():
        return {topic}
    known = log.topics()
    if topic in known:
        return {str(event.node) for event in log.filter(kind="pubsub.subscribe", topic=topic)}
    meant = did_you_mean(topic, [*known, *log.names()])
    raise ValidationError(f"{topic!r} is no topic of this log and no peer's name; {meant}".rstrip("; "))


def _replayed(lab: Any, given: LogSource) -> list[list[Any]]:
    """All scores at regular moments of a replay."""
    low, high = given.span()
    _, width = bins_of(low, high, MOMENTS)
    rows: list[list[Any]] = []

    def look(again: Any) -> None:
        t = float(again.now)
        if not given.within(t):
            return
        for node in again.nodes:
            if node.running:
                for peer, parts in node.scores().items():
                    rows.append([t, node.name, peer, parts["score"], *(parts.get(name) for name in COMPONENTS)])

    type(lab).replay(lab.history(), until=min(high, lab.now), watch=look, every=width).close()
    return rows


def _recorded(given: LogSource) -> list[list[Any]]:
    events = [event for kind in RECORDED for event in _events(given, kind)]
    rows: list[list[Any]] = []
    for event in sorted(events, key=lambda event: event.seq):
        data = event.data or {}
        every = data.get("scores") if event.kind == "pubsub.scores" else {event.peer: data}
        for peer, parts in every.items() if isinstance(every, dict) else ():
            parts = parts if isinstance(parts, dict) else {"score": parts}
            if isinstance(parts.get("score"), (int, float)):
                numbers = (parts.get(name) for name in COMPONENTS)
                rows.append([event.t, event.node, peer, float(parts["score"]), *numbers])
    return rows


def _events(given: LogSource, kind: str) -> list[Any]:
    from p2plab.events import KINDS

    return given.events(kind) if kind in KINDS else []


def _lowest(rows: list[list[Any]]) -> list[tuple[str, str]]:
    least: dict[tuple[str, str], float] = {}
    for row in rows:
        pair = (str(row[1]), str(row[2]))
        least[pair] = min(least.get(pair, row[3]), row[3])
    return sorted(least, key=lambda pair: least[pair])[:LOWEST]


def _all(rows: list[list[Any]], times: list[float]) -> Series:
    by_time: dict[float, list[float]] = {t: [] for t in times}
    for row in rows:
        by_time[row[0]].append(row[3])
    ordered = [sorted(values) for values in by_time.values()]
    middle = tuple(quantile(values, 0.5) for values in ordered)
    return Series(
        "median of all", "line", tuple(times), middle, tuple(v[0] for v in ordered), tuple(v[-1] for v in ordered)
    )


def _thresholds(lab: Any) -> dict[str, float]:
    """The thresholds, where all nodes go by the same and score at all."""
    found: dict[str, dict[float, None]] = {name: {} for name in THRESHOLDS}
    for node in lab.nodes:
        params = getattr(node.params, "score", None) if node.running else None
        if params is not None:
            for name in THRESHOLDS:
                found[name][float(getattr(params, name))] = None
    return {name: next(iter(values)) for name, values in found.items() if len(values) == 1}
