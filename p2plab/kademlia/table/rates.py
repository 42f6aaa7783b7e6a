"""How often peers failed: one that mostly did is asked last."""

from __future__ import annotations

from typing import Final

__all__ = ["SuccessRates"]

RATED: Final = 1024  # peers that are remembered; the one that was rated first goes


class SuccessRates:
    """By peer: answers and failures since its first failure."""

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
            if len(rates) >= RATED:
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
