"""The DHT: values, providers, peers, and what the tables look like. Keys are paths, peer ids or names of nodes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from typing_extensions import TypedDict

from p2plab.commands.arguments import About, Cid, Count, Key, NodeName, Path, Payload, PeerName
from p2plab.commands.catalogue.results import Peer, peer_rows
from p2plab.commands.plain import Pictured
from p2plab.commands.table import Example, command
from p2plab.commands.verbs import LabVerbs, NodeVerbs, finished
from p2plab.errors import ValidationError
from p2plab.kademlia.lookups.result import Lookup

A_CID = "bafkreidon73zkcrwdb5iafqtijxildoonbwnpv7dyd6ef3qdgads2jc4su"
MOST_STEPS = 100  # rows of a lookup's path in a result


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


class Announced(TypedDict):
    announced: bool
    cid: str


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


class Mode(TypedDict):
    mode: str


class Absence(TypedDict):
    why: str


class Filled(TypedDict):
    entries: int


class HoldersOf(TypedDict):
    key: str
    holding: list[str]
    should: list[str]
    missing: list[str]
    extra: list[str]


class Crawled(TypedDict):
    """What a crawler that began at one node found."""

    nodes: int
    requests: int
    silent: int


def found_by(lookup: Lookup) -> Found:
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
        providers=peer_rows(lookup.providers),
        peer=None if lookup.peer is None else peer_rows([lookup.peer])[0],
        peers=peer_rows(lookup.peers),
        path=path,
    )
    result.picture = lookup.to_svg()
    return result  # type: ignore[return-value]  # a dict with just these keys


@command(verb="dht.put", examples=["dht_put alice /lab/greeting hi"])
async def dht_put(node: NodeVerbs, key: Path, value: Payload) -> Found:
    """Store a value in the DHT, at the nodes closest to its key."""
    return found_by(await finished(node.dht.put(key, value)))


@command(verb="dht.get", examples=[Example("dht_get bob /lab/greeting", ("dht_put alice /lab/greeting hi",))])
async def dht_get(
    node: NodeVerbs,
    key: Path,
    quorum: Annotated[
        Count | None, About("so many values end the search; left out: the node's setting", "number")
    ] = None,
) -> Found:
    """Find a value in the DHT."""
    return found_by(await finished(node.dht.get(key, quorum)))


@command(verb="dht.provide", examples=[f"dht_provide alice {A_CID}"])
async def dht_provide(node: NodeVerbs, cid: Cid) -> Found:
    """Announce in the DHT that a node provides some content, now and again later."""
    return found_by(await finished(node.dht.provide(cid)))


@command(verb="dht.provide", examples=[f"libp2p_announce_content {A_CID}"])
async def announce_content(node: NodeVerbs, cid: Cid) -> Announced:
    """Announce content, as other libraries' ``execute_command`` does.

    Announced means that the node answers for it from now on, and has told the closest peers there are, if any.
    """
    await finished(node.dht.provide(cid))
    return Announced(announced=True, cid=cid)


@command(
    verb="dht.find_providers", examples=[Example(f"dht_find_providers bob {A_CID}", (f"dht_provide alice {A_CID}",))]
)
async def dht_find_providers(
    node: NodeVerbs,
    cid: Cid,
    count: Annotated[Count | None, About("so many end the search; left out: the node's setting", "number")] = None,
) -> Found:
    """Find who provides some content."""
    return found_by(await finished(node.dht.find_providers(cid, count)))


@command(verb="dht.find_peer", examples=["dht_find_peer alice bob"])
async def dht_find_peer(node: NodeVerbs, peer: PeerName) -> Found:
    """Find a peer and its addresses by its id, or its name in this lab."""
    return found_by(await finished(node.dht.find_peer(peer)))


@command(verb="dht.closest_peers", examples=["dht_closest_peers alice /lab/greeting"])
async def dht_closest_peers(node: NodeVerbs, key: Key) -> Found:
    """Find the peers that are closest to a key."""
    return found_by(await finished(node.dht.closest_peers(key)))


@command(verb="dht.routing_table", examples=["dht_routing_table alice"])
async def dht_routing_table(node: NodeVerbs) -> RoutingTable:
    """Show a node's routing table, bucket by bucket."""
    table = node.dht.routing_table()
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


@command(verb="dht.set_mode", examples=["dht_mode alice client"])
async def dht_mode(
    node: NodeVerbs,
    mode: Annotated[Literal["client", "server"], About("a client answers nothing, and is in nobody's table", "mode")],
) -> Mode:
    """Make a node a client or a server of the DHT, and tell its peers."""
    node.dht.set_mode(mode)
    return Mode(mode=node.dht.mode)


@command(verb="dht.why_not", examples=["dht_why_not alice bob"])
async def dht_why_not(node: NodeVerbs, peer: PeerName) -> Absence:
    """Say why a peer is not in a node's routing table, or that it is."""
    return Absence(why=node.dht.why_not(peer))


@command(verb="dht.fill", worlds="mock", examples=["dht_fill"])
async def dht_fill(
    lab: LabVerbs, upkeep: Annotated[bool, About("have every node refresh and expire by itself from now on")] = False
) -> Filled:
    """Give every node the routing table it would have after hours of life."""
    return Filled(entries=lab.dht.fill(upkeep))


@command(
    verb="dht.holders",
    worlds="mock",
    examples=[Example("dht_holders /lab/greeting", ("dht_put alice /lab/greeting hi",))],
)
async def dht_holders(lab: LabVerbs, key: Key) -> HoldersOf:
    """Show which nodes hold a key's value or providers, and which should."""
    _check_nodes(lab)
    held: Any = lab.dht.holders(key)
    return HoldersOf(
        key=key,
        holding=[peer.name for peer in held.holding],
        should=[peer.name for peer in held.should],
        missing=[peer.name for peer in held.missing],
        extra=[peer.name for peer in held.extra],
    )


@command(verb="dht.crawl", worlds="mock", examples=["dht_crawl", "dht_crawl start=bob"])
async def dht_crawl(
    lab: LabVerbs, start: Annotated[NodeName | None, About("where it begins; left out: the first node", "node")] = None
) -> Crawled:
    """See the network as a crawler does, which asks everybody for everybody."""
    _check_nodes(lab)
    result: Any = await finished(lab.dht.crawl(start))
    return Crawled(nodes=len(result.nodes), requests=result.requests, silent=len(result.silent))


def _check_nodes(lab: LabVerbs) -> None:
    if not lab.nodes:
        raise ValidationError("this lab has no nodes yet: start_nodes 20 starts some")
