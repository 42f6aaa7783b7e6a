"""Who reaches whom, and how: what ``lab.reachability()`` gives, as text, as a table and as a picture."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from p2plab.errors import UnknownNodeError
from p2plab.errors.likely import did_you_mean, in_words
from p2plab.text import plural, says, svg_face

__all__ = ["HOW", "How", "ReachabilityMatrix", "Way"]

How = Literal["direct", "reversed", "punched", "relayed", "no", "unknown"]
HOW: Final[dict[How, tuple[str, str, str]]] = {  # what it means, the sign in a table, the colour (Okabe-Ito)
    "direct": ("the peer can be dialled", "●", "#009E73"),
    "reversed": ("over a relay, and then the peer dials back", "◐", "#56B4E9"),
    "punched": ("over a relay, and then both punch a hole", "◆", "#0072B2"),
    "relayed": ("over a relay, and there it stays", "◇", "#E69F00"),
    "no": ("not at all", "×", "#D55E00"),
    "unknown": ("cannot be told from here", "?", "#999999"),
}
SHOWN: Final = 40  # nodes in a text or picture; the others are counted


@says
@dataclass(frozen=True, slots=True)
class Way:
    """How one node reaches another, and why so."""

    how: How
    reason: str

    def __str__(self) -> str:
        return f"{self.how}: {self.reason}"


class ReachabilityMatrix:
    """Every ordered pair of nodes: ``matrix["alice", "bob"]`` is how alice reaches bob, with ``.how`` and ``.reason``.

    Nodes are given as objects or names. Iterating gives (a, b, way). ``tried`` says whether it was tried or predicted.
    """

    def __init__(self, names: Sequence[str], ways: Mapping[tuple[str, str], Way], tried: bool = False) -> None:
        self.names = list(names)
        self._ways = dict(ways)
        self.tried = tried

    def __getitem__(self, pair: tuple[Any, Any]) -> Way:
        a, b = (str(getattr(node, "name", node)) for node in pair)
        for name in (a, b):
            if name not in self.names:
                raise UnknownNodeError(
                    f"no node of this lab is {name!r}; {did_you_mean(name, self.names)}it has {in_words(self.names)}"
                )
        if (a, b) not in self._ways:
            raise UnknownNodeError(f"{a} does not dial itself" if a == b else f"the way from {a} to {b} was not tried")
        return self._ways[a, b]

    def __iter__(self) -> Iterator[tuple[str, str, Way]]:
        return ((a, b, way) for (a, b), way in self._ways.items())

    def __len__(self) -> int:
        return len(self._ways)

    def counts(self) -> dict[How, int]:
        """How many pairs there are of each kind, those that are none left out."""
        found = {how: sum(way.how == how for way in self._ways.values()) for how in HOW}
        return {how: count for how, count in found.items() if count}

    def share(self, *how: How) -> float:
        """The share of pairs that are of these kinds, from 0 to 1; 0 where there is no pair."""
        return sum(way.how in how for way in self._ways.values()) / len(self._ways) if self._ways else 0.0

    def rows(self) -> list[dict[str, str]]:
        """One row a pair: ``from``, ``to``, ``how``, ``reason``."""
        return [{"from": a, "to": b, "how": way.how, "reason": way.reason} for a, b, way in self]

    def sentence(self) -> str:
        """What is to be seen, in one sentence."""
        verb = "reached" if self.tried else "would reach"
        parts = ", ".join(f"{count} {how}" for how, count in self.counts().items())
        return f"{plural(len(self), 'pair')}; how each first node {verb} the second: {parts or 'no pair'}"

    def __str__(self) -> str:
        shown = self.names[:SHOWN]
        width = max((len(name) for name in shown), default=4)
        lines = [self.sentence(), " " * width + "  " + " ".join(f"{place:>2}" for place in range(len(shown)))]
        for place, a in enumerate(shown):
            cells = [" ·" if a == b else f" {self._sign(a, b)}" for b in shown]
            lines.append(f"{a:<{width}}  {' '.join(cells)}  {place}")
        lines.append("  ".join(f"{HOW[how][1]} {how}" for how in self.counts()))
        if len(self.names) > SHOWN:
            lines.append(f"and {plural(len(self.names) - SHOWN, 'node')} more")
        return "\n".join(lines)

    __repr__ = __str__

    def _sign(self, a: str, b: str) -> str:
        way = self._ways.get((a, b))
        return " " if way is None else HOW[way.how][1]

    def svg(self) -> str:
        """The matrix as a picture: a cell a pair, whose colour and sign say how; its title has the reason."""
        shown = self.names[:SHOWN]
        longest = 7 * max((len(name) for name in shown), default=4)  # points; columns' names lean, at 60 degrees
        cell, left, top = 22, 12 + longest, 60 + round(0.87 * longest)
        wide = max(left + cell * len(shown) + longest // 2, 16 + 7 * len(self.sentence()))
        high = top + cell * len(shown) + 12
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" '
            'font-family="system-ui, sans-serif" font-size="12" role="img">',
            f"<title>{html.escape(self.sentence())}</title>",
            f'<rect width="{wide}" height="{high}" fill="#ffffff"/>',
            f'<text x="8" y="18" fill="#222222">{html.escape(self.sentence())}</text>',
        ]
        x = 8.0
        for how in self.counts():
            meaning, sign, colour = HOW[how]
            parts.append(f'<text x="{x}" y="38" fill="{colour}">{sign}</text>')
            parts.append(f'<text x="{x + 14}" y="38" fill="#444444">{how}<title>{meaning}</title></text>')
            x += 30 + 7 * len(how)
        for place, name in enumerate(shown):
            text, middle = html.escape(name), left + cell * place + cell / 2
            parts.append(
                f'<text x="{middle}" y="{top - 6}" transform="rotate(-60 {middle} {top - 6})" fill="#222222">'
                f"{text}</text>"
            )
            y = top + cell * place + cell * 0.7
            parts.append(f'<text x="{left - 6}" y="{y}" text-anchor="end" fill="#222222">{text}</text>')
        for row, a in enumerate(shown):
            for column, b in enumerate(shown):
                parts.append(self._cell(a, b, left + cell * column, top + cell * row, cell))
        parts.append("</svg>")
        return "".join(parts)

    def _cell(self, a: str, b: str, x: int, y: int, size: int) -> str:
        way = self._ways.get((a, b))
        if way is None:
            return f'<rect x="{x}" y="{y}" width="{size}" height="{size}" fill="#f2f2f2" stroke="#ffffff"/>'
        _, sign, colour = HOW[way.how]
        title = html.escape(f"{a} to {b}: {way}")
        middle = x + size / 2
        return (
            f'<g><title>{title}</title><rect x="{x}" y="{y}" width="{size}" height="{size}" fill="{colour}22" '
            f'stroke="#ffffff"/><text x="{middle}" y="{y + size * 0.7}" text-anchor="middle" fill="{colour}">'
            f"{sign}</text></g>"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": str(self), "image/svg+xml": svg_face(self.svg())}
