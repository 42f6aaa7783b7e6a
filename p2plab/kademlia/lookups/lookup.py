"""The iterative lookup (kad-dht/README.md, "Peer routing"; ipfs/specs routing/kad-dht, "Client behavior").

Given the answers and failures of those it asked, it says whom to ask next and when it is over. Rules:
- The shortlist holds everybody heard of and not failed, by distance from the target. Only the k closest of them are
  worth a question; up to alpha questions are open at once, the closest peer first. Peers that mostly failed before are
  asked after the others (``doubted``), which changes the order and never the result.
- If it comes to an end because fewer than k peers are left, the ``reserve`` (the rest of the routing table) is heard
  once.
- It ends when the ``resiliency`` closest of the shortlist (all k, as the specification has it, unless told otherwise)
  have answered, or when nobody is left to ask, or at the query limit.
- Where fewer than k have to answer, it goes as in go-libp2p-kad-dht: whoever was heard of is worth a question, as long
  as fewer than alpha are open; in the end the rest of the k closest are asked, and what they refer to is no longer
  followed: a record goes to k peers that are known to be there.
- Referrals are taken with care: each peer once, never oneself, a bounded number from each answer, and the shortlist is
  bounded; so neither a loop of referrals nor an endless chain of them keeps a lookup going for ever.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from p2plab.kademlia.messages import MAX_CLOSER_PEERS

__all__ = ["IterativeLookup", "SuccessRates"]

_HEARD, _ASKED, _ANSWERED, _FAILED = range(4)
_RATED: Final = 1024  # peers whose failures are remembered; the one that was rated first goes
_SHORTLIST: Final = 16  # times k: what is farther away than so many closer peers is forgotten


class IterativeLookup:
    """``ask`` says whom to ask now; call it after ``start``, ``answered`` and ``failed``. ``reason`` is set at the
    end."""

    __slots__ = (
        "_alpha",
        "_by_distance",
        "_doubted",
        "_followup",
        "_k",
        "_keys",
        "_limit",
        "_me",
        "_needed",
        "_order",
        "_reserve",
        "_state",
        "asked",
        "open",
        "reason",
        "seeds",
        "target",
    )

    def __init__(
        self,
        target: int,
        me: int,
        keys: Mapping[int, int],
        k: int,
        alpha: int,
        resiliency: int | None = None,
        limit: int = 400,
        doubted: Callable[[int], bool] | None = None,
        reserve: Callable[[], Iterable[int]] | None = None,
    ) -> None:
        self.target = target
        self.reason: str | None = None
        self.seeds: tuple[int, ...] = ()
        self.asked = 0
        self.open = 0
        self._me = me
        self._keys = keys
        self._k = k
        self._alpha = alpha
        self._needed = k if resiliency is None else min(resiliency, k)
        self._limit = limit
        self._doubted = doubted
        self._reserve = reserve
        self._state: dict[int, int] = {}
        self._order: list[int] = []  # distances of those heard of and not failed, in order
        self._by_distance: dict[int, int] = {}
        self._followup: list[int] | None = None

    # -- what happens

    def start(self, seeds: Iterable[int]) -> None:
        """Begin with these peers, the closest that are known."""
        self.seeds = tuple(seeds)
        self._hear(self.seeds)

    def answered(self, peer: int, closer: Sequence[int]) -> int:
        """A peer that was asked has answered and referred to others; how many of them were new. Nothing once failed."""
        if self._state.get(peer) != _ASKED:
            return 0
        self._state[peer] = _ANSWERED
        self.open -= 1
        if self._followup is not None:
            return 0
        return self._hear(closer[:MAX_CLOSER_PEERS])

    def failed(self, peer: int) -> None:
        """A peer that was asked will not answer."""
        if self._state.get(peer) != _ASKED:
            return
        self._state[peer] = _FAILED
        self.open -= 1
        distance = self._keys[peer] ^ self.target
        at = bisect_left(self._order, distance)
        if at < len(self._order) and self._order[at] == distance:
            del self._order[at], self._by_distance[distance]

    def _hear(self, peers: Iterable[int]) -> int:
        state, keys, order, by_distance, target = self._state, self._keys, self._order, self._by_distance, self.target
        fresh = 0
        for peer in peers:
            if peer in state or peer == self._me:
                continue
            state[peer] = _HEARD
            distance = keys[peer] ^ target
            insort(order, distance)
            by_distance[distance] = peer
            fresh += 1
        bound = _SHORTLIST * self._k
        while len(order) > bound:
            del by_distance[order.pop()]
        return fresh

    # -- what follows

    def ask(self) -> list[int]:
        """Whom to ask now, closest first; they count as asked. Sets ``reason`` when the lookup is over."""
        if self.reason is not None:
            return []
        if self._followup is None:
            chosen = self._choose() or self._call_reserve()
            if chosen or self.reason is not None:
                return self._mark(chosen)
            if self._followup is None:
                return []
        return self._mark(self._follow_up())

    def _choose(self) -> list[int]:
        """The next peers to ask among the k closest, or how the lookup goes on when there is no more to be learnt."""
        state, by_distance = self._state, self._by_distance
        heard: list[int] = []
        missing = 0  # of the closest that count: not answered yet
        candidates = self._order[: self._k] if self._needed == self._k else self._order
        for rank, distance in enumerate(candidates):
            peer = by_distance[distance]
            now = state[peer]
            if now != _ANSWERED and rank < self._needed:
                missing += 1
            if now == _HEARD:
                heard.append(peer)
        if not missing:
            self._conclude([peer for peer in heard if self._keys[peer] ^ self.target <= self._order[: self._k][-1]])
            return []
        if self.asked >= self._limit:
            if not self.open:
                self.reason = "query limit"
            return []
        if heard and self._doubted is not None:
            doubted = self._doubted
            heard.sort(key=doubted)  # stable: by distance among equals
        return heard[: min(self._alpha - self.open, self._limit - self.asked)]

    def _call_reserve(self) -> list[int]:
        """Before it ends for want of peers: those that were known from the start and were no seeds."""
        reserve, self._reserve = self._reserve, self._reserve if self.reason != "nobody left" else None
        if self.reason != "nobody left" or reserve is None or not self._hear(reserve()):
            return []
        self.reason = None
        return self._choose()

    def _conclude(self, heard: list[int]) -> None:
        if not self._order:
            self.reason = "nobody left" if self._state else "empty table"
        elif self._needed < self._k and (heard or self.open):
            self._followup = heard
        else:
            self.reason = "nobody left" if len(self._order) < self._k else "closest answered"

    def _follow_up(self) -> list[int]:
        rest = self._followup or []
        chosen = rest[: max(0, min(self._alpha - self.open, self._limit - self.asked))]
        self._followup = rest[len(chosen) :]
        if not chosen and not self.open:
            self.reason = "closest answered"
        return chosen

    def _mark(self, chosen: list[int]) -> list[int]:
        for peer in chosen:
            self._state[peer] = _ASKED
        self.asked += len(chosen)
        self.open += len(chosen)
        return chosen

    def end(self, reason: str) -> None:
        """End it now, for a reason of the caller's."""
        if self.reason is None:
            self.reason = reason

    def closest(self, count: int | None = None) -> list[int]:
        """The closest peers that have answered, nearest first, ``count`` (k) at most."""
        wanted = self._k if count is None else count
        found: list[int] = []
        for distance in self._order:
            if len(found) == wanted:
                break
            peer = self._by_distance[distance]
            if self._state[peer] == _ANSWERED:
                found.append(peer)
        return found

    def leading(self) -> list[int]:
        """Those of the k closest ever heard of (and not failed) that have answered, nearest first."""
        ranked = (self._by_distance[distance] for distance in self._order[: self._k])
        return [peer for peer in ranked if self._state[peer] == _ANSWERED]

    def heard_of(self, peer: int) -> bool:
        """Whether anybody has named this peer."""
        return peer in self._state


class SuccessRates:
    """By peer: answers and failures since its first failure. One that mostly failed is asked last."""

    __slots__ = ("_rates",)

    def __init__(self) -> None:
        self._rates: dict[int, list[int]] = {}

    def answered(self, peer: int) -> None:
        """A request to it was answered."""
        if peer in self._rates:
            self._rates[peer][0] += 1

    def failed(self, peer: int) -> None:
        """A request to it came to nothing."""
        rates = self._rates
        if peer not in rates:
            if len(rates) >= _RATED:
                del rates[next(iter(rates))]
            rates[peer] = [0, 0]
        rates[peer][1] += 1

    def doubts(self, peer: int) -> bool:
        """Whether a peer has failed more often than it has answered."""
        rate = self._rates.get(peer)
        return rate is not None and rate[1] > rate[0]

    def clear(self) -> None:
        """Forget all of it."""
        self._rates.clear()
