"""The colours of charts: eight categories after Okabe and Ito, darkened or lightened until each stands out 3 to 1."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DARK", "LIGHT", "Palette", "contrast"]


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours (#rrggbb) on one ground. A series has a colour, a dash and a sign, so that colour never speaks alone."""

    paper: str
    ink: str  # text, at least 4.5 to 1
    muted: str  # lesser text, at least 4.5 to 1
    line: str  # axes
    grid: str  # which carries no meaning of its own
    series: tuple[str, ...]  # at least 3 to 1


LIGHT = Palette(
    "#ffffff",
    "#1f2933",
    "#55606b",
    "#7b8794",
    "#e4e8ec",
    ("#0072b2", "#c44e00", "#00795a", "#a24a86", "#7f6000", "#2a7fb8", "#8c2d2d", "#3d3d3d"),
)
DARK = Palette(
    "#111418",
    "#e6e9ec",
    "#a9b3bd",
    "#7b8794",
    "#262c33",
    ("#56b4e9", "#f08a3c", "#2fc79d", "#e39bc8", "#f0e442", "#9db8ff", "#ff8f8f", "#d0d0d0"),
)
DASHES = ("", "6 3", "2 2", "8 3 2 3", "1 3", "10 4", "4 2 1 2", "12 2")
SIGNS = ("circle", "square", "triangle", "diamond")


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
