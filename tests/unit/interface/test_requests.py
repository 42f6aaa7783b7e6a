"""Request-response and perf, in both worlds."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable

import pytest

import p2plab
from p2plab import AsyncLab, Lab, Node
from p2plab.api.progress import ProgressLine
from p2plab.constants import MAX_TRANSFER, PERF_ID
from p2plab.errors import ValidationError
from p2plab.progress import bar
from p2plab.stream import NetStream, StreamError
from p2plab.typing import PeerId

UPPER = "/upper/1.0.0"


async def upper(request: bytes, peer: PeerId) -> bytes:
    return request.upper() + b" from " + str(peer.name).encode()


class TestRequests:
    def test_a_request_brings_its_response(self, alice: Node, bob: Node) -> None:
        bob.handle_request(UPPER, upper)
        assert alice.request(bob, UPPER, b"hello") == b"HELLO from alice"
        assert alice.request("bob", ["/lower/1.0.0", UPPER], "again") == b"AGAIN from alice"
        assert alice.request(bob, UPPER, b"") == b" from alice"
        (first, *_) = alice._world.events.filter(kind="request.answered", node=alice)
        assert (first.peer, first.size) == ("bob", len(b"HELLO from alice"))
        assert first.data is not None
        assert (first.data["protocol"], first.data["request"]) == (UPPER, 5)

    def test_no_stream_is_left(self, alice: Node, bob: Node, wait: Callable[[Callable[[], object]], None]) -> None:
        bob.handle_request(UPPER, upper)
        for _ in range(3):
            alice.request(bob, UPPER, b"x")
        wait(lambda: not alice.streams(protocol=UPPER) and not bob.streams(protocol=UPPER))

    def test_text_may_be_answered_and_megabytes(self, alice: Node, bob: Node) -> None:
        async def grown(request: bytes, peer: PeerId) -> str:
            return "é" * int(request)

        bob.handle_request(UPPER, grown)
        assert alice.request(bob, UPPER, "1000000") == ("é" * 1_000_000).encode()

    def test_a_handler_that_raises_fails_the_request_alone(self, lab: Lab, alice: Node, bob: Node) -> None:
        async def failing(request: bytes, peer: PeerId) -> bytes:
            if request == b"bad":
                raise RuntimeError("no luck")
            return b"good"

        bob.handle_request(UPPER, failing)
        with pytest.raises(StreamError) as caught:
            alice.request(bob, UPPER, b"bad")
        assert caught.value.kind == "reset"
        assert alice.request(bob, UPPER, b"fine") == b"good"
        (error,) = lab.events.filter(kind="error", node="bob")
        assert error.data is not None
        assert error.data["text"] == "no luck"
        assert error in lab.why(caught.value)

    def test_what_is_no_response_is_the_handlers_error(self, lab: Lab, alice: Node, bob: Node) -> None:
        async def number(request: bytes, peer: PeerId) -> bytes:
            return 7  # type: ignore[return-value]

        bob.handle_request(UPPER, number)
        with pytest.raises(StreamError):
            alice.request(bob, UPPER, b"x")
        assert "returns bytes or str" in str(lab.events.filter(kind="error", node="bob")[0].data)

    def test_a_silent_handler_is_given_up_after_the_timeout(self, alice: Node, bob: Node) -> None:
        async def slow(request: bytes, peer: PeerId) -> bytes:
            await p2plab.sleep(60)
            return b"late"

        bob.handle_request(UPPER, slow)
        with pytest.raises(TimeoutError):
            alice.request(bob, UPPER, b"x", timeout=0.3)
        assert alice.streams(protocol=UPPER) == []

    def test_a_request_over_the_limit_is_refused_with_its_reason(self, lab: Lab, alice: Node, bob: Node) -> None:
        bob.handle_request(UPPER, upper, limit=10)
        with pytest.raises(StreamError) as caught:
            alice.request(bob, UPPER, b"x" * 11)
        assert caught.value.kind == "reset"
        (refused,) = lab.events.filter(kind="request.refused", node="bob")
        assert refused.reason == "limit"
        assert refused.data is not None
        assert refused.data["limit"] == 10
        assert refused in lab.why(caught.value)

    def test_a_response_over_the_limit_is_an_error_at_the_requester(self, alice: Node, bob: Node) -> None:
        bob.handle_request(UPPER, upper)
        with pytest.raises(StreamError) as caught:
            alice.request(bob, UPPER, b"x" * 20, limit=10)
        assert caught.value.kind == "limit"

    def test_a_peer_that_does_not_answer_the_protocol_says_so(self, alice: Node, bob: Node) -> None:
        with pytest.raises(StreamError) as caught:
            alice.request(bob, UPPER, b"x")
        assert caught.value.kind == "protocol not supported"

    def test_a_stream_that_ends_without_a_response_is_an_error(self, alice: Node, bob: Node) -> None:
        async def mute(stream: NetStream) -> None:
            await stream.read()

        bob.handle(UPPER, mute)
        with pytest.raises(StreamError) as caught:
            alice.request(bob, UPPER, b"x")
        assert caught.value.kind == "closed"

    @pytest.mark.parametrize("data", [None, 5, "\ud800"])
    def test_what_is_no_request_is_refused(self, alice: Node, bob: Node, data: bytes) -> None:
        with pytest.raises(ValidationError):
            alice.request(bob, UPPER, data)

    @pytest.mark.parametrize("answer", [None, 5, str.upper, lambda request, peer: request])
    def test_what_is_no_handler_is_refused(self, bob: Node, answer: Callable[..., bytes]) -> None:
        with pytest.raises(ValidationError, match="async def answer"):
            bob.handle_request(UPPER, answer)  # type: ignore[arg-type]
        assert UPPER not in bob.protocols()

    def test_an_async_lab_has_them_too(self, backend: str) -> None:
        async def both() -> tuple[bytes, int]:
            async with AsyncLab(backend, seed=7) as lab:
                alice, bob = await lab.start_nodes(2)
                bob.handle_request(UPPER, upper)
                answer = await alice.request(bob, UPPER, b"hello")
                return answer, (await alice.perf(bob, upload=1000, download=2000)).download

        assert asyncio.run(both()) == (b"HELLO from n0", 2000)

    def test_inside_the_lab_they_are_awaited(self, lab: Lab, alice: Node, bob: Node) -> None:
        carol = lab.start_node("carol")
        carol.handle_request(UPPER, upper)

        async def ask_carol(request: bytes, peer: PeerId) -> bytes:
            inside = lab.aio["bob"]
            found = await inside.perf("carol", upload=1000, download=1000)
            return await inside.request("carol", UPPER, request) + b" %d" % found.download

        bob.handle_request("/ask/1.0.0", ask_carol)
        assert alice.request(bob, "/ask/1.0.0", b"hello") == b"HELLO from bob 1000"


class TestPerf:
    def test_it_measures_both_ways(self, lab: Lab, alice: Node, bob: Node) -> None:
        found = alice.perf(bob, upload=300_000, download=200_000)
        assert (found.upload, found.download, found.peer.name) == (300_000, 200_000, "bob")
        assert found.upload_rate > 0
        assert found.download_rate > 0
        assert "up 300,000 B" in str(found)
        (measured,) = lab.events.filter(kind="perf.measured", node="alice")
        assert (measured.peer, measured.size) == ("bob", 500_000)

    @pytest.mark.parametrize(("upload", "download"), [(0, 100_000), (100_000, 0), (0, 0)])
    def test_one_way_or_none(self, alice: Node, bob: Node, upload: int, download: int) -> None:
        found = alice.perf(bob, upload=upload, download=download)
        assert (found.upload_rate > 0, found.download_rate > 0) == (upload > 0, download > 0)

    def test_a_node_answers_it_only_once_it_was_asked_to(self, alice: Node, bob: Node) -> None:
        assert PERF_ID not in bob.protocols()
        alice.perf(bob, upload=1, download=1)
        assert PERF_ID in bob.protocols()
        assert PERF_ID not in alice.protocols()

    def test_progress_is_told_up_to_the_end(self, alice: Node, bob: Node) -> None:
        seen: list[tuple[int, int]] = []
        alice.perf(bob, upload=200_000, download=200_000, progress=lambda done, total: seen.append((done, total)))
        assert [done for done, _ in seen] == sorted({done for done, _ in seen})
        assert {total for _, total in seen} == {400_000}
        assert len(seen) >= 2
        assert seen[-1][0] <= 400_000

    def test_nothing_is_written_where_nobody_looks(
        self, alice: Node, bob: Node, capfd: pytest.CaptureFixture[str]
    ) -> None:
        alice.perf(bob, upload=200_000, download=0)
        assert capfd.readouterr() == ("", "")

    def test_a_peer_that_wants_too_much_is_refused(self, lab: Lab, alice: Node, bob: Node) -> None:
        alice.perf(bob, upload=1, download=1)
        stream = alice.open_stream(bob, PERF_ID)
        stream.write((MAX_TRANSFER + 1).to_bytes(8, "big"))
        with pytest.raises(StreamError):
            stream.read()
        (refused,) = lab.events.filter(kind="perf.refused", node="bob")
        assert refused.reason == "limit"

    @pytest.mark.parametrize("size", [-1, True, "5", 1.5, MAX_TRANSFER + 1])
    def test_what_is_no_size_is_refused(self, alice: Node, bob: Node, size: int) -> None:
        with pytest.raises(ValidationError, match="whole number of bytes"):
            alice.perf(bob, upload=size)

    def test_a_mock_lab_measures_the_bandwidth_it_was_given(self) -> None:
        with Lab(seed=7, latency=0.010) as lab:
            alice, bob = lab.start_nodes(2)
            lab.network.set_node(alice, up=1e6)
            lab.network.set_node(bob, up=5e5)
            found = alice.perf(bob, upload=1_000_000, download=1_000_000)
            assert found.upload_rate == pytest.approx(1e6, rel=0.1)
            assert found.download_rate == pytest.approx(5e5, rel=0.1)

    def test_a_mock_run_with_them_can_be_replayed(self) -> None:
        with Lab(seed=7) as lab:
            alice, bob = lab.start_nodes(2)
            bob.handle_request(UPPER, upper)
            alice.request(bob, UPPER, b"hello")
            alice.perf(bob, upload=1000, progress=lambda done, total: None)
            history, digest = lab.history(), lab.events.digest()
        assert "alice.request" in str(history) or ".request(" in str(history)
        with Lab.replay(history) as again:
            assert again.events.digest() == digest


def test_a_line_is_written_over_and_taken_away() -> None:
    stream = io.StringIO()
    with ProgressLine(True, stream) as line:
        line.write("half way")
        line.write("done")
    assert stream.getvalue() == "\rhalf way\rdone    \r    \r"
    assert bar(1, 4, 8) == "██░░░░░░"
    assert bar(9, 4, 4) == "████"


def test_a_handler_of_requests_that_is_none_is_shown_without_an_address(lab: Lab) -> None:
    alice = lab.start_node("alice")

    def plain(request: bytes, peer: PeerId) -> bytes:
        return request

    for wrong in (plain, object(), 5):
        with pytest.raises(ValidationError, match="async def answer") as refused:
            alice.handle_request("/x/1", wrong)  # type: ignore[arg-type]
        assert " at 0x" not in str(refused.value)
    with pytest.raises(ValidationError, match="<object object>"):
        alice.handle("/x/1", object())  # type: ignore[arg-type]
