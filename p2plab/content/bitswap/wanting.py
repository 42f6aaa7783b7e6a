"""Asking for blocks: which peers are asked for what, whether they have it, and what is done with what they say.

The half of a node's Bitswap that wants; ``node`` joins it with the half that serves. The rules of one fetch stand in
``session``. A want is known by its multihash, so that 1.0, which knows CIDv0 alone, is understood.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from p2plab.content.bitswap.effects import Changed, Effects, Ready, Search
from p2plab.content.bitswap.messages import WantEntry
from p2plab.content.bitswap.params import BitswapParams, ticks_of
from p2plab.content.bitswap.session import Opinions, Session, Want
from p2plab.content.store import BlockStore
from p2plab.effects import FIRST, Note, WakeAt, note
from p2plab.errors import ContentError, ValidationError
from p2plab.identity.cid import Cid

__all__ = ["BlockNews", "Wanting"]

EVERY: Final = 1.0  # seconds between two looks at who is silent
_REMEMBERED: Final = 8192  # blocks that came, by which a second copy is known
_LOOKED_AT: Final = 128  # wants of a queue that are looked at in one go
_AT_ONCE: Final = 64  # wants that a new peer is asked about

BlockNews: TypeAlias = Literal["wanted", "duplicate", "unasked", "refused"]


@dataclass(slots=True)
class _Peer:
    """A connected peer: what is to be sent to it, and when something last came."""

    version: int
    outbox: dict[bytes, WantEntry]
    heard: int


class Wanting:
    """What a node wants of its peers, over its blocks."""

    def __init__(self, store: BlockStore, params: BitswapParams) -> None:
        self.store = store
        self.params = params
        self.sessions: dict[int, Session] = {}
        self._peers: dict[int, _Peer] = {}
        self._wants: dict[bytes, Want] = {}
        self._came: dict[bytes, Session] = {}  # lately
        self._number = 0
        self._wakes = False
        self.opinions: Opinions | None = None  # None: every peer is as good as any other

    # -- peers

    @property
    def peers(self) -> list[int]:
        """Those it can ask."""
        return list(self._peers)

    @property
    def wantlist(self) -> list[Cid]:
        """The blocks that it waits for, in the order in which they were first wanted."""
        return [want.cid for want in self._wants.values()]

    def peer_ready(self, peer: int, version: int, now: int) -> Effects:
        """A peer is connected and speaks Bitswap 1.``version``."""
        out: Effects = []
        if peer in self._peers:
            return out
        self._peers[peer] = _Peer(version, {}, now)
        for session in self.sessions.values():
            wants = [*session.queue.values(), *(want for want in session.wants.values() if want.asked)]
            for want in wants[:_AT_ONCE]:
                self._seek(session, want, peer, now, out)
            self._assign(session, now, out)
        self._send_all(out)
        return out

    def peer_gone(self, peer: int, now: int) -> Effects:
        """Its last connection has gone."""
        out: Effects = []
        if self._peers.pop(peer, None) is None:
            return out
        for session in list(self.sessions.values()):
            self._leave(session, peer, "gone", now, out)
        return out

    def _leave(self, session: Session, peer: int, why: str, now: int, out: Effects) -> None:
        """A peer cannot be asked any more: what it was asked for is asked of others."""
        about = session.peers.get(peer)
        if about is not None:
            about.joined, about.live = False, 0
        session.tried.pop(peer, None)
        for key, want in session.wants.items():
            if want.session is not session:
                continue
            was_asked = want.asked.pop(peer, None) is not None
            was_sought = want.sought.pop(peer, None) is not None
            if was_asked or was_sought:
                session.note_answer(now, peer, want.cid, why)
            want.have.pop(peer, None)
            want.lacks.pop(peer, None)
            if was_asked and not want.asked:
                session.queue[key] = want
        self._assign(session, now, out)

    # -- wanting

    def open(self, root: Cid, now: int) -> tuple[Session, Effects]:
        """Begin to fetch; ``want`` says which blocks."""
        self._number += 1
        session = self.sessions[self._number] = Session(self._number, root, now, self.params)
        out: Effects = [note("bitswap.session", ref=str(root), reason="opened", data={"session": self._number})]
        self._wake_later(now, out)
        return session, out

    def close(self, session: Session, now: int, reason: str) -> Effects:
        """A session is over: what it still wants is cancelled."""
        out: Effects = []
        self.sessions.pop(session.number, None)
        data = {
            "session": session.number,
            "blocks": session.blocks,
            "duplicates": session.duplicates,
            "seconds": (now - session.started) / ticks_of(1.0),
        }
        ref = str(session.root)
        out.append(note("bitswap.session", ref=ref, size=session.bytes, reason=reason, data=data))
        for want in list(session.wants.values()):
            others = [one for one in want.sessions if one is not session]
            if others:
                self._hand_over(want, session, others)
                continue
            for peer in want.told:
                session.note_answer(now, peer, want.cid, "cancelled")
            self._cancel(want, want.told)
            if want.told:
                self._remember(want.cid.multihash, session)  # what is on its way already is not unasked for
            self._wants.pop(want.cid.multihash, None)
        session.wants.clear()
        session.queue.clear()
        self._send_all(out)
        return out

    def _hand_over(self, want: Want, session: Session, others: list[Session]) -> None:
        """Another session waits for it too, and asks from now on."""
        if want.session is not session:
            want.also.remove(session)
            return
        heir, want.also = others[0], others[1:]
        want.session = heir
        for peer in want.asked:
            about = heir.peer(peer)
            about.live += 1
            about.joined = True
        if not want.asked:
            heir.queue[want.cid.multihash] = want

    def want(self, session: Session, cids: Iterable[Cid], now: int) -> Effects:
        """These blocks are wanted, which are not here; each is in ``session.arrived`` when it has come."""
        out: Effects = []
        for cid in cids:
            key = cid.multihash
            if key in session.wants:
                continue
            want = self._wants.get(key)
            if want is None:
                want = self._wants[key] = Want(cid, session)
                session.queue[key] = want
            else:
                want.also.append(session)  # asked already, for another fetch
            session.wants[key] = want
        self._assign(session, now, out)
        self._send_all(out)
        return out

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
        out.append(_note("bitswap.want", peer, want.cid, "want-block", session.number))

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
        out.append(_note("bitswap.want", peer, want.cid, "want-have", session.number))

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
            out.append(_note("bitswap.search", -1, want.cid, "nobody connected has it", session.number))
            out.append(Search(session.number, cids))
            return

    def searched(self, number: int, cid: Cid, found: int, connected: int, now: int) -> Effects:
        """A search is over: it found so many providers, and so many of these were connected to."""
        session = self.sessions.get(number)
        if session is None:
            return []
        session.searching = False
        session.searches += 1
        session.note_answer(now, -1, cid, f"{found} found, {connected} of them connected", "search")
        data = {"session": number, "found": found, "connected": connected}
        out: Effects = [note("bitswap.found", ref=str(cid), data=data)]
        session.fruitless = 0 if connected else session.fruitless + 1
        self._assign(session, now, out)
        self._send_all(out)
        waits = any(want.asked or want.sought for want in session.wants.values())
        if session.fruitless and not session.blocks and not waits and not session.searching:
            asked = len({peer for want in session.wants.values() for peer in want.lacks})
            early = session.started + ticks_of(self.params.search_after)
            if (
                not asked and now < early
            ):  # who is connected may be about to say that it speaks Bitswap: search again then
                session.searched_at = early - ticks_of(self.params.search_again)
                return out
            missing = next(iter(session.wants.values())).cid
            what = "it" if missing == session.root else f"its block {missing}"
            self._fail(session, f"none of the {asked} peers asked has {what}, and no provider was found", out)
        return out

    def _fail(self, session: Session, why: str, out: Effects) -> None:
        session.failure = why
        out.append(note("bitswap.failed", ref=str(session.root), reason=None, data={"why": why}, after=FIRST))
        out.append(Changed(session.number))

    # -- what comes

    def heard(self, peer: int, now: int) -> None:
        """Some bytes of a peer's came."""
        there = self._peers.get(peer)
        if there is not None:
            there.heard = now

    def _block(
        self, peer: int, cid: Cid, data: bytes, now: int, changed: dict[int, Session], out: Effects
    ) -> BlockNews:
        """A block came: ``wanted`` and kept, ``duplicate`` or ``unasked``; ``refused`` by the store."""
        key = cid.multihash
        want = self._wants.get(key)
        if want is None:
            return self._second_copy(peer, cid, data, changed, out)
        try:
            self.store.put(want.cid, data)
        except (ContentError, ValidationError) as error:  # too large, or a disk that is full
            self._has_not(peer, cid, str(error), now, changed, out)
            return "refused"
        del self._wants[key]
        session = want.session
        self._remember(key, session)
        session.note_answer(now, peer, want.cid, "block")
        about = session.peer(peer)
        about.joined = peer in self._peers
        was_asked = want.asked.pop(peer, None) is not None
        if was_asked:
            about.live -= 1
        took = now - about.last if about.last >= 0 else 0
        about.pace = took if not about.pace else (3 * about.pace + took) // 4
        about.last = now
        about.blocks += 1
        about.bytes += len(data)
        for other in want.asked:
            session.peer(other).live -= 1
            session.note_answer(now, other, want.cid, "cancelled")
        for other in want.sought:
            session.note_answer(now, other, want.cid, "cancelled")
        out.append(note("bitswap.block", peer, ref=str(want.cid), size=len(data), data={"session": session.number}))
        # A peer forgets what it gave, but for a want that came after it had sent the answer to an earlier one.
        self._cancel(want, want.told, but=peer if was_asked else -1)
        for one in want.sessions:
            one.wants.pop(key, None)
            one.queue.pop(key, None)
            one.arrived[key] = None
            one.blocks += 1
            one.bytes += len(data)
            one.progressed = now
            changed[one.number] = one
            out.append(Changed(one.number))
        return "wanted"

    def _second_copy(self, peer: int, cid: Cid, data: bytes, changed: dict[int, Session], out: Effects) -> BlockNews:
        session = self._came.get(cid.multihash)
        if session is None:
            out.append(note("bitswap.unasked", peer, ref=str(cid), size=len(data)))
            return "unasked"
        is_late = cid not in self.store
        session.duplicates += 1
        about = session.peer(peer)
        about.duplicates += 1
        reason = "wanted no more" if is_late else None
        told = {"session": session.number}
        out.append(note("bitswap.duplicate", peer, ref=str(cid), size=len(data), reason=reason, data=told))
        if session.number in self.sessions:
            about.joined = about.joined or peer in self._peers
            changed[session.number] = session
        return "duplicate"

    def _remember(self, key: bytes, session: Session) -> None:
        self._came[key] = session
        if len(self._came) > _REMEMBERED:
            del self._came[next(iter(self._came))]

    def _has(self, peer: int, cid: Cid, now: int, changed: dict[int, Session], out: Effects) -> None:
        key = cid.multihash
        want = self._wants.get(key)
        session = self._came.get(key) if want is None else want.session
        if session is None or session.number not in self.sessions or peer not in self._peers:
            return  # nobody asked, or nobody wants it any more
        if want is not None and peer not in want.sought and peer not in want.lacks:
            return
        if want is not None:
            want.sought.pop(peer, None)
            want.lacks.pop(peer, None)
            want.have[peer] = None
            session.note_answer(now, peer, want.cid, "have")
        session.peer(peer).joined = True
        out.append(_note("bitswap.have", peer, cid, None, session.number))
        changed[session.number] = session

    def _has_not(self, peer: int, cid: Cid, why: str, now: int, changed: dict[int, Session], out: Effects) -> None:
        want = self._wants.get(cid.multihash)
        if want is None:
            return
        session = want.session
        was_asked = want.asked.pop(peer, None) is not None
        if not was_asked and want.sought.pop(peer, None) is None and peer not in want.have:
            return  # nobody asked
        want.have.pop(peer, None)
        want.lacks[peer] = None
        if why == "silence":
            want.silent[peer] = None
        if was_asked:
            session.peer(peer).live -= 1
            if not want.asked:
                session.queue[cid.multihash] = want
        session.note_answer(now, peer, want.cid, why)
        out.append(_note("bitswap.dont_have", peer, cid, "silence" if why == "silence" else None, session.number))
        changed[session.number] = session

    # -- time

    def _wake_later(self, now: int, out: Effects) -> None:
        if not self._wakes and self.sessions:
            self._wakes = True
            out.append(WakeAt(now + ticks_of(EVERY)))

    def wake(self, now: int) -> Effects:
        """It is time to see who is silent, and which session is stuck."""
        self._wakes = False
        out: Effects = []
        silence = now - ticks_of(self.params.silence)
        changed: dict[int, Session] = {}
        for want in list(self._wants.values()):
            for asked in (want.asked, want.sought):
                for peer, tick in list(asked.items()):
                    there = self._peers.get(peer)
                    if there is not None and max(tick, there.heard if asked is want.asked else tick) <= silence:
                        self._has_not(peer, want.cid, "silence", now, changed, out)
        for session in list(self.sessions.values()):
            if session.failure is not None:
                continue
            self._assign(session, now, out)
            if session.wants and now - session.progressed >= ticks_of(self.params.give_up):
                missing = next(iter(session.wants.values())).cid
                self._fail(session, f"nothing came for {self.params.give_up:g} s, and {missing} is missing", out)
        self._send_all(out)
        self._wake_later(now, out)
        return out


def _note(kind: str, peer: int, cid: Cid, reason: str | None, session: int) -> Note:
    return note(kind, peer, ref=str(cid), reason=reason, data={"session": session})
