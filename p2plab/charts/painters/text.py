"""Text and numbers of charts. What a peer chose is shown as every face shows it; escaping is still the painter's."""

from __future__ import annotations

from p2plab.text import shown

__all__ = ["number", "plain"]

MOST = 60  # characters of a name in a chart


def plain(text: object, most: int = MOST) -> str:
    """Any value as text that is fit to be shown, cut at ``most`` characters."""
    return shown(str(text), most)


def number(value: float) -> str:
    """A number as axes and sentences show it: four digits, thousands in groups."""
    if value == 0:
        return "0"
    if abs(value) >= 10_000:
        return f"{value:,.0f}" if abs(value) < 1e7 else f"{value:.3g}"
    text = f"{value:,.4g}"
    return text if "e" not in text or abs(value) < 1e-4 else f"{value:f}".rstrip("0")
