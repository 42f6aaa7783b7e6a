"""What peers give and say: blocks that were wanted, second copies, what nobody asked for, who has and has not."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from p2plab.content.bitswap.asking import Asking, noted
from p2plab.content.bitswap.effects import Effects, SessionChanged
from p2plab.content.bitswap.params import BitswapParams
from p2plab.content.bitswap.session import Session
from p2plab.content.store import BlockStore
from p2plab.effects import note
from p2plab.errors import ConfigurationError, ContentError, ValidationError
from p2plab.identity.cid import Cid

__all__ = ["Arriving", "BlockNews"]

_REMEMBERED: Final = 8192  # blocks that came, by which a second copy is known

BlockNews: TypeAlias = Literal["wanted", "duplicate", "unasked", "refused"]


class Arriving(Asking):
    """What comes of what was asked."""

    def __init__(self, store: BlockStore, params: BitswapParams) -> None:
        super().__init__(store, params)
        self._came: dict[bytes, Session] = {}  # lately

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
        except (ContentError, ValidationError) as error:  # too large
            self._has_not(peer, cid, str(error), now, changed, out)
            return "refused"
        except ConfigurationError as error:  # a disk that is full: nobody else's copy could be kept, either
            for one in want.sessions:
                self._fail(one, str(error), out)
            return "refused"
        del self._wants[key]
        session = want.session
        self._remember(key, session)
        session.note_answer(now, peer, want.cid, "block", size=len(data))
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
            out.append(SessionChanged(one.number))
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
        out.append(noted("bitswap.have", peer, cid, None, session.number))
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
        out.append(noted("bitswap.dont_have", peer, cid, "silence" if why == "silence" else None, session.number))
        changed[session.number] = session
