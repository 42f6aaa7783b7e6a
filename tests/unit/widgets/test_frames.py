"""The binary frames: sixteen bytes a record, little-endian, the same on both sides."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plab_widgets.graph.frames import RECORD, CopyLook, FrameRecord, NodeLook, Tag, unpack

U8, U16, U32 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32))


def test_a_record_lies_as_the_format_says() -> None:
    packed = FrameRecord(Tag.COPY, CopyLook.DUPLICATE, topic=0x0102, a=0x03040506, b=7, message=0x08090A0B).pack()
    assert packed == bytes.fromhex("05 01 0201 06050403 07000000 0b0a0908")
    assert len(packed) == RECORD.size == 16


@given(st.lists(st.builds(FrameRecord, U8, U8, U16, U32, U32, U32)))
def test_records_come_back_as_they_were_packed(records: list[FrameRecord]) -> None:
    assert list(unpack(b"".join(record.pack() for record in records))) == records


@pytest.mark.parametrize("length", [1, 15, 17])
def test_a_buffer_that_is_no_row_of_records_is_refused(length: int) -> None:
    with pytest.raises(struct.error):
        list(unpack(bytes(length)))


def test_the_numbers_of_tags_and_looks_are_those_that_the_browser_side_knows() -> None:
    assert [tag.value for tag in Tag] == [1, 2, 3, 4, 5, 6]
    assert (NodeLook.GONE, NodeLook.RUNNING, NodeLook.OUTSIDE, NodeLook.ATTACHED) == (0, 1, 2, 3)
    assert (CopyLook.FIRST, CopyLook.DUPLICATE, CopyLook.REJECTED) == (0, 1, 2)
