"""Results as rows: what a command gives for each kind of thing that a verb can give.

``ROWS`` has them by the annotation of what the verb returns; a row's fields are those of the TypedDict that makes it.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeVar

from typing_extensions import TypedDict

from p2plab.commands.plain import Pictured
from p2plab.events import Chain, Event
from p2plab.pubsub import Message
from p2plab.typing import Connection, PeerInfo

if TYPE_CHECKING:
    from p2plab.api.aio.node import AsyncNode
    from p2plab.api.attached import AttachedNode
    from p2plab.discovery import Advertisement
    from p2plab.explain.diagnosis import Diagnosis
    from p2plab.exports import Capture
    from p2plab.host.pinning import Pinned
    from p2plab.host.routing.service import RoutingServer
    from p2plab.kademlia import KademliaRoutingTable
    from p2plab.kademlia.lookups.result import Lookup
    from p2plab.kademlia.lookups.survey import CrawlResult, Holders
    from p2plab.nat.matrix import ReachabilityMatrix
    from p2plab.protocols.capabilities import Capability
    from p2plab.protocols.perf import Throughput
    from p2plab.routing import RoutedLookup
    from p2plab.routing.address_book import AddressTable
    from p2plab.routing.reputation import Standing, StandingTable
    from p2plab.stream.traffic import TrafficTable

F = TypeVar("F", bound=Callable[[Any], Any])
MOST_STEPS = 100  # rows of a lookup's path in a result


@dataclass(frozen=True, slots=True)
class Row:
    """How a value becomes a row, and the fields that the row has, with their types."""

    make: Callable[[Any], Mapping[str, Any]]
    fields: Mapping[str, Any]


ROWS: dict[str, Row] = {}


def row_of(annotation: str) -> Callable[[F], F]:
    """Have a function make the row of what verbs return under an annotation, as it is written there. The function's own
    return annotation names a TypedDict of its module."""

    def registered(make: F) -> F:
        result = make.__globals__[make.__annotations__["return"]]
        ROWS[annotation] = Row(make, typing.get_type_hints(result))
        return make

    return registered


# -- diagnosis


class DiagnosisRow(TypedDict):
    """Why two nodes do not talk; ``layer`` is None, and ``healthy`` true, where they do."""

    healthy: bool
    layer: str | None
    reason: str
    evidence: list[str]
    remedy: str


@row_of("Diagnosis")
def diagnosis_row(found: Diagnosis) -> DiagnosisRow:
    """A diagnosis."""
    return DiagnosisRow(
        healthy=found.healthy,
        layer=found.layer,
        reason=found.reason,
        evidence=list(found.evidence),
        remedy=found.remedy,
    )


# -- reachability


class WayRow(TypedDict):
    """How one node reaches another, and why so."""

    to: str
    how: str
    reason: str


class ReachabilityRow(TypedDict):
    """Who reaches whom, by the node that dials; how many pairs there are of each kind."""

    pairs: dict[str, list[WayRow]]
    counts: dict[str, int]
    tried: bool


@row_of("ReachabilityMatrix")
def reachability_row(matrix: ReachabilityMatrix) -> ReachabilityRow:
    pairs: dict[str, list[WayRow]] = {name: [] for name in matrix.names}
    for a, b, way in matrix:
        pairs[a].append({"to": b, "how": way.how, "reason": way.reason})
    return {
        "pairs": pairs,
        "counts": {str(how): count for how, count in matrix.counts().items()},
        "tried": matrix.tried,
    }


# -- nodes


class NodeRow(TypedDict):
    """A node: its name, its peer id, whether it runs, its multiaddrs."""

    name: str
    peer_id: str
    running: bool
    addresses: list[str]


class Nodes(TypedDict):
    nodes: list[NodeRow]
    count: int


class Wired(TypedDict):
    """Pairs of names."""

    edges: list[list[str]]
    count: int


class OutsiderRow(TypedDict):
    """A node outside: its name here, its peer id, the multiaddrs it was attached by, whether it answers, and what it
    says of itself."""

    name: str
    peer_id: str
    addresses: list[str]
    running: bool
    agent_version: str
    protocols: list[str]


class Outsiders(TypedDict):
    attached: list[OutsiderRow]
    count: int


@row_of("AsyncNode")
def node_row(node: AsyncNode) -> NodeRow:
    return NodeRow(name=node.name, peer_id=str(node.peer_id), running=node.running, addresses=list(node.addresses))


@row_of("list[AsyncNode]")
@row_of("list[N]")
def node_rows(nodes: list[AsyncNode]) -> Nodes:
    return Nodes(nodes=[node_row(node) for node in nodes], count=len(nodes))


@row_of("list[tuple[str, str]]")
def pair_rows(pairs: list[tuple[str, str]]) -> Wired:
    return Wired(edges=[list(pair) for pair in pairs], count=len(pairs))


@row_of("AttachedNode")
def outsider_row(node: AttachedNode) -> OutsiderRow:
    return OutsiderRow(
        name=node.name,
        peer_id=str(node.peer_id),
        addresses=list(node.addresses),
        running=node.running,
        agent_version=node.info.agent_version,
        protocols=list(node.info.protocols),
    )


@row_of("dict[str, AttachedNode]")
def outsider_rows(nodes: dict[str, AttachedNode]) -> Outsiders:
    return Outsiders(attached=[outsider_row(node) for node in nodes.values()], count=len(nodes))


# -- peers and connections


class Peer(TypedDict):
    """A peer: its name in this lab (else the end of its id), its id, its multiaddrs."""

    name: str
    peer_id: str
    addresses: list[str]


class Peers(TypedDict):
    peers: list[Peer]
    count: int


class Identified(TypedDict):
    """What a peer tells of itself by identify."""

    name: str
    peer_id: str
    addresses: list[str]
    protocols: list[str]
    agent_version: str
    protocol_version: str
    observed_address: str | None


class KnownPeer(TypedDict):
    """A peer under the names that other libraries' ``execute_command`` gives its id and addresses."""

    id: str
    addrs: list[str]


class Connected(TypedDict):
    """A connection as its node sees it. ``opened_at`` is in seconds of lab time."""

    peer: str
    peer_id: str
    direction: str
    transport: str
    security: str
    muxer: str
    remote_address: str
    relayed: bool
    opened_at: float
    id: int


class Connections(TypedDict):
    connections: list[Connected]
    count: int


class CapabilityRow(TypedDict):
    """What a protocol of a peer's can do."""

    name: str
    versions: list[str]
    features: list[str]


class Capabilities(TypedDict):
    capabilities: list[CapabilityRow]
    count: int


def peer_row(peer: PeerInfo) -> Peer:
    return Peer(name=peer.name, peer_id=str(peer.peer_id), addresses=list(peer.addresses))


@row_of("list[PeerInfo]")
def peer_rows(peers: list[PeerInfo]) -> Peers:
    return Peers(peers=[peer_row(peer) for peer in peers], count=len(peers))


@row_of("PeerInfo")
def identified_row(info: PeerInfo) -> Identified:
    return Identified(
        name=info.name,
        peer_id=str(info.peer_id),
        addresses=list(info.addresses),
        protocols=list(info.protocols),
        agent_version=info.agent_version,
        protocol_version=info.protocol_version,
        observed_address=info.observed_address,
    )


def known_rows(peers: Iterable[PeerInfo]) -> list[KnownPeer]:
    return [KnownPeer(id=str(peer.peer_id), addrs=list(peer.addresses)) for peer in peers]


class AddressRow(TypedDict):
    """An address of a peer, and where it is from; times in seconds of lab time, ``expires`` None where it stays."""

    peer_id: str
    address: str
    by: str
    told_by: str | None
    learnt: float
    expires: float | None
    certified: bool


class AddressBookRow(TypedDict):
    addresses: list[AddressRow]
    count: int


@row_of("AddressTable")
def address_rows(table: AddressTable) -> AddressBookRow:
    rows = [
        AddressRow(
            peer_id=row.peer,
            address=row.address,
            by=row.by,
            told_by=row.told_by,
            learnt=row.learnt,
            expires=row.expires,
            certified=row.certified,
        )
        for row in table
    ]
    return AddressBookRow(addresses=rows, count=len(rows))


@row_of("Connection")
def connection_row(connection: Connection) -> Connected:
    peer = connection.peer
    return Connected(
        peer=peer.name or peer.short,
        peer_id=str(peer),
        direction=connection.direction,
        transport=connection.transport,
        security=connection.security,
        muxer=connection.muxer,
        remote_address=connection.remote_address,
        relayed=connection.relayed,
        opened_at=connection.opened_at,
        id=connection.id,
    )


@row_of("list[Connection]")
def connection_rows(connections: list[Connection]) -> Connections:
    return Connections(connections=[connection_row(one) for one in connections], count=len(connections))


@row_of("list[Capability]")
def capability_rows(found: list[Capability]) -> Capabilities:
    rows = [CapabilityRow(name=one.name, versions=list(one.versions), features=list(one.features)) for one in found]
    return Capabilities(capabilities=rows, count=len(rows))


# -- bytes and messages


class Delivered(TypedDict):
    """A message as a node received it; ``data`` is bytes, ``received_at`` in seconds of lab time."""

    topic: str
    data: bytes
    sender: str | None
    received_from: str
    received_at: float
    id: str


class Measured(TypedDict):
    """Seconds each way, and bytes a second; None where it came all at once."""

    upload_seconds: float
    download_seconds: float
    upload_rate: float | None
    download_rate: float | None


class Exchanged(TypedDict):
    """Payload bytes exchanged with a peer over a protocol, and bytes a second since the lab began."""

    peer: str
    peer_id: str
    protocol: str
    sent: int
    received: int
    sent_rate: float
    received_rate: float


class Exchanges(TypedDict):
    """``sent`` and ``received`` are bytes, of all rows together."""

    traffic: list[Exchanged]
    sent: int
    received: int


class Captured(TypedDict):
    """A capture: how many ``frames`` and ``bytes`` it holds, and how many older frames were ``dropped``."""

    path: str
    running: bool
    frames: int
    bytes: int
    dropped: int


def message_row(message: Message) -> Delivered:
    sender = message.sender
    return Delivered(
        topic=message.topic,
        data=message.data,
        sender=None if sender is None else sender.name or str(sender),
        received_from=message.received_from.name or str(message.received_from),
        received_at=message.received_at,
        id=message.id,
    )


@row_of("Throughput")
def throughput_row(found: Throughput) -> Measured:
    return Measured(
        upload_seconds=found.upload_seconds,
        download_seconds=found.download_seconds,
        upload_rate=found.upload_rate if isfinite(found.upload_rate) else None,
        download_rate=found.download_rate if isfinite(found.download_rate) else None,
    )


class AdvertisementRow(TypedDict):
    """What advertising a namespace came to; seconds."""

    namespace: str
    ttl: float
    renewed: bool
    by: list[str]
    failures: dict[str, str]


@row_of("Advertisement")
def advertisement_row(told: Advertisement) -> AdvertisementRow:
    return AdvertisementRow(
        namespace=told.namespace, ttl=told.ttl, renewed=told.renewed, by=list(told.by), failures=dict(told.failures)
    )


@row_of("TrafficTable")
def traffic_rows(table: TrafficTable) -> Exchanges:
    rows = [
        Exchanged(
            peer=row.peer.name or row.peer.short,
            peer_id=str(row.peer),
            protocol=row.protocol,
            sent=row.sent,
            received=row.received,
            sent_rate=row.sent_rate,
            received_rate=row.received_rate,
        )
        for row in table
    ]
    return Exchanges(traffic=rows, sent=table.sent, received=table.received)


@row_of("Capture")
def capture_row(one: Capture) -> Captured:
    return Captured(path=str(one.path), running=one.running, frames=one.frames, bytes=one.bytes, dropped=one.dropped)


# -- the DHT


class Step(TypedDict):
    """A query of a lookup: ``time`` and ``seconds`` in seconds of lab time, ``bits`` shared with the key."""

    time: float
    peer: str
    bits: int
    hop: int
    seconds: float | None
    answer: str


class Found(TypedDict):
    """What a lookup gave. ``why`` says how it ended; ``seconds`` of lab time."""

    found: bool
    why: str
    hops: int
    seconds: float
    value: bytes | None
    providers: list[Peer]
    peer: Peer | None
    peers: list[Peer]
    path: list[Step]


class Bucket(TypedDict):
    """``bits`` of the key that its peers share with the node's own, ``silent`` seconds since each was heard of."""

    bits: int
    peers: list[str]
    silent: list[float]
    waiting: list[str]


class RoutingTable(TypedDict):
    peer_id: str
    count: int
    buckets: list[Bucket]


class HoldersOf(TypedDict):
    holding: list[str]
    should: list[str]
    missing: list[str]
    extra: list[str]


class Crawled(TypedDict):
    """What a crawler that began at one node found."""

    nodes: int
    requests: int
    silent: int


@row_of("Lookup")
def lookup_row(lookup: Lookup) -> Found:
    """A lookup as a result, which can be drawn."""
    path = [
        Step(
            time=query.time,
            peer=query.peer.name or query.peer.short,
            bits=query.distance,
            hop=query.hop,
            seconds=query.duration,
            answer=query.answer,
        )
        for query in lookup.path[:MOST_STEPS]
    ]
    result = Pictured(
        found=lookup.found,
        why=lookup.why(),
        hops=lookup.hops,
        seconds=lookup.duration,
        value=lookup.value,
        providers=[peer_row(peer) for peer in lookup.providers],
        peer=None if lookup.peer is None else peer_row(lookup.peer),
        peers=[peer_row(peer) for peer in lookup.peers],
        path=path,
    )
    result.picture = lookup.to_svg()
    return result  # type: ignore[return-value]  # a dict with just these keys


class AnswerRow(TypedDict):
    """What one content router answered; ``seconds`` of lab time, None where it was not waited for."""

    router: str
    answer: str
    seconds: float | None
    found: bool
    failed: bool


class Routed(TypedDict):
    """What content routers found together, and what each answered. ``seconds`` of lab time."""

    found: bool
    why: str
    seconds: float
    value: bytes | None
    providers: list[Peer]
    peer: Peer | None
    peers: list[Peer]
    answers: list[AnswerRow]


@row_of("RoutedLookup")
def routed_row(lookup: RoutedLookup) -> Routed:
    answers = [
        AnswerRow(router=one.router, answer=one.answer, seconds=one.seconds, found=one.found, failed=one.failed)
        for one in lookup.answers
    ]
    return Routed(
        found=lookup.found,
        why=lookup.why(),
        seconds=lookup.duration,
        value=lookup.value,
        providers=[peer_row(peer) for peer in lookup.providers],
        peer=None if lookup.peer is None else peer_row(lookup.peer),
        peers=[peer_row(peer) for peer in lookup.peers],
        answers=answers,
    )


class StandingRow(TypedDict):
    """How a peer stands as a provider; counts after decay, ``rate`` bytes a second, ``last`` seconds of lab time."""

    peer_id: str
    score: float
    deliveries: float
    failures: float
    bad: float
    rate: float | None
    last: float
    refused: bool
    why: str


class Standings(TypedDict):
    providers: list[StandingRow]
    count: int


@row_of("Standing")
def standing_row(one: Standing) -> StandingRow:
    return StandingRow(
        peer_id=one.peer,
        score=one.score,
        deliveries=one.deliveries,
        failures=one.failures,
        bad=one.bad,
        rate=one.rate,
        last=one.last,
        refused=one.refused,
        why=one.why(),
    )


@row_of("StandingTable")
def standing_rows(table: StandingTable) -> Standings:
    return Standings(providers=[standing_row(one) for one in table], count=len(table))


class PinnedRow(TypedDict):
    """What another node keeps from now on."""

    peer: str
    cid: str
    blocks: int
    bytes: int


@row_of("Pinned")
def pinned_row(one: Pinned) -> PinnedRow:
    return PinnedRow(peer=one.peer, cid=str(one.cid), blocks=one.blocks, bytes=one.bytes)


class ServedRow(TypedDict):
    """Where something is served over HTTP."""

    address: str


@row_of("RoutingServer")
def served_row(server: RoutingServer) -> ServedRow:
    return ServedRow(address=server.address)


@row_of("KademliaRoutingTable")
def table_row(table: KademliaRoutingTable) -> RoutingTable:
    buckets = [
        Bucket(
            bits=bucket.prefix_length,
            peers=[peer.name for peer in bucket.peers],
            silent=list(bucket.silent),
            waiting=[peer.name for peer in bucket.replacements],
        )
        for bucket in table.view()
    ]
    return RoutingTable(peer_id=str(table.peer_id), count=len(table), buckets=buckets)


@row_of("Holders")
def holders_row(held: Holders) -> HoldersOf:
    return HoldersOf(
        holding=[peer.name for peer in held.holding],
        should=[peer.name for peer in held.should],
        missing=[peer.name for peer in held.missing],
        extra=[peer.name for peer in held.extra],
    )


@row_of("CrawlResult")
def crawl_row(result: CrawlResult) -> Crawled:
    return Crawled(nodes=len(result.nodes), requests=result.requests, silent=len(result.silent))


# -- what happened


class EventRow(TypedDict, total=False):
    """An event as the log has it; what is empty is left out. ``t`` is in seconds of lab time."""

    t: float
    seq: int
    kind: str
    node: str
    peer: str
    topic: str
    ref: str
    size: int
    reason: str
    cause: int
    data: dict[str, Any]


class Reason(TypedDict):
    """``answer`` in a sentence; ``causes``: the events behind it, oldest first."""

    answer: str
    causes: list[EventRow]


def event_row(event: Event) -> EventRow:
    return event.to_dict()  # type: ignore[return-value]  # the fields that are set, which are an EventRow's


@row_of("Chain")
def reason_row(chain: Chain) -> Reason:
    return Reason(answer=chain.answer, causes=[event_row(link) for link in chain])
