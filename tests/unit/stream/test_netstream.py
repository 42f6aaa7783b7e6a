"""NetStream over raw streams in memory: what every verb does, and that no order of them loses or invents bytes."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from p2plab.errors import ValidationError
from p2plab.events import EventLog
from p2plab.identity.varint import encode_varint
from p2plab.stream import INetStream, NetStream, StreamError
from tests.unit.stream.toy import Task, ToyRuntime, raw_pair, stream_pair


async def read_all(stream: NetStream, n: int = 65536) -> bytes:
    whole = b""
    while data := await stream.read(n):
        whole += data
    return whole


async def write_all(stream: NetStream, pieces: list[bytes]) -> None:
    for piece in pieces:
        await stream.write(piece)
    await stream.close_write()


def fails(kind: str, action: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[None]]:
    """A step of a test: the call must raise a StreamError of this kind."""

    async def check() -> None:
        with pytest.raises(StreamError) as caught:
            await action()
        assert caught.value.kind == kind

    return check


class TestBytes:
    @given(
        st.lists(st.binary(max_size=40), max_size=8),
        st.lists(st.integers(1, 50), min_size=1, max_size=5),
        st.integers(1, 60),
        st.integers(1, 60),
    )
    def test_any_split_of_writes_and_reads_gives_the_same_bytes(
        self, pieces: list[bytes], sizes: list[int], window: int, most: int
    ) -> None:
        runtime = ToyRuntime()
        writer, reader = stream_pair(runtime, window=window, cut=lambda held: min(held, most))
        got: list[bytes] = []

        async def read() -> None:
            turn = 0
            while data := await reader.read(sizes[turn % len(sizes)]):
                assert len(data) <= sizes[turn % len(sizes)]
                got.append(data)
                turn += 1

        runtime.run(partial(write_all, writer, pieces), read)
        assert b"".join(got) == b"".join(pieces)
        assert writer.bytes_out == reader.bytes_in == len(b"".join(pieces))

    @given(st.lists(st.binary(max_size=300), max_size=6), st.integers(1, 9), st.integers(1, 200))
    def test_messages_arrive_as_they_were_sent_however_they_are_cut(
        self, messages: list[bytes], most: int, window: int
    ) -> None:
        runtime = ToyRuntime()
        writer, reader = stream_pair(runtime, window=window, cut=lambda held: min(held, most))

        async def send() -> None:
            for message in messages:
                await writer.write_message(message)
            await writer.close_write()

        async def take() -> list[bytes]:
            taken = []
            while (message := await reader.read_message()) is not None:
                taken.append(message)
            return taken

        assert runtime.run(send, take)[1] == messages

    @given(st.lists(st.binary(max_size=30), max_size=6), st.sampled_from([b"\n", b"ab", b"\r\n"]), st.integers(1, 5))
    def test_read_until_cuts_where_the_separator_is(self, pieces: list[bytes], separator: bytes, most: int) -> None:
        runtime = ToyRuntime()
        writer, reader = stream_pair(runtime, cut=lambda held: min(held, most))
        whole = separator.join(pieces) + separator

        async def take() -> list[bytes]:
            taken = []
            while line := await reader.read_until(separator):
                taken.append(line)
            return taken

        lines = runtime.run(partial(write_all, writer, [whole]), take)[1]
        assert b"".join(lines) == whole
        assert all(line.find(separator) == len(line) - len(separator) for line in lines)

    def test_read_exactly_waits_for_all_of_it(self) -> None:
        runtime = ToyRuntime()
        writer, reader = stream_pair(runtime, cut=lambda held: 1)
        both = runtime.run(partial(write_all, writer, [b"abc", b"defg"]), partial(reader.read_exactly, 5))
        assert both[1] == b"abcde"
        assert runtime.run(partial(reader.read_exactly, 2)) == [b"fg"]

    def test_the_verbs_share_what_has_been_read_ahead(self) -> None:
        runtime = ToyRuntime()
        writer, reader = stream_pair(runtime)
        sent = b"line\n" + encode_varint(3) + b"abc" + b"rest"
        runtime.run(partial(write_all, writer, [sent]))
        assert runtime.run(reader.read_until) == [b"line\n"]
        assert runtime.run(reader.read_message) == [b"abc"]
        assert runtime.run(partial(reader.read, 2)) == [b"re"]
        assert runtime.run(partial(read_all, reader)) == [b"st"]

    def test_an_empty_message_is_a_message(self) -> None:
        runtime = ToyRuntime()
        writer, reader = stream_pair(runtime)
        runtime.run(partial(writer.write_message, b""), writer.close_write)
        assert runtime.run(reader.read_message) == [b""]
        assert runtime.run(reader.read_message) == [None]

    def test_every_kind_of_bytes_can_be_written_and_text_cannot(self) -> None:
        runtime = ToyRuntime()
        writer, reader = stream_pair(runtime)
        runtime.run(partial(writer.write, bytearray(b"a")), partial(writer.write, memoryview(b"b")))
        runtime.run(partial(writer.write, b""))
        assert runtime.run(reader.read) == [b"ab"]
        with pytest.raises(ValidationError, match="not str; a str has"):
            runtime.run(partial(writer.write, "text"))  # type: ignore[arg-type]
        assert writer.state == "open"

    def test_writes_side_by_side_are_not_mixed(self) -> None:
        runtime = ToyRuntime()
        writer, reader = stream_pair(runtime, window=3)
        pieces = [bytes([65 + index]) * 10 for index in range(5)]
        results = runtime.run(*(partial(writer.write, piece) for piece in pieces), partial(reader.read_exactly, 50))
        assert results[-1] == b"".join(pieces)

    @pytest.mark.parametrize("n", [0, -1, 1.5, None])
    def test_a_read_of_no_size_is_refused(self, n: Any) -> None:
        runtime = ToyRuntime()
        stream, _ = stream_pair(runtime)
        with pytest.raises(ValidationError, match="at least 1"):
            runtime.run(partial(stream.read, n))

    def test_a_second_reader_is_refused(self) -> None:
        runtime = ToyRuntime()
        stream, other = stream_pair(runtime)
        with pytest.raises(ValidationError, match="one reader"):
            runtime.run(stream.read, stream.read, partial(other.write, b"x"))


class TestBounds:
    def test_a_line_without_an_end_is_given_up_at_the_limit(self) -> None:
        runtime = ToyRuntime()
        writer, reader = stream_pair(runtime)
        runtime.run(partial(writer.write, b"x" * 100))
        runtime.run(fails("limit", partial(reader.read_until, b"\n", 64)))

    def test_the_limit_counts_the_separator(self) -> None:
        runtime = ToyRuntime()
        writer, reader = stream_pair(runtime)
        runtime.run(partial(writer.write, b"abc\nabcd\n"))
        assert runtime.run(partial(reader.read_until, b"\n", 4)) == [b"abc\n"]
        runtime.run(fails("limit", partial(reader.read_until, b"\n", 4)))

    def test_a_message_over_the_limit_is_refused_when_it_is_announced(self) -> None:
        runtime = ToyRuntime()
        writer, reader = stream_pair(runtime)
        runtime.run(partial(writer.write, encode_varint(1 << 40)))
        runtime.run(fails("limit", reader.read_message))

    @pytest.mark.parametrize("prefix", [b"\x80\x00", b"\xff" * 10])
    def test_a_length_that_is_no_varint_is_refused(self, prefix: bytes) -> None:
        runtime = ToyRuntime()
        writer, reader = stream_pair(runtime)
        runtime.run(partial(writer.write, prefix))
        runtime.run(fails("limit", reader.read_message))

    def test_a_separator_must_be_bytes(self) -> None:
        runtime = ToyRuntime()
        stream, _ = stream_pair(runtime)
        with pytest.raises(ValidationError, match="at least one byte"):
            runtime.run(partial(stream.read_until, b""))


class TestEnds:
    def test_half_close_lets_the_other_direction_go_on(self) -> None:
        runtime = ToyRuntime()
        ours, theirs = stream_pair(runtime)
        runtime.run(partial(ours.write, b"question"), ours.close_write)
        assert ours.state == "write closed"
        assert runtime.run(partial(read_all, theirs)) == [b"question"]
        assert theirs.state == "read closed"
        runtime.run(partial(theirs.write, b"answer"), theirs.close_write)
        assert runtime.run(partial(read_all, ours)) == [b"answer"]
        assert (ours.state, theirs.state) == ("closed", "closed")

    def test_what_was_sent_before_the_end_is_read(self) -> None:
        runtime = ToyRuntime()
        ours, theirs = stream_pair(runtime)
        runtime.run(partial(ours.write, b"last words"), ours.close)
        assert runtime.run(partial(read_all, theirs)) == [b"last words"]

    def test_an_end_in_the_middle_is_an_error_of_kind_closed(self) -> None:
        for verb in (partial(NetStream.read_exactly, n=5), NetStream.read_until, NetStream.read_message):
            runtime = ToyRuntime()
            ours, theirs = stream_pair(runtime)
            runtime.run(partial(write_all, ours, [b"\x05ab"]))
            runtime.run(fails("closed", partial(verb, theirs)))

    def test_a_read_that_ran_into_the_end_has_lost_nothing(self) -> None:
        runtime = ToyRuntime()
        ours, theirs = stream_pair(runtime)
        runtime.run(partial(write_all, ours, [b"abc"]))
        runtime.run(fails("closed", partial(theirs.read_exactly, 9)))
        assert runtime.run(theirs.read) == [b"abc"]

    def test_after_the_end_every_read_says_so_again(self) -> None:
        runtime = ToyRuntime()
        ours, theirs = stream_pair(runtime)
        runtime.run(ours.close_write)
        assert runtime.run(theirs.read) == [b""]
        assert runtime.run(theirs.read) == [b""]
        assert runtime.run(theirs.read_until) == [b""]
        assert runtime.run(theirs.read_message) == [None]
        runtime.run(fails("closed", partial(theirs.read_exactly, 1)))

    def test_a_closed_direction_cannot_be_used(self) -> None:
        runtime = ToyRuntime()
        ours, _ = stream_pair(runtime)
        runtime.run(ours.close_write)
        runtime.run(fails("closed", partial(ours.write, b"x")))
        runtime.run(ours.close_read)
        runtime.run(fails("closed", ours.read))
        assert ours.state == "closed"

    def test_closing_throws_away_what_was_read_ahead(self) -> None:
        runtime = ToyRuntime()
        ours, theirs = stream_pair(runtime)
        runtime.run(partial(ours.write, b"one\ntwo\n"))
        assert runtime.run(theirs.read_until) == [b"one\n"]
        runtime.run(theirs.close_read)
        runtime.run(fails("closed", theirs.read_until))

    def test_ending_it_again_changes_nothing(self) -> None:
        runtime = ToyRuntime()
        ours, theirs = raw_pair(runtime)
        stream = NetStream(ours, runtime)
        for _ in range(2):
            runtime.run(stream.close_write)
            runtime.run(stream.close_read)
            runtime.run(stream.close)
            runtime.run(stream.reset)
        assert ours.calls == ["end", "stop"]
        assert stream.state == "closed"
        assert theirs.calls == []

    def test_a_reset_reaches_the_readers_and_writers_of_the_other_end(self) -> None:
        runtime = ToyRuntime()
        ours, theirs = stream_pair(runtime, window=2)
        runtime.run(
            fails("reset", theirs.read), fails("reset", partial(theirs.write, b"too much")), partial(ours.reset)
        )
        assert (ours.state, theirs.state) == ("reset", "reset")
        runtime.run(fails("reset", theirs.read), fails("reset", partial(ours.write, b"x")), fails("reset", ours.read))

    def test_what_waits_here_when_this_end_goes_is_cancelled(self) -> None:
        for end in (NetStream.reset, NetStream.close_read, NetStream.close):
            runtime = ToyRuntime()
            ours, _ = stream_pair(runtime)
            runtime.run(fails("cancelled", ours.read), partial(end, ours))
        runtime = ToyRuntime()
        ours, _ = stream_pair(runtime, window=2)
        runtime.run(fails("cancelled", partial(ours.write, b"too much")), ours.reset)

    def test_closing_after_the_peer_reset_raises_nothing_and_shows_it(self) -> None:
        runtime = ToyRuntime()
        ours, theirs = stream_pair(runtime)
        runtime.run(theirs.reset)
        runtime.run(ours.close)
        assert ours.state == "reset"

    def test_a_block_closes_its_stream_and_resets_it_when_it_raises(self) -> None:
        runtime = ToyRuntime()
        ours, theirs = stream_pair(runtime)

        async def block() -> None:
            async with ours as stream:
                await stream.write(b"x")
                raise KeyError("mistake")

        with pytest.raises(KeyError):
            runtime.run(block)
        assert ours.state == "reset"
        runtime.run(fails("reset", theirs.read))

        async def fine(stream: NetStream) -> None:
            async with stream:
                await stream.write(b"x")

        ours, theirs = stream_pair(runtime)
        runtime.run(partial(fine, ours))
        assert ours.state == "closed"
        assert runtime.run(partial(read_all, theirs)) == [b"x"]


class TestDeadlines:
    def test_a_read_ends_at_the_deadline_and_no_later(self) -> None:
        runtime = ToyRuntime()
        ours, _ = stream_pair(runtime)
        ours.set_deadline(2.5)
        runtime.run(fails("deadline", ours.read))
        assert runtime.now() == 2.5
        runtime.run(fails("deadline", ours.read), fails("deadline", partial(ours.read_exactly, 3)))

    def test_a_read_that_was_given_up_loses_nothing(self) -> None:
        runtime = ToyRuntime()
        ours, theirs = stream_pair(runtime)
        ours.set_deadline(1)
        runtime.run(fails("deadline", partial(ours.read, 4)))
        runtime.run(partial(theirs.write, b"abcdef"))
        ours.set_deadline(None)
        assert runtime.run(partial(ours.read, 1)) == [b"a"]
        assert runtime.run(partial(ours.read_exactly, 5)) == [b"bcdef"]
        assert ours.bytes_in == 6

    def test_what_comes_in_time_is_read(self) -> None:
        runtime = ToyRuntime()
        ours, theirs = stream_pair(runtime)
        ours.set_deadline(2)

        async def late() -> None:
            await runtime.sleep(1.5)
            await theirs.write(b"just in time")

        assert runtime.run(ours.read, late)[0] == b"just in time"

    def test_a_write_that_is_cut_short_resets_the_stream(self) -> None:
        runtime = ToyRuntime()
        ours, theirs = stream_pair(runtime, window=4)
        ours.set_deadline(1)
        runtime.run(fails("deadline", partial(ours.write, b"more than four")))
        assert ours.state == "reset"
        runtime.run(fails("reset", theirs.read))

    def test_a_write_that_never_had_its_turn_resets_nothing(self) -> None:
        runtime = ToyRuntime()
        ours, theirs = stream_pair(runtime, window=4)

        async def second() -> None:
            ours.set_deadline(1)
            await fails("deadline", partial(ours.write, b"second"))()
            ours.set_deadline(None)
            assert await theirs.read_exactly(10) == b"first, and"

        runtime.run(partial(ours.write, b"first, and"), second)
        assert ours.state == "open"
        runtime.run(partial(ours.write, b"more"))

    @pytest.mark.parametrize("seconds", [-1, float("nan")])
    def test_a_deadline_in_the_past_is_refused(self, seconds: float) -> None:
        stream, _ = stream_pair(ToyRuntime())
        with pytest.raises(ValidationError, match="at least 0"):
            stream.set_deadline(seconds)


class TestEvents:
    def make(self, runtime: ToyRuntime, level: str = "all") -> tuple[EventLog, NetStream, NetStream, list[NetStream]]:
        log = EventLog(10_000, runtime.ticks, level)
        alice, bob = log.register("alice"), log.register("bob")
        raw, other = raw_pair(runtime)
        ended: list[NetStream] = []
        ours = NetStream(raw, runtime, log=log, me=alice, peer_index=bob, ended=ended.append)
        return log, ours, NetStream(other, runtime), ended

    def test_a_stream_records_its_life(self) -> None:
        runtime = ToyRuntime()
        log, ours, theirs, ended = self.make(runtime)
        runtime.run(partial(theirs.write, b"hello"), theirs.close_write)
        runtime.run(partial(read_all, ours))
        runtime.run(ours.close)
        assert [(event.kind, event.size, event.reason) for event in log] == [
            ("stream.opened", None, None),
            ("stream.data", 5, None),
            ("stream.closed", None, None),
        ]
        assert {(event.node, event.peer) for event in log} == {("alice", "bob")}
        assert log[0].data == {"protocol": "/test/1.0.0", "direction": "outbound", "stream": 1}
        assert ended == [ours]

    def test_the_reason_of_a_reset_is_recorded_once(self) -> None:
        runtime = ToyRuntime()
        log, ours, theirs, ended = self.make(runtime)
        runtime.run(theirs.reset)
        runtime.run(fails("reset", ours.read))
        runtime.run(ours.close, ours.reset)
        ours.torn_down("connection closed")
        assert [(event.kind, event.reason) for event in log][1:] == [("stream.reset", "reset by peer")]
        for action in (ours.read, partial(ours.write, b"x")):
            with pytest.raises(StreamError) as caught:
                runtime.run(action)
            assert caught.value.event == log[1].seq
        assert ended == [ours]

    def test_the_host_can_say_that_the_stream_is_gone(self) -> None:
        runtime = ToyRuntime()
        log, ours, _, ended = self.make(runtime)
        ours.torn_down("connection closed")
        assert ours.state == "reset"
        with pytest.raises(StreamError, match="connection closed"):
            runtime.run(ours.read)
        assert (log[1].reason, ended) == ("connection closed", [ours])

    def test_data_is_recorded_only_at_the_level_that_asks_for_it(self) -> None:
        runtime = ToyRuntime()
        log, ours, theirs, _ = self.make(runtime, "messages")
        runtime.run(partial(theirs.write, b"hello"), ours.read)
        assert [event.kind for event in log] == ["stream.opened"]


def test_it_is_the_interface_and_says_what_it_is() -> None:
    runtime = ToyRuntime()
    ours, _ = stream_pair(runtime)
    as_interface: INetStream = ours
    assert (as_interface.protocol, as_interface.direction, as_interface.peer.name) == ("/test/1.0.0", "outbound", "bob")
    assert (as_interface.opened_at, as_interface.connection.id, as_interface.id) == (0.0, 1, 1)
    assert repr(ours) == "<NetStream /test/1.0.0 outbound bob (…of-bob), open>"


OPERATIONS = ("read", "write", "close_read", "close_write", "close", "reset", "torn_down", "deadline")


@pytest.mark.dear
@settings(max_examples=300)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from(OPERATIONS)), max_size=14), st.integers(1, 8))
@example([(False, "reset"), (True, "close_read"), (True, "close_write"), (True, "reset")], 1)
def test_any_interleaving_ends_in_a_state_that_the_rules_allow(steps: list[tuple[bool, str]], window: int) -> None:
    runtime = ToyRuntime()
    ends: list[NetStream] = []
    raws = raw_pair(runtime, window=window)
    pair = [NetStream(raw, runtime, ended=ends.append) for raw in raws]
    before = ["open", "open"]
    order = {"open": 0, "read closed": 1, "write closed": 1, "closed": 2, "reset": 2}

    readers: dict[int, Task] = {}

    async def act(stream: NetStream, operation: str) -> None:
        with contextlib.suppress(StreamError):
            if operation == "read":
                await stream.read(3)
            elif operation == "write":
                await stream.write(b"hello")
            elif operation == "torn_down":
                stream.torn_down("connection closed")
            elif operation == "deadline":
                stream.set_deadline(1)
            else:
                await getattr(stream, operation)()

    for first, operation in steps:
        if operation == "read" and first in readers and not readers[first].done.is_set:
            continue  # one reader at a time
        task = runtime.start(partial(act, pair[0] if first else pair[1], operation))
        if operation == "read":
            readers[first] = task
        runtime.drain()
        assert task.error is None
        now = [stream.state for stream in pair]
        for index in range(2):
            assert order[now[index]] >= order[before[index]], f"{before[index]} became {now[index]}"
            assert now[index] == before[index] or order[before[index]] < 2, "a stream ended twice"
        before = list(now)
    for stream in pair:
        runtime.start(stream.reset)
    runtime.drain()
    assert sorted(map(id, ends)) == sorted(map(id, pair))
