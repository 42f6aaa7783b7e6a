"""Text that a peer may have chosen, made fit to stand in a chart: bounded, printable, and never markup or TeX."""

from __future__ import annotations

__all__ = ["number", "plain"]

MOST = 60  # characters of a name in a chart


def plain(text: object, most: int = MOST) -> str:
    """The text without control characters and bidirectional overrides, cut at ``most`` characters. Escaping is still
    the painter's."""
    clean = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in str(text)[: most + 1])
    return clean if len(clean) <= most else clean[: most - 1] + "…"


def number(value: float) -> str:
    """A number as axes and sentences show it: four digits, thousands in groups."""
    if value == 0:
        return "0"
    if abs(value) >= 10_000:
        return f"{value:,.0f}" if abs(value) < 1e7 else f"{value:.3g}"
    text = f"{value:,.4g}"
    return text if "e" not in text or abs(value) < 1e-4 else f"{value:f}".rstrip("0")
