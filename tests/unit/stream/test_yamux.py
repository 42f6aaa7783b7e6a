"""Frames as yamux/README.md lays them out, cut from a stream of bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p2plab.stream.framing.yamux import MAX_KEPT, FrameCutter, Header, parse_header

# From the specification's field sizes: version 0, type, flags, stream id, length, all big endian.
SYN = bytes.fromhex("00 01 0001 00000001 00040000")  # a window update that opens stream 1 with 256 kB more credit
DATA = bytes.fromhex("00 00 0000 00000001 00000005") + b"hello"
FIN = bytes.fromhex("00 00 0004 00000001 00000000")
PING = bytes.fromhex("00 02 0002 00000000 0000002a")
GO_AWAY = bytes.fromhex("00 03 0000 00000000 00000000")


def test_headers_read_as_the_specification_says() -> None:
    assert parse_header(SYN) == Header("window update", ("SYN",), 1, 262_144)
    assert parse_header(DATA) == Header("data", (), 1, 5)
    assert parse_header(FIN) == Header("data", ("FIN",), 1, 0)
    assert parse_header(PING) == Header("ping", ("ACK",), 0, 42)
    assert parse_header(GO_AWAY) == Header("go away", (), 0, 0)
    assert parse_header(b"\x13/multistream/1.0.0\n") is None
    assert parse_header(DATA[:11]) is None


@given(st.lists(st.integers(min_value=1, max_value=9), max_size=40))
def test_frames_come_out_whole_however_the_bytes_come_in(cuts: list[int]) -> None:
    frames = [SYN, DATA, PING, DATA, FIN, GO_AWAY]
    stream, cutter, got = b"".join(frames), FrameCutter(), []
    for cut in [*cuts, len(stream)]:
        piece, stream = stream[:cut], stream[cut:]
        got += cutter.feed(piece, wanted=True)
    assert [frame for _, frame in got] == frames
    assert [offset for offset, _ in got] == [0, 12, 29, 41, 58, 70]


@given(st.lists(st.tuples(st.integers(min_value=1, max_value=20), st.booleans()), max_size=60))
def test_it_keeps_its_place_while_nobody_looks(cuts: list[tuple[int, bool]]) -> None:
    frames = [SYN, DATA, PING, DATA, FIN, GO_AWAY, DATA, DATA]
    stream, cutter = b"".join(frames), FrameCutter()
    starts = {sum(map(len, frames[:number])): frame for number, frame in enumerate(frames)}
    for cut, wanted in [*cuts, (len(stream), True)]:
        piece, stream = stream[:cut], stream[cut:]
        if wanted:
            assert all(starts[offset] == frame for offset, frame in cutter.feed(piece, True))
        else:
            cutter.skip(piece)
    assert cutter.offset == sum(map(len, frames))
    assert cutter.feed(PING, True) == [(cutter.offset - 12, PING)]


def test_who_begins_to_look_in_the_middle_of_a_frame_sees_the_next_one() -> None:
    cutter = FrameCutter()
    assert cutter.feed(SYN + DATA[:14], wanted=False) == []
    assert cutter.feed(DATA[14:] + PING, wanted=True) == [(29, PING)]


def test_a_frame_that_claims_to_be_huge_is_not_kept() -> None:
    cutter = FrameCutter()
    head = bytes.fromhex("00 00 0000 00000001") + (MAX_KEPT + 1).to_bytes(4, "big")
    assert cutter.feed(head, wanted=True) == []
    assert cutter.feed(bytes(MAX_KEPT + 1) + PING, wanted=True) == [(12 + MAX_KEPT + 1, PING)]
