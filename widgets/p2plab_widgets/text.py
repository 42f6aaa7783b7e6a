"""Text that a peer may have chosen, made fit to be shown. It is still to be set as text, never as HTML."""

from __future__ import annotations

import codecs
import json
from typing import Final

from p2plab.counted import counted

MAX_SHOWN: Final = 120  # characters


def shown(text: str, limit: int = MAX_SHOWN) -> str:
    """The text, bounded, and without control characters, bidi overrides and the like."""
    clean = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text[: limit + 1])
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


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
