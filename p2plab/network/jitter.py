"""Distributions of jitter as tables of 256 quantiles in ticks: a draw is one table look-up.

No ``exp``, ``log`` or ``pow`` of floats decides anything: their last digit differs between machines. The tables are
made with ``decimal``, whose ``ln`` and ``exp`` are rounded correctly everywhere, or stand here as integers.
"""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from functools import cache

__all__ = ["DISTRIBUTIONS", "SIZE", "exponential", "quantiles"]

DISTRIBUTIONS = ("uniform", "normal", "exponential", "pareto")
SIZE = 256
PARETO_SHAPE = 3  # the tail of round-trip times on the Internet; lower is heavier

# The upper half of the standard normal distribution's quantiles at (i + 1/2) / 256, in units of 1/10,000: rounded
# from statistics.NormalDist().inv_cdf.
NORMAL = (
    49,
    147,
    245,
    343,
    441,
    539,
    637,
    735,
    833,
    932,
    1030,
    1128,
    1227,
    1326,
    1425,
    1524,
    1623,
    1722,
    1821,
    1921,
    2021,
    2121,
    2221,
    2322,
    2422,
    2523,
    2625,
    2726,
    2828,
    2930,
    3032,
    3135,
    3238,
    3341,
    3445,
    3549,
    3654,
    3758,
    3864,
    3969,
    4076,
    4182,
    4289,
    4397,
    4505,
    4614,
    4723,
    4833,
    4943,
    5054,
    5166,
    5278,
    5391,
    5504,
    5618,
    5734,
    5849,
    5966,
    6083,
    6202,
    6321,
    6441,
    6562,
    6684,
    6806,
    6930,
    7055,
    7182,
    7309,
    7437,
    7567,
    7698,
    7831,
    7964,
    8100,
    8236,
    8374,
    8514,
    8656,
    8799,
    8944,
    9091,
    9240,
    9391,
    9545,
    9700,
    9858,
    10019,
    10182,
    10348,
    10516,
    10688,
    10863,
    11041,
    11223,
    11409,
    11599,
    11793,
    11992,
    12195,
    12404,
    12618,
    12838,
    13064,
    13298,
    13539,
    13788,
    14045,
    14313,
    14591,
    14881,
    15184,
    15502,
    15836,
    16189,
    16563,
    16962,
    17390,
    17853,
    18357,
    18912,
    19533,
    20240,
    21066,
    22066,
    23352,
    25205,
    28856,
)


@cache
def quantiles(distribution: str, scale: int) -> tuple[int, ...]:
    """The 256 equally likely offsets from the latency, in ticks, for a jitter of ``scale`` ticks."""
    if distribution == "uniform":
        return tuple((2 * i + 1 - SIZE) * scale // SIZE for i in range(SIZE))
    if distribution == "normal":
        upper = [round(Decimal(q * scale) / 10_000) for q in NORMAL]
        return tuple(-q for q in reversed(upper)) + tuple(upper)
    if distribution == "exponential":
        return tuple(round(q * scale) for q in exponential())
    return tuple(round(q * scale) for q in _pareto())


@cache
def exponential() -> tuple[Decimal, ...]:
    """-ln(1 - u) at 256 points: the quantiles of an exponential distribution of mean 1."""
    with localcontext(Context(prec=20)):
        return tuple(-(1 - (Decimal(i) + Decimal("0.5")) / SIZE).ln() for i in range(SIZE))


def _pareto() -> tuple[Decimal, ...]:
    """The quantiles of a Lomax (shifted Pareto) distribution of mean 1: (shape - 1) ((1 - u) ** (-1 / shape) - 1)."""
    with localcontext(Context(prec=20)):
        return tuple((PARETO_SHAPE - 1) * ((q / PARETO_SHAPE).exp() - 1) for q in exponential())
