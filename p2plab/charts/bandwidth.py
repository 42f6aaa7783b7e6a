"""The chart of bytes: what crossed the network, and how much of it for nothing."""

from __future__ import annotations

from p2plab.charts.chart import Chart
from p2plab.charts.description import Axis, Description, Panel, Series
from p2plab.charts.messages import bins_of
from p2plab.charts.painters.text import number
from p2plab.charts.source import source_of
from p2plab.errors.frames import faced

__all__ = ["bandwidth"]

# By the kind of event: the name of the part, and the level that it takes.
PARTS = {
    "pubsub.receive": "messages, first copy",
    "pubsub.duplicate": "messages, duplicates",
    "dht.message": "DHT requests and answers",
    "link.sent": "all frames",
}
ONLY_MESSAGES = "pubsub messages only: control messages, the DHT and the rest are recorded at level all"


@faced
def bandwidth(
    source: object, *, topic: str | None = None, since: float | None = None, until: float | None = None
) -> Chart:
    """Bytes a second over time, summed over all nodes, by what they are for.

    ``source``: a lab, an event log, or what ``p2plab.open`` gave. At level ``messages`` these are pubsub messages as
    they arrived (first copies and duplicates, with their signatures); at ``all`` also the DHT's and every frame that
    was sent, which holds the others. With a ``topic``, that topic's messages alone. Rows: part, start (s), seconds
    (length of the span), bytes (a second). Raises ValidationError.
    """
    given = source_of("bandwidth", source, topic, since, until)
    low, high = given.span()
    edges, width = bins_of(low, high)
    sums: dict[str, list[float]] = {}
    for kind, part in PARTS.items():
        for event in given.events(kind):
            if kind == "dht.message" and (event.data or {}).get("way") != "sent":
                continue  # each is seen at both ends
            values = sums.setdefault(part, [0.0] * len(edges))
            at = min(len(edges) - 1, max(0, int((event.t - low) / width)))
            values[at] += (event.size or 0) / width
    rows = [
        [part, start, width, value] for part, values in sums.items() for start, value in zip(edges, values, strict=True)
    ]
    most = max((max(values) for values in sums.values()), default=0.0)
    factor, unit = next(((f, u) for f, u in ((1e6, "MB/s"), (1e3, "kB/s")) if most >= 2 * f), (1.0, "B/s"))
    series = tuple(
        Series(part, "step", tuple(edges), tuple(value / factor for value in values)) for part, values in sums.items()
    )
    totals = {part: sum(values) * width for part, values in sums.items()}
    if totals:
        sentence = f"in {number(high - low)} s: " + "; ".join(
            f"{part} {number(total)} B" for part, total in totals.items()
        )
    else:
        sentence = "no bytes were recorded" if given.records("messages") else _too_coarse(given.log.level)
    panel = Panel(
        Axis("lab time", "s", low=low, high=high), Axis("bytes, all nodes", unit, low=0.0), series, empty=sentence
    )
    missing = (
        "" if given.records("all") else ONLY_MESSAGES if given.records("messages") else _too_coarse(given.log.level)
    )
    notes = given.notes(f"each step is the mean of {number(width)} s", missing)
    return Chart(
        Description("Bandwidth", sentence, (panel,), notes), ("part", "start", "seconds", "bytes"), rows,
        lambda: bandwidth(source, topic=topic, since=since, until=until),
    )  # fmt: skip


def _too_coarse(level: str) -> str:
    return f"bytes are not recorded at level {level}; start the lab with recording='messages' or 'all'"
