"""Cards as text, for terminals, screen readers and tests."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from p2plab_widgets.board.cards import Card, Cell

__all__ = ["text_of", "told"]


def text_of(cell: Cell) -> str:
    """The text of a cell."""
    return str(cell["text"]) if isinstance(cell, dict) else str(cell)


def told(sentence: str, cards: Sequence[Card]) -> str:
    """The sentence, then each card under its title."""
    parts = [sentence]
    for card in cards:
        parts += ["", card["title"].upper(), *_lines(card)]
    return "\n".join(parts)


def _lines(card: Card) -> list[str]:
    kind = card["kind"]
    if kind == "facts":
        return [f"{name}: {text_of(value)}" for name, value in card["rows"]] or ["–"]
    if kind == "table":
        if not card["rows"]:
            return [card["empty"]]
        rows = [card["columns"], *([text_of(one) for one in row] for row in card["rows"])]
        widths = [max(map(len, column)) for column in zip_longest(*rows, fillvalue="")]
        lines = ["  ".join(one.ljust(width) for one, width in zip(row, widths, strict=False)).rstrip() for row in rows]
        return [*lines, *_more(card, "more rows")]
    if kind == "steps":
        lines = [
            f"{'  ' * depth}{text_of(one)}{'  ' + remark if remark else ''}" for depth, one, remark in card["rows"]
        ]
        return [*lines, *_more(card, "more")] if lines else [card["empty"]]
    if kind == "matrix":
        lines = [
            f"{card['names'][row]} {card['verb']} {card['names'][column]}: "
            f"{card['say'].get(f'{row},{column}') or card['kinds'][of][0]}"
            for row, column, of in card["marks"][:200]
        ]
        return [*([card["grouped"]] if card.get("grouped") else []), *lines] if lines else [card["empty"]]
    if kind == "hex":
        fields = [
            f"{start:>6}-{end - 1:<6}{'  ' * depth}{name}: {value}" for start, end, depth, name, value in card["fields"]
        ]
        return [f"{card['size']} bytes", *fields] if card["size"] else [card["empty"]]
    if kind == "ring":
        named = [
            f"{share:.4f}  {text_of(one)}  {card['kinds'].get(role, role)}" for share, one, role in card["points"][:200]
        ]
        points = card["points"]
        arrows = [f"{text_of(points[a][1])} → {text_of(points[b][1])}  {label}" for a, b, label in card["arrows"]]
        return [*named, *arrows] or [card["empty"]]
    if kind == "dag":
        lines = [line for row in card["rows"] for line in (row["said"], *(f"  {one[3]}" for one in row["cells"]))]
        return [*lines, *([card["note"]] if card["note"] else [])] if lines else [card["empty"]]
    if kind == "code":
        return list(card["lines"])
    return [card["alt"] if kind == "picture" else card["text"]]


def _more(card: Card, what: str) -> list[str]:
    return [f"… and {card['more']:,} {what}"] if card["more"] > 0 else []
