"""Fetches of a node: what they want, the peers that come and go meanwhile, and what becomes of both by and by.

The half of a node's Bitswap that wants; ``node`` joins it with the half that serves. ``asking`` says whom it asks,
``arriving`` what it does with the answers, ``session`` the rules of one fetch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from p2plab.content.bitswap.arriving import Arriving
from p2plab.content.bitswap.asking import ConnectedPeer
from p2plab.content.bitswap.effects import Effects
from p2plab.content.bitswap.params import BitswapParams, ticks_of
from p2plab.content.bitswap.session import Session, Want
from p2plab.content.store import BlockStore
from p2plab.effects import WakeAt, note
from p2plab.identity.cid import Cid

__all__ = ["Wanting"]

EVERY: Final = 1.0  # seconds between two looks at who is silent
_AT_ONCE: Final = 64  # wants that a new peer is asked about


class Wanting(Arriving):
    """What a node wants of its peers, over its blocks."""

    def __init__(self, store: BlockStore, params: BitswapParams) -> None:
        super().__init__(store, params)
        self._number = 0
        self._wakes = False

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
        self._peers[peer] = ConnectedPeer(version, {}, now)
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

    # -- searching

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
            self._fail(session, _nobody_has(what, asked), out)
        return out

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


def _nobody_has(what: str, asked: int) -> str:
    """Why a fetch came to nothing, with so many peers asked."""
    if not asked:
        return (
            f"there was nobody to ask for {what}: no connected peer speaks Bitswap, and no provider was found; connect "
            "to a node that has it, or to one through which the DHT finds providers"
        )
    who = "the one peer asked does not have" if asked == 1 else f"none of the {asked} peers asked has"
    return f"{who} {what}, and no provider was found"
