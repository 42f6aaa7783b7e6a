"""Giving blocks to those that want them: ledgers, and who is next.

Rules:
- A peer's wantlist has at most ``max_wants`` lines; those above are refused, and many of them cut the peer off.
- A want stays until it was answered with the block, cancelled, or its peer has gone; one that cannot be answered now is
  answered when the block comes.
- Blocks are sent to ``at_once`` peers at a time. Next is the peer that got the least, as in fair queueing: each byte
  sent moves a peer's clock on, half as fast for one that gave us as much as it got, and one that was idle begins where
  the others are. Nobody starves, and who gives is given more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from p2plab.content.bitswap.messages import BitswapMessage, WantEntry
from p2plab.content.bitswap.params import MAX_MESSAGE, BitswapParams
from p2plab.content.store import BlockStore
from p2plab.errors import ContentError
from p2plab.identity.cid import Cid

__all__ = ["Ledger", "Serving"]

Task = Literal["block", "have", "dont have"]
_OVERHEAD: Final = 256  # bytes of a message beside its blocks


@dataclass(slots=True)
class Ledger:
    """What was given and taken, and what the peer wants. It outlives connections; ``wants`` does not."""

    peer: int
    sent: int = 0
    received: int = 0
    blocks_sent: int = 0
    blocks_received: int = 0
    wants: dict[bytes, WantEntry] = field(default_factory=dict)
    tasks: dict[bytes, Task] = field(default_factory=dict)
    clock: int = 0
    refused: int = 0
    unasked_blocks: int = 0
    unasked_bytes: int = 0
    cut_until: int = -1

    @property
    def has_blocks(self) -> bool:
        """Whether blocks wait to be sent."""
        return "block" in self.tasks.values()


class Serving:
    """All ledgers of a node. Its methods say which peers there is now something to send to."""

    def __init__(self, store: BlockStore, params: BitswapParams) -> None:
        self.store = store
        self.params = params
        self.ledgers: dict[int, Ledger] = {}
        self._wanting: dict[bytes, dict[int, None]] = {}  # by hash: whose wants have not been answered
        self._turns: dict[int, None] = {}  # peers that blocks are being sent to
        self._waiting: dict[int, None] = {}  # peers that wait for their turn

    def ledger(self, peer: int) -> Ledger:
        """The ledger of a peer."""
        found = self.ledgers.get(peer)
        if found is None:
            found = self.ledgers[peer] = Ledger(peer)
        return found

    def wanted(self, peer: int, entries: list[WantEntry], full: bool) -> int:
        """A peer's wantlist came: how many of its lines were refused."""
        ledger = self.ledger(peer)
        if full:
            for key in list(ledger.wants):
                self._forget(ledger, key)
        refused = 0
        for entry in entries:
            key = entry.cid.multihash
            if entry.cancel:
                self._forget(ledger, key)
                continue
            if key not in ledger.wants and len(ledger.wants) >= self.params.max_wants:
                refused += 1
                continue
            before = ledger.wants.get(key)
            if before is not None and before.block and not entry.block:
                continue  # the block itself is on its way already
            ledger.wants[key] = entry
            self._answer(ledger, key, entry)
        ledger.refused += refused
        return refused

    def _answer(self, ledger: Ledger, key: bytes, entry: WantEntry) -> None:
        size = self.store.size_of(entry.cid) if self.params.serves else None
        if size is not None and size + _OVERHEAD > MAX_MESSAGE:
            size = None  # no message has room for it
        if size is None:
            self._wanting.setdefault(key, {})[ledger.peer] = None
            if entry.send_dont_have:
                ledger.tasks[key] = "dont have"
            return
        if entry.block or size <= self.params.have_as_block:
            if not ledger.has_blocks:
                ahead = [self.ledgers[peer].clock for peer in (*self._turns, *self._waiting)]
                ledger.clock = max(ledger.clock, min(ahead, default=0))
            ledger.tasks[key] = "block"
        else:
            ledger.tasks[key] = "have"

    def stored(self, cid: Cid) -> list[int]:
        """A block is here now: the peers that waited for it."""
        key = cid.multihash
        peers = [peer for peer in self._wanting.pop(key, ()) if key in self.ledgers[peer].wants]
        for peer in peers:
            ledger = self.ledgers[peer]
            self._answer(ledger, key, ledger.wants[key])
        return peers

    def gone(self, peer: int) -> list[int]:
        """A peer has gone, with its wants: those whose turn it is now."""
        ledger = self.ledgers.get(peer)
        if ledger is not None:
            for key in list(ledger.wants):
                self._forget(ledger, key)
            ledger.tasks.clear()
        self._waiting.pop(peer, None)
        return self.turn_over(peer)

    def _forget(self, ledger: Ledger, key: bytes) -> None:
        ledger.wants.pop(key, None)
        ledger.tasks.pop(key, None)
        waiting = self._wanting.get(key)
        if waiting is not None:
            waiting.pop(ledger.peer, None)
            if not waiting:
                del self._wanting[key]

    # -- sending

    def next_message(self, peer: int) -> BitswapMessage | None:
        """What is to be sent to a peer now: all answers, and some blocks if it is the peer's turn. None: nothing."""
        ledger = self.ledgers.get(peer)
        if ledger is None or not ledger.tasks:
            return None
        haves: list[Cid] = []
        dont_haves: list[Cid] = []
        for key, task in list(ledger.tasks.items()):
            if task != "block":
                (haves if task == "have" else dont_haves).append(ledger.wants[key].cid)
                del ledger.tasks[key]
        blocks = self._blocks(ledger) if ledger.has_blocks and self._may_send(peer) else []
        if not (haves or dont_haves or blocks):
            return None
        return BitswapMessage(blocks=blocks, haves=haves, dont_haves=dont_haves)

    def _blocks(self, ledger: Ledger) -> list[tuple[Cid, bytes]]:
        keys = [key for key, task in ledger.tasks.items() if task == "block"]
        keys.sort(key=lambda key: -ledger.wants[key].priority)  # of equal ones, the first to be asked for
        blocks: list[tuple[Cid, bytes]] = []
        size = 0
        for key in keys:
            cid = ledger.wants[key].cid
            length = self.store.size_of(cid)
            if length is not None and blocks and size + length > self.params.message_target:
                break
            try:
                data = self.store.get(cid)
            except ContentError:  # damaged where it is kept
                self.store.delete([cid])
                data = None
            entry = ledger.wants[key]
            self._forget(ledger, key)
            if data is None:  # it was thrown away meanwhile
                ledger.wants[key] = entry
                self._answer(ledger, key, entry)
                continue
            blocks.append((cid, data))
            size += len(data)
            if size >= self.params.message_target:
                break
        return blocks

    def _may_send(self, peer: int) -> bool:
        """Whether it is this peer's turn, as it is while there are few."""
        if peer in self._turns:
            return True
        if len(self._turns) < self.params.at_once:
            self._waiting.pop(peer, None)
            self._turns[peer] = None
            return True
        self._waiting[peer] = None
        return False

    def sent(self, peer: int, blocks: list[tuple[Cid, bytes]]) -> list[int]:
        """Blocks have left for a peer: those whose turn it is now."""
        ledger = self.ledger(peer)
        size = sum(len(data) for _, data in blocks)
        ledger.sent += size
        ledger.blocks_sent += len(blocks)
        given = min(ledger.received, ledger.sent)
        ledger.clock += size - size * given // (2 * ledger.sent or 1)
        return self.turn_over(peer)

    def turn_over(self, peer: int) -> list[int]:
        """A peer's turn is over, whether or not it wants more: those whose turn it is now."""
        self._turns.pop(peer, None)
        ledger = self.ledgers.get(peer)
        if ledger is not None and ledger.has_blocks:
            self._waiting[peer] = None
        granted: list[int] = []
        while self._waiting and len(self._turns) < self.params.at_once:
            following = min(self._waiting, key=lambda one: self.ledgers[one].clock)  # of equal ones, the first
            del self._waiting[following]
            if self.ledgers[following].has_blocks:
                self._turns[following] = None
                granted.append(following)
        return granted
