"""Telling an eclipse from chance: are the k closest peers where peers made without intent would be?

Somebody who makes peer ids until k of them lie closer to a key than everybody else holds whatever is stored under it.
Those ids are closer together than chance would put them, and that shows ("Content Censorship in the InterPlanetary File
System", NDSS 2024, doi 10.14722/ndss.2024.23153):

- How many peers there are is estimated from the distances found by lookups for random keys: of n peers the i-th
  closest is i / (n + 1) of the key space away, on average. (As go-libp2p-kad-dht's netsize does; every lookup counts
  alike here, and integers decide.)
- From n follows how many leading bits the k closest share with a key, as a distribution. The Kullback-Leibler
  divergence of what was found from it is compared with a threshold.
- Where it is over the threshold, what concerns the key goes to everybody in its *region*: all that share so many bits
  that k peers made by chance are expected there, however many others have come (region.py).

The arithmetic is plain, in a fixed order, so that a lab decides the same on every machine.
"""

from __future__ import annotations

import functools
import math
from collections import deque
from collections.abc import Sequence
from typing import Final

from p2plab.kademlia.key import KEY_BITS

__all__ = ["ECLIPSE_THRESHOLD", "SizeEstimate", "divergence", "expected_lengths", "region_length"]

ECLIPSE_THRESHOLD: Final = 0.94  # nats; what the authors' own detector uses
_ENOUGH: Final = 5  # lookups before an estimate is given; go-libp2p-kad-dht's MinMeasurementsThreshold
_KEPT: Final = 150  # lookups, the latest; its MaxMeasurementsThreshold
_LN_2: Final = 0.6931471805599453
_LN_MIDDLE: Final = -0.2876820724517809  # of 0.75
_TERMS: Final = 15


class SizeEstimate:
    """How many servers there are, as lookups for keys that nobody chose have shown."""

    __slots__ = ("_measures",)

    def __init__(self) -> None:
        self._measures: deque[tuple[int, int]] = deque(maxlen=_KEPT)

    def __len__(self) -> int:
        return len(self._measures)

    def observe(self, distances: Sequence[int]) -> None:
        """The distances of the peers closest to a random key, nearest first."""
        weighted, squares = 0, 0
        for rank, distance in enumerate(distances, 1):
            weighted += rank * distance
            squares += rank * rank
        if weighted:
            self._measures.append((weighted, squares))

    @property
    def enough(self) -> bool:
        """Whether there is something to go by."""
        return len(self._measures) >= _ENOUGH

    def size(self) -> int | None:
        """The number of servers (least squares through the origin: distance of the i-th against i); None before enough
        lookups were seen."""
        if not self.enough:
            return None
        weighted, squares = 0, 0
        for one, other in self._measures:
            weighted += one
            squares += other
        return max(1, (squares << KEY_BITS) // weighted - 1)


def region_length(size: int, k: int) -> int:
    """The bits that a region shares: k peers or more of ``size`` are expected to share so many with any key."""
    length = 0
    while k << length < size:
        length += 1
    return max(0, length - 1)


@functools.lru_cache(maxsize=256)
def expected_lengths(size: int, k: int) -> tuple[float, ...]:
    """By number of shared bits: which share of the k closest of ``size`` peers share exactly so many with a key."""
    found: list[float] = []
    before = 0.0
    for length in range(KEY_BITS):
        up_to = _up_to(length, size, k)
        found.append(max(0.0, up_to - before))
        before = up_to
    return tuple(found)


def _up_to(length: int, size: int, k: int) -> float:
    """Which share of the k closest share at most ``length`` bits: the i-th does where no more than i peers share more,
    and each shares more with a chance of 1 in 2 to the ``length + 1``."""
    chance = 0.5 ** (length + 1)
    exactly = _power(1.0 - chance, size)  # the chance that exactly 0, 1, 2, ... peers share more
    at_most, total = 0.0, 0.0
    for rank in range(k):
        at_most += exactly
        total += at_most
        exactly = exactly * (size - rank) / (rank + 1) * chance / (1.0 - chance) if rank < size else 0.0
    return total / k


def divergence(lengths: Sequence[int], size: int) -> float:
    """How far the shared bits of the closest peers are from what is expected of ``size`` peers: the Kullback-Leibler
    divergence, in nats (0: just as expected)."""
    counts: dict[int, int] = {}
    for length in lengths:
        counts[length] = counts.get(length, 0) + 1
    expected = expected_lengths(size, len(lengths))
    total = 0.0
    for length in sorted(counts):
        share = counts[length] / len(lengths)
        total += share * _log(share / max(expected[min(length, KEY_BITS - 1)], 1e-280))
    return total


def _power(base: float, exponent: int) -> float:
    result = 1.0
    while exponent:
        if exponent & 1:
            result *= base
        base *= base
        exponent >>= 1
    return result


def _log(value: float) -> float:
    """The natural logarithm by multiplication and addition alone, which round alike on every machine."""
    fraction, exponent = math.frexp(value)
    ratio = (fraction - 0.75) / (fraction + 0.75)
    square, power, total = ratio * ratio, ratio, 0.0
    for term in range(_TERMS):
        total += power / (2 * term + 1)
        power *= square
    return exponent * _LN_2 + _LN_MIDDLE + 2.0 * total
