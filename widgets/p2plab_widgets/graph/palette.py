"""Stable colours: a name has the same colour in every picture, as long as no earlier name has taken it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

# Twelve hues of equal lightness and chroma in OKLCH, then the twelve between them, darker; neighbours in the list
# are far apart in hue. They stand out from white and from JupyterLab's dark grey alike.
PALETTE: Final = (
    "#3496ef", "#e36654", "#0faa62", "#a278e4", "#b78a0f", "#02a1a8",
    "#d863a0", "#7aa015", "#7787f3", "#da720d", "#07a1cb", "#c26cc7",
    "#4d71c0", "#b1572d", "#0a8969", "#905ba9", "#857507", "#028397",
    "#b14f6c", "#498636", "#7365bb", "#a26500", "#017db6", "#a4538d",
)  # fmt: skip


def colour_of(name: str, taken: Collection[str] = ()) -> str:
    """The colour (#rrggbb) for a node of this name: one of the first twelve by FNV-1a of the name, or the next that is
    not taken, or one of the others."""
    value = 0x811C9DC5
    for byte in name.encode("utf-8", "replace"):
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    for colours in (PALETTE[:12], PALETTE[12:]):
        for step in range(12):
            colour = colours[(value + step) % 12]
            if colour not in taken:
                return colour
    return PALETTE[value % len(PALETTE)]
