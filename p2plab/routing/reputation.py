"""How good the peers are that a node takes content from: a core that ranks them and says why.

Rules:
- What counts is what happened between the two: blocks that came, requests that came to nothing, blocks that were not
  what was asked for. Nobody's word about others counts, so that nobody can be talked down.
- Everything is forgotten by and by: each minute of lab time the counts lose 1/16, which is half of them in eleven
  minutes. A hostile peer falls at once, and one that has recovered returns.
- The score is between 0 and 1: reliability (deliveries among all that was asked, with one of each assumed), times
  correctness (a bad block weighs as much as four failures), times speed (half of it counts; 1 MiB a second is the
  middle). A peer nobody knows anything of has 0.375: before those that fail, behind those that deliver.
- A peer whose bad blocks weigh more than two is refused, until that is forgotten.

Plain arithmetic in one order, since the ranking decides: no powers, no logarithms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from p2plab.constants import TICKS_PER_SECOND
from p2plab.text import Tabular, plural, shown

__all__ = ["MAX_PEERS", "UNKNOWN", "Reputation", "Standing", "StandingTable"]

PERIOD: Final = 60 * TICKS_PER_SECOND
KEEPS: Final = 15 / 16  # of a count, each period
FORGOTTEN: Final = 240  # periods after which nothing is left that would count
MIDDLE_RATE: Final = 1 << 20  # bytes a second
BAD_WEIGHT: Final = 4.0
REFUSED_FROM: Final = 2.0  # bad blocks
MAX_PEERS: Final = 10_000
UNKNOWN: Final = 0.375


@dataclass(frozen=True, slots=True)
class Standing:
    """How a peer stands. Counts are as they are after decay; ``rate`` is bytes a second (None: nothing came yet),
    ``last`` seconds of lab time when something last happened, ``refused`` whether nothing is asked of it."""

    peer: str
    score: float
    deliveries: float
    failures: float
    bad: float
    rate: float | None
    last: float
    refused: bool
    reliability: float
    correctness: float
    speed: float

    def why(self) -> str:
        """The score and what it is made of, in a sentence."""
        came = "nothing came yet" if self.rate is None else f"{self.rate / 1024:,.0f} KiB/s"
        refused = f"; refused, since its bad blocks weigh {self.bad:.1f}" if self.refused else ""
        bad = f", bad blocks {self.bad:.1f}" if self.bad else ""
        return (
            f"as a provider {self.score:.2f}: reliability {self.reliability:.2f} (deliveries {self.deliveries:.1f}, "
            f"failures {self.failures:.1f}), correctness {self.correctness:.2f}{bad}, speed {self.speed:.2f} ({came})"
            f"{refused}"
        )


class StandingTable(Tabular, list[Standing]):
    """How peers stand, the best first; it shows itself as a table. ``name`` gives the name of a peer id."""

    _HEAD = ("peer", "score", "deliveries", "failures", "bad blocks", "speed", "last (s)", "")

    def __init__(self, rows: Iterable[Standing], name: Callable[[str], str]) -> None:
        super().__init__(rows)
        self._name = name

    def _cells(self) -> list[tuple[str, ...]]:
        return [
            (
                shown(self._name(row.peer)),
                f"{row.score:.2f}",
                f"{row.deliveries:.1f}",
                f"{row.failures:.1f}",
                f"{row.bad:.1f}",
                "" if row.rate is None else f"{row.rate / 1024:,.0f} KiB/s",
                f"{row.last:.1f}",
                "refused" if row.refused else "",
            )
            for row in self
        ]


@dataclass(slots=True)
class _Counts:
    deliveries: float = 0.0
    failures: float = 0.0
    bad: float = 0.0
    size: float = 0.0  # bytes
    seconds: float = 0.0
    period: int = 0  # that the counts are of
    last: int = 0


class Reputation:
    """What a node has seen of the peers it took content from. Peers are ids as text, times ticks."""

    def __init__(self) -> None:
        self._peers: dict[str, _Counts] = {}

    # -- what happened

    def delivered(self, peer: str, size: int, seconds: float, now: int, blocks: int = 1) -> None:
        """Blocks of so many bytes in all came, and they were what was asked for."""
        counts = self._of(peer, now)
        counts.deliveries += blocks
        counts.size += size
        counts.seconds += seconds

    def failed(self, peer: str, now: int, blocks: int = 1) -> None:
        """What was asked for did not come."""
        self._of(peer, now).failures += blocks

    def gave_bad(self, peer: str, now: int) -> None:
        """Something came that was not what was asked for."""
        counts = self._of(peer, now)
        counts.failures += 1.0
        counts.bad += 1.0

    # -- how they stand

    def standing(self, peer: str, now: int) -> Standing:
        """One peer; nothing changes by asking."""
        counts = self._peers.get(peer)
        if counts is None:
            return Standing(peer, UNKNOWN, 0.0, 0.0, 0.0, None, 0.0, False, 0.5, 1.0, 0.5)
        kept = _kept(now // PERIOD - counts.period)
        deliveries, failures, bad = counts.deliveries * kept, counts.failures * kept, counts.bad * kept
        size, seconds = counts.size * kept, counts.seconds * kept
        reliability = (deliveries + 1.0) / (deliveries + failures + 2.0)
        correctness = 1.0 / (1.0 + BAD_WEIGHT * bad)
        rate = size / seconds if seconds > 0.0 else None
        measured = 0.5 if rate is None else rate / (rate + MIDDLE_RATE)
        # As much is known of the speed as there are deliveries: it begins in the middle, and returns there.
        speed = (0.5 + measured * deliveries) / (1.0 + deliveries)
        score = reliability * correctness * (0.5 + 0.5 * speed)
        refused = bad > REFUSED_FROM
        last = counts.last / TICKS_PER_SECOND
        return Standing(peer, score, deliveries, failures, bad, rate, last, refused, reliability, correctness, speed)

    def rank(self, peers: Iterable[str], now: int) -> list[str]:
        """The best first, those that are refused last; of equal ones, in the order given."""
        standings = [self.standing(peer, now) for peer in peers]
        return [one.peer for one in sorted(standings, key=lambda one: (one.refused, -one.score))]

    def rows(self, now: int) -> list[Standing]:
        """All that anything is known of, the best first."""
        return [self.standing(peer, now) for peer in self.rank(self._peers, now)]

    def forget(self, peer: str | None = None) -> None:
        """Forget a peer, or all."""
        if peer is None:
            self._peers.clear()
        else:
            self._peers.pop(peer, None)

    # -- to be kept

    def plain(self, peer: str, now: int) -> list[float]:
        """What is known of a peer, to be written down; how old it is comes last, in seconds."""
        counts = self._of(peer, now, touch=False)
        age = max(0, now - counts.last) / TICKS_PER_SECOND
        return [counts.deliveries, counts.failures, counts.bad, counts.size, counts.seconds, age]

    def restore(self, peer: str, plain: Sequence[Any], now: int) -> None:
        """The same, read. ValueError, TypeError for what is not that."""
        deliveries, failures, bad, size, seconds, age = map(float, plain)
        if not all(0.0 <= one < 1e18 for one in (deliveries, failures, bad, size, seconds, age)):
            raise ValueError(f"{plain!r} is no record of a peer's deliveries")
        counts = self._of(peer, now)
        counts.deliveries, counts.failures, counts.bad = deliveries, failures, bad
        counts.size, counts.seconds = size, seconds
        counts.last = max(0, now - round(age * TICKS_PER_SECOND))

    def _of(self, peer: str, now: int, touch: bool = True) -> _Counts:
        """The counts of a peer as they are now."""
        counts = self._peers.get(peer)
        if counts is None:
            if len(self._peers) >= MAX_PEERS:
                del self._peers[min(self._peers, key=lambda one: self._peers[one].last)]
            counts = self._peers[peer] = _Counts(period=now // PERIOD)
        kept = _kept(now // PERIOD - counts.period)
        if kept != 1.0:
            counts.deliveries *= kept
            counts.failures *= kept
            counts.bad *= kept
            counts.size *= kept
            counts.seconds *= kept
            counts.period = now // PERIOD
        if touch:
            counts.last = now
        return counts

    def __len__(self) -> int:
        return len(self._peers)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._peers))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {plural(len(self._peers), 'peer')}>"


def _kept(periods: int) -> float:
    """What is left of a count after so many periods."""
    if periods <= 0:
        return 1.0
    if periods > FORGOTTEN:
        return 0.0
    kept = 1.0
    for _ in range(periods):
        kept *= KEEPS
    return kept
