"""What routers, providers and namespaces said, as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from p2plab.commands.rows.peers import PeerRow, peer_row
from p2plab.commands.rows.row import row_of

if TYPE_CHECKING:
    from p2plab.discovery import Advertisement
    from p2plab.host.content.pinning import Pinned
    from p2plab.host.content.serving import Gateway
    from p2plab.host.routing.service import RoutingServer
    from p2plab.routing import RoutedLookup
    from p2plab.routing.reputation import Standing, StandingTable


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
    providers: list[PeerRow]
    peer: PeerRow | None
    peers: list[PeerRow]
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


@row_of("Gateway")
@row_of("RoutingServer")
def served_row(server: RoutingServer | Gateway) -> ServedRow:
    return ServedRow(address=server.address)
