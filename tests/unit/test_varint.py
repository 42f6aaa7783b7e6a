"""Unsigned varints, as multiformats/unsigned-varint describes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plab.identity.varint import MAX_VARINT, decode_varint, encode_varint


@pytest.mark.parametrize(
    ("value", "encoded"), [(1, "01"), (127, "7f"), (128, "8001"), (255, "ff01"), (300, "ac02"), (16384, "808001")]
)
def test_the_specifications_examples(value: int, encoded: str) -> None:
    assert encode_varint(value).hex() == encoded
    assert decode_varint(bytes.fromhex(encoded)) == (value, len(encoded) // 2)


@given(st.integers(0, MAX_VARINT), st.binary(max_size=5), st.binary(max_size=5))
def test_what_is_encoded_is_decoded_wherever_it_stands(value: int, before: bytes, after: bytes) -> None:
    encoded = encode_varint(value)
    assert decode_varint(before + encoded + after, len(before)) == (value, len(before) + len(encoded))
    assert decode_varint(encoded[:-1]) is None


@pytest.mark.parametrize("value", [-1, MAX_VARINT + 1])
def test_numbers_out_of_range_are_refused(value: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        encode_varint(value)


@pytest.mark.parametrize(("data", "problem"), [("8000", "shortest"), ("ff" * 9 + "01", "nine"), ("80" * 9, "nine")])
def test_encodings_that_are_not_allowed_are_refused(data: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        decode_varint(bytes.fromhex(data))
