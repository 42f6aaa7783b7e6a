"""Text for people, above all text that a peer may have chosen: read from its bytes, and made fit for every face it is
shown in.

- ``decoded`` is the one way from bytes to text: replacement signs for what is not UTF-8, and a bound.
- ``shown`` is the one way to a face that a person reads: one line, nothing that acts on a terminal or turns text
  around, nothing that cannot be seen, and no letter that passes for another alphabet's.
- ``html_table`` and ``html_page`` are the one way into a notebook: escaped, and out of bounds for MathJax, which would
  else typeset what stands between dollar signs, or in any other of its delimiters, links and all.
- ``svg_face`` is the one way of a picture into a notebook, for the same reason.
- ``rounded`` is the one way of a number into a sentence or a table: without digits that say nothing.
"""

from __future__ import annotations

import hashlib
import html
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import ClassVar, Final, TypeVar

__all__ = [
    "MAX_SHOWN",
    "RAISABLE",
    "Tabular",
    "aligned",
    "decoded",
    "escaped",
    "html_page",
    "html_table",
    "key_of",
    "legible",
    "looks_like",
    "plural",
    "raised",
    "rounded",
    "said_by",
    "says",
    "shown",
    "svg_face",
    "without_disguise",
]

T = TypeVar("T")

MAX_SHOWN: Final = 120  # characters
RAISABLE: Final = (Exception, SystemExit)  # by a user's code: no lab ends by it, not by its exit() either
MAX_ERROR: Final = 500  # characters of what a user's exception says
MAX_KEY: Final = 200  # characters of a text that stands for itself
MAX_MARKS: Final = 3  # combining characters in a row: more of them reach over other lines
MAX_UNBROKEN: Final = 300  # characters of an error's text without a space
REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_UNBROKEN: Final = re.compile(rf"\S{{{MAX_UNBROKEN + 1},}}")
# By these classes MathJax 2, and 3 and 4, leave an element and all within it alone, whatever their delimiters.
NO_MATH: Final = "tex2jax_ignore mathjax_ignore"

# Printable, says Python, and yet nothing is seen of them: fillers, variation selectors.
_FILLERS: Final = (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800, 0x3164, 0xFFA0)
_UNSEEN: Final = frozenset(map(chr, (*_FILLERS, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
# Letters of other scripts that look like Latin ones.
_LOOKALIKES: Final = {
    0x0261: "g", 0x0391: "A", 0x0392: "B", 0x0395: "E", 0x0396: "Z", 0x0397: "H", 0x0399: "I", 0x039A: "K",
    0x039C: "M", 0x039D: "N", 0x039F: "O", 0x03A1: "P", 0x03A4: "T", 0x03A5: "Y", 0x03A7: "X", 0x03B1: "a",
    0x03B9: "i", 0x03BA: "k", 0x03BD: "v", 0x03BF: "o", 0x03C1: "p", 0x03C4: "t", 0x03C5: "u", 0x03C7: "x",
    0x0405: "S", 0x0406: "I", 0x0408: "J", 0x0410: "A", 0x0412: "B", 0x0415: "E", 0x041A: "K", 0x041C: "M",
    0x041D: "H", 0x041E: "O", 0x0420: "P", 0x0421: "C", 0x0422: "T", 0x0425: "X", 0x0430: "a", 0x0435: "e",
    0x043E: "o", 0x0440: "p", 0x0441: "c", 0x0443: "y", 0x0445: "x", 0x0455: "s", 0x0456: "i", 0x0458: "j",
    0x04BB: "h", 0x04CF: "l", 0x0501: "d", 0x051B: "q", 0x051D: "w",
}  # fmt: skip


def decoded(raw: bytes | str, limit: int) -> str:
    """The text of a peer's bytes, of at most ``limit`` characters: what is not UTF-8 becomes replacement signs.

    A str is taken too, since protobuf gives either for a field of text.
    """
    # Four bytes are the most that one character has; the rest need not be looked at.
    text = raw[: 4 * limit].decode("utf-8", "replace") if isinstance(raw, bytes) else raw[:limit]
    return text[:limit].encode("utf-8", "replace").decode("utf-8")


def shown(text: object, limit: int = MAX_SHOWN) -> str:
    """The text on one line of at most ``limit`` characters: control characters, bidi overrides and what cannot be
    seen become replacement signs, piles of accents are cut, and letters in disguise are told by their number."""
    text = str(text)
    if text.isascii() and text.isprintable():
        return text if len(text) <= limit else text[: limit - 1] + "…"
    signs: list[str] = []
    marks = 0
    for sign in text[: limit + 1]:
        marks = marks + 1 if unicodedata.combining(sign) else 0
        if marks <= MAX_MARKS:
            signs.append(sign if sign.isprintable() and sign not in _UNSEEN else REPLACEMENT)
    clean = without_disguise("".join(signs))
    return clean if len(text) <= limit and len(clean) <= limit else clean[: limit - 1] + "…"


def raised(what: str, error: BaseException) -> dict[str, str]:
    """The data of an ``error`` event."""
    return {"what": what, "type": type(error).__name__, "text": said_by(error)}


def said_by(error: BaseException) -> str:
    """What a user's exception says, whose class may be the user's, too, and raise again when it is asked."""
    try:
        return str(error)[:MAX_ERROR]
    except RAISABLE as another:
        return f"(its text cannot be had: {type(another).__name__})"


def legible(message: str) -> str:
    """A sentence that repeats what it was given, as an error does: lines stay, what acts on a terminal or turns text
    around becomes replacement signs, and what goes on without a space for over 300 characters is cut."""
    if not (message.isascii() and message.isprintable()):
        message = "".join(sign if sign.isprintable() or sign == "\n" else REPLACEMENT for sign in message)
    if len(message) <= MAX_UNBROKEN:
        return message
    return _UNBROKEN.sub(lambda found: f"{found[0][: MAX_UNBROKEN - 1]}…", message)


def without_disguise(text: str) -> str:
    """The text with ``<U+0456>`` for each letter that passes for a Latin one: where Latin letters stand in the same
    word, or where the word has no other letters. A word of its own alphabet is left as it is."""
    if text.isascii():
        return text
    return "".join(_undisguised(word) for word in _words(text))


def _words(text: str) -> Iterable[str]:
    """The text in pieces: each a run of letters, or one other sign."""
    word = ""
    for sign in text:
        if sign.isalpha() or unicodedata.combining(sign):
            word += sign
            continue
        if word:
            yield word
            word = ""
        yield sign
    if word:
        yield word


def _undisguised(word: str) -> str:
    letters = [sign for sign in word if sign.isalpha()]
    alike = [sign for sign in letters if ord(sign) in _LOOKALIKES]
    if not alike or not (len(alike) == len(letters) > 1 or any(sign.isascii() for sign in letters)):
        return word
    return "".join(f"<U+{ord(sign):04X}>" if ord(sign) in _LOOKALIKES else sign for sign in word)


def looks_like(text: str) -> str:
    """The same for texts that look the same to a person, more or less."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).translate(_LOOKALIKES))
    return "".join(sign for sign in plain if not unicodedata.combining(sign)).casefold().strip()


def key_of(text: str) -> str:
    """What stands for a text where it is to be told from every other: itself, or where it is long or no text in UTF-8,
    its beginning as it is shown and its sha256."""
    data = text.encode("utf-8", "surrogatepass")
    if len(text) <= MAX_KEY and REPLACEMENT not in text and data.decode("utf-8", "replace") == text:
        return text
    return f"{shown(text, 60)} sha256:{hashlib.sha256(data).hexdigest()[:32]}"


# -- HTML


def escaped(text: object, limit: int = 500) -> str:
    """``shown``, as HTML."""
    return html.escape(shown(text, limit))


def html_page(markup: str) -> str:
    """HTML of which MathJax keeps out."""
    return f'<div class="{NO_MATH}">{markup}</div>'


_TAG: Final = re.compile(r"(<[^>]*>)")
_WITH_TEXT: Final = ("<text", "<tspan", "</tspan", "<title", "<desc")
_DELIMITERS: Final = {"$": "\N{FULLWIDTH DOLLAR SIGN}", "\\": "\N{FULLWIDTH REVERSE SOLIDUS}"}
_WORDS: Final = "text-align: left"  # front ends align what stands in tables to the right, as if all were numbers
_NUMBER: Final = re.compile(r"-?[\d,]+(\.\d+)?( ?(s|ms|B|kB|MB|%|bytes))?")


def _is_number(cell: object) -> bool:
    return isinstance(cell, (int, float)) or (isinstance(cell, str) and _NUMBER.fullmatch(cell) is not None)


class Tabular:
    """Shows itself as a table, under ``_HEAD``."""

    _HEAD: ClassVar[Sequence[str]]

    def _cells(self) -> list[tuple[str, ...]]:
        raise NotImplementedError

    def __repr__(self) -> str:
        return aligned([self._HEAD, *self._cells()])

    def _repr_html_(self) -> str:
        return html_table(self._HEAD, self._cells())


def html_table(
    head: Sequence[object],
    rows: Iterable[Sequence[object]],
    caption: str = "",
    notes: Sequence[str] = (),
    spaces: bool = False,
) -> str:
    """A table of texts, numbers and None (an empty cell), all of them escaped; columns of text are aligned to the left.
    ``notes`` stand below it. ``spaces``: they count, as in a tree."""
    top = f'<caption style="{_WORDS}; white-space: normal">{escaped(caption, 2000)}</caption>' if caption else ""
    kept = [list(row) for row in rows]
    columns = [[cell for cell in column if cell is not None] for column in zip(*kept, strict=False)]
    looks = ["" if cells and all(map(_is_number, cells)) else f' style="{_WORDS}"' for cells in columns]
    looks = looks or [""] * len(head)
    first = "".join(f"<th{look}>{escaped(cell)}</th>" for look, cell in zip(looks, head, strict=False))
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{look}>{'' if cell is None else escaped(rounded(cell) if isinstance(cell, float) else cell)}</td>"
            for look, cell in zip(looks, row, strict=False)
        )
        + "</tr>"
        for row in kept
    )
    below = f"<p>{'<br>'.join(escaped(note, 2000) for note in notes)}</p>" if notes else ""
    style = ' style="white-space: pre"' if spaces else ""
    return html_page(f"<table{style}>{top}<tr>{first}</tr>{body}</table>{below}")


def svg_face(svg: str) -> str:
    """An SVG as a notebook may hold it in its page: whatever MathJax would take for a delimiter stands apart from what
    is around it, since it heeds no class of an element of SVG. In a title or a description, where nothing can stand
    apart, it is written as its wide form."""
    if "$" not in svg and "\\" not in svg:
        return svg
    parts = _TAG.split(svg)  # text and tags in turn
    for place in range(0, len(parts), 2):
        before = parts[place - 1] if place else ""
        for sign, wide in _DELIMITERS.items():
            apart = wide if before.startswith(("<title", "<desc")) else f"<tspan>{sign}</tspan>"
            parts[place] = parts[place].replace(sign, apart) if before.startswith(_WITH_TEXT) else parts[place]
    return "".join(parts)


def says(kind: type[T]) -> type[T]:
    """Have what a class makes show itself at a prompt in the words of its ``str``, and not field by field."""

    def __repr__(self: T) -> str:
        return f"<{kind.__name__} {self}>"

    kind.__repr__ = __repr__  # type: ignore[assignment]  # of any class
    return kind


def plural(number: int, one: str, many: str = "") -> str:
    """The number and the word for so many: ``1 hop``, ``2 hops``; ``many`` is ``one`` with an s unless given."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def aligned(rows: Iterable[Sequence[str]]) -> str:
    """Rows of a table as lines, each column as wide as the widest of its cells."""
    lines = list(rows)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in lines
    )


DIGITS: Final = 4  # significant ones of a shown number; the data keeps them all


def rounded(value: object) -> str:
    """A value as ``repr`` has it, but its floats, wherever they are in it, with four digits that count: ``-99.74`` for
    -99.74445644963328, ``60`` for 60.0, ``123457`` for 123456.789."""
    if isinstance(value, float):
        return _short(value)
    if type(value) in (list, tuple, set, frozenset) and value:
        parts = ", ".join(map(rounded, value))  # type: ignore[call-overload]
        if isinstance(value, list):
            return f"[{parts}]"
        if isinstance(value, tuple):
            return f"({parts}{',' if len(value) == 1 else ''})"
        return f"{{{parts}}}" if isinstance(value, set) else f"frozenset({{{parts}}})"
    if type(value) is dict:
        return "{" + ", ".join(f"{key!r}: {rounded(each)}" for key, each in value.items()) + "}"
    return repr(value)


def _short(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    if value and not 1e-4 <= abs(value) < 1e15:
        return f"{value:.{DIGITS}g}"
    places = 0 if not value else max(0, DIGITS - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:.{places}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text
