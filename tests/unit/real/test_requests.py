"""Request-response and perf against py-libp2p's own modules of these names, each in both roles."""

from __future__ import annotations

from typing import Any

import pytest
from libp2p.custom_types import TProtocol
from libp2p.perf import PerfService
from libp2p.request_response import BytesCodec, RequestContext, RequestResponse, RequestTransportError
from multiaddr import Multiaddr

from p2plab import Lab, Node
from p2plab.errors import ValidationError
from p2plab.protocols.perf import answer_perf
from p2plab.stream import StreamError
from p2plab.typing import PeerId

UPPER = "/upper/1.0.0"


@pytest.fixture
def alice(lab: Lab) -> Node:
    return lab.start_node("alice")


@pytest.fixture
def bob(lab: Lab, alice: Node) -> Node:
    bob = lab.start_node("bob")
    bob.connect(alice)
    return bob


def library(node: Node) -> Any:
    """py-libp2p's host under a node."""
    host: Any = node._host
    return host.stack.host


def library_id(node: Node) -> Any:
    return library(node).get_id()


async def upper(request: bytes, peer: PeerId) -> bytes:
    if not request:
        raise ValueError("nothing to do")
    return request.upper()


async def upper_there(request: bytes, context: RequestContext) -> bytes:
    return request.upper()


@pytest.mark.parametrize("size", [1, 127, 128, 300_000])
def test_its_handler_answers_our_requests(lab: Lab, alice: Node, bob: Node, size: int) -> None:
    service = RequestResponse(library(bob))
    lab.world.call(service.set_handler, TProtocol(UPPER), upper_there, BytesCodec())
    assert alice.request(bob, UPPER, b"a" * size) == b"A" * size


@pytest.mark.parametrize("size", [1, 127, 128, 300_000])
def test_our_handler_answers_its_requests(lab: Lab, alice: Node, bob: Node, size: int) -> None:
    alice.handle_request(UPPER, upper)
    asked: Any = RequestResponse(library(bob)).send_request
    answer = lab.world.run(asked, library_id(alice), [TProtocol(UPPER)], b"a" * size, BytesCodec())
    assert answer == b"A" * size


def test_a_failure_of_our_handler_is_an_error_to_it(lab: Lab, alice: Node, bob: Node) -> None:
    alice.handle_request(UPPER, upper)
    service = RequestResponse(library(bob))
    with pytest.raises(RequestTransportError):
        lab.world.run(service.send_request, library_id(alice), [TProtocol(UPPER)], b"", BytesCodec())


def test_a_failure_of_its_handler_is_an_error_to_us(lab: Lab, alice: Node, bob: Node) -> None:
    async def failing(request: bytes, context: RequestContext) -> bytes:
        raise ValueError("no luck")

    service = RequestResponse(library(bob))
    lab.world.call(service.set_handler, TProtocol(UPPER), failing, BytesCodec())
    with pytest.raises(StreamError):
        alice.request(bob, UPPER, b"x")


def test_its_perf_answers_ours(lab: Lab, alice: Node, bob: Node) -> None:
    service = PerfService(library(bob))
    lab.world.run(service.start)
    found = alice.perf(bob, upload=200_000, download=300_000)
    assert (found.upload, found.download) == (200_000, 300_000)


def test_our_perf_answers_its(lab: Lab, alice: Node, bob: Node) -> None:
    alice.handle("/perf/1.0.0", answer_perf)
    service = PerfService(library(bob))

    async def measured() -> list[Any]:
        return [output async for output in service.measure_performance(Multiaddr(alice.addresses[0]), 200_000, 300_000)]

    final = lab.world.run(measured)[-1]
    assert (final["type"], final["upload_bytes"], final["download_bytes"]) == ("final", 200_000, 300_000)


def test_a_size_that_no_peer_can_be_asked_for_is_refused(alice: Node, bob: Node) -> None:
    with pytest.raises(ValidationError):
        alice.perf(bob, download=1 << 64)
