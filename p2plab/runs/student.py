"""Student's t distribution, for confidence intervals of means.

For a whole number of degrees of freedom its distribution function is a finite sum (Abramowitz and Stegun, Handbook of
Mathematical Functions, 26.7.3 and 26.7.4), so no table and no library is needed.
"""

from __future__ import annotations

from math import atan, cos, isfinite, pi, sin, sqrt

from p2plab.errors import ValidationError

__all__ = ["half_width", "t_quantile"]


def within(t: float, freedom: int) -> float:
    """The probability that a t of so many degrees of freedom is between -t and t."""
    theta = atan(t / sqrt(freedom))
    square = cos(theta) ** 2
    odd = freedom % 2
    term = total = (cos(theta) if odd else 1.0) if freedom > 1 else 0.0
    for factor in range(2 + odd, freedom - 1, 2):
        term *= square * (factor - 1) / factor
        total += term
    return 2 / pi * (theta + sin(theta) * total) if odd else sin(theta) * total


def t_quantile(confidence: float, freedom: int) -> float:
    """The t that is exceeded, up or down, with probability ``1 - confidence``. ValidationError for no such numbers."""
    if not 0 < confidence < 1:
        raise ValidationError(f"confidence is a probability between 0 and 1, such as 0.95, not {confidence!r}")
    if freedom < 1:
        raise ValidationError(f"an interval needs at least one degree of freedom, not {freedom}")
    low, high = 0.0, 1.0
    while within(high, freedom) < confidence:
        low, high = high, high * 2
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return middle
        if within(middle, freedom) < confidence:
            low = middle
        else:
            high = middle


def half_width(deviation: float, count: int, confidence: float) -> float | None:
    """Half the confidence interval of a mean of ``count`` values with this standard deviation; None where one value,
    or one that is no number, does not give any."""
    if count < 2 or not isfinite(deviation):
        return None
    return t_quantile(confidence, count - 1) * deviation / sqrt(count)
