"""A lab's numbers as Prometheus reads them: ours, and GossipSub's under the names that all implementations are to share
(``gossip_metrics``).

Counters come from the event log's own counts, which hold every event whatever the level of recording, and from the
bytes that nodes count; gauges are what the nodes say now. Of kinds that are only made for who wants them (frames, the
DHT's messages, and others of level ``all``) events are counted while somebody does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from p2plab.exports.gossip_metrics import gossip_metrics
from p2plab.exports.prometheus import Labels, Samples, family
from p2plab.stream.traffic import OTHERS

if TYPE_CHECKING:
    from p2plab.events import EventLog
    from p2plab.typing import PeerId
    from p2plab.worlds import Host, World

__all__ = ["MAX_PROTOCOLS", "metrics", "metrics_of_log"]

MAX_PROTOCOLS: Final = 200  # of a node's open streams that are told apart; a peer may choose among many versions

# Families of events: the name, what it counts, and the kinds, each under the word it is told by.
FAMILIES: Final[tuple[tuple[str, str, Mapping[str, str]], ...]] = (
    (
        "connection_events",
        "Dials begun, and connections that came about, failed and ended.",
        {f"connection.{word}": word for word in ("dialled", "opened", "failed", "closed")},
    ),
    (
        "stream_events",
        "Streams whose protocol was agreed or refused, and their ends.",
        {f"stream.{word}": word for word in ("opened", "refused", "closed", "reset")},
    ),
    (
        "pubsub_messages",
        "Messages of publish-subscribe, by what became of them at the node.",
        {
            "pubsub.publish": "published",
            "pubsub.receive": "received",
            "pubsub.deliver": "delivered",
            "pubsub.duplicate": "duplicate",
            "pubsub.reject": "rejected",
            "pubsub.ignore": "ignored",
            "pubsub.drop": "dropped",
        },
    ),
    ("pubsub_rpcs", "RPCs of publish-subscribe.", {"pubsub.rpc_sent": "sent", "pubsub.rpc_received": "received"}),
    (
        "dht_queries",
        "Queries of the DHT's lookups.",
        {"dht.query": "sent", "dht.answer": "answered", "dht.query_failed": "failed"},
    ),
    ("dht_lookups", "Lookups of the DHT.", {"dht.lookup": "begun", "dht.done": "ended"}),
    ("errors", "What user code or a library raised.", {"error": "raised"}),
)


def metrics(world: World, names: Iterable[str]) -> str:
    """The numbers of these nodes."""
    hosts = world.read(world.hosts)
    chosen = [hosts[name] for name in names]
    lines = [line for ours in _families(world, chosen) for line in ours]
    lines += gossip_metrics(world.events, {host.name for host in chosen})
    return "".join(f"{line}\n" for line in lines)


def metrics_of_log(log: EventLog, names: Iterable[str]) -> str:
    """The numbers of these nodes that an event log tells: how many events of each kind, and GossipSub's."""
    chosen = list(names)
    lines = list(_ours(*_events({name: log.counts_of(name) for name in chosen})))
    lines += gossip_metrics(log, set(chosen))
    return "".join(f"{line}\n" for line in lines)


def _families(world: World, hosts: list[Host]) -> Iterator[Iterator[str]]:
    running: Samples = [(_of(host), float(host.running)) for host in hosts]
    yield _ours("node_running", "Whether the node is up.", "gauge", running)
    yield _ours("connections", "Open connections.", "gauge", _counted(_connections(world, hosts)))
    yield _ours("streams", "Open streams of p2plab's protocols.", "gauge", _counted(_streams(world, hosts)))
    rows = [(host, row) for host in hosts for row in world.read(host.traffic_rows)]
    for way, word in (("sent", "to"), ("received", "from")):
        samples: Samples = [
            ((*_of(host), ("peer", _named(row.peer)), ("protocol", row.protocol)), float(getattr(row, way)))
            for host, row in rows
        ]
        yield _ours(f"{way}_bytes_total", f"Payload {way} {word} a peer over a protocol.", "counter", samples)
    counts = {host.name: world.events.counts_of(host.name) for host in hosts}
    for name, text, kinds in FAMILIES:
        if name == "pubsub_rpcs" and not any(counts[host.name].keys() & kinds.keys() for host in hosts):
            continue  # a mock lab does not count them: zeros would be untrue
        samples = [
            ((*_of(host), ("event", word)), float(counts[host.name].get(kind, 0)))
            for host in hosts
            for kind, word in kinds.items()
        ]
        yield _ours(f"{name}_total", text, "counter", samples)
    yield _ours(*_events(counts))


def _events(counts: Mapping[str, Mapping[str, int]]) -> tuple[str, str, str, Samples]:
    """How many events of each kind there were, by node: a family's name, text, type and samples."""
    samples: Samples = [
        ((("node", name), ("kind", kind)), float(count))
        for name in counts
        for kind, count in sorted(counts[name].items())
    ]
    return "events_total", "Events of the node in the log, by kind.", "counter", samples


def _ours(name: str, text: str, kind: str, samples: Samples) -> Iterator[str]:
    return family(f"p2plab_{name}", text, kind, samples)


def _named(peer: PeerId) -> str:
    return peer.name or str(peer) or OTHERS


def _of(host: Host) -> Labels:
    return (("node", host.name),)


def _connections(world: World, hosts: list[Host]) -> Iterator[Labels]:
    for host in hosts:
        for connection in world.read(host.connections):
            about = ("direction", "transport", "security", "muxer")
            yield (*_of(host), *((name, str(getattr(connection, name))) for name in about))


def _streams(world: World, hosts: list[Host]) -> Iterator[Labels]:
    for host in hosts:
        known: dict[str, None] = {}
        for stream in world.read(host.streams):
            if len(known) < MAX_PROTOCOLS:
                known[stream.protocol] = None
            protocol = stream.protocol if stream.protocol in known else OTHERS
            yield (*_of(host), ("protocol", protocol), ("direction", stream.direction))


def _counted(all_labels: Iterable[Labels]) -> Samples:
    """How often each combination of labels is there."""
    counts: dict[Labels, float] = {}
    for labels in all_labels:
        counts[labels] = counts.get(labels, 0.0) + 1
    return sorted(counts.items())
