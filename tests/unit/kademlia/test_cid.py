"""CIDs: which multihash they hold, with the library and without."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from cid import make_cid
from hypothesis import given
from hypothesis import strategies as st

from p2plab.errors import ValidationError
from p2plab.identity.cid import as_cid, cid_of, is_multihash, multihash_of

EMPTY_V0 = "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n"
EMPTY_V1 = "bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"  # the same block, the same codec, as version 1
EMPTY_RAW = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


def test_version_0_version_1_and_another_codec_are_one_key() -> None:
    expected = b"\x12\x20" + hashlib.sha256(b"").digest()
    forms: list[str | bytes] = [EMPTY_V0, EMPTY_V1, EMPTY_RAW, f"/ipfs/{EMPTY_V1}", expected, b"\x01\x55" + expected]
    assert {multihash_of(form) for form in forms} == {expected}


@given(st.binary(max_size=200))
def test_a_made_cid_is_read_back_here_and_by_py_cid(content: bytes) -> None:
    for version in (0, 1):
        text = cid_of(content, version)
        assert multihash_of(text) == make_cid(text).multihash == b"\x12\x20" + hashlib.sha256(content).digest()


@pytest.mark.parametrize(
    "text",
    [
        EMPTY_V0,
        EMPTY_V1,
        EMPTY_RAW,
        "zdj7Wkkhxcu2rsiN6GUyHCLsSLL47kdUNfjbFqBUUhMFTZKBi",
        "f01701220e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "k51qzi5uqu5dlkw8pxuw9qmqayfdeh4kfebhmreauqdc6a7c3y7d5i9fi8mk9w",
    ],
)
def test_every_usual_base_is_read_as_py_cid_reads_it(text: str) -> None:
    assert multihash_of(text) == make_cid(text).multihash


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "hello",
        "Qm",
        "bafy",
        "bafybe!!!",
        "z",
        "x" * 500,
        "/ipfs/",
        "Qm" + "1" * 44,
        b"\x01\x55",
        b"\x12\x20abc",
    ],
)
def test_what_is_no_cid_is_refused(bad: str | bytes) -> None:
    with pytest.raises(ValidationError, match="CID"):
        multihash_of(bad)


def test_of_a_version_0_cid_the_length_is_told() -> None:
    with pytest.raises(ValidationError, match="has 46 characters, and this has 32"):
        multihash_of("Qm" + "a" * 30)


@pytest.mark.parametrize("bad", [None, 7, ["bafy"]])
def test_a_cid_is_text_or_bytes(bad: Any) -> None:
    with pytest.raises(ValidationError, match="CID"):
        multihash_of(bad)


@given(st.text(max_size=60))
def test_any_text_is_a_cid_or_a_validation_error(text: str) -> None:
    try:
        assert is_multihash(multihash_of(text))
        assert as_cid(text).multihash == multihash_of(text)
    except ValidationError:
        return


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (b"\x12\x20" + bytes(32), True),
        (b"\x12\x20" + bytes(31), False),
        (b"\x12\x1f" + bytes(31), False),
        (b"\x00\x24" + bytes(36), True),
        (b"\x00\x00", False),
        (b"\x00\x50" + bytes(80), False),
        (b"\xff" * 20, False),
        (b"\x80\x00\x01a", False),
    ],
)
def test_a_multihash_says_its_own_length(data: bytes, whole: bool) -> None:
    assert is_multihash(data) is whole
