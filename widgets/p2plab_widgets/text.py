"""Text that a peer may have chosen, made fit to be shown. It is still to be set as text, never as HTML."""

from __future__ import annotations

from typing import Final

MAX_SHOWN: Final = 120  # characters


def shown(text: str, limit: int = MAX_SHOWN) -> str:
    """The text, bounded, and without control characters, bidi overrides and the like."""
    clean = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text[: limit + 1])
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def shown_data(data: bytes, limit: int = MAX_SHOWN) -> str:
    """A payload: in quotes where it is text in UTF-8, else in hex; bounded."""
    try:
        text = data[: 4 * limit + 4].decode()
    except UnicodeDecodeError as error:
        if error.start < len(data) - 4 or len(data) <= 4 * limit + 4:
            return shown(f"{len(data)} bytes: {data[:limit].hex()}", limit)
        text = data[: error.start].decode()
    return f"“{shown(text, limit)}”"
