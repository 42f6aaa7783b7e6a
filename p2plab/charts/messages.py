"""Charts of messages: how fast they arrive, how many there are, how many copies too many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from p2plab.charts.chart import Chart
from p2plab.charts.description import Axis, Description, Panel, ReferenceLine, Series, quantile, thinned
from p2plab.charts.painters.text import number, plain
from p2plab.charts.source import LogSource, source_of
from p2plab.errors.frames import faced
from p2plab.text import plural

__all__ = ["Spread", "bins_of", "duplicates", "latency", "spreads", "throughput"]

BINS = 60
BAND_POINTS = 120


@dataclass(slots=True)
class Spread:
    """One message: who wanted it when it was published (the publisher aside), and who got it after how long."""

    id: str
    topic: str
    publisher: str
    t: float
    size: int
    wanted: dict[str, None]
    delivered: dict[str, float] = field(default_factory=dict)  # seconds since the publication
    copies: dict[str, int] = field(default_factory=dict)  # further copies, by node


def spreads(source: LogSource, *, copies: bool = True) -> list[Spread]:
    """Every message published in the part asked for, in order. Deliveries after ``until`` are left out. In a log of
    another tool, one that it does not know the publication of begins with its first receipt. Further copies, of which
    there are more than of all else, are counted only if ``copies``."""
    strangers = source.world == "event log" and not source.log.dropped
    kinds = ["subscribe", "unsubscribe", "publish", "deliver", *(["receive"] if strangers else [])]
    kinds += ["duplicate"] if copies else []
    begun: set[str] = set()
    events = [event for kind in kinds for event in source.events(f"pubsub.{kind}", whole=True)]
    subscribed: dict[str, dict[str, None]] = {}
    found: dict[str, Spread] = {}
    for event in sorted(events, key=lambda event: event.seq):
        topic, node, ref = str(event.topic), str(event.node), str(event.ref)
        if event.kind == "pubsub.subscribe":
            subscribed.setdefault(topic, {})[node] = None
        elif event.kind == "pubsub.unsubscribe":
            subscribed.get(topic, {}).pop(node, None)
        elif event.kind == "pubsub.publish" or (event.kind == "pubsub.receive" and strangers and ref not in begun):
            begun.add(ref)
            if source.within(event.t):
                publisher = node if event.kind == "pubsub.publish" else str(event.peer)
                wanted = {name: None for name in subscribed.get(topic, ()) if name != publisher}
                found[ref] = Spread(ref, topic, publisher, event.t, event.size or 0, wanted)
        elif ref in found and event.kind != "pubsub.receive":
            spread = found[ref]
            if event.kind == "pubsub.duplicate":
                spread.copies[node] = spread.copies.get(node, 0) + 1
            elif node != spread.publisher:
                spread.delivered.setdefault(node, event.t - spread.t)
    return list(found.values())


@faced
def latency(
    source: object, *, topic: str | None = None, since: float | None = None, until: float | None = None
) -> Chart:
    """How long messages take: the share of (message, subscriber) pairs delivered within so many seconds.

    ``source``: a lab, an event log, or what ``p2plab.open`` gave. Subscribers are those of the topic when the message
    was published, the publisher aside; who never got it counts as not delivered. Messages are those published from
    ``since`` to ``until`` (seconds of lab time). Rows: message, topic, publisher, node, published, seconds (None: not
    delivered). The band spans the quickest and the slowest message. Raises ValidationError.

    Example:
        >>> news = [node.subscribe("news") for node in (alice, bob, carol)]
        >>> lab.run(5)
        >>> message = alice.publish("news", b"hello")
        >>> lab.run(1)
        >>> p2plab.charts.latency(lab, topic="news").save(folder / "latency.svg").name
        'latency.svg'
    """
    given = source_of("latency", source, topic, since, until)
    messages = spreads(given, copies=False)
    rows: list[list[Any]] = [
        [one.id, one.topic, one.publisher, node, one.t, one.delivered.get(node)]
        for one in messages
        for node in dict.fromkeys((*one.wanted, *one.delivered))
    ]
    times = sorted(row[5] for row in rows if row[5] is not None)
    pairs = len(rows)
    curves = [(sorted(one.delivered.values()), len({**one.wanted, **dict.fromkeys(one.delivered)})) for one in messages]
    series = _curve(times, pairs, curves) if times else Series("deliveries", "step", (), ())
    marks = tuple(
        ReferenceLine("x", quantile(times, share), f"{name} {number(quantile(times, share))} s")
        for share, name in ((0.5, "median"), (0.95, "95 %"), (0.99, "99 %"))
        if times
    )
    missing = pairs - len(times)
    if times:
        sentence = (
            f"{plural(len(messages), 'message')}: half of the deliveries within {number(quantile(times, 0.5))} s, "
            f"95 % within {number(quantile(times, 0.95))} s, the slowest after {number(times[-1])} s; "
            + (f"{plural(missing, 'delivery', 'deliveries')} of {pairs:,} missing" if missing else "all arrived")
        )
    else:
        sentence = _nothing(given, "delivered")
    band = len([1 for ordered, wanted in curves if wanted]) > 1 and bool(times)
    panel = Panel(
        Axis("time since publication", "s", low=0.0),
        Axis("share of subscribers that have it", low=0.0, high=1.0),
        (series,),
        marks,
        interval="Band: from the slowest to the quickest message." if band else "",
        empty=sentence,
    )
    description = Description("Delivery latency", sentence, (panel,), given.notes(_need(given)))
    columns = ("message", "topic", "publisher", "node", "published", "seconds")
    return Chart(description, columns, rows, lambda: latency(source, topic=topic, since=since, until=until))


def _curve(times: list[float], pairs: int, curves: Sequence[tuple[list[float], int]]) -> Series:
    """The share delivered by each time, and the least and the most of any one message."""
    points: list[tuple[float, ...]] = [(0.0, 0.0)]
    for at, value in enumerate(times, start=1):
        if points[-1][0] == value:
            points[-1] = (value, at / pairs)
        else:
            points.append((value, at / pairs))
    curves = [(ordered, wanted) for ordered, wanted in curves if wanted]
    points = thinned(points, BAND_POINTS if len(curves) > 1 else 600)
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    if len(curves) > 1:
        from bisect import bisect_right

        shares = [[bisect_right(ordered, point[0]) / wanted for ordered, wanted in curves] for point in points]
        low, high = tuple(map(min, shares)), tuple(map(max, shares))
    return Series("deliveries", "step", tuple(p[0] for p in points), tuple(p[1] for p in points), low, high)


@faced
def throughput(
    source: object, *, topic: str | None = None, since: float | None = None, until: float | None = None
) -> Chart:
    """How many messages a second were published and delivered, and how many bytes of payload, over time.

    ``source`` as for ``latency``. Rows, one for each span of time: start (s), seconds (its length), published and
    delivered (messages a second; own deliveries aside), bytes (payload delivered a second, as long as the publication
    is in the log). Raises ValidationError.
    """
    given = source_of("throughput", source, topic, since, until)
    messages = spreads(given)
    low, high = given.span()
    edges, width = bins_of(low, high)
    published, delivered, size = ([0.0] * len(edges) for _ in range(3))
    for one in messages:
        published[_bin(one.t, low, width, len(edges))] += 1 / width
        for after in one.delivered.values():
            at = _bin(one.t + after, low, width, len(edges))
            delivered[at] += 1 / width
            size[at] += one.size / width
    if not messages:
        edges = []
    rows = [list(row) for row in zip(edges, [width] * len(edges), published, delivered, size, strict=False)]
    factor, unit = _bytes_unit(size)
    x = tuple(edges)
    total = sum(len(one.delivered) for one in messages)
    if messages:
        most = max(delivered)
        sentence = (
            f"{plural(len(messages), 'message')} published and {total:,} delivered in {number(high - low)} s; "
            f"at most {number(most)} deliveries a second"
        )
    else:
        sentence = _nothing(given, "published")
    time = Axis("lab time", "s", low=low, high=high)
    panels = (
        Panel(time, Axis("published", "messages/s", low=0.0), (_steps("published", x, published),), empty=sentence),
        Panel(
            time,
            Axis("delivered", "messages/s, all nodes", low=0.0),
            (_steps("delivered", x, delivered),),
            empty=sentence,
        ),
        Panel(
            time,
            Axis("payload delivered", f"{unit}/s, all nodes", low=0.0),
            (_steps("payload", x, [value / factor for value in size]),),
            empty=sentence,
        ),
    )
    notes = given.notes(f"each step is the mean of {number(width)} s", _need(given))
    columns = ("start", "seconds", "published", "delivered", "bytes")
    return Chart(
        Description("Throughput", sentence, panels, notes), columns, rows,
        lambda: throughput(source, topic=topic, since=since, until=until),
    )  # fmt: skip


@faced
def duplicates(
    source: object, *, topic: str | None = None, since: float | None = None, until: float | None = None
) -> Chart:
    """How many further copies of each message reached a node that had it, over the time of publication.

    ``source`` as for ``latency``. Rows, one for each message: message, topic, publisher, published (s), deliveries,
    duplicates, mean (a node's further copies, over all nodes that got it), low and high (the 5th and 95th percentile
    of the nodes). Whiskers are from low to high. Raises ValidationError.
    """
    given = source_of("duplicates", source, topic, since, until)
    rows: list[list[Any]] = []
    for one in spreads(given):
        got = dict.fromkeys((one.publisher, *one.delivered, *one.copies))
        each = sorted(one.copies.get(node, 0) for node in got)
        total = sum(each)
        low, high = quantile(each, 0.05), quantile(each, 0.95)
        rows.append([one.id, one.topic, one.publisher, one.t, len(one.delivered), total, total / len(each), low, high])
    shown = [rows[int(at[0])] for at in thinned([(float(at),) for at in range(len(rows))])]
    series = Series(
        "messages", "points", tuple(row[3] for row in shown), tuple(row[6] for row in shown),
        tuple(row[7] for row in shown), tuple(row[8] for row in shown),
        tuple(f"{plain(row[2])}, …{row[0][-8:]}" for row in shown),
    )  # fmt: skip
    delivered, copies = sum(row[4] for row in rows), sum(row[5] for row in rows)
    nodes = sum(row[4] + 1 for row in rows)
    if rows:
        mean = copies / nodes
        sentence = (
            f"{plural(len(rows), 'message')}: {plural(copies, 'duplicate')} beside "
            f"{plural(delivered, 'delivery', 'deliveries')}, {number(mean)} a node and message"
        )
        marks: tuple[ReferenceLine, ...] = (ReferenceLine("y", mean, f"mean {number(mean)}"),)
    else:
        sentence, marks = _nothing(given, "published"), ()
    panel = Panel(
        Axis("time of publication", "s", low=since, high=until),
        Axis("duplicates", "copies a node", low=0.0),
        (series,),
        marks,
        interval="Whiskers: from the 5th to the 95th percentile of the nodes." if rows else "",
        empty=sentence,
    )
    columns = ("message", "topic", "publisher", "published", "deliveries", "duplicates", "mean", "low", "high")
    return Chart(
        Description("Duplicates", sentence, (panel,), given.notes(_need(given))), columns, rows,
        lambda: duplicates(source, topic=topic, since=since, until=until),
    )  # fmt: skip


def bins_of(low: float, high: float, most: int = BINS) -> tuple[list[float], float]:
    """Where about ``most`` spans of a round length begin, and that length in seconds."""
    rough = max(high - low, 1e-3) / most
    size = 1e-4
    while size * 10 < rough:
        size *= 10
    width = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough * 0.999)
    count = max(1, ceil((high - low) / width + 1e-9))
    return [round(low + at * width, 9) for at in range(count)], width


def _bin(t: float, low: float, width: float, count: int) -> int:
    return min(count - 1, max(0, int((t - low) / width)))


def _steps(name: str, x: tuple[float, ...], y: Sequence[float]) -> Series:
    return Series(name, "step", x, tuple(y[: len(x)]))


def _bytes_unit(values: Sequence[float]) -> tuple[float, str]:
    most = max(values, default=0.0)
    return next(((factor, unit) for factor, unit in ((1e6, "MB"), (1e3, "kB")) if most >= 2 * factor), (1.0, "B"))


def _need(given: LogSource) -> str:
    if given.records("messages"):
        return ""
    return f"this needs recording level messages: at {given.log.level} it is not recorded"


def _nothing(given: LogSource, what: str) -> str:
    if not given.records("messages"):
        return f"messages are not recorded at level {given.log.level}; start the lab with recording='messages'"
    return f"nothing was {what}" + (" in this part of the log" if given.since or given.until or given.topic else "")
