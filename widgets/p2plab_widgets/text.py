"""Text that a peer may have chosen, made fit to be shown. It is still to be set as text, never as HTML."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from typing import Any

from p2plab.errors.likely import likely
from p2plab.text import MAX_SHOWN, looks_like, plural
from p2plab.text import key_of as key_of
from p2plab.text import shown as shown
from p2plab.text import svg_face as svg_face


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
        return shown(f"{plural(len(data), 'byte')}: {data[:limit].hex()}", limit)
    return f"“{shown(text, limit)}”"


def unknown_topic(topic: str, known: Iterable[str]) -> str:
    """That no node subscribes to the topic that was chosen, with the likely one; empty where it is known."""
    topics = list(known)
    if not topic or topic in topics:
        return ""
    meant = likely(topic, topics)
    return f"no node subscribes to {shown(topic, 60)}" + (f" (did you mean {shown(meant, 60)}?)" if meant else "")


def unrecorded(message: str) -> str:
    """That the log has no such message by then: there is none yet, or what it records and holds leaves it out."""
    return f"no message {shown(message, 20)} is recorded up to here"


def counted(number: int, word: str) -> str:
    """So many of something, thousands in groups: ``1 node``, ``1,000 nodes``."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def with_text(bundle: Any, text: str) -> Any:
    """What a widget shows itself as, with a text in it for where there are no widgets."""
    if bundle is None:
        return None
    data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
    return {**data, "text/plain": text}, metadata
