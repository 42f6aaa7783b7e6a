"""Bitswap at a moment, as the log tells it: what each node waits for and of whom, and what each gave and took."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from p2plab.events import Event, EventLog
from p2plab_widgets.protocols.reading import until

__all__ = ["ExchangeTotals", "Wanted", "ledgers", "wantlists"]

WANTS: Final = (
    "bitswap.session", "bitswap.want", "bitswap.have", "bitswap.dont_have", "bitswap.block", "bitswap.cut_off",
    "connection.opened", "connection.closed", "node.crashed", "node.stopped",
)  # fmt: skip
GIVEN: Final = (
    "bitswap.sent",
    "bitswap.block",
    "bitswap.duplicate",
    "bitswap.unasked",
    "bitswap.cut_off",
    "node.restarted",
)


@dataclass
class Wanted:
    """A block that a node waits for, since when, and which peers it asked: for the block, or whether they have it.
    ``event`` is the seq of the first question."""

    node: str
    cid: str
    since: float
    session: object
    event: int
    blocks: dict[str, float] = field(default_factory=dict)
    haves: dict[str, float] = field(default_factory=dict)

    def left(self, peer: str) -> None:
        """The peer is not asked any more."""
        self.blocks.pop(peer, None)
        self.haves.pop(peer, None)


@dataclass
class ExchangeTotals:
    """What a node gave to a peer and took from it, by Bitswap: bytes and blocks. ``cut_until`` is lab time."""

    sent: int = 0
    received: int = 0
    blocks_sent: int = 0
    blocks_received: int = 0
    cut_until: float = -1.0


def wantlists(log: EventLog, at: float | None) -> list[Wanted]:
    """What every node had asked for by a moment and had not got, the first wanted first."""
    wanted: dict[str, dict[str, Wanted]] = {}
    open_to: dict[tuple[str, str], int] = {}
    for event in until(log, WANTS, at):
        node, peer, cid = str(event.node), str(event.peer), str(event.ref)
        mine = wanted.setdefault(node, {})
        if event.kind == "bitswap.want":
            one = mine.get(cid)
            if one is None:
                one = mine[cid] = Wanted(node, cid, event.t, (event.data or {}).get("session"), event.seq)
            one.left(peer)
            (one.blocks if event.reason == "want-block" else one.haves)[peer] = event.t
        elif event.kind == "bitswap.block":
            mine.pop(cid, None)
        elif event.kind in ("bitswap.have", "bitswap.dont_have"):
            if cid in mine and event.kind == "bitswap.have":
                mine[cid].haves.pop(peer, None)
            elif cid in mine:
                mine[cid].left(peer)
        elif event.kind == "bitswap.session":
            if event.reason != "opened":
                session = (event.data or {}).get("session")
                wanted[node] = {key: one for key, one in mine.items() if one.session != session}
        elif event.kind in ("node.crashed", "node.stopped"):
            mine.clear()
        else:
            _peer_changed(event, open_to, mine.values())
    return sorted((one for mine in wanted.values() for one in mine.values()), key=lambda one: one.event)


def _peer_changed(event: Event, open_to: dict[tuple[str, str], int], mine: Iterable[Wanted]) -> None:
    """A connection came or went, or the peer is not heard any more: whom nothing leads to is not asked."""
    pair = (str(event.node), str(event.peer))
    if event.kind == "connection.opened":
        open_to[pair] = open_to.get(pair, 0) + 1
        return
    if event.kind == "connection.closed":
        open_to[pair] = open_to.get(pair, 1) - 1
        if open_to[pair] > 0:
            return
    for one in mine:
        one.left(pair[1])


def ledgers(log: EventLog, at: float | None) -> dict[tuple[str, str], ExchangeTotals]:
    """By node and peer: what the one had given the other by a moment, and taken from it, since it was started."""
    found: dict[tuple[str, str], ExchangeTotals] = {}
    for event in until(log, GIVEN, at):
        node, peer, size = str(event.node), str(event.peer), event.size or 0
        if event.kind == "node.restarted":
            if (event.data or {}).get("state") == "lost":
                found = {pair: one for pair, one in found.items() if pair[0] != node}
            continue
        one = found.setdefault((node, peer), ExchangeTotals())
        if event.kind == "bitswap.sent":
            one.sent += size
            one.blocks_sent += 1
        elif event.kind == "bitswap.cut_off":
            one.cut_until = event.t + float((event.data or {}).get("seconds", 0.0))
        else:
            one.received += size
            one.blocks_received += 1
    return found
