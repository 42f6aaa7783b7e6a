"""A lookup as an SVG: time to the right, closeness downwards. Whatever a peer can choose is escaped."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Final

from p2plab.kademlia.key import KEY_BITS
from p2plab.kademlia.storage.records import key_text
from p2plab.text import plural, svg_face

if TYPE_CHECKING:
    from p2plab.kademlia.lookups.result import Lookup, Query

__all__ = ["Picture", "svg_of"]

_WIDTH, _HEIGHT = 720, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 34, 36
_TITLE: Final = 84  # characters
_ANSWERED: Final = "#2a78b8"
_HELD: Final = "#2e8b57"
_FAILED: Final = "#c0392b"


class Picture:
    """An SVG that a notebook shows; ``text`` is what stands for it where there are no pictures."""

    def __init__(self, svg: str, text: str) -> None:
        self.svg = svg
        self.text = text

    def _repr_svg_(self) -> str:
        return svg_face(self.svg)

    def __repr__(self) -> str:
        return self.text


def svg_of(lookup: Lookup) -> str:
    """Each query a line from its question (ring) to its answer (dot), at the height of the bits its peer shares with
    the target; green where it brought a value or providers, red where it failed."""
    path = lookup.path
    begin = lookup.started
    span = max(lookup.ended - begin, 1e-4)
    # The very peer that is looked for shares all bits: it is drawn just below the others.
    deepest = max((query.distance for query in path if query.distance < KEY_BITS), default=0) + 1

    def x(time: float) -> float:
        return _LEFT + (min(max(time - begin, 0.0), span) / span) * (_WIDTH - _LEFT - _RIGHT)

    def y(bits: float) -> float:
        return _TOP + min(bits, deepest) / deepest * (_HEIGHT - _TOP - _BOTTOM)

    title = f"{lookup.kind} {key_text(lookup.key)}: {plural(len(path), 'query', 'queries')}, {lookup.reason}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" '
        f'font-family="sans-serif" font-size="11" role="img"><title>{html.escape(title)}</title>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="18" font-size="13">{html.escape(_shortened(title))}</text>',
    ]
    step = max(1, deepest // 8)
    for bits in range(0, deepest + 1, step):
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(bits):.1f}" y2="{y(bits):.1f}" stroke="#e4e4e4"/>'
        )
        exact = bits == deepest and any(query.distance == KEY_BITS for query in path)
        parts.append(f'<text x="{_LEFT - 6}" y="{y(bits) + 4:.1f}" text-anchor="end">{"all" if exact else bits}</text>')
    for part in range(5):
        time = begin + span * part / 4
        anchor = "end" if part == 4 else "middle"
        parts.append(f'<text x="{x(time):.1f}" y="{_HEIGHT - 18}" text-anchor="{anchor}">{time - begin:.3f} s</text>')
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    parts.append(
        f'<text x="14" y="{middle:.0f}" transform="rotate(-90 14 {middle:.0f})" text-anchor="middle">shared bits</text>'
    )
    lanes: dict[int, int] = {}
    for query in path:
        lane = lanes[query.distance] = lanes.get(query.distance, -1) + 1
        height = y(query.distance) + 2.5 * (lane % 7)  # so that queries of one distance do not cover each other
        parts.append(_line(query, x(query.time), x(query.time + (query.duration or span)), height))
    return "".join([*parts, "</svg>"])


def _shortened(title: str) -> str:
    """A title that fits, without the middle of what is too long."""
    return title if len(title) <= _TITLE else f"{title[: _TITLE // 2]}…{title[-_TITLE // 2 :]}"


def _line(query: Query, begin: float, end: float, height: float) -> str:
    holds = "value" in query.answer or "providers" in query.answer
    colour = _FAILED if query.failed else _HELD if holds else _ANSWERED
    said = f"{query.peer!r}: {query.type}, {query.distance} bits, hop {query.hop}: {query.answer}"
    return (
        f"<g><title>{html.escape(said)}</title>"
        f'<line x1="{begin:.1f}" x2="{end:.1f}" y1="{height:.1f}" y2="{height:.1f}" stroke="{colour}"/>'
        f'<circle cx="{begin:.1f}" cy="{height:.1f}" r="2.5" fill="#fff" stroke="{colour}"/>'
        f'<circle cx="{end:.1f}" cy="{height:.1f}" r="2.5" fill="{colour}"/></g>'
    )
