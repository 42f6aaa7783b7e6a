"""GossipSub's numbers under the names of libp2p/specs pull request 695, read from an event log alone: of a mock lab, a
real one, or a log that was loaded.

Times are the log's own. What only the machine's clock could tell, how long a heartbeat takes, is in no log and so not
here. A number is left out where the log's level does not record what it counts. Peers choose topics, and other tools
reasons: of each, those beyond a bound are one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final

from p2plab.errors import EventLogError
from p2plab.events import EventLog
from p2plab.events.kinds import KINDS, LEVELS
from p2plab.exports.prometheus import Labels, family, histogram

__all__ = ["MAX_REASONS", "MAX_TOPICS", "NAMES", "gossip_metrics"]

MAX_TOPICS: Final = 100
MAX_REASONS: Final = 50
OTHERS: Final = "(others)"
LATENCIES: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
SCORES: Final = (-100.0, -10.0, -1.0, 0.0, 1.0, 10.0, 100.0)
_VIOLATIONS: Final = ("GRAFT while backing off", "GRAFT flood")
_RESULTS: Final = {"pubsub.deliver": "accept", "pubsub.reject": "reject", "pubsub.ignore": "ignore"}

# Counters: by name (behind "gossipsub_"), what is counted, and the kinds that count. What each event counts is below.
_COUNTERS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "peer_graft_total": ("Peers that entered the mesh, by topic.", ("pubsub.graft",)),
    "peer_prune_total": ("Peers that left the mesh, by topic and reason.", ("pubsub.prune",)),
    "message_received_total": ("Messages from peers, by topic and what validation said.", tuple(_RESULTS)),
    "message_delivered_total": ("Messages handed to the node's subscriptions, by topic.", ("pubsub.deliver",)),
    "message_rejected_total": ("Messages that were refused, by topic and reason.", ("pubsub.reject",)),
    "message_duplicate_total": ("Messages that arrived and were known already, by topic.", ("pubsub.duplicate",)),
    "message_published_total": ("Messages that the node published, by topic.", ("pubsub.publish",)),
    "rpc_received_total": ("Parts of RPCs that arrived, by what they are.", ("pubsub.rpc_received",)),
    "rpc_sent_total": ("Parts of RPCs that were sent, by what they are.", ("pubsub.rpc_sent",)),
    "ihave_sent_total": ("IHAVEs sent, one for each peer, by topic.", ("pubsub.gossip",)),
    "iwant_sent_total": ("IWANTs sent.", ("pubsub.iwant",)),
    "idontwant_sent_total": ("IDONTWANTs sent, one for each peer, by topic.", ("pubsub.idontwant",)),
    "peer_throttled_total": (
        "Messages that were not validated, since too many were.",
        ("pubsub.reject", "pubsub.ignore"),
    ),
    "backoff_violations_total": ("GRAFTs before the backoff was over.", ("pubsub.penalty",)),
    "score_penalty_total": ("Penalties for misbehaviour (P7), by what it was.", ("pubsub.penalty",)),
}
_HISTOGRAMS: Final[dict[str, tuple[str, tuple[str, ...], tuple[float, ...]]]] = {
    "peer_score": ("Peers' scores, as heartbeats left them.", ("pubsub.scores",), SCORES),
    "message_latency_seconds": (
        "Time from a publication to a delivery at another node, by topic.",
        ("pubsub.publish", "pubsub.deliver"),
        LATENCIES,
    ),
}
_GAUGES: Final = {
    "peers_total": "Peers connected; with a topic, those of them that subscribe to it.",
    "mesh_peers_total": "Peers in the mesh, by topic.",
}
NAMES: Final = tuple(f"gossipsub_{name}" for name in (*_GAUGES, *_COUNTERS, *_HISTOGRAMS))


def gossip_metrics(log: EventLog, nodes: Collection[str]) -> Iterator[str]:
    """The lines of Prometheus' text, of these nodes. Reading changes nothing."""
    told = {name: kinds for name, (_, kinds) in _COUNTERS.items() if _is_recorded(log, kinds)}
    observed = {name: kinds for name, (_, kinds, _) in _HISTOGRAMS.items() if _is_recorded(log, kinds)}
    tally = _Tally(log, nodes)
    if told or observed:
        tally.read({kind for kinds in (*told.values(), *observed.values()) for kind in kinds})
    yield from _gauges(log, nodes, tally)
    for name in told:
        counts = tally.counts.get(name, {})
        yield from family(f"gossipsub_{name}", _COUNTERS[name][0], "counter", sorted(counts.items()))
    for name in observed:
        text, _, bounds = _HISTOGRAMS[name]
        yield from histogram(f"gossipsub_{name}", text, bounds, dict(sorted(tally.observed.get(name, {}).items())))
    if log.dropped and tally.counts:
        yield f"# {log.dropped} older events are not kept (log_limit=), and not counted in what begins with gossipsub_"


def _is_recorded(log: EventLog, kinds: tuple[str, ...]) -> bool:
    """Whether the log has had all events of these kinds, at the level it was recorded at all along."""
    level = LEVELS.index(log.recorded)
    return all(KINDS[kind].level <= level for kind in kinds)


def _gauges(log: EventLog, nodes: Collection[str], tally: _Tally) -> Iterator[str]:
    try:
        state = log.state()
    except EventLogError:
        return  # the level does not tell what the network was
    neighbours: dict[str, set[str]] = {}
    for a, b in state.edges:
        neighbours.setdefault(a, set()).add(b)
        neighbours.setdefault(b, set()).add(a)
    there = [name for name in state.nodes if name in nodes]
    connected: dict[Labels, float] = {}
    in_mesh: dict[Labels, float] = {}
    for name in there:
        connected[("node", name),] = float(len(neighbours.get(name, ())))
    for topic, subscribers in state.subscriptions.items():
        for name in there:
            count = len(neighbours.get(name, set()).intersection(subscribers))
            if count:
                labels = (("node", name), ("topic", tally.topic(topic)))
                connected[labels] = connected.get(labels, 0.0) + count
    for topic, meshes in state.meshes.items():
        for name in there:
            if name in meshes:
                labels = (("node", name), ("topic", tally.topic(topic)))
                in_mesh[labels] = in_mesh.get(labels, 0.0) + len(meshes[name])
    for gauge, samples in (("peers_total", connected), ("mesh_peers_total", in_mesh)):
        yield from family(f"gossipsub_{gauge}", _GAUGES[gauge], "gauge", sorted(samples.items()))


class _Tally:
    """One pass over the rows."""

    def __init__(self, log: EventLog, nodes: Collection[str]) -> None:
        self._log = log
        self._wanted = {index: name for name in nodes if (index := log.index_of(name)) is not None}
        self._topics: dict[str, None] = {}
        self._reasons: dict[str, None] = {}
        self.counts: dict[str, dict[Labels, float]] = {}
        self.observed: dict[str, dict[Labels, list[float]]] = {}

    def topic(self, topic: str | None) -> str:
        """The label of a topic: itself, as long as there are not too many."""
        return _bounded(self._topics, topic or "", MAX_TOPICS)

    def _reason(self, reason: str | None) -> str:
        return _bounded(self._reasons, reason or "", MAX_REASONS)

    def _add(self, name: str, labels: Labels, count: float = 1.0) -> None:
        counts = self.counts.setdefault(name, {})
        counts[labels] = counts.get(labels, 0.0) + count

    def read(self, kinds: set[str]) -> None:
        published: dict[tuple[str | None, str | None], int] = {}
        for _, row in self._log.rows()[0].of_kinds(kinds):
            if row[2] == "pubsub.publish":
                published.setdefault((row[6], row[5]), row[0])
            name = self._wanted.get(row[3])
            if name is not None:
                self._count(row, (("node", name),), published)

    def _count(self, row: Any, of: Labels, published: dict[tuple[str | None, str | None], int]) -> None:
        tick, _, kind, node, peer, topic, ref, _, reason, _, data = row
        in_topic: Labels = (*of, ("topic", self.topic(topic)))
        if kind in _RESULTS and peer >= 0 and peer != node:
            self._add("message_received_total", (*in_topic, ("validation_result", _RESULTS[kind])))
        if kind == "pubsub.publish":
            self._add("message_published_total", in_topic)
        elif kind == "pubsub.deliver":
            self._add("message_delivered_total", in_topic)
            begun = published.get((ref, topic))
            if begun is not None and peer >= 0 and peer != node:
                latencies = self.observed.setdefault("message_latency_seconds", {})
                latencies.setdefault(in_topic, []).append((tick - begun) / self._log.resolution)
        elif kind == "pubsub.duplicate":
            self._add("message_duplicate_total", in_topic)
        elif kind in ("pubsub.reject", "pubsub.ignore"):
            if kind == "pubsub.reject":
                self._add("message_rejected_total", (*in_topic, ("reason", self._reason(reason))))
            if reason == "validation queue full":
                self._add("peer_throttled_total", (*of, ("reason", self._reason(reason))))
        elif kind == "pubsub.graft":
            self._add("peer_graft_total", in_topic)
        elif kind == "pubsub.prune":
            self._add("peer_prune_total", (*in_topic, ("reason", self._reason(reason))))
        elif kind in ("pubsub.rpc_received", "pubsub.rpc_sent"):
            for what, count in (data or {}).items():
                if isinstance(count, (int, float)):
                    self._add(f"{kind[7:]}_total", (*of, ("message_type", self._reason(what))), float(count))
        elif kind in ("pubsub.gossip", "pubsub.idontwant"):
            name = "ihave_sent_total" if kind == "pubsub.gossip" else "idontwant_sent_total"
            self._add(name, in_topic, float((data or {}).get("peers", 1)))
        elif kind == "pubsub.iwant":
            self._add("iwant_sent_total", of)
        elif kind == "pubsub.penalty":
            self._add("score_penalty_total", (*of, ("penalty_type", self._reason(reason))))
            if reason in _VIOLATIONS:
                self._add("backoff_violations_total", of)
        elif kind == "pubsub.scores":
            scores = (data or {}).get("scores", {}).values()
            told = [float(one["score"] if isinstance(one, dict) else one) for one in scores]
            self.observed.setdefault("peer_score", {}).setdefault(of, []).extend(told)


def _bounded(known: dict[str, None], text: str, most: int) -> str:
    if text not in known:
        if len(known) >= most:
            return OTHERS
        known[text] = None
    return text
