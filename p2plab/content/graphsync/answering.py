"""Answering requests for parts of graphs: a walk for each, carried on as far as the next message has room.

Rules:
- What is asked is bounded: requests of a peer and of all, CIDs that are not to be sent, nodes, blocks and depth of a
  walk. A walk goes no further than the peer takes messages.
- A block is sent once for a request, and not at all where the request says so; the line for it says that it is here.
- The answer ends with 20; with 21 where blocks are missing, 34 where the root is, 30 for what is no selector or has a
  condition, 31 over the bound on requests, 32 where the walk comes to too much.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from p2plab.content.graphsync.messages import (
    DUPLICATE,
    MAX_MESSAGE,
    MISSING,
    PRESENT,
    GraphSyncMessage,
    GraphSyncRequest,
    GraphSyncResponse,
)
from p2plab.content.graphsync.params import GraphSyncParams
from p2plab.content.graphsync.selector import parse_selector
from p2plab.content.graphsync.walk import Load, SelectorWalk, walk_selector
from p2plab.content.store import BlockStore
from p2plab.errors import ContentError, LabError, ValidationError
from p2plab.identity.cid import Cid

__all__ = ["Responder", "ResponseInProgress"]

DO_NOT_SEND = "graphsync/do-not-send-cids"
DO_NOT_SEND_FIRST = "graphsync/do-not-send-first-blocks"
_LINE = 48  # bytes of a message for each line of metadata
_ROOM = 1 << 16  # bytes of a message beside its blocks


@dataclass(slots=True)
class ResponseInProgress:
    """A request that is being answered."""

    request: GraphSyncRequest
    walk: SelectorWalk
    unsent: set[Cid]  # what is not to be sent, and what was
    skip: int
    expected: Load | None = None
    lines: int = 0
    blocks: int = 0
    bytes: int = 0
    missing: int = 0
    status: int = 0


@dataclass(slots=True)
class _Peer:
    answers: dict[bytes, ResponseInProgress] = field(default_factory=dict)
    refused: list[GraphSyncResponse] = field(default_factory=list)


class Responder:
    """All answers of a node that are under way."""

    def __init__(self, store: BlockStore, params: GraphSyncParams) -> None:
        self.store = store
        self.params = params
        self._peers: dict[int, _Peer] = {}

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(len(peer.answers) for peer in self._peers.values())

    def gone(self, peer: int) -> None:
        """A peer has gone, with what it asked."""
        self._peers.pop(peer, None)

    def cancel(self, peer: int, number: bytes) -> bool:
        """A peer wants no more of it; whether there was such a request."""
        here = self._peers.get(peer)
        return here is not None and here.answers.pop(number, None) is not None

    def asked(self, peer: int, request: GraphSyncRequest) -> int:
        """A new request: 10, it is answered from now on, or the status that it is refused with."""
        status = self._begin(self._peers.setdefault(peer, _Peer()), request)
        if status != 10:
            self.refuse(peer, GraphSyncResponse(request.id, status))
        return status

    def refuse(self, peer: int, response: GraphSyncResponse) -> None:
        """Say no to a request; of many, to the last ones."""
        here = self._peers.setdefault(peer, _Peer())
        here.refused.append(response)
        del here.refused[: -self.params.requests]

    def has(self, peer: int) -> bool:
        """Whether there is something to send to a peer."""
        here = self._peers.get(peer)
        return here is not None and bool(here.answers or here.refused)

    def _begin(self, here: _Peer, request: GraphSyncRequest) -> int:
        if request.id in here.answers:
            return 30
        if len(here.answers) >= self.params.requests or self.count >= self.params.all_requests:
            return 31
        assert request.root is not None
        unsent = request.extensions.get(DO_NOT_SEND, [])
        skip = request.extensions.get(DO_NOT_SEND_FIRST, 0)
        if not isinstance(unsent, list) or not all(isinstance(one, Cid) for one in unsent) or not isinstance(skip, int):
            return 32
        if len(unsent) > self.params.do_not_send:
            return 30
        try:
            walk = walk_selector(request.root, parse_selector(request.selector), self.params.answered)
        except ValidationError:
            return 30
        answer = ResponseInProgress(request, walk, set(unsent), skip)
        _advance(answer, None)
        here.answers[request.id] = answer
        return 10

    # -- sending

    def next_message(self, peer: int) -> tuple[GraphSyncMessage, list[ResponseInProgress]] | None:
        """What is to be sent to a peer now, and the answers that end with it. None: nothing."""
        here = self._peers.get(peer)
        if here is None or not self.has(peer):
            return None
        responses, here.refused = here.refused, []
        blocks: list[tuple[Cid, bytes]] = []
        ended: list[ResponseInProgress] = []
        room = self.params.message_target
        for answer in sorted(here.answers.values(), key=lambda one: -one.request.priority):  # of equal ones, the first
            if room <= 0:
                break
            response, used = self._part(answer, blocks, room)
            room -= used
            responses.append(response)
            if response.is_last:
                del here.answers[answer.request.id]
                ended.append(answer)
        return GraphSyncMessage((), tuple(responses), tuple(blocks)), ended

    def _part(
        self, answer: ResponseInProgress, blocks: list[tuple[Cid, bytes]], room: int
    ) -> tuple[GraphSyncResponse, int]:
        """The next part of an answer, and the bytes that it takes; its blocks are put to the others."""
        meta: list[tuple[Cid, str]] = []
        used = 0
        while answer.expected is not None and used < room and len(meta) < self.params.steps:
            cid = answer.expected.cid
            block = self._block(cid)
            if block is not None and cid not in answer.unsent and answer.blocks >= answer.skip:
                if blocks and len(block) > room - used + _ROOM:
                    break  # it is the first of the next message
                blocks.append((cid, block))
                used += len(block)
                answer.bytes += len(block)
                meta.append((cid, PRESENT))
                answer.unsent.add(cid)
            else:
                meta.append((cid, MISSING if block is None else DUPLICATE))
            used += _LINE
            answer.lines += 1
            answer.blocks += block is not None
            answer.missing += block is None
            try:
                _advance(answer, block)
            except LabError:  # too much, or a block that is not of its codec
                answer.status = 32
                break
        if not answer.status and answer.expected is None:
            answer.status = 34 if not answer.blocks else 21 if answer.missing else 20
        return GraphSyncResponse(answer.request.id, answer.status or 14, tuple(meta)), max(used, _LINE)

    def _block(self, cid: Cid) -> bytes | None:
        try:
            block = self.store.get(cid)
        except ContentError:  # damaged where it is kept
            return None
        return None if block is None or len(block) > MAX_MESSAGE - _ROOM else block


def _advance(answer: ResponseInProgress, block: Any) -> None:
    given = block
    while True:
        try:
            out = answer.walk.send(given)
        except StopIteration:
            answer.expected = None
            return
        if isinstance(out, Load):
            answer.expected = out
            return
        given = None
