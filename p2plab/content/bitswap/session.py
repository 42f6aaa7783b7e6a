"""One fetch under way: which blocks it wants, whom it asks for each, and what it knows of who has them.

Rules:
- A block is asked of one peer at a time. It is asked of another when the first says that it has not got it, has gone,
  or was silent for too long; and near the end, of a peer that has nothing to do where the one asked is far slower, but
  of no more than one block in twenty-five, or one of fewer.
- Of peers that have equally many asked of them, the one that the node thinks the best of; those that it refuses are not
  asked at all.
- Who says that it has a block, or gives one, is a peer of the session: it is asked for blocks without being asked first
  whether it has them. Each has so many asked of it as ``ahead`` bytes are, so that faster ones get more.
- Peers that are not of the session are asked which of its blocks they have, at its beginning, when they connect, and
  when nobody in the session has a block.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from p2plab.content.bitswap.params import BitswapParams
from p2plab.identity.cid import Cid

__all__ = ["MAX_STEPS", "Opinions", "Session", "SessionPeer", "Want"]

MAX_STEPS: Final = 20_000  # of a fetch's path that are kept
_FIRST_GUESS: Final = 256 << 10  # bytes of a block, before the first has come
HEDGE_EVERY: Final = 25  # blocks for each one that may be asked of two
SLOWER: Final = 3  # times


@dataclass(slots=True, eq=False)
class Want:
    """A block that is wanted. Peers by what they were asked and said; values are ticks."""

    cid: Cid
    session: Session
    also: list[Session] = field(default_factory=list)  # other sessions that wait for it
    asked: dict[int, int] = field(default_factory=dict)  # for the block
    sought: dict[int, int] = field(default_factory=dict)  # whether they have it, not answered yet
    have: dict[int, None] = field(default_factory=dict)
    lacks: dict[int, None] = field(default_factory=dict)
    silent: dict[int, None] = field(default_factory=dict)  # of these: they did not say so

    @property
    def sessions(self) -> list[Session]:
        return [self.session, *self.also]

    @property
    def told(self) -> list[int]:
        """Peers whose wantlist has it."""
        return list({**self.asked, **self.sought, **self.have, **self.lacks})


@dataclass(slots=True)
class SessionPeer:
    """A peer of a session: how many blocks it has been asked for and not given yet, and what it gave."""

    live: int = 0
    blocks: int = 0
    bytes: int = 0
    duplicates: int = 0
    pace: int = 0  # ticks from one block to the next, the mean of late
    last: int = -1  # the tick of its last block, or of being asked while it had nothing to do
    joined: bool = False


class Opinions(Protocol):
    """What a node thinks of its peers as providers."""

    def score(self, peer: int) -> float:
        """The higher, the better."""

    def refuses(self, peer: int) -> bool:
        """Whether nothing is to be asked of it."""


class Session:
    """``root`` is what was to be fetched. Ticks are times; -1: never."""

    def __init__(self, number: int, root: Cid, now: int, params: BitswapParams) -> None:
        self.number = number
        self.root = root
        self.started = self.progressed = now
        self.params = params
        self.queue: dict[bytes, Want] = {}  # asked of nobody for now
        self.wants: dict[bytes, Want] = {}  # all of them
        self.peers: dict[int, SessionPeer] = {}
        self.tried: dict[int, int] = {}  # by peer: how often it was asked what it has, while it is not of the session
        self.arrived: dict[bytes, None] = {}  # since whoever waits last looked
        self.blocks = self.bytes = self.duplicates = self.hedges = 0
        self.searching = False
        self.searched_at = -1
        self.searches = self.fruitless = 0
        self.failure: str | None = None
        self.steps: list[list[Any]] = []  # [tick, peer, asked, cid, answer, ticks it took, bytes that came]
        self.skipped = 0
        self._open_steps: dict[tuple[int, bytes, str], list[Any]] = {}

    def peer(self, peer: int) -> SessionPeer:
        """What is known of a peer."""
        found = self.peers.get(peer)
        if found is None:
            found = self.peers[peer] = SessionPeer()
        return found

    @property
    def members(self) -> list[int]:
        """Peers that have something of it, in the order in which they joined."""
        return [peer for peer, about in self.peers.items() if about.joined]

    @property
    def window(self) -> int:
        """How many blocks a peer is asked for at a time."""
        mean = self.bytes // self.blocks if self.blocks else _FIRST_GUESS
        return max(2, min(self.params.max_live, self.params.ahead // max(1, mean)))

    def pick(self, want: Want, opinions: Opinions | None = None) -> tuple[int | None, bool]:
        """Whom to ask for a block: the peer with the fewest asked of it, of several the best. None and True where all
        are busy; None and False where none of the session has it, as far as is known."""
        window, best, least, is_busy = self.window, None, 0, False
        highest = 0.0
        for peer, about in self.peers.items():
            if not about.joined or peer in want.lacks or peer in want.asked:
                continue
            if about.live >= window:
                is_busy = True
                continue
            score = 0.0 if opinions is None else opinions.score(peer)
            if best is None or about.live < least or (about.live == least and score > highest):
                best, least, highest = peer, about.live, score
        return best, is_busy

    def straggler(self, peer: int) -> Want | None:
        """A block that was asked of a far slower peer, which this idle one may be asked for too."""
        about = self.peers[peer]
        if self.queue or about.live or not about.pace or self.hedges >= max(1, self.blocks // HEDGE_EVERY):
            return None
        for want in self.wants.values():
            if len(want.asked) == 1 and peer not in want.lacks:
                other = self.peers.get(next(iter(want.asked)))
                if other is not None and other.pace * other.live > SLOWER * about.pace and other.blocks:
                    return want
        return None

    # -- the path

    def note_asked(self, now: int, peer: int, asked: str, cid: Cid) -> None:
        """A question goes out."""
        if len(self.steps) >= MAX_STEPS:
            self.skipped += 1
            return
        step = [now, peer, asked, cid, "no answer", None, None]
        self.steps.append(step)
        self._open_steps[peer, cid.multihash, asked] = step

    def note_answer(self, now: int, peer: int, cid: Cid, answer: str, asked: str = "", size: int | None = None) -> None:
        """An answer came, to whatever was last asked about this block."""
        key = cid.multihash
        for question in (asked,) if asked else ("want-block", "want-have"):
            step = self._open_steps.pop((peer, key, question), None)
            if step is not None:
                step[4:] = answer, now - step[0], size
                return
