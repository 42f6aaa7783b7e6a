"""Whom to ask for what: the questions of all sessions, and the search for providers where nobody has a block.

The rules of one fetch stand in ``session``. A want is known by its multihash, so that 1.0, which knows CIDv0 alone, is
understood.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from p2plab.content.bitswap.effects import Effects, Search, SessionChanged
from p2plab.content.bitswap.messages import WantEntry
from p2plab.content.bitswap.params import BitswapParams, ticks_of
from p2plab.content.bitswap.session import Opinions, Session, Want
from p2plab.content.effects import Ready
from p2plab.content.store import BlockStore
from p2plab.effects import FIRST, Note, note
from p2plab.identity.cid import Cid

__all__ = ["Asking", "ConnectedPeer", "noted"]

_LOOKED_AT: Final = 128  # wants of a queue that are looked at in one go


@dataclass(slots=True)
class ConnectedPeer:
    """A connected peer: what is to be sent to it, and when something last came."""

    version: int
    outbox: dict[bytes, WantEntry]
    heard: int


class Asking:
    """What is wanted of whom, over a node's blocks."""

    def __init__(self, store: BlockStore, params: BitswapParams) -> None:
        self.store = store
        self.params = params
        self.sessions: dict[int, Session] = {}
        self._peers: dict[int, ConnectedPeer] = {}
        self._wants: dict[bytes, Want] = {}
        self.opinions: Opinions | None = None  # None: every peer is as good as any other

    def _assign(self, session: Session, now: int, out: Effects) -> None:
        """Ask for what is in the queue, as far as somebody is free."""
        for key, want in list(session.queue.items())[:_LOOKED_AT]:
            peer, is_busy = session.pick(want, self.opinions)
            if peer is not None:
                del session.queue[key]
                self._ask(session, want, peer, now, out)
            elif not is_busy:
                for other in self._peers:
                    self._seek(session, want, other, now, out)
            elif len(session.members) == sum(about.live >= session.window for about in session.peers.values()):
                break  # everybody has enough to do
        self._recruit(session, now, out)
        for peer in session.members:
            straggler = session.straggler(peer)
            if straggler is not None:
                session.hedges += 1
                self._ask(session, straggler, peer, now, out)
        self._search_if_need_be(session, now, out)

    def _ask(self, session: Session, want: Want, peer: int, now: int, out: Effects) -> None:
        about = session.peer(peer)
        if not about.live:
            about.last = now
        about.live += 1
        want.asked[peer] = now
        want.sought.pop(peer, None)
        session.note_asked(now, peer, "want-block", want.cid)
        self._put(peer, WantEntry(want.cid, 1, False, True, True))
        out.append(noted("bitswap.want", peer, want.cid, "want-block", session.number))

    def _seek(self, session: Session, want: Want, peer: int, now: int, out: Effects) -> None:
        """Ask a peer whether it has a block."""
        if peer in want.sought or peer in want.asked or peer in want.lacks or peer in want.have:
            return
        if self.opinions is not None and self.opinions.refuses(peer):
            return
        want.sought[peer] = now
        session.tried[peer] = session.tried.get(peer, 0) + 1
        is_old = self._peers[peer].version < 2
        session.note_asked(now, peer, "want-have", want.cid)
        self._put(peer, WantEntry(want.cid, 1, False, is_old, True))
        out.append(noted("bitswap.want", peer, want.cid, "want-have", session.number))

    def _recruit(self, session: Session, now: int, out: Effects) -> None:
        """Peers whose answer was overtaken by the block are asked about another one."""
        first = next(iter(session.queue.values()), None)
        if first is None or not session.blocks:
            return
        for peer in self._peers:
            about = session.peers.get(peer)
            if (about is None or not about.joined) and session.tried.get(peer, 0) < 3:
                if not any(peer in want.sought for want in session.queue.values()):
                    self._seek(session, first, peer, now, out)

    def _put(self, peer: int, entry: WantEntry) -> None:
        self._peers[peer].outbox[entry.cid.multihash] = entry

    def _cancel(self, want: Want, peers: Iterable[int], but: int = -1) -> None:
        for peer in peers:
            there = self._peers.get(peer)
            if there is None or peer == but:
                continue
            there.outbox[want.cid.multihash] = WantEntry(want.cid, 0, True)

    def _send_all(self, out: Effects) -> None:
        out += [Ready(peer) for peer, there in self._peers.items() if there.outbox]

    # -- searching

    def _search_if_need_be(self, session: Session, now: int, out: Effects) -> None:
        """Look for providers where nobody who is connected has a block, and nobody is left to be heard."""
        if session.searching or session.failure is not None:
            return
        late = now - ticks_of(self.params.search_after)
        for want in session.queue.values():
            if session.pick(want)[1] or any(tick > late for tick in want.sought.values()):
                continue
            if session.searches and now < session.searched_at + ticks_of(self.params.search_again):
                return
            session.searching, session.searched_at = True, now
            for peer in want.silent:
                want.lacks.pop(peer, None)  # it may be heard by now
            want.silent.clear()
            cids = [session.root] if want.cid == session.root else [session.root, want.cid]
            session.note_asked(now, -1, "search", want.cid)
            out.append(noted("bitswap.search", -1, want.cid, "nobody connected has it", session.number))
            out.append(Search(session.number, cids))
            return

    def _fail(self, session: Session, why: str, out: Effects) -> None:
        session.failure = why
        out.append(note("bitswap.failed", ref=str(session.root), reason=None, data={"why": why}, after=FIRST))
        out.append(SessionChanged(session.number))


def noted(kind: str, peer: int, cid: Cid, reason: str | None, session: int) -> Note:
    """What a question or an answer about a block is recorded as."""
    return note(kind, peer, ref=str(cid), reason=reason, data={"session": session})
