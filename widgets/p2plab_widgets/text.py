"""Text that a peer may have chosen, made fit to be shown. It is still to be set as text, never as HTML."""

from __future__ import annotations

import codecs
import hashlib
import json
import unicodedata
from typing import Final

from p2plab.counted import counted

MAX_SHOWN: Final = 120  # characters
MAX_KEY: Final = 200  # characters of a text that stands for itself
MAX_MARKS: Final = 3  # combining characters in a row: more of them reach over other lines

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


def shown(text: str, limit: int = MAX_SHOWN) -> str:
    """The text, bounded, without control characters, bidi overrides, what cannot be seen, and piles of accents."""
    signs: list[str] = []
    marks = 0
    for sign in text[: limit + 1]:
        marks = marks + 1 if unicodedata.combining(sign) else 0
        if marks <= MAX_MARKS:
            signs.append(sign if sign.isprintable() and sign not in _UNSEEN else "\N{REPLACEMENT CHARACTER}")
    clean = "".join(signs)
    return clean if len(text) <= limit else clean[: limit - 1] + "…"


def key_of(text: str) -> str:
    """What stands for a text where it is to be told from every other: itself, or where it is long or no text in UTF-8,
    its beginning as it is shown and its sha256."""
    data = text.encode("utf-8", "surrogatepass")
    if len(text) <= MAX_KEY and "\ufffd" not in text and data.decode("utf-8", "replace") == text:
        return text
    return f"{shown(text, 60)} sha256:{hashlib.sha256(data).hexdigest()[:32]}"


def looks_like(text: str) -> str:
    """The same for texts that look the same to a person, more or less."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).translate(_LOOKALIKES))
    return "".join(sign for sign in plain if not unicodedata.combining(sign)).casefold().strip()


class Labels:
    """Texts as they are shown, each told from the others: one that looks like an earlier one says which characters it
    is made of, or carries a number. They keep their numbers, from 0 on."""

    def __init__(self, limit: int = MAX_SHOWN) -> None:
        self._limit = limit
        self._pairs: list[tuple[str, str]] = []  # label, key
        self._at: dict[str, int] = {}
        self._looks: dict[str, int] = {}  # what a label looks like -> how many had it

    def add(self, text: str) -> None:
        """One more text, which was not added before."""
        key, label = key_of(text), shown(text, self._limit)
        look = looks_like(label)
        if look in self._looks:
            strange = sorted({sign for sign in text[: self._limit] if not " " <= sign <= "~"})
            codes = ", ".join(f"U+{ord(sign):04X}" for sign in strange[:3])
            label = f"{shown(text, self._limit - 40)} ⟨{codes or f'{len(text):,} characters'}⟩"
            while (look := looks_like(label)) in self._looks:
                self._looks[look] += 1
                label = f"{shown(text, self._limit - 40)} ⟨no. {self._looks[look]}⟩"
        self._looks[look] = self._looks.get(look, 0) + 1
        self._at[key] = len(self._pairs)
        self._pairs.append((label, key))

    def index(self, key: str) -> int | None:
        """The number of the text with this key."""
        return self._at.get(key)

    def __getitem__(self, index: int) -> str:
        return self._pairs[index][0]

    def pairs(self, start: int = 0) -> list[tuple[str, str]]:
        """(label, key) of the texts from number ``start`` on."""
        return self._pairs[start:]


def shown_data(data: bytes, limit: int = MAX_SHOWN) -> str:
    """A payload: in quotes where it is text in UTF-8, else in hex; bounded."""
    start = data[: 4 * limit + 4]
    try:
        # A character that the cut goes through is left out; one that is broken in the data is an error.
        text = codecs.getincrementaldecoder("utf-8")().decode(start, final=len(start) == len(data))
    except UnicodeDecodeError:
        return shown(f"{counted(len(data), 'byte')}: {data[:limit].hex()}", limit)
    return f"“{shown(text, limit)}”"


def quoted(text: str) -> str:
    """The text as a Python literal in double quotes, with what is not printable escaped."""
    return json.dumps(text, ensure_ascii=not text.isprintable())
