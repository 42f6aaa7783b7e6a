"""``lab.propagation``: how one message spread, read from the event log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from p2plab.errors import MissingExtraError, ValidationError
from p2plab.errors.frames import faced
from p2plab.events import EventLog
from p2plab.explain.publications import about, dropped, publication_of
from p2plab.text import aligned, html_table, plural, shown

if TYPE_CHECKING:
    import pandas

__all__ = ["Delivery", "Propagation", "propagation"]

SHOWN = 40  # rows of a table's text face; the others are counted
HEADINGS = ("node", "after (s)", "from", "hops", "duplicates")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One node's delivery of the message. ``after``: seconds since it was published; ``received_from`` is None and
    ``hops`` 0 at the publisher; ``duplicates``: further copies that reached the node."""

    node: str
    after: float
    received_from: str | None
    hops: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class Propagation:
    """How a message spread: its deliveries in the order of time, and who subscribed and did not get it.

    Iterating gives the deliveries.
    """

    message_id: str
    topic: str
    publisher: str
    published_at: float
    deliveries: tuple[Delivery, ...]
    missing: tuple[str, ...]
    duplicates: int
    subscribers_known: bool = True  # False: the log tells no subscriptions, so who should have got it is not known

    def __iter__(self) -> Iterator[Delivery]:
        return iter(self.deliveries)

    def __len__(self) -> int:
        return len(self.deliveries)

    def __getitem__(self, node: Any) -> Delivery:
        """The delivery at one node. KeyError where it got none."""
        for delivery in self.deliveries:
            if delivery.node == str(node):
                return delivery
        raise KeyError(f"{node} did not get the message")

    @property
    def reached(self) -> float:
        """The share of the subscribers that got it, 0 to 1; NaN where the log tells no subscriptions."""
        if not self.subscribers_known:
            return float("nan")
        total = len(self.deliveries) + len(self.missing)
        return len(self.deliveries) / total if total else 0.0

    @property
    def hops(self) -> int:
        """The longest way, in hops."""
        return max((delivery.hops for delivery in self.deliveries), default=0)

    @property
    def duration(self) -> float:
        """Seconds from the publication to the last delivery."""
        return max((delivery.after for delivery in self.deliveries), default=0.0)

    def tree(self) -> dict[str, list[str]]:
        """The propagation tree: for each node that passed the message on, whom it reached first."""
        children: dict[str, list[str]] = {}
        for delivery in self.deliveries:
            if delivery.received_from is not None:
                children.setdefault(delivery.received_from, []).append(delivery.node)
        return children

    def curve(self) -> list[tuple[float, float]]:
        """Points (seconds since the publication, share of the subscribers that had it by then); of those that got it
        at all, where the log tells no subscriptions."""
        total = len(self.deliveries) + len(self.missing)
        return [(delivery.after, count / total) for count, delivery in enumerate(self.deliveries, start=1)]

    @faced
    def to_pandas(self) -> pandas.DataFrame:
        """A row a delivery. MissingExtraError without pandas."""
        try:
            import pandas
        except ImportError as error:
            raise MissingExtraError("to_pandas needs pandas: pip install pandas") from error
        return pandas.DataFrame(self._rows(), columns=[heading.split(" ")[0] for heading in HEADINGS])

    def _rows(self) -> list[tuple[str, float, str, int, int]]:
        return [(d.node, round(d.after, 6), d.received_from or "", d.hops, d.duplicates) for d in self.deliveries]

    def _summary(self) -> str:
        missing = (
            f"; missing at {', '.join(self.missing[:8])}{'…' if len(self.missing) > 8 else ''}" if self.missing else ""
        )
        got = (
            f"{len(self)} of {plural(len(self) + len(self.missing), 'subscriber')}"
            if self.subscribers_known
            else f"{plural(len(self), 'node')} (the log does not tell who subscribed)"
        )
        return (
            f"{shown(self.topic)!r} from {self.publisher}: {got} in "
            f"{self.duration:.3f} s, {plural(self.hops, 'hop')}, {plural(self.duplicates, 'duplicate')}{missing}"
        )

    def __repr__(self) -> str:
        rows = [HEADINGS, *([str(cell) for cell in row] for row in self._rows()[:SHOWN])]
        more = [f"… and {len(self) - SHOWN} more"] if len(self) > SHOWN else []
        return "\n".join([self._summary(), aligned(rows), *more])

    def _repr_html_(self) -> str:
        return html_table(HEADINGS, self._rows(), self._summary())


def propagation(log: EventLog, message: Any) -> Propagation:
    """How a message (or the one with this id) spread so far. ValidationError where the log does not know it."""
    ref = message if isinstance(message, str) else getattr(message, "id", None)
    if not isinstance(ref, str):
        raise ValidationError(f"propagation takes a message or its id, not {message!r}")
    found = publication_of(log, message)
    published = [] if found is None else [found]
    if not published and not log.dropped:  # it came from outside the lab, and begins with whoever brought it in
        published = log.filter(kind="pubsub.receive", ref=ref)
    if not published:
        raise ValidationError(
            f"no publication of {ref[-16:]!r} is in the log, at level {log.level}; it takes 'messages' to follow one"
        )
    start = published[0]
    publisher = str(start.node if start.kind == "pubsub.publish" else start.peer)
    topic = str(start.topic)
    unsent = start.kind == "pubsub.publish" and dropped(log, start) is not None
    delivered = [] if unsent else about(log, start, "pubsub.deliver")
    duplicates: dict[str, int] = {}
    for event in [] if unsent else about(log, start, "pubsub.duplicate"):
        duplicates[str(event.node)] = duplicates.get(str(event.node), 0) + 1
    source_of = {str(event.node): event.peer for event in about(log, start, "pubsub.receive")}
    hops: dict[str, int] = {publisher: 0}
    deliveries = []
    for event in delivered:
        node = str(event.node)
        if node != publisher:
            hops[node] = _hops(node, source_of, hops)
        source = None if node == publisher else event.peer
        deliveries.append(Delivery(node, event.t - start.t, source, hops[node], duplicates.get(node, 0)))
    got = {delivery.node for delivery in deliveries}
    subscribers = _subscribers(log, topic, start.seq)
    has_it = set() if unsent else {publisher}  # other tools do not trace a publisher's own delivery
    missing = tuple(name for name in subscribers if name not in got | has_it)
    known = bool(subscribers) or not got
    return Propagation(ref, topic, publisher, start.t, tuple(deliveries), missing, sum(duplicates.values()), known)


def _hops(node: str, source_of: dict[str, str | None], hops: dict[str, int]) -> int:
    """How many links the node's copy crossed; nodes that passed it on are counted on the way."""
    way: list[str] = []
    at: str | None = node
    while at is not None and at not in hops and at not in way:
        way.append(at)
        at = source_of.get(at)
    return hops.get(at or "", 0) + len(way)


def _subscribers(log: EventLog, topic: str, until: int) -> list[str]:
    """Who subscribed to the topic when the event ``until`` happened."""
    subscribed: dict[str, None] = {}
    told = [
        event for kind in ("pubsub.subscribe", "pubsub.unsubscribe") for event in log.filter(kind=kind, topic=topic)
    ]
    for event in sorted(told, key=lambda event: event.seq):
        if event.seq > until:
            break
        if event.kind == "pubsub.subscribe":
            subscribed[str(event.node)] = None
        elif event.kind == "pubsub.unsubscribe":
            subscribed.pop(str(event.node), None)
    return list(subscribed)
