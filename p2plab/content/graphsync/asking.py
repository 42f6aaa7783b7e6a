"""Asking a peer for part of a graph: each line of its answer, and each block, is held against the selector as it comes.

Rules:
- The asker walks by itself. The next link of an answer has to be the one that its own walk needs next; another one, or
  more than the selector says, ends the request, and nothing of what follows is kept.
- A block is kept where its bytes have the CID of that link. What the peer says it has and does not send has to be here.
- Below a link that the peer has not got, its answer says nothing: what is here is walked without it.
- An answer that ends before the walk does, or with blocks missing, is a failure; what came stays, being right.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from p2plab.content.graphsync.messages import DUPLICATE, MISSING, PRESENT, STATUSES, GraphSyncResponse
from p2plab.content.graphsync.selector import parse_selector
from p2plab.content.graphsync.walk import Load, SelectorWalk, WalkLimits, walk_selector
from p2plab.content.store import BlockStore
from p2plab.errors import ContentError, LabError
from p2plab.identity.cid import Cid

__all__ = ["GraphSyncQuery"]


@dataclass(eq=False)
class GraphSyncQuery:
    """One request of ours. ``failure`` says why it failed; ``done``: it came to its end, or failed."""

    id: bytes
    peer: int
    root: Cid
    selector: Any
    store: BlockStore
    started: int
    limits: WalkLimits
    do_not_send: list[Cid] = field(default_factory=list)
    blocks: int = 0
    size: int = 0
    duplicates: int = 0
    local: int = 0
    lines: int = 0
    missing: list[Cid] = field(default_factory=list)
    done: bool = False
    failure: str | None = None
    status: int = 0
    held: list[Cid] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._walk: SelectorWalk = walk_selector(self.root, parse_selector(self.selector), self.limits)
        self._unfollowed: int | None = None  # the depth of a link below which the peer says nothing
        self._expected: Load | None = None
        self._advance(None)

    @property
    def expected(self) -> Cid | None:
        """The link that has to come next."""
        return None if self._expected is None else self._expected.cid

    def fail(self, why: str) -> None:
        """It cannot go on."""
        if not self.done:
            self.done, self.failure = True, why

    def responded(self, response: GraphSyncResponse, blocks: dict[Cid, bytes]) -> None:
        """Part of the peer's answer, with the blocks that came with it."""
        for cid, action in response.meta:
            if self.done:
                return
            self.lines += 1
            self._line(cid, action, blocks.get(cid))
        if response.is_last and not self.done:
            self.status = response.status
            self._ended(response.status)

    def _line(self, cid: Cid, action: str, block: bytes | None) -> None:
        load = self._expected
        if load is None or cid != load.cid:
            needed = "nothing more is selected" if load is None else f"{load.cid} comes next"
            self.fail(f"it answered with {cid}, where {needed}")
            return
        try:
            if action in (PRESENT, DUPLICATE):
                self._came(cid, block)
            elif action == MISSING:
                self._lacking(load)
            else:
                self._advance(None)  # it was walked before, and so it was here
        except LabError as error:
            self.fail(str(error))

    def _came(self, cid: Cid, block: bytes | None) -> None:
        if block is None:
            block = self.store.get(cid)
            if block is None:
                raise ContentError(f"it says that it has {cid}, and did not send it")
            self.local += 1
        elif self.store.put(cid, block):
            self.store.hold(cid)
            self.held.append(cid)
            self.blocks, self.size = self.blocks + 1, self.size + len(block)
        else:
            self.duplicates += 1
        self._advance(block)

    def _lacking(self, load: Load) -> None:
        block = self.store.get(load.cid)
        if block is None:
            self.missing.append(load.cid)
        else:
            self.local += 1
            self._unfollowed = load.depth
        self._advance(block)

    def _advance(self, block: bytes | None) -> None:
        """Go on to the next link that the peer has to say something of."""
        answer = block
        while True:
            try:
                out = self._walk.send(answer)
            except StopIteration:
                self._expected = None
                return
            answer = None
            if not isinstance(out, Load):
                continue
            if self._unfollowed is None or out.depth <= self._unfollowed:
                self._unfollowed = None
                self._expected = out
                return
            answer = self.store.get(out.cid)
            if answer is None:
                self.missing.append(out.cid)
            else:
                self.local += 1

    def _ended(self, status: int) -> None:
        if status >= 30:
            self.fail(f"it answered {status}, {STATUSES[status]}")
        elif self._expected is not None:
            self.fail(f"its answer ends early: {self._expected.cid} is missing")
        elif self.missing:
            self.fail(f"it has not got {len(self.missing)} of the blocks, {self.missing[0]} among them")
        else:
            self.done = True
