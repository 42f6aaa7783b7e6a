"""What the event log of a run says of it in numbers, the same in every world: deliveries, latencies, duplicates,
lookups. Nothing is said of what did not happen, or was not recorded."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from p2plab.events import EventLog

__all__ = ["measured"]

UPKEEP = ("bootstrap", "refresh")  # lookups that nobody asked for


def measured(log: EventLog) -> dict[str, float]:
    """The numbers by name; times are seconds of lab time."""
    return {**_messages(log), **_connections(log), **_lookups(log)}


def _messages(log: EventLog) -> dict[str, float]:
    """Of every message: who subscribed when it was published, and when each of them got it, the publisher aside."""
    subscribed: dict[str, dict[str, None]] = {}
    sent: dict[str, tuple[float, set[str]]] = {}
    wanted = duplicates = 0
    latencies: list[float] = []
    for event in log.filter(kind="pubsub"):
        topic, node, ref = str(event.topic), str(event.node), str(event.ref)
        if event.kind == "pubsub.subscribe":
            subscribed.setdefault(topic, {})[node] = None
        elif event.kind == "pubsub.unsubscribe":
            subscribed.get(topic, {}).pop(node, None)
        elif event.kind == "pubsub.publish":
            others = {other for other in subscribed.get(topic, ()) if other != node}
            sent[ref] = (event.t, others)
            wanted += len(others)
        elif event.kind == "pubsub.duplicate":
            duplicates += 1
        elif event.kind == "pubsub.deliver" and ref in sent and node in sent[ref][1]:
            sent[ref][1].discard(node)
            latencies.append(event.t - sent[ref][0])
    if not sent:
        return {}
    found = {"messages published": float(len(sent))}
    if wanted:
        found["share delivered"] = len(latencies) / wanted
    if latencies:
        found.update(_times("latency", latencies))
        found["duplicates a delivery"] = duplicates / len(latencies)
    return found


def _connections(log: EventLog) -> dict[str, float]:
    opened = [event for event in log.filter(kind="connection.opened") if (event.data or {}).get("direction")]
    dialled = sum((event.data or {})["direction"] == "outbound" for event in opened)
    failed = len(log.filter(kind="connection.failed"))
    return {name: float(count) for name, count in (("dials", dialled), ("dials that failed", failed)) if count}


def _lookups(log: EventLog) -> dict[str, float]:
    began: dict[str, float] = {}
    times: list[float] = []
    queries = 0
    for event in log.filter(kind="dht"):
        data, ref = event.data or {}, str(event.ref)
        if event.kind == "dht.lookup" and data.get("kind") not in UPKEEP:
            began[ref] = event.t
        elif event.kind == "dht.done" and ref in began:
            times.append(event.t - began.pop(ref))
            queries += int(data.get("queries", 0))
    if not times:
        return {}
    return {"lookups": float(len(times)), "queries a lookup": queries / len(times), **_times("lookup", times)}


def _times(what: str, seconds: Iterable[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {f"{what}, median": statistics.median(ordered), f"{what}, longest": ordered[-1]}
