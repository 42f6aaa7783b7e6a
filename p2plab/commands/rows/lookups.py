"""What the DHT answered and holds, as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from p2plab.commands.plain import Pictured
from p2plab.commands.rows.peers import PeerRow, peer_row
from p2plab.commands.rows.row import row_of

if TYPE_CHECKING:
    from p2plab.kademlia import KademliaRoutingTable
    from p2plab.kademlia.lookups.result import Lookup
    from p2plab.kademlia.lookups.survey import CrawlResult, Holders


MOST_STEPS = 100  # rows of a lookup's path in a result


class QueryRow(TypedDict):
    """A query of a lookup: ``time`` and ``seconds`` in seconds of lab time, ``bits`` shared with the key."""

    time: float
    peer: str
    bits: int
    hop: int
    seconds: float | None
    answer: str


class LookupRow(TypedDict):
    """What a lookup gave. ``why`` says how it ended; ``seconds`` of lab time."""

    found: bool
    why: str
    hops: int
    seconds: float
    value: bytes | None
    providers: list[PeerRow]
    peer: PeerRow | None
    peers: list[PeerRow]
    path: list[QueryRow]


class BucketRow(TypedDict):
    """``bits`` of the key that its peers share with the node's own, ``silent`` seconds since each was heard of."""

    bits: int
    peers: list[str]
    silent: list[float]
    waiting: list[str]


class RoutingTable(TypedDict):
    peer_id: str
    count: int
    buckets: list[BucketRow]


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
def lookup_row(lookup: Lookup) -> LookupRow:
    """A lookup as a result, which can be drawn."""
    path = [
        QueryRow(
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


@row_of("KademliaRoutingTable")
def table_row(table: KademliaRoutingTable) -> RoutingTable:
    buckets = [
        BucketRow(
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
