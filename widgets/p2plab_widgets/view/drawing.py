"""A view as an SVG document: for GitHub, nbconvert and papers, and what a PNG is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

from p2plab_widgets.text import shown

__all__ = ["INK", "LINE", "MUTED", "PAPER", "Drawing", "text_width"]

INK: Final = "#1f2933"
MUTED: Final = "#5b6673"
LINE: Final = "#b8c2cc"
PAPER: Final = "#ffffff"
_BADGE: Final = {"mock": "#6d5bd0", "real": "#0b7a55", "log": "#8a5a00"}
_HEAD: Final = 36
_FOOT: Final = 30


def text_width(text: str, size: float) -> float:
    """About how wide a text is in the fonts that stand in for system-ui, in pixels; rather too much than too little."""
    return sum(0.95 if ord(sign) > 0x2E80 else 0.62 for sign in text) * size


@dataclass
class Drawing:
    """A picture of ``width`` by ``height`` pixels below its header. The methods below add elements to ``parts``, and
    take any text as text."""

    width: int
    height: int
    parts: list[str] = field(default_factory=list)

    def add(self, element: str) -> None:
        """Put an element in that holds no text of others."""
        self.parts.append(element)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = 11,
        fill: str = INK,
        anchor: str = "start",
        weight: int = 400,
        halo: bool = False,
        most: int = 120,
    ) -> None:
        """Write a text, at most ``most`` signs of it; ``halo`` keeps it readable over lines."""
        more = f' font-weight="{weight}"' if weight != 400 else ""
        more += f' paint-order="stroke" stroke="{PAPER}" stroke-width="3" stroke-linejoin="round"' if halo else ""
        more += f' text-anchor="{anchor}"' if anchor != "start" else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{fill}"{more}>{escape(shown(text, most))}</text>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, stroke: str = LINE, width: float = 1) -> None:
        """Draw a line."""
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" '
            f'stroke-width="{width:g}"/>'
        )

    def circle(self, x: float, y: float, radius: float, fill: str, stroke: str = "none", width: float = 1) -> None:
        """Draw a disc or, with ``fill="none"``, a ring."""
        self.parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{fill}" stroke="{stroke}" '
            f'stroke-width="{width:g}"/>'
        )

    def rect(self, x: float, y: float, width: float, height: float, fill: str) -> None:
        """Draw a box."""
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}" fill="{fill}" '
            'stroke="none"/>'
        )

    def document(self, world: str, title: str, facts: Sequence[str], sentence: str, time: str) -> str:
        """The whole document: header, the picture, and the sentence below it, which is also its description."""
        whole = self.height + _HEAD + _FOOT
        frame = Drawing(self.width, whole)
        badge = _BADGE.get(world, MUTED)
        width = text_width(world, 11) + 14
        frame.add(f'<rect x="12" y="9" width="{width:.0f}" height="18" rx="9" fill="{badge}" fill-opacity="0.14"/>')
        frame.text(12 + width / 2, 22, world, fill=badge, anchor="middle", weight=600)
        frame.text(22 + width, 22, title, size=13, weight=600)
        room = self.width - (22 + width + text_width(title, 14) + 24 + text_width(time, 11))
        said = " · ".join(facts)
        frame.text(22 + width + text_width(title, 14) + 8, 22, said, fill=MUTED, most=max(1, int(room / 6.9)))
        frame.text(self.width - 12, 22, time, anchor="end", fill=MUTED)
        frame.text(12, whole - 11, sentence, most=max(1, int((self.width - 24) / 6.4)))
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {whole}" width="{self.width}" '
                f"height=\"{whole}\" font-family=\"system-ui, 'DejaVu Sans', 'Liberation Sans', Arial, sans-serif\" "
                'role="img">',
                f"<title>{escape(shown(title))}</title>",
                f"<desc>{escape(shown(sentence, 400))}</desc>",
                f'<rect width="{self.width}" height="{whole}" rx="8" fill="{PAPER}"/>',
                *frame.parts,
                f'<g transform="translate(0 {_HEAD})">',
                *self.parts,
                "</g>",
                "</svg>",
            ]
        )
