"""Negotiation over raw streams: who gets what, and that no peer can hold it up or fill the memory."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2plab.errors import ProtocolViolation
from p2plab.stream import NetStream, StreamError
from p2plab.stream.negotiation.multistream import MAX_LINE, frame
from p2plab.stream.negotiation.negotiate import NEGOTIATION_TIMEOUT, accept, list_protocols, select
from tests.unit.stream.toy import ToyRaw, ToyRuntime, raw_pair

HEADER = frame("/multistream/1.0.0")


class TestAgreeing:
    @given(st.integers(1, 40), st.integers(32, 96))  # a window takes at least what both may send without waiting
    def test_both_ends_agree_and_no_byte_after_it_is_lost(self, most: int, window: int) -> None:
        runtime = ToyRuntime()
        ours, theirs = raw_pair(runtime, window=window, cut=lambda held: min(held, most))

        async def dial() -> bytes:
            stream = NetStream(await select(ours, ["/b/1", "/a/1"], runtime), runtime)
            await stream.write(b"question")
            return await stream.read_exactly(6)

        async def listen() -> tuple[str, bytes]:
            stream = NetStream(await accept(theirs, ["/a/1"], runtime), runtime)
            question = await stream.read_exactly(8)
            await stream.write(b"answer")
            return stream.protocol, question

        assert runtime.run(dial, listen) == [b"answer", ("/a/1", b"question")]

    @given(st.integers(1, 40))
    def test_a_lazy_dialler_speaks_before_it_hears(self, most: int) -> None:
        runtime = ToyRuntime()
        ours, theirs = raw_pair(runtime, cut=lambda held: min(held, most))

        async def speak() -> None:
            await (await select(ours, ["/a/1"], runtime, lazy=True)).send(b"question")

        runtime.run(speak)
        assert runtime.now() == 0

        async def listen() -> bytes:
            stream = await accept(theirs, ["/a/1"], runtime)
            await stream.send(b"answer")
            return await NetStream(stream, runtime).read_exactly(8)

        assert runtime.run(listen) == [b"question"]

    def test_a_lazy_dialler_hears_the_refusal_when_it_reads(self) -> None:
        runtime = ToyRuntime()
        ours, theirs = raw_pair(runtime)

        async def dial() -> str:
            stream = await select(ours, ["/a/1"], runtime, lazy=True)
            with pytest.raises(StreamError) as caught:
                await stream.receive(10)
            return caught.value.kind

        async def listen() -> str:
            with pytest.raises(StreamError) as caught:
                await accept(theirs, ["/b/1"], runtime)
            return caught.value.kind

        assert runtime.run(dial, listen) == ["protocol not supported", "protocol not supported"]

    def test_a_refusal_says_what_was_asked_for_and_ends_both_sides(self) -> None:
        runtime = ToyRuntime()
        ours, theirs = raw_pair(runtime)

        async def dial() -> str:
            with pytest.raises(StreamError, match="speaks none of /a/1, /a/2") as caught:
                await select(ours, ["/a/1", "/a/2"], runtime)
            return caught.value.kind

        async def listen() -> str:
            with pytest.raises(StreamError) as caught:
                await accept(theirs, ["/b/1"], runtime)
            return caught.value.kind

        assert runtime.run(dial, listen) == ["protocol not supported", "protocol not supported"]
        assert ours.calls == ["end", "stop"]

    def test_a_list_is_asked_for_and_given(self) -> None:
        runtime = ToyRuntime()
        ours, theirs = raw_pair(runtime)

        async def listen() -> str:
            with pytest.raises(StreamError) as caught:
                await accept(theirs, ["/b/1"], runtime, listing=lambda: ["/b/1", "/secret"])
            return caught.value.kind

        assert runtime.run(partial(list_protocols, ours, runtime), listen)[0] == ["/b/1", "/secret"]

    def test_a_dialler_that_has_gone_is_served_all_the_same(self) -> None:
        """connections/README.md leaves it open; optimistic negotiation needs it: the echo may find nobody."""
        runtime = ToyRuntime()

        class Gone(ToyRaw):
            async def send(self, data: bytes) -> None:
                if len(self.calls) >= 1:
                    raise StreamError("closed", "nobody reads here any more")
                self.calls.append("send")

        ours, plain = raw_pair(runtime)
        theirs = Gone(runtime, plain._in, plain._out, "inbound")

        async def speak() -> None:
            await (await select(ours, ["/a/1"], runtime, lazy=True)).send(b"fire and forget")

        runtime.run(speak)
        (stream,) = runtime.run(partial(accept, theirs, ["/a/1"], runtime))
        assert runtime.run(partial(stream.receive, 100)) == [b"fire and forget"]


class TestBadPeers:
    def test_silence_is_given_up_after_the_timeout(self) -> None:
        runtime = ToyRuntime()
        for negotiation in (
            lambda raw: select(raw, ["/a/1"], runtime),
            lambda raw: accept(raw, ["/a/1"], runtime),
            lambda raw: list_protocols(raw, runtime),
        ):
            ours, _ = raw_pair(runtime)
            began = runtime.now()
            with pytest.raises(StreamError, match="was silent") as caught:
                runtime.run(partial(negotiation, ours))
            assert caught.value.kind == "deadline"
            assert runtime.now() == began + NEGOTIATION_TIMEOUT
            assert ours.calls == ["reset"]

    @settings(max_examples=200)
    @given(
        st.lists(
            st.one_of(
                st.binary(max_size=60), st.sampled_from([HEADER, frame("na"), frame("ls"), frame("/a/1")]),
                st.binary(min_size=300, max_size=300).map(lambda data: data * 40),
            ),
            max_size=8,
        ),
        st.booleans(),
        st.sampled_from(["end", "reset", "silence"]),
    )  # fmt: skip
    def test_whatever_comes_ends_in_bounded_time_with_a_clear_error(
        self, pieces: list[bytes], dials: bool, then: str
    ) -> None:
        runtime = ToyRuntime()
        ours, theirs = raw_pair(runtime)

        async def attack() -> None:
            for piece in pieces:
                if theirs._out.broken:
                    return
                await theirs.send(piece)
            if then == "end":
                await theirs.end()
            elif then == "reset":
                await theirs.reset()

        async def defend() -> str:
            try:
                negotiated = await (select(ours, ["/a/1"], runtime) if dials else accept(ours, ["/a/1"], runtime))
            except (StreamError, ProtocolViolation) as error:
                return type(error).__name__
            return negotiated.protocol

        runtime.start(attack)
        (outcome,) = runtime.run(defend)
        assert outcome in ("StreamError", "ProtocolViolation", "/a/1")
        assert runtime.now() <= NEGOTIATION_TIMEOUT
        assert outcome == "/a/1" or ours.calls[-1:] in (["reset"], ["stop"]) or then == "reset"

    def test_an_endless_line_is_never_kept(self) -> None:
        runtime = ToyRuntime()
        ours, theirs = raw_pair(runtime)
        runtime.run(partial(theirs.send, HEADER + b"\xff\xff\x7f" + b"x" * 100_000))
        with pytest.raises(ProtocolViolation, match=str(MAX_LINE)):
            runtime.run(partial(accept, ours, ["/a/1"], runtime))
        assert ours.calls == ["reset"]
