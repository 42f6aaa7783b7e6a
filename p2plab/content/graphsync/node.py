"""``GraphSync``: the core of one node, which asks for parts of graphs and gives them (GraphSync 2.0).

Input: peers' messages, that a message was sent or could not be, that a peer has gone, the time, random numbers for ids.
Out: Notes, ``Ready`` (there is something to send: ask ``outgoing``), ``QueryChanged`` (a query has come further) and
``CutOff`` (close what the peer has open). The rules stand in ``asking`` and ``answering``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from p2plab.constants import TICKS_PER_SECOND
from p2plab.content.effects import CutOff, Ready
from p2plab.content.graphsync.answering import DO_NOT_SEND, Responder, ResponseInProgress
from p2plab.content.graphsync.asking import GraphSyncQuery
from p2plab.content.graphsync.messages import (
    CANCEL,
    NEW,
    STATUSES,
    GraphSyncMessage,
    GraphSyncRequest,
    GraphSyncResponse,
)
from p2plab.content.graphsync.params import GraphSyncParams
from p2plab.content.store import BlockStore
from p2plab.effects import Note, note
from p2plab.identity.cid import Cid
from p2plab.typing import Chance

__all__ = ["Effects", "GraphSync", "QueryChanged"]


@dataclass(slots=True)
class QueryChanged:
    """Something came for this query, or it is over."""

    query: GraphSyncQuery


Effects: TypeAlias = list[Any]


class GraphSync:
    """The core of one node over its blocks."""

    def __init__(self, store: BlockStore, params: GraphSyncParams | None = None) -> None:
        self.store = store
        self.params = GraphSyncParams() if params is None else params
        self.answering = Responder(store, self.params)
        self.queries: dict[bytes, GraphSyncQuery] = {}
        self.serves = True  # whether requests are answered
        self._requests: dict[int, list[GraphSyncRequest]] = {}  # to be sent
        self._sending: dict[int, list[ResponseInProgress]] = {}  # answers that end with the message that is being sent
        self._unasked: dict[int, int] = {}
        self._cut_until: dict[int, int] = {}

    # -- asking

    def ask(
        self, peer: int, root: Cid, selector: Any, do_not_send: Sequence[Cid], now: int, draws: Chance
    ) -> tuple[GraphSyncQuery, Effects]:
        """Ask a peer. ValidationError for what is no selector."""
        number = bytearray(draws.randbytes(16))
        number[6] = number[6] & 0x0F | 0x40  # RFC 9562, version 4
        number[8] = number[8] & 0x3F | 0x80
        query = GraphSyncQuery(
            bytes(number), peer, root, selector, self.store, now, self.params.asked, list(do_not_send)
        )
        self.queries[query.id] = query
        extensions = {DO_NOT_SEND: query.do_not_send} if query.do_not_send else {}
        self._requests.setdefault(peer, []).append(GraphSyncRequest(query.id, NEW, root, selector, 1, extensions))
        data = {"request": _short(query.id), "not": len(query.do_not_send)}
        return query, [note("graphsync.asked", peer, ref=str(root), data=data), Ready(peer)]

    def over(self, query: GraphSyncQuery) -> Effects:
        """Nobody waits for a query any more: where it is under way, the peer is told."""
        self.queries.pop(query.id, None)
        for cid in query.held:
            self.store.release(cid)
        query.held.clear()
        if query.status:
            return []
        waiting = self._requests.get(query.peer, [])
        if any(one.id == query.id for one in waiting):
            self._requests[query.peer] = [one for one in waiting if one.id != query.id]
            return []
        self._requests.setdefault(query.peer, []).append(GraphSyncRequest(query.id, CANCEL))
        return [_note("graphsync.cancelled", query.peer, query, None), Ready(query.peer)]

    # -- what comes

    def is_cut_off(self, peer: int, now: int) -> bool:
        """Whether a peer is neither heard nor answered for now."""
        return self._cut_until.get(peer, -1) > now

    def received(self, peer: int, message: GraphSyncMessage, now: int) -> Effects:
        """A peer's message."""
        out: Effects = []
        if self.is_cut_off(peer, now):
            return out
        for request in message.requests:
            self._request(peer, request, out)
        blocks = dict(message.blocks)
        is_ours = False
        for response in message.responses:
            query = self.queries.get(response.id)
            if query is None or query.peer != peer or query.done:
                continue
            is_ours = True
            self._response(query, response, blocks, out)
        if not is_ours and (message.responses or message.blocks):
            self._unasked[peer] = self._unasked.get(peer, 0) + 1
            if self._unasked[peer] > self.params.unasked:
                out += self.cut_off(peer, f"{self._unasked[peer]} messages for no request of ours", now)
        return out

    def _request(self, peer: int, request: GraphSyncRequest, out: Effects) -> None:
        data: dict[str, Any] = {"request": _short(request.id)}
        if request.type == CANCEL:
            if self.answering.cancel(peer, request.id):
                out.append(note("graphsync.answered", peer, reason="cancelled", data=data))
            return
        if request.type != NEW:
            return  # an update is of extensions, none of which change an answer here
        status = 10
        if self.serves:
            status = self.answering.asked(peer, request)
        else:
            self.answering.refuse(peer, GraphSyncResponse(request.id, 30))
            status = 30
        data |= {"status": status}
        reason = "refused" if status != 10 else None
        out += [note("graphsync.request", peer, ref=str(request.root), reason=reason, data=data), Ready(peer)]

    def _response(
        self, query: GraphSyncQuery, response: GraphSyncResponse, blocks: dict[Cid, bytes], out: Effects
    ) -> None:
        before = query.blocks, query.size
        query.responded(response, blocks)
        data = {
            "request": _short(query.id),
            "lines": len(response.meta),
            "blocks": query.blocks - before[0],
            "status": response.status,
        }
        size = query.size - before[1]
        out.append(note("graphsync.response", query.peer, ref=str(query.root), size=size, data=data))
        if query.failure is not None:
            out.append(_note("graphsync.failed", query.peer, query, query.failure))
        out.append(QueryChanged(query))

    def cut_off(self, peer: int, why: str, now: int) -> Effects:
        """A peer broke the rules: it is neither heard nor answered for a while."""
        self._unasked.pop(peer, None)
        self._cut_until[peer] = now + round(self.params.cut_off * TICKS_PER_SECOND)
        out: Effects = [note("graphsync.cut_off", peer, data={"why": why, "seconds": self.params.cut_off})]
        return [*out, *self.lost(peer, f"it broke the rules: {why}"), CutOff(peer)]

    def lost(self, peer: int, why: str) -> Effects:
        """A peer has gone, or cannot be written to."""
        self.answering.gone(peer)
        self._requests.pop(peer, None)
        self._sending.pop(peer, None)
        out: Effects = []
        for query in [one for one in self.queries.values() if one.peer == peer and not one.done]:
            query.fail(why)
            query.status = query.status or -1  # there is nobody to tell
            out += [_note("graphsync.failed", peer, query, why), QueryChanged(query)]
        return out

    # -- sending

    def outgoing(self, peer: int) -> GraphSyncMessage | None:
        """What is to be sent to a peer now; None: nothing. ``sent`` is called when it has left."""
        requests = self._requests.pop(peer, [])
        answers = self.answering.next_message(peer)
        if answers is None:
            return GraphSyncMessage(tuple(requests)) if requests else None
        message, self._sending[peer] = answers
        return message._replace(requests=tuple(requests))

    def sent(self, peer: int) -> Effects:
        """The last message has left."""
        out: Effects = []
        for answer in self._sending.pop(peer, []):
            data = {
                "request": _short(answer.request.id),
                "status": answer.status,
                "lines": answer.lines,
                "missing": answer.missing,
            }
            ref, reason = str(answer.request.root), STATUSES[answer.status]
            out.append(note("graphsync.answered", peer, ref=ref, size=answer.bytes, reason=reason, data=data))
        return out

    def is_idle(self, peer: int) -> bool:
        """Whether neither of the two waits for the other."""
        waits = any(one.peer == peer and not one.done for one in self.queries.values())
        return not waits and not self._requests.get(peer) and not self.answering.has(peer)


def _short(number: bytes) -> str:
    return number.hex()[:8]


def _note(kind: str, peer: int, query: GraphSyncQuery, why: str | None) -> Note:
    data = {"request": _short(query.id)} | ({} if why is None else {"why": why})
    return note(kind, peer, ref=str(query.root), data=data)
