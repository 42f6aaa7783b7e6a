"""Text that a peer may have chosen, made fit to be shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plab_widgets.text import shown, shown_data

LONG = 200


@given(st.text(), st.integers(1, 50))
def test_shown_text_is_bounded_and_printable(text: str, limit: int) -> None:
    assert len(shown(text, limit)) <= limit
    assert shown(text, limit).isprintable()


def test_plain_text_stays_as_it_is() -> None:
    assert shown("hello, Zürich 🌍") == "hello, Zürich 🌍"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "“”"),
        ("grüße".encode(), "“grüße”"),
        (b"\xff\x00", "2 bytes: ff00"),
        (b"a\nb", "“a\N{REPLACEMENT CHARACTER}b”"),
    ],
)
def test_a_payload_is_quoted_where_it_is_text_and_hex_where_not(data: bytes, expected: str) -> None:
    assert shown_data(data) == expected


@given(st.binary(max_size=2000))
def test_any_payload_can_be_shown(data: bytes) -> None:
    assert len(shown_data(data, 20)) <= 22


def test_a_long_text_that_is_cut_within_a_character_is_still_text() -> None:
    assert shown_data("é".encode() * LONG, 9) == "“" + "é" * 8 + "…”"
    assert shown_data(b"x" + "é".encode() * LONG, 9) == "“x" + "é" * 7 + "…”"
