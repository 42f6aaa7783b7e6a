"""The DHT over streams: framing, bounds, several requests on one stream, and what a hostile peer can send."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import permutations
from typing import Any

import pytest

from p2plab.errors import ProtocolViolation
from p2plab.identity.cid import multihash_of
from p2plab.identity.varint import decode_varint, encode_varint
from p2plab.kademlia import DhtParams, cid_of
from p2plab.kademlia.messages import (
    ADD_PROVIDER,
    FIND_NODE,
    GET_PROVIDERS,
    PING,
    DhtMessage,
    decode_message,
    encode_message,
    judged,
)
from p2plab.kademlia.shell.streams import MOMENT, stream_handler, stream_request
from p2plab.stream.errors import StreamError
from tests.unit.kademlia.harness import Network, Signal, TinyWorld

PARAMS = DhtParams(k=4, ip_limit_bucket=0, ip_limit_table=0)


class Pipe:
    """One direction of a stream."""

    def __init__(self, world: TinyWorld) -> None:
        self.world = world
        self.data = bytearray()
        self.ended = False
        self.reset = False
        self.changed = Signal(world)

    def change(self) -> None:
        before, self.changed = self.changed, Signal(self.world)
        before.set()


class ToyStream:
    """As much of a NetStream as the DHT uses."""

    def __init__(self, incoming: Pipe, outgoing: Pipe) -> None:
        self.incoming, self.outgoing = incoming, outgoing

    async def read_message(self, limit: int) -> bytes | None:
        while True:
            if self.incoming.reset:
                raise StreamError("reset", "the other end reset the stream")
            head = decode_varint(self.incoming.data)
            if head is not None and head[0] > limit:
                raise StreamError("limit", f"a message of {head[0]} bytes is over {limit}")
            if head is not None and len(self.incoming.data) >= head[0] + head[1]:
                message = bytes(self.incoming.data[head[1] : head[0] + head[1]])
                del self.incoming.data[: head[0] + head[1]]
                return message
            if self.incoming.ended:
                return None
            await self.incoming.changed.wait()

    async def write(self, data: bytes) -> None:
        self.outgoing.data += data
        self.outgoing.change()

    async def write_message(self, data: bytes) -> None:
        await self.write(encode_varint(len(data)) + data)

    async def close_write(self) -> None:
        self.outgoing.ended = True
        self.outgoing.change()

    async def close(self) -> None:
        await self.close_write()

    async def reset(self) -> None:
        self.outgoing.reset = self.incoming.reset = True
        self.outgoing.change()
        self.incoming.change()


class Wired(Network):
    """A Network whose requests go over streams."""

    def __init__(self, count: int) -> None:
        super().__init__(count, PARAMS)
        self.streams = 0
        for node, interface in zip(self.nodes, self.interfaces, strict=True):
            interface._request = stream_request(self.world, node, self._opener(node.me))

    def _opener(self, me: int) -> Callable[[int, list[str]], Awaitable[ToyStream]]:
        async def open_stream(peer: int, protocols: list[str]) -> ToyStream:
            assert protocols == [PARAMS.protocol]
            await self.world.sleep(0.01)
            return self.open(me, peer)

        return open_stream

    def open(self, me: int, peer: int) -> ToyStream:
        self.streams += 1
        there, back = Pipe(self.world), Pipe(self.world)
        if peer not in self.down:
            handle = stream_handler(self.interfaces[peer], lambda stream: me)
            self.world.spawn(lambda: handle(ToyStream(there, back)), "a DHT stream")
        return ToyStream(back, there)


@pytest.fixture
def network() -> Wired:
    return Wired(30)


def test_every_verb_works_over_streams(network: Wired) -> None:
    from p2plab.kademlia import cid_of

    network.run(network.dht[3].put, "/lab/x", b"value")
    assert network.run(network.dht[20].get, "/lab/x").value == b"value"
    network.run(network.dht[4].provide, cid_of(b"c"))
    assert [peer.name for peer in network.run(network.dht[21].find_providers, cid_of(b"c")).providers] == ["n4"]
    assert network.run(network.dht[5].find_peer, network.space.peer_id(22)).peer is not None
    assert network.world.errors == []


def test_a_peer_that_says_nothing_times_out(network: Wired) -> None:
    first = network.nodes[0].table.closest(b"x", 1)[0]
    network.down.add(first)
    lookup = network.run(network.dht[0].closest_peers, b"x")
    assert lookup.path[0].answer == "timeout"
    assert lookup.path[0].duration == pytest.approx(10.0)


def ask(network: Wired, *frames: bytes, end: bool = True) -> list[Any]:
    """What node 0 answers to these bytes of node 5: messages, None at the end, or the error that reading raised."""
    stream = network.open(5, 0)
    answers: list[Any] = []

    async def talk() -> None:
        for frame in frames:
            await stream.write(frame)
        if end:
            await stream.close_write()
        while True:
            try:
                data = await stream.read_message(1 << 20)
            except StreamError as error:
                answers.append(error.kind)
                return
            answers.append(None if data is None else decode_message(data, network.space, PARAMS))
            if data is None:
                return

    network.run(talk)
    return answers


def framed(network: Wired, message: DhtMessage) -> bytes:
    data = encode_message(message, network.space)
    return encode_varint(len(data)) + data


def test_several_requests_on_one_stream_are_answered_in_turn(network: Wired) -> None:
    ping, find = framed(network, DhtMessage(PING)), framed(network, DhtMessage(FIND_NODE, b"x"))
    answers = ask(network, ping, find, ping)
    assert [answer and answer.type for answer in answers] == [PING, FIND_NODE, PING, None]


def test_a_refused_request_ends_the_stream_without_an_answer(network: Wired) -> None:
    assert ask(network, framed(network, DhtMessage(ADD_PROVIDER, b"bad key"))) == [None]


@pytest.mark.parametrize(
    "data",
    [
        encode_varint(1 << 40),  # a length no memory has
        encode_varint(PARAMS.max_message_size + 1),
        encode_varint(5) + b"\x12\x7fabc",  # no protobuf
    ],
    ids=["huge", "over the limit", "no message"],
)
def test_bytes_that_are_no_request_reset_the_stream(network: Wired, data: bytes) -> None:
    assert ask(network, data) == ["reset"]
    refused = network.world.log.filter(kind="dht.refused", node="n0")
    assert [(event.peer, event.reason) for event in refused] == [("n5", "bad request")]
    assert network.world.errors == []


def test_a_stream_that_goes_silent_is_reset(network: Wired) -> None:
    begun = network.world.now()
    assert ask(network, encode_varint(100) + b"slow", end=False) == ["reset"]
    assert network.world.now() - begun == pytest.approx(PARAMS.idle_timeout)


@pytest.mark.parametrize("answer", ["junk", "huge", "other type", "nothing"])
def test_an_answer_that_breaks_the_protocol_is_a_failure_with_its_reason(network: Wired, answer: str) -> None:
    first = network.nodes[0].table.closest(b"x", 1)[0]
    opener = network._opener(0)

    async def open_stream(peer: int, protocols: list[str]) -> ToyStream:
        if peer != first:
            return await opener(peer, protocols)
        there, back = Pipe(network.world), Pipe(network.world)
        back.data += {
            "junk": encode_varint(5) + b"\x12\x7fabc",
            "huge": encode_varint(1 << 40),
            "other type": framed(network, DhtMessage(PING)),
            "nothing": b"",
        }[answer]
        back.ended = True
        return ToyStream(back, there)

    network.interfaces[0]._request = stream_request(network.world, network.nodes[0], open_stream)
    lookup = network.run(network.dht[0].closest_peers, b"x")
    expected = {"junk": "bad answer", "huge": "bad answer", "other type": "bad answer", "nothing": "no answer given"}
    assert lookup.path[0].answer == expected[answer]
    assert first not in network.nodes[0].table
    assert lookup.reason == "closest answered"


@pytest.mark.parametrize("server", ["closes", "resets", "echoes", "waits"])
def test_an_add_provider_has_been_sent_whatever_the_server_does_then(network: Wired, server: str) -> None:
    """go-libp2p's servers close when this end does, js-libp2p's reset, ipfs/specs' echo."""
    message = DhtMessage(ADD_PROVIDER, b"x")
    opened: list[ToyStream] = []

    async def open_stream(peer: int, protocols: list[str]) -> ToyStream:
        there, back = Pipe(network.world), Pipe(network.world)
        back.ended = server == "closes"
        back.reset = server == "resets"
        if server == "echoes":
            back.data += framed(network, message)
        opened.append(ToyStream(back, there))
        return opened[-1]

    request = stream_request(network.world, network.nodes[0], open_stream)
    before = network.world.now()
    assert network.run(request, 1, message, 3, 10.0, -1) is None
    assert bytes(opened[0].outgoing.data) == framed(network, message)
    assert opened[0].outgoing.ended
    assert network.world.now() - before == pytest.approx(MOMENT if server == "waits" else 0.0)
    assert judged(message, None) == (DhtMessage(ADD_PROVIDER, b"x"), "")


@pytest.mark.parametrize("order", list(permutations([PING, FIND_NODE, ADD_PROVIDER, GET_PROVIDERS])))
def test_an_announcement_on_a_stream_of_several_requests_shifts_no_answer(network: Wired, order: list[int]) -> None:
    key = multihash_of(cid_of(b"content"))
    requests = {
        PING: DhtMessage(PING),
        FIND_NODE: DhtMessage(FIND_NODE, b"x"),
        ADD_PROVIDER: DhtMessage(ADD_PROVIDER, key, providers=((5, ("/ip4/1.2.3.4/tcp/1",)),)),
        GET_PROVIDERS: DhtMessage(GET_PROVIDERS, key),
    }
    answers = ask(network, *(framed(network, requests[type]) for type in order))
    assert [answer and answer.type for answer in answers] == [*(type for type in order if type != ADD_PROVIDER), None]
    (found,) = [answer for answer in answers if answer and answer.type == GET_PROVIDERS]
    provided_before = order.index(ADD_PROVIDER) < order.index(GET_PROVIDERS)
    assert [peer for peer, _ in found.providers] == ([5] if provided_before else [])


def test_decoding_an_answer_is_bounded_by_the_nodes_own_parameters(network: Wired) -> None:
    with pytest.raises(ProtocolViolation):
        decode_message(bytes(200), network.space, DhtParams(max_message_size=100))
